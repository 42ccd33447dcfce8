"""Parts of a photo out of focus, as most photos have them: blur that is meant, and stays."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.imaging.blur.blur import blur

Float32 = NDArray[np.float32]

_RADIUS_PX: Final = (0.8, 7.0)
_WHOLE_SHARE: Final = 0.4
"""Share of the photos that are out of focus everywhere; the others beyond a border."""
_BORDER_PX: Final = (1.0, 80.0)


def defocus(sharp: Float32, rng: np.random.Generator) -> Float32:
    """Put a photo, or a part of it, out of focus: light spread over a disc.

    A network that has only seen blur that is to be removed sharpens the background of a portrait.

    Args:
        sharp: (H, W, 3) sRGB-encoded in [0, 1].
        rng: Draws the radius of the disc, most often a small one, and which part it blurs: all,
            or what lies beyond a straight border that is anything from hard to soft.

    Returns:
        Same shape and range.
    """
    radius = float(np.exp(rng.uniform(*np.log(_RADIUS_PX))))
    height, width = sharp.shape[:2]
    # The disc, mirrored at the photo's edges, must fit into it.
    soft = blur(sharp, disc_kernel(min(radius, (min(height, width) - 3) / 2)))
    if rng.uniform() < _WHOLE_SHARE:
        return soft
    angle = rng.uniform(0, 2 * np.pi)
    down, right = np.mgrid[:height, :width].astype(np.float32)
    away = (down - rng.uniform(0, height)) * np.float32(np.sin(angle))
    away += (right - rng.uniform(0, width)) * np.float32(np.cos(angle))
    border = float(np.exp(rng.uniform(*np.log(_BORDER_PX))))
    share = np.clip(away / np.float32(border) + np.float32(0.5), 0, 1)[..., None]
    mixed: Float32 = sharp + share * (soft - sharp)
    return mixed


def disc_kernel(radius_px: float) -> Float32:
    """A disc, its rim antialiased.

    Args:
        radius_px: Positive.

    Returns:
        (K, K), K odd; non-negative, of sum 1.
    """
    reach = int(np.ceil(radius_px))
    away = np.arange(-reach, reach + 1, dtype=np.float32)
    distance = np.hypot(away[:, None], away)
    disc = np.clip(np.float32(radius_px + 0.5) - distance, 0, 1)
    normalised: Float32 = disc / disc.sum()
    return normalised
