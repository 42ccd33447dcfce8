"""Fidelity against crispness: what a perceptual loss and a critic give, and what they cost.

    python benchmarks/crispness.py --vgg VGG19 [--model NAME|FILE.onnx ...] [--validation DIR]
                                   [--limit N] [--no-guard]

The photos of held_out.py, three shakes each (1/10, 1/2 and all of a 60 px path, in light, noise
1/255); with ``--validation`` also parts a to c of that set. For each model, means of PSNR and SSIM
(more is truer), of the distance in VGG19's features, conv3_3 (less is more alike to the eye: it is
what DeblurGAN's perceptual loss measures, and what `fast-gan` was trained on, so it flatters that),
and of the sharpness: mean absolute step from pixel to pixel, by that of the sharp photo.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

import unblur
from held_out import EXPOSURES, PHOTOS, load
from machine import describe
from quick import is_quick, parse
from train_step import stand_in
from unblur.imaging.photo.photo import read_photo
from unblur.losses import perceptual
from unblur.metrics import psnr, ssim
from unblur.models.vgg import load_vgg
from unblur.tasks.restore.options import RestoreOptions
from unblur.tasks.restore.restorer import Restorer
from validation_set import read_part

PARTS = ("a-shake", "b-roll-and-objects", "c-frames")
MOST_PX = 256
"""Features are of the photos' middles: they cost more than the restoring."""


def held_out(names: tuple[str, ...]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Blurred and sharp photos of scikit-image."""
    for place, name in enumerate(names):
        sharp = load(name)
        rng = np.random.default_rng([2026, place])
        for exposure in EXPOSURES:
            kernel = unblur.random_kernels(1, rng=rng, exposure=(exposure,))[0]
            yield unblur.blur(sharp, kernel, noise_sigma=1 / 255, rng=rng), sharp


def part(folder: Path, limit: int | None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Blurred and sharp photos of a part of the validation set."""
    for name in sorted(read_part(folder))[:limit]:
        blurred, sharp = (read_photo(folder / kind / f"{name}.png") for kind in ("blur", "sharp"))
        yield blurred.pixels.astype(np.float32), sharp.pixels.astype(np.float32)


def middle(pixels: np.ndarray) -> np.ndarray:
    """The middle of a photo, at most 256 px a side."""
    top, left = (max(0, (side - MOST_PX) // 2) for side in pixels.shape[:2])
    return pixels[top : top + MOST_PX, left : left + MOST_PX]


def detail(pixels: np.ndarray) -> float:
    """Mean absolute step from pixel to pixel."""
    return float(np.mean([np.abs(np.diff(pixels, axis=axis)).mean() for axis in (0, 1)]))


def measure(restored: np.ndarray, sharp: np.ndarray, features: torch.nn.Module) -> list[float]:
    """PSNR, SSIM, distance of features, sharpness."""
    batches = (middle(x).transpose(2, 0, 1)[None].copy() for x in (restored, sharp))
    with torch.inference_mode():
        distance = float(perceptual(features, *map(torch.from_numpy, batches)))
    crisp = detail(restored) / detail(sharp)
    return [psnr(restored, sharp), ssim(restored, sharp), distance, crisp]


def main() -> None:
    """Print a table for each set."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--vgg", type=Path, required=not is_quick())
    parser.add_argument("--model", action="append", help="again for every row")
    parser.add_argument("--validation", type=Path, metavar="DIR")
    parser.add_argument("--limit", type=int, help="photos of each part")
    parser.add_argument("--no-guard", action="store_true")
    args = parse(parser, limit=1)
    features = load_vgg(args.vgg) if args.vgg else stand_in()
    models = args.model or ["fast", "fast-gan"]
    restorers = {
        model: Restorer.open(RestoreOptions(method="network", model=model, guard=not args.no_guard))
        for model in models
    }
    sets = {"scikit-image": held_out(PHOTOS[:1] if args.quick else PHOTOS)}
    if args.validation:
        sets |= {name: part(args.validation / name, args.limit) for name in PARTS}
    for title, pairs in sets.items():
        rows: dict[str, list[list[float]]] = {"blurred": [], **{model: [] for model in models}}
        for blurred, sharp in pairs:
            rows["blurred"].append(measure(blurred, sharp, features))
            for model, restorer in restorers.items():
                rows[model].append(measure(restorer.restore_pixels(blurred), sharp, features))
        print(f"\n{title}, {len(rows['blurred'])} pairs")
        print(f"{'':22} {'PSNR':>6} {'SSIM':>6} {'VGG19':>6} {'sharpness':>9}")
        for model, values in rows.items():
            truth, alike, distance, crisp = np.mean(values, axis=0)
            print(f"{model[-22:]:22} {truth:6.2f} {alike:6.3f} {distance:6.2f} {crisp:9.2f}")
    print(f"\n{describe('float32')}")


if __name__ == "__main__":
    main()
