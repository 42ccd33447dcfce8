import numpy as np
import pytest
import scipy.ndimage
import skimage.data

from unblur.imaging.measure.moved import moved_part

THING = (slice(400, 1000), slice(700, 1300))


def still():
    """(1100, 1500, 3) in [0, 1], sharp: a photo and its mirror images."""
    photo = skimage.data.astronaut().astype(np.float32) / 255
    return np.pad(photo, ((0, 588), (0, 988), (0, 0)), mode="symmetric")


def with_thing(blur):
    """The photo with one thing in it that is blurred."""
    pixels = still()
    pixels[THING] = blur(pixels)[THING]
    return pixels


def moved_down(pixels):
    return scipy.ndimage.uniform_filter1d(pixels, 25, axis=0)


def out_of_focus(pixels):
    return scipy.ndimage.gaussian_filter(pixels, (7, 7, 0))


def test_a_thing_that_moved_is_found():
    rows, columns = moved_part(with_thing(moved_down))

    assert THING[0].start - 200 < rows.start < rows.stop < THING[0].stop + 100
    assert THING[1].start - 200 < columns.start < columns.stop < THING[1].stop + 200
    assert rows.stop - rows.start <= 550


def test_a_thing_that_is_out_of_focus_did_not_move():
    assert moved_part(with_thing(out_of_focus)) is None


@pytest.mark.parametrize("pixels", [still(), np.zeros((1100, 1200, 3), np.float32)])
def test_nothing_moved_in_a_sharp_photo_or_a_black_one(pixels):
    assert moved_part(pixels) is None


def test_a_small_photo_does_not_tell():
    assert moved_part(moved_down(still())[:900]) is None
    assert moved_part(np.full((9, 7, 3), 0.5, np.float32)) is None
