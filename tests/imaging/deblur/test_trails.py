import numpy as np
import pytest
import skimage.data

from lit_photo import LAMPS, dark_scene, seen_by_a_sensor, shaken_night
from unblur import psnr, random_kernels
from unblur.imaging.blur.convolution import convolve
from unblur.imaging.deblur.kernel_support import agreement
from unblur.imaging.deblur.trails import (
    count_alike,
    drawn_by,
    find_trails,
    lit,
    trail_kernels,
    without,
)


@pytest.fixture(scope="module")
def night():
    return shaken_night()


def middle(place):
    return [(part.start + part.stop) / 2 for part in place]


def test_a_trail_is_found_where_each_lamp_was(night):
    seen, _, _, kernel = night

    trails = find_trails(seen)

    assert len(trails) == len(LAMPS)
    for down, right, _ in LAMPS:
        distances = [np.hypot(*np.subtract(middle(t.place), (down, right))) for t in trails]
        assert min(distances) < len(kernel) / 2


def test_trails_tell_the_path(night):
    seen, _, _, kernel = night

    told = trail_kernels(find_trails(seen))

    assert 1 <= len(told) <= 2
    # A trail is the path as wide as the lamp, cut off where it outshone the sensor.
    assert max(agreement(each, kernel) for each in told) > 0.65
    for each in told:
        assert each.shape[0] == each.shape[1]
        assert each.shape[0] % 2 == 1
        assert each.min() >= 0
        assert each.sum() == pytest.approx(1, abs=1e-5)


def test_the_true_kernel_drew_all_of_them_and_another_one_none(night):
    seen, _, _, kernel = night
    trails = find_trails(seen)
    other = random_kernels(1, rng=np.random.default_rng(9), length_px=40, exposure=(1.0,))[0]
    assert agreement(other, kernel) < 0.6

    assert count_alike(trails, kernel, 99) == len(LAMPS)
    assert count_alike(trails, kernel, 2) == 2
    assert count_alike(trails, other, 99) == 0
    assert trail_kernels(trails[:1]) == []  # one trail alone may be anything


def test_without_them_the_ground_is_there(night):
    seen, _, ground, _ = night
    trails = find_trails(seen)
    lights = np.zeros(seen.shape[:2], bool)
    for trail in trails:
        lights[trail.place] |= trail.mask

    dark = without(seen, trails)

    np.testing.assert_array_equal(dark[~lights], seen[~lights])
    assert np.abs(seen - ground)[lights].mean() > 0.2
    assert np.abs(dark - ground)[lights].mean() < 0.03
    assert without(seen, []) is seen


def test_lamps_are_small_and_where_they_were(night):
    seen, sharp, _, kernel = night
    trails = find_trails(seen)
    light, _ = dark_scene()

    lamps = drawn_by(trails, kernel, seen.shape)

    assert len(lamps) == len(LAMPS)
    shining = lit(without(seen, trails), lamps)
    bright = shining.max(axis=2) > 0.9
    truly = light.max(axis=2) > 0.8
    # A pixel or so wider than it was: where a lamp outshone the sensor, no one knows by how much.
    assert bright.sum() < 2.5 * truly.sum()
    assert (bright & truly).sum() > 0.8 * truly.sum()
    assert shining.max() <= 1
    assert lit(seen, []) is seen
    # The rest is as blurred as it was, so what is gained are the lamps alone.
    assert psnr(shining, sharp) > psnr(seen, sharp) + 3


def test_a_lamp_at_the_border_is_cut_there(night):
    _, _, _, kernel = night
    light, _ = dark_scene(lamps=((24, 24, 10.0), (100, 200, 10.0)))
    seen = seen_by_a_sensor(np.maximum(convolve(light, kernel), 0))
    trails = find_trails(seen)

    for lamp in drawn_by(trails, kernel, seen.shape):
        rows, columns = lamp.place
        assert 0 <= rows.start < rows.stop <= 300
        assert 0 <= columns.start < columns.stop <= 400
        assert lamp.light.shape == (rows.stop - rows.start, columns.stop - columns.start, 3)


@pytest.mark.parametrize("name", ["coffee", "chelsea", "astronaut"])
def test_photos_of_the_day_tell_of_no_path(name):
    pixels = getattr(skimage.data, name)().astype(np.float32) / 255

    assert trail_kernels(find_trails(pixels)) == []


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_nothing_stands_out_of_one_colour(value):
    assert find_trails(np.full((80, 90, 3), value, np.float32)) == []
