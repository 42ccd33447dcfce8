"""Blur a sharp photo as a camera would: convolution, light, noise."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.errors import OptionError

Float32 = NDArray[np.float32]

_DIMMEST: Final = 1e-6
"""Value far below which the curve of sRGB is a straight line; keeps logarithms finite."""


def srgb_to_linear(pixels: Float32) -> Float32:
    """Decode sRGB values in [0, 1] to linear light in [0, 1] (IEC 61966-2-1), any shape."""
    pixels = np.clip(pixels, 0, 1).astype(np.float32, copy=False)
    curve = _power((pixels + np.float32(0.055)) / np.float32(1.055), 2.4)
    return np.where(pixels <= np.float32(0.04045), pixels / np.float32(12.92), curve)


def linear_to_srgb(light: Float32) -> Float32:
    """Encode linear light in [0, 1] to sRGB values in [0, 1]; lights outside are clipped."""
    light = np.clip(light, 0, 1).astype(np.float32, copy=False)
    curve = _power(light, 1 / 2.4) * np.float32(1.055) - np.float32(0.055)
    return np.where(light <= np.float32(0.0031308), light * np.float32(12.92), curve)


def _power(base: Float32, exponent: float) -> Float32:
    """Base, in [0, 1], to a power: several times faster than NumPy's on float32 arrays."""
    logarithm = np.log2(np.maximum(base, np.float32(_DIMMEST)))
    power: Float32 = np.exp2(logarithm * np.float32(exponent))
    return power


def blur(
    pixels: Float32,
    kernel: Float32,
    *,
    linear_light: bool = True,
    noise_sigma: float = 0.0,
    rng: np.random.Generator | None = None,
) -> Float32:
    """Blur a photo with one kernel and add sensor noise: ``B = k * S + N``.

    Args:
        pixels: (H, W, 3) sRGB-encoded in [0, 1].
        kernel: (K, K), K odd, non-negative, summing to 1; see :func:`random_kernels`.
        linear_light: Convolve light, as a sensor does. False convolves the encoded values, as
            the code of both papers does.
        noise_sigma: Standard deviation of Gaussian noise on the encoded values, range [0, 1].
        rng: Source of the noise; needed if ``noise_sigma`` is positive.

    Returns:
        The blurred photo, same shape and range. Beyond its edges the photo is mirrored.

    Raises:
        OptionError: If the kernel is not odd-sized, square, and of sum 1, or the noise has no
            source.

    References:
        DeblurGAN, eq. 1.
    """
    if not noise_sigma >= 0 or (noise_sigma > 0 and rng is None):
        raise OptionError(f"noise_sigma={noise_sigma} must not be negative and needs rng")
    if pixels.ndim != 3:  # noqa: PLR2004
        raise OptionError(f"pixels must be of shape (H, W, C), got {pixels.shape}")
    light = srgb_to_linear(pixels) if linear_light else pixels
    light = convolve(light, kernel)
    blurred = linear_to_srgb(light) if linear_light else np.clip(light, 0, 1)
    if noise_sigma > 0 and rng is not None:
        noise = rng.standard_normal(blurred.shape, dtype=np.float32)
        blurred = np.clip(blurred + noise * np.float32(noise_sigma), 0, 1)
    return blurred


def convolve(pixels: Float32, kernel: Float32) -> Float32:
    """Convolve every channel of (H, W, C) with one odd (K, K) kernel of sum 1, mirrored edges.

    One real Fourier transform of all channels at once, at a size that the transform likes.
    """
    _check_kernel(kernel)
    kernel = _trim(kernel)
    reach = kernel.shape[0] // 2
    if reach == 0:
        return np.array(pixels, np.float32)
    height, width, _ = pixels.shape
    padded = np.pad(pixels, ((reach, reach), (reach, reach), (0, 0)), mode="reflect")
    size = [_good_size(side) for side in padded.shape[:2]]
    # Transforms run over the last axes, so channels go first: contiguous rows are faster.
    planes = np.ascontiguousarray(padded.transpose(2, 0, 1), dtype=np.float32)
    spectrum = np.fft.rfft2(planes, s=size, axes=(1, 2))
    spectrum *= np.fft.rfft2(kernel.astype(np.float32), s=size)
    full = np.fft.irfft2(spectrum, s=size, axes=(1, 2))
    valid = full[:, 2 * reach : 2 * reach + height, 2 * reach : 2 * reach + width]
    return np.ascontiguousarray(valid.transpose(1, 2, 0), dtype=np.float32)


def _check_kernel(kernel: Float32) -> None:
    if kernel.ndim != 2 or kernel.shape[0] != kernel.shape[1] or len(kernel) % 2 == 0:  # noqa: PLR2004
        size = "x".join(map(str, kernel.shape))
        raise OptionError(f"a kernel must be square with an odd side, got {size}")
    total = float(kernel.sum(dtype=np.float64))
    if not (abs(total - 1) <= 1e-3 and kernel.min() >= 0):  # noqa: PLR2004 - so that NaN fails
        raise OptionError(
            f"a kernel must be non-negative and sum to 1, got sum {total:.4g}, least "
            f"value {kernel.min():.4g}; divide it by its sum"
        )


def _trim(kernel: Float32) -> Float32:
    """Drop the empty border, evenly on all sides: the transform shrinks with it."""
    centre = kernel.shape[0] // 2
    used = np.abs(np.argwhere(kernel) - centre).max(initial=0)
    window = slice(centre - used, centre + used + 1)
    return kernel[window, window]


def _good_size(least: int) -> int:
    """The next size with no prime factor above 5, for which the transform is fast."""
    size = least
    while True:
        rest = size
        for prime in (2, 3, 5):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return size
        size += 1
