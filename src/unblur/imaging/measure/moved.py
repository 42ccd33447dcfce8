"""The part of a photo that something blurred along one path, whatever the rest is like."""

from typing import Final

import numpy as np

from unblur.imaging.measure.cells import cell_structures
from unblur.imaging.measure.detail import Region
from unblur.imaging.measure.spectrum import Float64, has_detail, noise_energy, spectral_blur

_LEAST_PX: Final = 6.0
_LEAST_CERTAINTY: Final = 0.7
"""A cell whose blur is shorter, or whose direction is less certain, tells no path."""
_LEAST_SHARE: Final = 0.35
"""Of a part's cells, that tell paths along the same line."""
_CELLS: Final = 4
"""A part has so many a side, and no more than half of the photo's, which has to measure:"""
_LEAST_SIDE_PX: Final = 1000


def moved_part(pixels: np.ndarray) -> Region | None:
    """Where a photo shows most plainly that it was blurred along a line.

    What is out of focus is blurred in every direction; single edges look as if they were blurred
    along themselves, each along another line. Several cells beside each other that are blurred
    along the same one moved together.

    Args:
        pixels: (H, W, 3) in [0, 1], display-encoded.

    Returns:
        Rows and columns, at most half of the photo's; None if there is no such part, or the photo
        is too small to tell.
    """
    if min(pixels.shape[:2]) < _LEAST_SIDE_PX:
        return None
    places, structures = cell_structures(pixels)
    noise = noise_energy(structures)
    columns = sum(place[0] == places[0][0] for place in places)
    rows = len(places) // columns
    side = min(_CELLS, min(rows, columns) // 2)
    lines = np.array([_line(structure, noise) for structure in structures])
    parts = np.lib.stride_tricks.sliding_window_view(lines.reshape(rows, columns), (side, side))
    shares = np.abs(parts.mean(axis=(2, 3)))
    if shares.max() < _LEAST_SHARE:
        return None
    top, left = (int(at) for at in np.unravel_index(shares.argmax(), shares.shape))
    first = places[top * columns + left]
    last = places[(top + side - 1) * columns + left + side - 1]
    return slice(first[0].start, last[0].stop), slice(first[1].start, last[1].stop)


def _line(structure: Float64, noise: float) -> complex:
    """Twice the direction of a cell's blur, as long as it is certain; 0: none."""
    if not has_detail(structure, noise):
        return 0j
    blur = spectral_blur(structure, noise)
    if blur.length_px < _LEAST_PX or blur.certainty < _LEAST_CERTAINTY:
        return 0j
    return complex(blur.certainty * np.exp(2j * np.radians(blur.angle_deg)))
