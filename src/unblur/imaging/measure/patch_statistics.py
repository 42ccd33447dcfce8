"""How alike two pictures are in their patches, wherever those lie."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.errors import OptionError

Float32 = NDArray[np.float32]

_BINS: Final = 32
_MOST_STEP: Final = 0.25
_LEAST_SIDE_PX: Final = 8


def patch_distance(first: Float32, second: Float32) -> float:
    """Mean distance of the histograms of values, steps and curvatures, at two sizes.

    A step is the difference to the next pixel, a curvature that of two steps; both in rows and
    in columns; the second size is the half. The distance of two histograms is half the sum of
    the absolute differences of their shares. Where things lie does not count.

    Args:
        first: (H, W, 3) in [0, 1].
        second: (H', W', 3) in [0, 1].

    Returns:
        0 for equal statistics, 1 for nothing in common.

    Raises:
        OptionError: If a side is below 8 px.
    """
    for picture in (first, second):
        if min(picture.shape[:2]) < _LEAST_SIDE_PX:
            raise OptionError(f"patches need {_LEAST_SIDE_PX} px a side, got {picture.shape[:2]}")
    pairs = zip(_histograms(first), _histograms(second), strict=True)
    return float(np.mean([np.abs(a - b).sum() / 2 for a, b in pairs]))


def _histograms(picture: Float32) -> list[NDArray[np.float64]]:
    found = []
    for size in (picture, _half(picture)):
        found.append(_shares(size, 0, 1))
        for axis in (0, 1):
            for order in (1, 2):
                found.append(_shares(np.diff(size, order, axis=axis), -_MOST_STEP, _MOST_STEP))
    return found


def _shares(values: Float32, least: float, most: float) -> NDArray[np.float64]:
    counts, _ = np.histogram(np.clip(values, least, most), _BINS, (least, most))
    return counts / values.size


def _half(picture: Float32) -> Float32:
    height, width = (side // 2 * 2 for side in picture.shape[:2])
    even = picture[:height, :width].reshape(height // 2, 2, width // 2, 2, -1)
    smaller: Float32 = even.mean(axis=(1, 3), dtype=np.float32)
    return smaller
