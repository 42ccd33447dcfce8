"""The blur kernel between two shots of a scene: one blurred, one not."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.errors import OptionError
from unblur.imaging.blur.convolution import convolve
from unblur.imaging.deblur.kernel_fit import fit_kernel_to
from unblur.imaging.deblur.kernel_support import above_noise, coarse_support, dilated, trimmed
from unblur.imaging.deblur.varying_blur import VaryingBlur, Window, plan_windows
from unblur.imaging.light import linear_to_srgb, srgb_to_linear

Float32 = NDArray[np.float32]
Bool = NDArray[np.bool_]

_LEAST_SIDE_PX: Final = 32
_WINDOW_PX: Final = 1024
"""Of a larger photo one window is looked at for the kernel of all."""
_ROBUST_ROUNDS: Final = 3
_CLIPPED: Final = 0.985
_GRID_PX: Final = 192
"""Least side of a window that gets a kernel of its own."""
_MOST_WINDOWS: Final = 5
"""Along the shorter side; about twice as many with their overlap."""
_LEAST_TRUST: Final = 0.25
_VARIES: Final = 0.92
"""Own kernels are kept if they lower the residual below this share."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PairKernel:
    """What blurred a photo, by a sharp shot of the same scene.

    Attributes:
        kernel: (K, K), K odd, non-negative, of sum 1: that of the whole photo.
        linear_light: Light was blurred, as a sensor does it; False: encoded values were.
        residual: Root of the mean square of what the kernel leaves of the photo, sRGB-encoded,
            over trusted pixels; like the noise where everything fits.
        explained: Share of the contrast of the trusted part's gradients that the blurred
            reference explains, at most 1.
        blur: The kernel, or, where it varies over the photo, those of the windows.
    """

    kernel: Float32
    linear_light: bool
    residual: float
    explained: float
    blur: VaryingBlur

    @property
    def varies(self) -> bool:
        """Whether windows have kernels of their own."""
        return len(self.blur.windows) > 1


def estimate_kernel(
    blurred: Float32,
    reference: Float32,
    weight: Float32 | None = None,
    *,
    linear_light: bool | None = None,
    vary: bool = True,
) -> PairKernel:
    """Estimate the kernel between a blurred and a sharp photo of the same pixels.

    Coarse to fine; at each scale least squares of gradients, regularised and non-negative, and
    what is left of the kernel after a threshold with hysteresis is where the next one looks.
    Parts that do not fit weigh less from one round to the next.

    Args:
        blurred: (H, W, 3) sRGB-encoded in [0, 1], sides of 32 px at least.
        reference: The same scene, registered; same shape and range.
        weight: (H, W) in [0, 1]: how far the reference is trusted. None trusts it everywhere.
        linear_light: What was blurred. None finds out by which fits better.
        vary: Look for kernels that vary over the photo, and keep them if they fit clearly
            better.

    Raises:
        OptionError: If shapes differ, a side is too short, or nothing is trusted.
        MissingExtraError: If SciPy or scikit-image is not installed.

    References:
        Yuan et al., *Image deblurring with blurred/noisy image pairs*, SIGGRAPH 2007, section 4;
        with non-negative least squares in place of Landweber's iterations.
    """
    weight = _check(blurred, reference, weight)
    part = _busiest(blurred, weight)
    some = (blurred[part], reference[part], weight[part])
    lights = (True, False) if linear_light is None else (linear_light,)
    planes = [_plane(pixels, lights[0]) for pixels in some[:2]]
    support = coarse_support(planes[0], planes[1], some[2])
    candidates = [_estimate(*some, support=support, linear_light=light) for light in lights]
    kernel, light, found = min(candidates, key=lambda each: each[2].residual)
    whole = VaryingBlur.everywhere(kernel, blurred.shape[:2])
    result = PairKernel(
        kernel=kernel,
        linear_light=light,
        residual=found.residual,
        explained=found.explained,
        blur=whole,
    )
    return _vary(blurred, reference, weight, result) if vary else result


@dataclass(frozen=True)
class _Fit:
    residual: float
    explained: float


def _check(blurred: Float32, reference: Float32, weight: Float32 | None) -> Float32:
    if blurred.ndim != 3 or blurred.shape != reference.shape:  # noqa: PLR2004
        raise OptionError(f"photos must be of one shape: {blurred.shape}, {reference.shape}")
    height, width = blurred.shape[:2]
    if min(height, width) < _LEAST_SIDE_PX:
        raise OptionError(
            f"a kernel needs photos of {_LEAST_SIDE_PX} px a side, got {width}x{height}"
        )
    if weight is None:
        weight = np.ones((height, width), np.float32)
    if weight.shape != (height, width):
        raise OptionError(f"the weight must be of shape {(height, width)}, got {weight.shape}")
    # What is clipped has lost how bright it was.
    weight = weight * (blurred.max(axis=2) < _CLIPPED)
    if not weight.any():
        raise OptionError("the reference is trusted nowhere, or all is clipped; take another one")
    return weight


def _busiest(blurred: Float32, weight: Float32) -> tuple[slice, slice]:
    """A window of at most 1024 px a side: the one with most detail that is trusted."""
    sides = [min(side, _WINDOW_PX) for side in weight.shape]
    best, part = -1.0, (slice(0), slice(0))
    for top in range(0, weight.shape[0] - sides[0] + 1, sides[0] // 2):
        for left in range(0, weight.shape[1] - sides[1] + 1, sides[1] // 2):
            here = (slice(top, top + sides[0]), slice(left, left + sides[1]))
            change = np.abs(np.diff(blurred[here][..., 1], axis=1)) * weight[here][:, 1:]
            detail = float(change.sum(dtype=np.float64)) + 1e-9 * float(weight[here].sum())
            if detail > best:
                best, part = detail, here
    return part


def _plane(pixels: Float32, linear_light: bool) -> Float32:
    light = srgb_to_linear(pixels) if linear_light else pixels
    plane: Float32 = light.mean(axis=2, dtype=np.float32)
    return plane


def _estimate(
    blurred: Float32,
    reference: Float32,
    weight: Float32,
    *,
    support: Bool,
    linear_light: bool,
) -> tuple[Float32, bool, _Fit]:
    """The kernel at full size, in one light."""
    ours, theirs = (_plane(pixels, linear_light) for pixels in (blurred, reference))
    fit = first = fit_kernel_to(ours, theirs, weight, support)
    kept = dilated(above_noise(fit.kernel), 1) & support
    for _ in range(_ROBUST_ROUNDS):
        robust = weight * fit.trust
        fit = fit_kernel_to(ours, theirs, robust, kept, start=fit.kernel)
    kernel = np.where(above_noise(fit.kernel), fit.kernel, 0)
    kernel = _trim_kernel(kernel / kernel.sum())
    left = _residual(blurred, reference, robust, fit.kernel, linear_light)
    # Explained of all that is trusted from outside, not of what happens to fit.
    return kernel, linear_light, _Fit(residual=left, explained=first.explained)


def _trim_kernel(kernel: Float32) -> Float32:
    mask = trimmed(kernel > 0)
    cut = (len(kernel) - len(mask)) // 2
    return kernel[cut : cut + len(mask), cut : cut + len(mask)].astype(np.float32)


def _residual(
    blurred: Float32, reference: Float32, weight: Float32, kernel: Float32, linear_light: bool
) -> float:
    """What a kernel leaves of the photo, sRGB-encoded, so that both lights compare."""
    light = srgb_to_linear(reference) if linear_light else reference
    again = convolve(light, kernel)
    again = linear_to_srgb(again) if linear_light else again
    left = (blurred - again).mean(axis=2)
    left -= np.average(left, weights=weight)
    return float(np.sqrt(np.average(left**2, weights=weight)))


def _vary(blurred: Float32, reference: Float32, weight: Float32, found: PairKernel) -> PairKernel:
    """Kernels of windows, if they explain the photo clearly better."""
    shape = (blurred.shape[0], blurred.shape[1])
    side = max(_GRID_PX, 6 * len(found.kernel), min(shape) // _MOST_WINDOWS)
    places = plan_windows(shape, side)
    if len(places) == 1:
        return found
    planes = [_plane(x, found.linear_light) for x in (blurred, reference)]
    windows = []
    for place in places:
        parts = [x[place.rows, place.columns] for x in (*planes, weight)]
        kernel = _own_kernel(parts[0], parts[1], parts[2], found.kernel)
        windows.append(Window(place=place, kernel=kernel))
    blur = VaryingBlur(windows, shape)
    left = [_contrast(planes[0] - b.forward(planes[1]), weight) for b in (found.blur, blur)]
    if left[1] >= _VARIES * left[0]:
        return found
    return replace(found, residual=found.residual * left[1] / left[0], blur=blur)


def _own_kernel(blurred: Float32, sharp: Float32, weight: Float32, usual: Float32) -> Float32:
    """The kernel of a window; the usual one if that is no clearly better, as in flat parts."""
    if weight.mean() < _LEAST_TRUST:
        return usual
    padded = np.pad(usual, 3)
    support = dilated(padded > 0, 3)
    fit = fit_kernel_to(blurred, sharp, weight, support, start=padded, prior=padded)
    own = _trim_kernel(fit.kernel)
    inner = np.zeros_like(weight)  # beyond the border of a window there is more, not a mirror
    reach = len(padded) // 2
    inner[reach:-reach, reach:-reach] = weight[reach:-reach, reach:-reach]
    if not inner.any():
        return usual
    left = [
        _contrast(blurred - VaryingBlur.everywhere(each, weight.shape).forward(sharp), inner)
        for each in (usual, own)
    ]
    return own if left[1] < _VARIES * left[0] else usual


def _contrast(left: Float32, weight: Float32) -> float:
    """Root mean square of what is left."""
    total = float((weight * left**2).sum(dtype=np.float64))
    return float(np.sqrt(total / float(weight.sum(dtype=np.float64))))
