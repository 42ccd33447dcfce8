"""Where the kernel between two planes may be, from coarse to fine; and what of it is no noise."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from unblur.imaging.deblur.kernel_fit import fit_kernel_to
from unblur.imaging.fourier import forward, good_size, inverse
from unblur.imaging.pyramid import resize_plane

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

_MOST_SHARE: Final = 8
"""A kernel reaches at most the so-manieth part of the shorter side to each side."""
_COARSEST_REACH_PX: Final = 8
_COARSEST_SIDE_PX: Final = 48
_ENDS: Final = 0.025
"""Share of a kernel's mass at either end that does not count for its length."""
_WEAK_STRONG: Final = (0.03, 0.1)
"""Hysteresis: shares of the kernel's largest value."""


def coarse_support(blurred: Float32, sharp: Float32, weight: Float32) -> Bool:
    """Where, at full size, the kernel may be, by the coarser scales.

    Args:
        blurred: (h, w).
        sharp: (h, w).
        weight: (h, w) in [0, 1].

    Returns:
        (K, K), K odd.
    """
    side = min(weight.shape)
    reach = max(side // _MOST_SHARE, 3)
    shrink = 1
    while reach // (2 * shrink) >= _COARSEST_REACH_PX and side // (2 * shrink) >= _COARSEST_SIDE_PX:
        shrink *= 2
    support = np.ones((2 * (-(-reach // shrink)) + 1,) * 2, bool)
    while shrink > 1:
        small = [_shrunk(x, shrink) for x in (blurred, sharp, weight)]
        fit = fit_kernel_to(small[0], small[1], small[2], support)
        kept = above_noise(fit.kernel)
        shrink //= 2
        # Twice as large, and a ring for what the coarser scale could not tell.
        grown = np.zeros((2 * len(kept) + 3,) * 2, bool)
        centre = len(grown) // 2
        rows, columns = (2 * (x - len(kept) // 2) + centre for x in np.nonzero(kept))
        grown[rows, columns] = True
        support = trimmed(dilated(grown, 2))
    return support


def cleaned(kernel: Float32) -> Float32:
    """A kernel without what is noise, of sum 1."""
    kept = np.where(above_noise(kernel), kernel, 0)
    return np.asarray(kept / kept.sum(), np.float32)


def centre_of_mass(kernel: Float32) -> Float64:
    """Rows and columns from the centre to the centre of mass of a kernel."""
    places = np.arange(len(kernel)) - len(kernel) // 2
    mass = kernel.astype(np.float64)
    moments = [float((mass.sum(axis=1 - axis) * places).sum()) for axis in (0, 1)]
    return np.array(moments) / float(mass.sum())


def cut(kernel: Float32) -> Float32:
    """A kernel without its empty border, as much off every side."""
    side = len(trimmed(kernel > 0))
    border = (len(kernel) - side) // 2
    return kernel[border : border + side, border : border + side].astype(np.float32)


def _shrunk(plane: Float32, times: int) -> Float32:
    """Mean over squares of so many px; the centre of a kernel stays one."""
    rows, columns = (side // times * times for side in plane.shape)
    squares = plane[:rows, :columns].reshape(rows // times, times, columns // times, times)
    shrunk: Float32 = squares.mean(axis=(1, 3), dtype=np.float32)
    return shrunk


def above_noise(kernel: Float32, shares: tuple[float, float] = _WEAK_STRONG) -> Bool:
    """Where a kernel is more than noise: weak values only beside strong ones.

    Args:
        kernel: (K, K).
        shares: Of its largest value, above which one is weak, or strong.
    """
    weak, strong = (kernel > share * kernel.max() for share in shares)
    labels = connected(weak)
    kept: Bool = weak & np.isin(labels, np.unique(labels[strong]))
    return kept


def connected(mask: Bool) -> NDArray[np.int32]:
    """Numbers of the connected parts of a mask, diagonal neighbours too; 0 outside of it."""
    own = np.arange(1, mask.size + 1, dtype=np.int32).reshape(mask.shape)
    labels = np.where(mask, own, 0)
    while True:  # the largest number of a part spreads over it
        spread = np.where(mask, _largest_around(labels), 0)
        if (spread == labels).all():
            return labels
        labels = spread


def dilated(mask: Bool, times: int) -> Bool:
    """A mask and its neighbours, diagonal ones as well, so many times."""
    for _ in range(times):
        mask = _largest_around(mask)
    return mask


def _largest_around(values: Any) -> Any:
    """Of each value and its eight neighbours the largest."""
    for axis in (0, 1):
        padded = np.pad(values, [(1, 1) if each == axis else (0, 0) for each in (0, 1)])
        parts = [padded.take(range(at, at + values.shape[axis]), axis) for at in (0, 1, 2)]
        values = np.maximum(np.maximum(parts[0], parts[1]), parts[2])
    return values


def trimmed(mask: Bool) -> Bool:
    """Cut the empty border evenly on all sides."""
    centre = len(mask) // 2
    used = np.abs(np.argwhere(mask) - centre).max(initial=1)
    window = slice(max(0, centre - used), centre + used + 1)
    return mask[window, window]


def resized(kernel: Float32, times: float) -> Float32:
    """A kernel at another size, of an odd side, non-negative, of sum 1."""
    side = round(len(kernel) * times) // 2 * 2 + 1
    kernel = np.maximum(resize_plane(kernel, side, side), 0)
    larger: Float32 = kernel / kernel.sum()
    return larger


def agreement(one: Float32, other: Float32) -> float:
    """Correlation of two kernels where they lie best on one another, 0 to 1."""
    side = good_size(len(one) + len(other))
    size = (side, side)
    most = float(inverse(forward(one, size) * forward(other, size).conj(), size).max())
    return most / float(np.sqrt((one**2).sum() * (other**2).sum()) + 1e-9)


def kernel_extent(kernel: Float32) -> tuple[float, float]:
    """How far a kernel reaches along its longest direction, in px, and that direction.

    Returns:
        The length that has all but a few percent of the kernel's mass, and the angle in degrees
        from the right upwards, 0 to 180.
    """
    rows, columns = np.nonzero(kernel > 0)
    mass = kernel[rows, columns].astype(np.float64)
    down, right = centre_of_mass(kernel) + len(kernel) // 2
    places = np.stack([rows - down, columns - right])
    values, vectors = np.linalg.eigh((mass * places) @ places.T)
    longest = vectors[:, int(values.argmax())]
    angle = float(np.degrees(np.arctan2(-longest[0], longest[1]))) % 180
    along = longest @ places
    order = along.argsort()
    up_to = mass[order].cumsum() / mass.sum()
    first, last = (along[order[np.searchsorted(up_to, x)]] for x in (_ENDS, 1 - _ENDS))
    return float(last - first) + 1, angle
