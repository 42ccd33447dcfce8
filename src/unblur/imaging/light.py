"""Between sRGB-encoded values and the light that a sensor adds up."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

_DIMMEST: Final = 1e-6
"""Value far below which the curve of sRGB is a straight line; keeps logarithms finite."""


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


def _power(base: Float32, exponent: float) -> Float32:
    """Base, in [0, 1], to a power: several times faster than NumPy's on float32 arrays."""
    logarithm = np.log2(np.maximum(base, np.float32(_DIMMEST)))
    power: Float32 = np.exp2(logarithm * np.float32(exponent))
    return power
