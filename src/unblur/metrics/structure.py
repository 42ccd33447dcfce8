"""Multi-scale and complex-wavelet SSIM: what two tables of the field were made with."""

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.errors import OptionError
from unblur.metrics.fidelity import WINDOW, Pixels, codes, similarity

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

_WEIGHTS: Final = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Of the scales, finest first; they sum to 1."""
LEAST_SIDE_PX: Final = WINDOW * 2 ** (len(_WEIGHTS) - 1)
_LUMA: Final = np.array([0.299, 0.587, 0.114])
_LUMA_16: Final = np.array([19595, 38470, 7471])
"""The same in 65536ths, as Pillow turns photos grey; they sum to 65536."""
_WIDTHS: Final = range(1, 31)
_K: Final = 0.01
_REACH: Final = 8.0
"""The wavelet is 0 beyond this many widths."""
_SAMPLES: Final = 4096


def ms_ssim(restored: Pixels, sharp: Pixels) -> float:
    """Multi-scale structural similarity of the brightness, in [0, 1], quantised to 8 bits.

    Five scales, each the mean over 2x2 px of the one before; windows and constants as in SSIM.
    Of the scales the terms of contrast and structure count, of the coarsest that of luminance,
    too; a negative mean counts as 0. Brightness is 0.299 R + 0.587 G + 0.114 B.

    Args:
        restored: (H, W, C) in [0, 1], or uint8, C = 1 or 3, sides of 176 px at least.
        sharp: Same shape and range.

    Raises:
        OptionError: If the shapes differ or a side is too short.

    References:
        Wang, Simoncelli and Bovik, *Multi-scale structural similarity for image quality
        assessment*, Asilomar 2003, eq. 7.
    """
    return ms_ssim_of_codes(*codes(restored, sharp))


def ms_ssim_of_codes(first: Float32 | Float64, second: Float32 | Float64) -> float:
    """:func:`ms_ssim` of what :func:`unblur.metrics.fidelity.codes` returns."""
    return ms_ssim_of_planes(grey(first), grey(second))


def grey(pixels: Float32 | Float64) -> Float64:
    """Brightness of (H, W, 3) as (H, W), not rounded; one channel stays what it is."""
    if pixels.ndim == 2 or pixels.shape[2] == 1:  # noqa: PLR2004
        return pixels.reshape(pixels.shape[:2]).astype(np.float64)
    weighted: Float64 = pixels.astype(np.float64) @ _LUMA
    return weighted


def ms_ssim_of_planes(first: Float64, second: Float64) -> float:
    """:func:`ms_ssim` of (H, W) planes in [0, 255].

    Raises:
        OptionError: If a side is too short.
    """
    height, width = first.shape
    if min(height, width) < LEAST_SIDE_PX:
        raise OptionError(
            f"MS-SSIM needs sides of at least {LEAST_SIDE_PX} px, got {width}x{height}"
        )
    result = 1.0
    for scale, weight in enumerate(_WEIGHTS):
        if scale:
            first, second = _halved(first), _halved(second)
        whole, contrast = similarity(first, second)
        last = scale == len(_WEIGHTS) - 1
        result *= max(whole if last else contrast, 0.0) ** weight
    return float(result)


def cw_ssim(restored: Pixels, sharp: Pixels) -> float:
    """What the package ``pyssim`` calls complex-wavelet SSIM, in [0, 1], quantised to 8 bits.

    To compare with the table of DeblurGAN and nothing else: it takes the rows of the grey
    photo, one after the other, for one long signal, and its wavelet (Mexican hat, widths 1 to
    30) is real, so that shifts are not forgiven as in the paper. Equal to ``pyssim`` 0.7.1.

    Args:
        restored: (H, W, C) in [0, 1], or uint8, C = 1 or 3.
        sharp: Same shape and range.

    Raises:
        OptionError: If the shapes differ.

    References:
        Sampat et al., *Complex wavelet structural similarity*, IEEE TIP 2009, eq. 4 and 7.
    """
    return cw_ssim_of_codes(*codes(restored, sharp))


def cw_ssim_of_codes(restored: Float32 | Float64, sharp: Float32 | Float64) -> float:
    """:func:`cw_ssim` of what :func:`unblur.metrics.fidelity.codes` returns."""
    first, second = _signal(restored), _signal(sharp)
    length = _good_size(first.size + len(_wavelet(_WIDTHS[-1])))
    spectra = [np.fft.rfft(x, length) for x in (first, second)]
    powers = np.zeros(first.size)
    products, magnitudes = np.zeros(first.size), np.zeros(first.size)
    for width in _WIDTHS:
        wavelet = _wavelet(width)
        kernel = np.fft.rfft(wavelet, length)
        start = (wavelet.size - 1) // 2
        a, b = (np.fft.irfft(x * kernel, length)[start : start + first.size] for x in spectra)
        product = a * b
        products += product
        magnitudes += np.abs(product)
        powers += a * a + b * b
    amplitude = (2 * magnitudes + _K) / (powers + _K)
    phase = (2 * np.abs(products) + _K) / (2 * magnitudes + _K)
    return float(np.mean(amplitude * phase))


def _halved(plane: Float64) -> Float64:
    """Mean over 2x2 px; an odd last row or column is repeated."""
    height, width = plane.shape
    even = np.pad(plane, ((0, height % 2), (0, width % 2)), mode="edge")
    rows = even[::2] + even[1::2]
    halved: Float64 = (rows[:, ::2] + rows[:, 1::2]) / 4
    return halved


def _signal(pixels: Float32 | Float64) -> Float64:
    """The grey photo in whole numbers, as Pillow rounds them, row after row."""
    if pixels.ndim == 2 or pixels.shape[2] == 1:  # noqa: PLR2004
        return pixels.reshape(-1).astype(np.float64)
    weighted = pixels.astype(np.int64) @ _LUMA_16
    rounded: Float64 = ((weighted + 32768) >> 16).reshape(-1).astype(np.float64)
    return rounded


@cache
def _wavelet(width: int) -> Float64:
    """The Mexican hat of a width, sampled as ``pywt.cwt`` does it: by steps of its integral."""
    x = np.linspace(-_REACH, _REACH, _SAMPLES)
    hat = (1 - x**2) * np.exp(-(x**2) / 2) * 2 / (np.sqrt(3) * np.pi**0.25)
    step = x[1] - x[0]
    integral = np.cumsum(hat) * step
    places = (np.arange(width * 2 * _REACH + 1) / (width * step)).astype(int)
    taps = integral[places[places < _SAMPLES]][::-1]
    # Steps of a signal smoothed by the integral are the signal smoothed by its steps.
    steps: Float64 = -np.sqrt(width) * np.diff(taps, prepend=0.0, append=0.0)
    return steps


def _good_size(least: int) -> int:
    """The least power of two times 1, 3, 5 or 9 that is large enough: fast to transform."""
    return min(odd << max(0, (-(-least // odd) - 1).bit_length()) for odd in (1, 3, 5, 9))
