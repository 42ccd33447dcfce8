"""How the large photos of the validation set are made, as a phone would; see validation_set.py."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy.ndimage
import scipy.signal

from unblur.errors import DataError
from unblur.imaging.blur.motion import random_motion
from unblur.imaging.light import linear_to_srgb, srgb_to_linear
from unblur.imaging.photo.photo import Photo, encode_photo, read_photo
from unblur.imaging.pyramid import resize
from validation_pairs import Pair, file_hash, seed_of

COUNT = 24
MEGAPIXELS = 12.0
LEAST_PX = 1000
"""Photos with a shorter long side are not used."""
KINDS = ("shake", "rotation", "object", "shake", "shake", "object")
"""In turns: half are shaken alike all over, in one of three an object moves."""
LENGTHS_PX = (30.0, 150.0)
"""Of what is seen of a path, at 12 megapixels."""
EXPOSURE = 0.5
"""The part of a path that is exposed."""
MOST_ENLARGED = 2.0
"""A phone's photo is soft at full size, and sharp at half: so is one that was enlarged so much."""
LIGHTS = 0.97
"""What is brighter is a light, and up to so many times as bright as white:"""
BRIGHTEST = 6.0
LEAST_LIGHT_PX = 7
"""Smaller bright spots may be halos of sharpening, and stay as they are."""
ELECTRONS = (800.0, 20_000.0)
"""At white: from ISO 3200 to a bright day."""
READ_ELECTRONS = 3.0


def large_pairs(
    chosen: Sequence[Path], *, megapixels: float = MEGAPIXELS
) -> Iterator[tuple[str, Pair]]:
    """The names and pairs of the part of large photos.

    A photo of one megapixel is enlarged twofold, and mirrored at its edges up to the size. What
    enlarging cannot give, detail of a few px, is the photo's own finest octave, laid over the large
    photo at its own size, as strong as the large photo is busy there. Light is blurred at full
    size, lights brighter than white among it, and clipped after that; then come the sensor's noise,
    in one of two a denoiser and colours that run, in one of two sharpening, and JPEG of quality 80
    to 95. The sharp photo has neither noise nor JPEG.

    Args:
        chosen: Photos for validation, in the order of their hashes.
        megapixels: Of the photos made.

    Raises:
        DataError: If no photo is large enough.
    """
    large = [path for path in chosen if max(read_photo(path).pixels.shape[:2]) >= LEAST_PX]
    if not large:
        raise DataError(f"of {len(chosen)} photos for validation none is {LEAST_PX} px or more")
    for at, path in enumerate(large[:COUNT]):
        rng = np.random.default_rng(seed_of("g-large", path.name))
        light = _lit(_enlarged(read_photo(path).pixels.astype(np.float32), megapixels))
        shake, done = _shaken(light, KINDS[at % len(KINDS)], megapixels, rng)
        sharp = linear_to_srgb(np.clip(light, 0, 1))
        done |= {"source": path.name, "source_sha256": file_hash(path)}
        blurred, developed = _developed(shake, at, rng)
        yield path.stem, (blurred, sharp, done | developed)


def _enlarged(pixels: np.ndarray, megapixels: float) -> np.ndarray:
    """A photo at another size, with detail of its own."""
    size = np.array(pixels.shape[:2])
    full = (megapixels * 1e6 / size.prod()) ** 0.5
    factor = min(full, MOST_ENLARGED)
    large = np.clip(resize(pixels, *(int(side) for side in np.rint(size * factor))), 0, 1)
    shape = np.rint(size * full).astype(int)
    large = _mirrored(large, shape)
    octave = pixels - scipy.ndimage.gaussian_filter(pixels, (1, 1, 0))
    detail = _mirrored(octave, shape)
    # As strong as the large photo's own detail of that size is, were it as rough as it is coarse.
    own = large - scipy.ndimage.gaussian_filter(large, (factor, factor, 0))
    busy = scipy.ndimage.gaussian_filter(own.mean(axis=2) ** 2, 4 * factor) ** 0.5
    typical = float(octave.mean(axis=2).std())
    strength = np.clip(busy / max(typical, 1e-4), 0, 2)[..., None]
    return np.clip(large + np.float32(0.5) * strength * detail, 0, 1).astype(np.float32)


def _mirrored(pixels: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """As much of a photo and its mirror images as a shape asks for."""
    around = [(0, max(0, side - own)) for side, own in zip(shape, pixels.shape[:2], strict=True)]
    return np.pad(pixels, [*around, (0, 0)], mode="symmetric")[: shape[0], : shape[1]]


def _lit(pixels: np.ndarray) -> np.ndarray:
    """Light, in which lights are brighter than white."""
    light = srgb_to_linear(pixels)
    bright = scipy.ndimage.grey_opening(pixels.max(axis=2), (LEAST_LIGHT_PX, LEAST_LIGHT_PX))
    above = np.clip((bright - LIGHTS) / (1 - LIGHTS), 0, 1)
    brighter: np.ndarray = light * (1 + (BRIGHTEST - 1) * above[..., None]).astype(np.float32)
    return brighter


def _shaken(
    light: np.ndarray, kind: str, megapixels: float, rng: np.random.Generator
) -> tuple[np.ndarray, dict[str, Any]]:
    least, most = np.log(LENGTHS_PX)
    length = float(np.exp(rng.uniform(least, most))) * (megapixels / MEGAPIXELS) ** 0.5
    height, width, _ = light.shape
    motion = random_motion(
        kind,
        rng=rng,
        height=height,
        width=width,
        length_px=length / EXPOSURE,
        exposure=EXPOSURE,
    )
    blurred = np.clip(motion.apply(light), 0, None)
    return blurred, {"kind": kind, "path_px": round(length)}


def _developed(
    light: np.ndarray, at: int, rng: np.random.Generator
) -> tuple[np.ndarray, dict[str, Any]]:
    """What a phone makes of light: (H, W, 3) encoded, of 8 bits."""
    least, most = np.log(ELECTRONS)
    electrons = float(np.exp(rng.uniform(least, most)))
    counted = rng.poisson(np.clip(light, 0, 1) * electrons).astype(np.float32)
    counted += READ_ELECTRONS * rng.standard_normal(light.shape, dtype=np.float32)
    pixels = linear_to_srgb(np.clip(counted / np.float32(electrons), 0, 1))
    denoised, sharpened = at % 2 == 1, at // 2 % 2 == 1
    if denoised:
        grey = pixels.mean(axis=2)
        colour = scipy.ndimage.gaussian_filter(pixels - grey[..., None], (2, 2, 0))
        pixels = scipy.signal.wiener(grey, 5)[..., None].astype(np.float32) + colour
    if sharpened:
        pixels = pixels + 0.5 * (pixels - scipy.ndimage.gaussian_filter(pixels, (1, 1, 0)))
    quality = int(rng.integers(80, 96))
    photo = Photo(pixels=np.clip(pixels, 0, 1).astype(np.float32))
    saved = read_photo(encode_photo(photo, "jpeg", quality=quality))
    done = {"electrons": round(electrons), "denoised": denoised, "sharpened": sharpened}
    return saved.pixels.astype(np.float32), done | {"jpeg": quality}
