"""Photos a second of a folder: one after the other, and in a batch with several workers.

    python benchmarks/batch.py [--photos 50] [--runs 3] [--engine auto] [--precision auto]

The reference in the same run is `restore_file` in a loop, in a process that is warm and with an
inference that has all cores. A batch also keeps its record of what is done. Decoding and encoding
count in all; where the time of one photo goes is printed, too.
"""

import argparse
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import skimage.data

from machine import describe
from quick import parse
from unblur.imaging.photo.photo import Photo, read_photo, write_photo
from unblur.tasks.batch.files import find_sources, plan_jobs, restore_file, restore_files
from unblur.tasks.restore.options import RestoreOptions
from unblur.tasks.restore.restorer import Restorer

WORKERS = (1, 2, 4)
HEIGHT, WIDTH = 480, 640
PICTURES = ("astronaut", "chelsea", "coffee", "rocket", "motorcycle")


def make_photos(folder: Path, count: int) -> None:
    """Write JPEGs of 640x480 at quality 90, parts of scikit-image's photos."""
    rng = np.random.default_rng(0)
    folder.mkdir()
    for index in range(count):
        name = PICTURES[index % len(PICTURES)]
        picture = (
            skimage.data.stereo_motorcycle()[0]
            if name == "motorcycle"
            else getattr(skimage.data, name)()
        )
        tiled = np.tile(picture, (3, 3, 1))
        top, left = (
            rng.integers(side - least)
            for side, least in zip(tiled.shape, (HEIGHT, WIDTH), strict=False)
        )
        pixels = tiled[top : top + HEIGHT, left : left + WIDTH].astype(np.float32) / 255
        write_photo(Photo(pixels=pixels), folder / f"{index:03}.jpg", quality=90)


def seconds(work: Callable[[], object]) -> float:
    """Wall seconds of one call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def loop(folder: Path, out: Path, restorer: Restorer) -> None:
    """The reference."""
    out.mkdir()
    for source in sorted(folder.iterdir()):
        restore_file(source, restorer, target=out / source.name)


def batch(folder: Path, out: Path, restorer: Restorer, workers: int) -> None:
    """What `unblur restore FOLDER -o OUT` does once the network is open."""
    jobs = plan_jobs(find_sources([folder]), out)
    results = restore_files(jobs, restorer, record=True, workers=workers)
    failed = [result.error for result in results if result.error]
    if failed:
        raise SystemExit(f"{len(failed)} photos failed: {failed[0]}")


def parts(photo: Path, restorer: Restorer) -> dict[str, float]:
    """Milliseconds of the parts of one photo's way, medians of 9."""
    read = read_photo(photo)
    restored = restorer.restore(read)
    target = photo.with_name("part.jpg")
    ways = {
        "decode": lambda: read_photo(photo),
        "restore": lambda: restorer.restore(read),
        "encode and write": lambda: write_photo(restored, target, overwrite=True),
    }
    took = {
        name: 1e3 * statistics.median(seconds(way) for _ in range(9)) for name, way in ways.items()
    }
    target.unlink()
    return took


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--photos", type=int, default=50)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--precision", default="auto")
    asked = parse(parser, photos=4, runs=1)
    options = RestoreOptions(method="network", engine=asked.engine, precision=asked.precision)
    with tempfile.TemporaryDirectory() as top:
        folder, out = Path(top, "photos"), Path(top, "out")
        make_photos(folder, asked.photos)
        alone = Restorer.open(options)
        ways = {"one after the other": lambda: loop(folder, out, alone)}
        for workers in WORKERS:
            opened = Restorer.open(options, streams=workers)
            ways[f"batch, {workers} workers"] = lambda r=opened, n=workers: batch(folder, out, r, n)
        took = {name: [] for name in ways}
        for turn in range(asked.runs + 1):  # in turns, so that a busy moment hits all alike
            for name, way in ways.items():
                spent = seconds(way)
                shutil.rmtree(out)
                if turn:  # the first warms up
                    took[name].append(spent)
        split = parts(folder / "000.jpg", alone)
    rates = {name: asked.photos / statistics.median(spent) for name, spent in took.items()}
    engine = alone.engine
    print(f"{asked.photos} JPEGs of {WIDTH}x{HEIGHT}, {engine.name} {engine.precision}, ", end="")
    print(f"medians of {asked.runs}")
    for name, rate in rates.items():
        spread = " ".join(f"{asked.photos / spent:.2f}" for spent in took[name])
        ratio = rate / rates["one after the other"]
        print(f"  {name:20} {rate:6.2f} photos/s  {ratio:5.2f}x  ({spread})")
    print("  one photo: " + ", ".join(f"{part} {ms:.1f} ms" for part, ms in split.items()))
    print(describe(engine.precision))


if __name__ == "__main__":
    main()
