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


def shrunk_picture(picture: Picture, shrink: int | None = None) -> tuple[Float32, int]:
    """A picture as it is worked on, see :func:`shrunk`, and by how much it is smaller.

    Reads a few rows at a time.

    Args:
        picture: Any size.
        shrink: By how much smaller; None makes it as small as blurs are looked for in.
    """
    if shrink is None:
        shrink = 1
        while picture.height * picture.width > _MOST_PX * shrink**2:
            shrink += 1
    columns = slice(0, picture.width // shrink * shrink)
    height = picture.height // shrink * shrink
    parts = []
    step = _STRIP_ROWS // shrink * shrink
    for top in range(0, height, step):
        rows = picture.read(slice(top, min(top + step, height)), columns)
        parts.append(shrunk(rows, shrink))
    return np.concatenate(parts), shrink


def shrunk(pixels: Float32, shrink: int) -> Float32:
    """Pixels at a whole fraction of their size: means of squares of light.

    What is left over on the right and below is no part of it.

    Args:
        pixels: (H, W, 3) sRGB-encoded in [0, 1].
        shrink: By how much smaller.
    """
    if shrink == 1:
        return pixels
    height, width = (side // shrink * shrink for side in pixels.shape[:2])
    return linear_to_srgb(means(srgb_to_linear(pixels[:height, :width]), shrink))


def means(values: Float32, shrink: int) -> Float32:
    """Means of squares of so many pixels a side; what is left over is no part of them.

    Args:
        values: (H, W, C).
        shrink: By how much smaller.
    """
    height, width = (side // shrink for side in values.shape[:2])
    whole = values[: height * shrink, : width * shrink]
    squares = whole.reshape(height, shrink, width, shrink, -1)
    return np.asarray(squares.mean(axis=(1, 3), dtype=np.float32))


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
