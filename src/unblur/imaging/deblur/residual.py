"""Deconvolution given a base picture near the truth: only what the base misses is sought.

A plain deconvolution rings at every edge, because what it seeks has edges. The difference between
the truth and a base that has the edges in place is small and has few of its own, and so has its
ringing (Yuan et al. 2007, section 5.1).
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from unblur.errors import OptionError
from unblur.imaging.deblur.varying_blur import VaryingBlur
from unblur.imaging.light import linear_to_srgb, srgb_to_linear
from unblur.imaging.measure.noise import estimate_noise

Float32 = NDArray[np.float32]

_LEAST_NOISE: Final = 0.5 / 255
_LEAST_ERROR: Final = 0.5 / 255
_MOST_ERROR: Final = 0.15
"""Of the base; what the photo says is clipped to this."""
_AROUND_PX: Final = 5
"""The error of the base is a mean over this much and the kernel's reach around a pixel."""
_CONTRAST_PX: Final = 7
_CONTRAST_SHARE: Final = 0.5
"""A base that has its edges in place is wrong by less than this share of the contrast there."""
_FAINT: Final = 1e-4
_BROAD_PX: Final = 3
_STEPS: Final = 25
_SLOPE_AT: Final = 1 / 512
_DARKEST: Final = 0.02
"""Encoded value below which the slope of the curve of light is taken as there."""


def deconvolve_residual(
    blurred: Float32,
    base: Float32,
    blur: VaryingBlur,
    *,
    linear_light: bool,
    noise: float | None = None,
    trust: Float32 | None = None,
) -> Float32:
    """Restore a photo whose blur is known, from a base near the truth.

    The most probable picture if the noise of the photo and the error of the base are Gaussian;
    how large that error is about each pixel is taken from what the blurred base leaves of the
    photo. Where the base explains the photo it stays; conjugate gradients find the rest, for
    light that was blurred as well as for encoded values, and for a blur that varies.

    Args:
        blurred: (H, W, 3) sRGB-encoded in [0, 1].
        base: Same shape and range.
        blur: What blurred the photo.
        linear_light: Light was blurred; False: encoded values.
        noise: Standard deviation of the noise of the photo; None estimates it.
        trust: (H, W) in [0, 1]: where the base has the truth's edges, as a registered reference
            has. There its error is no larger than its own contrast suggests, and what the blur
            carries there from elsewhere does not count. None trusts it nowhere.

    Returns:
        Same shape and range.

    Raises:
        OptionError: If shapes differ.
        MissingExtraError: If SciPy is not installed.

    References:
        Yuan et al., *Image deblurring with blurred/noisy image pairs*, SIGGRAPH 2007, section 5:
        residual deconvolution. The gain map that holds its ringing down is here the error of the
        base about each pixel.
    """
    if blurred.shape != base.shape or blurred.shape[:2] != blur.shape:
        raise OptionError(
            f"photo, base and blur must be of one size: {blurred.shape}, {base.shape}, {blur.shape}"
        )
    sigma = max(estimate_noise(blurred) if noise is None else noise, _LEAST_NOISE)
    planes = [
        _Plane(blurred[..., channel], base[..., channel], blur, linear_light)
        for channel in range(blurred.shape[2])
    ]
    for plane in planes:
        plane.level()
    missed = np.stack([plane.missed for plane in planes])
    squares = (missed**2).mean(axis=0)
    error = _error(squares, np.ones_like(squares), blur, sigma)
    if trust is not None:
        error += trust * (_trusted_error(squares, base, trust, blur, sigma) - error)
    error = blur.extend(error)
    restored = np.stack([plane.solve(error, sigma) for plane in planes], axis=2)
    return np.clip(restored, 0, 1)


class _Plane:
    """One channel of the problem; unknown is what its base misses, beyond the edges as well."""

    def __init__(
        self, blurred: Float32, base: Float32, blur: VaryingBlur, linear_light: bool
    ) -> None:
        self._blurred = blurred
        self._blur = blur
        self._linear_light = linear_light
        self._look(blur.extend(base))

    def _look(self, base: Float32) -> None:
        self._base = base
        self._inner: Float32 = np.ones(1, np.float32)
        self._outer: Float32 = self._inner
        if self._linear_light:
            again = linear_to_srgb(self._blur.forward(srgb_to_linear(base)))
            self._outer = np.float32(1) / _light_slope(again)
            self._inner = _light_slope(base)
        else:
            again = self._blur.forward(base)
        self.missed: Float32 = self._blurred - again
        """Of the photo, by the blurred base; sRGB-encoded."""

    def level(self) -> None:
        """Make the base as bright as the photo in the large, where blur changes nothing.

        What is left is detail; an exposure that is a little off would pass for a lot of it.
        """
        broad = _ndimage().gaussian_filter(self.missed, _BROAD_PX + self._blur.reach_px)
        self._look(np.clip(self._base + self._blur.extend(broad), 0, 1))

    def solve(self, error: Float32, noise: float) -> Float32:
        """The base and what it misses, (H, W), by conjugate gradients.

        Minimises ``|forward(error u) - missed|^2 / noise^2 + |u|^2``.
        """
        inner: Float32 = self._inner * error
        outer: Float32 = self._outer / np.float32(noise)
        residual: Float32 = inner * self._blur.adjoint(outer * self.missed / np.float32(noise))
        found: Float32 = np.zeros_like(residual)
        direction: Float32 = residual.copy()
        square = first = _dot(residual, residual)
        for _ in range(_STEPS):
            if square <= 1e-6 * first:  # far below what can be seen
                break
            seen = self._blur.forward(inner * direction) * outer
            curved = direction + inner * self._blur.adjoint(outer * seen)
            step = np.float32(square / _dot(direction, curved))
            found += step * direction
            residual -= step * curved
            square, previous = _dot(residual, residual), square
            direction = residual + np.float32(square / previous) * direction
        reach = self._blur.reach_px
        height, width = self._blur.shape
        whole: Float32 = self._base + error * found
        return whole[reach : reach + height, reach : reach + width]


def _error(squares: Float32, weight: Float32, blur: VaryingBlur, noise: float) -> Float32:
    """Standard deviation of the base about each pixel, by the squares that it leaves.

    A kernel k makes of an error that is the same everywhere and white one of sum(k^2) as much.
    """
    ndimage = _ndimage()
    around = 2 * (_AROUND_PX + blur.reach_px // 2) + 1
    usual = float(np.average(squares, weights=weight))
    # Where nothing about a pixel counts, it is as usual.
    total = ndimage.uniform_filter(weight, around) + _FAINT
    mean = (ndimage.uniform_filter(squares * weight, around) + _FAINT * usual) / total
    kept = np.mean([float((window.kernel**2).sum()) for window in blur.windows])
    error = np.sqrt(np.maximum(mean - noise**2, 0) / kept)
    clipped: Float32 = np.clip(error, _LEAST_ERROR, _MOST_ERROR).astype(np.float32)
    return clipped


def _trusted_error(
    squares: Float32, base: Float32, trust: Float32, blur: VaryingBlur, noise: float
) -> Float32:
    """The same where the base is trusted: by pixels that see only such, and by its contrast."""
    ndimage = _ndimage()
    within = ndimage.minimum_filter(trust, 2 * blur.reach_px + 1) + np.float32(_FAINT)
    error = _error(squares, within, blur, noise)
    plane = base.mean(axis=2)
    mean, square = (ndimage.uniform_filter(x, _CONTRAST_PX) for x in (plane, plane**2))
    contrast = np.sqrt(np.maximum(square - mean**2, 0))
    limited: Float32 = np.minimum(error, _LEAST_ERROR + _CONTRAST_SHARE * contrast)
    return limited


def _light_slope(encoded: Float32) -> Float32:
    """How much light changes with the encoded value."""
    inside = np.clip(encoded, _DARKEST, 1 - _SLOPE_AT)
    change = srgb_to_linear(inside + _SLOPE_AT) - srgb_to_linear(inside - _SLOPE_AT)
    slope: Float32 = change / np.float32(2 * _SLOPE_AT)
    return slope


def _dot(first: Float32, second: Float32) -> float:
    return float(np.vdot(first, second))


def _ndimage() -> Any:
    from scipy import ndimage

    return ndimage
