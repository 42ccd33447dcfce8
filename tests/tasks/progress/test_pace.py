"""How far a photo is, and how long it will take yet: on a clock that the test turns."""

import pytest

from unblur.tasks.progress.countdown import Countdown
from unblur.tasks.progress.pace import STAGES, Course, Pace, usual_s, way_of
from unblur.tasks.progress.stages import WORDS

MEGAPIXELS = 1.0


def go(course, took, *, first=0.0):
    """Go through the stages that took so long; what was seen every tenth of a second."""
    now, seen = first, []
    for stage, seconds in took.items():
        course.enter(stage, now)
        end = now + seconds
        while now + 0.1 < end:
            now += 0.1
            seen.append((now, course.share(now), course.left_s(now)))
        now = end
    course.end(now)
    return now, seen


@pytest.mark.parametrize("times", [0.5, 1.0, 4.0, 10.0])
def test_the_bar_never_stands_near_its_end_however_slow_the_machine(times):
    took = {x: times * usual_s("auto", x, MEGAPIXELS) for x in STAGES["auto"]}

    end, seen = go(Course(Pace(), "auto", MEGAPIXELS), took)

    shares = [share for _, share, _ in seen]
    assert shares == sorted(shares)
    assert shares[-1] > 0.9
    for now, share, left in seen:
        assert share <= now / end + 0.25  # it does not run ahead
        assert left > 0
        if now > 0.5 * end:  # by then it has learnt how fast this machine is
            assert 0.4 * (end - now) - 1 < left < 2.5 * (end - now) + 1


def test_the_next_photo_is_expected_to_take_as_long_on_this_machine():
    pace = Pace()
    took = {x: 5 * usual_s("auto", x, MEGAPIXELS) for x in STAGES["auto"]}
    for _ in range(5):
        end, _ = go(Course(pace, "auto", MEGAPIXELS), took, first=100.0)

    again = Course(pace, "auto", MEGAPIXELS)

    assert again.left_s(0.0) == pytest.approx(end - 100.0, rel=0.05)
    assert Course(pace, "auto", 3.0).left_s(0.0) > 1.5 * again.left_s(0.0)
    untold = [Course(x, "network", MEGAPIXELS).left_s(0.0) for x in (pace, Pace())]
    assert untold[0] == untold[1]


def test_the_first_guess_grows_with_the_photo_and_hangs_on_the_way_of_restoring():
    def guess(way, megapixels):
        return Course(Pace(), way, megapixels).left_s(0.0)

    assert guess("network", 1.0) < guess("auto", 0.1) < guess("auto", 1.0) < guess("auto", 3.0)
    assert guess("auto", 12.0) < 2 * guess("auto", 3.2)  # it is worked on at a part of its size
    assert guess("known", 12.0) < 0.3 * guess("auto", 12.0)
    assert guess("auto", float("inf")) < float("inf")


def test_stages_that_are_left_out_make_it_earlier_than_was_said():
    course = Course(Pace(), "auto", MEGAPIXELS)
    course.enter("read", 0.0)
    before = course.left_s(0.1)

    course.enter("restore", 0.1)  # hardly blurred: nothing is searched
    course.enter("read", 0.2)  # too late to be true

    assert course.stage == "restore"
    assert course.left_s(0.2) < 0.3 * before
    course.end(1.0)
    assert (course.share(1.0), course.left_s(1.0)) == (1.0, 0.0)


@pytest.mark.parametrize("way", STAGES)
def test_a_photo_whose_size_nobody_could_tell_goes_through_all_stages(way):
    course = Course(Pace(), way, 0.0)
    for now, stage in enumerate(STAGES[way]):
        course.enter(stage, now)
        assert 0 <= course.share(now + 0.5) < 1
    course.end(100.0)
    assert course.share(101.0) == 1.0


def test_what_tells_its_share_is_believed():
    course = Course(Pace(), "video", MEGAPIXELS)
    course.enter("frames", 0.0)
    assert course.left_s(1.0) is None

    course.enter("frames", 10.0, 0.25)

    assert (course.share(10.0), course.left_s(10.0)) == (0.25, 30.0)
    course.enter("frames", 10.0, 0.2)
    assert course.share(10.0) == 0.25


def test_every_stage_has_words_and_every_way_stages_in_that_order():
    order = list(WORDS)
    for stages in STAGES.values():
        assert sorted(stages, key=order.index) == list(stages)
    assert way_of("auto", reference=True) == "reference"
    assert way_of("wiener") == "classic"


@pytest.mark.parametrize("times", [0.5, 1.0, 4.0, 10.0])
@pytest.mark.parametrize("megapixels", [0.3, 0.92, 3.1, 12.0])
def test_what_people_are_told_comes_late_is_about_true_and_does_not_climb(times, megapixels):
    took = {x: times * usual_s("auto", x, megapixels) for x in STAGES["auto"]}
    course, countdown = Course(Pace(), "auto", megapixels), Countdown()
    end, now, told = sum(took.values()), 0.0, []
    for stage, seconds in took.items():
        course.enter(stage, now)
        for part in range(20):
            at = now + seconds * part / 20
            left = countdown.shown(course.left_s(at) if course.sure else None, stage)
            told.append((end - at, left))
        now += seconds

    shown = [left for _, left in told if left is not None]
    assert shown == sorted(shown, reverse=True)
    assert all(left is None for true, left in told if true > 0.9 * end)
    assert all(left is not None for true, left in told if true < 0.5 * end)
    for true, left in told:
        assert left is None or 0.6 * true - 2 < left < 1.6 * true + 2


def test_a_photo_that_waits_is_expected_to_go_as_the_stages_of_the_one_before_it():
    pace = Pace()
    first, second = (Course(pace, "auto", MEGAPIXELS) for _ in range(2))
    assert not second.sure
    first.enter("read", 0.0)
    first.enter("search", 0.1)
    first.enter("weigh", 0.1 + 8 * usual_s("auto", "search", MEGAPIXELS))

    assert second.sure
    assert second.left_s(0.0) == pytest.approx(8 * second.weight, rel=0.2)


def test_getting_ready_tells_nothing_of_the_work_to_come():
    course = Course(Pace(), "auto", MEGAPIXELS, ("open", *STAGES["auto"]))
    course.enter("open", 0.0)
    course.enter("read", 20.0)  # a disk that had to spin up

    assert not course.sure
    assert course.left_s(20.0) < 2 * course.weight
