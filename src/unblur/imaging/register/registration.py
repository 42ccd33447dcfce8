"""Lay a second shot of a scene over a blurred photo of it."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.errors import RegistrationError
from unblur.imaging.light import srgb_to_linear
from unblur.imaging.measure.sharpness import luma
from unblur.imaging.register.agreement import trust
from unblur.imaging.register.alignment import Alignment, align
from unblur.imaging.register.denoise import denoise
from unblur.imaging.register.matching import Match, match_features
from unblur.imaging.register.parallax import follow
from unblur.imaging.register.photometry import match_colours
from unblur.imaging.register.refusals import (
    check_fit,
    check_pixels,
    check_sharper,
    check_trust,
    plausible,
)
from unblur.imaging.register.warping import scaled_kernel, shrunk, warp

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

_SURE_MATCHES: Final = 25
_LEAST_MATCHES: Final = 8
_GREY: Final = 2.5 / 255
"""Channels of a grey photo may differ by so much: JPEG rounds."""
_WHITE: Final = 0.985
_SEARCH_PX: Final = 160
_LIGHT_PX: Final = 320
"""Long side at which it is seen whether light or encoded values were blurred."""
_SEARCH_AGREEMENT: Final = 0.9


@dataclass(frozen=True, kw_only=True, eq=False)
class Registration:
    """A reference, laid over a blurred photo.

    Attributes:
        reference: (H, W, 3), the reference resampled to the blurred photo's grid, its exposure
            and colours matched; sRGB-encoded in [0, 1]; 0 where it does not reach.
        covered: (H, W): where it does reach.
        confidence: (H, W) in [0, 1], smooth: 1 where the reference, blurred alike, agrees with
            the blurred photo; 0 where something moved, hides or lies outside.
        homography: (3, 3), maps (x, y, 1) px of the blurred photo to px of the reference as it
            was given; pixel centres at integers. The blur's centre of mass is taken for where
            things are.
        matches: Places of features that agree with it; 0 where it was found without.
    """

    reference: Float32
    covered: NDArray[np.bool_]
    confidence: Float32
    homography: NDArray[np.float64]
    matches: int


def register(blurred: Float32, reference: Float32, *, noisy: bool = False) -> Registration:
    """Register a sharp, or short and noisy, shot to a blurred one of nearly the same scene.

    Features at several sizes give a first homography; the homography and the kernel between the
    two are then refined in turn, coarse to fine; then exposure and colours are matched, and the
    last step is done again with them. Small parallax is followed where that agrees clearly
    better.

    Args:
        blurred: (H, W, 3) sRGB-encoded in [0, 1], sides of 32 px at least.
        reference: (H', W', 3), same range; half to twice the scale, any rotation.
        noisy: The reference is full of noise: it is denoised to be registered, not in the
            result.

    Raises:
        RegistrationError: If the reference does not fit; the message says why.
        OptionError: If an array is not of shape (H, W, 3).
        MissingExtraError: If OpenCV or SciPy is not installed.
    """
    check_pixels(blurred, reference)
    clean = denoise(reference) if noisy else reference
    ours, theirs = luma(blurred), luma(clean)
    first, match = _first(ours, theirs)
    grey = _is_grey(clean) and not _is_grey(blurred)
    plain = _greyed(blurred) if grey else blurred
    light, found = _rough(plain, clean, first)
    check_fit(found, match, ours.shape, theirs.shape)
    shape = blurred.shape[:2]
    kernel = scaled_kernel(found.kernel, 1 / found.scale)
    seen, covered = warp(clean, found.homography, shape)
    curve = match_colours(plain, seen, covered, kernel, blurred_light=light)
    # Once more with the right exposure, and without what it shows to be clipped.
    usable = None
    if float(curve.apply(np.ones(3, np.float32)).min()) < _WHITE:
        usable = clean.max(axis=2) < _WHITE
    found = align(
        _plane(plain, light),
        _plane(curve.apply(clean), light),
        found,
        usable=usable,
    )
    kernel = scaled_kernel(found.kernel, 1 / found.scale)
    seen, covered = warp(clean, found.homography, shape)
    curve = match_colours(plain, seen, covered, kernel, blurred_light=light)
    moved = follow(plain, curve.apply(clean), found.homography, kernel, light=light)
    target, covered = warp(reference, found.homography, shape, fine=True, offsets=moved)
    target = curve.apply(np.clip(target, 0, 1)) * covered[..., None]
    if grey:  # its colours are those of the blurred photo, as they are
        target = np.clip(target + (blurred - plain), 0, 1) * covered[..., None]
    check_sharper(plain, curve.apply(np.clip(seen, 0, 1)), covered, kernel)
    result = Registration(
        reference=target.astype(np.float32),
        covered=covered,
        confidence=np.zeros(shape, np.float32),
        homography=found.homography,
        matches=match.inliers,
    )
    result = replace(result, confidence=confidence_after(blurred, result, kernel))
    check_trust(result.confidence, covered)
    return result


def moved(registration: Registration, rows: float, columns: float) -> Registration:
    """A registration with the reference moved over the blurred photo's grid, by part of a pixel.

    Args:
        registration: What is moved; its features stay what they were.
        rows: Down, in px.
        columns: To the right, in px.
    """
    lie = np.eye(3)
    lie[:2, 2] = -columns, -rows
    size = registration.covered.shape
    covered, reached = warp(registration.covered.astype(np.float32), lie, size)
    return replace(
        registration,
        reference=np.clip(warp(registration.reference, lie, size, fine=True)[0], 0, 1),
        covered=reached & (covered > 0.99),  # noqa: PLR2004 - nothing of what lies outside
        confidence=np.clip(warp(registration.confidence, lie, size)[0], 0, 1),
        homography=registration.homography @ lie,
    )


def confidence_after(blurred: Float32, registration: Registration, kernel: Float32) -> Float32:
    """The confidence of a registration again, when the kernel is known.

    Args:
        blurred: (H, W, 3) as it was registered.
        registration: From :func:`register`.
        kernel: (K, K), K odd, non-negative, of sum 1.

    Returns:
        (H, W) in [0, 1], smooth.
    """
    return trust(blurred, registration.reference, registration.covered, kernel)


def _first(blurred: Float32, reference: Float32) -> tuple[Float64, Match]:
    """A first homography: by features, or where these are few by trying."""
    match = match_features(blurred, reference)
    shapes = (blurred.shape, reference.shape)
    fits = match.homography is not None and plausible(match.homography, shapes[0])
    if fits and match.homography is not None and match.inliers >= _SURE_MATCHES:
        return match.homography, match
    tried = []
    if fits and match.homography is not None and match.inliers >= _LEAST_MATCHES:
        tried.append((match.homography, match))
    tried += [(_turned(*shapes, turns), replace(match, inliers=0)) for turns in range(4)]
    results = [
        (align(blurred, reference, start, most_px=_SEARCH_PX), which) for start, which in tried
    ]
    best, which = max(results, key=lambda each: each[0].agreement)
    if best.agreement >= _SEARCH_AGREEMENT and plausible(best.homography, shapes[0]):
        return best.homography, which
    mirrored = match_features(blurred, np.ascontiguousarray(reference[:, ::-1]))
    if mirrored.inliers >= max(_SURE_MATCHES, 2 * match.inliers):
        raise RegistrationError("the reference is mirrored; flip it first")
    raise RegistrationError(
        f"the reference does not show the same scene: only {match.inliers} of "
        f"{match.candidates} matches agree; take a shot from nearly the same place"
    )


def _turned(ours: tuple[int, ...], theirs: tuple[int, ...], turns: int) -> Float64:
    """Centre on centre, turned by so many right angles, as large as it is likely to be."""
    cosine, sine = ((1, 0), (0, 1), (-1, 0), (0, -1))[turns]
    # A crop loses some percent; a scale comes as the mean of both sides.
    sides = theirs if turns % 2 == 0 else theirs[::-1]
    scale = float(np.sqrt(sides[0] / ours[0] * sides[1] / ours[1]))
    matrix = np.array([[cosine * scale, -sine * scale, 0], [sine * scale, cosine * scale, 0],
                       [0, 0, 1.0]])  # fmt: skip
    middles = [np.array([(shape[1] - 1) / 2, (shape[0] - 1) / 2]) for shape in (ours, theirs)]
    matrix[:2, 2] = middles[1] - matrix[:2, :2] @ middles[0]
    return matrix


def _rough(blurred: Float32, reference: Float32, first: Float64) -> tuple[bool, Alignment]:
    """Whether light was blurred, and the refined homography: whichever fits better."""
    found: dict[bool, tuple[float, Alignment]] = {}
    for light in (True, False):
        planes = _plane(blurred, light), _plane(reference, light)
        rough = align(*planes, first, most_px=_LIGHT_PX)
        scale = rough.scale
        ours, to_ours = shrunk(blurred, scale)
        seen, covered = warp(reference, rough.homography @ np.linalg.inv(to_ours), ours.shape[:2])
        curve = match_colours(ours, seen, covered, rough.kernel, blurred_light=light)
        found[light] = curve.misfit, rough
    light = min(found, key=lambda each: found[each][0])
    return light, found[light][1]


def _plane(pixels: Float32, light: bool) -> Float32:
    return luma(srgb_to_linear(pixels) if light else pixels)


def _is_grey(pixels: Float32) -> bool:
    return float(np.ptp(pixels, axis=2).max()) < _GREY


def _greyed(pixels: Float32) -> Float32:
    return np.repeat(luma(pixels)[..., None], 3, axis=2)
