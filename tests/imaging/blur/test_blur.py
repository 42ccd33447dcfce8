import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from scipy.signal import fftconvolve
from skimage import data

from rounding import transform_bound, unit_roundoff
from unblur.errors import OptionError
from unblur.imaging.blur.blur import blur
from unblur.imaging.blur.convolution import convolve
from unblur.imaging.blur.kernels import random_kernels
from unblur.imaging.blur.trajectories import PRESETS
from unblur.imaging.light import linear_to_srgb, srgb_to_linear
from unblur.imaging.photo.metadata import Metadata
from unblur.imaging.photo.photo import Photo, encode_photo, read_photo

POINT = np.ones((1, 1), np.float32)

# NumPy's logarithm and power are right to 4 units in the last place, 8 u, on any processor. Of
# v = b^2.4 that is, in u: 2 roundings of b, 2.4 times; 9 of the logarithm, times v |ln v| < 0.37;
# 8 of the power; 1 at the end. A code of 16 bits is 250 u.
CURVE = (2 * 2.4 + 9 * 0.37 + 8 + 1) * unit_roundoff()
STEEPEST = 12.92  # of the curve that encodes, in the dark

few_examples = settings(max_examples=15, deadline=None)
seeds = st.integers(0, 2**32 - 1)
presets = st.sampled_from(sorted(PRESETS))


@pytest.fixture(scope="module")
def photo():
    """Cut out part of a real photo with an odd and an even side, (161, 182, 3)."""
    return (data.astronaut()[60:221, 150:332] / 255).astype(np.float32)


@pytest.fixture(scope="module")
def kernel():
    """Draw a shake of about 30 px, without symmetry."""
    return random_kernels(1, rng=np.random.default_rng(0), exposure=(1.0,))[0]


def shake(seed, length_px, preset):
    return random_kernels(
        1,
        rng=np.random.default_rng(seed),
        length_px=length_px,
        exposure=(1.0,),
        samples=300,
        preset=preset,
    )[0]


def iec_decode(pixels):
    """IEC 61966-2-1, eq. 5 and 6, in float64."""
    pixels = pixels.astype(np.float64)
    return np.where(pixels <= 0.04045, pixels / 12.92, ((pixels + 0.055) / 1.055) ** 2.4)


def iec_encode(light):
    """IEC 61966-2-1, eq. 9 and 10, in float64."""
    light = light.astype(np.float64)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def shift_kernel(down, right, side=31):
    kernel = np.zeros((side, side), np.float32)
    kernel[side // 2 + down, side // 2 + right] = 1
    return kernel


# --- light


def test_decoding_follows_the_iec_formula():
    codes = (np.arange(65536) / 65535).astype(np.float32)  # hence also every code of 8 bits
    np.testing.assert_allclose(srgb_to_linear(codes), iec_decode(codes), rtol=0, atol=CURVE)
    np.testing.assert_allclose(srgb_to_linear(codes)[:2000], iec_decode(codes)[:2000], rtol=1e-5)

    # Values between the codes take the nearest code's: half a code at the steepest, 2.3, is 2e-5.
    between = np.random.default_rng(0).uniform(size=10_000).astype(np.float32)
    np.testing.assert_allclose(srgb_to_linear(between), iec_decode(between), atol=2e-5)


def test_encoding_follows_the_iec_formula():
    light = np.linspace(0, 1, 100_001, dtype=np.float32)

    np.testing.assert_allclose(linear_to_srgb(light), iec_encode(light), rtol=0, atol=CURVE)
    np.testing.assert_allclose(linear_to_srgb(light)[:400], iec_encode(light)[:400], rtol=1e-5)


def test_codes_of_16_bits_survive_the_way_to_light_and_back():
    codes = (np.arange(65536) / 65535).astype(np.float32).reshape(256, 256)

    there_and_back = linear_to_srgb(srgb_to_linear(codes))

    assert there_and_back.dtype == np.float32
    np.testing.assert_allclose(there_and_back, codes, rtol=0, atol=2 * CURVE)


@pytest.mark.parametrize("curve", [srgb_to_linear, linear_to_srgb])
def test_values_outside_the_range_are_clipped(curve):
    outside = np.array([-1000, -0.1, 1.2, 1000], np.float32)

    np.testing.assert_allclose(curve(outside), [0, 0, 1, 1], atol=1e-6)


# --- convolution


def test_convolution_equals_scipy_in_the_interior(photo, kernel):
    expected = np.stack([fftconvolve(photo[..., c], kernel, mode="same") for c in range(3)], axis=2)

    interior = slice(32, -32), slice(32, -32)
    np.testing.assert_allclose(
        convolve(photo, kernel)[interior], expected[interior], rtol=0, atol=transform_bound(photo)
    )


@pytest.mark.parametrize("shape", [(161, 182), (97, 64), (49, 43)])
def test_edges_are_mirrored(photo, kernel, shape):
    # Scipy's "mirror" is numpy's "reflect": the outermost pixel is not repeated.
    photo = photo[: shape[0], : shape[1]]
    expected = ndimage.convolve(photo.astype(np.float64), kernel[..., None], mode="mirror")

    bound = transform_bound(photo)
    np.testing.assert_allclose(convolve(photo, kernel), expected, rtol=0, atol=bound)


def test_a_kernel_may_be_as_large_as_the_photo(photo):
    flat = np.full((31, 31), 1 / 31**2, np.float32)
    tiny = photo[:31, :31]

    expected = ndimage.convolve(tiny.astype(np.float64), flat[..., None], mode="mirror")
    bound = transform_bound(tiny)
    np.testing.assert_allclose(convolve(tiny, flat), expected, rtol=0, atol=bound)


def test_a_kernel_larger_than_the_photo_is_refused_with_both_sizes(photo):
    flat = np.full((31, 31), 1 / 31**2, np.float32)

    with pytest.raises(OptionError, match="31x31 px is larger than the photo of 40x29"):
        blur(photo[:29, :40], flat)


@pytest.mark.parametrize("shape", [(700, 300), (300, 1000), (520, 770)])
def test_tiles_join_without_a_trace(kernel, shape):
    photo = (data.astronaut() / 255).astype(np.float32)
    photo = np.tile(photo, (2, 2, 1))[: shape[0], : shape[1]]
    expected = ndimage.convolve(photo[..., 0].astype(np.float64), kernel, mode="mirror")

    bound = transform_bound(photo)
    np.testing.assert_allclose(convolve(photo, kernel)[..., 0], expected, rtol=0, atol=bound)


def test_a_point_of_light_becomes_the_kernel_the_right_way_round(kernel):
    night = np.zeros((95, 91, 3), np.float32)
    night[40, 50] = 1

    blurred = blur(night, kernel)

    expected = np.zeros((95, 91))
    expected[40 - 32 : 40 + 33, 50 - 32 : 50 + 33] = kernel
    assert abs(kernel - kernel[::-1, ::-1]).max() > 0.01  # flipping it would show
    bound = STEEPEST * transform_bound(night) + CURVE
    for channel in range(3):
        np.testing.assert_allclose(blurred[..., channel], iec_encode(expected), rtol=0, atol=bound)


def test_channels_do_not_mix(kernel):
    red = np.zeros((60, 60, 3), np.float32)
    red[30, 30, 0] = 1

    blurred = blur(red, kernel)

    assert blurred[..., 0].max() > 0.1
    np.testing.assert_allclose(blurred[..., 1:], 0, atol=1e-6)


@pytest.mark.parametrize(("down", "right"), [(5, 0), (0, 7), (-3, 11), (-15, -15), (0, 0)])
def test_a_kernel_of_one_point_beside_the_centre_shifts_the_photo(photo, down, right):
    shifted = blur(photo, shift_kernel(down, right))

    expected = np.roll(photo, (down, right), axis=(0, 1))
    interior = slice(15, -15), slice(15, -15)
    # In light the transform errs by 3e-6, and in the dark the curve is steep: 4e-5, 0.01 codes.
    bound = STEEPEST * transform_bound(iec_decode(photo)) + 2 * CURVE
    np.testing.assert_allclose(shifted[interior], expected[interior], rtol=0, atol=bound)


def test_empty_borders_of_a_kernel_change_nothing(photo, kernel):
    wide = np.pad(kernel, 10)

    np.testing.assert_allclose(convolve(photo, wide), convolve(photo, kernel), atol=1e-6)


# --- blur


@few_examples
@given(
    seed=seeds,
    preset=presets,
    length_px=st.floats(1, 48),
    code=st.sampled_from([0, 1, 7, 100, 200, 255]),
    linear_light=st.booleans(),
)
def test_a_constant_photo_stays_constant(seed, preset, length_px, code, linear_light):
    grey = np.full((50, 71, 3), code / 255, np.float32)

    blurred = blur(grey, shake(seed, length_px, preset), linear_light=linear_light)

    # What is encoded is off by no larger a share than its light: the curve is bent downwards.
    np.testing.assert_allclose(blurred, grey, rtol=0, atol=transform_bound(grey) + 2 * CURVE)


SHIFTS = st.tuples(st.integers(-20, 20), st.integers(-20, 20))


@few_examples
@given(
    seed=seeds, preset=presets, length_px=st.floats(1, 60), shift=SHIFTS, linear_light=st.booleans()
)
def test_the_blur_of_a_shifted_photo_is_the_shifted_blur(
    photo, seed, preset, length_px, shift, linear_light
):
    kernel = shake(seed, length_px, preset)

    blurred = blur(photo, kernel, linear_light=linear_light)
    of_shifted = blur(np.roll(photo, shift, axis=(0, 1)), kernel, linear_light=linear_light)

    # Farther from the edges than shift and kernel reach. Errors of a transform grow in the dark,
    # where the curve of sRGB is steepest: 12.92 times.
    interior = slice(52, -52), slice(52, -52)
    shifted = np.roll(blurred, shift, axis=(0, 1))
    bound = STEEPEST * transform_bound(iec_decode(photo)) + CURVE
    np.testing.assert_allclose(of_shifted[interior], shifted[interior], rtol=0, atol=bound)


def test_a_photo_comes_out_as_one_with_all_that_was_stored_beside_its_pixels(photo, kernel):
    before = Photo(
        pixels=photo.astype(np.float64),
        alpha=np.full(photo.shape[:2], 77, np.uint16),
        bits=16,
        format="tiff",
        quality=91,
        metadata=Metadata(icc=b"profile", exif=b"exif", xmp=b"xmp"),
        notes=("first of 2 pages",),
    )

    after = blur(before, kernel)

    assert isinstance(after, Photo)
    np.testing.assert_array_equal(after.pixels, blur(photo, kernel))
    assert after.pixels.dtype == np.float32
    assert after.alpha is before.alpha
    assert after.metadata is before.metadata
    for name in ("bits", "grey", "format", "quality", "notes"):
        assert getattr(after, name) == getattr(before, name)


def test_noise_and_light_are_passed_on_for_a_photo(photo, kernel):
    options = {"linear_light": False, "noise_sigma": 0.03}

    after = blur(Photo(pixels=photo), kernel, rng=np.random.default_rng(1), **options)

    expected = blur(photo, kernel, rng=np.random.default_rng(1), **options)
    np.testing.assert_array_equal(after.pixels, expected)


def framed(photo):
    """Put the photo in a wide grey frame: no light is lost at or mirrored from an edge."""
    return np.pad(photo[:80, :80], ((70, 70), (70, 70), (0, 0)), constant_values=0.25)


def test_the_amount_of_light_is_kept(photo, kernel):
    before = framed(photo)

    after = blur(before, kernel)

    light = iec_decode(before).mean(), iec_decode(after).mean()
    assert light[1] == pytest.approx(light[0], abs=1e-5)
    # What is encoded is not kept: this photo's mean grows by 0.011.
    assert after.mean() > before.mean() + 0.005


def test_encoded_values_are_averaged_if_linear_light_is_off(photo, kernel):
    before = framed(photo)

    after = blur(before, kernel, linear_light=False)

    assert after.mean() == pytest.approx(before.mean(), abs=1e-5)
    np.testing.assert_allclose(after, np.clip(convolve(before, kernel), 0, 1), atol=1e-6)


def test_a_photo_is_neither_changed_nor_widened(photo, kernel):
    before = photo.copy()

    blurred = blur(photo, kernel, noise_sigma=0.1, rng=np.random.default_rng(0))

    np.testing.assert_array_equal(photo, before)
    assert blurred.shape == photo.shape
    assert blurred.dtype == np.float32
    assert blurred.min() >= 0
    assert blurred.max() <= 1


# --- noise


@pytest.mark.parametrize("linear_light", [True, False])
@pytest.mark.parametrize("sigma", [0.004, 0.05])
def test_noise_has_the_sigma_asked_for(sigma, linear_light):
    grey = np.full((120, 130, 3), 128 / 255, np.float32)

    noisy = blur(
        grey,
        POINT,
        linear_light=linear_light,
        noise_sigma=sigma,
        rng=np.random.default_rng(0),
    )

    noise = (noisy - grey).astype(np.float64)
    assert noise.std() == pytest.approx(sigma, rel=0.02)
    assert noise.mean() == pytest.approx(0, abs=0.02 * sigma)
    between_channels = np.corrcoef(noise.reshape(-1, 3).T)[np.triu_indices(3, 1)]
    assert abs(between_channels).max() < 0.05


def test_noise_is_added_after_the_blur(photo, kernel):
    clean = blur(photo, kernel)
    noisy = blur(photo, kernel, noise_sigma=0.02, rng=np.random.default_rng(0))

    middle = (clean > 0.2) & (clean < 0.8)  # where nothing is clipped
    assert (noisy - clean)[middle].std() == pytest.approx(0.02, rel=0.05)


def test_equal_states_give_equal_noise_and_other_states_other_noise(photo):
    one, same, other = (
        blur(photo, POINT, noise_sigma=0.05, rng=np.random.default_rng(s)) for s in (1, 1, 2)
    )

    np.testing.assert_array_equal(one, same)
    assert abs(one - other).max() > 0.05


def test_a_grey_photo_is_written_with_the_noise_asked_for():
    grey = Photo(pixels=np.full((120, 130, 3), 0.5, np.float32), bits=16, grey=True)

    noisy = blur(grey, POINT, noise_sigma=0.05, rng=np.random.default_rng(0))

    written = read_photo(encode_photo(noisy, "png"))
    assert written.pixels.std() == pytest.approx(0.05, rel=0.02)


# --- errors


@pytest.mark.parametrize("linear_light", [True, False])
@pytest.mark.parametrize("wrap", [np.asarray, lambda pixels: Photo(pixels=pixels)])
@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (np.full((3, 3), 0.1), "must be non-negative and sum to 1, got sum 0.9, least value 0.1"),
        (np.full((4, 4), 1 / 16), "must be square with an odd side, got 4x4"),
        (np.full((163, 163), 163.0**-2), "163x163 px is larger than the photo of 182x161"),
        (np.array([[-1.0, 0, 0], [0, 2, 0], [0, 0, 0]]), "got sum 1, least value -1"),
        (np.full((3, 3), np.nan), "got sum nan, least value nan"),
    ],
)
def test_a_bad_kernel_is_refused_for_arrays_and_photos_in_either_light(
    photo, bad, said, wrap, linear_light
):
    with pytest.raises(OptionError, match=re.escape(said)):
        blur(wrap(photo), bad.astype(np.float32), linear_light=linear_light)


@pytest.mark.parametrize("shape", [(20, 30), (1, 20, 30, 3)])
def test_a_photo_of_another_shape_is_refused(shape):
    with pytest.raises(OptionError, match=re.escape(f"shape (H, W, C), got {shape}")):
        blur(np.zeros(shape, np.float32), POINT)


@pytest.mark.parametrize("shape", [(4, 4), (3, 5), (5, 3), (1, 5, 5), (5,)])
def test_a_kernel_without_a_centre_is_refused(photo, shape):
    uniform = np.full(shape, 1 / np.prod(shape), np.float32)

    with pytest.raises(OptionError, match=f"odd side, got {'x'.join(map(str, shape))}$"):
        blur(photo, uniform)


def test_a_kernel_that_would_change_the_brightness_is_refused(photo, kernel):
    with pytest.raises(OptionError, match=r"sum to 1, got sum 2, .* divide it by its sum"):
        blur(photo, 2 * kernel)
    with pytest.raises(OptionError, match=r"sum to 1, got sum 0\.99,"):
        blur(photo, 0.99 * kernel)


def test_a_kernel_with_negative_values_is_refused(photo):
    sharpen = np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]], np.float32)

    with pytest.raises(OptionError, match="non-negative and sum to 1, got sum 1, least value -1"):
        blur(photo, sharpen)


@pytest.mark.parametrize(("value", "total"), [(0, "0"), (np.nan, "nan"), (np.inf, "inf")])
def test_a_kernel_without_a_sum_is_refused(photo, value, total):
    with pytest.raises(OptionError, match=f"got sum {total},"):
        blur(photo, np.full((3, 3), value, np.float32))


def test_noise_without_a_source_is_refused(photo):
    with pytest.raises(OptionError, match=r"noise_sigma=0\.1 .* needs rng"):
        blur(photo, POINT, noise_sigma=0.1)


def test_negative_noise_is_refused(photo):
    with pytest.raises(OptionError, match=r"noise_sigma=-0\.1 must not be negative"):
        blur(photo, POINT, noise_sigma=-0.1, rng=np.random.default_rng(0))
