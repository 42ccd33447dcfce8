"""SinGAN: our schedule against the authors' loop, and what either restores.

    python benchmarks/singan.py --compare [--photo NAME|FILE] [--max-size 64] [--scales 4]
                                [--iterations 2000] [--threads 1]
    python benchmarks/singan.py --cost [--max-size 250] [--scales 8]
    python benchmarks/singan.py --restore [--photos FOLDER] [--count 20] [--side 640]
                                [--max-size 250] [--steps 1 2 3] [--cache DIR] [--strips DIR]

`--compare` fits one photo twice in this process, scale by scale in turns: by singan_official.py, a
plain transcription of the authors' loop with the published schedule, and by `unblur singan fit` as
it is by default. Seconds and the PSNR of the reconstruction, on which deblurring builds, at every
scale; `distance` is that of the patches of eight random samples to the photo's.

`--cost` times a few iterations of every scale in both ways, in turns, and multiplies them by the
number of iterations: what the whole would take, in hours and in minutes.

`--restore` fits a pyramid to the reference of each pair of reference_set.py, restores the blurred
photo with it, from either start, and prints means beside those of the blurred photo, of `fast`
and of `unblur restore --reference` with a sharp and with a noisy second shot. Fitted pyramids and
scores are kept in --cache: a run that was stopped goes on. The table of docs/second-shot.md is
`--restore --count 20 --iterations 300`.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch

from held_out import load
from machine import describe
from quick import folder, parse
from reference_set import noisy_pairs, pairs
from singan_official import Official
from unblur.devices import keep_freed_memory
from unblur.imaging.measure.patch_statistics import patch_distance
from unblur.imaging.photo.photo import Photo, read_photo, write_photo
from unblur.imaging.pyramid import pyramid_sizes, resize
from unblur.imaging.register.reference import restore_with_reference
from unblur.metrics import psnr, ssim
from unblur.models.singan import SinGAN
from unblur.tasks.restore.options import RestoreOptions
from unblur.tasks.restore.restorer import Restorer
from unblur.tasks.singan.file import read_scene
from unblur.tasks.singan.fit import fit, to_pictures, to_pixels
from unblur.tasks.singan.options import SinGANOptions, fast_options
from unblur.tasks.singan.scale import ScaleFit
from unblur.tasks.singan.use import STARTS, SinGANRestoreOptions, restore_pixels

SAMPLES = 8
FEW = 6
ELSEWHERE = (
    "| SinGAN, section 4, 100 photos of GoPro, as published | 15.3 | | 0.52 |",
    "| parallax between the shots | not tried: these shots differ by a homography | | |",
    "| pairs from a real camera | not tried: none with a known truth is at hand | | |",
)
"""What stands below the rows of our own."""


def compare(arguments: argparse.Namespace) -> None:
    """Fit a photo in both ways."""
    torch.manual_seed(arguments.seed)
    pixels = picture(arguments.photo)
    sizes = pyramid_sizes(
        *pixels.shape[:2], scales=arguments.scales, max_size_px=arguments.max_size
    )
    levels = [resize(pixels, *size) for size in sizes]
    official = Official([to_pictures(level) for level in levels], arguments.iterations)
    options = fast_options(scales=arguments.scales, max_size_px=arguments.max_size)
    gan, critic = SinGAN(sizes), None
    print("| scale | px | official s | fast s | x | official dB | fast dB | distance | |")
    print("|---|---|---|---|---|---|---|---|---|")
    total = np.zeros(2)
    for scale, seconds in enumerate(official.fit()):
        started = time.perf_counter()
        fitted = ScaleFit(gan, scale, to_pictures(levels[scale]), options, critic)
        fitted.advance(options.iterations_of(scale))
        critic = fitted.critic
        both = np.array([seconds, time.perf_counter() - started])
        total += both
        with torch.no_grad():
            rebuilt = official.reconstruction(on=False), gan.reconstruct(scale + 1)
            drawn = (
                [official.random(on=False) for _ in range(SAMPLES)],
                [
                    gan.sample(scale + 1, 1, torch.Generator().manual_seed(n))
                    for n in range(SAMPLES)
                ],
            )
        decibels = [psnr(to_pixels(x), levels[scale]) for x in rebuilt]
        distances = [
            np.mean([patch_distance(to_pixels(x), levels[scale]) for x in each]) for each in drawn
        ]
        row = f"| {scale} | {sizes[scale][1]}x{sizes[scale][0]} | {both[0]:.0f} | {both[1]:.0f} "
        row += f"| {both[0] / both[1]:.1f} | {decibels[0]:.2f} | {decibels[1]:.2f} "
        print(row + f"| {distances[0]:.3f} | {distances[1]:.3f} |", flush=True)
    print(f"| all | | {total[0]:.0f} | {total[1]:.0f} | {total[0] / total[1]:.1f} | | | | |")


def cost(arguments: argparse.Namespace) -> None:
    """Time a few iterations of every scale in both ways, and multiply by the schedules."""
    pixels = picture(arguments.photo)
    sizes = pyramid_sizes(
        *pixels.shape[:2], scales=arguments.scales, max_size_px=arguments.max_size
    )
    levels = [to_pictures(resize(pixels, *size)) for size in sizes]
    published, options = SinGANOptions(), fast_options(scales=arguments.scales)
    official, gan, critic = Official(levels, FEW), SinGAN(sizes), None
    print("| scale | px | official s/iteration | fast s/iteration | official h | fast min |")
    print("|---|---|---|---|---|---|")
    total = np.zeros(2)
    for scale, seconds in enumerate(official.fit()):
        fitted = ScaleFit(gan, scale, levels[scale], options, critic)
        fitted.advance(1)
        started = time.perf_counter()
        fitted.advance(FEW)
        each = np.array([seconds / FEW, (time.perf_counter() - started) / FEW])
        critic = fitted.critic
        whole = each * (published.iterations, options.iterations_of(scale))
        total += whole
        row = f"| {scale} | {sizes[scale][1]}x{sizes[scale][0]} | {each[0]:.3f} | {each[1]:.3f} "
        print(row + f"| {whole[0] / 3600:.2f} | {whole[1] / 60:.1f} |", flush=True)
    print(f"| all | | | | {total[0] / 3600:.1f} | {total[1] / 60:.1f} |")
    print(f"\n{total[0] / total[1]:.0f} times")


def restore(arguments: argparse.Namespace) -> None:
    """Restore the blurred photos of pairs: the table of the second and of the third paper."""
    options = fast_options(max_size_px=arguments.max_size, scales=arguments.scales)
    if arguments.iterations != SinGANOptions().iterations:
        shorter = {"iterations": arguments.iterations, "coarse_iterations": arguments.iterations}
        options = fast_options(**options.as_dict() | shorter)
    arguments.cache.mkdir(parents=True, exist_ok=True)
    fast, rows = Restorer.open(RestoreOptions(method="network")), []
    drawn = (arguments.count, arguments.seed, arguments.photos)
    both = zip(pairs(*drawn, side=arguments.side), noisy_pairs(*drawn, side=arguments.side),
               strict=True)  # fmt: skip
    asked = json.dumps([drawn[1:], arguments.side, arguments.steps, options.as_dict()], default=str)
    for index, ((name, sharp, blurred, reference), (*_, noisy)) in enumerate(both):
        done = arguments.cache / f"{name}.json"
        known = json.loads(done.read_text(encoding="utf-8")) if done.exists() else {}
        if known.get("asked") != asked:
            write_photo(Photo(pixels=reference), arguments.cache / f"{name}.png", overwrite=True)
            file = arguments.cache / f"{name}.singan"
            in_one_go = not file.exists()
            started = time.perf_counter()
            fit(arguments.cache / f"{name}.png", file, options, resume=True)
            seconds = time.perf_counter() - started
            results = {"blurred input": blurred, "fast": fast.restore_pixels(blurred)}
            for start in STARTS:
                for steps in arguments.steps:
                    how = SinGANRestoreOptions(start=start, steps=steps)
                    restored = restore_pixels(read_scene(file), blurred, how)
                    results[f"`singan restore`, {start}, {steps}"] = restored
            alone = results["fast"]
            for kind, second in (("sharp", reference), ("noisy", noisy)):
                found = restore_with_reference(blurred, second, lambda out=alone: out, kind)
                results[f"with a {kind} second shot"] = found.pixels
            scores = {title: [psnr(x, sharp), ssim(x, sharp)] for title, x in results.items()}
            known = {"asked": asked, "seconds": seconds if in_one_go else None, "scores": scores}
            done.write_text(json.dumps(known), encoding="utf-8")
            if arguments.strips is not None:
                arguments.strips.mkdir(parents=True, exist_ok=True)
                strip = np.concatenate([*results.values(), sharp], axis=1)
                write_photo(Photo(pixels=strip), arguments.strips / f"{name}.png", overwrite=True)
        rows.append(known)
        took = known["seconds"]
        print(f"{index + 1}: {name}, {'resumed' if took is None else f'{took:.0f} s'}", flush=True)
    seconds = np.median([row["seconds"] for row in rows if row["seconds"] is not None] or np.nan)
    print(f"\n{len(rows)} scenes, {options.iterations} iterations a scale, {seconds:.0f} s a scene")
    print("| method | PSNR, dB | gain (lowest, highest) | SSIM |\n|---|---|---|---|")
    for title in rows[0]["scores"]:
        scores = np.array([row["scores"][title] for row in rows])
        gains = scores[:, 0] - [row["scores"]["blurred input"][0] for row in rows]
        spread = f"{gains.mean():+.2f} ({gains.min():+.2f}, {gains.max():+.2f})"
        print(f"| {title} | {scores[:, 0].mean():.2f} | {spread} | {scores[:, 1].mean():.3f} |")
    for line in ELSEWHERE:
        print(line)


def picture(name: str) -> np.ndarray:
    """A photo of scikit-image's by its name, or a file."""
    return read_photo(name).pixels.astype(np.float32) if Path(name).is_file() else load(name)


def main() -> None:
    """Print the tables that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--compare", action="store_true")
    parser.add_argument("--cost", action="store_true")
    parser.add_argument("--restore", action="store_true")
    parser.add_argument("--photo", default="coffee")
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--max-size", type=int, default=250)
    parser.add_argument("--side", type=int, default=640)
    parser.add_argument("--scales", type=int, default=8)
    parser.add_argument("--iterations", type=int, default=2000)
    parser.add_argument("--steps", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--cache", type=Path, default=Path("runs/singan"))
    parser.add_argument("--strips", type=Path)
    arguments = parse(
        parser,
        cost=True,
        restore=True,
        count=1,
        side=96,
        max_size=32,
        scales=2,
        iterations=4,
        steps=[1],
        cache=folder,
    )
    keep_freed_memory()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    print(describe("float32 and bfloat16"), f"{torch.get_num_threads()} threads", sep="; ")
    if arguments.compare:
        compare(arguments)
    if arguments.cost:
        cost(arguments)
    if arguments.restore:
        restore(arguments)


if __name__ == "__main__":
    main()
