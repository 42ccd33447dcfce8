import numpy as np
import pytest
import skimage.data
from scipy import ndimage

from reference_pairs import shake, shaken
from rounding import transform_bound
from unblur.errors import OptionError
from unblur.imaging.blur.convolution import convolve
from unblur.imaging.deblur.classical import deconvolve
from unblur.imaging.deblur.residual import deconvolve_residual, estimate_noise
from unblur.imaging.deblur.varying_blur import Place, VaryingBlur, Window, plan_windows
from unblur.imaging.register.denoise import denoise
from unblur.metrics import psnr


@pytest.fixture(scope="module")
def coffee():
    return skimage.data.coffee()[:256, 100:356].astype(np.float32) / 255


def whole(kernel, photo):
    return VaryingBlur.everywhere(kernel, photo.shape[:2])


@pytest.mark.parametrize("linear_light", [True, False])
def test_a_base_near_the_truth_comes_nearer(coffee, linear_light):
    blurred = shaken(coffee, linear_light=linear_light)
    base = np.clip(ndimage.gaussian_filter(coffee, (0.7, 0.7, 0)) + 0.02, 0, 1)

    restored = deconvolve_residual(blurred, base, whole(shake(), coffee), linear_light=linear_light)

    assert psnr(restored, coffee) > psnr(base, coffee) + 3
    assert psnr(restored, coffee) > psnr(blurred, coffee) + 8


def test_it_rings_less_than_a_plain_deconvolution():
    step = np.full((128, 128, 3), 0.2, np.float32)
    step[:, 64:] = 0.8
    blurred = shaken(step)
    base = ndimage.gaussian_filter(step, (0.6, 0.6, 0))

    restored = deconvolve_residual(blurred, base, whole(shake(), step), linear_light=True)
    plain = deconvolve(blurred, "wiener", shake())

    flat = (slice(20, -20), [*range(40, 58), *range(72, 90)])
    assert np.abs(restored - step)[flat].max() < 0.5 * np.abs(plain - step)[flat].max()


def test_a_base_that_explains_the_photo_stays(coffee):
    blurred = shaken(coffee)

    restored = deconvolve_residual(blurred, coffee, whole(shake(), coffee), linear_light=True)

    assert psnr(restored, coffee) > 42


def test_the_noise_of_the_photo_is_found(coffee):
    for noise in (1 / 255, 4 / 255):
        blurred = shaken(coffee, noise=noise)
        assert estimate_noise(blurred) == pytest.approx(noise, rel=0.5)


def test_adjoint_and_forward_agree_for_one_kernel_and_for_windows():
    rng = np.random.default_rng(1)
    shape = (90, 130)
    kernels = [shake(), shake(5.0).T.copy()]
    windows = [
        Window(place=place, kernel=kernels[index % 2])
        for index, place in enumerate(plan_windows(shape, 60))
    ]
    assert len(windows) > 2
    for blur in (VaryingBlur.everywhere(kernels[0], shape), VaryingBlur(windows, shape)):
        first = blur.extend(rng.standard_normal(shape).astype(np.float32))
        second = rng.standard_normal(shape).astype(np.float32)
        there = float((blur.forward(first) * second).sum())
        back = float((first * blur.adjoint(second)).sum())
        assert there == pytest.approx(back, rel=1e-3)


def test_windows_with_equal_kernels_blur_as_one_kernel_does(coffee):
    plane = coffee[..., 1]
    places = plan_windows(plane.shape, 100)
    blur = VaryingBlur([Window(place=place, kernel=shake()) for place in places], plane.shape)

    expected = convolve(coffee, shake())[..., 1]

    bound = 2 * transform_bound(plane)  # each side by transforms of other sizes
    np.testing.assert_allclose(blur.forward(plane), expected, rtol=0, atol=bound)


def test_windows_cover_the_photo_and_overlap():
    places = plan_windows((300, 700), 150)

    seen = np.zeros((300, 700), int)
    for place in places:
        seen[place.rows, place.columns] += 1
    assert seen.min() >= 1
    assert seen.max() >= 4
    assert plan_windows((140, 150), 150) == [Place(slice(0, 140), slice(0, 150))]


def test_sizes_that_differ_are_refused(coffee):
    with pytest.raises(OptionError, match="of one size"):
        deconvolve_residual(coffee, coffee[1:], whole(shake(), coffee), linear_light=True)


def test_denoising_brings_a_noisy_photo_nearer_and_leaves_a_clean_one(coffee):
    rng = np.random.default_rng(5)
    noisy = np.clip(coffee + rng.normal(0, 25 / 255, coffee.shape), 0, 1).astype(np.float32)

    assert psnr(denoise(noisy), coffee) > psnr(noisy, coffee) + 6
    flat = np.full((40, 40, 3), 0.3, np.float32)
    np.testing.assert_array_equal(denoise(flat), flat)
