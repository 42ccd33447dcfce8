"""Which frames of a video are averaged: windows of random size, one after the other."""

import math
from dataclasses import dataclass

import numpy as np

from unblur import checks
from unblur.errors import OptionError
from unblur.imaging.video.exposure import GAMMAS


@dataclass(frozen=True, kw_only=True)
class AverageOptions:
    """Which frames are averaged, and how."""

    frames: tuple[int, int] = (5, 25)
    """A window has as many frames as one of the odd numbers from the first to the second."""
    stride: int | None = None
    """Frames from the start of a window to that of the next; None: the next begins where one
    ends."""
    gamma: str = "2.2"
    """Curve of the frames, one of :data:`unblur.imaging.video.exposure.GAMMAS`."""
    fps: float | None = None
    """Frames a second, in place of what the video says."""
    max_step_px: float = 2.0
    """Windows with a longer step from one frame to the next are skipped; see
    :func:`unblur.imaging.video.flow.step_px`."""
    seed: int = 0
    """The size of a window depends on the seed and the window's number alone."""

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            OptionError: If a value is out of range.
        """
        low, high = self.frames
        if not 1 <= low <= high:
            raise OptionError(
                f"frames must be a range A..B with 1 <= A <= B, got {low}..{high}; 5..25 would work"
            )
        if not self.sizes:
            raise OptionError(
                f"frames must hold an odd number, for a window to have a middle, got {low}; "
                f"{low + 1} would work"
            )
        if self.stride is not None and self.stride < 1:
            raise OptionError(f"stride must be at least 1 frame, got {self.stride}")
        checks.one_of(self, gamma=GAMMAS)
        for name, value in (("fps", self.fps), ("max_step_px", self.max_step_px)):
            if value is not None and not 0 < value < math.inf:
                raise OptionError(f"{name} must be positive and finite, got {value:g}")
        checks.not_negative(self, "seed")

    @property
    def sizes(self) -> range:
        """Numbers of frames that a window may have."""
        low, high = self.frames
        return range(low | 1, high + 1, 2)


@dataclass(frozen=True, kw_only=True)
class Window:
    """Neighbouring frames, ``size`` of them, an odd number; ``first`` is the first one's."""

    number: int
    first: int
    size: int

    @property
    def middle(self) -> int:
        """Number of the middle frame."""
        return self.first + self.size // 2

    @property
    def end(self) -> int:
        """Number of the frame after the last."""
        return self.first + self.size


def draw_window(options: AverageOptions, number: int, first: int) -> Window:
    """The window of this number, if it begins at this frame."""
    sizes = options.sizes
    draw = np.random.default_rng([options.seed, number]).integers(len(sizes))
    return Window(number=number, first=first, size=sizes[int(draw)])


def following_window(options: AverageOptions, window: Window, next_free: int) -> Window:
    """The window after this one; without a stride it begins at the next free frame."""
    first = next_free if options.stride is None else window.first + options.stride
    return draw_window(options, window.number + 1, first)
