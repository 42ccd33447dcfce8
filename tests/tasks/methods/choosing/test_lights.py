import numpy as np
import pytest
import skimage.data

from lit_photo import shaken_night
from unblur import Photo, RestoreOptions, Restorer, psnr
from unblur.imaging.deblur.blind import FoundKernel
from unblur.imaging.deblur.kernel_support import agreement
from unblur.tasks.methods.choosing import lights
from unblur.tasks.methods.choosing.lights import Lights


@pytest.fixture(scope="module")
def night():
    return shaken_night()


@pytest.fixture(scope="module")
def restorer():
    return Restorer.open(RestoreOptions(method="auto", engine="onnx"))


def test_lamps_tell_the_shake_and_are_lamps_again(night, restorer):
    seen, sharp, _, kernel = night
    said = []

    restored = restorer.restore_pixels(seen, tell=said.append)

    assert said[-1].taken
    assert agreement(said[-1].kernel, kernel) > 0.8
    assert psnr(restored, sharp) > psnr(seen, sharp) + 4
    # No trail is left, and no dark ring is around what was one.
    bright, truly = (x.max(axis=2) > 0.9 for x in (restored, sharp))
    assert bright.sum() < 2.5 * truly.sum()
    far = sharp.max(axis=2) < 0.5
    assert (restored - sharp)[far].min() > (seen - sharp)[far].min() - 0.1


def test_more_is_gained_than_where_lamps_are_as_all_else(night, restorer, monkeypatch):
    seen, sharp, _, _ = night
    restored = restorer.restore_pixels(seen)
    monkeypatch.setattr(lights, "find_trails", lambda _: [])
    other = seen.copy()
    other[0, 0, 0] += np.float32(1 / 255)  # tests look at the same picture once

    unseen = restorer.restore_pixels(other)

    assert psnr(restored, sharp) > psnr(unseen, sharp) + 1


def test_trails_say_which_kernels_are_right(night):
    seen, _, _, kernel = night
    found = Lights.of(seen)
    point = np.zeros((5, 5), np.float32)
    point[2, 2] = 1

    assert found.told
    assert found.dark.max() < seen.max()
    right, wrong = (FoundKernel(kernel=each, linear_light=True) for each in (kernel, point))
    encoded = FoundKernel(kernel=kernel, linear_light=False)
    assert found.more_db(right) == 1
    assert found.more_db(wrong) == -1
    assert found.more_db(encoded) < -50
    assert found.promised([right, wrong], [0.5, 2.0]) == [1.5, 1.0]


def test_photos_without_trails_are_searched_as_they_are():
    pixels = skimage.data.coffee()[:200, :300].astype(np.float32) / 255

    found = Lights.of(pixels)

    assert found.dark is pixels
    assert not found.told
    kernel = FoundKernel(kernel=np.full((3, 3), 1 / 9, np.float32), linear_light=False)
    assert found.more_db(kernel) == 0


def test_a_sharp_photo_of_the_night_stays(restorer):
    _, sharp, _, _ = shaken_night()
    restored = restorer.restore(Photo(pixels=sharp)).pixels

    assert psnr(restored, sharp) > 45
