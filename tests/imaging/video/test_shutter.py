import numpy as np
import pytest

from film_frames import STEP_PX, passing
from unblur.imaging.video.shutter import Shutter


def share_of(exposed, *, noise=0.0):
    rng = np.random.default_rng(0)
    shutter = Shutter()
    for frame in passing(4, exposed)[0]:
        plane = frame.mean(axis=2) + rng.normal(0, noise, frame.shape[:2])
        step = np.broadcast_to(np.float32([-STEP_PX, 0]), (*plane.shape, 2))
        shutter.see(plane.astype(np.float32), step)
    return shutter.share


@pytest.mark.parametrize(
    ("exposed", "noise"), [(0.25, 0), (0.5, 0), (0.75, 0), (1, 0), (0.5, 2 / 255), (1, 2 / 255)]
)
def test_the_share_that_was_exposed_is_told_by_the_frames(exposed, noise):
    assert share_of(exposed, noise=noise) == pytest.approx(exposed, abs=0.07)


def test_sharp_frames_tell_none_or_next_to_none():
    share = share_of(0.0)

    assert share is None or share < 0.1


def test_what_hardly_moves_tells_nothing():
    shutter = Shutter()
    for frame in passing(3, 1.0, step_px=2)[0]:
        plane = frame.mean(axis=2)
        shutter.see(plane, np.broadcast_to(np.float32([-2, 0]), (*plane.shape, 2)))

    assert shutter.share is None
