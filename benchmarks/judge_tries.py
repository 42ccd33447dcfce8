"""Tries for the judge: photos blurred in known ways, and what every hypothesis about them gains.

    python benchmarks/judge_tries.py PHOTOS -o tries.jsonl --count 400 [--part 1/2]

Photos for validation (validation_photos.txt: by the hash of their names) are left out. Each try is
a part of at most 512 px of a photo, blurred in light by Algorithm 1 with paths of every length and
exposure, or rolled, or with an object that moves, or out of focus, or not at all; noise of 0 to
5/255, half of the time JPEG of quality 60 to 100. A line holds what was done, the gain of the
network, and for every hypothesis its signals and its gain, PSNR of brightness, sRGB-encoded. The
same seed gives the same lines; lines that are there are not made again.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

import unblur
from unblur.imaging.blur.blur import blur
from unblur.imaging.blur.motion import random_motion
from unblur.imaging.deblur.blind import search_blur
from unblur.imaging.deblur.signals import agreement
from unblur.imaging.light import linear_to_srgb, srgb_to_linear
from unblur.imaging.photo.photo import Photo, encode_photo, read_photo
from unblur.imaging.pyramid import resize
from unblur.tasks.methods.judge import with_network
from unblur.tasks.restore.options import RestoreOptions
from unblur.tasks.restore.restorer import Restorer
from validation_pairs import ENDINGS, is_held_out

KINDS = ("shake", "rotation", "object", "out of focus", "sharp")
SHARES = (0.66, 0.1, 0.08, 0.07, 0.09)
SIDE = 512
EDGE = 8


def make(photo: Path, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    """A blurred and a sharp part of a photo, and what was done."""
    sharp = read_photo(photo).pixels.astype(np.float32)
    height, width, _ = sharp.shape
    scale = rng.uniform(max(0.5, 300 / min(height, width)), 1) if min(height, width) > 300 else 1
    sharp = resize(sharp, round(height * scale), round(width * scale))
    top, left = (int(rng.integers(0, max(0, side - SIDE) + 1)) for side in sharp.shape[:2])
    sharp = np.ascontiguousarray(sharp[top : top + SIDE, left : left + SIDE])
    kind = str(rng.choice(KINDS, p=SHARES))
    noise = float(rng.choice([0.0, 1.0, 1.0, 2.0, 3.0, 5.0])) / 255
    done: dict[str, Any] = {"photo": photo.name, "kind": kind, "noise": round(noise * 255, 1)}
    kernel = np.ones((1, 1), np.float32)
    motion: Any = kernel
    if kind == "shake":
        length = float(rng.choice([20, 40, 60, 60, 90]))
        exposure = float(rng.choice([0.1, 0.25, 0.5, 1.0]))
        kernel = unblur.random_kernels(
            1, rng=rng, length_px=length, exposure=(exposure,), canvas_px=128
        )[0]
        motion = kernel
        done |= {"length": length, "exposure": exposure}
    elif kind in {"rotation", "object"}:
        height, width, _ = sharp.shape
        exposure = float(rng.choice([0.1, 0.5, 1.0]))
        motion = random_motion(kind, rng=rng, height=height, width=width, exposure=exposure)
    elif kind == "out of focus":
        away, radius = np.arange(-7, 8), rng.uniform(1, 6)
        disc = np.clip(radius + 0.5 - np.hypot(away[:, None], away), 0, 1).astype(np.float32)
        motion = disc / disc.sum()
    light = bool(rng.uniform() < 0.85)
    blurred = blur(sharp, motion, linear_light=light, noise_sigma=noise, rng=rng)
    blurred = np.rint(np.clip(blurred, 0, 1) * 255).astype(np.float32) / np.float32(255)
    if rng.uniform() < 0.5:
        done["jpeg"] = int(rng.integers(60, 101))
        data = encode_photo(Photo(pixels=blurred), "jpeg", quality=done["jpeg"])
        blurred = read_photo(data).pixels.astype(np.float32)
    done["light"] = light
    done["kernel"] = kernel
    return blurred, sharp, done


def score(restored: np.ndarray, sharp: np.ndarray) -> float:
    """PSNR of two planes, 8 bits, away from the borders."""
    inside = (slice(EDGE, -EDGE),) * 2
    codes = [np.rint(np.clip(x[inside], 0, 1) * 255) / 255 for x in (restored, sharp)]
    return float(-10 * np.log10(np.mean((codes[0] - codes[1]) ** 2, dtype=np.float64) + 1e-10))


def tried(photo: Path, rng: np.random.Generator, restorer: Restorer) -> dict[str, Any]:
    """One line."""
    blurred, sharp, done = make(photo, rng)
    truth = done.pop("kernel")
    network = restorer.restore_pixels(blurred)
    found = search_blur(blurred, threads=1)
    grey = [
        linear_to_srgb(srgb_to_linear(x[found.region]).mean(axis=2, dtype=np.float32))
        for x in (blurred, sharp, network)
    ]
    before = score(grey[0], grey[1])
    rows = []
    for hypothesis in found.hypotheses:
        signals = with_network(hypothesis, found, network[found.region])
        gain = score(hypothesis.deblurred, grey[1]) - before
        rows.append(
            {
                "gain": round(gain, 3),
                "alike": round(agreement(hypothesis.kernel, truth), 3),
                "signals": {name: float(f"{value:.5g}") for name, value in signals.items()},
            }
        )
    return {
        **done,
        "blurred": round(before, 3),
        "network": round(score(grey[2], grey[1]) - before, 3),
        "tries": rows,
    }


def main() -> None:
    """Write the lines that are missing."""
    parser = argparse.ArgumentParser()
    parser.add_argument("photos", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--part", default="1/1", help="2/3: the second of three processes")
    args = parser.parse_args()
    part, parts = map(int, args.part.split("/"))
    photos = [path for path in args.photos.iterdir() if path.suffix.lower() in ENDINGS]
    photos = sorted(path for path in photos if not is_held_out(path.name))
    there = set()
    if args.out.exists():
        lines = args.out.read_text(encoding="utf-8").splitlines(keepends=True)
        there = {json.loads(line)["number"] for line in lines if line.endswith("\n")}
    restorer = Restorer.open(RestoreOptions(threads=1, precision="fp32"))
    with args.out.open("a", encoding="utf-8") as stream:
        for number in range(part - 1, args.count, parts):
            if number in there:
                continue
            rng = np.random.default_rng([args.seed, number])
            photo = photos[int(rng.integers(len(photos)))]
            line = {"number": number, **tried(photo, rng, restorer)}
            stream.write(json.dumps(line) + "\n")
            stream.flush()


if __name__ == "__main__":
    main()
