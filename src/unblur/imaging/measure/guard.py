"""Do no harm: where a network changes what was sharp already, the original stays.

The rule, the photos that it was calibrated on and what it costs are in ADR 0005.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.errors import OptionError
from unblur.imaging.measure.sharpness import (
    CELL_PX,
    cell_means,
    curvature,
    difference_energies,
    growth,
    inner,
    inner_slices,
    luma,
    ramp,
    share,
    spread,
    steepness,
)

Float32 = NDArray[np.float32]

GUARD_GRID_PX: Final = 64
"""Strips and tiles must begin at multiples of this for their weights to be those of the whole."""
GUARD_HALO_PX: Final = 192
"""How far around a pixel its weight depends on; a multiple of the grid."""

_SPREADS: Final = 2
"""Cells see their neighbours: windows of about 75 px, full width at half maximum."""
_CURVATURE: Final = (1.6, 2.0)
_STEEPNESS: Final = (2.5, 2.8)
_EXCESS: Final = (1.25, 1.4)
_OVERSHOOT: Final = 2.0
"""What overshoot counts beside amplification."""
_BLOCK_PX: Final = 4
"""Overshoot is what lies beyond the extremes of the 3x3 blocks of this side around a pixel."""


def guard_weight(blurred: Float32, restored: Float32, *, undone: bool = False) -> Float32:
    """How much of the restored picture to take at each pixel, so that nothing sharp is harmed.

    Two things speak against the restored picture, each in windows of about 75 px:

    * The region has fine detail in every direction already. Motion takes it away, along its path
      at least.
    * The network made fine differences many times larger in *every* direction, and overshot what
      was there. Where there was motion, one direction needs less, and light does not overshoot.

    Args:
        blurred: What the network was given: (H, W, 3) in [0, 1], display-encoded.
        restored: What it made of it, same shape and range.
        undone: By a kernel that was found: what a shake took away comes back in every direction,
            and only detail that was there already speaks against it.

    Returns:
        (H, W) in [0, 1]: 1 takes the restored picture, 0 keeps the original. It changes by at
        most 1/32 from one pixel to the next. A part of a photo that begins on the grid of
        :data:`GUARD_GRID_PX` gets the same weights as within the whole photo, but for
        :data:`GUARD_HALO_PX` along the edges where it was cut.

    Raises:
        OptionError: If the shapes differ.
    """
    if blurred.shape != restored.shape:
        raise OptionError(f"pictures differ in shape: {blurred.shape} and {restored.shape}")
    height, width, _ = blurred.shape
    before, after = luma(blurred), luma(restored)
    energies = difference_energies(before)
    if energies.size == 0:  # too small to tell anything
        return np.ones((height, width), np.float32)
    energies = spread(energies, _SPREADS)
    blurred_there = blur_seen(energies)
    if undone:
        return magnified(spread(blurred_there), height, width)
    sharpened = growth(energies, spread(difference_energies(after, (1,)), _SPREADS)).min(axis=-1)
    excess = sharpened + np.float32(_OVERSHOOT) * _overshoot(before, after)
    weights = np.minimum(blurred_there, 1 - ramp(excess, *_EXCESS))
    return magnified(spread(weights), height, width)


def blur_seen(energies: Float32) -> Float32:
    """Whether fine detail is missing along some direction, (rows, columns) in [0, 1].

    Args:
        energies: (rows, columns, lags, 4) from `difference_energies`, spread over neighbours.
    """
    along_one: Float32 = np.maximum(
        ramp(curvature(energies).max(axis=-1), *_CURVATURE),
        ramp(steepness(energies).max(axis=-1), *_STEEPNESS),
    )
    return along_one


def _overshoot(before: Float32, after: Float32) -> Float32:
    """Share of the change, in every cell, that lies beyond the extremes around each pixel."""
    height, width = before.shape
    padded = np.pad(before, [(0, -side % _BLOCK_PX) for side in before.shape], mode="edge")
    rows, columns = inner_slices(height, width)
    blocks = np.arange(height)[rows] // _BLOCK_PX
    least, most = (
        _extremes(padded, of)[blocks].repeat(_BLOCK_PX, axis=1)[:, columns]
        for of in (np.minimum, np.maximum)
    )
    seen = inner(after)
    beyond = np.clip(seen, least, most)
    beyond -= seen
    change = seen - inner(before)
    return share(*(spread(cell_means(part * part), _SPREADS) for part in (beyond, change)))


def _extremes(padded: Float32, of: Callable[[Float32, Float32], Float32]) -> Float32:
    """Extremes of blocks with their neighbours."""
    found = padded
    for axis in (0, 1):
        moved = np.moveaxis(found, axis, 0)
        halves = of(moved[::2], moved[1::2])
        blocks = of(halves[::2], halves[1::2])
        around = np.concatenate([blocks[:1], blocks, blocks[-1:]])
        found = np.moveaxis(of(of(around[:-2], around[1:-1]), around[2:]), 0, axis)
    return found


def magnified(cells: Float32, height: int, width: int) -> Float32:
    """From cells, (rows, columns), to (height, width) pixels, straight between cells' middles."""
    upper, lower, below = _between(cells.shape[0], height)
    left, right, beside = _between(cells.shape[1], width)
    rows = cells[upper] + below[:, None] * (cells[lower] - cells[upper])
    weights = (rows[:, right] - rows[:, left]) * beside
    weights += rows[:, left]
    magnified: Float32 = np.clip(weights, 0, 1, out=weights)
    return magnified


def _between(count: int, side: int) -> tuple[NDArray[np.intp], NDArray[np.intp], Float32]:
    """The cells before and after every pixel along an axis, and how far it is between them."""
    place = np.clip((np.arange(side) + 0.5) / CELL_PX - 0.5, 0, count - 1)
    before = place.astype(np.intp)
    return before, np.minimum(before + 1, count - 1), (place - before).astype(np.float32)
