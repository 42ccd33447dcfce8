"""Speed of blurring: kernels and convolutions beside plain references, in one run.

python benchmarks/synthesis.py [--runs 7]
"""

import argparse
import statistics
import time
from functools import partial

import numpy as np
from scipy.signal import fftconvolve
from skimage import data
from skimage.transform import resize

from algorithm1 import draw, kernel, play_back, trajectory
from machine import describe
from quick import parse
from unblur.imaging.blur.convolution import convolve
from unblur.imaging.blur.kernels import random_kernels, trajectory_kernels
from unblur.imaging.blur.motion import random_motion
from unblur.imaging.blur.trajectories import PRESETS, draw_numbers

LENGTH_PX, SAMPLES, CANVAS_PX, BATCH = 60.0, 2000, 64, 512


def main():
    """Print every ratio with its two times."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=7)
    runs = parse(parser, runs=1).runs
    print(describe())
    kernels_against_transcription(runs)
    photo = resize(data.astronaut(), (720, 1280), order=1).astype(np.float32)
    convolution_against_scipy(photo, runs)
    for kind in ("rotation", "object"):
        apply = random_motion(kind, rng=np.random.default_rng(0), height=720, width=1280).apply
        milliseconds = 1e3 * median(partial(apply, photo), runs)
        print(f"1280x720 photo, {kind}, 60 px path: {milliseconds:.0f} ms")


def median(work, runs):
    """Median seconds of several runs, after one to warm up."""
    work()
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def kernels_against_transcription(runs):
    """Kernels a second, batched and one step at a time, from the same random numbers."""
    few, side = min(8, runs + 1), CANVAS_PX | 1

    def step_by_step():
        rng = np.random.default_rng(0)
        for _ in range(few):
            kernel(trajectory(draw(rng), samples=SAMPLES, length_px=LENGTH_PX), side)

    def batched():
        rng = np.random.default_rng(0)
        return random_kernels(BATCH, rng=rng, canvas_px=CANVAS_PX, exposure=(1.0,))

    drawn = draw_numbers(few, np.random.default_rng(0), SAMPLES, PRESETS["authors"])
    ours = trajectory_kernels(
        drawn.trace(np.full(few, LENGTH_PX)).transpose(2, 0, 1), canvas_px=CANVAS_PX
    )
    paths = (
        trajectory(play_back(drawn, i), samples=SAMPLES, length_px=LENGTH_PX) for i in range(few)
    )
    difference = max(np.abs(kernel(p, side) - k).max() for p, k in zip(paths, ours, strict=True))
    plain, fast = median(step_by_step, runs) / few, median(batched, runs) / BATCH
    print(
        f"kernels (M={SAMPLES}, canvas {CANVAS_PX}, batch {BATCH}): {1 / fast:.0f} a second, step "
        f"by step {1 / plain:.1f}: {plain / fast:.0f}x; largest difference {difference:.1e}"
    )


def convolution_against_scipy(photo, runs):
    """One photo, one dense kernel, and SciPy's convolution of each channel."""
    rng = np.random.default_rng(0)
    dense = rng.random((CANVAS_PX | 1, CANVAS_PX | 1), dtype=np.float32)
    dense /= dense.sum()
    wide, wide_kernel = photo.astype(np.float64), dense.astype(np.float64)

    def per_channel(photo, kernel):
        return [fftconvolve(photo[..., c], kernel, mode="same") for c in range(3)]

    ours = median(lambda: convolve(photo, dense), runs)
    expected = np.stack(per_channel(photo, dense), axis=2)
    inside = slice(CANVAS_PX, -CANVAS_PX), slice(CANVAS_PX, -CANVAS_PX)
    error = np.abs(convolve(photo, dense) - expected)[inside].max()
    for name, pixels, weights in (("float32", photo, dense), ("float64", wide, wide_kernel)):
        seconds = median(lambda p=pixels, w=weights: per_channel(p, w), runs)
        print(
            f"1280x720 colour photo, dense 65x65 kernel: {1e3 * ours:.1f} ms, fftconvolve per "
            f"channel in {name} {1e3 * seconds:.1f} ms: {seconds / ours:.1f}x"
        )
    print(f"largest difference in the interior {error:.1e}")


if __name__ == "__main__":
    main()
