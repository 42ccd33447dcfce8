"""Find one picture in another by its features, though one of the two is blurred."""

from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from unblur.imaging.register.warping import opencv, shrunk

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

_LONG_SIDES_PX: Final = (960, 480, 240, 120)
"""Features are looked for at these sizes: the smaller, the shorter the blur is in pixels."""
_BLURS_PX: Final = (0.0, 2.0)
"""The reference is also looked at so blurred, as the other one is."""
_MOST_FEATURES: Final = 2000
_CONTRAST: Final = 0.01
"""Weakest extremum that counts; lower than usual, since blur weakens them."""
_DISTINCT: Final = 0.8
"""A match must be so much nearer than the second best (Lowe 2004)."""
_TOLERANCE: Final = 0.01
"""How far a match may miss, as a share of the long side: blur moves features."""
_LEAST_LEVEL_PX: Final = 24


@dataclass(frozen=True)
class Match:
    """Where features lead: (x, y, 1) px of the blurred picture to px of the reference.

    Attributes:
        homography: (3, 3), pixel centres at integers; None where no four matches agree.
        inliers: Matches that agree with it.
        candidates: Matches found.
    """

    homography: Float64 | None
    inliers: int
    candidates: int


def match_features(blurred: Float32, reference: Float32) -> Match:
    """Match features at several sizes together, and fit one homography to them.

    Args:
        blurred: (H, W) brightness in [0, 1].
        reference: (H', W') brightness in [0, 1]; any scale and rotation.

    Raises:
        MissingExtraError: If OpenCV is not installed.

    References:
        Lowe, Distinctive image features from scale-invariant keypoints, IJCV 2004; Barath et
        al., MAGSAC++, CVPR 2020.
    """
    cv2 = opencv()
    sift = cv2.SIFT.create(_MOST_FEATURES, 3, _CONTRAST)
    matcher = cv2.BFMatcher(cv2.NORM_L2)
    starts: list[Float32] = []
    ends: list[Float32] = []
    for long_px in _sizes(blurred, reference):
        ours = _features(cv2, sift, blurred, long_px, 0.0)
        for blur_px in _BLURS_PX:
            theirs = _features(cv2, sift, reference, long_px, blur_px)
            if min(len(ours[0]), len(theirs[0])) < 2:  # noqa: PLR2004 - no second best
                continue
            for best, second in matcher.knnMatch(ours[1], theirs[1], k=2):
                if best.distance < _DISTINCT * second.distance:
                    starts.append(ours[0][best.queryIdx])
                    ends.append(theirs[0][best.trainIdx])
    if len(starts) < 4:  # noqa: PLR2004 - what a homography needs
        return Match(None, 0, len(starts))
    pairs = np.unique(np.round(np.hstack([starts, ends]), 1), axis=0)
    tolerance = _TOLERANCE * max(reference.shape)
    found, inside = cv2.findHomography(
        pairs[:, :2], pairs[:, 2:], cv2.USAC_MAGSAC, tolerance, maxIters=20000, confidence=0.9999
    )
    if found is None:
        return Match(None, 0, len(pairs))
    # Every size adds its own finds of one thing: what lies in one place counts once.
    places = np.round(pairs[inside.ravel() > 0, :2] / (_TOLERANCE * max(blurred.shape)))
    return Match(found.astype(np.float64), len(np.unique(places, axis=0)), len(pairs))


def _sizes(blurred: Float32, reference: Float32) -> list[int]:
    longest = min(max(blurred.shape), max(reference.shape))
    sizes = [size for size in _LONG_SIDES_PX if _LEAST_LEVEL_PX <= size < 1.4 * longest]
    return sizes or [longest]


def _features(
    cv2: ModuleType, sift: Any, plane: Float32, long_px: int, blur_px: float
) -> tuple[Float32, Float32]:
    """Places (N, 2), x and y in pixels of the whole plane, and descriptors (N, 128)."""
    small, matrix = shrunk(plane, long_px / max(plane.shape))
    if blur_px:
        small = cv2.GaussianBlur(small, (0, 0), blur_px)
    # A dim or hazy picture has features too: its own range counts.
    low, high = np.percentile(small, (0.5, 99.5))
    bytes_ = np.clip((small - low) / max(float(high - low), 1e-3), 0, 1) * 255
    points, descriptors = sift.detectAndCompute(bytes_.astype(np.uint8), None)
    if descriptors is None:
        return np.zeros((0, 2), np.float32), np.zeros((0, 128), np.float32)
    places = np.array([point.pt for point in points], np.float32)
    scale, offset = matrix.diagonal()[:2], matrix[:2, 2]
    roots = np.sqrt(descriptors / np.maximum(descriptors.sum(axis=1, keepdims=True), 1e-6))
    return ((places - offset) / scale).astype(np.float32), roots.astype(np.float32)
