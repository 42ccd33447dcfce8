"""How a photo's parts are blurred, and what that says of the whole."""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.imaging.measure.sharpness import luma
from unblur.imaging.measure.spectrum import (
    SpectralBlur,
    difference_structure,
    has_detail,
    noise_energy,
    spectral_blur,
)

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Place = tuple[slice, slice]

_CELL_PX: Final = 160
_MOST_CELLS: Final = 12
_PATCH_PX: Final = 256
"""Of larger cells, the middle is looked at."""


def cell_structures(pixels: Float32) -> tuple[list[Place], Float64]:
    """How the pixels of each part of a photo differ by distance.

    Args:
        pixels: (H, W, 3) in [0, 1], display-encoded; at least 64 px a side.

    Returns:
        Rows and columns of each part, row by row; and (parts, 8, 7), see
        :func:`unblur.imaging.measure.spectrum.difference_structure`.
    """
    places = list(_places(*pixels.shape[:2]))
    return places, np.stack([_structure(pixels, place) for place in places])


def mean_blur(structures: Float64, noise: float) -> SpectralBlur | None:
    """The blur of a photo by the mean of its parts; None if no part has anything to judge by."""
    if not any(has_detail(structure, noise) for structure in structures):
        return None
    return spectral_blur(structures.mean(axis=0), noise)


def photo_blur(pixels: Float32) -> SpectralBlur | None:
    """The blur of a photo, (H, W, 3) in [0, 1]; None if there is nothing to judge by."""
    _, structures = cell_structures(pixels)
    return mean_blur(structures, noise_energy(structures))


def middles(side: int, parts: int, most: int) -> Iterator[slice]:
    """The middles, at most so long, of equal parts of a side."""
    for part in range(parts):
        start, stop = part * side // parts, (part + 1) * side // parts
        cut = max(0, stop - start - most) // 2
        yield slice(start + cut, min(stop, start + cut + most))


def _places(height: int, width: int) -> Iterator[tuple[slice, slice]]:
    """The parts of a photo, row by row."""
    rows, columns = (min(max(round(side / _CELL_PX), 1), _MOST_CELLS) for side in (height, width))
    for row in range(rows):
        for column in range(columns):
            yield (
                slice(row * height // rows, (row + 1) * height // rows),
                slice(column * width // columns, (column + 1) * width // columns),
            )


def _structure(pixels: Float32, place: tuple[slice, slice]) -> Float64:
    part = pixels[place]
    rows, columns = (next(middles(side, 1, _PATCH_PX)) for side in part.shape[:2])
    return difference_structure(luma(part[rows, columns]))
