"""What a blurred photo and a network that restored it say together."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from unblur.devices import cores
from unblur.imaging.blur.convolution import trim_kernel
from unblur.imaging.deblur.blind import CLIPPED
from unblur.imaging.fourier import forward, good_size, inverse, kernel_spectrum, steps
from unblur.imaging.light import linear_to_srgb, srgb_to_linear

Complex64 = NDArray[np.complex64]
Float32 = NDArray[np.float32]

_LEAST_NOISE: Final = 1 / 255
KERNEL_ERROR: Final = 0.06
"""Of the gradients that a kernel blurred, so much counts as noise: it was found, and is off."""
_LEAST_TOLD_ERROR: Final = 0.2
_MISFIT: Final = 8.0
"""The same, where the photo tells it: at least, and so many times what an expected picture leaves
unexplained of these gradients: it was made to explain the photo, by a wrong kernel, too (ADR 0013).
"""
_TINY: Final = 1e-12
_OF_COLOUR: Final = 0.8
"""Colours are expected to be off by so much of what the photo is."""
_BEYOND: Final = 2.0
"""Beyond the edges the mirrored picture is expected to be off by so many times as much."""
_ROUNDS: Final = 25
_ROUNDS_COLOUR: Final = 20
_USUAL: Final = 0.6**2
_AROUND_PX: Final = 65
_DOUBT: Final = 1.5
"""Where the photo is left unexplained by more than the former, as a share of the noise, which a
kernel that fits does not, in the mean over so many pixels, it counts as so much noisier: as many
times as what is left is too much, to the power of the last."""
_LEAST_TOLD: Final = 1e-3
_LEAST_SLOPE: Final = 0.25
"""Of sRGB's curve, which is nearly flat in the dark: noise there is more than its slope tells."""


def posterior_mean(  # noqa: PLR0913 - what is known of the photo and its blur
    pixels: Float32,
    restored: Float32,
    kernel: Float32,
    *,
    linear_light: bool,
    noise: float,
    kernel_error: float | None = KERNEL_ERROR,
    threads: int = 0,
) -> Float32:
    """The most probable photo, given a blurred one and what a network made of it.

    The network says how far off it expects to be, at every pixel; the blurred photo, what the
    result has to be when it is blurred again, but for the noise. Both are taken for normal
    distributions, of light at the slope of sRGB's curve, and their product has one most probable
    photo, found by conjugate gradients. Where the network is sure, in smooth places, nothing
    changes and nothing rings; what it is not sure of, fine detail, comes from the photo. Where
    that photo cannot be explained, something else moved there, and it counts for less.

    Args:
        pixels: (H, W, 3) the blurred photo, sRGB-encoded in [0, 1]; what is clipped tells nothing.
        restored: (H, W, 4) sRGB-encoded colours, and the natural logarithm of how far off they
            are expected to be.
        kernel: (K, K), K odd, non-negative, of sum 1; its centre of mass becomes the origin.
        linear_light: It blurred light; False: the values as they are.
        noise: Standard deviation of the photo's noise, of sRGB-encoded values.
        kernel_error: Of the gradients that the kernel blurred, so much counts as noise; None: as
            much as the photo tells.
        threads: To work with; 0 takes one per core. The result does not depend on it.

    Returns:
        (H, W, 3) sRGB-encoded in [0, 1].

    References:
        Zhang, Li, Zuo et al., *Plug-and-play image restoration with deep
        denoiser prior*, TPAMI 2021: a network and the photo in turns. Here once, and each pixel is
        held as tightly as the network trusts it (ADR 0012).
    """
    made, error = np.clip(restored[..., :3], 0, 1), np.exp(restored[..., 3])
    noise, seen = max(noise, _LEAST_NOISE), pixels
    if linear_light:
        seen, made = srgb_to_linear(pixels), srgb_to_linear(made)
        slope = _slope(linear_to_srgb(made.mean(axis=2, dtype=np.float32)))
        error, noise_there = error * slope, noise * slope
    else:
        noise_there = np.full_like(error, noise)
    brightness, other = (x.mean(axis=2, dtype=np.float32) for x in (seen, made))
    usable = pixels.max(axis=2) <= CLIPPED
    fit = _Fit(other, kernel, error)
    fit.weigh(brightness, noise_there, usable, kernel_error=kernel_error)

    def plane(channel: int) -> Float32:
        one, two = (x[..., channel] - y for x, y in ((seen, brightness), (made, other)))
        return fit.mean(one, two, _OF_COLOUR, _ROUNDS_COLOUR)

    fit.doubt(brightness, fit.mean(brightness, other, 1.0, _ROUNDS))
    with ThreadPoolExecutor(threads or cores()) as pool:
        bright = pool.submit(fit.mean, brightness, other, 1.0, _ROUNDS)
        if (pixels == pixels[..., :1]).all():
            red = blue = np.zeros_like(other)
        else:
            red, blue = pool.map(plane, (0, 2))
        grey = bright.result()
    light = np.stack([grey + red, grey - red - blue, grey + blue], axis=2)
    return linear_to_srgb(light) if linear_light else np.clip(light, 0, 1)


def _slope(encoded: Float32) -> Float32:
    """Of light by encoded value."""
    curve = 2.4 / 1.055 * ((encoded + 0.055) / 1.055) ** 1.4
    slope: Float32 = np.maximum(curve, _LEAST_SLOPE).astype(np.float32)
    return slope


class _Fit:
    """Fits planes to a blurred one, from what they are expected to be.

    Args:
        expected: (H, W) brightness.
        kernel: As in :func:`posterior_mean`.
        error: (H, W) how far off the brightness is expected to be.
    """

    def __init__(self, expected: Float32, kernel: Float32, error: Float32) -> None:
        kernel = trim_kernel(kernel)
        margin = len(kernel) // 2 + 2
        rows, columns = (good_size(side + 2 * margin) for side in expected.shape)
        down, right = (slice(margin, margin + side) for side in expected.shape)
        self._size, self._inside = (rows, columns), (down, right)
        self._blur = kernel_spectrum(kernel, self._size, centred=True)
        self._expected = expected
        self._error = np.float32(_BEYOND) * self._larger(error)
        self._error[self._inside] = error

    def weigh(
        self,
        blurred: Float32,
        noise: Float32,
        usable: NDArray[np.bool_],
        *,
        kernel_error: float | None,
    ) -> None:
        """Say how much the photo counts where.

        Args:
            blurred: (H, W) brightness that was seen.
            noise: (H, W) of that.
            usable: (H, W) where it tells something.
            kernel_error: As in :func:`posterior_mean`.
        """
        expected = self._larger(self._expected)
        along, across = steps(expected)
        rough = np.maximum(self._blurred(along**2 + across**2), 0)
        if kernel_error is None:
            left = (blurred - self._blurred(expected)) ** 2 - noise**2
            unexplained, blurred_away = (_sum(x, usable) for x in (left, rough))
            misfit = np.sqrt(max(unexplained, 0.0) / max(blurred_away, _TINY))
            kernel_error = max(_LEAST_TOLD_ERROR, _MISFIT * float(misfit))
        variance = noise**2 + np.float32(kernel_error**2) * rough
        self._weight = np.where(usable, 1 / variance, 0).astype(np.float32)

    def _larger(self, plane: Float32) -> Float32:
        pads = [
            (part.start, side - part.stop)
            for part, side in zip(self._inside, self._size, strict=True)
        ]
        return np.pad(plane, pads, mode="reflect")

    def _blurred(self, plane: Float32) -> Float32:
        spectrum = forward(plane, self._size)
        spectrum *= self._blur
        return inverse(spectrum, self._size)[self._inside]

    def _spread(self, plane: Float32) -> Float32:
        """The adjoint of :meth:`_blurred`."""
        whole = np.zeros(self._size, np.float32)
        whole[self._inside] = plane
        spectrum = forward(whole, self._size)
        np.multiply(spectrum.conj(), self._blur, out=spectrum)
        return inverse(spectrum.conj(), self._size)

    def doubt(self, blurred: Float32, found: Float32) -> None:
        """Count the photo for less where the kernel does not fit.

        Args:
            blurred: What was seen.
            found: The most probable plane, as if it did.
        """
        from scipy import ndimage

        left = self._weight * (blurred - self._blurred(self._larger(found))) ** 2
        told = (self._weight > 0).astype(np.float32)
        left, told = (ndimage.uniform_filter(x, _AROUND_PX) for x in (left, told))
        more = np.maximum(left / np.maximum(told, _LEAST_TOLD) / _USUAL, 1)
        self._weight = (self._weight / more**_DOUBT).astype(np.float32)

    def mean(self, blurred: Float32, expected: Float32, share: float, rounds: int) -> Float32:
        """The most probable plane.

        Args:
            blurred: What was seen.
            expected: What it is expected to be.
            share: Of the error, so much is expected.
            rounds: Of conjugate gradients.
        """
        error = np.float32(share) * self._error
        missing = blurred - self._blurred(self._larger(expected))
        left = error * self._spread(self._weight * missing)
        found, way = np.zeros_like(left), left.copy()
        square = _dot(left, left)
        for _ in range(rounds):
            if square <= 0:
                break
            ahead = self._spread(self._weight * self._blurred(error * way))
            ahead *= error
            ahead += way
            length = np.float32(square / _dot(way, ahead))
            found += length * way
            ahead *= length
            left -= ahead
            before, square = square, _dot(left, left)
            way *= np.float32(square / before)
            way += left
        found *= error
        result: Float32 = expected + found[self._inside]
        return result


def _sum(plane: Float32, where: NDArray[np.bool_]) -> float:
    return float(np.sum(plane, dtype=np.float64, where=where))


def _dot(one: NDArray[Any], other: NDArray[Any]) -> float:
    rows = np.einsum("ij,ij->i", one, other)  # of as many products as a row has, exact enough
    return float(np.sum(rows, dtype=np.float64))
