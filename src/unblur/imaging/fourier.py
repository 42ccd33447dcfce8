"""Transforms of real planes, in single precision."""

from functools import cache
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Complex64 = NDArray[np.complex64]


@cache
def transforms() -> Any:
    """SciPy's module, loaded when it is first needed: they keep single precision, and are fast."""
    from scipy import fft

    return fft


def forward(plane: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """The transform of a real plane, made larger with zeros to ``size`` rows and columns."""
    return np.asarray(transforms().rfft2(plane, s=size))


def inverse(spectrum: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """The real plane of ``size`` that has this transform.

    One axis after the other: SciPy's ``irfft2`` takes more than twice as long for the same.
    """
    fft = transforms()
    return np.asarray(fft.irfft(fft.ifft(spectrum, axis=0), size[1], axis=1))


def steps(plane: Float32) -> tuple[Float32, Float32]:
    """Differences to the next pixel, to the right and down, on a plane that wraps around."""
    return np.roll(plane, -1, 1) - plane, np.roll(plane, -1, 0) - plane


def against_steps(right: Float32, down: Float32) -> Float32:
    """The adjoint of :func:`steps`."""
    return np.roll(right, 1, 1) - right + np.roll(down, 1, 0) - down


def roughness(size: tuple[int, int]) -> Float32:
    """What :func:`steps` and their adjoint multiply the transform of such a plane with."""
    down = 2 - 2 * np.cos(2 * np.pi * np.fft.fftfreq(size[0]))
    right = 2 - 2 * np.cos(2 * np.pi * np.fft.rfftfreq(size[1]))
    rough: Float32 = (down[:, None] + right).astype(np.float32)
    return rough


def halved(spectrum: Complex64, size: tuple[int, int]) -> Complex64:
    """The lower half of the frequencies of a plane of ``size``, both sides even.

    The plane of half the size that has this transform is four times as large in value.
    """
    rows, columns = size[0] // 2, size[1] // 2
    low, high = rows - rows // 2, rows // 2
    kept: Complex64 = np.concatenate([spectrum[:low], spectrum[len(spectrum) - high :]])
    return kept[:, : columns // 2 + 1]


def squared(spectrum: NDArray[np.complex64]) -> Float32:
    """Squares of the absolute values."""
    return spectrum.real**2 + spectrum.imag**2


class GradientFit:
    """Fits a plane to a blurred one and to gradients, by least squares.

    Args:
        blur: Transform of the kernel, on a plane of ``size``.
        rough: :func:`roughness` of that size.
        size: Rows and columns.
    """

    def __init__(self, blur: Complex64, rough: Float32, size: tuple[int, int]) -> None:
        self._blurring, self._rough, self._size = squared(blur), rough, size

    def spectrum(
        self, data: Complex64, gradients: tuple[Float32, Float32], share: float
    ) -> Complex64:
        """The transform of the plane x that minimises ``|k * x - y|^2 + share |steps(x) - g|^2``.

        Args:
            data: Transform of y, by the conjugate of the kernel's.
            gradients: g, to the right and down.
            share: Weight of the gradients.
        """
        found: Complex64 = forward(against_steps(*gradients), self._size)
        found *= np.float32(share)
        found += data
        found *= self.reciprocal(share)
        return found

    def reciprocal(self, share: float) -> Float32:
        """What the normal equations' right side is to be multiplied with, for their solution."""
        found: Float32 = np.reciprocal(self._blurring + np.float32(share) * self._rough)
        return found


def good_size(least: int) -> int:
    """The next size with no prime factor above 5, for which a transform is fast."""
    return next(size for size in count(max(least, 1)) if _is_good(size))


def kernel_spectrum(kernel: Float32, size: tuple[int, int], *, centred: bool = False) -> Complex64:
    """Transform of a kernel on a plane that wraps around.

    Args:
        kernel: (K, K'), both odd, not larger than the plane.
        size: Rows and columns of the plane.
        centred: The centre of mass is the origin, to a fraction of a pixel, so that undoing the
            blur moves nothing. False: the middle of the kernel is.
    """
    rows, columns = kernel.shape
    spectrum = forward(kernel.astype(np.float32), size)
    down, right = rows // 2, columns // 2
    if centred:
        down, right = centre_of_mass(kernel)
    vertical = np.exp(2j * np.pi * np.fft.fftfreq(size[0]) * down)
    horizontal = np.exp(2j * np.pi * np.fft.rfftfreq(size[1]) * right)
    moved: Complex64 = (spectrum * vertical[:, None] * horizontal).astype(np.complex64)
    return moved


def centre_of_mass(kernel: Float32) -> tuple[float, float]:
    """Row and column of the centre of mass, counted from the first pixel."""
    mass = kernel.astype(np.float64)
    total = float(mass.sum())
    down, right = (
        float((mass.sum(axis=1 - axis) * np.arange(mass.shape[axis])).sum()) / total
        for axis in (0, 1)
    )
    return down, right


def _is_good(size: int) -> bool:
    for prime in (2, 3, 5):
        while size % prime == 0:
            size //= prime
    return size == 1
