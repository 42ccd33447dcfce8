"""Scores of a restored photo against the sharp one, computed as the field defines them."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.errors import OptionError

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

_WINDOW: Final = 11
_SIGMA: Final = 1.5


def psnr(restored: Float32, sharp: Float32) -> float:
    """Peak signal-to-noise ratio in dB over all pixels and channels, quantised to 8 bits.

    Args:
        restored: (H, W, C) in [0, 1]; rounded to 8 bits as it would be saved.
        sharp: Same shape and range.

    Returns:
        10 log10(255^2 / MSE); infinity for equal pictures.

    Raises:
        OptionError: If the shapes differ.
    """
    first, second = _codes(restored, sharp)
    error = float(np.mean((first - second) ** 2))
    return float("inf") if error == 0 else 10 * float(np.log10(255**2 / error))


def ssim(restored: Float32, sharp: Float32) -> float:
    """Structural similarity, in [-1, 1], quantised to 8 bits.

    Gaussian window 11x11, sigma 1.5, K = 0.01 and 0.03, data range 255, per channel and then
    the mean, over the region where the window fits.

    Args:
        restored: (H, W, C) in [0, 1], H and W at least 11.
        sharp: Same shape and range.

    Raises:
        OptionError: If the shapes differ or a side is shorter than the window.

    References:
        Wang et al., *Image quality assessment: from error visibility to structural
        similarity*, IEEE TIP 2004, eq. 13.
    """
    first, second = _codes(restored, sharp)
    if min(first.shape[:2]) < _WINDOW:
        height, width = first.shape[:2]
        raise OptionError(f"SSIM needs sides of at least {_WINDOW} px, got {width}x{height}")
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    mean_a, mean_b = _smooth(first), _smooth(second)
    var_a = _smooth(first * first) - mean_a**2
    var_b = _smooth(second * second) - mean_b**2
    covariance = _smooth(first * second) - mean_a * mean_b
    similarity = ((2 * mean_a * mean_b + c1) * (2 * covariance + c2)) / (
        (mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2)
    )
    return float(similarity.mean())


def _codes(restored: Float32, sharp: Float32) -> tuple[Float64, Float64]:
    if restored.shape != sharp.shape:
        raise OptionError(f"pictures differ in shape: {restored.shape} and {sharp.shape}")
    return tuple(np.round(np.clip(x, 0, 1).astype(np.float64) * 255) for x in (restored, sharp))  # type: ignore[return-value]


def _smooth(picture: Float64) -> Float64:
    """Gaussian-weighted mean over each window that lies inside the picture."""
    offsets = np.arange(_WINDOW) - _WINDOW // 2
    weights = np.exp(-(offsets**2) / (2 * _SIGMA**2))
    weights /= weights.sum()
    height, width = (side - _WINDOW + 1 for side in picture.shape[:2])
    rows = sum(w * picture[i : i + height] for i, w in enumerate(weights))
    smoothed: Float64 = sum(w * rows[:, i : i + width] for i, w in enumerate(weights))
    return smoothed
