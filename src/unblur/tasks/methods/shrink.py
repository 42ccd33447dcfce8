"""Work on a large photo at a fraction of its size, and bring the correction back."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.imaging.light import linear_to_srgb, srgb_to_linear
from unblur.imaging.tiles import Picture

Float32 = NDArray[np.float32]

_MOST_PX: Final = 3_200_000
"""Larger photos are worked on at a whole fraction of their size; their correction is enlarged."""
_STRIP_ROWS: Final = 256


def shrunk_picture(picture: Picture) -> tuple[Float32, int]:
    """A picture as it is worked on, and by how much it is smaller: means of squares of light.

    Reads a few rows at a time. What is left over on the right and below is no part of it.
    """
    shrink = 1
    while picture.height * picture.width > _MOST_PX * shrink**2:
        shrink += 1
    columns = slice(0, picture.width // shrink * shrink)
    height = picture.height // shrink * shrink
    parts = []
    step = _STRIP_ROWS // shrink * shrink
    for top in range(0, height, step):
        rows = picture.read(slice(top, min(top + step, height)), columns)
        if shrink > 1:
            light = srgb_to_linear(rows)
            squares = light.reshape(len(rows) // shrink, shrink, -1, shrink, 3)
            rows = linear_to_srgb(squares.mean(axis=(1, 3), dtype=np.float32))
        parts.append(rows)
    return np.concatenate(parts), shrink


def enlarged(change: Float32, shrink: int, place: tuple[slice, slice]) -> Float32:
    """A part of a change at the size of the photo, whatever part: tiles fit without seams.

    Args:
        change: (h, w, 3), of the smaller picture.
        shrink: By how much it is smaller.
        place: Rows and columns of the photo.
    """
    if shrink == 1:
        return change[place]
    taps = [_taps(part, shrink, side) for part, side in zip(place, change.shape[:2], strict=True)]
    (above, below, down), (left, right, across) = taps
    rows = change[above] * (1 - down)[:, None, None] + change[below] * down[:, None, None]
    columns = across[:, None]
    both = rows[:, left] * (1 - columns) + rows[:, right] * columns
    return np.asarray(both, np.float32)


def _taps(
    part: slice, shrink: int, side: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], Float32]:
    """The two smaller pixels about each pixel, and the share of the second."""
    centre = (np.arange(part.start, part.stop) + 0.5) / shrink - 0.5
    first = np.floor(centre).astype(np.intp)
    share = (centre - first).astype(np.float32)
    return np.clip(first, 0, side - 1), np.clip(first + 1, 0, side - 1), share
