"""How much sharper the frames of a film become, and whether it flickers more than it did.

    python benchmarks/film.py FRAMES [--each 11 19 25] [--exposed 1/2] [--share 1/3]
                              [--enlarge 3] [--strips DIR]

Films are made of a fast video's frames: each of theirs is the mean of so many, one after the
other, as a slower camera would have seen them; the middle one is the truth. Only the last share of
the video is used; `fast` has learned from the first two thirds of one that is known. Each film is
restored by `fast` at its own size, as `unblur video --method network` does; by that at scales that
suit the blur of the last frames; and as `unblur video` does, which also undoes what moved from
frame to frame. All are held steady. Gain over the blurred frames in dB, RGB; flicker as `unblur
video` tells it; of the true frames that, too, and how much they change from one to the next, in
changes of the blurred ones; processor time for a frame, in those of the first way; the most that
the third way lost of a frame against the second. `--exposed 1/2` takes the mean of about so much
of what each frame spans, an odd number of frames, as of a camera with a shorter shutter;
`--enlarge 3` makes frames, blurred and true, so many times as large; `--strips DIR` writes frames
as PNG: blurred, the second way, the third, true.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np

from machine import describe
from quick import frames as quick_frames
from quick import is_quick, parse
from unblur import RestoreOptions, Restorer
from unblur.imaging.photo.photo import Photo, read_photo, write_photo
from unblur.imaging.pyramid import resize
from unblur.imaging.video.frames import Frame, Frames, Unreadable, open_folder
from unblur.metrics import psnr
from unblur.tasks.datasets.average import average
from unblur.tasks.datasets.windows import AverageOptions
from unblur.tasks.video.flicker import Steadier
from unblur.tasks.video.restore import Film, for_film, restored_film

FASTEST_PX = 9.0


def last_share(frames: Frames, share: Fraction) -> Iterator[Frame | Unreadable]:
    """The frames from which films are made."""
    first = round((1 - share) * (frames.count or 0))
    for item in frames.read():
        if isinstance(item, Frame) and item.index >= first:
            yield replace(item, index=item.index - first)


def film(
    frames: Frames, count: int, share: Fraction, exposed: Fraction = Fraction(1)
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Blurred and sharp frames of a film, in their order."""
    some = max(1, round(count * exposed - Fraction(1, 2)) // 2 * 2 + 1)  # odd: it has a middle
    options = AverageOptions(frames=(some, some), stride=count, max_step_px=FASTEST_PX)
    frames = replace(frames, read=partial(last_share, frames, share))
    with tempfile.TemporaryDirectory() as into:
        folder = Path(into)
        for _ in average(frames, folder, options):
            pass
        names = sorted(path.name for path in (folder / "blur").iterdir())
        pairs = [[read_photo(folder / kind / name) for kind in ("blur", "sharp")] for name in names]
    return [(b.pixels.astype(np.float32), s.pixels.astype(np.float32)) for b, s in pairs]


def enlarged(
    pairs: list[tuple[np.ndarray, np.ndarray]], times: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Larger frames, as those of another camera."""
    if times == 1:
        return pairs
    height, width = (times * side for side in pairs[0][0].shape[:2])
    return [(resize(b, height, width), resize(s, height, width)) for b, s in pairs]


@dataclass(frozen=True)
class Restored:
    """Frames of a film, what they gained, and what that took."""

    frames: list[np.ndarray]
    gains: list[float]
    flicker: float
    seconds: float
    """For a frame."""

    def __str__(self) -> str:
        """Gain, worst and flicker."""
        return f"{np.mean(self.gains):+6.2f} {min(self.gains):+6.2f}  {self.flicker:6.3f}"


def restored(pairs: list[tuple[np.ndarray, np.ndarray]], way: Film) -> Restored:
    """Restore a film in one way."""
    steadier, frames, gains = Steadier(), [], []
    begun = time.process_time()
    results = list(way((None, blurred) for blurred, _ in pairs))
    seconds = (time.process_time() - begun) / len(pairs)
    for (_, blurred, result), (_, sharp) in zip(results, pairs, strict=True):
        change = steadier.add(blurred, result)
        frames.append(np.rint(255 * np.clip(blurred + change, 0, 1)).astype(np.float32) / 255)
        gains.append(psnr(frames[-1], sharp) - psnr(blurred, sharp))
    return Restored(frames, gains, steadier.ratio or 0.0, seconds)


def write_strips(
    folder: Path, name: str, pairs: list[tuple[np.ndarray, np.ndarray]], ways: list[Restored]
) -> None:
    """Each frame blurred, restored and true, side by side."""
    folder.mkdir(parents=True, exist_ok=True)
    for at, ((blurred, sharp), *results) in enumerate(
        zip(pairs, *(way.frames for way in ways), strict=True)
    ):
        strip = np.concatenate([blurred, *results, sharp], axis=1)
        write_photo(Photo(pixels=strip), folder / f"{name}-{at:02}.png", overwrite=True)


def changes(frames: list[np.ndarray]) -> float:
    """Mean change from frame to frame."""
    return float(np.mean([np.abs(after - before).mean() for before, after in pairwise(frames)]))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("frames", type=Path, metavar="FRAMES", nargs="?" if is_quick() else None)
    parser.add_argument("--each", type=int, nargs="+", default=[7, 11, 15, 19, 25])
    parser.add_argument("--share", type=Fraction, default=Fraction(1, 3))
    parser.add_argument("--exposed", type=Fraction, default=Fraction(1))
    parser.add_argument("--enlarge", type=int, default=1)
    parser.add_argument("--strips", type=Path)
    args = parse(parser, frames=quick_frames, each=[9])
    frames = open_folder(args.frames)
    print("             truth          network at its own size   at scales of its blur     "
          "as `unblur video` does")  # fmt: skip
    print("each of  n  change flicker   gain  worst flicker       gain  worst flicker   time"
          "    gain  worst flicker   time   lost")  # fmt: skip
    alone = Restorer.open(RestoreOptions(method="network", engine="onnx", precision="fp32"))
    usual = Restorer.open(RestoreOptions(engine="onnx", precision="fp32"))
    for count in args.each:
        pairs = enlarged(film(frames, count, args.share, args.exposed), args.enlarge)
        if len(pairs) < 2:
            continue
        ways = (alone, for_film(usual), usual)
        own, scaled, whole = (restored(pairs, restored_film(each)) for each in ways)
        lost = min(b - a for a, b in zip(scaled.gains, whole.gains, strict=True))
        steadier = Steadier()
        for blurred, sharp in pairs:
            steadier.add(blurred, sharp)
        before, after = (changes([pair[kind] for pair in pairs]) for kind in (0, 1))
        truth = f"{after / before:6.3f}  {steadier.ratio:6.3f}"
        times = [f"{each.seconds / own.seconds:6.2f}" for each in (scaled, whole)]
        columns = [f"{own}    ", f"{scaled} {times[0]} ", f"{whole} {times[1]} {lost:+6.2f}"]
        print(f"{count:4} {len(pairs):5}  {truth} {' '.join(columns)}", flush=True)
        if args.strips is not None:
            write_strips(args.strips, f"{count:02}", pairs, [scaled, whole])
    print(describe("fast and guided, engine onnx, fp32"))


if __name__ == "__main__":
    main()
