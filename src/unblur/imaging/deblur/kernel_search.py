"""Seek the kernel of a blurred plane from coarse to fine, with nothing but the plane."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.imaging.deblur.kernel_fit import NormalEquations
from unblur.imaging.deblur.kernel_support import connected, dilated, resized
from unblur.imaging.deblur.sharp_edges import SharpEdges
from unblur.imaging.fourier import centre_of_mass, forward, good_size, inverse, squared
from unblur.imaging.pyramid import resize_plane

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

SCALE_STEP: Final = 0.5**0.5
_COARSEST_PX: Final = 5
"""Side of the kernel that the search begins with."""
_ROUNDS: Final = 3
_LAST_ROUNDS: Final = 3
_RIDGE: Final = 2.0
"""Against the energy of the gradients: what says little yields a faint, broad kernel."""
_STEPS: Final = 30
_FAINT: Final = 0.12
"""Share of its largest value below which a kernel in the making is noise."""
FAINT_AT_LAST: Final = 0.05
_PART: Final = 0.1
"""Parts with a smaller share of the kernel are noise, if they do not touch the rest."""
_SUPPORT: Final = 0.02
_EDGES_PER_PX: Final = 7
"""So many times the kernel's side: gradients of each direction that count at first."""
_MORE_EDGES: Final = 1.04
_LEAST_EDGES: Final = 10
_BRIGHTEST_USED: Final = 0.05


@dataclass(frozen=True, kw_only=True)
class Search:
    """How to seek a kernel."""

    canvas_px: int
    """Most that it may measure."""
    edge_weight: float
    """Cost of an edge, at the end; it falls to this from ``first_weight``."""
    first_weight: float = 4e-3
    decay: float = 1.1
    faint: float = _FAINT
    rounds: int = _LAST_ROUNDS
    """At the finest scale."""


def search_kernel(plane: Float32, unusable: Bool, search: Search) -> Float32:
    """Seek the kernel of a plane.

    Args:
        plane: (h, w) blurred light, of one channel.
        unusable: (h, w): where the sensor was at its limit.
        search: How.

    Returns:
        (K, K), K odd, at most ``canvas_px``; non-negative, of sum 1; its centre of mass is within
        half a pixel of its middle.

    References:
        The alternation of latent picture and kernel from coarse to fine: Cho & Lee, *Fast motion
        deblurring*, SIGGRAPH Asia 2009, section 3; Xu, Zheng & Jia 2013 for the latent picture.
    """
    scales = scales_of(search.canvas_px)
    state = _State(weight=search.first_weight)
    kernel, support = first_kernel(search.canvas_px * SCALE_STEP**scales)
    for scale in range(scales, -1, -1):
        ratio = SCALE_STEP**scale
        rows, columns = (max(8, round(side * ratio)) for side in plane.shape)
        smaller = resize_plane(plane, rows, columns)
        out = resize_plane(unusable.astype(np.float32), rows, columns) > _BRIGHTEST_USED
        if scale < scales:
            most = int(np.ceil(search.canvas_px * ratio)) // 2
            kernel, support = next_kernel(kernel, 1 / SCALE_STEP, most)
        rounds = _ROUNDS if scale else search.rounds
        kernel = centred(_alternate(smaller, out, kernel, support, rounds, search, state))
    return centred(cleaned(kernel, FAINT_AT_LAST))


def refine_kernel(plane: Float32, unusable: Bool, kernel: Float32, search: Search) -> Float32:
    """Some rounds more at the size of the plane, with other costs or another part of the photo."""
    kernel, support = next_kernel(kernel, 1.0, len(kernel) // 2 + 3)
    state = _State(weight=search.first_weight)
    found = _alternate(plane, unusable, kernel, support, search.rounds, search, state)
    return centred(cleaned(found, FAINT_AT_LAST))


def fit_to_strong_edges(blurred: Float32, sharp: Float32, unusable: Bool, support: Bool) -> Float32:
    """The kernel between two planes by the strong gradients of the second.

    Args:
        blurred: (h, w).
        sharp: (h, w).
        unusable: (h, w): where the first says nothing.
        support: (K, K), K odd: where the kernel may be.

    Returns:
        (K, K), non-negative, its sum of no meaning; nothing but zeros if there are no gradients.
    """
    edges = gradients(sharp)
    _keep_strong(edges, len(support), None)
    return _fit(gradients(blurred), edges, usable(unusable, len(support) // 2), support)


@dataclass
class _State:
    """What goes on from round to round and from scale to scale."""

    weight: float
    threshold: float | None = None


def _alternate(  # noqa: PLR0913, PLR0917 - a plane, a kernel, and how
    plane: Float32,
    unusable: Bool,
    kernel: Float32,
    support: Bool,
    rounds: int,
    search: Search,
    state: _State,
) -> Float32:
    reach = len(kernel) // 2
    edges = SharpEdges(plane, reach)
    blurred = gradients(plane)
    used = usable(dilated(unusable, 1 + reach // 2), reach)
    for _ in range(rounds):
        latent = gradients(edges.under(kernel, state.weight))
        state.threshold = _keep_strong(latent, len(kernel), state.threshold)
        fitted = _fit(blurred, latent, used, support)
        if fitted.sum() > 0:
            kernel = cleaned(fitted, search.faint)
        state.threshold /= _MORE_EDGES
        state.weight = max(state.weight / search.decay, search.edge_weight)
    return kernel


def usable(unusable: Bool, reach: int) -> Float32:
    """1 where a plane can be compared: not at its borders, which the kernel reaches across."""
    used = np.zeros(unusable.shape, np.float32)
    margin = min(reach + 1, min(unusable.shape) // 4)
    used[margin:-margin, margin:-margin] = 1
    used[unusable] = 0
    return used


def scales_of(canvas_px: int) -> int:
    """How many scales, below its own, a kernel of so many px is sought at."""
    return max(0, int(np.floor(np.log(_COARSEST_PX / canvas_px) / np.log(SCALE_STEP))))


def first_kernel(side: float) -> tuple[Float32, Bool]:
    """Two pixels side by side: a kernel that says nothing yet, but is none of no blur."""
    reach = max(1, int(np.ceil(side)) // 2)
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    kernel[reach, reach : reach + 2] = 0.5
    return kernel, np.ones(kernel.shape, bool)


def next_kernel(kernel: Float32, times: float, most_reach: int) -> tuple[Float32, Bool]:
    """A kernel for the next scale, and where it may be there."""
    kernel = centred(resized(kernel, times))
    needed = _reach_of(kernel)
    reach = int(min(most_reach, max(2, np.ceil(needed + 2 + 0.15 * needed))))
    kernel = np.pad(kernel, max(0, reach - len(kernel) // 2))
    middle = len(kernel) // 2
    window = slice(middle - reach, middle + reach + 1)
    kernel = kernel[window, window]
    kernel = (kernel / kernel.sum()).astype(np.float32)
    support = dilated(kernel > _SUPPORT * kernel.max(), max(2, int(0.1 * reach + 2)))
    return kernel, support


def _fit(
    blurred: tuple[Float32, Float32],
    latent: tuple[Float32, Float32],
    used: Float32,
    support: Bool,
) -> Float32:
    """The kernel between gradients, by least squares, nowhere negative."""
    side = len(support)
    reach = side // 2
    height, width = (good_size(length + 2 * reach) for length in used.shape)
    size = (height, width)
    auto: Float32 | float = 0.0
    cross: NDArray[np.complex64] | float = 0.0
    for seen, sharp in zip(blurred, latent, strict=True):
        spectrum = forward(sharp, size)
        auto = auto + squared(spectrum)
        cross = cross + forward(seen * used, size) * spectrum.conj()
    lags = np.arange(-2 * reach, 2 * reach + 1)
    of_auto = inverse(np.asarray(auto), size)[np.ix_(lags, lags)].astype(np.float64)
    lags = lags[reach : reach + side]
    of_cross = inverse(np.asarray(cross), size)[np.ix_(lags, lags)].astype(np.float64)
    peak = float(of_auto[2 * reach, 2 * reach])
    if peak <= 0:
        return np.zeros(support.shape, np.float32)
    normal = NormalEquations(
        of_auto / peak, support, good_size(3 * side - 2), ridge=_RIDGE / peak, steps=_STEPS
    )
    nothing = np.zeros(support.shape)
    return normal.solve(of_cross / peak, nothing, nothing).astype(np.float32)


def gradients(plane: Float32) -> tuple[Float32, Float32]:
    """Steps to the right and down; none beyond the edges."""
    right, down = np.zeros_like(plane), np.zeros_like(plane)
    np.subtract(plane[:, 1:], plane[:, :-1], out=right[:, :-1])
    np.subtract(plane[1:], plane[:-1], out=down[:-1])
    return right, down


def _keep_strong(gradients: tuple[Float32, Float32], side: int, threshold: float | None) -> float:
    """Set faint gradients to nothing, in place: they mislead more than they say.

    Returns:
        The threshold, of squares: as many of each direction are above it as a kernel of this side
        needs, if none was given.

    References:
        Cho & Lee 2009, section 4, "Prediction".
    """
    right, down = gradients
    squares = right * right + down * down
    if threshold is None:
        direction = np.arctan2(down, right) % np.pi
        quarter = np.minimum((direction * (4 / np.pi)).astype(np.int8), 3)
        needed = max(side * _EDGES_PER_PX, _LEAST_EDGES)
        threshold = np.inf
        for each in range(4):
            of_quarter = squares[quarter == each]
            if of_quarter.size == 0:
                threshold = 0.0
                continue
            rank = max(0, of_quarter.size - 1 - needed)
            threshold = min(threshold, float(np.partition(of_quarter, rank)[rank]))
    if not (squares >= threshold).any():
        threshold = float(np.quantile(squares, 0.95))
    strong = squares >= threshold
    right *= strong
    down *= strong
    return threshold


def cleaned(kernel: Float32, faint: float) -> Float32:
    """A kernel without what is faint and without small parts by themselves, of sum 1."""
    kernel = np.where(kernel < faint * kernel.max(), 0, kernel)
    labels = connected(kernel > 0)
    masses = np.bincount(labels.ravel(), kernel.ravel())
    kept = masses >= _PART * kernel.sum()
    kept[masses.argmax()] = True
    kept[0] = False
    kernel = np.where(kept[labels], kernel, 0)
    total = float(kernel.sum())
    return (kernel / total if total > 0 else kernel).astype(np.float32)


def centred(kernel: Float32) -> Float32:
    """A kernel moved by whole pixels so that its centre of mass is nearest to its middle."""
    middle = len(kernel) // 2
    down, right = (round(middle - place) for place in centre_of_mass(kernel))
    return np.roll(kernel, (down, right), (0, 1))


def _reach_of(kernel: Float32) -> int:
    rows, columns = np.nonzero(kernel > _SUPPORT * kernel.max())
    middle = len(kernel) // 2
    return int(max(np.abs(rows - middle).max(), np.abs(columns - middle).max()))
