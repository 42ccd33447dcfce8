import numpy as np
import pytest
import skimage.data

from reference_pairs import difference, shake, shaken
from unblur.errors import OptionError
from unblur.imaging.blur.blur import blur
from unblur.imaging.deblur.pair_kernel import estimate_kernel


@pytest.fixture(scope="module")
def coffee():
    return skimage.data.coffee()[:320, 100:480].astype(np.float32) / 255


@pytest.mark.parametrize("linear_light", [True, False])
def test_the_kernel_and_what_was_blurred_are_found(coffee, linear_light):
    kernel = shake()

    found = estimate_kernel(shaken(coffee, kernel, linear_light=linear_light), coffee)

    assert found.linear_light is linear_light
    assert difference(found.kernel, kernel) < 0.02
    assert found.kernel.min() >= 0
    assert found.kernel.sum() == pytest.approx(1, abs=1e-5)
    assert found.explained > 0.8
    assert not found.varies


def test_the_size_is_found_from_a_few_px_to_a_tenth_of_the_photo(coffee):
    for length in (3.0, 24.0):
        kernel = _line(length)
        found = estimate_kernel(shaken(coffee, kernel), coffee, linear_light=True)
        assert difference(found.kernel, kernel) < 0.1
        assert abs(len(found.kernel) - (2 * int(np.ceil(length / 2)) + 1)) <= 2


def test_a_shift_between_the_two_is_in_the_kernel(coffee):
    blurred = shaken(np.roll(coffee, (2, -3), axis=(0, 1)), shake())

    found = estimate_kernel(blurred, coffee, linear_light=True)

    rows, columns = np.indices(found.kernel.shape) - len(found.kernel) // 2
    centre = [float((found.kernel * place).sum()) for place in (rows, columns)]
    assert centre == pytest.approx([2, -3], abs=0.15)


def test_what_moved_is_left_out(coffee):
    moved = coffee.copy()
    moved[80:200, 100:240] = moved[200:320, 200:340]

    found = estimate_kernel(shaken(coffee, shake()), moved, linear_light=True)

    assert difference(found.kernel, shake()) < 0.1


def test_pixels_without_trust_do_not_count(coffee):
    weight = np.ones(coffee.shape[:2], np.float32)
    reference = coffee.copy()
    reference[:, 180:] = 0
    weight[:, 160:] = 0

    found = estimate_kernel(shaken(coffee, shake()), reference, weight, linear_light=True)

    assert difference(found.kernel, shake()) < 0.05


def test_a_blur_that_varies_gets_kernels_of_its_own(coffee):
    large = np.kron(coffee[:256, :256], np.ones((2, 2, 1), np.float32))
    rng = np.random.default_rng(3)
    large = np.clip(large + 0.1 * rng.standard_normal(large.shape), 0, 1).astype(np.float32)
    ramp = np.clip((np.arange(512) - 156) / 200, 0, 1).astype(np.float32)[:, None]
    across, down = (blur(large, kernel) for kernel in (_line(13), _line(13).T.copy()))
    blurred = across + ramp * (down - across)

    found = estimate_kernel(blurred, large)

    assert found.varies
    left, right = found.blur.windows[0].kernel, found.blur.windows[-1].kernel
    assert left.sum(axis=0).max() < 0.4 < left.sum(axis=1).max()
    assert right.sum(axis=1).max() < 0.4 < right.sum(axis=0).max()


def test_arguments_that_do_not_go_together_are_refused(coffee):
    with pytest.raises(OptionError, match="of one shape"):
        estimate_kernel(coffee, coffee[:-1])
    with pytest.raises(OptionError, match="32 px a side, got 30x40"):
        estimate_kernel(coffee[:40, :30], coffee[:40, :30])
    with pytest.raises(OptionError, match="trusted nowhere"):
        estimate_kernel(coffee, coffee, np.zeros(coffee.shape[:2], np.float32))
    with pytest.raises(OptionError, match="the weight must be"):
        estimate_kernel(coffee, coffee, np.ones((3, 3), np.float32))


def test_flat_photos_have_the_kernel_that_blurs_nothing():
    flat = np.full((64, 64, 3), 0.5, np.float32)

    found = estimate_kernel(flat, flat)

    assert found.kernel.max() == 1


def _line(length):
    from unblur.imaging.blur.kernels import trajectory_kernels

    path = np.stack([np.linspace(-length / 2, length / 2, 900), np.zeros(900)], axis=1)
    return trajectory_kernels(path[None], canvas_px=2 * int(np.ceil(length / 2)) + 1)[0]
