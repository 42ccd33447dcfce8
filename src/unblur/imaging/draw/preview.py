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


_INSET_SHARE: Final = 6
"""The path takes the so-manieth part of the shorter side, as nearly as whole pixels allow."""
_INSET_EDGE: Final = 2


def before_after(before: Float32, after: Float32, *, path: Float32 | None = None) -> Float32:
    """Set two pictures side by side, each with its label in the upper left corner.

    Args:
        before: (H, W, 3) in [0, 1].
        after: Same shape and range.
        path: (K, K) the kernel that was undone, to be shown in the first picture's lower right
            corner: the way each point of light went; None: there is none to show.

    Returns:
        (H', 2 W' + 4, 3); H' and W' are H and W, or multiples of them for tiny pictures.
    """
    times = -(-_LEAST_SIDE_PX // min(before.shape[:2]))
    halves = [
        _labelled(half.repeat(times, axis=0).repeat(times, axis=1), text)
        for half, text in ((before, "BEFORE"), (after, "AFTER"))
    ]
    if path is not None:
        inset = draw_path(path, min(halves[0].shape[:2]) // _INSET_SHARE)
        halves[0][-len(inset) :, -len(inset) :] = inset[..., None]
    gap = np.ones((halves[0].shape[0], _GAP_PX, 3), np.float32)
    return np.concatenate([halves[0], gap, halves[1]], axis=1)


def draw_path(path: Float32, side: int) -> Float32:
    """The way each point of light went: white on a black square with a thin frame.

    Args:
        path: (K, K) the kernel.
        side: In px; kept as nearly as whole pixels allow.

    Returns:
        (S, S) in [0, 1].
    """
    rows, columns = np.nonzero(path)
    middle = len(path) // 2
    reach = 1 + int(max(np.abs(rows - middle).max(), np.abs(columns - middle).max()))
    path = np.pad(path, reach)[middle : middle + 2 * reach + 1, middle : middle + 2 * reach + 1]
    if len(path) > side:  # means of squares: a long path in a small picture
        shrink = -(-len(path) // side)
        path = np.pad(path, (0, -len(path) % shrink))
        path = path.reshape(len(path) // shrink, shrink, -1, shrink).mean(axis=(1, 3))
    times = max(1, side // len(path))
    bright = np.sqrt(path / path.max()).repeat(times, axis=0).repeat(times, axis=1)
    return np.pad(bright, _INSET_EDGE, constant_values=0.6).astype(np.float32)


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
