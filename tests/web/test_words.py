"""What the page says: one verdict, a next step, and how long it takes."""

import numpy as np
import pytest

from unblur.tasks.methods.blur_estimate import BlurEstimate
from unblur.web.jobs import Job, Part
from unblur.web.options import Wish
from unblur.web.pace import Pace
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


def test_pace_learns_from_what_was_restored():
    pace = Pace()
    first = pace.expected_s("auto", 2.0)

    for _ in range(10):
        pace.learn("auto", 1.0, 2.6)

    assert first > 0
    assert pace.expected_s("auto", 1.0) == pytest.approx(2.6, rel=0.02)
    assert pace.expected_s("auto", 2.0) == pytest.approx(4.6, rel=0.02)
    assert pace.expected_s("auto", 12.0) < 12.0  # it is worked on at a fraction of its size
    assert pace.expected_s("network", 1.0) == Pace().expected_s("network", 1.0)


def job(tmp_path, *parts, **more):
    return Job(
        id="x", folder=tmp_path, wish=Wish(), parts=[*parts], video=False, reference=None, **more
    )


def test_time_left_is_that_of_all_photos_of_a_job(tmp_path):
    done = Part(name="a", doing="done", expected_s=4.0, began_at=0.0)
    now = Part(name="b", doing="restoring", expected_s=4.0, began_at=100.0)
    later = Part(name="c", expected_s=8.0)

    share, left = job(tmp_path, done, now, later, state="running").progress(101.0)

    assert (share, left) == (5 / 16, 11.0)


def test_what_takes_longer_than_expected_is_not_said_to_be_done(tmp_path):
    part = Part(name="a", doing="restoring", expected_s=4.0, began_at=0.0)
    shares = [job(tmp_path, part, state="running").progress(at)[0] for at in (1.0, 3.9, 4.1, 60.0)]

    assert shares == sorted(shares)
    assert shares[-1] == 0.95
    assert job(tmp_path, part, state="running").progress(60.0)[1] is None


def test_a_video_takes_as_long_for_each_frame(tmp_path):
    part = Part(name="a", doing="x", stage=1, stages=2, share=0.25, began_at=0.0)

    assert job(tmp_path, part, state="running").progress(10.0) == (0.25, 30.0)
