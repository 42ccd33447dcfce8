"""Where a photo that is sharp in places is only out of focus.

A shaken camera blurs all of a photo. Where some of it is sharp, the rest either moved, and is
blurred along its path, or lies before or behind the plane of focus, and is blurred the same in
every direction. The latter is as it was meant to be; networks that know motion only would make it
crisper. Thresholds: ADR 0005.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.imaging.measure.guard import blur_seen, magnified
from unblur.imaging.measure.sharpness import curvature, difference_energies, luma, ramp, spread

Float32 = NDArray[np.float32]

_SPREADS: Final = 2
_DETAIL: Final = np.float32((2 / 255) ** 2)
"""Mean square of differences over 4 px below which there is nothing to be sharp."""
_SHARP: Final = 0.3
"""Cells whose blur counts for less are sharp."""
_SHARP_SHARE: Final = (0.02, 0.05)
"""Of a photo with that many sharp cells the camera was held still."""
_UNEVEN: Final = (0.4, 0.7)
"""How much the curvature of a blurred place differs by direction if something moved there."""


def motion_weight(pixels: Float32) -> Float32 | None:
    """How much of a network's result to take, so that what is out of focus remains so.

    Args:
        pixels: (H, W, 3) in [0, 1], display-encoded; the whole photo.

    Returns:
        (H, W) in [0, 1], small where a photo that is sharp elsewhere is blurred alike in every
        direction; None where all of it may have been shaken, or it is too small to tell.
    """
    energies = difference_energies(luma(pixels))
    if energies.size == 0:
        return None
    energies = spread(energies, _SPREADS)
    detail = energies[..., 2, :].mean(axis=-1) > _DETAIL
    sharp = detail & (blur_seen(energies) < _SHARP)
    share = float(sharp.sum()) / max(float(detail.sum()), 1.0)
    least, most = _SHARP_SHARE
    if share <= least:
        return None
    shaken = np.float32(max(0.0, (most - share) / (most - least)))
    curved = curvature(energies)
    uneven = ramp(curved.max(axis=-1) - curved.min(axis=-1), *_UNEVEN)
    return magnified(spread(np.maximum(uneven, shaken)), *pixels.shape[:2])
