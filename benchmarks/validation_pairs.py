"""How each pair of the validation set is made; see validation_set.py."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from unblur.errors import DataError
from unblur.imaging.blur.blur import blur
from unblur.imaging.blur.convolution import convolve
from unblur.imaging.blur.motion import random_motion
from unblur.imaging.light import linear_to_srgb, srgb_to_linear
from unblur.imaging.photo.photo import Photo, encode_photo, read_photo
from unblur.imaging.pyramid import resize

HELD_OUT = "01234567"
PHOTOS = {
    "a-shake": (0, 60),
    "b-roll-and-objects": (60, 40),
    "e-sharp": (0, 40),
    "f-leave-alone": (100, 20),
}
"""Of the held-out photos, in the order of their hashes: the first and the number."""
EXPOSURES = (0.1, 0.5, 1.0)
LONG_PX = 800
SHORT_PX = 240
"""Photos with a shorter side are not used."""
SHRINK = 0.75
"""At most: it leaves no trace of JPEG, nor of the softness of a sensor's colour filter."""
LEVIN_EDGE_PX = 12
ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff")

Pair = tuple[np.ndarray, np.ndarray, dict[str, Any]]
"""Blurred and sharp, (H, W, 3) in [0, 1], and what was done."""


def is_held_out(name: str) -> bool:
    """Whether a photo of this file name is for validation, and never for training."""
    return _hash(name)[0] in HELD_OUT


def held_out_photos(folder: Path) -> list[Path]:
    """The photos for validation in a folder, large enough, in the order of their hashes.

    Raises:
        DataError: If there are none.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder; expected one with sharp photos")
    paths = [path for path in folder.iterdir() if path.suffix.lower() in ENDINGS]
    chosen = sorted((p for p in paths if is_held_out(p.name)), key=lambda p: _hash(p.name))
    chosen = [path for path in chosen if min(read_photo(path).pixels.shape[:2]) >= SHORT_PX]
    if not chosen:
        raise DataError(
            f"{folder}: of {len(paths)} photos none is both {SHORT_PX} px or more and for "
            "validation by the hash of its name; about half of the names are"
        )
    return chosen


def photo_pairs(part: str, chosen: list[Path]) -> Iterator[tuple[str, Pair]]:
    """The names and pairs of a part that is made of sharp photos.

    A pair depends on the photo and its place among the chosen ones alone.
    """
    first, count = PHOTOS[part]
    make = {"a-shake": _shaken, "b-roll-and-objects": _moved, "e-sharp": _kept}
    for at in range(min(count, len(chosen))):
        path = chosen[(first + at) % len(chosen)]
        rng = np.random.default_rng(seed_of(part, path.name))
        sharp = read_photo(path).pixels.astype(np.float32)
        sharp = _middle(sharp) if part == "e-sharp" and at % 2 else _shrunk(sharp)
        blurred, truth, done = make.get(part, _unmoved)(sharp, at, rng)
        done |= {"source": path.name, "source_sha256": file_hash(path)}
        yield path.stem, (blurred, truth, done)


def levin_pairs(folder: Path) -> Iterator[tuple[str, Pair]]:
    """Levin's photos; the sharp ones are moved to where the blurred ones are.

    The published blurred photos are some px off their sharp ones, which no restorer can know. The
    sharp photo is moved, by quarters of a px, to where it would be if the shake had been centred,
    and both are cut by 12 px a side. Levin's own evaluation searches the shift of each result.

    Some of the published kernels have to be turned by 180 degrees, some not: the one that explains
    the blurred photo better is taken.

    Raises:
        DataError: If there are none.

    References:
        Levin et al., *Understanding and evaluating blind deconvolution algorithms*, CVPR 2009.
    """
    paths = sorted(folder.glob("im*_kernel*_img.png"))
    if not paths:
        raise DataError(f"{folder} has no im<n>_kernel<m>_img.png; expected them and gt/")
    for path in paths:
        name = path.stem.removesuffix("_img")
        blurred = read_photo(path).pixels.astype(np.float32)
        truth = folder / "gt" / f"{name.split('_')[0]}.png"
        sharp = read_photo(truth).pixels.astype(np.float32)
        (_, shift), turned = min(
            (levin_shift(blurred, sharp, levin_kernel(folder, name, turned=turned)), turned)
            for turned in (False, True)
        )
        inside = (slice(LEVIN_EDGE_PX, -LEVIN_EDGE_PX),) * 2
        done = {"source": path.name, "source_sha256": file_hash(path), "shift_px": shift}
        done["kernel_turned"] = turned
        yield name, (blurred[inside], moved(sharp, shift)[inside], done)


def levin_shift(
    blurred: np.ndarray, sharp: np.ndarray, kernel: np.ndarray
) -> tuple[float, tuple[float, float]]:
    """By how many px, down and right, the sharp photo has to move to lie under the blurred one.

    Args:
        blurred: (H, W, 3) in [0, 1].
        sharp: Same shape.
        kernel: (K, K), K odd, of sum 1; its centre of mass may lie anywhere.

    Returns:
        The mismatch that is left, and the shift.
    """
    away = np.arange(kernel.shape[0]) - kernel.shape[0] // 2
    mass = (-float(kernel.sum(axis=1) @ away), -float(kernel.sum(axis=0) @ away))
    # The kernel as it is, then moved by its centre of mass: a shake that is centred.
    expected = moved(convolve(sharp, kernel)[..., :1], mass)
    seen = blurred[..., :1]
    best, step = (0.0, 0.0), 1.0
    for step, reach in ((1.0, 6), (0.25, 4)):
        near = [
            (best[0] + step * down, best[1] + step * right)
            for down in range(-reach, reach + 1)
            for right in range(-reach, reach + 1)
        ]
        best = min(near, key=lambda shift: _mismatch(moved(expected, shift), seen))
    return _mismatch(moved(expected, best), seen), best


def moved(pixels: np.ndarray, shift: tuple[float, float]) -> np.ndarray:
    """A picture moved by parts of a px, down and right, by its spectrum; mirrored at its edges."""
    around = 2 * LEVIN_EDGE_PX
    padded = np.pad(pixels, ((around, around), (around, around), (0, 0)), mode="symmetric")
    height, width, _ = padded.shape
    waves = np.fft.fftfreq(height)[:, None] * shift[0] + np.fft.rfftfreq(width) * shift[1]
    spectrum = np.fft.rfft2(padded, axes=(0, 1)) * np.exp(-2j * np.pi * waves)[..., None]
    inside = (slice(around, -around),) * 2
    back = np.fft.irfft2(spectrum, s=(height, width), axes=(0, 1))[inside]
    return np.clip(back, 0, 1).astype(np.float32)


def _shaken(sharp: np.ndarray, at: int, rng: np.random.Generator) -> Pair:
    return _in_motion(sharp, "shake", EXPOSURES[at % 3], rng)


def shake_of(source: str, exposure: float) -> np.ndarray:
    """The kernel that shook a photo of part a, by the photo's name."""
    rng = np.random.default_rng(seed_of("a-shake", source))
    motion = random_motion("shake", rng=rng, height=64, width=64, exposure=exposure)
    return motion.kernels(64, 64)


def levin_kernel(folder: Path, name: str, *, turned: bool) -> np.ndarray:
    """The true kernel of one of Levin's photos, as its file has it or turned by 180 degrees."""
    path = folder / "gt" / f"{name.split('_')[1]}.png"
    kernel = read_photo(path).pixels[..., 0].astype(np.float32)
    return np.ascontiguousarray(kernel[::-1, ::-1] if turned else kernel) / kernel.sum()


def seed_of(part: str, name: str) -> list[int]:
    """A seed for a photo of a part, whatever others there are."""
    return [2026, ord(part[0]), int(_hash(name)[:15], 16)]


def _moved(sharp: np.ndarray, at: int, rng: np.random.Generator) -> Pair:
    return _in_motion(sharp, ("rotation", "object")[at % 2], EXPOSURES[at // 2 % 3], rng)


def _in_motion(sharp: np.ndarray, kind: str, exposure: float, rng: np.random.Generator) -> Pair:
    height, width, _ = sharp.shape
    motion = random_motion(kind, rng=rng, height=height, width=width, exposure=exposure)
    blurred = blur(sharp, motion, noise_sigma=1 / 255, rng=rng)
    return blurred, sharp, {"kind": kind, "exposure": exposure}


def _kept(sharp: np.ndarray, at: int, rng: np.random.Generator) -> Pair:
    return sharp, sharp, {"kind": "as it came" if at % 2 else "shrunk"}


def _unmoved(sharp: np.ndarray, at: int, rng: np.random.Generator) -> Pair:
    """Out of focus, or dark and noisy."""
    if at % 2:
        # As many at white: from a phone at night to a camera at ISO 3200.
        dim, electrons = float(rng.uniform(0.15, 0.4)), float(np.exp(rng.uniform(5.7, 8.5)))
        light = dim * srgb_to_linear(sharp)
        counted = rng.poisson(light * electrons) + rng.normal(0, 2, light.shape)
        noisy = linear_to_srgb(np.clip(counted / electrons, 0, 1).astype(np.float32))
        saved = read_photo(encode_photo(Photo(pixels=noisy), "jpeg", quality=90))
        done = {"kind": "low light", "light": round(dim, 3), "electrons": round(electrons)}
        return saved.pixels.astype(np.float32), linear_to_srgb(light), done
    radius = float(rng.uniform(1.5, 5))
    away = np.arange(-6, 7)
    # The outline is soft over 1 px: a pixel counts as far as the disc covers it.
    disc = np.clip(radius + 0.5 - np.hypot(away[:, None], away), 0, 1).astype(np.float32)
    blurred = blur(sharp, disc / disc.sum(), noise_sigma=1 / 255, rng=rng)
    return blurred, sharp, {"kind": "out of focus", "radius_px": round(radius, 2)}


def file_hash(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _hash(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def _shrunk(pixels: np.ndarray) -> np.ndarray:
    """At three quarters of its size, or less where it is large; 8 bits again."""
    height, width, _ = pixels.shape
    factor = min(SHRINK, LONG_PX / max(height, width))
    small = resize(pixels, round(height * factor), round(width * factor))
    return np.rint(np.clip(small, 0, 1) * 255).astype(np.float32) / np.float32(255)


def _middle(pixels: np.ndarray) -> np.ndarray:
    """The middle of a photo as it came."""
    top, left = (max(0, (side - LONG_PX) // 2) for side in pixels.shape[:2])
    return np.ascontiguousarray(pixels[top : top + LONG_PX, left : left + LONG_PX])


def _mismatch(one: np.ndarray, other: np.ndarray) -> float:
    inside = (slice(LEVIN_EDGE_PX, -LEVIN_EDGE_PX),) * 2
    return float(np.square(one[inside] - other[inside], dtype=np.float64).mean())
