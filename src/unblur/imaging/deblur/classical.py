"""Undo a blur whose kernel is known, and the classical baselines: scikit-image's, made to fit."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from unblur.choices import CLASSICAL as METHODS
from unblur.devices import cores
from unblur.errors import MissingExtraError, OptionError
from unblur.imaging.blur.psf import read_kernel
from unblur.imaging.deblur.known.surroundings import surround
from unblur.imaging.deblur.options import DeconvolutionOptions, choose_kernel
from unblur.imaging.light import linear_to_srgb, srgb_to_linear

Float32 = NDArray[np.float32]

__all__ = [
    "METHODS",
    "DeconvolutionOptions",
    "context_px",
    "deconvolve",
    "estimate_balance",
    "read_kernel",
]

_PEDESTAL: Final = np.float32(1e-3)
"""Added to light and taken off again: Richardson-Lucy divides by it."""
_SAMPLE_PX: Final = 1024
_BURN_IN: Final = 16
"""Samples of the chain that are left out of its mean, as in scikit-image."""
_DEFAULT_BALANCE: Final = 0.003
_GUESSED_BALANCE: Final = 0.1
"""Least balance with a guessed kernel, whose error the estimate does not see."""
_ITERATIONS: Final = (30, 5)
"""With a kernel and with a guess, which more iterations only make ring."""
_RESPONSE_PX: Final = 2048
_RESPONSE_LEFT: Final = 0.1
"""Sum of the weights of a Wiener filter that a tile may leave outside."""


def deconvolve(
    pixels: Float32,
    method: str,
    kernel: Float32 | None = None,
    *,
    linear_light: bool = True,
    options: DeconvolutionOptions | None = None,
) -> Float32:
    """Restore a photo by a classical method.

    Args:
        pixels: (H, W, 3) sRGB-encoded in [0, 1]. Channels are restored one by one; three equal
            ones stay equal.
        method: One of ``METHODS``.
        kernel: What blurred the photo: (K, K'), both odd, non-negative, summing to 1, not larger
            than the photo without its empty border. ``wiener`` needs it, ``unsharp-mask`` takes
            none, the others guess a Gaussian without it.
        linear_light: Restore light, as a sensor saw it. False restores the encoded values.
        options: How strongly.

    Returns:
        (H, W, 3) in [0, 1], not shifted; equal arguments give equal pixels on one machine.

    Raises:
        OptionError: If an argument is not as said above.
        MissingExtraError: If scikit-image is not installed.

    References:
        Orieux et al., *Bayesian estimation of regularization and point spread function
        parameters for Wiener-Hunt deconvolution*, JOSA A 2010; Richardson, JOSA 1972; Lucy,
        Astronomical Journal 1974. What lies beyond the edges is made up so that it agrees with
        the blur: Reeves, *Fast image restoration without boundary artifacts*, IEEE TIP 2005.

    Examples:
        >>> import numpy as np
        >>> from unblur import blur, deconvolve, psnr
        >>> kernel = np.full((5, 5), 1 / 25, np.float32)
        >>> sharp = np.random.default_rng(1).random((40, 60, 3), np.float32)
        >>> blurred = blur(sharp, kernel)
        >>> psnr(deconvolve(blurred, "wiener", kernel), sharp) > psnr(blurred, sharp)
        True
    """
    options = options or DeconvolutionOptions()
    _check_pixels(pixels)
    known = choose_kernel(method, kernel, options, pixels.shape)
    _scikit_image()
    balance = options.balance or _DEFAULT_BALANCE
    if method == "unsupervised-wiener" and options.balance is None:
        balance = estimate_balance(pixels, kernel, linear_light=linear_light, options=options)
    iterations = options.iterations or _ITERATIONS[kernel is None]
    options = replace(options, balance=balance, iterations=iterations)
    planes = _planes(pixels, linear_light)
    restore = partial(_restore, method=method, kernel=known, options=options)
    with ThreadPoolExecutor(min(cores(), len(planes))) as pool:
        restored = np.stack(list(pool.map(restore, planes)), axis=2)
    restored = linear_to_srgb(restored) if linear_light else np.clip(restored, 0, 1)
    return np.repeat(restored, 3, axis=2) if len(planes) == 1 else restored


def estimate_balance(
    pixels: Float32,
    kernel: Float32 | None = None,
    *,
    linear_light: bool = True,
    options: DeconvolutionOptions | None = None,
) -> float:
    """Estimate the balance of a Wiener filter from the noise and the detail of a photo.

    A photo that is restored in tiles needs one balance for all of them: this one. Of a large
    photo it looks at a part with as much detail as most of it, in the channel with the most
    contrast.

    Args:
        pixels: See :func:`deconvolve`.
        kernel: See :func:`deconvolve`.
        linear_light: See :func:`deconvolve`.
        options: See :func:`deconvolve`; its ``seed`` and ``guess_px``.

    Raises:
        OptionError: See :func:`deconvolve`.
        MissingExtraError: If scikit-image is not installed.
    """
    options = options or DeconvolutionOptions()
    _check_pixels(pixels)
    least = _GUESSED_BALANCE if kernel is None else 1e-5
    kernel = choose_kernel("unsupervised-wiener", kernel, options, pixels.shape)
    planes = _planes(_typical_part(pixels), linear_light)
    plane = max(planes, key=lambda each: float(each.std()))
    if float(np.ptp(plane)) == 0:
        return max(least, _DEFAULT_BALANCE)
    padded, _ = surround(plane, kernel)
    _, chains = _scikit_image().restoration.unsupervised_wiener(
        padded, kernel, clip=False, rng=options.seed
    )
    prior, noise = (float(np.mean(chains[name][_BURN_IN:])) for name in ("prior", "noise"))
    return float(np.clip(prior / noise, least, 1))


def context_px(
    method: str, kernel: Float32 | None = None, options: DeconvolutionOptions | None = None
) -> int:
    """How much of its surroundings a tile needs to differ from the whole by less than 1/255.

    For a Wiener filter it is how far its answer to a point reaches; with a long straight kernel
    and little balance that is further than the photo. For Richardson-Lucy it was measured.

    Args:
        method: See :func:`deconvolve`.
        kernel: See :func:`deconvolve`.
        options: See :func:`deconvolve`. For ``unsupervised-wiener`` with its ``balance`` set
            (:func:`estimate_balance`), or tiles would each have their own.

    Returns:
        Pixels on each side, at most 1024: then tiles are of no use, restore the whole.

    Raises:
        OptionError: See :func:`deconvolve`.
        MissingExtraError: If scikit-image is not installed.
    """
    options = options or DeconvolutionOptions()
    known = choose_kernel(method, kernel, options, (_RESPONSE_PX, _RESPONSE_PX))
    most = _RESPONSE_PX // 2
    if method == "unsharp-mask":
        return int(np.ceil(4 * options.radius_px)) + 1
    if method == "richardson-lucy":
        iterations = options.iterations or _ITERATIONS[kernel is None]
        return min(int(max(known.shape) * (3 + iterations / 20)) + 16, most)
    point = np.zeros((_RESPONSE_PX, _RESPONSE_PX), np.float32)
    point[most, most] = 1
    balance = options.balance or (_GUESSED_BALANCE if kernel is None else _DEFAULT_BALANCE)
    response = _scikit_image().restoration.wiener(point, known, balance, clip=False)
    away = np.abs(np.arange(_RESPONSE_PX) - most)
    rings = np.maximum(away[:, None], away)
    weights = np.bincount(rings.ravel(), np.abs(response).ravel())
    left = weights[::-1].cumsum()[::-1]
    return min(int((left > _RESPONSE_LEFT).sum()) + 16, most)


def _restore(
    plane: Float32,
    *,
    method: str,
    kernel: Float32,
    options: DeconvolutionOptions,
) -> Float32:
    """Restore one channel, (H, W)."""
    if float(np.ptp(plane)) == 0:
        return plane
    if method == "unsharp-mask":
        sharpened: Float32 = _scikit_image().filters.unsharp_mask(
            plane, radius=options.radius_px, amount=options.amount, preserve_range=True
        )
        return sharpened
    padded, inside = surround(plane, kernel)
    if method == "richardson-lucy":
        with np.errstate(all="ignore"):  # the quotients that are left out, too, are computed
            restored = _scikit_image().restoration.richardson_lucy(
                np.maximum(padded, 0) + _PEDESTAL,
                kernel,
                num_iter=options.iterations,
                clip=False,
                filter_epsilon=float(_PEDESTAL) / 4,
            )
        restored -= _PEDESTAL
    else:
        restored = _scikit_image().restoration.wiener(padded, kernel, options.balance, clip=False)
    return np.ascontiguousarray(restored[inside], dtype=np.float32)


def _planes(pixels: Float32, linear_light: bool) -> list[Float32]:
    """Channels to restore: one if all three are equal."""
    grey = (pixels == pixels[..., :1]).all()
    some = pixels[..., : 1 if grey else 3]
    light = srgb_to_linear(some) if linear_light else np.clip(some, 0, 1).astype(np.float32)
    return [np.ascontiguousarray(light[..., channel]) for channel in range(light.shape[2])]


def _typical_part(pixels: Float32) -> Float32:
    """A window of at most 1024 px a side; of all of them the one with median detail."""
    sides = [min(side, _SAMPLE_PX) for side in pixels.shape[:2]]
    rows, columns = (
        range(0, side - least + 1, least)
        for side, least in zip(pixels.shape[:2], sides, strict=True)
    )
    windows = [
        pixels[top : top + sides[0], left : left + sides[1]] for top in rows for left in columns
    ]
    windows.sort(key=lambda part: float(np.abs(np.diff(part[::2], axis=1)).sum(dtype=np.float64)))
    return windows[len(windows) // 2]


def _check_pixels(pixels: Float32) -> None:
    if pixels.ndim != 3 or pixels.shape[2] != 3 or 0 in pixels.shape:  # noqa: PLR2004
        raise OptionError(f"a photo must be of shape (H, W, 3), got {pixels.shape}")
    if not np.isfinite(pixels).all():
        raise OptionError("a photo must be finite, got NaN or infinity in it")


def _scikit_image() -> Any:
    try:
        import skimage
    except ImportError as error:
        raise MissingExtraError("scikit-image", extra="bench") from error
    return skimage
