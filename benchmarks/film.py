"""How much sharper the frames of a film become, and whether it flickers more than it did.

    python benchmarks/film.py FRAMES [--each 11 19 25] [--share 1/3]

Films are made of a fast video's frames: each of theirs is the mean of so many, one after the
other, as a slower camera would have seen them; the middle one is the truth. Only the last share of
the video is used; `fast` has learned from the first two thirds of one that is known. Each film is
restored by `fast` at its own size, and as `unblur video` restores it, at scales that suit the blur
of the last frames; both held steady. Gain over the blurred frames in dB, RGB; flicker as `unblur
video` tells it; of the true frames that, too, and how much they change from one to the next, in
changes of the blurred ones; processor time for a frame, in those of the first way.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np

from machine import describe
from quick import frames as quick_frames
from quick import is_quick, parse
from unblur import RestoreOptions, Restorer
from unblur.imaging.photo.photo import read_photo
from unblur.imaging.video.frames import Frame, Frames, Unreadable, open_folder
from unblur.metrics import psnr
from unblur.tasks.datasets.average import average
from unblur.tasks.datasets.windows import AverageOptions
from unblur.tasks.video.flicker import Steadier
from unblur.tasks.video.restore import for_film

FASTEST_PX = 9.0


def last_share(frames: Frames, share: Fraction) -> Iterator[Frame | Unreadable]:
    """The frames from which films are made."""
    first = round((1 - share) * (frames.count or 0))
    for item in frames.read():
        if isinstance(item, Frame) and item.index >= first:
            yield replace(item, index=item.index - first)


def film(frames: Frames, count: int, share: Fraction) -> list[tuple[np.ndarray, np.ndarray]]:
    """Blurred and sharp frames of a film, in their order."""
    options = AverageOptions(frames=(count, count), max_step_px=FASTEST_PX)
    some = replace(frames, read=partial(last_share, frames, share))
    with tempfile.TemporaryDirectory() as into:
        folder = Path(into)
        for _ in average(some, folder, options):
            pass
        names = sorted(path.name for path in (folder / "blur").iterdir())
        pairs = [[read_photo(folder / kind / name) for kind in ("blur", "sharp")] for name in names]
    return [(b.pixels.astype(np.float32), s.pixels.astype(np.float32)) for b, s in pairs]


def restored(
    pairs: list[tuple[np.ndarray, np.ndarray]], restorer: Restorer
) -> tuple[list[float], float, float]:
    """Gain of each frame, the change from frame to frame, and seconds for a frame."""
    steadier, gains = Steadier(), []
    begun = time.process_time()
    changes = [steadier.add(blurred, restorer.restore_pixels(blurred)) for blurred, _ in pairs]
    seconds = (time.process_time() - begun) / len(pairs)
    for (blurred, sharp), change in zip(pairs, changes, strict=True):
        result = np.rint(255 * np.clip(blurred + change, 0, 1)).astype(np.float32) / 255
        gains.append(psnr(result, sharp) - psnr(blurred, sharp))
    return gains, steadier.ratio or 0.0, seconds


def changes(frames: list[np.ndarray]) -> float:
    """Mean change from frame to frame."""
    return float(np.mean([np.abs(after - before).mean() for before, after in pairwise(frames)]))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("frames", type=Path, metavar="FRAMES", nargs="?" if is_quick() else None)
    parser.add_argument("--each", type=int, nargs="+", default=[7, 11, 15, 19, 25])
    parser.add_argument("--share", type=Fraction, default=Fraction(1, 3))
    args = parse(parser, frames=quick_frames, each=[9])
    frames = open_folder(args.frames)
    print("             truth          network at its own size   as `unblur video` does")
    print("mean of  n  change flicker   gain  worst flicker       gain  worst flicker   time")
    alone = Restorer.open(RestoreOptions(method="network", engine="onnx", precision="fp32"))
    usual = Restorer.open(RestoreOptions(engine="onnx", precision="fp32"))
    for count in args.each:
        pairs = film(frames, count, args.share)
        if len(pairs) < 2:
            continue
        rows = [restored(pairs, restorer) for restorer in (alone, for_film(usual))]
        columns = [f"{np.mean(x):+6.2f} {min(x):+6.2f}  {flicker:6.3f}" for x, flicker, _ in rows]
        steadier = Steadier()
        for blurred, sharp in pairs:
            steadier.add(blurred, sharp)
        times = rows[1][2] / rows[0][2]
        before, after = (changes([pair[kind] for pair in pairs]) for kind in (0, 1))
        truth = f"{after / before:6.3f}  {steadier.ratio:6.3f}"
        print(f"{count:4} {len(pairs):5}  {truth} {'     '.join(columns)} {times:6.2f}")
    print(describe("fast, engine onnx, fp32"))


if __name__ == "__main__":
    main()
