"""How fast pairs are scored, beside scikit-image called in a loop; the same numbers.

    python benchmarks/scoring.py [--pairs 100] [--size 1280x720]

PSNR and SSIM of pairs in memory. scikit-image gets the 8-bit arrays that it would read and one
pair after the other; unblur the floats that photos are in here, from as many threads as there
are cores. Both take turns, so that other load on the machine meets both; seconds of the processor
tell what is left of the ratio without threads. Prints ratios and the largest difference.
"""

import argparse
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter, process_time

import numpy as np
import skimage.data
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from machine import describe
from quick import parse
from unblur.devices import cores
from unblur.metrics import score

TURN = 4
"""Pairs that one of the two scores before the other has its turn."""


def make_pair(index: int, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """A photo and one with other noise, (H, W, 3) codes of 8 bits."""
    photo = skimage.data.astronaut()
    tiles = [-(-side // 512) for side in (height, width)]
    sharp = np.tile(photo, (*tiles, 1))[:height, :width]
    sharp = np.roll(sharp, 37 * index, axis=1)
    noise = np.random.default_rng(index).normal(0, 2 + index % 10, sharp.shape)
    return np.clip(np.round(sharp + noise), 0, 255).astype(np.uint8), sharp


def theirs(restored: np.ndarray, sharp: np.ndarray) -> tuple[float, float]:
    """By scikit-image, with the constants of the paper."""
    similarity = structural_similarity(
        restored, sharp, channel_axis=2, gaussian_weights=True, sigma=1.5,
        use_sample_covariance=False, data_range=255,
    )  # fmt: skip
    return peak_signal_noise_ratio(sharp, restored, data_range=255), similarity


def ours(pair: tuple[np.ndarray, np.ndarray]) -> tuple[float, float]:
    """By unblur."""
    scores = score(*pair, ("psnr", "ssim"))
    return scores["psnr"], scores["ssim"]


def main() -> None:
    """Print the ratio."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--size", default="1280x720")
    args = parse(parser, pairs=2, size="320x240")
    width, height = map(int, args.size.split("x"))
    seconds, busy = np.zeros(2), np.zeros(2)
    rows: list[list[tuple[float, float]]] = [[], []]
    with ThreadPoolExecutor(cores()) as pool:
        for start in range(0, args.pairs, TURN):
            count = min(TURN, args.pairs - start)
            codes = [make_pair(start + i, width, height) for i in range(count)]
            floats = [tuple(x.astype(np.float32) / np.float32(255) for x in c) for c in codes]
            clock = [(perf_counter(), process_time())]
            rows[0] += [theirs(*pair) for pair in codes]
            clock.append((perf_counter(), process_time()))
            rows[1] += list(pool.map(ours, floats))
            clock.append((perf_counter(), process_time()))
            seconds += np.diff([each[0] for each in clock])
            busy += np.diff([each[1] for each in clock])
    worst = np.abs(np.subtract(*rows)).max(axis=0)
    print(f"\nPSNR and SSIM of {args.pairs} pairs of {args.size}\n")
    print("| | pairs a second | seconds of the processor a pair |\n|---|---|---|")
    names = ("scikit-image, in a loop", f"unblur, {cores()} threads")
    for name, spent, worked in zip(names, seconds, busy, strict=True):
        print(f"| {name} | {args.pairs / spent:.2f} | {worked / args.pairs:.3f} |")
    print(f"\nRatio {seconds[0] / seconds[1]:.1f}, of the processor's seconds "
          f"{busy[0] / busy[1]:.1f}; largest differences: PSNR {worst[0]:.1e} dB, "
          f"SSIM {worst[1]:.1e}")  # fmt: skip
    print(describe("float64"))


if __name__ == "__main__":
    main()
