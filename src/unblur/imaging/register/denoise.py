"""Take the noise off a short exposure: scikit-image's non-local means."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from unblur.extras import need
from unblur.imaging.measure.noise import estimate_noise

Float32 = NDArray[np.float32]

_PATCH_PX: Final = 5
_SEARCH_PX: Final = 6
_STRENGTH: Final = 0.6
"""Times sigma; measured: more takes detail, less leaves grain."""


def denoise(pixels: Float32, sigma: float | None = None) -> Float32:
    """Denoise by non-local means.

    Args:
        pixels: (H, W, 3) in [0, 1].
        sigma: Standard deviation of the noise; None estimates it.

    Returns:
        Same shape and range.

    Raises:
        MissingExtraError: If scikit-image is not installed.

    References:
        Buades et al., *A non-local algorithm for image denoising*, CVPR 2005.
    """
    sigma = estimate_noise(pixels) if sigma is None else sigma
    if sigma <= 0:
        return pixels
    clean = _restoration().denoise_nl_means(
        pixels.astype(np.float32, copy=False),
        patch_size=_PATCH_PX,
        patch_distance=_SEARCH_PX,
        h=_STRENGTH * sigma,
        sigma=sigma,
        fast_mode=True,
        channel_axis=2,
    )
    clipped: Float32 = np.clip(clean, 0, 1).astype(np.float32)
    return clipped


def _restoration() -> Any:
    need("reference", "skimage")
    from skimage import restoration

    return restoration
