"""Before and after, side by side, labelled."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

_GLYPHS: Final = {  # 5x7 dots; drawn here because a machine may have no fonts at all
    "A": "01110 10001 10001 11111 10001 10001 10001",
    "B": "11110 10001 10001 11110 10001 10001 11110",
    "E": "11111 10000 10000 11110 10000 10000 11111",
    "F": "11111 10000 10000 11110 10000 10000 10000",
    "O": "01110 10001 10001 10001 10001 10001 01110",
    "R": "11110 10001 10001 11110 10100 10010 10001",
    "T": "11111 00100 00100 00100 00100 00100 00100",
}
_GAP_PX: Final = 4
_LEAST_SIDE_PX: Final = 64
"""Pictures smaller than this are enlarged, so that the labels fit."""


def before_after(before: Float32, after: Float32) -> Float32:
    """Set two pictures side by side, each with its label in the upper left corner.

    Args:
        before: (H, W, 3) in [0, 1].
        after: Same shape and range.

    Returns:
        (H', 2 W' + 4, 3); H' and W' are H and W, or multiples of them for tiny pictures.
    """
    times = -(-_LEAST_SIDE_PX // min(before.shape[:2]))
    halves = [
        _labelled(half.repeat(times, axis=0).repeat(times, axis=1), text)
        for half, text in ((before, "BEFORE"), (after, "AFTER"))
    ]
    gap = np.ones((halves[0].shape[0], _GAP_PX, 3), np.float32)
    return np.concatenate([halves[0], gap, halves[1]], axis=1)


def _labelled(picture: Float32, text: str) -> Float32:
    """White dots on a darkened plate; about a twentieth of the picture high."""
    dots = np.zeros((9, 6 * len(text) + 1), bool)
    for index, letter in enumerate(text):
        rows = [[bit == "1" for bit in row] for row in _GLYPHS[letter].split()]
        dots[1:8, 6 * index + 1 : 6 * index + 6] = rows
    height, width, _ = picture.shape
    dot_px = max(1, min(height // 180, width // (2 * dots.shape[1])))
    label = dots.repeat(dot_px, axis=0).repeat(dot_px, axis=1)[:height, :width]
    plate = picture[: label.shape[0], : label.shape[1]]
    plate *= 0.35
    plate[label] = 1
    return picture
