"""Random camera shake: trajectories of a hand-held camera and the blur kernels they leave."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.devices import cores
from unblur.errors import OptionError

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

_TOGETHER: Final = 512
"""Trajectories stepped together: enough to hide Python's cost."""
_SPLAT_TOGETHER: Final = 32
"""Paths turned into kernels together: few enough to stay in cache."""
_ROUNDING_PX: Final = 1e-9
"""How far a path may stick out because of the rounding of its mean."""


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
    if preset not in PRESETS:
        raise OptionError(f"unknown preset {preset!r}; known: {', '.join(PRESETS)}")

    blocks = (lengths[start : start + _TOGETHER] for start in range(0, count, _TOGETHER))
    traced = [_trace(_draw(len(block), rng, samples, PRESETS[preset]), block) for block in blocks]
    # Time comes first while stepping; what the caller gets is a view, not a copy.
    together = np.concatenate(traced, axis=2) if len(traced) != 1 else traced[0]
    return together.transpose(2, 0, 1)


@dataclass(frozen=True, kw_only=True)
class _Draws:
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


def _draw(count: int, rng: np.random.Generator, samples: int, preset: ShakePreset) -> _Draws:
    anxiety = rng.choice(preset.anxiety, count)
    gaussian = rng.uniform(0, preset.gaussian_max, count)
    impulse = rng.uniform(0, preset.impulse_max, count)
    inertia = rng.uniform(0, preset.inertia_max, count)
    heading = rng.uniform(size=count)
    jitter = rng.standard_normal((samples - 1, count, 2))
    chance = rng.uniform(size=(samples - 1, count))
    turning = np.flatnonzero((chance < impulse * anxiety).any(axis=1))
    return _Draws(
        anxiety=anxiety,
        gaussian=gaussian,
        impulse=impulse,
        inertia=inertia,
        heading=heading,
        jitter=jitter,
        chance=chance,
        turns={int(t): rng.uniform(-0.5, 0.5, count) for t in turning},
    )


def _trace(draws: _Draws, lengths_px: Float64) -> Float64:
    """Run the recursion of Algorithm 1 for all paths at once; (M, 2, N), x and y, time first."""
    steps, count, _ = draws.jitter.shape
    step = lengths_px / steps
    # Complex numbers of the paper as pairs of rows: NumPy is faster on them.
    heading = 2 * np.pi * draws.heading
    velocity = step * np.stack([np.cos(heading), np.sin(heading)])
    pull = draws.anxiety * draws.inertia * step
    path = np.zeros((steps + 1, 2, count))
    # The jitter waits in the place of the point that it leads to.
    np.multiply(
        draws.jitter.transpose(0, 2, 1), draws.anxiety * draws.gaussian * step, out=path[1:]
    )
    change, square, speed = np.empty((2, count)), np.empty((2, count)), np.empty(count)
    for t in range(steps):
        here, there = path[t], path[t + 1]
        np.multiply(here, pull, out=change)
        np.subtract(there, change, out=change)
        if t in draws.turns:
            change += _about_face(velocity, draws.turns[t], draws.chance[t] < _chance(draws))
        velocity += change
        np.multiply(velocity, velocity, out=square)
        np.add(square[0], square[1], out=speed)
        np.sqrt(speed, out=speed)
        np.divide(step, speed, out=speed)
        velocity *= speed
        np.add(here, velocity, out=there)
    return path


def _chance(draws: _Draws) -> Float64:
    return draws.impulse * draws.anxiety


def _about_face(velocity: Float64, angle: Float64, turning: NDArray[np.bool_]) -> Float64:
    """Twice the velocity, turned by half a circle and an angle, for the paths that turn."""
    cosine, sine = np.cos(np.pi + angle), np.sin(np.pi + angle)
    x, y = 2 * velocity
    return np.stack([x * cosine - y * sine, x * sine + y * cosine]) * turning


def trajectory_kernels(paths: Float64, *, canvas_px: int = 64) -> Float32:
    """Turn paths into blur kernels by spreading every point over its four nearest pixels.

    Args:
        paths: (N, M, 2), x and y in pixels; only their shape matters, not where they start.
        canvas_px: Least side of the kernels in pixels; made odd, so that there is a centre.

    Returns:
        Kernels of shape (N, K, K), rows are y; non-negative, each summing to 1, with the
        centroid on the centre pixel so that blurring does not move the picture.

    Raises:
        OptionError: If a path does not fit on the canvas.

    References:
        Sub-pixel interpolation of the trajectory: DeblurGAN, section 4, Algorithm 1.
    """
    if canvas_px < 2:  # noqa: PLR2004
        raise OptionError(f"canvas_px must be at least 2, got {canvas_px}")
    side = canvas_px | 1
    kernels = np.empty((len(paths), side, side), np.float32)
    blocks = [
        slice(start, start + _SPLAT_TOGETHER) for start in range(0, len(paths), _SPLAT_TOGETHER)
    ]

    def fill(block: slice) -> None:
        kernels[block] = _splat(paths[block], canvas_px)

    if len(blocks) == 1:
        fill(blocks[0])
    else:
        with ThreadPoolExecutor(cores()) as pool:
            list(pool.map(fill, blocks))
    return kernels


def _splat(paths: Float64, canvas_px: int) -> Float32:
    """Kernels of a few paths.

    Neighbouring points mostly fall between the same four pixels. With the fractions fx, fy of
    such a run of n points, its four weights are sums over the run: (1 - fx)(1 - fy) gives
    n - Sx - Sy + Sxy, and so on. Only runs are then scattered, some 20 times fewer.
    """
    side = canvas_px | 1
    centre = side // 2
    count, samples, _ = paths.shape
    points = np.ascontiguousarray(paths.transpose(2, 0, 1))
    points -= points.mean(axis=2, keepdims=True)
    reach = float(np.abs(points).max(initial=0.0))
    if not reach <= centre + _ROUNDING_PX:  # so that NaN fails
        needed = 2 * int(np.ceil(reach)) + 1 if np.isfinite(reach) else reach
        raise OptionError(f"the path needs a kernel of {needed} px, got canvas_px={canvas_px}")

    points += centre
    np.clip(points, 0, side - 1, out=points)
    corner = np.minimum(points.astype(np.int32), side - 2)  # points are positive: a floor
    points -= corner
    x, y = points.reshape(2, -1)
    cell = (corner[1] * side + corner[0] + np.arange(count)[:, None] * side * side).ravel()
    first = np.flatnonzero(np.diff(cell, prepend=-1))
    places = cell[first]
    n = np.diff(first, append=cell.size)
    sx, sy, sxy = (np.add.reduceat(values, first) for values in (x, y, x * y))
    kernels = np.zeros(count * side * side)
    for shift, weight in ((0, n - sx - sy + sxy), (1, sx - sxy), (side, sy - sxy), (side + 1, sxy)):
        kernels += np.bincount(places + shift, weight, kernels.size)
    np.maximum(kernels, 0, out=kernels)  # differences of sums may miss zero by a rounding
    shaped: Float32 = (kernels / samples).astype(np.float32).reshape(count, side, side)
    return shaped


def random_kernels(  # noqa: PLR0913 - each is a documented degree of freedom of the blur
    count: int,
    *,
    rng: np.random.Generator,
    canvas_px: int = 64,
    length_px: float | Float64 = 60.0,
    exposure: tuple[float, ...] = (0.1, 0.5, 1.0),
    samples: int = 2000,
    preset: str = "authors",
) -> Float32:
    """Draw random camera-shake kernels.

    Args:
        count: Number of kernels, N.
        rng: Source of randomness; equal states give equal kernels.
        canvas_px: Least side of the kernels in pixels; made odd.
        length_px: Length of the whole path in pixels: one number, or one per kernel.
        exposure: Fractions of the path, in (0, 1], of which each kernel gets one at random.
        samples: Points on each path.
        preset: A name in :data:`PRESETS`.

    Returns:
        Kernels of shape (N, K, K), K odd; non-negative, each summing to 1, centred.

    Raises:
        OptionError: If an argument is out of range or a path does not fit on the canvas.

    References:
        DeblurGAN, Algorithm 1. The authors let the kernels of growing exposures pile up; here
        each kernel has one exposure and sums to 1 (ADR 0002).
    """
    if not exposure or not all(0 < fraction <= 1 for fraction in exposure):
        raise OptionError(f"exposure needs fractions in (0, 1], got {exposure}")
    paths = random_trajectories(count, rng=rng, length_px=length_px, samples=samples, preset=preset)
    which = rng.integers(len(exposure), size=count)
    side = canvas_px | 1
    kernels = np.empty((count, side, side), np.float32)
    for index, fraction in enumerate(exposure):
        exposed = max(2, round(fraction * samples))
        chosen = np.flatnonzero(which == index)
        kernels[chosen] = trajectory_kernels(paths[chosen, :exposed], canvas_px=canvas_px)
    return kernels
