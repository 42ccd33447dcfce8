"""What the page says: one verdict, a next step, and how long it takes."""

import time

import numpy as np
import pytest

from unblur.tasks.methods.blur_estimate import BlurEstimate
from unblur.tasks.progress.pace import STAGES, Pace, usual_s
from unblur.web.jobs import Job, Part, hear
from unblur.web.options import Wish
from unblur.web.words import (
    error_words,
    photo_verdict,
    plain_words,
    second_shot_verdict,
    video_verdict,
)


def found(**facts):
    return BlurEstimate(kernel=np.ones((1, 1), np.float32), **{"words": "", **facts})


@pytest.mark.parametrize(
    ("estimate", "unchanged", "said", "step"),
    [
        (found(taken=True, blur_px=27.0), None, "A shake was found and undone.", "strength"),
        (
            found(taken=True, words="shake of 9 px found and undone in parts of the photo"),
            None,
            "A shake was found and undone in parts of the photo.",
            "strength",
        ),
        (found(blur_px=3.0), None, "Almost sharp already: sharpened a little.", None),
        (found(blur_px=2.0), "sharp", "This photo is sharp already, and stays as it is.", None),
        (
            found(blur_px=27.0),
            "too far",
            "Hardly changed: blurred too far, or too dark, to tell how.",
            "second-shot",
        ),
        (
            found(blur_px=6.0),
            "noisy",
            "Hardly changed: too dark or too noisy to tell whether it is blurred.",
            "second-shot",
        ),
        (None, "unsure", "Hardly changed: sharp already, or too noisy to tell.", "second-shot"),
        (
            found(blur_px=9.0),
            None,
            "Sharpened; no single shake was found that can be undone safely.",
            "second-shot",
        ),
    ],
)
def test_every_photo_gets_one_verdict_and_a_next_step(estimate, unchanged, said, step):
    verdict = photo_verdict(estimate, unchanged)

    assert (verdict.said, verdict.step) == (said, step)
    assert verdict.next.endswith(".")
    assert ("second shot" in verdict.next) == (step == "second-shot")
    assert verdict.changed == (unchanged != "sharp")
    assert ("lower the strength" in verdict.next) == (step == "strength")
    assert "blurred over" not in verdict.said  # no length beside a sentence that denies it
    alone = photo_verdict(estimate, unchanged, second_shots=False)
    assert alone.said == said
    assert "second shot" not in alone.next


def test_a_second_shot_and_a_video_have_verdicts_of_their_own():
    assert second_shot_verdict(None).said == "Restored with the second shot."
    assert second_shot_verdict("it is no sharper").step == "second-shot"
    assert video_verdict(1, may_flicker=False).said == "1 frame was restored, one by one."
    assert "lower strength" in video_verdict(20, may_flicker=True).next


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("a.png: the limit is 50; raise it with --max-megapixels (x=)", "a.png: the limit is 50"),
        ("too dark; a second shot would help (--reference)", "too dark; a second shot would help"),
        ("a.mp4: is a video; `unblur video a.mp4` restores it", "a.mp4: is a video"),
        ("alpha left out: JPEG has none", "alpha left out: JPEG has none"),
    ],
)
def test_the_page_gives_no_advice_for_a_shell(text, plain):
    assert plain_words(text) == plain


def test_a_kind_of_photo_that_cannot_be_read_here_is_no_advice_to_install_something():
    text = "a.heic: HEIC needs pillow-heif; pip install 'unblur[heif]', or '.[heif]' in a clone"

    assert error_words("a.heic", text) == (
        "a.heic: photos of this kind cannot be read here. Save it as JPEG or PNG and try again."
    )


def job(tmp_path, *parts, **more):
    return Job(
        id="x", folder=tmp_path, wish=Wish(), parts=[*parts], video=False, reference=None, **more
    )


def heard(job, *events, pace=None):
    """What the worker says, heard by the desk."""
    pace = pace or Pace()
    for event in events:
        hear(job, event, pace)


@pytest.fixture
def learnt():
    """The pace of a desk that has restored photos before: nothing is told of time without."""
    pace = Pace()
    for way in ("auto", "known"):
        for stage in ("look", *STAGES[way], "show"):
            pace.learn(way, stage, 1.0, usual_s(way, stage, 1.0))
    return pace


def test_nothing_is_told_of_the_time_before_anything_was_seen(tmp_path):
    first = job(tmp_path, Part(name="a"), state="running")
    heard(first, size(0), stage(0, "look"), stage(0, "search"))

    assert first.facts()["left_s"] is None


def size(index, megapixels=1.0, *, known=False):
    return {"event": "size", "index": index, "megapixels": megapixels, "known": known}


def stage(index, name, share=None, **more):
    return {"event": "stage", "index": index, "stage": name, "share": share, **more}


def test_time_left_is_that_of_all_photos_of_a_job(tmp_path, learnt):
    alone = job(tmp_path, Part(name="a"), state="running")
    heard(alone, size(0), pace=learnt)
    three = job(tmp_path, *(Part(name=x) for x in "abc"), state="running")
    heard(three, *map(size, range(3)), pace=learnt)
    now = time.monotonic()

    _, left = alone.progress(now)
    assert three.progress(now) == (0.0, pytest.approx(3 * left))
    heard(three, {"event": "end", "index": 0})
    share, later = three.progress(now)
    assert share == pytest.approx(1 / 3)
    assert later == pytest.approx(2 * left)


def test_what_takes_longer_than_expected_is_not_said_to_be_done(tmp_path, learnt):
    running = job(tmp_path, Part(name="a"), state="running")
    heard(running, size(0), stage(0, "look"), stage(0, "search"), pace=learnt)
    now = time.monotonic()

    shares = [running.progress(now + later)[0] for later in (1.0, 10.0, 100.0, 1000.0)]

    assert shares == sorted(shares)
    assert shares[-1] < 0.6  # the stages after it are yet to come
    assert running.progress(now + 1000.0)[1] > 100


def test_a_photo_whose_blur_is_known_takes_a_part_of_the_time(tmp_path, learnt):
    first, again = (job(tmp_path, Part(name="a"), state="running") for _ in range(2))
    heard(first, size(0), pace=learnt)
    heard(again, size(0, known=True), pace=learnt)

    assert again.progress(0.0)[1] < first.progress(0.0)[1] / 5


def test_stages_are_told_as_steps_and_in_words(tmp_path):
    one = job(tmp_path, Part(name="a"), state="running")
    told = []
    for name in ("look", "read", "search", "weigh", "undo", "restore", "write", "show"):
        heard(one, stage(0, name))
        facts = one.facts()["photos"][0]
        told.append((facts["doing"], facts["stage"], facts["stages"]))

    assert told[2] == ("looking for the shake", 2, 4)
    assert [step for _, step, _ in told] == [1, 1, 2, 2, 3, 3, 4, 4]


def test_a_video_takes_as_long_for_each_frame(tmp_path):
    film = job(tmp_path, Part(name="a"), state="running")
    film.video = True
    heard(film, size(0), stage(0, "frames"), stage(0, "frames", 0.25, doing="frame 5 of 20"))
    now = time.monotonic()
    film.parts[0].course.enter("frames", now + 30.0, 0.5)

    share, left = film.progress(now + 30.0)

    assert 0.45 < share < 0.5
    assert left == pytest.approx(30.0, abs=1.0)
    assert (film.parts[0].doing, film.parts[0].stages) == ("frame 5 of 20", 2)
