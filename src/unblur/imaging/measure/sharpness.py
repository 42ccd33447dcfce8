"""How sharp a photo is, place by place and direction by direction.

Where there is fine detail, neighbouring pixels differ nearly as much as pixels two or four apart;
where it is blurred away, differences grow with the distance. What noise adds to the squares is the
same at every distance, so that *differences* of mean squares do not see it.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

CELL_PX: Final = 32
"""Means are taken over squares of this side, on a grid from the upper left corner on."""
LAGS: Final = (1, 2, 4)
STEPS: Final = ((0, 1), (-1, 1), (1, 0), (1, 1))
"""Rows and columns of a step to the right, to the upper right, down, and to the lower right.

Their directions are 0, 45, 90 and 135 degrees, counter-clockwise from the right."""

_MARGIN_PX: Final = LAGS[-1]
_EVERY_ROW: Final = 2
"""Differences start in every second row: half the work, the same answer."""
_FAINT: Final = np.float32((0.3 / 255) ** 2)
"""Far below any detail that can be seen; decides where there is nothing to measure."""
_CHANCE: Final = np.float32(0.02)
"""Share of the mean squares that chance may make up in a window full of noise."""


def luma(pixels: Float32) -> Float32:
    """Brightness as the eye weighs colours (Rec. 601): (H, W, 3) to (H, W)."""
    weighted: Float32 = pixels @ np.array([0.299, 0.587, 0.114], np.float32)
    return weighted


def difference_energies(brightness: Float32, lags: tuple[int, ...] = LAGS) -> Float32:
    """Mean square of the differences between pixels some steps apart, for every cell.

    Args:
        brightness: (H, W).
        lags: Numbers of steps, from 1 to 4.

    Returns:
        (rows, columns, lags, 4), the last axis as in :data:`STEPS`. The cells on the right and
        below may be cut by the edge. Of size 0 for a picture that is too small.
    """
    height, width = brightness.shape
    # The same places for all lags and directions, or ratios of their means would mean nothing.
    middle = inner(brightness)
    if 0 in middle.shape:
        return np.zeros((0, 0, len(lags), len(STEPS)), np.float32)
    found = []
    difference = np.empty_like(middle)
    for lag in lags:
        for down, right in STEPS:
            top, left = _MARGIN_PX + lag * down, _MARGIN_PX + lag * right
            rows = brightness[top : top + height - 2 * _MARGIN_PX : _EVERY_ROW]
            np.subtract(rows[:, left : left + width - 2 * _MARGIN_PX], middle, out=difference)
            found.append(cell_means(np.multiply(difference, difference, out=difference)))
    return np.stack(found, axis=-1).reshape(*found[0].shape, len(lags), len(STEPS))


def inner_slices(height: int, width: int) -> tuple[slice, slice]:
    """Rows, every second one, and columns of the places that have neighbours all around."""
    return (
        slice(_MARGIN_PX, max(height - _MARGIN_PX, 0), _EVERY_ROW),
        slice(_MARGIN_PX, max(width - _MARGIN_PX, 0)),
    )


def inner(values: Float32) -> Float32:
    """What (H, W) values are at these places: a view."""
    return values[inner_slices(*values.shape)]


def cell_means(values: Float32) -> Float32:
    """Means over the cells of what :func:`inner` returns."""
    height, width = values.shape
    rows = _MARGIN_PX + _EVERY_ROW * np.arange(height)
    starts = [
        np.flatnonzero(np.diff(places // CELL_PX, prepend=-1))
        for places in (rows, _MARGIN_PX + np.arange(width))
    ]
    counts = [np.diff(begin, append=side) for begin, side in zip(starts, values.shape, strict=True)]
    sums = np.add.reduceat(np.add.reduceat(values, starts[0], axis=0), starts[1], axis=1)
    means: Float32 = (sums / np.outer(*counts)).astype(np.float32)
    return means


def spread(cells: Float32, times: int = 1) -> Float32:
    """Smooth (rows, columns, ...) over neighbouring cells with the weights 1, 2, 1."""
    for axis in (0, 1) * times:
        moved = np.moveaxis(cells, axis, 0)
        padded = np.concatenate([moved[:1], moved, moved[-1:]])
        cells = np.moveaxis((padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4, 0, axis)
    return cells


def steepness(energies: Float32) -> Float32:
    """Energy over 2 px by that over 1 px: 4 where all is smooth, 2 at sharp edges, 1 for noise.

    Args:
        energies: (..., lags, 4) from :func:`difference_energies`.

    Returns:
        (..., 4); 4 where there is nothing to measure.
    """
    one, two = energies[..., 0, :], energies[..., 1, :]
    ratio: Float32 = (two + 4 * _FAINT) / (one + _FAINT)
    return ratio


def curvature(energies: Float32) -> Float32:
    """Growth of the energy from 2 to 4 px by that from 1 to 2: as `steepness`, but blind to noise.

    Args:
        energies: (..., lags, 4) from :func:`difference_energies`.

    Returns:
        (..., 4): 4 where all is smooth or there is nothing to measure, 2 at sharp edges, less in
        fine texture.
    """
    one, two, four = (energies[..., index, :] for index in range(3))
    chance = _CHANCE * one
    grown = np.maximum(two - one, 0) + chance + _FAINT
    ratio: Float32 = (four - two + 2 * chance + 4 * _FAINT) / grown
    return ratio


def growth(before: Float32, after: Float32) -> Float32:
    """Natural logarithm of how many times the finest differences became larger, (..., 4)."""
    times: Float32 = np.log((after[..., 0, :] + _FAINT) / (before[..., 0, :] + _FAINT))
    return times


def share(part: Float32, whole: Float32) -> Float32:
    """Part of a mean square in another, 0 where there is nothing to measure."""
    ratio: Float32 = part / (whole + _FAINT)
    return ratio


def ramp(values: Float32, start: float, end: float) -> Float32:
    """0 up to ``start``, 1 from ``end`` on, straight between."""
    risen: Float32 = np.clip((values - np.float32(start)) / np.float32(end - start), 0, 1)
    return risen
