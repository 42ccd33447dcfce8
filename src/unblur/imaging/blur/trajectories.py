"""Random camera shake: the paths that a hand-held camera traces (Algorithm 1)."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.checks import check_known
from unblur.errors import OptionError

Float64 = NDArray[np.float64]

_TOGETHER: Final = 512
"""Trajectories stepped together: enough to hide Python's cost."""
_LONGEST_PX: Final = 10_000.0


@dataclass(frozen=True, kw_only=True)
class ShakePreset:
    """The constants of Algorithm 1 that the paper and its authors' code set differently."""

    anxiety: tuple[float, ...]
    """Values of ``ps`` to draw from: how violent the motion is, 1 per kernel."""
    gaussian_max: float
    """``pg`` is uniform in [0, gaussian_max]: strength of the jitter."""
    impulse_max: float = 0.2
    """``pb`` is uniform in [0, impulse_max]: chance of an about-face."""
    inertia_max: float = 0.7
    """``I`` is uniform in [0, inertia_max]: pull back towards the start."""


PRESETS: Final = {
    "authors": ShakePreset(anxiety=(0.003, 0.005, 0.007, 0.008, 0.009, 0.01), gaussian_max=10.0),
    "paper": ShakePreset(anxiety=(0.001,), gaussian_max=0.7),
}


def random_trajectories(
    count: int,
    *,
    rng: np.random.Generator,
    length_px: float | Float64 = 60.0,
    samples: int = 2000,
    preset: str = "authors",
) -> Float64:
    """Draw the paths that a shaken camera traces over the sensor during an exposure.

    A point moves at constant speed. Each step it is jittered, pulled back towards where it
    started, and now and then thrown into reverse, as when the shutter button is pressed.

    Args:
        count: Number of paths, N.
        rng: Source of randomness; equal states give equal paths.
        length_px: Distance travelled along the path, in pixels: one number, or one per path.
        samples: Points on each path, M, equally spaced in time.
        preset: A name in :data:`PRESETS`. ``paper`` gives long smooth arcs; ``authors``, the
            constants of the code that made the paper's data, small tangles.

    Returns:
        Paths of shape (N, M, 2): x and y in pixels, starting at the origin.

    Raises:
        OptionError: If an argument is out of range or the preset is unknown.

    References:
        Kupyn et al., *DeblurGAN*, CVPR 2018, Algorithm 1, after Boracchi & Foi 2012. The pull
        is subtracted, and the chance of an about-face and its angle are uniform, as in the
        authors' code (ADR 0002).
    """
    if count < 0:
        raise OptionError(f"count must not be negative, got {count}")
    lengths = np.asarray(length_px, np.float64)
    if lengths.shape not in {(), (count,)}:
        raise OptionError(f"length_px must be one number or {count}, got shape {lengths.shape}")
    lengths = np.broadcast_to(lengths, (count,))
    if not ((lengths > 0) & np.isfinite(lengths)).all():
        raise OptionError(f"length_px must be positive and finite, got {length_px}")
    if samples < 2:  # noqa: PLR2004
        raise OptionError(f"samples must be at least 2, got {samples}")
    check_known("preset", preset, PRESETS)

    starts = range(0, max(count, 1), _TOGETHER)  # one empty block if no paths are wanted
    blocks = (lengths[start : start + _TOGETHER] for start in starts)
    traced = [
        draw_numbers(len(block), rng, samples, PRESETS[preset]).trace(block) for block in blocks
    ]
    # Time comes first while stepping; what the caller gets is a view, not a copy.
    together = np.concatenate(traced, axis=2) if len(traced) > 1 else traced[0]
    return together.transpose(2, 0, 1)


@dataclass(frozen=True, kw_only=True)
class Draws:
    """All random numbers of Algorithm 1 for N paths of M points."""

    anxiety: Float64
    """(N,) ``ps``."""
    gaussian: Float64
    """(N,) ``pg``."""
    impulse: Float64
    """(N,) ``pb``."""
    inertia: Float64
    """(N,) ``I``."""
    heading: Float64
    """(N,) first direction in turns, [0, 1)."""
    jitter: Float64
    """(M - 1, N, 2) standard normal."""
    chance: Float64
    """(M - 1, N) in [0, 1): below ``pb * ps`` the path turns about."""
    turns: dict[int, Float64]
    """For each step in which any path turns about: (N,) angles in [-0.5, 0.5) radian."""

    def trace(self, lengths_px: Float64) -> Float64:
        """Run the recursion of Algorithm 1 for all paths at once.

        Args:
            lengths_px: (N,) length of each path.

        Returns:
            (M, 2, N): x and y in pixels, time first.
        """
        steps, count, _ = self.jitter.shape
        step = lengths_px / steps
        # Complex numbers of the paper as pairs of rows: NumPy is faster on them.
        heading = 2 * np.pi * self.heading
        velocity = step * np.stack([np.cos(heading), np.sin(heading)])
        pull = self.anxiety * self.inertia * step
        path = np.zeros((steps + 1, 2, count))
        # The jitter waits in the place of the point that it leads to.
        np.multiply(
            self.jitter.transpose(0, 2, 1), self.anxiety * self.gaussian * step, out=path[1:]
        )
        events = self._about_faces()
        change, square, speed = np.empty((2, count)), np.empty((2, count)), np.empty(count)
        for t in range(steps):
            here, there = path[t], path[t + 1]
            np.multiply(here, pull, out=change)
            np.subtract(there, change, out=change)
            for which, cosine, sine in events.get(t, ()):
                x, y = velocity[0, which], velocity[1, which]
                change[0, which] += 2 * (x * cosine - y * sine)
                change[1, which] += 2 * (x * sine + y * cosine)
            np.add(velocity, change, out=velocity)
            np.multiply(velocity, velocity, out=square)
            np.add(square[0], square[1], out=speed)
            np.sqrt(speed, out=speed)
            np.divide(step, speed, out=speed)
            np.multiply(velocity, speed, out=velocity)
            np.add(here, velocity, out=there)
        return path

    def _about_faces(self) -> dict[int, list[tuple[int, float, float]]]:
        """For each step with any: the paths that turn, cosine and sine of half a circle more."""
        chance = self.impulse * self.anxiety
        events = {}
        for t, angles in self.turns.items():
            which = np.flatnonzero(self.chance[t] < chance)
            turn = np.pi + angles[which]
            events[t] = list(
                zip(which.tolist(), np.cos(turn).tolist(), np.sin(turn).tolist(), strict=True)
            )
        return events


def check_length(length_px: float) -> None:
    """Check the length of the path of one shake.

    Raises:
        OptionError: If it is not positive, or so long that its kernel would fill the memory.
    """
    if not 0 < length_px < float("inf"):
        raise OptionError(f"length_px must be positive and finite, got {length_px}")
    if length_px > _LONGEST_PX:
        raise OptionError(f"length_px must be at most {_LONGEST_PX:g}, got {length_px:g}")


def draw_numbers(count: int, rng: np.random.Generator, samples: int, preset: ShakePreset) -> Draws:
    """Draw the random numbers for so many paths of so many points."""
    anxiety = rng.choice(preset.anxiety, count)
    gaussian = rng.uniform(0, preset.gaussian_max, count)
    impulse = rng.uniform(0, preset.impulse_max, count)
    inertia = rng.uniform(0, preset.inertia_max, count)
    heading = rng.uniform(size=count)
    jitter = rng.standard_normal((samples - 1, count, 2))
    chance = rng.uniform(size=(samples - 1, count))
    turning = np.flatnonzero((chance < impulse * anxiety).any(axis=1))
    return Draws(
        anxiety=anxiety,
        gaussian=gaussian,
        impulse=impulse,
        inertia=inertia,
        heading=heading,
        jitter=jitter,
        chance=chance,
        turns={int(t): rng.uniform(-0.5, 0.5, count) for t in turning},
    )
