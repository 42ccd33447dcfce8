"""Undo a known blur, with the gradients of natural photos as what is expected of the result.

Light is restored as one plane of brightness and two of colour: brightness has the edges, and gets
a prior that keeps them; colour, which has less detail and which JPEG stores at half the size, gets
a smoother one, at a fraction of the cost. Colours leave less ringing that way than channels do.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.imaging.blur.convolution import trim_kernel
from unblur.imaging.deblur.known.surroundings import Surroundings
from unblur.imaging.fourier import (
    GradientFit,
    forward,
    good_size,
    inverse,
    kernel_spectrum,
    roughness,
    steps,
)

Float32 = NDArray[np.float32]

_EXPONENT: Final = 2 / 3
_COUPLINGS: Final = (1.0, 4.0, 16.0, 64.0, 256.0)
"""How tightly the gradients are held to those that the prior chooses, from step to step."""
_FIDELITY: Final = 12_000.0
"""Weight of the photo against the prior, for noise of 1/255; it falls with the square of that."""
_GUESSED: Final = 0.25
"""Of that weight, what a kernel that was estimated deserves."""
_COLOUR_BALANCE: Final = 0.01
_LEAST_NOISE: Final = 0.5 / 255
LEAST_NOISE_GUESSED: Final = 1 / 255
"""Below it what a guessed kernel leaves is more than the noise."""
_SHRINK_STEPS: Final = 4096


def deconvolve_light(
    light: Float32,
    kernel: Float32,
    *,
    noise: float,
    guessed: bool = False,
) -> Float32:
    """Undo a blur of light by the most probable photo with sparse gradients.

    What lies beyond the edges was not recorded and counts for nothing: surroundings are made that
    the kernel can have blurred, and taken from the restored photo, blurred again, from then on.

    Args:
        light: (H, W, 3) linear light in [0, 1].
        kernel: (K, K), K odd, non-negative, of sum 1; its centre of mass becomes the origin.
        noise: Standard deviation of the photo's noise, of sRGB-encoded values.
        guessed: The kernel was estimated from the photo, and is a little wrong.

    Returns:
        (H, W, 3) linear light, not clipped to [0, 1].

    References:
        Krishnan & Fergus, *Fast image deconvolution using hyper-Laplacian priors*, NIPS 2009:
        half-quadratic splitting, with exponent 2/3.
    """
    return Deconvolution(light.shape[:2], kernel).light(light, noise=noise, guessed=guessed)


def _fidelity(noise: float, *, guessed: bool) -> float:
    sigma = max(noise, LEAST_NOISE_GUESSED if guessed else _LEAST_NOISE) * 255
    return _FIDELITY / sigma**2 * (_GUESSED if guessed else 1)


class Deconvolution:
    """Undoes one blur of photos of one size: all that depends on these two is kept.

    Args:
        shape: Rows and columns of the photo.
        kernel: As in :func:`deconvolve_light`.
        surround: Make surroundings that the kernel can have blurred; False: they are mirrored,
            which is quicker, and rings along the edges.
    """

    def __init__(self, shape: tuple[int, ...], kernel: Float32, *, surround: bool = True) -> None:
        reach = len(trim_kernel(kernel)) // 2
        margin = reach + 8
        if surround:
            margin += margin % 2
            rows, columns = (2 * good_size(side // 2 + margin + reach + 5) for side in shape)
        else:
            rows, columns = (good_size(side + 2 * (margin + reach) + 8) for side in shape)
        self._size = size = (rows, columns)
        self._inside = (
            slice(margin, margin + shape[0]),
            slice(margin, margin + shape[1]),
        )
        self._blur = kernel_spectrum(trim_kernel(kernel), size, centred=True)
        self._fit = GradientFit(self._blur, roughness(size), size)
        self._surroundings = Surroundings(self._blur, size, self._inside) if surround else None

    def surrounded(self, plane: Float32) -> Float32:
        """A plane with its surroundings, which do not depend on the noise."""
        for axis, (side, inside) in enumerate(zip(self._size, self._inside, strict=True)):
            plane = _wrapped(plane, side, inside.start, axis)
        return plane if self._surroundings is None else self._surroundings.fitted(plane)

    def light(
        self,
        light: Float32,
        *,
        noise: float,
        guessed: bool = False,
        surrounded: Float32 | None = None,
    ) -> Float32:
        """See :func:`deconvolve_light`; ``surrounded``: the brightness with its surroundings."""
        grey = bool((light == light[..., :1]).all())
        brightness = light.mean(axis=2, dtype=np.float32)
        restored = self.plane(brightness, noise=noise, guessed=guessed, surrounded=surrounded)
        if grey:
            return np.repeat(restored[..., None], 3, axis=2)
        balance = _COLOUR_BALANCE * _FIDELITY / _fidelity(noise, guessed=guessed)
        red, blue = (self._smooth(light[..., i] - brightness, balance) for i in (0, 2))
        return np.stack([restored + red, restored - red - blue, restored + blue], axis=2)

    def plane(
        self,
        plane: Float32,
        *,
        noise: float,
        guessed: bool = False,
        surrounded: Float32 | None = None,
    ) -> Float32:
        """Undo the blur of one (H, W) plane of light; ``surrounded``: if that is known already."""
        around = self.surrounded(plane) if surrounded is None else surrounded
        return self._sparse(plane, around, _fidelity(noise, guessed=guessed))

    def _sparse(self, plane: Float32, surrounded: Float32, fidelity: float) -> Float32:
        """Minimise ``fidelity / 2 |k * x - plane|^2 + sum |gradients of x|^(2/3)``."""
        size, found = self._size, surrounded
        data = self._blur.conj() * forward(found, size)
        for coupling in _COUPLINGS:
            kept = _kept_shares(coupling)
            right, down = (_shrunk(each, kept) for each in steps(found))
            spectrum = self._fit.spectrum(data, (right, down), coupling / fidelity)
            found = inverse(spectrum, size)
            if coupling == _COUPLINGS[-1]:
                break
            spectrum *= self._blur
            again = inverse(spectrum, size)
            again[self._inside] = plane  # beyond the edges, what the restored photo gives
            data = self._blur.conj() * forward(again, size)
        restored: Float32 = found[self._inside]
        return restored

    def _smooth(self, plane: Float32, balance: float) -> Float32:
        """Minimise ``|k * x - plane|^2 + balance |gradients of x|^2``."""
        spectrum = self._blur.conj() * forward(self.surrounded(plane), self._size)
        spectrum *= self._fit.reciprocal(balance)
        restored: Float32 = inverse(spectrum, self._size)[self._inside]
        return restored


def _wrapped(plane: Float32, side: int, before: int, axis: int) -> Float32:
    length = plane.shape[axis]
    place = np.arange(side) - before
    after = side - before - length
    # Beyond the end the mirrored end fades into what stands mirrored before the start.
    end = np.take(plane, _mirrored(place, length), axis)
    start = np.take(plane, _mirrored(place - side, length), axis)
    share = np.clip((place - length + 0.5) / after, 0, 1)
    weight = (share**2 * (3 - 2 * share)).astype(np.float32)
    shape = [-1 if each == axis else 1 for each in range(plane.ndim)]
    weight = weight.reshape(shape)
    blended: Float32 = end * (1 - weight) + start * weight
    return blended


def _mirrored(place: NDArray[np.int_], length: int) -> NDArray[np.int_]:
    period = max(2 * (length - 1), 1)
    return np.abs((place + length - 1) % period - (length - 1))


def _shrunk(gradients: Float32, kept: Float32) -> Float32:
    index = np.minimum(np.abs(gradients) * np.float32(_SHRINK_STEPS - 1), _SHRINK_STEPS - 1)
    shrunk: Float32 = gradients * kept[index.astype(np.int32)]
    return shrunk


def _kept_shares(coupling: float) -> Float32:
    """What is left of a gradient of so many steps in [0, 1]: argmin |w|^(2/3) + c/2 (w - v)^2."""
    value = np.linspace(0, 1, _SHRINK_STEPS)
    alpha = _EXPONENT
    least = (2 * (1 - alpha) / coupling) ** (1 / (2 - alpha))
    threshold = least + alpha / coupling * least ** (alpha - 1)
    found = value.copy()
    for _ in range(40):
        slope = alpha / coupling * np.maximum(found, 1e-9) ** (alpha - 1)
        found = np.maximum(np.where(value > threshold, value - slope, 0), 0)
    return (found / np.maximum(value, 1e-9)).astype(np.float32)
