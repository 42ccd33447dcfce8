import numpy as np
import pytest
from skimage.data import astronaut

from unblur import blur, random_kernels
from unblur.imaging.measure.focus import motion_weight


@pytest.fixture(scope="module")
def sharp():
    """A portrait, (384, 512, 3) in [0, 1], sharp in most places."""
    return np.ascontiguousarray(astronaut()[:384], np.float32) / np.float32(255)


def half_blurred(sharp, kernel):
    """The right half seen through a kernel."""
    pixels = sharp.copy()
    pixels[:, 256:] = blur(sharp, kernel)[:, 256:]
    return pixels


def disc(radius):
    away = np.arange(-radius, radius + 1)
    inside = (np.hypot(away[:, None], away) <= radius).astype(np.float32)
    return inside / inside.sum()


def path(length):
    kernel = np.zeros((length, length), np.float32)
    kernel[length // 2] = 1 / length
    return kernel


def test_what_is_out_of_focus_stays_and_what_moved_does_not(sharp):
    background = motion_weight(half_blurred(sharp, disc(5)))
    object_ = motion_weight(half_blurred(sharp, path(11)))

    assert background is not None
    assert object_ is not None
    assert background.shape == sharp.shape[:2]
    right = np.s_[64:-64, 320:-64]
    assert background[right].mean() < 0.25
    assert object_[right].mean() > 0.75


def test_a_photo_blurred_all_over_may_have_been_shaken(sharp):
    kernel = random_kernels(1, rng=np.random.default_rng(3), length_px=30, exposure=(0.5,))[0]

    assert motion_weight(blur(sharp, disc(5))) is None
    assert motion_weight(blur(sharp, kernel)) is None


@pytest.mark.parametrize("side", [1, 7, 9, 64])
def test_small_and_plain_pictures_tell_nothing(side):
    assert motion_weight(np.full((side, side, 3), 0.5, np.float32)) is None
