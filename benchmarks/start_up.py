"""Cold start to finished file: seconds and peak memory, medians of whole processes.

    python benchmarks/start_up.py [--runs 5]

The photo is shaken by Algorithm 1, for of a sharp one the shake is not looked for. The reference in
the same run is a process that only decodes and encodes the same photo.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import skimage.data

import unblur
from machine import describe, engine_dtypes
from quick import parse
from unblur.imaging.photo.photo import Photo, write_photo

REFERENCE = """
import sys
from unblur.imaging.photo.photo import read_photo, write_photo
write_photo(read_photo(sys.argv[1]), sys.argv[2], overwrite=True)
"""


def peak_of(command: list[str]) -> tuple[float, float]:
    """Wall seconds and peak resident megabytes of one process."""
    watcher = (
        "import resource, subprocess, sys\n"
        "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
    )
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", watcher, *command], check=True, capture_output=True, text=True
    )
    return time.perf_counter() - started, int(done.stdout) / 1024


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=5)
    runs = parse(parser, runs=1).runs
    with tempfile.TemporaryDirectory() as folder:
        photo, target = Path(folder, "photo.jpg"), Path(folder, "target.jpg")
        pixels = np.tile(skimage.data.astronaut(), (2, 3, 1))[:720, :1280].astype(np.float32) / 255
        rng = np.random.default_rng(1)
        kernel = unblur.random_kernels(1, rng=rng, exposure=(0.5,))[0]
        shaken = unblur.blur(pixels, kernel, noise_sigma=1 / 255, rng=rng)
        write_photo(Photo(pixels=shaken), photo)
        unblur_restore = [sys.executable, "-m", "unblur", "restore", str(photo), "-o", str(target),
                          "--overwrite", "-q"]  # fmt: skip
        commands = {
            "python -c pass": [sys.executable, "-c", "pass"],
            "unblur --help": [sys.executable, "-m", "unblur", "--help"],
            "decode + encode only": [sys.executable, "-c", REFERENCE, str(photo), str(target)],
            **{
                f"{method}, {engine}": [*unblur_restore, "--method", method, "--engine", engine]
                for method in ("network", "auto")
                for engine in ("onnx", "openvino", "torch")
                if (method, engine) != ("auto", "torch")
            },
        }
        print(f"1280x720 JPEG, median of {runs} cold processes (with about 0.05 s of watching)")
        rows = {name: [] for name in commands}
        for _ in range(runs):  # in turns, so that a busy moment hits all alike
            for name, command in commands.items():
                rows[name].append(peak_of(command))
        seconds = {name: statistics.median(s for s, _ in row) for name, row in rows.items()}
        for name, row in rows.items():
            ratio = seconds[name] / seconds["decode + encode only"]
            peak = statistics.median(m for _, m in row)
            print(f"  {name:22} {seconds[name]:6.2f} s  {ratio:5.1f}x  peak {peak:5.0f} MB")
    print(describe(engine_dtypes("onnx", "openvino", "torch")))


if __name__ == "__main__":
    main()
