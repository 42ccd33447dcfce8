"""Convolve photos of any size with a blur kernel, in little memory."""

from concurrent.futures import ThreadPoolExecutor
from itertools import count, product
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.devices import cores
from unblur.errors import OptionError
from unblur.imaging.fourier import transforms

Float32 = NDArray[np.float32]

_TILE_PX: Final = (384, 768)
"""Most rows and columns that are transformed together: few enough to stay in cache."""
_TILE_PER_REACH: Final = 8
"""For larger kernels tiles grow with them, so that most of a tile is of use."""


def convolve(pixels: Float32, kernel: Float32) -> Float32:
    """Convolve every channel of a photo with one kernel; beyond its edges the photo is mirrored.

    Args:
        pixels: (H, W, C), any C.
        kernel: (K, K), K odd; non-negative, summing to 1. Without its empty border it must not
            be larger than the photo.

    Returns:
        The same shape, float32.

    Raises:
        OptionError: If the kernel is not as said above.
    """
    check_kernel(kernel)
    height, width, channels = pixels.shape
    kernel = trim_kernel(kernel)
    if len(kernel) > min(height, width):
        raise OptionError(
            f"the kernel of {len(kernel)}x{len(kernel)} px is larger than the photo of "
            f"{width}x{height}; use a larger photo or a shorter path"
        )
    reach = len(kernel) // 2
    if reach == 0:
        return np.array(pixels, np.float32)
    rows, columns = (
        _tiles(side, max(most, _TILE_PER_REACH * reach), reach)
        for side, most in zip((height, width), _TILE_PX, strict=True)
    )
    size = rows[1], columns[1]
    spectrum = transforms().rfft2(kernel.astype(np.float32), s=size)
    blurred = np.empty((height, width, channels), np.float32)

    def fill(corner: tuple[int, int]) -> None:
        top, left = corner
        part = blurred[top : top + rows[0], left : left + columns[0]]
        tile = pixels[_mirrored(top - reach, size[0], height)]
        tile = tile[:, _mirrored(left - reach, size[1], width)]
        for channel in range(channels):  # one at a time stays in cache
            plane = np.ascontiguousarray(tile[..., channel], dtype=np.float32)
            transformed = transforms().rfft2(plane)
            transformed *= spectrum
            full = transforms().irfft2(transformed, s=size)
            # A product of transforms is shifted by the kernel's centre, and wraps around.
            valid = full[2 * reach :, 2 * reach :]
            part[..., channel] = valid[: part.shape[0], : part.shape[1]]

    corners = list(product(range(0, height, rows[0]), range(0, width, columns[0])))
    if len(corners) == 1:
        fill(corners[0])
    else:
        with ThreadPoolExecutor(cores()) as pool:
            list(pool.map(fill, corners))
    return blurred


def _tiles(side: int, most: int, reach: int) -> tuple[int, int]:
    """Pixels that a tile covers of a side, and the size of its transform: as even as can be."""
    covered = -(-side // -(-side // most))
    return covered, _good_size(covered + 2 * reach)


def check_kernel(kernel: Float32) -> None:
    """Check that a kernel is square with an odd side, non-negative and of sum 1.

    Raises:
        OptionError: If it is not.
    """
    if kernel.ndim != 2 or kernel.shape[0] != kernel.shape[1] or len(kernel) % 2 == 0:  # noqa: PLR2004
        size = "x".join(map(str, kernel.shape))
        raise OptionError(f"a kernel must be square with an odd side, got {size}")
    total = float(kernel.sum(dtype=np.float64))
    if not (abs(total - 1) <= 1e-3 and kernel.min() >= 0):  # noqa: PLR2004 - so that NaN fails
        raise OptionError(
            f"a kernel must be non-negative and sum to 1, got sum {total:.4g}, least "
            f"value {kernel.min():.4g}; divide it by its sum"
        )


def trim_kernel(kernel: Float32) -> Float32:
    """Drop the empty border of a (K, K) kernel, K odd, evenly on all sides."""
    centre = kernel.shape[0] // 2
    used = np.abs(np.argwhere(kernel) - centre).max(initial=0)
    window = slice(centre - used, centre + used + 1)
    return kernel[window, window]


def _mirrored(start: int, length: int, side: int) -> NDArray[np.intp]:
    """Indices of ``length`` pixels from ``start`` on, mirrored into [0, side)."""
    period = max(2 * (side - 1), 1)
    folded = np.abs((np.arange(start, start + length) + side - 1) % period - (side - 1))
    return folded


def _good_size(least: int) -> int:
    """The next size with no prime factor above 5, for which the transform is fast."""
    return next(size for size in count(least) if _is_good(size))


def _is_good(size: int) -> bool:
    for prime in (2, 3, 5):
        while size % prime == 0:
            size //= prime
    return size == 1
