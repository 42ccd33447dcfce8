"""Refuse a second shot of a scene that does not fit, and say why."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.errors import OptionError, RegistrationError
from unblur.imaging.measure.sharpness import luma
from unblur.imaging.register.agreement import detail_left
from unblur.imaging.register.alignment import Alignment
from unblur.imaging.register.matching import Match
from unblur.imaging.register.warping import local_scale, warp

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

_LEAST_SIDE_PX: Final = 32
_LEAST_SIZE: Final = 0.3
"""Long side of a reference as a share of the blurred photo's: below, it has no detail to give."""
_SCALES: Final = (0.35, 4.0)
_MOST_TILT: Final = 1.5
"""How far scales in the corners may differ from that in the middle."""
_LEAST_CONTRAST: Final = 0.01
_LEAST_COVER: Final = 0.15
_LEAST_AGREEMENT: Final = 0.7
_LEAST_TRUST: Final = 0.03
_NO_SHARPER: Final = 0.9
"""Share of the finest differences that the kernel leaves: near 1, there is nothing to undo."""


def check_pixels(blurred: Float32, reference: Float32) -> None:
    """Refuse pictures in which there is nothing to see, or too little."""
    for name, pixels in (("blurred photo", blurred), ("reference", reference)):
        if pixels.ndim != 3 or pixels.shape[2] != 3:  # noqa: PLR2004
            raise OptionError(f"the {name} must be of shape (H, W, 3), got {pixels.shape}")
        height, width, _ = pixels.shape
        if min(height, width) < _LEAST_SIDE_PX:
            raise RegistrationError(
                f"the {name} is too small: {width}x{height} px; sides of {_LEAST_SIDE_PX} px at "
                "least are needed"
            )
        brightness = luma(pixels)
        if not np.isfinite(brightness).all():
            raise OptionError(f"the {name} must hold finite numbers only")
        if float(brightness.std()) < _LEAST_CONTRAST:
            how = "too dark" if float(brightness.mean()) < 0.05 else "flat"  # noqa: PLR2004
            raise RegistrationError(f"the {name} is {how}: there is nothing to see in it")
    sizes = [max(pixels.shape[:2]) for pixels in (blurred, reference)]
    if sizes[1] < _LEAST_SIZE * sizes[0]:
        raise RegistrationError(
            f"the reference is too small: its long side is {sizes[1]} px, the blurred photo's "
            f"{sizes[0]}; take one of at least half the size"
        )


def plausible(homography: Float64, shape: tuple[int, ...]) -> bool:
    """Whether a camera that moved a little could have seen it so."""
    height, width = shape
    middle = local_scale(homography, np.array([width / 2, height / 2]))
    corners = [
        local_scale(homography, np.array([x, y])) for x in (0, width - 1) for y in (0, height - 1)
    ]
    low, high = middle / _MOST_TILT, middle * _MOST_TILT
    return middle > 0 and all(low < corner < high for corner in corners)


def check_fit(
    found: Alignment, match: Match, ours: tuple[int, ...], theirs: tuple[int, ...]
) -> None:
    """Refuse what a homography does not explain."""
    scale = local_scale(found.homography, np.array([ours[1] / 2, ours[0] / 2]))
    if not _SCALES[0] <= scale <= _SCALES[1]:
        raise RegistrationError(
            f"the reference shows the scene at {scale:.2g} times the size; it must be "
            f"{_SCALES[0]:g} to {_SCALES[1]:g} times"
        )
    _, covered = warp(np.zeros(theirs, np.float32), found.homography, (ours[0], ours[1]))
    if (share := float(covered.mean())) < _LEAST_COVER:
        raise RegistrationError(
            f"the reference shows only {share:.0%} of the blurred photo; take one of the whole"
        )
    if found.agreement < _LEAST_AGREEMENT or not plausible(found.homography, ours):
        raise RegistrationError(
            f"the reference does not fit: {match.inliers} of {match.candidates} matches agree, "
            f"but laid over the photo only {max(found.agreement, 0):.0%} of its structure does; "
            "take a shot from nearly the same place"
        )


def check_sharper(blurred: Float32, reference: Float32, covered: Bool, kernel: Float32) -> None:
    """Refuse a reference to which the blur makes no difference, or that is blurred as well."""
    by_kernel, in_blurred = detail_left(blurred, reference, covered, kernel)
    if max(by_kernel, in_blurred) > _NO_SHARPER:
        raise RegistrationError(
            "the reference is no sharper than the blurred photo; take a sharp shot"
        )


def check_trust(confidence: Float32, covered: Bool) -> None:
    """Refuse a reference that agrees with the blurred photo next to nowhere."""
    share = float(confidence[covered].mean())
    if share < _LEAST_TRUST:
        raise RegistrationError(
            f"the reference does not fit: blurred alike, it agrees with only {share:.1%} of the "
            "photo; take a shot from nearly the same place"
        )
