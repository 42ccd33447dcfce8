"""A contact sheet of shakes: every path beside the kernel that it leaves, with a label."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.imaging.blur.kernels import trajectory_kernels

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

_PANEL_PX: Final = 160
_GAP_PX: Final = 12
_TEXT_SCALE: Final = 3
_TEXT_PX: Final = 7 * _TEXT_SCALE
_PAPER: Final = np.array([1.0, 1.0, 1.0], np.float32)
_INK: Final = np.array([0.1, 0.1, 0.12], np.float32)
_FAINT: Final = np.array([0.78, 0.78, 0.8], np.float32)
_EXPOSED: Final = np.array([0.8, 0.15, 0.1], np.float32)

# Letters of 3x5 pixels, a digit 0 to 7 for each row. Our own, since a machine may have no fonts.
_KNOWN: Final = "0123456789ADEHNOPSTX.#"
_ROWS: Final = (
    "75557 26227 71747 71717 55711 74717 74757 71111 75757 75717 "
    "25755 65556 74647 55755 75555 75557 75744 74717 72222 55255 00002 57575"
)
_LETTERS: Final = dict(zip(_KNOWN, _ROWS.split(), strict=True))


def draw_sheet(paths: Float64, exposed: NDArray[np.intp], kernels: Float32) -> Float32:
    """Draw paths and kernels in a grid.

    Args:
        paths: (N, M, 2), x and y in pixels.
        exposed: (N,) how many points of each path the kernel shows; the rest is drawn faintly.
        kernels: (N, K, K).

    Returns:
        The sheet, (H, W, 3) in [0, 1]. All paths have one scale, the kernels another: the whole
        canvas, each as bright as its brightest point.
    """
    columns = max(1, round(np.sqrt(len(paths))))
    cell_height, cell_width = _PANEL_PX + _TEXT_PX + _GAP_PX, 2 * _PANEL_PX + _GAP_PX
    rows = -(-len(paths) // columns)
    shape = rows * cell_height + _GAP_PX, columns * (cell_width + _GAP_PX) + _GAP_PX, 3
    sheet = np.empty(shape, np.float32)
    sheet[:] = _PAPER
    centred = paths - (paths.max(axis=1, keepdims=True) + paths.min(axis=1, keepdims=True)) / 2
    scale = (_PANEL_PX / 2 - 4) / max(np.abs(centred).max(initial=0.0), 1e-9)
    for index, (path, count, kernel) in enumerate(zip(centred, exposed, kernels, strict=True)):
        top = index // columns * cell_height + _GAP_PX
        left = index % columns * (cell_width + _GAP_PX) + _GAP_PX
        view = sheet[top : top + _PANEL_PX, left : left + _PANEL_PX]
        _draw_path(view, path * scale, _FAINT)
        _draw_path(view, path[:count] * scale, _EXPOSED)
        beside = left + _PANEL_PX + _GAP_PX
        sheet[top : top + _PANEL_PX, beside : beside + _PANEL_PX] = _enlarged(kernel)
        steps = np.hypot(*np.diff(path[:count], axis=0).T)
        extent = np.ptp(path[:count], axis=0).max()
        label = f"#{index + 1} PATH {steps.sum():.0f} EXTENT {extent:.0f} PX"
        text = sheet[top + _PANEL_PX + _TEXT_SCALE :, left : left + cell_width]
        _write(text, label)
    return sheet


def picture_grid(rows: list[list[Float32]]) -> Float32:
    """Set pictures of one size in rows and columns, on white.

    Args:
        rows: Equally many pictures in each, (H, W, 3) in [0, 1].

    Returns:
        (H', W', 3).
    """
    gap = _GAP_PX // 2
    lines = [
        np.concatenate(
            [np.pad(each, ((gap, 0), (gap, 0), (0, 0)), constant_values=1) for each in row], axis=1
        )
        for row in rows
    ]
    return np.pad(np.concatenate(lines), ((0, gap), (0, gap), (0, 0)), constant_values=1)


def _draw_path(view: Float32, path: Float64, ink: Float32) -> None:
    """Draw a path of (M, 2) pixels about the middle of a view."""
    # A path enlarged has gaps between its points: fill them before spreading them over pixels.
    length = np.hypot(*np.diff(path, axis=0).T).sum()
    times = np.linspace(0, len(path) - 1, max(len(path), int(4 * length)))
    filled = np.stack([np.interp(times, np.arange(len(path)), xy) for xy in path.T], axis=1)
    drawn = trajectory_kernels(filled[None], canvas_px=_PANEL_PX, centred=False)[0]
    covered = np.clip(drawn[:_PANEL_PX, :_PANEL_PX] * len(filled) / 2, 0, 1)[..., None]
    view[:] = view * (1 - covered) + ink * covered


def _enlarged(kernel: Float32) -> Float32:
    """A kernel in squares, white on black; square roots show its faint parts, too."""
    place = (np.arange(_PANEL_PX) * len(kernel)) // _PANEL_PX
    grey: Float32 = np.sqrt(kernel / kernel.max())[np.ix_(place, place)][..., None]
    return grey


def _write(view: Float32, text: str) -> None:
    room = view.shape[1] // (4 * _TEXT_SCALE)
    for place, character in enumerate(text[:room]):
        if character == " ":
            continue
        rows = np.array([[int(row) >> bit & 1 for bit in (2, 1, 0)] for row in _LETTERS[character]])
        shape = np.kron(rows, np.ones((_TEXT_SCALE, _TEXT_SCALE), int)).astype(bool)
        left = place * 4 * _TEXT_SCALE
        view[: shape.shape[0], left : left + shape.shape[1]][shape] = _INK
