"""Draw strokes with a direction and a length over a picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

_INK: Final = np.array([1.0, 0.85, 0.1], np.float32)
_OUTLINE: Final = np.array([0.0, 0.0, 0.0], np.float32)
_DARKENED: Final = np.float32(0.8)
"""The picture steps back a little behind the strokes."""


@dataclass(frozen=True, kw_only=True)
class Stroke:
    """A straight stroke with round ends; of length 0, a dot.

    Attributes:
        x: Of its middle, in pixels.
        y: Of its middle, in pixels.
        length_px: Between the middles of its ends.
        angle_deg: 0 is horizontal, counter-clockwise.
    """

    x: float
    y: float
    length_px: float
    angle_deg: float


def draw_strokes(pixels: Float32, strokes: Sequence[Stroke], *, thick_px: float) -> Float32:
    """Draw strokes, yellow with a black outline, over a slightly darkened picture.

    Args:
        pixels: (H, W, 3) in [0, 1].
        strokes: Any number of them; what sticks out of the picture is cut off.
        thick_px: Thickness of the strokes without their outline.

    Returns:
        A new picture of the same shape.
    """
    drawn = pixels * _DARKENED
    height, width, _ = pixels.shape
    for stroke in strokes:
        reach = stroke.length_px / 2 + 2 * thick_px
        rows, columns = (
            slice(max(0, int(middle - reach)), max(0, min(side, int(middle + reach) + 2)))
            for middle, side in ((stroke.y, height), (stroke.x, width))
        )
        right, down = np.meshgrid(
            np.arange(columns.start, columns.stop) - stroke.x,
            np.arange(rows.start, rows.stop) - stroke.y,
        )
        angle = np.radians(stroke.angle_deg)
        along = right * np.cos(angle) - down * np.sin(angle)
        across = right * np.sin(angle) + down * np.cos(angle)
        away = np.hypot(np.maximum(np.abs(along) - stroke.length_px / 2, 0), across)
        for ink, radius in ((_OUTLINE, thick_px), (_INK, thick_px / 2)):
            covered = np.clip(radius + 0.5 - away, 0, 1).astype(np.float32)[..., None]
            view = drawn[rows, columns]
            view += covered * (ink - view)
    return drawn
