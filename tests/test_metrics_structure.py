import re

import numpy as np
import pytest
from scipy.ndimage import correlate1d
from skimage import data

from unblur.errors import OptionError
from unblur.metrics import METRICS, cw_ssim, ms_ssim, psnr, score, ssim

SHARP = data.astronaut()[:208, 100:340]
SHIFTED = data.astronaut()[:208, 101:341]
NOISY = np.clip(
    np.round(SHARP + np.random.default_rng(0).normal(0, 25, SHARP.shape)), 0, 255
).astype(np.uint8)


def floats(codes):
    return (codes / 255).astype(np.float32)


def by_the_book(first, second):
    """MS-SSIM of two planes as the paper has it, with nothing shared and nothing merged."""
    weights = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    weights /= weights.sum()

    def mean(plane):
        for axis in (0, 1):
            plane = correlate1d(plane, weights, axis=axis)
        return plane[5:-5, 5:-5]

    product = 1.0
    for scale, exponent in enumerate((0.0448, 0.2856, 0.3001, 0.2363, 0.1333)):
        mean_a, mean_b = mean(first), mean(second)
        spread = mean(first**2) - mean_a**2 + mean(second**2) - mean_b**2
        both = mean(first * second) - mean_a * mean_b
        term = (2 * both + 7.65**2) / (spread + 7.65**2)
        if scale == 4:
            term = term * (2 * mean_a * mean_b + 2.55**2) / (mean_a**2 + mean_b**2 + 2.55**2)
        product *= term.mean() ** exponent
        first, second = (
            (x[::2, ::2] + x[1::2, ::2] + x[::2, 1::2] + x[1::2, 1::2]) / 4
            for x in (x[: len(x) // 2 * 2, : x.shape[1] // 2 * 2] for x in (first, second))
        )
    return product


# --- MS-SSIM


@pytest.mark.parametrize(
    ("restored", "expected"),
    [(SHIFTED, 0.9702062160340776), (NOISY, 0.8865976262924252),
     (SHARP[:, ::-1], 0.3212119800083664)],
    ids=["shifted", "noisy", "mirrored"],
)  # fmt: skip
def test_ms_ssim_equals_the_papers_formula(restored, expected):
    # The numbers are by_the_book's. torchmetrics 1.9 gives 0.97025, 0.88657 and 0.30382: in its
    # coarsest scale it counts a mirrored border, which the paper does not have.
    grey = [x @ np.array([0.299, 0.587, 0.114]) for x in (restored, SHARP)]

    assert by_the_book(*grey) == pytest.approx(expected, abs=1e-12)
    assert ms_ssim(floats(restored), floats(SHARP)) == pytest.approx(expected, abs=1e-9)


def test_ms_ssim_of_equal_pictures_is_one():
    assert ms_ssim(floats(SHARP), floats(SHARP)) == pytest.approx(1, abs=1e-12)


def test_ms_ssim_of_two_greys_is_the_term_of_luminance_to_its_exponent():
    first, second = (np.full((176, 180, 3), code / 255, np.float32) for code in (100, 130))

    luminance = (2 * 100 * 130 + 2.55**2) / (100**2 + 130**2 + 2.55**2)
    assert ms_ssim(first, second) == pytest.approx(luminance**0.1333, abs=1e-9)


def test_ms_ssim_of_a_negative_is_zero_and_not_a_complex_number():
    assert ms_ssim(floats(255 - SHARP), floats(SHARP)) == 0


def test_ms_ssim_of_a_picture_too_small_for_five_scales_is_refused():
    small = np.zeros((175, 400, 3), np.float32)

    with pytest.raises(OptionError, match="sides of at least 176 px, got 400x175"):
        ms_ssim(small, small)


# --- CW-SSIM


def steps():
    y, x = np.mgrid[:24, :31]
    sharp = np.stack([(x * 7 + y * 3) % 256, (x * x + y * 5) % 256, (x * y) % 256], axis=2)
    other = np.clip(sharp + ((x * 13 + y * 29) % 41 - 20)[..., None], 0, 255)
    return other, sharp


def waves():
    y, x = np.mgrid[:80, :96]
    channels = [100 * np.sin(x / 5), 90 * np.cos(y / 7), 60 * np.sin((x + y) / 9)]
    return np.round(128 + np.stack(channels, axis=2)).astype(int)


@pytest.mark.parametrize(
    ("restored", "sharp", "expected"),
    [
        (*steps(), 0.9899641986010099),
        (np.roll(waves(), 1, axis=1), waves(), 0.9304827733114256),
        (np.roll(waves(), 1, axis=0), waves(), 0.9883578418100502),
        (np.full_like(waves(), 128), waves(), 0.0176465615902097),
        (waves(), waves(), 1.0),
    ],
    ids=["other", "to the right", "down", "constant", "equal"],
)
def test_cw_ssim_equals_pyssim(restored, sharp, expected):
    # pyssim 0.7.1, PyWavelets 1.9.0, Pillow 13.0.0:
    # SSIM(Image.fromarray(sharp)).cw_ssim_value(Image.fromarray(restored)), arrays of uint8
    assert cw_ssim(floats(restored), floats(sharp)) == pytest.approx(expected, abs=1e-9)


# --- all of them


def test_the_table_has_the_numbers_of_the_functions():
    pair = floats(NOISY), floats(SHARP)

    expected = {"psnr": psnr, "ssim": ssim, "ms_ssim": ms_ssim, "cw_ssim": cw_ssim}
    assert tuple(expected) == METRICS
    assert score(*pair) == {name: function(*pair) for name, function in expected.items()}


@pytest.mark.parametrize("metric", [psnr, ssim, ms_ssim, cw_ssim])
def test_a_shift_by_one_pixel_is_seen_by_every_metric(metric):
    blank = metric(floats(SHARP), floats(SHARP))

    assert metric(floats(SHIFTED), floats(SHARP)) < 0.99 * min(blank, 1e3)


@pytest.mark.parametrize("metric", [psnr, ssim, ms_ssim, cw_ssim])
def test_a_picture_with_holes_is_refused(metric):
    holes = floats(SHARP)
    holes[3, 4, 1] = np.nan

    with pytest.raises(OptionError, match="finite numbers only"):
        metric(holes, floats(SHARP))


def test_an_unknown_metric_is_refused_with_the_known_ones():
    with pytest.raises(OptionError, match=re.escape("'lpips'; known: psnr, ssim, ms_ssim, cw_")):
        score(floats(SHARP), floats(SHARP), ("psnr", "lpips"))


@pytest.mark.parametrize("shape", [(11, 11), (42, 170), (43, 171), (75, 42), (300, 331)])
def test_ssim_in_blocks_equals_ssim_at_once(shape):
    rng = np.random.default_rng(1)
    first, second = (rng.integers(0, 256, shape).astype(float) for _ in range(2))
    weights = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    weights /= weights.sum()

    def mean(plane):
        for axis in (0, 1):
            plane = correlate1d(plane, weights, axis=axis)
        return plane[5:-5, 5:-5]

    mean_a, mean_b = mean(first), mean(second)
    spread = mean(first**2) - mean_a**2 + mean(second**2) - mean_b**2
    both = mean(first * second) - mean_a * mean_b
    map_ = (2 * mean_a * mean_b + 2.55**2) / (mean_a**2 + mean_b**2 + 2.55**2)
    map_ *= (2 * both + 7.65**2) / (spread + 7.65**2)
    pair = (floats(x)[..., None] for x in (first, second))
    assert ssim(*pair) == pytest.approx(map_.mean(), abs=1e-12)
