"""Look at random shakes: a sheet of them, and what they are like on average."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unblur import checks
from unblur.errors import OptionError
from unblur.imaging.blur.kernels import least_canvas_px, trajectory_kernels
from unblur.imaging.blur.trajectories import check_length, random_trajectories
from unblur.imaging.draw.sheet import draw_sheet
from unblur.imaging.photo.photo import Photo, write_photo

_MOST_PIXELS = 10**8
_STRAIGHT = 0.9
"""A path is nearly straight if its ends are this share of its length apart."""


@dataclass(frozen=True, kw_only=True)
class ShakeOptions:
    """Which shakes to draw."""

    count: int = 16
    seed: int = 1
    preset: str = "authors"
    exposure: tuple[float, ...] = (0.1, 0.5, 1.0)
    length_px: float = 60.0

    def __post_init__(self) -> None:
        """Check ranges that the trajectories do not.

        Raises:
            OptionError: If a value is out of range.
        """
        if not 1 <= self.count <= 100_000:  # noqa: PLR2004
            raise OptionError(f"count must be from 1 to 100000, got {self.count}")
        check_length(self.length_px)
        checks.not_negative(self, "seed")
        if not self.exposure or not all(0 < part <= 1 for part in self.exposure):
            raise OptionError(f"exposure needs fractions in (0, 1], got {self.exposure}")


@dataclass(frozen=True, kw_only=True)
class Statistics:
    """What shakes are like on average; lengths in pixels."""

    count: int
    length_px: float
    """Mean length of the exposed paths."""
    extent_px: float
    """Mean of the longer side of the box around the exposed path."""
    straight: float
    """Share of paths whose ends are at least 0.9 of their length apart."""
    end_to_start_px: float
    """Mean distance between the ends."""


class Shakes:
    """Random shakes of given options.

    Args:
        options: Which ones.

    Raises:
        OptionError: If an option is out of range.
    """

    def __init__(self, options: ShakeOptions) -> None:
        rng = np.random.default_rng(options.seed)
        self.paths = random_trajectories(
            options.count, rng=rng, length_px=options.length_px, preset=options.preset
        )
        fraction = rng.choice(options.exposure, options.count)
        exposed = np.rint(fraction * self.paths.shape[1]).astype(np.intp)
        self.exposed: NDArray[np.intp] = np.maximum(exposed, 2)

    def statistics(self) -> Statistics:
        """Means over all shakes."""
        shown = [path[:count] for path, count in zip(self.paths, self.exposed, strict=True)]
        length = np.array([np.hypot(*np.diff(path, axis=0).T).sum() for path in shown])
        extent = np.array([np.ptp(path, axis=0).max() for path in shown])
        between = np.array([np.hypot(*(path[-1] - path[0])) for path in shown])
        return Statistics(
            count=len(shown),
            length_px=float(length.mean()),
            extent_px=float(extent.mean()),
            straight=float((between >= _STRAIGHT * length).mean()),
            end_to_start_px=float(between.mean()),
        )

    def write_sheet(self, target: Path, *, overwrite: bool = False) -> None:
        """Draw all shakes on one labelled picture.

        Raises:
            OptionError: If it would be too large.
            TargetError: If the picture exists or cannot be written.
        """
        shown = [path[:count] for path, count in zip(self.paths, self.exposed, strict=True)]
        canvas = max(64, *(least_canvas_px(path[None]) for path in shown))
        if len(shown) * canvas**2 > _MOST_PIXELS:
            raise OptionError(
                f"a sheet of {len(shown)} kernels of {canvas} px does not fit in memory; draw "
                "fewer, or shorter ones"
            )
        kernels = np.concatenate([trajectory_kernels(p[None], canvas_px=canvas) for p in shown])
        sheet = draw_sheet(self.paths, self.exposed, kernels)
        write_photo(Photo(pixels=sheet), target, overwrite=overwrite)
