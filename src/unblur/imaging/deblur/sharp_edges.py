"""The latent picture while a kernel is sought: few edges, and those sharp."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.imaging import fourier

Float32 = NDArray[np.float32]

_MARGIN_PX: Final = 8
_COUPLING_STEP: Final = 4.0
_LAST_COUPLING: Final = 1e4


class SharpEdges:
    """Finds pictures of few edges that a kernel blurs to a given plane.

    Args:
        plane: (h, w) blurred light.
        reach: Of the largest kernel that will be asked about, in px to each side.

    References:
        Xu, Zheng & Jia, *Unnatural L0 sparse representation for natural image deblurring*, CVPR
        2013, equations 6 to 10.
    """

    def __init__(self, plane: Float32, reach: int) -> None:
        self._shape = plane.shape
        pad = 2 * reach + _MARGIN_PX
        size = (fourier.good_size(plane.shape[0] + pad), fourier.good_size(plane.shape[1] + pad))
        self._size = size
        self._plane = wrapped(plane, size)
        self._spectrum = fourier.forward(self._plane, size)
        self._rough = fourier.roughness(size)

    def under(self, kernel: Float32, weight: float) -> Float32:
        """The plane, (h, w), of few edges, ``weight`` each, that the kernel blurs to ours."""
        blur = fourier.kernel_spectrum(kernel, self._size)
        fit, data = fourier.GradientFit(blur, self._rough, self._size), blur.conj() * self._spectrum
        found, coupling = self._plane, 2 * weight
        while coupling < _LAST_COUPLING:
            right, down = fourier.steps(found)
            strong = right * right + down * down >= weight / coupling
            right *= strong
            down *= strong
            found = fourier.inverse(fit.spectrum(data, (right, down), coupling), self._size)
            coupling *= _COUPLING_STEP
        latent: Float32 = found[: self._shape[0], : self._shape[1]]
        return latent


def wrapped(plane: Float32, size: tuple[int, int]) -> Float32:
    """A plane made larger to the right and below, so that it goes on smoothly where it begins."""
    for axis, side in enumerate(size):
        length = plane.shape[axis]
        beyond = np.arange(side - length)
        share = (beyond + 0.5) / max(1, side - length)
        share = (share**2 * (3 - 2 * share)).astype(np.float32)
        share = share.reshape((-1, 1) if axis == 0 else (1, -1))
        end = np.take(plane, np.clip(length - 2 - beyond, 0, length - 1), axis)
        start = np.take(plane, np.clip(side - length - beyond, 0, length - 1), axis)
        plane = np.concatenate([plane, end * (1 - share) + start * share], axis=axis)
    return np.ascontiguousarray(plane, np.float32)
