"""Photos of a validation set before and after, beside the truth, to be looked at.

    python benchmarks/strips.py DIR --strips OUT [--part g] [--kind object ...] [--model auto]
                                [--limit N] [--side 512]

For each photo of a part that validation_set.py has built: a strip of the blurred photo, what a
method makes of it and the sharp one, at full size, of the window in which blurring did most; as
PNG. Beside it the photo's gain in dB (RGB, results rounded to 8 bits, all pixels), the window's,
and what is said about it; in the end the mean gain of each kind of motion.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import scipy.ndimage

from machine import describe
from quick import folder, is_quick, parse, validation_set
from unblur import RestoreOptions, Restorer
from unblur.imaging.photo.photo import Photo, read_photo, write_photo
from unblur.metrics import psnr
from unblur.tasks.methods.blur_estimate import BlurEstimate
from validation_set import PARTS, read_part

STEP_PX = 16
KINDS = ("shake", "rotation", "object", "5 to 14 frames", "15 to 25 frames", "other")
MANY_FRAMES = 15
"""Averages of so many are blurred strongly."""


def most_blurred(blurred: np.ndarray, sharp: np.ndarray, side: int) -> tuple[slice, slice]:
    """The window of a photo that differs most from the sharp one."""
    errors = ((blurred - sharp) ** 2).mean(axis=2)
    height, width = (min(side, own) for own in errors.shape)
    sums = scipy.ndimage.uniform_filter(errors, (height, width), mode="constant")
    whole = sums[height // 2 : errors.shape[0] - (height - 1) // 2 : STEP_PX]
    whole = whole[:, width // 2 : errors.shape[1] - (width - 1) // 2 : STEP_PX]
    top, left = (STEP_PX * int(at) for at in np.unravel_index(whole.argmax(), whole.shape))
    return slice(top, top + height), slice(left, left + width)


def kind_of(done: Mapping[str, Any]) -> str:
    """How a photo was blurred."""
    if "frames" in done:
        return KINDS[-2 if done["frames"] >= MANY_FRAMES else -3]
    kind = str(done.get("kind"))
    return kind if kind in KINDS else KINDS[-1]


def main() -> None:
    """Write the strips, print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path, metavar="DIR", nargs="?" if is_quick() else None)
    parser.add_argument("--strips", type=Path, required=not is_quick(), metavar="OUT")
    parser.add_argument("--part", default="g")
    parser.add_argument("--model", default="auto", help="auto, or a network by name or file")
    parser.add_argument("--kind", action="append", help="of motion; again for more")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--side", type=int, default=512, help="of the windows, px")
    args = parse(
        parser, folder=validation_set, strips=lambda: folder() / "strips", part="a", limit=1
    )
    (part,) = (args.folder / name for name in PARTS if name[0] == args.part[:1])
    network = {} if args.model == "auto" else {"model": args.model}
    method = "network" if network else "auto"
    restorer = Restorer.open(RestoreOptions(method=method, engine="onnx", **network))
    args.strips.mkdir(parents=True, exist_ok=True)
    gains: dict[str, list[float]] = {}
    photos = [each for each in read_part(part).items() if kind_of(each[1]) in (args.kind or KINDS)]
    for name, done in photos[: args.limit]:
        blurred, sharp = (
            read_photo(part / kind / f"{name}.png").pixels.astype(np.float32)
            for kind in ("blur", "sharp")
        )
        said: list[BlurEstimate] = []
        restored = restorer.restore_pixels(blurred, tell=said.append)
        restored = np.rint(np.clip(restored, 0, 1) * 255).astype(np.float32) / np.float32(255)
        window = most_blurred(blurred, sharp, args.side)
        strip = np.concatenate([x[window] for x in (blurred, restored, sharp)], axis=1)
        write_photo(Photo(pixels=strip), args.strips / f"{name}.png", overwrite=True)
        gain, there = (
            psnr(restored[at], sharp[at]) - psnr(blurred[at], sharp[at])
            for at in (np.s_[:], window)
        )
        gains.setdefault(kind_of(done), []).append(gain)
        words = said[-1].words if said else ""
        print(f"{name:32} {kind_of(done):12} {gain:+6.2f} {there:+6.2f}  {words}", flush=True)
    for kind, of in sorted(gains.items()):
        print(f"{kind}, {len(of)}: {np.mean(of):+.2f} dB, worst {min(of):+.2f}")
    print(describe("ONNX Runtime"))


if __name__ == "__main__":
    main()
