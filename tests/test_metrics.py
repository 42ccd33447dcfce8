import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import data
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from unblur.errors import OptionError
from unblur.metrics import psnr, score, ssim

SHARP = data.astronaut()[50:150, 100:250]
SHIFTED = data.astronaut()[50:150, 101:251]


def floats(codes):
    return (codes / 255).astype(np.float32)


def noisy(codes, sigma):
    noise = np.random.default_rng(0).normal(0, sigma, codes.shape)
    return np.clip(np.round(codes + noise), 0, 255).astype(np.uint8)


def skimage_ssim(first, second):
    return structural_similarity(
        first,
        second,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=255,
        channel_axis=2,
    )


# --- PSNR


@settings(max_examples=15, deadline=None)
@given(codes=st.lists(st.integers(0, 255), min_size=2, max_size=2, unique=True))
def test_psnr_of_two_greys_is_20_log10_of_255_over_their_difference(codes):
    first, second = (np.full((4, 5, 3), code / 255, np.float32) for code in codes)

    assert psnr(first, second) == pytest.approx(20 * np.log10(255 / abs(codes[0] - codes[1])))


def test_psnr_of_black_and_white_is_zero():
    assert psnr(np.zeros((3, 3, 3), np.float32), np.ones((3, 3, 3), np.float32)) == 0


def test_psnr_averages_the_error_over_pixels_and_channels_before_the_logarithm():
    sharp = np.zeros((10, 10, 3), np.float32)
    restored = sharp.copy()
    restored[2, 3, 1] = 30 / 255  # MSE = 30^2 / 300 = 3

    assert psnr(restored, sharp) == pytest.approx(10 * np.log10(255**2 / 3))


def test_psnr_equals_scikit_images():
    restored = noisy(SHARP, 12)

    expected = peak_signal_noise_ratio(SHARP, restored, data_range=255)
    assert psnr(floats(restored), floats(SHARP)) == pytest.approx(expected, rel=1e-12)


def test_psnr_of_equal_pictures_is_infinite():
    assert psnr(floats(SHARP), floats(SHARP)) == float("inf")


@pytest.mark.parametrize("score", [psnr, ssim])
def test_pictures_are_compared_as_they_would_be_saved_in_8_bits(score):
    sharp = floats(SHARP)
    within_half_a_code = sharp + np.float32(0.45 / 255)
    beyond_half_a_code = sharp + np.float32(0.55 / 255)

    assert score(within_half_a_code, sharp) == score(sharp, sharp)
    assert score(beyond_half_a_code, sharp) == score(sharp + np.float32(1 / 255), sharp)


@pytest.mark.parametrize("score", [psnr, ssim])
def test_values_outside_the_range_count_as_black_and_white(score):
    sharp = floats(SHARP)
    overshooting = (sharp - np.float32(0.5)) * 3 + np.float32(0.5)

    assert overshooting.min() < 0
    assert overshooting.max() > 1
    assert score(overshooting, sharp) == score(np.clip(overshooting, 0, 1), sharp)


# --- SSIM


def test_ssim_equals_scikit_images_number():
    # from skimage import data
    # from skimage.metrics import structural_similarity
    # photo = data.astronaut()
    # structural_similarity(photo[50:150, 101:251], photo[50:150, 100:250], channel_axis=2,
    #     gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255)
    # scikit-image 0.26.0; with its defaults, a 7x7 box and sample covariance: 0.8310
    expected = 0.8136118934597589

    assert ssim(floats(SHIFTED), floats(SHARP)) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    "restored",
    [SHIFTED, noisy(SHARP, 25), SHARP[::-1], 255 - SHARP, SHARP[..., ::-1]],
    ids=["shifted", "noisy", "upside down", "negative", "blue for red"],
)
def test_ssim_equals_scikit_images(restored):
    expected = skimage_ssim(restored, SHARP)

    assert ssim(floats(restored), floats(SHARP)) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("shape", [(11, 11), (11, 40), (12, 13)])
def test_ssim_equals_scikit_images_where_the_window_hardly_fits(shape):
    sharp, restored = (x[: shape[0], : shape[1]] for x in (SHARP, noisy(SHARP, 25)))

    expected = skimage_ssim(restored, sharp)
    assert ssim(floats(restored), floats(sharp)) == pytest.approx(expected, abs=1e-9)


def test_ssim_of_equal_pictures_is_one():
    assert ssim(floats(SHARP), floats(SHARP)) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize(("first", "second"), [(0, 255), (100, 130), (3, 5)])
def test_ssim_of_two_greys_is_the_term_of_luminance_alone(first, second):
    # Eq. 13 without variance: (2ab + c1) / (a^2 + b^2 + c1), c1 = (0.01 * 255)^2.
    pictures = (np.full((15, 20, 3), code / 255, np.float32) for code in (first, second))

    c1 = 2.55**2
    expected = (2 * first * second + c1) / (first**2 + second**2 + c1)
    assert ssim(*pictures) == pytest.approx(expected, rel=1e-6)


def test_ssim_does_not_depend_on_which_picture_comes_first():
    first, second = floats(noisy(SHARP, 25)), floats(SHARP)

    assert ssim(first, second) == pytest.approx(ssim(second, first), abs=1e-12)


def test_ssim_is_the_mean_over_channels():
    restored, sharp = floats(noisy(SHARP, 25)), floats(SHARP)

    single = [ssim(restored[..., c : c + 1], sharp[..., c : c + 1]) for c in range(3)]
    assert ssim(restored, sharp) == pytest.approx(np.mean(single), abs=1e-12)


# --- errors


@pytest.mark.parametrize("score", [psnr, ssim])
@pytest.mark.parametrize("shape", [(20, 21, 3), (21, 20, 3), (20, 20, 1), (20, 20)])
def test_pictures_of_different_shape_are_refused_with_both_shapes(score, shape):
    restored, sharp = np.zeros(shape, np.float32), np.zeros((20, 20, 3), np.float32)

    with pytest.raises(OptionError, match=re.escape(f"in shape: {shape} and (20, 20, 3)")):
        score(restored, sharp)


@pytest.mark.parametrize(("height", "width"), [(10, 40), (40, 10), (1, 1)])
def test_ssim_of_a_picture_smaller_than_the_window_is_refused(height, width):
    small = np.zeros((height, width, 3), np.float32)

    with pytest.raises(OptionError, match=f"sides of at least 11 px, got {width}x{height}"):
        ssim(small, small)


# --- Types and ranges


def test_bytes_are_scored_as_the_floats_that_they_stand_for():
    restored = noisy(SHARP, 9)

    for metric in (psnr, ssim):
        wanted = metric(floats(restored), floats(SHARP))
        assert metric(restored, SHARP) == wanted
        assert metric(floats(restored), SHARP) == wanted
        assert metric(restored.astype(np.uint16) * 257, floats(SHARP)) == pytest.approx(wanted)
    assert score(restored, SHARP, ["psnr", "cw_ssim"]) == score(
        floats(restored), floats(SHARP), ["psnr", "cw_ssim"]
    )


@pytest.mark.parametrize("data_range", [1.0, 4095, 255])
def test_with_a_data_range_nothing_is_rounded_or_clipped_as_in_scikit_image(data_range):
    rng = np.random.default_rng(1)
    sharp = SHARP / 255 * data_range
    restored = sharp + rng.normal(0, 0.03 * data_range, sharp.shape)  # over both ends, too

    assert psnr(restored, sharp, data_range=data_range) == pytest.approx(
        peak_signal_noise_ratio(sharp, restored, data_range=data_range), abs=1e-9
    )
    assert ssim(restored, sharp, data_range=data_range) == pytest.approx(
        structural_similarity(
            restored,
            sharp,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            data_range=data_range,
            channel_axis=2,
        ),
        abs=1e-9,
    )
    assert psnr(SHARP, SHIFTED, data_range=255) == pytest.approx(psnr(SHARP, SHIFTED))


def test_types_without_a_range_and_ranges_that_are_none_are_told():
    whole = np.zeros((16, 16, 3), np.int64)
    with pytest.raises(OptionError, match="got int64; with data_range"):
        psnr(whole, whole)
    assert psnr(whole, whole + 1, data_range=255) == pytest.approx(20 * np.log10(255))
    for data_range in (0, -1, float("nan"), float("inf")):
        with pytest.raises(OptionError, match="data_range must be positive"):
            ssim(SHARP, SHARP, data_range=data_range)
