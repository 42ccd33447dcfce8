import numpy as np
import pytest
import skimage.data

from unblur.engines import open_engine
from unblur.imaging.blur.blur import blur
from unblur.imaging.tiles import ArrayPicture
from unblur.metrics import psnr
from unblur.tasks.methods.network import NetworkMethod
from unblur.tasks.methods.scales import network_at, network_on, scales_for, working_scale
from unblur.tasks.methods.shrink import shrunk, shrunk_picture
from unblur.weights import find_network


@pytest.fixture(scope="module")
def network():
    path = find_network("fast")
    engine = open_engine(path, precision="fp32", threads=1)
    return NetworkMethod(engine, engine.metadata, path)


def averaged(length):
    """A photo that moved evenly, as frames of a film do when they are averaged."""
    sharp = skimage.data.astronaut()[:256, 100:420].astype(np.float32) / 255
    kernel = np.zeros((length | 1, length | 1), np.float32)
    kernel[length // 2] = 1 / (length | 1)
    return sharp, blur(sharp, kernel)


@pytest.mark.parametrize("blur_px", [None, 0.0, 5.0, 9.0, 13.0, 22.5, 300.0])
def test_shares_are_of_neighbouring_scales_and_add_up(blur_px):
    scales = scales_for(blur_px, (480, 640))

    assert sum(scales.values()) == pytest.approx(1)
    assert all(share > 0 for share in scales.values())
    assert max(scales) - min(scales) <= 1
    assert 1 <= min(scales) <= max(scales) <= 4


def test_a_longer_blur_is_never_worked_on_at_a_larger_size():
    means = [
        sum(scale * share for scale, share in scales_for(length, (480, 640)).items())
        for length in range(60)
    ]

    assert means == sorted(means)
    assert (means[0], means[-1]) == (1, 4)


def test_small_photos_stay_large_enough_to_see_something():
    assert set(scales_for(40.0, (130, 400))) == {2}
    assert set(scales_for(40.0, (64, 64))) == {1}


@pytest.mark.parametrize(
    ("blur_px", "shrink", "scale"),
    [(None, 4, 4), (1.0, 4, 4), (5.0, 4, 1), (14.0, 4, 2), (90.0, 4, 4), (5.0, 1, 1), (90.0, 1, 1)],
)
def test_a_large_photo_whose_blur_is_short_is_worked_on_at_a_larger_size(blur_px, shrink, scale):
    assert working_scale(blur_px, shrink) == scale


def test_a_long_blur_is_undone_better_at_half_the_size(network):
    sharp, blurred = averaged(21)

    at_once = psnr(network_on(network, blurred), sharp)
    halved = psnr(network_at(network, blurred, {2: 1.0}), sharp)

    assert halved > at_once + 0.3
    assert halved > psnr(blurred, sharp) + 0.5


def test_at_its_own_size_nothing_else_happens(network):
    _, blurred = averaged(5)

    np.testing.assert_allclose(
        network_at(network, blurred, {1: 1.0}), network_on(network, blurred), atol=1e-6
    )


def test_sides_that_are_no_multiple_come_out_whole(network):
    _, blurred = averaged(21)
    odd = np.ascontiguousarray(blurred[:201, :319])

    restored = network_at(network, odd, {2: 0.5, 3: 0.5})

    assert restored.shape == odd.shape
    assert 0 <= restored.min() <= restored.max() <= 1


def test_a_picture_read_in_strips_is_shrunk_like_one_at_once():
    pixels = skimage.data.coffee()[:, :599].astype(np.float32) / 255

    small, shrink = shrunk_picture(ArrayPicture(pixels), 3)

    assert shrink == 3
    np.testing.assert_array_equal(small, shrunk(pixels, 3))


def test_what_is_known_at_the_photos_own_size_is_not_computed_again(network):
    _, blurred = averaged(9)
    scales = {1: 0.5, 2: 0.5}
    plain = network_on(network, blurred)

    anew = network_at(network, blurred, scales)

    np.testing.assert_array_equal(network_at(network, blurred, scales, plain=plain), anew)
    # Another one in its place is seen to be taken.
    assert not np.array_equal(network_at(network, blurred, scales, plain=blurred), anew)
