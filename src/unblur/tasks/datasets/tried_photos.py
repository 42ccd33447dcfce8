"""Photos blurred in every way that a search for the blur may meet, with the truth beside them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from unblur.data.defocus import disc_kernel
from unblur.errors import DataError
from unblur.imaging.blur.blur import blur
from unblur.imaging.blur.kernels import random_kernels
from unblur.imaging.blur.motion import Motion, random_motion
from unblur.imaging.fourier import centre_of_mass
from unblur.imaging.light import srgb_to_linear
from unblur.imaging.photo.photo import Photo, encode_photo, read_photo
from unblur.imaging.pyramid import resize, resize_plane

Float32 = NDArray[np.float32]

KINDS: Final = ("shake", "soft", "rotation", "object", "out of focus", "sharp")
"""Soft photos are so before anything shakes them, and their sharp partners are soft, too."""
_SHARES: Final = (0.64, 0.1, 0.06, 0.06, 0.06, 0.08)
_SOFT_SHAKEN: Final = 0.6
"""Of soft photos, so many are shaken; the others are to stay as they are."""
_LIGHT_SHARE: Final = 0.7
"""Blurred in light; of the others, most hold light as it is, the rest was blurred when encoded."""
_SIDE_PX: Final = 512
_LEAST_PX: Final = 320
_CANVAS_PX: Final = 128
_LENGTHS_PX: Final = (20, 40, 60, 60, 60, 90)
_LARGE_PX: Final = 1100
_LEAST_LARGE_PX: Final = 640
_LARGE_CANVAS_PX: Final = 192
_LARGE_LENGTHS_PX: Final = (30, 60, 90, 120, 160)
"""Of photos whose blur is looked for at half their size, too."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TriedPhoto:
    """A photo that was blurred.

    Attributes:
        blurred: (h, w, 3) sRGB-encoded in [0, 1], as a file of 8 bits holds it.
        sharp: The same without the blur.
        kernel: (K, K), if one kernel blurred all of it.
        facts: What was done: ``kind``, ``noise`` (of 255), ``light``, ``length``, ``exposure``,
            ``jpeg``, where they apply.
    """

    blurred: Float32
    sharp: Float32
    kernel: Float32 | None
    facts: dict[str, Any]


def try_photo(photo: Path, rng: np.random.Generator, *, large: bool = False) -> TriedPhoto:
    """Blur a part of a photo.

    It is shaken by Algorithm 1, rolled, out of focus, as it was, or an object moves in it; noise of
    0 to 5/255, one in three saved as JPEG of quality 60 to 100.

    Args:
        photo: A sharp one.
        rng: Decides everything.
        large: All of the photo, up to 1100 px a side, and longer shakes; else a part of 512 px.

    Raises:
        PhotoError: If the photo cannot be read.
        DataError: If a large one is wanted and the photo is not.

    References:
        Kupyn et al., *DeblurGAN*, CVPR 2018, Algorithm 1, for the shakes.
    """
    light = bool(rng.uniform() < _LIGHT_SHARE)
    as_light = not light and rng.uniform() < 0.6  # noqa: PLR2004
    sharp = sharp_part(photo, rng, as_light=as_light, large=large)
    kind = str(rng.choice(KINDS, p=_SHARES))
    noise = float(rng.choice([0, 0.5, 1, 1, 1, 2, 3, 5])) / 255
    facts: dict[str, Any] = {
        "photo": photo.name,
        "kind": kind,
        "noise": noise * 255,
        "light": light,
    }
    kernel: Float32 | None = None
    motion: Motion | Float32 = np.ones((1, 1), np.float32)
    if kind == "soft":
        sharp = eight_bits(blur(sharp, disc_kernel(rng.uniform(0.7, 3))))
    if kind == "shake" or (kind == "soft" and rng.uniform() < _SOFT_SHAKEN):
        length = float(rng.choice(_LARGE_LENGTHS_PX if large else _LENGTHS_PX))
        exposure = float(rng.choice([0.1, 0.25, 0.5, 0.5, 1, 1]))
        motion = kernel = random_kernels(
            1,
            rng=rng,
            length_px=length,
            exposure=(exposure,),
            canvas_px=_LARGE_CANVAS_PX if large else _CANVAS_PX,
        )[0]
        facts |= {"length": length, "exposure": exposure}
    elif kind in {"rotation", "object"}:
        height, width, _ = sharp.shape
        exposure = float(rng.choice([0.1, 0.5, 1]))
        motion = random_motion(kind, rng=rng, height=height, width=width, exposure=exposure)
    clear = blur(sharp, disc_kernel(rng.uniform(1, 6))) if kind == "out of focus" else sharp
    blurred = eight_bits(blur(clear, motion, linear_light=light, noise_sigma=noise, rng=rng))
    if rng.uniform() < 0.35:  # noqa: PLR2004
        facts["jpeg"] = int(rng.integers(60, 101))
        data = encode_photo(Photo(pixels=blurred), "jpeg", quality=facts["jpeg"])
        blurred = read_photo(data).pixels.astype(np.float32)
    return TriedPhoto(blurred=blurred, sharp=sharp, kernel=kernel, facts=facts)


def sharp_part(
    photo: Path, rng: np.random.Generator, *, as_light: bool, large: bool = False
) -> Float32:
    """A part of at most 512 px a side of a photo, at half to all of its size; one in ten grey.

    Args:
        photo: The file.
        rng: Draws it.
        as_light: It is to hold light as it is, as cameras of laboratories give it.
        large: At most 1100 px a side, and not smaller than 640.

    Returns:
        (h, w, 3) in [0, 1].

    Raises:
        DataError: If a large part is wanted and the photo is smaller.
    """
    most, at_least = (_LARGE_PX, _LEAST_LARGE_PX) if large else (_SIDE_PX, _LEAST_PX)
    sharp = read_photo(photo).pixels.astype(np.float32)
    height, width, _ = sharp.shape
    if large and min(height, width) < at_least:
        raise DataError(f"{photo}: {at_least} px a side are needed, got {width}x{height}")
    least = min(1.0, max(0.5, at_least / min(height, width)))
    scale = rng.uniform(least, 1) if least < 1 else 1
    sharp = resize(sharp, round(height * scale), round(width * scale))
    top, left = (int(rng.integers(0, max(0, side - most) + 1)) for side in sharp.shape[:2])
    sharp = sharp[top : top + most, left : left + most]
    if rng.uniform() < 0.5:  # noqa: PLR2004
        sharp = sharp[:, ::-1]
    if rng.uniform() < 0.1:  # noqa: PLR2004
        sharp = np.repeat(sharp.mean(axis=2, keepdims=True), 3, axis=2)
    if as_light:
        sharp = srgb_to_linear(np.ascontiguousarray(sharp)) * np.float32(rng.uniform(1, 2))
    return eight_bits(sharp)


def eight_bits(pixels: Float32) -> Float32:
    """Pixels as a file holds them, clipped to [0, 1]."""
    return np.ascontiguousarray(np.rint(np.clip(pixels, 0, 1) * 255) / 255, np.float32)


def trimmed(kernel: Float32) -> Float32:
    """A kernel on the smallest canvas that has its centre of mass in its middle."""
    rows, columns = np.nonzero(kernel > 0)
    down, right = centre_of_mass(kernel)
    reach = int(np.ceil(max(abs(rows - down).max(), abs(columns - right).max()))) + 1
    padded = np.pad(kernel, reach)
    row, column = round(down) + reach, round(right) + reach
    window = padded[row - reach : row + reach + 1, column - reach : column + reach + 1]
    return np.ascontiguousarray(window, np.float32)


def disturbed(kernel: Float32, rng: np.random.Generator) -> Float32:
    """A kernel that is a little wrong, as estimates are: its size, its sharpness, its mass."""
    kernel = trimmed(kernel)
    resized, softened, uneven = range(3)
    how = rng.integers(4)  # the last: softened and uneven
    if how == resized:
        side = max(3, round(len(kernel) * rng.uniform(0.85, 1.15)) // 2 * 2 + 1)
        kernel = np.maximum(resize_plane(kernel, side, side), 0)
    if how in {softened, 3}:
        away, width = np.arange(-4, 5), rng.uniform(0.4, 1.2)
        line = np.exp(-0.5 * (away / width) ** 2)
        line /= line.sum()
        kernel = np.pad(kernel, len(away) // 2)
        for axis in (0, 1):
            kernel = np.apply_along_axis(np.convolve, axis, kernel, line, "same")
    if how in {uneven, 3}:
        kernel = np.where(kernel < rng.uniform(0.05, 0.3) * kernel.max(), 0, kernel)
        kernel = kernel * np.exp(rng.normal(0, 0.4, kernel.shape))
    kernel = np.pad(kernel, 2)
    return np.ascontiguousarray(kernel / kernel.sum(), np.float32)
