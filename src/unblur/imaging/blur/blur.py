"""Blur a sharp photo as a camera would: motion, light, noise."""

from dataclasses import replace
from typing import overload

import numpy as np
from numpy.typing import NDArray

from unblur.errors import OptionError
from unblur.imaging.blur.motion import Motion, as_motion
from unblur.imaging.light import linear_to_srgb, srgb_to_linear
from unblur.imaging.photo.photo import Photo

Float32 = NDArray[np.float32]


@overload
def blur(
    photo: Float32,
    kernel: Float32 | Motion,
    *,
    linear_light: bool = True,
    noise_sigma: float = 0.0,
    rng: np.random.Generator | None = None,
) -> Float32: ...


@overload
def blur(
    photo: Photo,
    kernel: Float32 | Motion,
    *,
    linear_light: bool = True,
    noise_sigma: float = 0.0,
    rng: np.random.Generator | None = None,
) -> Photo: ...


def blur(
    photo: Float32 | Photo,
    kernel: Float32 | Motion,
    *,
    linear_light: bool = True,
    noise_sigma: float = 0.0,
    rng: np.random.Generator | None = None,
) -> Float32 | Photo:
    """Blur a photo and add sensor noise: ``B = k * S + N``.

    Args:
        photo: (H, W, 3) sRGB-encoded in [0, 1], or a photo.
        kernel: (K, K), K odd, not larger than the photo, non-negative, summing to 1, as from
            :func:`random_kernels`; or another motion, as from
            :func:`unblur.imaging.blur.motion.random_motion`.
        linear_light: Blur light, as a sensor does. False blurs the encoded values, as the
            code of both papers does.
        noise_sigma: Standard deviation of Gaussian noise on the encoded values, range [0, 1].
        rng: Source of the noise; needed if ``noise_sigma`` is positive.

    Returns:
        What was given, blurred: same type, shape and range. Beyond its edges the photo is
        mirrored.

    Raises:
        OptionError: If the kernel is not odd-sized, square, of sum 1 and smaller than the
            photo, or the noise has no source.

    References:
        DeblurGAN, eq. 1.

    Examples:
        >>> import numpy as np
        >>> from unblur import blur
        >>> point = np.zeros((15, 15, 3), np.float32)
        >>> point[7, 7] = 1
        >>> five_wide = np.zeros((5, 5), np.float32)
        >>> five_wide[2] = 1 / 5
        >>> (5 * blur(point, five_wide, linear_light=False)[7, 4:11, 0]).round(3).tolist()
        [0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0]
    """
    if isinstance(photo, Photo):
        pixels = photo.pixels.astype(np.float32, copy=False)
        if photo.grey:  # one channel, or its noise would be three times averaged
            pixels = pixels.mean(axis=2, keepdims=True)
        blurred = blur(pixels, kernel, linear_light=linear_light, noise_sigma=noise_sigma, rng=rng)
        return replace(photo, pixels=np.repeat(blurred, 3, axis=2) if photo.grey else blurred)
    if not noise_sigma >= 0 or (noise_sigma > 0 and rng is None):
        raise OptionError(f"noise_sigma={noise_sigma} must not be negative and needs rng")
    if photo.ndim != 3:  # noqa: PLR2004
        raise OptionError(f"a photo must be of shape (H, W, C), got {photo.shape}")
    light = as_motion(kernel).apply(srgb_to_linear(photo) if linear_light else photo)
    blurred = linear_to_srgb(light) if linear_light else np.clip(light, 0, 1)
    if noise_sigma > 0 and rng is not None:
        noise = rng.standard_normal(blurred.shape, dtype=np.float32)
        blurred = np.clip(blurred + noise * np.float32(noise_sigma), 0, 1)
    return blurred
