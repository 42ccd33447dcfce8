"""Cut a large batch into overlapping tiles, and put the middles of the results together."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Tile:
    """A tile: the pixels the network sees, and the part of them that is kept."""

    seen: tuple[slice, slice]
    """Rows and columns of the whole."""
    kept: tuple[slice, slice]
    """Rows and columns of the whole; inside ``seen``."""


def plan_tiles(
    height: int, width: int, *, core_px: int, overlap_px: int, multiple_of: int
) -> Iterator[Tile]:
    """Cover a picture with tiles whose kept parts neither overlap nor leave gaps.

    Args:
        height: Of the whole, in px; a multiple of ``multiple_of``.
        width: Of the whole, in px; a multiple of ``multiple_of``.
        core_px: Side of the part that is kept; rounded up to a multiple.
        overlap_px: Surroundings on each side, where there are any; rounded up to a multiple.
        multiple_of: All tiles begin and end on this grid, so that the network's own strides
            fall on the same pixels as in the whole.

    Yields:
        Tiles in reading order.
    """
    core_px, overlap_px = (-(-x // multiple_of) * multiple_of for x in (core_px, overlap_px))
    for top in range(0, height, core_px):
        for left in range(0, width, core_px):
            kept = (
                slice(top, min(top + core_px, height)),
                slice(left, min(left + core_px, width)),
            )
            seen = tuple(
                slice(max(0, part.start - overlap_px), min(side, part.stop + overlap_px))
                for part, side in zip(kept, (height, width), strict=True)
            )
            yield Tile(seen=(seen[0], seen[1]), kept=kept)


def run_tiled(
    run: Callable[[Float32], Float32],
    batch: Float32,
    *,
    core_px: int,
    overlap_px: int,
    multiple_of: int,
) -> Float32:
    """Run a network tile by tile.

    With an overlap of half its receptive field, a network without statistics of the whole
    picture gives the same pixels as on the whole.

    Args:
        run: Maps (B, 3, H, W) to the same shape.
        batch: (B, 3, H, W); H and W multiples of ``multiple_of``.
        core_px: See :func:`plan_tiles`.
        overlap_px: See :func:`plan_tiles`.
        multiple_of: See :func:`plan_tiles`.
    """
    whole = np.empty_like(batch)
    _, _, height, width = batch.shape
    for tile in plan_tiles(
        height, width, core_px=core_px, overlap_px=overlap_px, multiple_of=multiple_of
    ):
        restored = run(np.ascontiguousarray(batch[:, :, *tile.seen]))
        inside = tuple(
            slice(kept.start - seen.start, kept.stop - seen.start)
            for kept, seen in zip(tile.kept, tile.seen, strict=True)
        )
        whole[:, :, *tile.kept] = restored[:, :, *inside]
    return whole
