from dataclasses import replace

import numpy as np
import pytest

from unblur.imaging.deblur.blind import FoundKernel
from unblur.imaging.light import CameraCurve
from unblur.tasks.methods.blur_estimate import BlurEstimate
from unblur.tasks.methods.choosing import look
from unblur.tasks.methods.choosing.lights import Lights
from unblur.tasks.methods.choosing.look import Looked, Sight

PIXELS = np.linspace(0, 1, 40 * 50 * 3, dtype=np.float32).reshape(40, 50, 3)
KERNEL = np.full((3, 3), 1 / 9, np.float32)
CURVE = CameraCurve(0.5)
FIRST = Looked(
    BlurEstimate(kernel=KERNEL, words="first", gain_db=1.0, confidence=0.9, blur_px=7.0),
    FoundKernel(kernel=KERNEL, linear_light=True),
    lights=Lights((), (), PIXELS),
)


@pytest.fixture
def looked_twice(monkeypatch):
    """Looks at pixels with a curve, where the second look finds what is given; and what it saw."""

    def looked(again, *, light_alone=False):
        seen = []

        def find(self, pixels, shrink, *, light_alone=False):
            seen.append((pixels, shrink, light_alone))
            return FIRST if len(seen) == 1 else again

        monkeypatch.setattr(Sight, "_look", find)
        monkeypatch.setattr(look, "camera_curve", lambda *_, **__: CURVE)
        sight = Sight(None, None, None, judged=True, threads=1)
        return sight.look(PIXELS, 2, light_alone=light_alone), seen

    return looked


def second(**changes):
    """What a second look finds."""
    found = {"words": "second", "gain_db": 1.5, "confidence": 0.8, "blur_px": 9.0} | changes
    return replace(FIRST, estimate=replace(FIRST.estimate, **found))


def test_without_the_contrast_is_looked_for_kernels_of_light_alone(looked_twice):
    found, seen = looked_twice(second())

    assert found.curve is CURVE
    assert found.estimate.words == "second"
    assert found.estimate.blur_px == 7.0  # of the photo as it is stored
    (_, first_shrink, first_alone), (pixels, shrink, alone) = seen
    np.testing.assert_array_equal(pixels, CURVE.undone(PIXELS))
    assert (first_shrink, first_alone, shrink, alone) == (2, False, 2, True)


@pytest.mark.parametrize(
    "again",
    [second(gain_db=0.9), second(confidence=0.5), Looked(BlurEstimate(kernel=None, words=""))],
    ids=["less is hoped for", "others find other kernels", "nothing is found"],
)
def test_what_is_no_better_without_the_contrast_is_not_taken(looked_twice, again):
    found, seen = looked_twice(again)

    assert found is FIRST
    assert found.curve.strength == 0
    assert len(seen) == 2


def test_a_long_blur_is_not_asked_for_its_curve(looked_twice, monkeypatch):
    long = replace(FIRST, estimate=replace(FIRST.estimate, blur_px=40.0))  # shrunk: 20
    monkeypatch.setitem(globals(), "FIRST", long)

    found, seen = looked_twice(second())

    assert found is long
    assert len(seen) == 1


def test_a_part_that_moved_is_looked_at_once(looked_twice):
    found, seen = looked_twice(second(), light_alone=True)

    assert found is FIRST
    assert len(seen) == 1


class TwoNetworks:
    second = "those that trace"


def test_only_what_is_to_be_undone_is_traced_and_what_was_found_stays_for_the_judge(
    looked_twice, monkeypatch
):
    wide = np.full((5, 5), 1 / 25, np.float32)
    asked = []

    def by_pictures(part, found, **more):
        asked.append((part, found, more["networks"]))
        return replace(found, kernel=wide)

    def looked(first):
        monkeypatch.setattr(Sight, "_look", lambda *_, **__: first)
        sight = Sight(None, None, TwoNetworks(), judged=True, threads=1)
        return sight.look(PIXELS, 2, light_alone=True)

    monkeypatch.setattr(look, "by_pictures", by_pictures)
    assert looked(FIRST) is FIRST
    assert not asked
    taken = replace(FIRST, estimate=replace(FIRST.estimate, taken=True))

    found = looked(taken)

    np.testing.assert_array_equal(found.estimate.kernel, wide)
    assert found.found is FIRST.found
    assert found.estimate.taken
    assert found.estimate.gain_db == FIRST.estimate.gain_db
    ((part, kernel, networks),) = asked
    np.testing.assert_array_equal(part, PIXELS)
    assert kernel is FIRST.found
    assert networks == "those that trace"
