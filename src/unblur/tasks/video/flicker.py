"""Flicker: a network sees one frame at a time; hold its change steady where nothing moves."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

_HOLD: Final = 0.9
"""Share of the last change in the next where nothing moves."""
_STILL: Final = 3 / 255
"""Frames that differ so much are held no longer: e^-1 of `_HOLD`."""
_AROUND_PX: Final = 9
_MOVES: Final = (1.0, 3.0)
"""Where frames differ by so many times `_STILL`, something moves; in between, in part."""
_MOST_SHARPER: Final = 3.0
_FAINT: Final = 1 / 255
"""Added to gradients before their growth is told."""


class Steadier:
    """Holds what a network changes steady from frame to frame, and measures what is left.

    Encoders make still scenes breathe by a code or two, and a network answers each breath with
    another change. Where the frame hardly differs from the last, the change is mostly the last
    one; where anything moves, it stays as it is.

    Where anything moves, a sharper edge changes more as it passes by, which is no flicker: the true
    frames of films of averaged frames change 1.2 to 1.4 times as much as these (ADR 0009). So the
    change of the source counts there as many times as its gradients grew.

    Args:
        strength: Share of the change that is used, 0 to 1.
    """

    def __init__(self, strength: float = 1.0) -> None:
        self._strength = np.float32(strength)
        self._last: tuple[Float32, Float32] | None = None
        self._before = self._after = 0.0

    def add(self, rgb: Float32, restored: Float32) -> Float32:
        """Take the next frame.

        Args:
            rgb: (H, W, 3) in [0, 1].
            restored: What the network makes of it.

        Returns:
            What to add to the frame, (H, W, 3) in [-1, 1].
        """
        change = (restored - rgb) * self._strength
        if self._last is not None:
            last_rgb, last_change = self._last
            moved = rgb - last_rgb
            stillness = _box(np.abs(moved).mean(axis=2)) / np.float32(_STILL)
            held = np.float32(_HOLD) * np.exp(-(stillness**2))
            change += held[..., None] * (last_change - change)
            moves = np.clip((stillness - _MOVES[0]) / (_MOVES[1] - _MOVES[0]), 0, 1)
            sharper = 1 + moves * (_growth(rgb, rgb + change) - 1)
            self._before += float((np.abs(moved).mean(axis=2) * sharper).mean())
            self._after += float(np.abs(moved + (change - last_change)).mean())
        self._last = (rgb, change)
        return change

    @property
    def ratio(self) -> float | None:
        """Mean change from frame to frame, in what the source's would be if it were as sharp.

        None if nothing changes there.
        """
        return self._after / self._before if self._before else None


def _growth(before: Float32, after: Float32) -> Float32:
    """How many times as steep a frame became around each pixel, 1 at least."""
    steep, steeper = (
        _box(_steepness(each.mean(axis=2))) + np.float32(_FAINT) for each in (before, after)
    )
    return np.clip(steeper / steep, 1, _MOST_SHARPER)


def _steepness(plane: Float32) -> Float32:
    """The size of the differences to the right and down, (H, W)."""
    right = np.abs(np.diff(plane, axis=1, append=plane[:, -1:]))
    down = np.abs(np.diff(plane, axis=0, append=plane[-1:]))
    return right + down


def _box(values: Float32) -> Float32:
    """The mean around each value."""
    half = _AROUND_PX // 2
    for axis in (0, 1):
        ends = [(half + 1, half) if at == axis else (0, 0) for at in (0, 1)]
        sums = np.cumsum(np.pad(values, ends, mode="edge"), axis=axis, dtype=np.float64)
        far = np.take(sums, range(_AROUND_PX, sums.shape[axis]), axis=axis)
        near = np.take(sums, range(sums.shape[axis] - _AROUND_PX), axis=axis)
        values = ((far - near) / _AROUND_PX).astype(np.float32)
    return values
