"""Join restored tiles to rows of a picture, and say where a guard would rather keep the original.

Tiles go through the network with no more surroundings than that needs. The guard looks at what
came out, which is far cheaper than letting it come out again: its surroundings are rows that are
waited for, and columns of other tiles.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.imaging.measure.guard import GUARD_GRID_PX, GUARD_HALO_PX, guard_weight
from unblur.imaging.tiles import Picture, Tile, TileNeeds, plan_tiles
from unblur.tasks.progress.stages import doing

Float32 = NDArray[np.float32]
Region = tuple[slice, slice]

_GUARD: Final = TileNeeds(halo_px=GUARD_HALO_PX, grid_px=GUARD_GRID_PX, bytes_per_px=40)
_GUARD_SIDE_PX: Final = 1408
_LOOKED_AT_ROWS: Final = 64
_ROWS: Final = 64
"""Given out at a time: what is made of them afterwards takes little memory."""


@dataclass(frozen=True, kw_only=True)
class Strip:
    """Some rows of a restored region, over all of its columns."""

    place: Region
    """Rows and columns of the whole picture."""
    restored: Float32
    """(h, w, 3) in [0, 1]; what lies in this memory is other rows after the next strip."""
    weight: Float32 | None
    """How much of it the guard allows, (h, w) in [0, 1]; None without a guard."""


def guarded_region(region: Region, picture: Picture) -> Region:
    """What must be restored for the guard to see all that its weights within a region depend on."""
    (tile,) = plan_tiles(region, picture.height, picture.width, None, _GUARD)
    return tile.seen


def restored_strips(
    picture: Picture,
    run: Callable[[Tile], Float32],
    tiles: Sequence[Tile],
    region: Region,
    *,
    guarded: bool,
    undone: bool = False,
) -> Iterator[Strip]:
    """Restore a region of a picture, from the top down.

    Args:
        picture: The picture.
        run: Restores what a tile keeps.
        tiles: They cover the region or, with a guard, :func:`guarded_region`; in reading order.
        region: Rows and columns that are given out.
        guarded: Work out the weights of the guard.
        undone: By a kernel that was found; the guard knows.

    Yields:
        Strips without gaps; only the rows that are still needed are in memory.
    """
    wide = (_span(tiles, 0), _span(tiles, 1))
    waits = GUARD_HALO_PX if guarded else 0
    tallest = max(tile.kept[0].stop - tile.kept[0].start for tile in tiles)
    kept_rows = 2 * waits + GUARD_GRID_PX if guarded else 0
    width = wide[1].stop - wide[1].start
    rows = min(tallest + kept_rows, wide[0].stop - wide[0].start)
    buffer = np.empty((rows, width, 3), np.float32)
    buffer_top, next_row = wide[0].start, region[0].start
    done = 0
    doing("restore")
    for _, group in groupby(tiles, key=lambda tile: tile.kept[0].start):
        row = list(group)
        for tile in row:
            place = _within(tile.kept, (buffer_top, wide[1].start))
            np.clip(run(tile), 0, 1, out=buffer[place])
            done += 1
            doing("restore", done / len(tiles))
        restored_to = weighed_to = row[0].kept[0].stop
        if guarded and restored_to < wide[0].stop:
            weighed_to = (restored_to - waits) // GUARD_GRID_PX * GUARD_GRID_PX
        weighed_to = min(weighed_to, region[0].stop)
        if weighed_to > next_row:
            origin = (buffer_top, wide[1].start)
            part = (slice(next_row, weighed_to), region[1])
            weight = _weights(picture, buffer, origin, part, undone=undone) if guarded else None
            yield from _strips(buffer, origin, part, weight)
            next_row = weighed_to
        if next_row == region[0].stop:
            return
        needed_from = restored_to
        if guarded:
            needed_from = (next_row - waits) // GUARD_GRID_PX * GUARD_GRID_PX
            needed_from = max(buffer_top, needed_from)
        still_needed = buffer[needed_from - buffer_top : restored_to - buffer_top]
        buffer[: restored_to - needed_from] = still_needed.copy()
        buffer_top = needed_from


def _weights(
    picture: Picture, buffer: Float32, origin: tuple[int, int], part: Region, *, undone: bool
) -> Float32:
    """What the guard allows in a part of the picture, (h, w)."""
    weight = np.empty([side.stop - side.start for side in part], np.float32)
    corner = (part[0].start, part[1].start)
    for tile in plan_tiles(part, picture.height, picture.width, _GUARD_SIDE_PX, _GUARD):
        before, after = picture.read(*tile.seen), buffer[_within(tile.seen, origin)]
        found = guard_weight(before, after, undone=undone)
        weight[_within(tile.kept, corner)] = found[tile.inside]
    return weight


def _strips(
    buffer: Float32, origin: tuple[int, int], part: Region, weight: Float32 | None
) -> Iterator[Strip]:
    rows, columns = part
    for top in range(rows.start, rows.stop, _ROWS):
        place = (slice(top, min(top + _ROWS, rows.stop)), columns)
        yield Strip(
            place=place,
            restored=buffer[_within(place, origin)],
            weight=None if weight is None else weight[_within(place, (rows.start, columns.start))],
        )


def _span(tiles: Sequence[Tile], axis: int) -> slice:
    """From the beginning of the first to the end of the last of the kept parts."""
    return slice(tiles[0].kept[axis].start, tiles[-1].kept[axis].stop)


def _within(place: Region, origin: tuple[int, int]) -> Region:
    rows, columns = (
        slice(part.start - at, part.stop - at) for part, at in zip(place, origin, strict=True)
    )
    return rows, columns


def is_grey(picture: Picture) -> bool:
    """Whether no pixel has a colour; of a photo that has some, the first rows tell."""
    for top in range(0, picture.height, _LOOKED_AT_ROWS):
        rows = slice(top, min(top + _LOOKED_AT_ROWS, picture.height))
        part = picture.read(rows, slice(0, picture.width))
        if not (part == part[..., :1]).all():
            return False
    return True


def without_colour(rows: Float32) -> Float32:
    """The mean of three channels for each; what is grey already stays to the last bit."""
    means = rows.mean(axis=2, keepdims=True)
    same = (rows == rows[..., :1]).all(axis=2, keepdims=True)
    return np.repeat(np.where(same, rows[..., :1], means), 3, axis=2)
