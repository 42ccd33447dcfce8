"""At which scale a network that knows no kernel undoes most, by how long the blur seems.

    python benchmarks/network_scales.py FRAMES [--count 48]

Averages of 5 to 25 frames of the first two thirds of a fast video's frames, which validation does
not use. Mean gain over the blurred frame in dB, RGB, of `fast` on the frame at its own size and at
a half, a third and a quarter of it, what it changed brought back to size; and of the mean of two
scales, for several lengths at which the network is said to work best. Settings were chosen by this.
"""

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from unittest import mock

import numpy as np

from machine import describe
from quick import frames as quick_frames
from quick import is_quick, parse
from unblur.engines import open_engine
from unblur.imaging.measure.cells import photo_blur
from unblur.imaging.photo.photo import read_photo
from unblur.imaging.video.frames import Frame, Frames, Unreadable, open_folder
from unblur.metrics import psnr
from unblur.tasks.datasets.average import average
from unblur.tasks.datasets.windows import AverageOptions
from unblur.tasks.methods import scales
from unblur.tasks.methods.network import NetworkMethod
from unblur.weights import find_network

SCALES = (1, 2, 3, 4)
BEST_PX = (5.0, 6.0, 7.5, 9.0, 11.0)
LENGTHS_PX = ((0, 8), (8, 12), (12, 16), (16, 24), (24, 99))


def first_two_thirds(frames: Frames) -> Iterator[Frame | Unreadable]:
    """The frames that are for training."""
    last = 2 * (frames.count or 0) // 3
    for item in frames.read():
        if isinstance(item, Frame) and item.index < last:
            yield item


def gains(blurred: np.ndarray, sharp: np.ndarray, network: NetworkMethod) -> tuple[float, ...]:
    """How long the blur seems, and the gains in dB."""
    seen = photo_blur(blurred)
    length = 0.0 if seen is None else seen.length_px
    before = psnr(blurred, sharp)

    def gain(wanted: dict[int, float]) -> float:
        restored = scales.network_at(network, blurred, wanted)
        return psnr(np.rint(restored * 255).astype(np.float32) / 255, sharp) - before

    alone = [gain({scale: 1.0}) for scale in SCALES]
    mixed = []
    for best in BEST_PX:
        with mock.patch.object(scales, "_BEST_PX", best):
            wanted = scales.scales_for(length, blurred.shape)
        mixed.append(gain(wanted))
    return length, *alone, *mixed


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("frames", type=Path, metavar="FRAMES", nargs="?" if is_quick() else None)
    parser.add_argument("--count", type=int, default=48)
    args = parse(parser, frames=quick_frames, count=2)
    path = find_network("fast")
    engine = open_engine(path, precision="fp32")
    network = NetworkMethod(engine, engine.metadata, path)
    frames = open_folder(args.frames)
    # 2.0 px between frames at most would leave out what moves fastest.
    options = AverageOptions(frames=(5, 25), stride=3, max_step_px=4.0)
    rows = []
    with tempfile.TemporaryDirectory() as into:
        folder = Path(into)
        for _ in average(replace(frames, read=partial(first_two_thirds, frames)), folder, options):
            pass
        names = sorted(path.name for path in (folder / "blur").iterdir())
        for name in names[:: max(1, len(names) // args.count)][: args.count]:
            pair = (read_photo(folder / kind / name).pixels for kind in ("blur", "sharp"))
            rows.append(gains(*(pixels.astype(np.float32) for pixels in pair), network))
    table = np.array(rows)
    heads = [f"1/{scale}" for scale in SCALES] + [f"{best:g} px" for best in BEST_PX]
    print(f"{'blur seems':14} {'frames':>6}" + "".join(f"{head:>8}" for head in heads))
    for least, most in (*LENGTHS_PX, (0, 999)):
        inside = table[(table[:, 0] >= least) & (table[:, 0] < most)]
        if len(inside):
            words = "all" if most == 999 else f"{least} to {most} px"
            figures = "".join(f"{x:+8.2f}" for x in inside[:, 1:].mean(axis=0))
            print(f"{words:14} {len(inside):6}{figures}")
    print(describe("fast, engine onnx"))


if __name__ == "__main__":
    main()
