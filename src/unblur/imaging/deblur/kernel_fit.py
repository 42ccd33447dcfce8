"""Least squares for the kernel between two planes."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from unblur.imaging.fourier import forward, inverse, transforms

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

_RIDGE: Final = 1e-3
_ROUGH: Final = 1e-2
_PULL: Final = 3e-2
"""Weights of the kernel's own square, of that of its differences, and of that of its distance
from a prior, as shares of the data's."""
_MISSED: Final = 0.2
"""Share of the squares of the gradients about a pixel that makes it count half."""
_AROUND_PX: Final = 11
_ROUNDS: Final = 3
_STEPS: Final = 150


@dataclass(frozen=True, eq=False)
class KernelFit:
    """A kernel, and how it fits.

    Attributes:
        kernel: (K, K) non-negative, of sum 1.
        explained: Share of the squares of the gradients that it explains.
        trust: Shape of the planes, in (0, 1]: low where much of the gradients is not explained.
    """

    kernel: Float32
    explained: float
    trust: Float32


def fit_kernel_to(
    blurred: Float32,
    sharp: Float32,
    weight: Float32,
    support: Bool,
    *,
    start: Float32 | None = None,
    prior: Float32 | None = None,
) -> KernelFit:
    """Fit ``blurred = kernel * sharp`` in gradients, weighted, with a non-negative kernel.

    The normal matrix is taken for that of a stationary picture, which transforms of the size of
    the kernel apply; what this misses at borders and where the weight changes is corrected from
    round to round by the exact gradient.

    Args:
        blurred: (h, w).
        sharp: (h, w).
        weight: (h, w) in [0, 1].
        support: (K, K), K odd: where the kernel may be.
        start: A first kernel, of any odd side; None starts from nothing.
        prior: (K, K) what the kernel should be like where the planes say little.
    """
    fft = transforms()
    side, reach = len(support), len(support) // 2
    edges = [fft.next_fast_len(n, real=True) for n in blurred.shape]
    inside = np.zeros(blurred.shape, np.float32)
    inside[reach + 1 : -reach - 1, reach + 1 : -reach - 1] = 1
    weight = weight * inside
    pairs = [
        tuple(np.diff(x, axis=axis, append=np.take(x, [-1], axis)) for x in (blurred, sharp))
        for axis in (0, 1)
    ]
    total = sum(float((weight * b * b).sum(dtype=np.float64)) for b, _ in pairs)
    if total <= 0:
        return KernelFit(_point(side), 0.0, np.ones_like(weight))
    spectra = [fft.rfft2(s, s=edges) for _, s in pairs]
    lags = np.arange(-2 * reach, 2 * reach + 1)
    auto = sum(np.abs(fft.rfft2(np.sqrt(weight) * s, s=edges)) ** 2 for _, s in pairs)
    auto = _lags(fft.irfft2(auto, s=edges), lags)
    peak = float(auto[2 * reach, 2 * reach])
    if peak <= 0:
        return KernelFit(_point(side), 0.0, np.ones_like(weight))

    def left_over(kernel: Float64) -> list[Float32]:
        spectrum = fft.rfft2(_centred(kernel, edges), s=edges)
        h, w = blurred.shape
        return [
            b - fft.irfft2(spectrum * s, s=edges)[:h, :w]
            for (b, _), s in zip(pairs, spectra, strict=True)
        ]

    def correlate(left: list[Float32]) -> Float64:
        product = sum(
            fft.rfft2(weight * e, s=edges) * s.conj() for e, s in zip(left, spectra, strict=True)
        )
        found: Float64 = _lags(fft.irfft2(product, s=edges), lags[reach : reach + side])
        return found

    size = fft.next_fast_len(len(auto) + side - 1, real=True)
    pull = 0.0 if prior is None else _PULL
    normal = NormalEquations(auto / peak, support, size, ridge=_RIDGE, rough=_ROUGH, pull=pull)
    target = np.zeros((side, side)) if prior is None else prior.astype(np.float64)
    kernel = np.zeros((side, side)) if start is None else _fitted(start, side) * support
    best, least, left = kernel, np.inf, left_over(kernel)
    for _ in range(_ROUNDS):
        gradient = correlate(left) / peak
        kernel = normal.solve(gradient + normal.data(kernel), kernel, target)
        left = left_over(kernel)
        squares = sum(float((weight * e * e).sum(dtype=np.float64)) for e in left)
        if squares >= 0.999 * least:  # nothing more to gain
            break
        best, least = kernel, squares
    left = left_over(best)
    squared = left[0] ** 2 + left[1] ** 2
    # Against the photo's own gradients there: what moved misses all of them and adds its own.
    seen = pairs[0][0] ** 2 + pairs[1][0] ** 2
    trust = 1 / (1 + (_smooth(squared) / (_MISSED * _smooth(seen) + 1e-12)) ** 2)
    if best.sum() <= 0:
        return KernelFit(_point(side), 0.0, trust.astype(np.float32))
    normalised = (best / best.sum()).astype(np.float32)
    return KernelFit(normalised, 1 - least / total, trust.astype(np.float32))


class NormalEquations:
    """The normal equations of a stationary picture, for a kernel that is nowhere negative.

    Args:
        auto: (2 K - 1, 2 K - 1): correlation of the sharp gradients with themselves, by lag.
        support: (K, K), K odd: where the kernel may be.
        size: Side of the transforms, at least 3 K - 2.
        ridge: Weight of the kernel's own square.
        rough: Weight of the squares of its differences.
        pull: Weight of the square of its distance from a prior.
        steps: Of projected gradients.
    """

    def __init__(  # noqa: PLR0913 - three weights
        self,
        auto: Float64,
        support: Bool,
        size: int,
        *,
        ridge: float,
        rough: float = 0.0,
        pull: float = 0.0,
        steps: int = _STEPS,
    ) -> None:
        self._support = support
        self._side = len(support)
        self._size = (size, size)
        self._steps = steps
        self._spectrum = forward(auto, self._size)
        self._ridge, self._pull = ridge, pull
        middle = len(auto) // 2
        penalty = np.zeros_like(auto)
        penalty[middle, middle] = 4 * rough
        for axis, step in ((0, -1), (0, 1), (1, -1), (1, 1)):
            penalty[tuple(middle + step * (axis == each) for each in (0, 1))] = -rough
        self._penalised = forward(auto + penalty, self._size)
        self._step = 1 / (float(np.abs(self._penalised).max()) + ridge + pull)

    def data(self, kernel: Float64) -> Float64:
        """What the gradients alone say of a kernel."""
        return self._apply(self._spectrum, kernel)

    def _apply(self, spectrum: Any, kernel: Float64) -> Float64:
        full = inverse(spectrum * forward(kernel, self._size), self._size)
        first = self._side - 1
        part: Float64 = full[first : first + self._side, first : first + self._side]
        return part

    def solve(self, right: Float64, kernel: Float64, prior: Float64) -> Float64:
        """Minimise by projected gradients with momentum, which restarts when it overshoots."""
        ahead, previous, momentum = kernel, kernel, 1.0
        for _ in range(self._steps):
            slope = self._apply(self._penalised, ahead) - right
            slope += self._ridge * ahead + self._pull * (ahead - prior)
            kernel = np.maximum(ahead - self._step * slope, 0) * self._support
            if float((slope * (kernel - previous)).sum()) > 0:
                momentum = 1.0
            following = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
            ahead = kernel + (momentum - 1) / following * (kernel - previous)
            previous, momentum = kernel, following
        return kernel


def _point(side: int) -> Float32:
    kernel = np.zeros((side, side), np.float32)
    kernel[side // 2, side // 2] = 1
    return kernel


def _fitted(kernel: Float32, side: int) -> Float64:
    """A kernel cut or padded to another odd side, centre on centre."""
    more = (side - len(kernel)) // 2
    if more >= 0:
        return np.pad(kernel.astype(np.float64), more)
    return kernel[-more:more, -more:more].astype(np.float64)


def _centred(kernel: Float64, size: list[int]) -> Float32:
    reach = len(kernel) // 2
    placed = np.zeros(size, np.float32)
    placed[: len(kernel), : len(kernel)] = kernel
    return np.roll(placed, (-reach, -reach), axis=(0, 1))


def _lags(wrapped: Any, lags: NDArray[np.intp]) -> Float64:
    return np.asarray(wrapped[np.ix_(lags, lags)], np.float64)


def _smooth(plane: Float32) -> Float32:
    from scipy import ndimage

    smoothed: Float32 = ndimage.uniform_filter(plane, _AROUND_PX)
    return smoothed
