"""Where a photo has the most detail."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Bool = NDArray[np.bool_]
Region = tuple[slice, slice]

_REGION_STEP_PX: Final = 16
_MOST_GRADIENT: Final = 0.1
"""Of a pixel, in the choice of a region: one glaring edge is not many edges."""


def choose_region(plane: Float32, unusable: Bool, side: int) -> Region:
    """The part of a photo with the most detail that can be used.

    Args:
        plane: (H, W) linear light.
        unusable: (H, W): where the sensor was at its limit.
        side: Of the part, in px; less along a shorter side of the photo.
    """
    height, width = plane.shape
    rows, columns = min(height, side), min(width, side)
    if (rows, columns) == (height, width):
        return slice(0, height), slice(0, width)
    smooth = _box(_box(plane))
    detail = np.zeros_like(plane)
    detail[:, :-1] = np.abs(np.diff(smooth, axis=1))
    detail[:-1] += np.abs(np.diff(smooth, axis=0))
    detail = np.minimum(detail, _MOST_GRADIENT)
    detail[unusable] = 0
    sums = np.pad(detail.cumsum(0, dtype=np.float64).cumsum(1), ((1, 0), (1, 0)))
    tops = np.arange(0, height - rows + 1, _REGION_STEP_PX)
    lefts = np.arange(0, width - columns + 1, _REGION_STEP_PX)
    totals = (
        sums[np.ix_(tops + rows, lefts + columns)]
        - sums[np.ix_(tops, lefts + columns)]
        - sums[np.ix_(tops + rows, lefts)]
        + sums[np.ix_(tops, lefts)]
    )
    at = np.unravel_index(int(totals.argmax()), totals.shape)
    top, left = int(tops[at[0]]), int(lefts[at[1]])
    return slice(top, top + rows), slice(left, left + columns)


def _box(plane: Float32) -> Float32:
    """Means over 3x3 pixels."""
    padded = np.pad(plane, 1, mode="edge")
    across = padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]
    mean: Float32 = (across[:-2] + across[1:-1] + across[2:]) / np.float32(9)
    return mean
