"""Classical methods against the network, on the photos and kernels of held_out.py.

    python benchmarks/methods.py [--kernels 6] [--strips DIR]

Blurred by Algorithm 1, noise sigma 1/255, 8 bit; once light and once encoded values were blurred,
and the classical methods restore the same of the two. "true" has the kernel that blurred the
photo, "guess" a Gaussian. Means over photos and kernels; PSNR in dB; "worst" is the least gain of
a photo in dB; seconds a megapixel (of 3 channels) from the same run.
"""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter

import numpy as np

import unblur
from held_out import EXPOSURES, PHOTOS, load
from machine import describe
from quick import parse
from unblur.imaging.deblur.classical import deconvolve
from unblur.imaging.photo.photo import Photo, write_photo
from unblur.metrics import psnr, ssim
from unblur.tasks.restore.options import RestoreOptions
from unblur.tasks.restore.restorer import Restorer

Method = Callable[[np.ndarray, np.ndarray], np.ndarray]


def blind(method: str, linear_light: bool, blurred: np.ndarray, _: np.ndarray) -> np.ndarray:
    """Restore without the kernel."""
    return deconvolve(blurred, method, linear_light=linear_light)


def known(method: str, linear_light: bool, blurred: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Restore with the kernel that blurred the photo."""
    return deconvolve(blurred, method, kernel, linear_light=linear_light)


def contestants(restorer: Restorer, linear_light: bool) -> dict[tuple[str, str], Method]:
    """What is compared, by name and kernel."""
    with_kernel = ("wiener", "unsupervised-wiener", "richardson-lucy")
    without = ("unsupervised-wiener", "richardson-lucy", "unsharp-mask")
    return {
        ("blurred", ""): lambda blurred, _: blurred,
        **{(name, "true"): partial(known, name, linear_light) for name in with_kernel},
        **{
            (name, "" if name == "unsharp-mask" else "guess"): partial(blind, name, linear_light)
            for name in without
        },
        ("network fast", ""): lambda blurred, _: restorer.restore_pixels(blurred),
    }


def score(
    methods: dict[tuple[str, str], Method],
    name: str,
    *,
    kernels: int,
    linear_light: bool,
    strips: Path | None,
) -> np.ndarray:
    """PSNR, SSIM and seconds a megapixel, (kernels, methods, 3)."""
    sharp = load(name)
    rng = np.random.default_rng([2026, PHOTOS.index(name)])  # as held_out.py draws them
    rows = np.empty((kernels, len(methods), 3))
    for index in range(kernels):
        exposure = EXPOSURES[index % len(EXPOSURES)]
        kernel = unblur.random_kernels(1, rng=rng, exposure=(exposure,))[0]
        blurred = unblur.blur(
            sharp, kernel, linear_light=linear_light, noise_sigma=1 / 255, rng=rng
        )
        blurred = np.round(blurred * 255).astype(np.float32) / 255
        shown = []
        for column, method in enumerate(methods.values()):
            start = perf_counter()
            restored = method(blurred, kernel)
            seconds = perf_counter() - start
            megapixels = sharp.shape[0] * sharp.shape[1] / 1e6
            rows[index, column] = psnr(restored, sharp), ssim(restored, sharp), seconds / megapixels
            shown.append(restored)
        if strips:
            strips.mkdir(parents=True, exist_ok=True)
            half = -(-(len(shown) + 1) // 2)
            shown += [sharp] * (2 * half - len(shown))
            strip = [np.concatenate(part, axis=1) for part in (shown[:half], shown[half:])]
            target = strips / f"{name}-{'light' if linear_light else 'encoded'}-{index}.png"
            write_photo(Photo(pixels=np.concatenate(strip)), target, overwrite=True)
    return rows


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kernels", type=int, default=6)
    parser.add_argument("--photos", type=int, help="so many of the photos")
    parser.add_argument("--strips", type=Path)
    args = parse(parser, kernels=1, photos=1)
    restorer = Restorer.open(RestoreOptions(method="network"))
    names = PHOTOS[: args.photos]
    for linear_light in (True, False):
        methods = contestants(restorer, linear_light)
        rows = np.concatenate(
            [
                score(
                    methods,
                    name,
                    kernels=args.kernels,
                    linear_light=linear_light,
                    strips=args.strips,
                )
                for name in names
            ]
        )
        print(f"\nBlurred {'light' if linear_light else 'encoded values'}, "
              f"{len(names)} photos x {args.kernels} kernels\n")  # fmt: skip
        print("| method | kernel | PSNR, dB | worst | SSIM | s a megapixel |")
        print("|---|---|---|---|---|---|")
        for column, (name, kernel) in enumerate(methods):
            quality, similarity, seconds = rows[:, column].mean(axis=0)
            worst = (rows[:, column, 0] - rows[:, 0, 0]).min()
            speed = f"{seconds:.2f}" if column else ""
            print(f"| {name} | {kernel} | {quality:.2f} | {worst:+.2f} | {similarity:.3f} "
                  f"| {speed} |")  # fmt: skip
    engine = restorer.engine
    dtype = f"network in {engine.precision}, the rest in float32"
    print(f"\nEngine {engine.name}; {describe(dtype)}")


if __name__ == "__main__":
    main()
