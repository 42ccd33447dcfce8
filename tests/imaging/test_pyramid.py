from itertools import pairwise

import numpy as np
import pytest
import skimage.data

from unblur.errors import OptionError
from unblur.imaging.measure.patch_statistics import patch_distance
from unblur.imaging.pyramid import pyramid_sizes, resize, step_factor


def astronaut():
    return skimage.data.astronaut().astype(np.float32) / 255


def test_sizes_go_from_25_px_to_250_by_one_factor_of_about_three_quarters():
    sizes = pyramid_sizes(400, 600)
    assert (len(sizes), min(sizes[0]), max(sizes[-1])) == (8, 25, 250)
    assert sizes[-1] == (167, 250)
    factors = [max(a) / max(b) for a, b in pairwise(sizes)]
    assert np.allclose(factors, step_factor(sizes[-1], scales=8), atol=0.02)
    assert 0.72 < np.mean(factors) < 0.8


def test_a_small_photo_is_not_enlarged_and_a_narrow_one_not_shrunk_below_the_least():
    assert pyramid_sizes(60, 40, scales=3)[-1] == (60, 40)
    assert pyramid_sizes(20, 400, scales=3, max_size_px=400) == [(20, 400)] * 3
    assert pyramid_sizes(100, 100, scales=1) == [(100, 100)]


@pytest.mark.parametrize("options", [{"scales": 0}, {"scales": 25}, {"max_size_px": 20}])
def test_no_pyramid_has_such_scales(options):
    with pytest.raises(OptionError, match=r"got|below|above"):
        pyramid_sizes(100, 100, **options)


def test_a_photo_keeps_its_place_and_its_light_when_it_is_resized():
    photo = astronaut()
    small = resize(photo, 128, 128)
    assert small.shape == (128, 128, 3)
    assert np.allclose(small.mean(axis=(0, 1)), photo.mean(axis=(0, 1)), atol=2e-3)
    boxes = photo.reshape(128, 4, 128, 4, 3).mean(axis=(1, 3))
    # A half-pixel shift would cost more than 10 dB of this.
    assert 10 * np.log10(1 / np.mean((small - boxes) ** 2)) > 33
    assert resize(photo, 512, 512) is photo
    assert resize(photo, 77, 131).shape == (77, 131, 3)


def test_patches_of_a_mirrored_photo_are_the_same_and_those_of_others_are_not():
    photo = astronaut()
    other = skimage.data.coffee().astype(np.float32) / 255
    blurred = resize(resize(photo, 128, 128), 512, 512)
    assert patch_distance(photo, photo) == 0
    assert patch_distance(photo, photo[:, ::-1]) < 0.01
    assert patch_distance(photo, blurred) > 0.08
    assert patch_distance(photo, other) > 0.08
    assert patch_distance(np.zeros_like(photo), np.ones_like(photo)) > 0.15
    with pytest.raises(OptionError, match="8 px"):
        patch_distance(photo[:7], photo)
