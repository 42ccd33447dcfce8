"""Between sRGB-encoded values and the light that a sensor adds up."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

_DIMMEST: Final = 1e-6
"""Value far below which the curve of sRGB is a straight line; keeps logarithms finite."""
_EXPONENT: Final = 1.35
_HALF: Final = 0.286
"""Of the sigmoid ``(1 + half) light^exponent / (half + light^exponent)``: near the curves that raw
converters apply when asked for nothing else (ADR 0011)."""
_STEPS: Final = 4096


def srgb_to_linear(pixels: Float32) -> Float32:
    """Decode sRGB values in [0, 1] to linear light in [0, 1] (IEC 61966-2-1), any shape."""
    pixels = np.clip(pixels, 0, 1).astype(np.float32, copy=False)
    curve = _power((pixels + np.float32(0.055)) / np.float32(1.055), 2.4)
    return np.where(pixels <= np.float32(0.04045), pixels / np.float32(12.92), curve)


def linear_to_srgb(light: Float32) -> Float32:
    """Encode linear light in [0, 1] to sRGB values in [0, 1]; lights outside are clipped."""
    light = np.clip(light, 0, 1).astype(np.float32, copy=False)
    curve = _power(light, 1 / 2.4) * np.float32(1.055) - np.float32(0.055)
    return np.where(light <= np.float32(0.0031308), light * np.float32(12.92), curve)


def brightness(pixels: Float32, *, linear_light: bool) -> Float32:
    """(h, w) mean of the channels of (h, w, C) sRGB-encoded pixels: of light, or as they are."""
    values = srgb_to_linear(pixels) if linear_light else np.clip(pixels, 0, 1)
    mean: Float32 = values.mean(axis=2, dtype=np.float32)
    return mean


def _power(base: Float32, exponent: float) -> Float32:
    """Base, in [0, 1], to a power: several times faster than NumPy's on float32 arrays."""
    logarithm = np.log2(np.maximum(base, np.float32(_DIMMEST)))
    power: Float32 = np.exp2(logarithm * np.float32(exponent))
    return power


class CameraCurve:
    """Contrast that a camera adds to the curve of sRGB.

    A shake blurs light. What a camera stores is more than sRGB's curve of it: steeper in the
    middle, flatter towards white. Who undoes sRGB's alone does not get what was blurred.

    Args:
        strength: From 0, sRGB alone, to 1, what raw converters apply by default.
    """

    def __init__(self, strength: float = 0.0) -> None:
        self.strength = strength
        plain = np.linspace(0, 1, _STEPS + 1)
        light = srgb_to_linear(plain.astype(np.float32)).astype(np.float64) ** _EXPONENT
        steep = linear_to_srgb(((1 + _HALF) * light / (_HALF + light)).astype(np.float32))
        self._plain, self._stored = plain, plain + strength * (steep - plain)

    def undone(self, pixels: Float32) -> Float32:
        """What is stored, of any shape, as sRGB alone would encode its light, in [0, 1]."""
        return self._changed(pixels, self._stored, self._plain)

    def applied(self, pixels: Float32) -> Float32:
        """The other way."""
        return self._changed(pixels, self._plain, self._stored)

    def _changed(self, pixels: Float32, one: Float64, other: Float64) -> Float32:
        return np.interp(pixels, one, other).astype(np.float32) if self.strength else pixels
