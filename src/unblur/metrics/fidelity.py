"""PSNR and SSIM of a restored photo against the sharp one, as the field defines them."""

import math
from functools import cache
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from unblur.errors import OptionError

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Pixels: TypeAlias = NDArray[np.floating[Any]] | NDArray[np.unsignedinteger[Any]]

WINDOW: Final = 11
_SIGMA: Final = 1.5
_C1: Final = (0.01 * 255) ** 2
_C2: Final = (0.03 * 255) ** 2
_BLOCK_PX: Final = 32
"""Rows, and columns, that one product of matrices smooths: their moments stay in cache."""
_CHUNK_PX: Final = 160
"""Columns that the rows' product takes at a time. OpenBLAS sets several threads to work on more
than 2^18 multiplications, and threads of ours would wait for those instead of for each other."""


def psnr(restored: Pixels, sharp: Pixels, *, data_range: float | None = None) -> float:
    """Peak signal-to-noise ratio in dB over all pixels and channels, quantised to 8 bits.

    Args:
        restored: (H, W, C): floats in [0, 1], rounded to 8 bits as they would be saved; uint8; or
            uint16, which is not rounded.
        sharp: Same shape; floats or integers, too.
        data_range: What lies between black and white in both pictures, of whatever type: nothing
            is rounded or clipped then, as in scikit-image.

    Returns:
        10 log10(255^2 / MSE); infinity for equal pictures.

    Raises:
        OptionError: If the shapes differ, or a type has no range of its own.

    Examples:
        >>> import numpy as np
        >>> from unblur import psnr
        >>> grey = np.full((16, 16, 3), 100 / 255, np.float32)
        >>> round(psnr(grey + 1 / 255, grey), 2)
        48.13
        >>> psnr(grey, grey)
        inf
        >>> codes = np.full((16, 16, 3), 100, np.uint8)
        >>> round(psnr(codes + np.uint8(1), codes), 2), round(psnr(grey + 0.1, grey, data_range=1))
        (48.13, 20)
    """
    return psnr_of_codes(*codes(restored, sharp, data_range=data_range))


def ssim(restored: Pixels, sharp: Pixels, *, data_range: float | None = None) -> float:
    """Structural similarity, in [-1, 1], quantised to 8 bits.

    Gaussian window 11x11, sigma 1.5, K = 0.01 and 0.03, data range 255, per channel and then
    the mean, over the region where the window fits.

    Args:
        restored: (H, W, C), H and W at least 11; as for :func:`psnr`.
        sharp: Same shape; as there.
        data_range: As there.

    Raises:
        OptionError: If the shapes differ, a side is shorter than the window, or a type has no
            range of its own.

    References:
        Wang et al., *Image quality assessment: from error visibility to structural
        similarity*, IEEE TIP 2004, eq. 13.

    Examples:
        >>> import numpy as np
        >>> from unblur import ssim
        >>> photo = np.random.default_rng(1).random((16, 16, 3), np.float32)
        >>> ssim(photo, photo)
        1.0
        >>> ssim(1 - photo, photo) < 0
        True
        >>> ssim(np.rint(photo * 255).astype(np.uint8), photo)
        1.0
    """
    return ssim_of_codes(*codes(restored, sharp, data_range=data_range))


def codes(
    restored: Pixels, sharp: Pixels, *, data_range: float | None = None
) -> tuple[Float32 | Float64, Float32 | Float64]:
    """Both pictures rounded to 8 bits, exactly as a file of them would be.

    Args:
        restored: (H, W, C): floats in [0, 1], of which values outside count as black and white;
            uint8; or uint16, which is not rounded.
        sharp: Same shape.
        data_range: See :func:`psnr`.

    Returns:
        Numbers from 0 to 255, as floats; whole ones but for uint16 and with a ``data_range``.

    Raises:
        OptionError: If the shapes differ, a value is not a finite number, or a type has no range
            of its own.
    """
    if restored.shape != sharp.shape:
        raise OptionError(f"pictures differ in shape: {restored.shape} and {sharp.shape}")
    if data_range is not None and not 0 < data_range < math.inf:
        raise OptionError(f"data_range must be positive, got {data_range}")
    return _coded(restored, data_range), _coded(sharp, data_range)


def _coded(pixels: Pixels, data_range: float | None) -> Float32 | Float64:
    kind = pixels.dtype
    if kind == np.uint8 and data_range is None:
        return pixels.astype(np.float32)
    if kind == np.uint16 and data_range is None:
        data_range = 65535
    if data_range is None and kind.kind != "f":
        raise OptionError(
            f"pictures must be floats in [0, 1], uint8 or uint16, got {kind}; with data_range any "
            "type will do"
        )
    if not np.isfinite(pixels.sum()):
        raise OptionError("pictures must hold finite numbers only, got NaN or infinity")
    if data_range is not None:
        scaled: Float64 = pixels.astype(np.float64) * (255 / data_range)
        return scaled
    return _rounded(pixels)


def _rounded(pixels: Pixels) -> Float32:
    whole = pixels * pixels.dtype.type(255)
    np.rint(whole, out=whole)
    return np.clip(whole, 0, 255, out=whole).astype(np.float32, copy=False)


def psnr_of_codes(first: Float32 | Float64, second: Float32 | Float64) -> float:
    """:func:`psnr` of what :func:`codes` returns, or of any two pictures of a range of 255."""
    error = float(np.square(first - second).mean(dtype=np.float64))
    return math.inf if error == 0 else 10 * math.log10(255**2 / error)


def ssim_of_codes(first: Float32 | Float64, second: Float32 | Float64) -> float:
    """:func:`ssim` of what :func:`codes` returns.

    Raises:
        OptionError: If a side is shorter than the window.
    """
    planes = [np.atleast_3d(x).transpose(2, 0, 1) for x in (first, second)]
    return float(np.mean([similarity(a, b)[0] for a, b in zip(*planes, strict=True)]))


def similarity(first: Float32 | Float64, second: Float32 | Float64) -> tuple[float, float]:
    """Mean SSIM of two planes, and mean of its term of contrast and structure alone.

    Args:
        first: (H, W) in [0, 255].
        second: Same shape and range.

    Raises:
        OptionError: If a side is shorter than the window.
    """
    height, width = first.shape
    if min(height, width) < WINDOW:
        raise OptionError(f"SSIM needs sides of at least {WINDOW} px, got {width}x{height}")
    rows, columns = height - WINDOW + 1, width - WINDOW + 1
    whole, contrast = [], []
    for top in range(0, rows, _BLOCK_PX):
        bottom = min(top + _BLOCK_PX, rows) + WINDOW - 1
        # Only the sum of both variances is needed: four moments, not five.
        moments = np.empty((4, bottom - top, width))
        a, b, squares, product = moments
        a[:], b[:] = first[top:bottom], second[top:bottom]
        np.multiply(a, a, out=squares)
        np.multiply(b, b, out=product)
        squares += product
        np.multiply(a, b, out=product)
        mean_a, mean_b, squares, product = _smooth(moments)
        means = mean_a * mean_b
        product -= means
        means_squared = np.square(mean_a, out=mean_a)
        means_squared += np.square(mean_b, out=mean_b)
        squares -= means_squared
        for numerator, constant in ((product, _C2), (means, _C1)):
            np.multiply(numerator, 2, out=numerator)
            np.add(numerator, constant, out=numerator)
        squares += _C2
        means_squared += _C1
        product /= squares
        contrast.append(float(product.sum()))
        product *= means
        product /= means_squared
        whole.append(float(product.sum()))
    count = rows * columns
    return math.fsum(whole) / count, math.fsum(contrast) / count


def _smooth(planes: Float64) -> Float64:
    """Gaussian-weighted mean over each window that lies inside (P, H, W) planes.

    As products with matrices of a band: more operations than sums of shifted pictures, but at
    the speed of the processor and not of its memory.
    """
    count, height, width = planes.shape
    rows, columns = height - WINDOW + 1, width - WINDOW + 1
    down = np.empty((count, rows, width))
    for part, stride in _parts(width, _CHUNK_PX):
        # All blocks in one call: threads would hand over to one another after each.
        np.matmul(_band(rows).T, _blocks(planes, part, stride), _blocks(down, part, stride))
    flat = down.reshape(-1, width)
    smooth = np.empty((len(flat), columns))
    for part, stride in _parts(columns, _BLOCK_PX):
        seen = slice(part.start, part.stop + WINDOW - 1)
        blocks = _blocks(flat, seen, stride, overlap=WINDOW - 1)
        np.matmul(blocks, _band(stride), _blocks(smooth, part, stride))
    return smooth.reshape(count, rows, columns)


def _parts(length: int, stride: int) -> list[tuple[slice, int]]:
    """The part of a length that whole strides cover, and what is left, each with its stride."""
    whole = length // stride * stride
    parts = [(slice(0, whole), stride), (slice(whole, length), length - whole)]
    return [(part, step) for part, step in parts if part.stop > part.start]


def _blocks(values: Float64, part: slice, stride: int, *, overlap: int = 0) -> Float64:
    """A part of the last axis of (..., R, W) in blocks: a view (..., B, R, stride + overlap)."""
    windows = sliding_window_view(values[..., part], stride + overlap, axis=-1, writeable=True)
    return np.moveaxis(windows[..., ::stride, :], -2, -3)


@cache
def _band(outputs: int) -> Float64:
    """(outputs + 10, outputs): column i has the window's weights from row i on."""
    offsets = np.arange(WINDOW) - WINDOW // 2
    weights = np.exp(-(offsets**2) / (2 * _SIGMA**2))
    weights /= weights.sum()
    band = np.zeros((outputs + WINDOW - 1, outputs))
    for index in range(outputs):
        band[index : index + WINDOW, index] = weights
    return band
