"""What the network that knows kernels learns from: blurred photos, kernels found, what they give.

    python benchmarks/kernel_tries.py PHOTOS -o DIR --minutes 60 [--part 1/2] [--no-search]

Photos for validation (by the hash of their names) are left out. Each try is a part of at most 512
px of a photo, shaken by Algorithm 1 with paths of every length and exposure, or rolled, or with an
object that moves, or out of focus, or as it was; some were soft already. Noise of 0 to 5/255, one
in three saved as JPEG of quality 60 to 100. Most are blurred in light, some in encoded values,
among them photos that hold light as it is. A file holds both, what the network that knows no
kernel makes of it, and guides: the photo undone with every kernel that `search_blur` found, with
its PSNR, and with the true one, exact or disturbed. Without a search, which takes most of the
time, only with the latter. The same seed gives the same files; a later call goes on.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import unblur
from unblur.imaging.blur.blur import blur
from unblur.imaging.blur.motion import random_motion
from unblur.imaging.deblur.blind import search_blur
from unblur.imaging.deblur.guide import deconvolved_guide
from unblur.imaging.deblur.kernel_support import agreement
from unblur.imaging.fourier import centre_of_mass
from unblur.imaging.light import srgb_to_linear
from unblur.imaging.measure.noise import estimate_noise
from unblur.imaging.photo.photo import Photo, encode_photo, read_photo
from unblur.imaging.pyramid import resize, resize_plane
from unblur.tasks.restore.options import RestoreOptions
from unblur.tasks.restore.restorer import Restorer
from validation_pairs import ENDINGS, is_held_out

KINDS = ("shake", "soft", "rotation", "object", "out of focus", "sharp")
SHARES = (0.64, 0.1, 0.06, 0.06, 0.06, 0.08)
SOFT_SHAKEN = 0.6
"""Of soft photos, so many are shaken; the others are to stay as they are."""
SIDE = 512
LEAST_PX = 320
EDGE = 8


def eight_bits(pixels: np.ndarray) -> np.ndarray:
    """As a file holds them."""
    return np.ascontiguousarray(np.rint(np.clip(pixels, 0, 1) * 255) / 255, np.float32)


def make_sharp(photo: Path, rng: np.random.Generator, *, as_light: bool) -> np.ndarray:
    """A part of a photo, at half to all of its size; one in ten grey."""
    sharp = read_photo(photo).pixels.astype(np.float32)
    height, width, _ = sharp.shape
    least = min(1.0, max(0.5, LEAST_PX / min(height, width)))
    scale = rng.uniform(least, 1) if least < 1 else 1
    sharp = resize(sharp, round(height * scale), round(width * scale))
    top, left = (int(rng.integers(0, max(0, side - SIDE) + 1)) for side in sharp.shape[:2])
    sharp = sharp[top : top + SIDE, left : left + SIDE]
    if rng.uniform() < 0.5:
        sharp = sharp[:, ::-1]
    if rng.uniform() < 0.1:
        sharp = np.repeat(sharp.mean(axis=2, keepdims=True), 3, axis=2)
    if as_light:
        sharp = srgb_to_linear(np.ascontiguousarray(sharp)) * np.float32(rng.uniform(1, 2))
    return eight_bits(sharp)


def soft(pixels: np.ndarray, radius: float) -> np.ndarray:
    """Light through a disc, as out of focus."""
    away = np.arange(-7, 8)
    disc = np.clip(radius + 0.5 - np.hypot(away[:, None], away), 0, 1).astype(np.float32)
    return blur(pixels, disc / disc.sum())


def make(
    photo: Path, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, dict[str, Any]]:
    """Blurred, sharp, the kernel if there is one, and what was done."""
    light = bool(rng.uniform() < 0.7)
    sharp = make_sharp(photo, rng, as_light=not light and rng.uniform() < 0.6)
    kind = str(rng.choice(KINDS, p=SHARES))
    noise = float(rng.choice([0, 0.5, 1, 1, 1, 2, 3, 5])) / 255
    done: dict[str, Any] = {"photo": photo.name, "kind": kind, "noise": noise * 255, "light": light}
    kernel, motion = None, np.ones((1, 1), np.float32)
    if kind == "soft":
        sharp = eight_bits(soft(sharp, rng.uniform(0.7, 3)))
    if kind == "shake" or (kind == "soft" and rng.uniform() < SOFT_SHAKEN):
        length = float(rng.choice([20, 40, 60, 60, 60, 90]))
        exposure = float(rng.choice([0.1, 0.25, 0.5, 0.5, 1, 1]))
        motion = kernel = unblur.random_kernels(
            1, rng=rng, length_px=length, exposure=(exposure,), canvas_px=128
        )[0]
        done |= {"length": length, "exposure": exposure}
    elif kind in {"rotation", "object"}:
        height, width, _ = sharp.shape
        exposure = float(rng.choice([0.1, 0.5, 1]))
        motion = random_motion(kind, rng=rng, height=height, width=width, exposure=exposure)
    blurred = soft(sharp, rng.uniform(1, 6)) if kind == "out of focus" else sharp
    seen = eight_bits(blur(blurred, motion, linear_light=light, noise_sigma=noise, rng=rng))
    if rng.uniform() < 0.35:
        done["jpeg"] = int(rng.integers(60, 101))
        data = encode_photo(Photo(pixels=seen), "jpeg", quality=done["jpeg"])
        seen = read_photo(data).pixels.astype(np.float32)
    return seen, sharp, kernel, done


def trimmed(kernel: np.ndarray) -> np.ndarray:
    """A kernel on the smallest canvas that has it in its middle."""
    rows, columns = np.nonzero(kernel > 0)
    down, right = centre_of_mass(kernel)
    reach = int(np.ceil(max(abs(rows - down).max(), abs(columns - right).max()))) + 1
    padded = np.pad(kernel, reach)
    row, column = round(down) + reach, round(right) + reach
    window = padded[row - reach : row + reach + 1, column - reach : column + reach + 1]
    return np.ascontiguousarray(window, np.float32)


def disturbed(kernel: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A kernel that is a little wrong, as estimates are: its size, its sharpness, its mass."""
    kernel = trimmed(kernel)
    how = rng.integers(4)
    if how == 0:
        side = max(3, round(len(kernel) * rng.uniform(0.85, 1.15)) // 2 * 2 + 1)
        kernel = np.maximum(resize_plane(kernel, side, side), 0)
    if how in {1, 3}:
        away, width = np.arange(-4, 5), rng.uniform(0.4, 1.2)
        line = np.exp(-0.5 * (away / width) ** 2)
        line /= line.sum()
        kernel = np.pad(kernel, len(away) // 2)
        for axis in (0, 1):
            kernel = np.apply_along_axis(np.convolve, axis, kernel, line, "same")
    if how in {2, 3}:
        kernel = np.where(kernel < rng.uniform(0.05, 0.3) * kernel.max(), 0, kernel)
        kernel = kernel * np.exp(rng.normal(0, 0.4, kernel.shape))
    kernel = np.pad(kernel, 2)
    return np.ascontiguousarray(kernel / kernel.sum(), np.float32)


def score(pixels: np.ndarray, sharp: np.ndarray) -> float:
    """PSNR of 8 bits, away from the borders."""
    inside = (slice(EDGE, -EDGE),) * 2
    error = np.mean((eight_bits(pixels)[inside] - sharp[inside]) ** 2, dtype=np.float64)
    return float(-10 * np.log10(error + 1e-10))


def make_try(
    photo: Path, rng: np.random.Generator, restorer: Restorer, *, search: bool
) -> dict[str, Any]:
    """All that a file holds."""
    seen, sharp, truth, done = make(photo, rng)
    noise, network = estimate_noise(seen), restorer.restore_pixels(seen)
    kernels: list[tuple[np.ndarray, bool]] = []
    if search:
        found = search_blur(seen, threads=1)
        kernels += [(each.kernel, each.linear_light) for each in found.kernels]
        if truth is not None:
            done["alike"] = [round(agreement(each.kernel, truth), 3) for each in found.kernels]
    done["found"] = len(kernels)
    for number in range(0 if truth is None else 1 if search else 3):
        exact = number == 0 and (not search or rng.uniform() < 0.5)
        kernels.append((trimmed(truth) if exact else disturbed(truth, rng), done["light"]))
    guides = [
        deconvolved_guide(seen, kernel, linear_light=light, noise=noise, threads=1)
        for kernel, light in kernels
    ]
    done["blurred"] = score(seen, sharp)
    done["guides"] = [score(guide[..., :3], sharp) for guide in guides]
    return {
        "blurred": np.rint(255 * seen).astype(np.uint8),
        "sharp": np.rint(255 * sharp).astype(np.uint8),
        "network": np.rint(255 * network).astype(np.uint8),
        "guides": np.array([np.rint(255 * guide) for guide in guides], np.uint8),
        "done": json.dumps(done),
    }


def tries_parser() -> argparse.ArgumentParser:
    """For what makes tries until a time is over."""
    parser = argparse.ArgumentParser()
    parser.add_argument("photos", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--part", default="1/1", help="2/3: the second of three processes")
    return parser


def drawn(
    args: argparse.Namespace, done: Callable[[int], bool]
) -> Iterator[tuple[int, Path, np.random.Generator]]:
    """Numbers of tries that are not done, each with its photo and its generator, in time."""
    part, parts = map(int, args.part.split("/"))
    photos = [path for path in args.photos.iterdir() if path.suffix.lower() in ENDINGS]
    photos = sorted(path for path in photos if not is_held_out(path.name))
    end, number = time.monotonic() + 60 * args.minutes, part - 1
    while time.monotonic() < end:
        if not done(number):
            rng = np.random.default_rng([args.seed, number])
            yield number, photos[int(rng.integers(len(photos)))], rng
        number += parts


def plain_restorer() -> Restorer:
    """The network that knows no kernel, on one thread."""
    return Restorer.open(RestoreOptions(method="network", threads=1, precision="fp32", guard=False))


def main() -> None:
    """Write the files that are missing, until the time is over."""
    parser = tries_parser()
    parser.add_argument("--no-search", action="store_true")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    restorer = plain_restorer()

    def path_of(number: int) -> Path:
        return args.out / f"{args.seed}-{number:05d}.npz"

    for number, photo, rng in drawn(args, lambda number: path_of(number).exists()):
        path = path_of(number)
        made = make_try(photo, rng, restorer, search=not args.no_search)
        whole = path.with_name(f".{path.name}")
        np.savez(whole, **made)
        whole.rename(path)
        print(path.name, made["done"], flush=True)


if __name__ == "__main__":
    main()
