"""Cut a picture that is too large for memory into overlapping tiles."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from unblur.errors import OptionError

Float32 = NDArray[np.float32]

_ROWS: Final = 64
"""So many are read at a time where all are wanted."""


class Picture(Protocol):
    """A picture that can be read in parts."""

    height: int
    """In px."""
    width: int
    """In px."""

    def read(self, rows: slice, columns: slice) -> Float32:
        """A part of it, (h, w, 3) in [0, 1]; the caller may change it."""
        ...


class ArrayPicture:
    """A picture that is in memory.

    Args:
        pixels: (H, W, 3) in [0, 1].
    """

    def __init__(self, pixels: Float32) -> None:
        self.pixels = pixels
        self.height, self.width, _ = pixels.shape

    def read(self, rows: slice, columns: slice) -> Float32:
        """A part of it."""
        return np.array(self.pixels[rows, columns], dtype=np.float32)


def read_rows(picture: Picture, region: tuple[slice, slice]) -> Iterator[Float32]:
    """The pixels of a region, (h, w, 3), some rows at a time from the top down."""
    rows, columns = region
    for top in range(rows.start, rows.stop, _ROWS):
        yield picture.read(slice(top, min(top + _ROWS, rows.stop)), columns)


@dataclass(frozen=True, kw_only=True)
class Tile:
    """A tile: the pixels that are looked at, and the part of them that is kept."""

    seen: tuple[slice, slice]
    """Rows and columns of the whole."""
    kept: tuple[slice, slice]
    """Rows and columns of the whole; inside ``seen``."""

    @property
    def inside(self) -> tuple[slice, slice]:
        """Rows and columns of what is kept within what is seen."""
        rows, columns = (
            slice(kept.start - seen.start, kept.stop - seen.start)
            for kept, seen in zip(self.kept, self.seen, strict=True)
        )
        return rows, columns


@dataclass(frozen=True, kw_only=True)
class TileNeeds:
    """What a way of restoring asks of tiles."""

    halo_px: int | None
    """Surroundings on each side on which a pixel may depend; None if on the whole picture."""
    grid_px: int
    """Tiles begin on multiples of this, so that a network's strides fall as in the whole."""
    bytes_per_px: int
    """Working memory for each pixel that is looked at."""
    most_px: tuple[int, int] | None = None
    """Height and width that can be looked at at once, if they are limited."""


def choose_side(
    tile: str | int, needs: TileNeeds, height: int, width: int, *, memory_bytes: int
) -> int | None:
    """Side of the square that is looked at at once; None for the whole picture.

    Args:
        tile: ``off``, ``auto``, or the side in px.
        needs: Of the way of restoring.
        height: Of the picture, in px.
        width: Of the picture, in px.
        memory_bytes: What ``auto`` may use. Where even the least tile needs more, it is taken.

    Raises:
        OptionError: If ``tile`` leaves nothing between the surroundings; if all of the picture
            is needed at once, and there is a ``tile``, or not the memory, or more than can be.
    """
    if needs.most_px is not None and (height > needs.most_px[0] or width > needs.most_px[1]):
        limit, sides = min(needs.most_px), f"{needs.most_px[1]} x {needs.most_px[0]} px"
        if tile == "off":
            raise OptionError(f"the network sees {sides} at once, and no more; tile=auto works")
        tile = min(tile, limit) if isinstance(tile, int) else limit
    if tile == "off":
        return None
    if needs.halo_px is None:
        _check_whole(tile, needs, height, width, memory_bytes=memory_bytes)
        return None
    least = 2 * _up(needs.halo_px, needs.grid_px) + needs.grid_px
    if tile == "auto":
        area = memory_bytes / needs.bytes_per_px
        if height * width <= area:
            return None
        # Below twice its surroundings, a tile would be mostly those.
        return max(int(area**0.5), 2 * needs.halo_px + needs.grid_px, least)
    assert isinstance(tile, int)
    if tile >= max(height, width):
        return None
    if tile < least:
        raise OptionError(
            f"tile must be at least {least} px, {needs.halo_px} px on each side are its "
            f"surroundings, got {tile}; auto chooses one"
        )
    return tile


def plan_tiles(
    region: tuple[slice, slice], height: int, width: int, side: int | None, needs: TileNeeds
) -> Iterator[Tile]:
    """Cover a part of a picture with tiles whose kept parts neither overlap nor leave gaps.

    Args:
        region: Rows and columns to cover.
        height: Of the picture, in px.
        width: Of the picture, in px.
        side: From :func:`choose_side`; None for one tile.
        needs: Of the way of restoring.

    Yields:
        Tiles in reading order; those of a row of tiles have the same rows.
    """
    halo = max(height, width) if needs.halo_px is None else needs.halo_px
    halo = _up(halo, needs.grid_px)
    steps = []
    for part in region:
        length = part.stop - part.start
        core = length
        if side is not None:
            core = max(1, (side - 2 * halo) // needs.grid_px) * needs.grid_px
        # Evenly, or the last tile would be a sliver with full surroundings.
        steps.append(_up(-(-length // -(-length // core)), needs.grid_px))
    for top in range(region[0].start, region[0].stop, steps[0]):
        for left in range(region[1].start, region[1].stop, steps[1]):
            kept = tuple(
                slice(start, min(start + step, part.stop))
                for start, step, part in zip((top, left), steps, region, strict=True)
            )
            seen = tuple(
                slice(
                    max(0, (part.start - halo) // needs.grid_px * needs.grid_px),
                    min(whole, _up(part.stop + halo, needs.grid_px)),
                )
                for part, whole in zip(kept, (height, width), strict=True)
            )
            yield Tile(seen=(seen[0], seen[1]), kept=(kept[0], kept[1]))


def _check_whole(
    tile: str | int, needs: TileNeeds, height: int, width: int, *, memory_bytes: int
) -> None:
    size = f"this way of restoring needs all of the photo ({width} x {height} px) at once"
    if isinstance(tile, int) and tile < max(height, width):
        raise OptionError(f"{size}, got tile {tile}; auto or off would work")
    needed = height * width * needs.bytes_per_px
    if needed > memory_bytes:
        raise OptionError(
            f"{size}, for which about {needed / 1e9:.1f} GB of memory are needed and "
            f"{memory_bytes / 1e9:.1f} GB are left; a smaller photo would work, or tile off, "
            "which tries all the same"
        )


def _up(length: int, multiple_of: int) -> int:
    return -(-length // multiple_of) * multiple_of
