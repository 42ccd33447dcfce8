"""Random camera shake: trajectories of a hand-held camera and the blur kernels they leave."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.errors import OptionError

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

_CHUNK: Final = 512
"""Trajectories stepped together: enough to hide Python's cost, few enough to stay in cache."""


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

    paths = np.empty((count, samples, 2))
    for start in range(0, count, _CHUNK):
        stop = min(start + _CHUNK, count)
        path = _step_together(lengths[start:stop], rng, samples, PRESETS[preset])
        paths[start:stop, :, 0] = path.real.T
        paths[start:stop, :, 1] = path.imag.T
    return paths


def _step_together(
    lengths_px: Float64, rng: np.random.Generator, samples: int, preset: ShakePreset
) -> NDArray[np.complex128]:
    """Run the recursion of Algorithm 1 for all paths at once; (M, N), time first."""
    count = len(lengths_px)
    step = lengths_px / (samples - 1)
    anxiety = rng.choice(preset.anxiety, count)
    gaussian = rng.uniform(0, preset.gaussian_max, count)
    impulse = rng.uniform(0, preset.impulse_max, count)
    inertia = rng.uniform(0, preset.inertia_max, count)
    velocity = step * np.exp(2j * np.pi * rng.uniform(size=count))

    jitter = rng.standard_normal((samples - 1, count, 2)).view(np.complex128)[..., 0]
    jitter *= anxiety * gaussian * step
    pull = anxiety * inertia * step
    about_face = rng.uniform(size=(samples - 1, count)) < impulse * anxiety
    any_about_face = about_face.any(axis=1)

    path = np.zeros((samples, count), np.complex128)
    for t in range(samples - 1):
        change = jitter[t] - pull * path[t]
        if any_about_face[t]:
            turn = np.exp(1j * (np.pi + rng.uniform(-0.5, 0.5, count)))
            change += np.where(about_face[t], 2 * velocity * turn, 0)
        velocity += change
        velocity *= step / np.abs(velocity)
        np.add(path[t], velocity, out=path[t + 1])
    return path


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
    centre = side // 2
    count, samples, _ = paths.shape
    points = paths - paths.mean(axis=1, keepdims=True)
    np.round(points, 9, out=points)  # a mean's rounding must not push an end off the canvas
    reach = float(np.abs(points).max(initial=0.0))
    if not reach <= centre:  # so that NaN fails
        needed = 2 * int(np.ceil(reach)) + 1 if np.isfinite(reach) else reach
        raise OptionError(f"the path needs a kernel of {needed} px, got canvas_px={canvas_px}")

    points += centre
    corner = np.minimum(points.astype(np.int64), side - 2)  # points are positive: a floor
    right, below = np.moveaxis(points - corner, 2, 0)
    first = corner[..., 1] * side + corner[..., 0]
    first += np.arange(count)[:, None] * side * side
    kernels = np.zeros(count * side * side)
    for shift, weight in (
        (0, (1 - right) * (1 - below)),
        (1, right * (1 - below)),
        (side, (1 - right) * below),
        (side + 1, right * below),
    ):
        kernels += np.bincount((first + shift).ravel(), weight.ravel(), kernels.size)
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
