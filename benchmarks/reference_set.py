"""Pairs with a known truth: a blurred photo and a second shot of the scene, sharp or noisy.

The second shot is the sharp photo seen from a little elsewhere (a random homography: corners move
by up to 3 % of the width, 2 degrees, 3 % zoom), at +-15 % brightness, cropped, with read-out noise
of 1/255; the first is the sharp photo blurred by Algorithm 1, noise 1/255. Both have 8 bits.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from held_out import PHOTOS, load
from unblur.imaging.blur.blur import blur
from unblur.imaging.blur.kernels import random_kernels
from unblur.imaging.light import linear_to_srgb, srgb_to_linear
from unblur.imaging.photo.photo import read_photo

Pair = tuple[str, np.ndarray, np.ndarray, np.ndarray]
"""Name, and three photos (H, W, 3) floats in [0, 1]: sharp, blurred, reference."""


def pairs(
    count: int,
    seed: int = 2026,
    photos: Path | None = None,
    *,
    side: int = 640,
    noise: float = 0.0,
    linear_light: bool = True,
) -> Iterator[Pair]:
    """Draw pairs; equal arguments give equal ones.

    Args:
        count: How many.
        seed: Of everything that is drawn.
        photos: A folder of sharp photos; None takes scikit-image's.
        side: Long side, in px, that larger photos are scaled down to.
        noise: Sigma of the Gaussian noise of the short exposure; 0 for a sharp reference.
        linear_light: Blur light; False blurs encoded values.
    """
    chosen = list(_chosen(count, seed, photos))
    for index, name in enumerate(chosen):
        rng = np.random.default_rng([seed, index])
        # A photo of 8 bits again: means of four codes lie right between two, and round by chance.
        sharp = _eight_bits(_scaled(_read(name), side))
        kernel = random_kernels(1, rng=rng)[0]
        blurred = blur(sharp, kernel, linear_light=linear_light, noise_sigma=1 / 255, rng=rng)
        reference = second_shot(sharp, rng)
        reference += rng.normal(0, noise or 0.5 / 255, reference.shape).astype(np.float32)
        label = name if isinstance(name, str) else name.stem
        yield f"{label}-{index}", sharp, _eight_bits(blurred), _eight_bits(reference)


def noisy_pairs(
    count: int, seed: int = 2026, photos: Path | None = None, *, side: int = 640
) -> Iterator[Pair]:
    """The same with a short and noisy second shot, sigma 25/255."""
    return pairs(count, seed, photos, side=side, noise=25 / 255)


def second_shot(sharp: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The scene from a little elsewhere, brighter or darker, and cropped by up to 4 % a side."""
    import cv2

    height, width = sharp.shape[:2]
    turn, zoom = np.deg2rad(rng.uniform(-2, 2)), rng.uniform(0.97, 1.03)
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    corners = np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]], float)
    turned = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    moved = (corners - centre) @ (zoom * turned).T + centre
    moved += rng.uniform(-0.03, 0.03, (4, 2)) * width / np.sqrt(2)
    homography = cv2.getPerspectiveTransform(corners.astype(np.float32), moved.astype(np.float32))
    light = np.clip(srgb_to_linear(sharp) * rng.uniform(0.85, 1.15), 0, 1)
    seen = cv2.warpPerspective(
        linear_to_srgb(light),
        homography,
        (width, height),
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_CONSTANT,
    )
    top, bottom = (int(x) for x in rng.uniform(0, 0.04, 2) * height)
    left, right = (int(x) for x in rng.uniform(0, 0.04, 2) * width)
    return np.clip(seen[top : height - bottom, left : width - right], 0, 1)


def unfitting(sharp: np.ndarray, blurred: np.ndarray, other: np.ndarray) -> dict[str, np.ndarray]:
    """References that show nothing of use, by what is wrong with them."""
    import cv2

    height, width = sharp.shape[:2]
    small = cv2.resize(sharp, (width // 10, height // 10), interpolation=cv2.INTER_AREA)
    return {
        "another scene": other,
        "upside down": np.ascontiguousarray(sharp[::-1]),
        "turned by 180 degrees": np.ascontiguousarray(sharp[::-1, ::-1]),
        "the blurred photo itself": blurred,
        "10 times smaller": small,
        "black": np.zeros_like(sharp),
    }


def _chosen(count: int, seed: int, photos: Path | None) -> Iterator[str | Path]:
    names: list[str | Path] = list(PHOTOS)
    if photos is not None:
        names = sorted(path for path in photos.iterdir() if path.suffix.lower() in {".jpg", ".png"})
    order = np.random.default_rng(seed).permutation(len(names))
    return (names[order[index % len(names)]] for index in range(count))


def _read(name: str | Path) -> np.ndarray:
    if isinstance(name, str):
        return load(name)
    return read_photo(name).pixels.astype(np.float32)


def _scaled(pixels: np.ndarray, side: int) -> np.ndarray:
    """At most so many px on the long side."""
    import cv2

    height, width = pixels.shape[:2]
    factor = side / max(height, width)
    if factor >= 1:
        return pixels
    size = (round(width * factor), round(height * factor))
    return np.clip(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), 0, 1)


def _eight_bits(pixels: np.ndarray) -> np.ndarray:
    return np.round(np.clip(pixels, 0, 1) * 255).astype(np.float32) / 255
