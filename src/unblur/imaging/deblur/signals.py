"""What can be seen of a kernel without knowing the truth: does the photo look right without it?"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.imaging.deblur.kernel_support import connected
from unblur.imaging.deblur.sharp_edges import SharpEdges
from unblur.imaging.fourier import (
    centre_of_mass,
    forward,
    good_size,
    inverse,
    kernel_spectrum,
    squared,
)

Float32 = NDArray[np.float32]

_EDGE_WEIGHT: Final = 2e-3
_NEAR_PX: Final = 3
_BANDS: Final = 16
_TINY: Final = 1e-9


def kernel_signals(
    plane: Float32, kernel: Float32, restored: Float32, unexplained: Float32
) -> dict[str, float]:
    """Measure a kernel, what is left of a plane without its blur, and what it does not explain.

    Args:
        plane: (h, w) brightness of a photo, blurred as the kernel says: light, or encoded values.
        kernel: (K, K), K odd, of sum 1.
        restored: (h, w), what deconvolution made of the plane.
        unexplained: (h, w), of :func:`unexplained_by`.

    Returns:
        Signals by name. Ratios are of the deblurred plane by the blurred one.

    References:
        Krishnan, Tay & Fergus, *Blind deconvolution using a normalized sparsity measure*, CVPR
        2011, for ``sparsity``; the others are explained where they are computed.
    """
    reach = len(kernel) // 2
    inside = _inside(plane, kernel)
    before, after = plane[inside], restored[inside]
    signals = _of_kernel(kernel)
    signals |= _of_gradients(before, after)
    signals |= _of_extremes(plane, restored, reach, inside)
    signals |= _of_ghosts(after, reach)
    signals["unexplained"] = unexplained_share(unexplained, plane, kernel)
    return signals


def _inside(plane: Float32, kernel: Float32) -> tuple[slice, slice]:
    """What the borders do not reach through a kernel."""
    margin = min(len(kernel) // 2 + 4, min(plane.shape) // 5)
    rows, columns = (slice(margin, side - margin) for side in plane.shape)
    return rows, columns


def _of_kernel(kernel: Float32) -> dict[str, float]:
    mass = kernel[kernel > 0].astype(np.float64)
    rows, columns = (np.arange(side) for side in kernel.shape)
    down, right = centre_of_mass(kernel)
    squares = (rows[:, None] - down) ** 2 + (columns - right) ** 2
    return {
        "entropy": float(-(mass * np.log(mass)).sum()),
        "pixels": float(mass.size),
        "radius_px": float(np.sqrt((kernel * squares).sum())),
        "peak": float(kernel.max()),
        "parts": float(len(np.unique(connected(kernel > 0))) - 1),
    }


def _of_gradients(before: Float32, after: Float32) -> dict[str, float]:
    """A right kernel makes gradients fewer and larger; ringing makes more of them."""
    moments = []
    for plane in (before, after):
        steps = [np.abs(np.diff(plane, axis=axis)) for axis in (0, 1)]
        moments.append(
            [
                sum(float(np.mean(step**power, dtype=np.float64)) for step in steps)
                for power in (0.5, 1, 2)
            ]
        )
    (half, mean, square), (half_after, mean_after, square_after) = moments
    l2, l2_after = np.sqrt(square) + _TINY, np.sqrt(square_after) + _TINY
    return {
        "sparsity": (mean_after / l2_after) / (mean / l2 + _TINY),
        "mean_gradient": mean_after / (mean + _TINY),
        "root_gradient": half_after / (half + _TINY),
        "contrast": float(l2_after / l2),
    }


def _of_extremes(
    plane: Float32, restored: Float32, reach: int, inside: tuple[slice, slice]
) -> dict[str, float]:
    """Ringing leaves the range of what is around, and of what light can be."""
    span = 2 * max(reach, 2) + 1
    highest = running(plane, span, np.maximum)[inside]
    lowest = running(plane, span, np.minimum)[inside]
    after = restored[inside]
    change = float(np.abs(after - plane[inside]).mean()) + _TINY
    beyond = np.maximum(after - highest, 0) + np.maximum(lowest - after, 0)
    return {
        "overshoot": float(beyond.mean()) / change,
        "negative": float(np.maximum(-after, 0).mean()) / change,
        "change": change / (float(plane.std()) + _TINY),
    }


def running(plane: Float32, span: int, extreme: np.ufunc) -> Float32:
    """The extreme over squares of an odd side around each pixel; less of them at the borders."""
    reach = span // 2
    for axis in (0, 1):
        padding = [(reach, reach) if each == axis else (0, 0) for each in (0, 1)]
        grown = np.pad(plane, padding, mode="edge")
        length = 1
        while 2 * length <= span:  # extremes over 1, 2, 4 ... pixels
            count = grown.shape[axis] - length
            grown = extreme(_part(grown, 0, count, axis), _part(grown, length, count, axis))
            length *= 2
        side = plane.shape[axis]
        plane = extreme(_part(grown, 0, side, axis), _part(grown, span - length, side, axis))
    return plane


def _part(plane: Float32, first: int, count: int, axis: int) -> Float32:
    window = [slice(None), slice(None)]
    window[axis] = slice(first, first + count)
    return plane[tuple(window)]


def _of_ghosts(after: Float32, reach: int) -> dict[str, float]:
    """A wrong kernel leaves copies of edges, seen in how gradients repeat at a distance."""
    window = np.outer(np.hanning(after.shape[0]), np.hanning(after.shape[1])).astype(np.float32)
    size = (good_size(2 * after.shape[0]), good_size(2 * after.shape[1]))
    repeats: Float32 | float = 0.0
    for axis in (0, 1):
        step = np.zeros_like(after)
        difference = np.diff(after, axis=axis)
        step[: difference.shape[0], : difference.shape[1]] = difference
        step = (step - step.mean()) * window
        lagged = inverse(squared(forward(step, size)), size)
        repeats = repeats + lagged / (2 * lagged[0, 0] + _TINY)
    far = min(max(8, int(1.3 * reach) + 3), min(after.shape) - 1)
    lags = np.arange(-far, far + 1)
    around = np.asarray(repeats)[np.ix_(lags, lags)]
    around = around[lags[:, None] ** 2 + lags**2 > _NEAR_PX**2]
    spectrum = squared(forward((after - after.mean()) * window, after.shape))
    rows = np.fft.fftfreq(after.shape[0])[:, None]
    columns = np.fft.rfftfreq(after.shape[1])
    radius = np.hypot(rows, columns)
    chosen = (radius > 0.04) & (radius < 0.45)  # noqa: PLR2004 - neither shading nor noise
    energy = np.log(spectrum[chosen] + _TINY)
    band = np.minimum(((radius[chosen] - 0.04) / 0.41 * _BANDS).astype(int), _BANDS - 1)
    count = np.maximum(np.bincount(band, minlength=_BANDS), 1)
    means = np.bincount(band, energy, minlength=_BANDS) / count
    slope = np.polyfit(np.log(0.04 + 0.41 * (np.arange(_BANDS) + 0.5) / _BANDS), means, 1)[0]
    return {
        "ghost": float(around.max()),
        "counter_ghost": float(around.min()),
        "ghosts": float(np.sqrt(np.mean(around**2))),
        "uneven_spectrum": float(np.std(energy - means[band])),
        "slope": float(slope),
    }


def unexplained_by(kernel: Float32, plane: Float32) -> Float32:
    """What a picture of few edges, blurred by a kernel, has more than a plane, (h, w)."""
    latent = SharpEdges(plane, len(kernel) // 2).under(kernel, _EDGE_WEIGHT)
    return blurred_above(latent, kernel, plane)


def blurred_above(
    latent: Float32, kernel: Float32, plane: Float32, *, centred: bool = False
) -> Float32:
    """What a picture, (h, w), blurred by a kernel, has more than a plane, (h, w).

    Args:
        latent: The picture.
        kernel: (K, K), K odd.
        plane: The plane.
        centred: See :func:`unblur.imaging.fourier.kernel_spectrum`.
    """
    reach = len(kernel) // 2
    size = (good_size(plane.shape[0] + 4 * reach), good_size(plane.shape[1] + 4 * reach))
    padded = np.pad(latent, reach, mode="symmetric" if min(latent.shape) <= reach else "reflect")
    spectrum = forward(padded, size) * kernel_spectrum(kernel, size, centred=centred)
    again = inverse(spectrum, size)[reach:, reach:][: plane.shape[0], : plane.shape[1]]
    left: Float32 = again - plane
    return left


def unexplained_share(left: Float32, plane: Float32, kernel: Float32) -> float:
    """Gradients of what a kernel does not explain of a plane, by the plane's own."""
    inside = _inside(plane, kernel)
    energies = [
        sum(float(np.mean(np.diff(x, axis=axis) ** 2, dtype=np.float64)) for axis in (0, 1))
        for x in (left[inside], plane[inside])
    ]
    return float(np.sqrt(energies[0] / (energies[1] + _TINY)))
