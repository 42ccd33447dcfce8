"""Quality of a model on photos that no training has seen: scikit-image's, blurred by Algorithm 1.

    python benchmarks/held_out.py [--method auto|blind|network] [--model NAME|FILE.onnx]
                                  [--kernels 6] [--no-guard] [--strips DIR]

Authors' constants, 8 bit, noise sigma 1/255, once with light blurred, as a sensor does it, and
once with encoded values, as the code of the DeblurGAN paper does it. Every photo gets the same
number of kernels, a third of them each of 1/10, 1/2 and the whole of a 60 px path. The sharp photo
itself goes through the model, too. PSNR in dB; the row of the blurred photo is its own baseline.
"""

import argparse
from pathlib import Path

import numpy as np
import skimage.data

import unblur
from machine import describe
from quick import parse
from unblur.imaging.photo.photo import Photo, write_photo
from unblur.metrics import psnr, ssim
from unblur.tasks.restore.options import RestoreOptions
from unblur.tasks.restore.restorer import Restorer

PHOTOS = (
    "astronaut",
    "brick",
    "camera",
    "chelsea",
    "coffee",
    "coins",
    "hubble_deep_field",
    "motorcycle_left",
    "retina",
    "rocket",
)
EXPOSURES = (0.1, 0.5, 1.0)
SIDE = 512


def load(name: str) -> np.ndarray:
    """One of scikit-image's bundled photos, (H, W, 3) floats in [0, 1], at most 512 px a side."""
    if name == "motorcycle_left":
        pixels = skimage.data.stereo_motorcycle()[0]
    else:
        pixels = getattr(skimage.data, name)()
    pixels = np.atleast_3d(pixels)[:SIDE, :SIDE]
    return np.broadcast_to(pixels, (*pixels.shape[:2], 3)).astype(np.float32) / 255


def score(
    restorer: Restorer, name: str, *, kernels: int, linear_light: bool, strips: Path | None
) -> np.ndarray:
    """Rows of blurred PSNR, restored PSNR, blurred SSIM, restored SSIM, exposure."""
    sharp = load(name)
    rng = np.random.default_rng([2026, PHOTOS.index(name)])
    rows = []
    for index in range(kernels):
        exposure = EXPOSURES[index % len(EXPOSURES)]
        kernel = unblur.random_kernels(1, rng=rng, exposure=(exposure,))[0]
        blurred = unblur.blur(
            sharp, kernel, linear_light=linear_light, noise_sigma=1 / 255, rng=rng
        )
        blurred = np.round(blurred * 255).astype(np.float32) / 255
        restored = restorer.restore_pixels(blurred)
        scores = [metric(x, sharp) for metric in (psnr, ssim) for x in (blurred, restored)]
        rows.append([*scores, exposure])
        if strips:
            strips.mkdir(parents=True, exist_ok=True)
            strip = np.concatenate([blurred, restored, sharp], axis=1)
            target = strips / f"{name}-{'light' if linear_light else 'encoded'}-{index}.png"
            write_photo(Photo(pixels=strip), target, overwrite=True)
    return np.array(rows)


def print_row(name: str, rows: np.ndarray) -> None:
    """One line of the table: means, and the least gain."""
    before, after, similar, similar_after, _ = rows.mean(axis=0)
    gains = rows[:, 1] - rows[:, 0]
    print(f"{name:18} {before:8.2f} {after:9.2f} {gains.mean():+6.2f} {gains.min():+6.2f}"
          f" {similar:6.3f} {similar_after:6.3f}")  # fmt: skip


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--method", default="auto")
    parser.add_argument("--model", default="fast")
    parser.add_argument("--engine", default="onnx")
    parser.add_argument("--kernels", type=int, default=6)
    parser.add_argument("--photos", type=int, help="so many of the photos")
    parser.add_argument("--no-guard", action="store_true", help="show what it prevents")
    parser.add_argument("--strips", type=Path)
    args = parse(parser, kernels=1, photos=2, method="network")
    options = RestoreOptions(
        method=args.method, model=args.model, engine=args.engine, guard=not args.no_guard
    )
    restorer = Restorer.open(options)
    names = PHOTOS[: args.photos]
    for linear_light in (True, False):
        print(f"\nBlurred {'light' if linear_light else 'encoded values'}, "
              f"{len(names)} photos x {args.kernels} kernels")  # fmt: skip
        print(f"{'photo':18} {'blurred':>8} {'restored':>9} {'gain':>6} {'worst':>6}"
              f" {'SSIM':>6} {'->':>6}")  # fmt: skip
        rows = {
            name: score(
                restorer,
                name,
                kernels=args.kernels,
                linear_light=linear_light,
                strips=args.strips,
            )
            for name in names
        }
        for name, of_photo in rows.items():
            print_row(name, of_photo)
        everything = np.concatenate(list(rows.values()))
        print_row("mean", everything)
        for exposure in EXPOSURES[: args.kernels]:
            print_row(f"  exposure {exposure}", everything[everything[:, 4] == exposure])
    unharmed = {name: psnr(restorer.restore_pixels(load(name)), load(name)) for name in names}
    print("\nSharp photos in, PSNR of the output to the input:")
    print("  " + ", ".join(f"{name} {value:.1f}" for name, value in unharmed.items()))
    guard = "without guard" if args.no_guard else "with guard"
    print(f"\n{args.method}, {args.model}, {guard}, engine {restorer.engine.name}")
    print(describe(restorer.engine.precision))


if __name__ == "__main__":
    main()
