"""How noisy a photo is."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

_CLEAR: Final = 8
"""So many times its noise is the contrast of a photo whose blur can be told."""


def estimate_noise(pixels: Float32) -> float:
    """Standard deviation of the noise, from the median of second differences of both axes.

    Args:
        pixels: (H, W, C), sides of 3 px at least; blurred, so that little in it is finer.

    References:
        Immerkær, *Fast noise variance estimation*, CVIU 1996; with the median for the mean.
    """
    fine = np.diff(np.diff(pixels, 2, axis=0), 2, axis=1)
    return float(np.median(np.abs(fine)) / 0.6745 / 6)


def hides_blur(contrast: float, noise: float) -> bool:
    """Whether a photo may be blurred although it looks hardly blurred, or not at all.

    Args:
        contrast: Standard deviation of its brightness.
        noise: Standard deviation of its noise, in the same units.
    """
    return contrast < _CLEAR * noise
