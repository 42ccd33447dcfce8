"""Ripples along the edges of what is restored, by what the photo is thought to be surrounded by.

    python benchmarks/surroundings.py

The photos of held_out.py, shaken in light by all of a 60 px path, noise 1/255, true kernels. What
lies beyond the edges blurred into the photo, as a camera has it: the middle of each is cut out of
the blurred one. Gain of light over the blurred photo in dB, by distance from the edge, where the
surroundings are mirrored and where they are such that the kernel can have blurred them; seconds.
"""

import argparse
import time
from itertools import pairwise

import numpy as np

import unblur
from held_out import PHOTOS, load
from machine import describe
from quick import parse
from unblur.imaging.deblur.known.natural import Deconvolution
from unblur.imaging.light import srgb_to_linear

NOISE = 1 / 255
CUT_PX = 48
BANDS_PX = (0, 8, 16, 32, 10_000)


def distance(shape: tuple[int, int]) -> np.ndarray:
    """How far each pixel is from the nearest edge."""
    down, right = (np.minimum(np.arange(side), side - 1 - np.arange(side)) for side in shape)
    nearest: np.ndarray = np.minimum(down[:, None], right)
    return nearest


def by_band(error: np.ndarray) -> np.ndarray:
    """PSNR in each of the bands, and of all."""
    away = distance((error.shape[0], error.shape[1]))
    squares = np.square(error)
    means = [squares[(away >= low) & (away < high)].mean() for low, high in pairwise(BANDS_PX)]
    levels: np.ndarray = -10 * np.log10([*means, squares.mean()])
    return levels


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--limit", type=int)
    limit = parse(parser, limit=1).limit
    inside = (slice(CUT_PX, -CUT_PX),) * 2
    errors: dict[str, list[np.ndarray]] = {"blurred": [], "mirrored": [], "fitted": []}
    seconds = dict.fromkeys(errors, 0.0)
    for place, name in enumerate(PHOTOS[:limit]):
        sharp = load(name)
        rng = np.random.default_rng([2027, place])
        kernel = unblur.random_kernels(1, rng=rng, exposure=(1.0,))[0]
        blurred = unblur.blur(sharp, kernel, noise_sigma=NOISE, rng=rng)
        true, seen = (
            np.ascontiguousarray(srgb_to_linear(x)[inside].mean(axis=2)) for x in (sharp, blurred)
        )
        errors["blurred"].append(by_band(seen - true))
        for way in ("mirrored", "fitted"):
            started = time.perf_counter()
            undo = Deconvolution(seen.shape, kernel, surround=way == "fitted")
            restored = undo.plane(seen, noise=NOISE)
            seconds[way] += time.perf_counter() - started
            errors[way].append(by_band(restored - true))
    before = np.array(errors.pop("blurred"))
    names = [f"{low} to {high} px" for low, high in pairwise(BANDS_PX[:-1])]
    print(
        f"| surroundings | {' | '.join(names)} | farther | all | s |\n|{'---|' * (len(names) + 4)}"
    )
    for way, levels in errors.items():
        gains = (np.array(levels) - before).mean(axis=0)
        told = " | ".join(f"{gain:+.2f}" for gain in gains)
        print(f"| {way} | {told} | {seconds[way] / len(before):.2f} |")
    print(f"{len(before)} photos; {describe('fp32')}")


if __name__ == "__main__":
    main()
