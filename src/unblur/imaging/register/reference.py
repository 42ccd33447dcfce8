"""Restore a blurred photo with a second shot of the scene: sharp, or short and noisy."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.errors import OptionError, PhotoError, RegistrationError
from unblur.imaging.deblur.kernel_support import centre_of_mass
from unblur.imaging.deblur.pair_kernel import PairKernel, estimate_kernel
from unblur.imaging.deblur.residual import deconvolve_residual
from unblur.imaging.measure.sharpness import luma
from unblur.imaging.photo.photo import read_photo
from unblur.imaging.register import REFERENCES
from unblur.imaging.register.denoise import denoise
from unblur.imaging.register.registration import Registration, confidence_after, moved, register

Float32 = NDArray[np.float32]

_LEAST_SIDE_PX: Final = 32
_LEAST_EXPLAINED: Final = {"sharp": 0.5, "noisy": 0.3}
"""Share of the photo's gradients that the blurred reference must explain."""
_POINT: Final = 0.97
"""A kernel with so much in one pixel blurs nothing."""
_GREY_WITHIN: Final = 1.5 / 255
_BESIDE_PX: Final = 0.1
_MOVES: Final = 3
_LEAST_CONFIDENT: Final = 0.02
"""Mean confidence, below which there is nothing to take from the reference."""
_GRAIN: Final = (8 / 255, 4 / 255)
"""Noise that each round takes off what the deconvolution of a noisy pair has left."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PairFit:
    """How a reference fits a blurred photo, and what blurred that."""

    registration: Registration
    kernel: PairKernel
    confidence: Float32
    """(H, W) in [0, 1]: how far the registered reference is believed."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Referenced:
    """A photo restored with a second shot."""

    pixels: Float32
    """(H, W, 3) in [0, 1]."""
    confidence: Float32
    """(H, W) in [0, 1]: where detail comes from the reference; 0 if it was not used."""
    fit: PairFit | None = None
    refused: str | None = None
    """Why the reference was not used, in one line; the pixels are then the network's."""


def read_reference(path: Path, *, max_megapixels: float = 200.0) -> Float32:
    """Read a second shot.

    Returns:
        (H, W, 3) float32 in [0, 1], upright.

    Raises:
        PhotoError: If it cannot be read, or a side is shorter than 32 px.
    """
    pixels = read_photo(path, max_megapixels=max_megapixels).pixels.astype(np.float32)
    height, width, _ = pixels.shape
    if min(height, width) < _LEAST_SIDE_PX:
        raise PhotoError(
            f"{path}: is too small for a reference: {width}x{height} px; "
            f"{_LEAST_SIDE_PX} px a side are the least"
        )
    return pixels


def fit_pair(blurred: Float32, reference: Float32, kind: str = "sharp") -> PairFit:
    """Register a reference to a blurred photo, and find what blurred that.

    Args:
        blurred: (H, W, 3) sRGB-encoded in [0, 1].
        reference: (H', W', 3), same range.
        kind: ``sharp``, or ``noisy`` for a short exposure, which is denoised first.

    Raises:
        RegistrationError: If the reference does not fit; the message says why.
        OptionError: If ``kind`` is another.
        MissingExtraError: If a library of the extra ``reference`` is not installed.
    """
    if kind not in REFERENCES:
        raise OptionError(f"a reference is {' or '.join(REFERENCES)}, got {kind!r}")
    if min(blurred.shape[:2]) < _LEAST_SIDE_PX:
        raise RegistrationError(
            f"the blurred photo is too small for it: {blurred.shape[1]}x{blurred.shape[0]} px"
        )
    noisy = kind == "noisy"
    # Denoised before it is resampled, while its noise is white: from here on it is a sharp one.
    registration = register(blurred, denoise(reference) if noisy else reference)
    weight = registration.confidence * registration.covered
    if weight.mean() < _LEAST_CONFIDENT:
        raise RegistrationError("the reference agrees with the photo nowhere; take another shot")
    kernel = estimate_kernel(blurred, registration.reference, weight)
    # The photo stays where it is: a blur that moves it is a reference that lies beside it.
    for _ in range(_MOVES):
        offset = centre_of_mass(kernel.kernel)
        if np.abs(offset).max() < _BESIDE_PX:
            break
        registration = moved(registration, *offset)
        weight = registration.confidence * registration.covered
        kernel = estimate_kernel(blurred, registration.reference, weight)
    if kernel.explained < _LEAST_EXPLAINED[kind]:
        raise RegistrationError(
            f"the reference explains {max(kernel.explained, 0):.0%} of the photo's detail; at "
            f"least {_LEAST_EXPLAINED[kind]:.0%} are needed"
        )
    if not noisy and kernel.kernel.max() > _POINT:
        raise RegistrationError("the reference is no sharper than the photo; take a sharper one")
    confidence = confidence_after(blurred, registration, kernel.kernel) * registration.covered
    if confidence.mean() < _LEAST_CONFIDENT:
        raise RegistrationError("the reference agrees with the photo nowhere; take another shot")
    return PairFit(
        registration=registration, kernel=kernel, confidence=confidence.astype(np.float32)
    )


def restore_with_reference(
    blurred: Float32,
    reference: Float32,
    alone: Callable[[], Float32],
    kind: str = "sharp",
    *,
    refused: Callable[[], Float32] | None = None,
) -> Referenced:
    """Restore a photo with a second shot.

    Where the reference is trusted, its detail is the base; elsewhere it is what the photo gives
    alone. What the blurred base leaves of the photo is then deconvolved and added.

    Args:
        blurred: (H, W, 3) sRGB-encoded in [0, 1].
        reference: (H', W', 3), same range.
        alone: Restores the photo without a reference: same shape and range.
        kind: ``sharp`` or ``noisy``.
        refused: Restores it if the reference does not fit at all; None: ``alone``.

    Raises:
        OptionError: If ``kind`` is another.
        MissingExtraError: If a library of the extra ``reference`` is not installed.

    References:
        Yuan et al., *Image deblurring with blurred/noisy image pairs*, SIGGRAPH 2007.
    """
    try:
        fit = fit_pair(blurred, reference, kind)
    except RegistrationError as error:
        nowhere = np.zeros(blurred.shape[:2], np.float32)
        pixels = (refused or alone)()
        return Referenced(pixels=pixels, confidence=nowhere, refused=str(error))
    found = fit.kernel
    borrowed = _in_colour(fit.registration.reference, blurred)
    share = fit.confidence[..., None]
    base = borrowed if share.min() >= 1 else share * borrowed + (1 - share) * alone()
    # What denoising took has left no contrast to tell its error by: a noisy base is not trusted.
    for grain in (None, *(_GRAIN if kind == "noisy" else ())):
        base = base if grain is None else denoise(base, grain)
        base = deconvolve_residual(
            blurred,
            base,
            found.blur,
            linear_light=found.linear_light,
            trust=None if kind == "noisy" else fit.confidence,
        )
    return Referenced(pixels=base, confidence=fit.confidence, fit=fit)


def _in_colour(reference: Float32, blurred: Float32) -> Float32:
    """A grey reference gets the colours of the photo: detail of colour is faint anyway."""
    if np.ptp(reference, axis=2).mean() > _GREY_WITHIN:
        return reference
    colour = blurred - luma(blurred)[..., None]
    tinted: Float32 = np.clip(luma(reference)[..., None] + colour, 0, 1)
    return tinted
