"""What the judge learns from: kernels found in blurred photos, what is seen of them, their gain.

    python benchmarks/judge_tries.py PHOTOS -o FILE.jsonl --minutes 60 [--part 1/2] [--seed 1]
                                     [--laboratory | --large]

Photos for validation (by the hash of their names) are left out. Each line is a photo that was
blurred as `unblur data kernels` does, with every kernel that the search found, and the best of
them, as the present judge says, fitted once more, and again: its signals, and the gain over the
blurred photo, in the middle 256 px, of what the network makes of it. The same seed gives the same
lines, but for those that are fitted once more; a later call goes on. With --laboratory: small grey
photos that hold light as it is, with next to no noise, all shaken. With --large: photos of
640 to 1100 px a side, whole, and shakes of up to 160 px.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from quick import folder, is_quick, parse, photos
from unblur import RestoreOptions, Restorer, random_kernels
from unblur.engines import open_engine
from unblur.errors import DataError
from unblur.imaging.blur.blur import blur
from unblur.imaging.deblur.blind import search_blur
from unblur.imaging.deblur.kernel_support import agreement
from unblur.imaging.deblur.known.guide import deconvolved_guide
from unblur.imaging.measure.cells import photo_blur
from unblur.tasks.datasets.tried_photos import TriedPhoto, eight_bits, sharp_part, try_photo
from unblur.tasks.datasets.tries import psnr_inside
from unblur.tasks.methods.choosing.judge import likeliest, measure_kernels, predicted_gains
from unblur.tasks.methods.choosing.refit import refitted
from unblur.tasks.methods.edges import EdgesNetwork
from unblur.tasks.methods.guided import GuidedNetwork
from unblur.weights import find_network
from validation_pairs import ENDINGS, is_held_out

MIDDLE_PX = 256
LABORATORY_PX = 256
VERSION = 3
"""Of the search: it rises when other kernels are found, or fewer."""
AROUND_PX = 64
"""Undone beside the middle, for its borders' sake."""


def middle(shape: tuple[int, ...], side: int) -> tuple[slice, slice]:
    """The middle of a picture, of so many px a side at most."""
    rows, columns = (
        slice(max(0, length - side) // 2, max(0, length - side) // 2 + side) for length in shape[:2]
    )
    return rows, columns


def one(
    tried: TriedPhoto, restorer: Restorer, guided: GuidedNetwork, edges: EdgesNetwork
) -> dict[str, Any]:
    """A line."""
    seen, sharp, truth = tried.blurred, tried.sharp, tried.kernel
    network = restorer.restore_pixels(seen)
    blur_seen = photo_blur(seen)
    search = search_blur(seen, threads=1, networks=edges)
    kernels = list(search.kernels)
    signals: list[dict[str, float]] = []
    if kernels:
        parts = [np.ascontiguousarray(x[search.region]) for x in (seen, network)]
        signals = measure_kernels(parts[0], kernels, parts[1], noise=search.noise, threads=1)
        best = likeliest(kernels, predicted_gains(signals, signals), parts[0])
        again = list(refitted(parts[0], kernels[best], search, guided, threads=1))
        signals += measure_kernels(parts[0], again, parts[1], noise=search.noise, threads=1)
        kernels += again
    wide = middle(seen.shape, MIDDLE_PX + 2 * AROUND_PX)
    around, truly = (np.ascontiguousarray(x[wide]) for x in (seen, sharp))
    inside = middle(around.shape, MIDDLE_PX)
    before = psnr_inside(around[inside], truly[inside])
    rows = []
    for found, seen_of_it in zip(kernels, signals, strict=True):
        guide = deconvolved_guide(
            around,
            found.kernel,
            linear_light=found.linear_light,
            noise=search.noise,
            threads=1,
        )
        guide = np.ascontiguousarray(guide[inside])
        cleaned = guided.restore(np.ascontiguousarray(around[inside]), guide)[..., :3]
        gain = psnr_inside(cleaned, truly[inside]) - before
        row: dict[str, Any] = {"signals": seen_of_it, "gain": gain}
        if truth is not None:
            row["alike"] = agreement(found.kernel, truth)
        rows.append(row)
    plain = psnr_inside(network[wide][inside], truly[inside]) - before
    return {
        **tried.facts,
        "blurred": before,
        "network": plain,
        "searched": len(search.kernels),
        "length_seen": None if blur_seen is None else blur_seen.length_px,
        "kernels": rows,
    }


def try_laboratory(photo: Path, rng: np.random.Generator) -> TriedPhoto:
    """A photo as benchmarks take it."""
    sharp = sharp_part(photo, rng, as_light=True)
    rows, columns = middle(sharp.shape, LABORATORY_PX)
    sharp = eight_bits(np.repeat(sharp[rows, columns].mean(axis=2, keepdims=True), 3, axis=2))
    length, noise = float(rng.choice([20, 30, 40, 60])), float(rng.choice([0, 0.3, 0.5, 1]))
    exposure = float(rng.choice([0.5, 1]))
    kernel = random_kernels(1, rng=rng, length_px=length, exposure=(exposure,), canvas_px=128)[0]
    seen = blur(sharp, kernel, linear_light=False, noise_sigma=noise / 255, rng=rng)
    facts = {"photo": photo.name, "kind": "laboratory", "noise": noise, "light": False}
    facts |= {"length": length, "exposure": exposure}
    return TriedPhoto(blurred=eight_bits(seen), sharp=sharp, kernel=kernel, facts=facts)


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


def rounded(value: Any) -> Any:
    """Floats of six digits, however deep."""
    if isinstance(value, dict):
        return {key: rounded(each) for key, each in value.items()}
    if isinstance(value, list):
        return [rounded(each) for each in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


def main() -> None:
    """Write the lines that are missing, until the time is over."""
    parser = argparse.ArgumentParser()
    parser.add_argument("photos", type=Path, nargs="?" if is_quick() else None)
    parser.add_argument("-o", "--out", type=Path, required=not is_quick())
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--part", default="1/1", help="2/3: the second of three processes")
    parser.add_argument("--laboratory", action="store_true")
    parser.add_argument("--large", action="store_true")
    args = parse(parser, photos=photos, out=lambda: folder() / "tries.jsonl", minutes=0.05)
    there = args.out.read_text(encoding="utf-8").splitlines() if args.out.exists() else []
    known = {(each["seed"], each["number"]) for each in map(json.loads, there)}
    restorer = Restorer.open(
        RestoreOptions(method="network", threads=1, precision="fp32", guard=False)
    )
    guided = GuidedNetwork(open_engine(find_network("guided"), precision="fp32", threads=1))
    edges = EdgesNetwork.bundled(lambda file: open_engine(file, precision="fp32", threads=1))
    with args.out.open("a", encoding="utf-8") as lines:
        for number, photo, rng in drawn(args, lambda number: (args.seed, number) in known):
            try:
                tried = (
                    try_laboratory(photo, rng)
                    if args.laboratory
                    else try_photo(photo, rng, large=args.large)
                )
            except DataError:  # too small a photo for a large try
                continue
            made = one(tried, restorer, guided, edges)
            line = {"version": VERSION, "seed": args.seed, "number": number, **made}
            lines.write(json.dumps(rounded(line)) + "\n")
            lines.flush()


if __name__ == "__main__":
    main()
