"""The blur kernels that a shaken camera's paths leave."""

from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.devices import cores
from unblur.errors import OptionError
from unblur.imaging.blur.trajectories import random_trajectories

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

_SPLAT_TOGETHER: Final = 32
"""Paths turned into kernels together: few enough to stay in cache."""
_ROUNDING_PX: Final = 1e-9
"""How far a path may stick out because of the rounding of its mean."""


def trajectory_kernels(paths: Float64, *, canvas_px: int = 64, centred: bool = True) -> Float32:
    """Turn paths into blur kernels by spreading every point over its four nearest pixels.

    Args:
        paths: (N, M, 2), x and y in pixels.
        canvas_px: Least side of the kernels in pixels; made odd, so that there is a centre.
        centred: Put the mean of each path on the centre pixel, so that blurring does not move
            the picture. False puts the origin there.

    Returns:
        Kernels of shape (N, K, K), rows are y; non-negative, each summing to 1.

    Raises:
        OptionError: If a path does not fit on the canvas.

    References:
        Sub-pixel interpolation of the trajectory: DeblurGAN, section 4, Algorithm 1.
    """
    _check_canvas(canvas_px)
    side = canvas_px | 1
    kernels = np.empty((len(paths), side, side), np.float32)
    blocks = [
        slice(start, start + _SPLAT_TOGETHER) for start in range(0, len(paths), _SPLAT_TOGETHER)
    ]

    def fill(block: slice) -> None:
        kernels[block] = _splat(paths[block], canvas_px, centred)

    if len(blocks) == 1:
        fill(blocks[0])
    else:
        with ThreadPoolExecutor(cores()) as pool:
            list(pool.map(fill, blocks))
    return kernels


def _splat(paths: Float64, canvas_px: int, centred: bool) -> Float32:
    """Kernels of a few paths.

    Neighbouring points mostly fall between the same four pixels. With the fractions fx, fy of
    such a run of n points, its four weights are sums over the run: (1 - fx)(1 - fy) gives
    n - Sx - Sy + Sxy, and so on. Only the runs, far fewer, are then scattered.
    """
    side = canvas_px | 1
    centre = side // 2
    count, samples, _ = paths.shape
    points = paths.transpose(2, 0, 1).copy()
    if centred:
        points -= points.mean(axis=2, keepdims=True)
    needed = _side_px(points)
    if not needed <= side:  # so that NaN fails
        raise OptionError(f"the path needs a kernel of {needed:g} px, got canvas_px={canvas_px}")

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


def least_canvas_px(paths: Float64, *, centred: bool = True) -> int:
    """The side in pixels of the smallest kernel that holds each of (N, M, 2) paths."""
    return int(_side_px(paths - paths.mean(axis=1, keepdims=True) if centred else paths))


def _side_px(points: Float64) -> float:
    reach = float(np.abs(points).max(initial=0.0))
    return 2 * float(np.ceil(reach - _ROUNDING_PX)) + 1


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
        preset: A name in :data:`unblur.imaging.blur.trajectories.PRESETS`.

    Returns:
        Kernels of shape (N, K, K), K odd; non-negative, each summing to 1, centred.

    Raises:
        OptionError: If an argument is out of range or a path does not fit on the canvas.

    References:
        DeblurGAN, Algorithm 1. The authors let the kernels of growing exposures pile up; here
        each kernel has one exposure and sums to 1 (ADR 0002).

    Examples:
        >>> import numpy as np
        >>> from unblur import random_kernels
        >>> kernels = random_kernels(4, rng=np.random.default_rng(1), length_px=30)
        >>> kernels.shape, kernels.sum(axis=(1, 2)).round(4).tolist()
        ((4, 65, 65), [1.0, 1.0, 1.0, 1.0])
    """
    if not exposure or not all(0 < fraction <= 1 for fraction in exposure):
        raise OptionError(f"exposure needs fractions in (0, 1], got {exposure}")
    _check_canvas(canvas_px)
    paths = random_trajectories(count, rng=rng, length_px=length_px, samples=samples, preset=preset)
    which = rng.integers(len(exposure), size=count)
    side = canvas_px | 1
    kernels = np.empty((count, side, side), np.float32)
    for index, fraction in enumerate(exposure):
        exposed = max(2, round(fraction * samples))
        # All of them as a slice: a view, where a list of indices would copy the paths.
        chosen = slice(None) if len(exposure) == 1 else np.flatnonzero(which == index)
        kernels[chosen] = trajectory_kernels(paths[chosen, :exposed], canvas_px=canvas_px)
    return kernels


def _check_canvas(canvas_px: int) -> None:
    if canvas_px < 2:  # noqa: PLR2004
        raise OptionError(f"canvas_px must be at least 2, got {canvas_px}")
