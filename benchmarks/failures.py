"""The picture of where the default network fails, for its model card.

    python benchmarks/failures.py [--model NAME|FILE.onnx] [--out docs/figures/failures.jpg]

Parts of scikit-image's photos, which no training has seen; a row each, from left to right what goes
in, what comes out and what is true: a long shake, an object that moved, a sharp photo of a soft
wall, and one out of focus. Under the picture's path: what each gained, in dB over all of the photo;
of the sharp photo, PSNR of the output to the input.
"""

import argparse
from pathlib import Path

import numpy as np

import unblur
from held_out import load
from machine import describe
from quick import folder, parse
from unblur.imaging.blur.motion import random_motion
from unblur.imaging.photo.photo import Photo, write_photo
from unblur.metrics import psnr
from unblur.tasks.restore.options import RestoreOptions
from unblur.tasks.restore.restorer import Restorer

PART_PX = 224
DISC_PX = 4.0


def long_shake() -> tuple[np.ndarray, np.ndarray]:
    """All of a 60 px path."""
    sharp = load("astronaut")
    kernel = unblur.random_kernels(1, rng=np.random.default_rng(3), exposure=(1.0,))[0]
    return spoiled(sharp, kernel), sharp


def moving_object() -> tuple[np.ndarray, np.ndarray]:
    """A part of the photo moves over the rest."""
    sharp = load("coffee")
    height, width = sharp.shape[:2]
    rng = np.random.default_rng(5)
    motion = random_motion("object", rng=rng, height=height, width=width, length_px=40.0)
    return spoiled(sharp, motion), sharp


def soft_wall() -> tuple[np.ndarray, np.ndarray]:
    """Nobody shook it."""
    return load("brick"), load("brick")


def out_of_focus() -> tuple[np.ndarray, np.ndarray]:
    """A disc in place of every point."""
    sharp = load("chelsea")
    reach = np.arange(-int(DISC_PX), int(DISC_PX) + 1)
    disc = (np.hypot(*np.meshgrid(reach, reach)) <= DISC_PX).astype(np.float32)
    return spoiled(sharp, disc / disc.sum()), sharp


def spoiled(sharp: np.ndarray, blur: object) -> np.ndarray:
    """Blurred in light, with noise, in 8 bits."""
    rng = np.random.default_rng(1)
    blurred = unblur.blur(sharp, blur, linear_light=True, noise_sigma=1 / 255, rng=rng)
    return np.round(blurred * 255).astype(np.float32) / 255


CASES = {
    "long shake": (long_shake, (60, 130)),
    "object that moved": (moving_object, (120, 200)),
    "soft wall, sharp": (soft_wall, (100, 100)),
    "out of focus": (out_of_focus, (40, 120)),
}
"""What makes each, and the top left corner of the part that is shown."""


def main() -> None:
    """Write the picture and print the gains."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="fast")
    parser.add_argument("--out", type=Path, default=Path("docs/figures/failures.jpg"))
    args = parse(parser, out=lambda: folder() / "failures.jpg")
    restorer = Restorer.open(RestoreOptions(method="network", model=args.model, engine="onnx"))
    rows, words = [], []
    for name, (make, (top, left)) in CASES.items():
        blurred, sharp = make()
        restored = restorer.restore_pixels(blurred)
        part = np.s_[top : top + PART_PX, left : left + PART_PX]
        rows.append(np.concatenate([x[part] for x in (blurred, restored, sharp)], axis=1))
        after = psnr(restored, sharp)
        kept = np.array_equal(blurred, sharp)
        words.append(f"{name}: {after:.1f} dB" if kept
                     else f"{name}: {after - psnr(blurred, sharp):+.2f} dB")  # fmt: skip
    write_photo(Photo(pixels=np.concatenate(rows)), args.out, overwrite=True)
    print(args.out, *words, describe("fp32"), sep="\n")


if __name__ == "__main__":
    main()
