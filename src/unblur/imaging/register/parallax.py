"""Follow small parallax, which no homography explains."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.imaging.register.agreement import reblur
from unblur.imaging.register.warping import ndimage, opencv, resized, scaled_kernel, warp

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

_LONG_SIDE_PX: Final = 960
_LEAST_SIDE_PX: Final = 48
_MEDIAN_PX: Final = 9
_SMOOTH_PX: Final = 6.0
_MOST: Final = 0.03
"""How far things may lie apart, as a share of the long side."""
_CLEARLY: Final = 0.9
"""It is followed if what is left falls below this share."""
_BOUND: Final = 0.05


def follow(
    blurred: Float32, reference: Float32, homography: Float64, kernel: Float32, *, light: bool
) -> Float32 | None:
    """Find how far things lie from where a homography puts them.

    Dense flow (DIS) between the photo and the reference, blurred alike; cleaned by a median and
    smoothed.

    Args:
        blurred: (H, W, 3) sRGB-encoded in [0, 1].
        reference: (H', W', 3), exposure matched.
        homography: From px of the blurred photo to px of the reference.
        kernel: (K, K) of sum 1.
        light: Light was blurred; False: encoded values.

    Returns:
        (H, W, 2), x and y in px of the blurred photo, to be added before the homography; None
        where following makes it no clearly better.

    Raises:
        MissingExtraError: If OpenCV or SciPy is not installed.

    References:
        Kroeger et al., Fast Optical Flow using Dense Inverse Search, ECCV 2016.
    """
    cv2 = opencv()
    height, width = blurred.shape[:2]
    scale = min(1.0, _LONG_SIDE_PX / max(height, width))
    rows, columns = round(height * scale), round(width * scale)
    if min(rows, columns) < _LEAST_SIDE_PX:
        return None
    ours, matrix = resized(blurred, rows, columns)
    matrix = homography @ np.linalg.inv(matrix)
    small = scaled_kernel(kernel, scale)

    def misfit(offsets: Float32 | None) -> tuple[float, Float32, Bool]:
        warped, covered = warp(reference, matrix, (rows, columns), offsets=offsets)
        again = reblur(np.clip(warped, 0, 1), small, light=light)
        seen = ndimage().binary_erosion(covered, np.ones((3, 3)), iterations=len(small) // 2 + 1)
        left = np.minimum(np.abs(ours - again).mean(axis=2), _BOUND)
        return float(left[seen].mean()) if seen.any() else 0.0, again, seen

    before, again, seen = misfit(None)
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    most = _MOST * max(rows, columns)
    found = search.calc(_bytes(ours), _bytes(again), None) * seen[..., None]
    found = np.stack([ndimage().median_filter(found[..., i], _MEDIAN_PX) for i in (0, 1)], axis=2)
    flow = cv2.GaussianBlur(np.clip(found, -most, most), (0, 0), _SMOOTH_PX)
    after, _, _ = misfit(flow)
    # Once is enough: again and again, it would follow the noise and what is hidden.
    if after >= _CLEARLY * before:
        return None
    larger, _ = resized(flow, height, width)
    return larger / np.float32(scale)


def _bytes(pixels: Float32) -> NDArray[np.uint8]:
    grey = pixels.mean(axis=2)
    whole: NDArray[np.uint8] = np.rint(np.clip(grey, 0, 1) * 255).astype(np.uint8)
    return whole
