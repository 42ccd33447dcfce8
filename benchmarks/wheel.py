"""What a newcomer installs: the wheel in a clean environment without extras, and its first photo.

    python benchmarks/wheel.py

Builds the wheel of this checkout, makes a virtual environment, installs the wheel there with the
versions of constraints.txt, and restores a shaken 600x400 photo twice with the command that it
brings. Ends with an error unless the photo came out better without any of the extras' packages.
Building and installing ask the package index; how long that takes depends on how far it is.
"""

import argparse
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

import numpy as np
import skimage.data

from machine import describe
from quick import parse
from unblur.imaging.blur.blur import blur
from unblur.imaging.blur.kernels import random_kernels
from unblur.imaging.photo.photo import Photo, read_photo, write_photo
from unblur.metrics import psnr

ROOT = Path(__file__).parents[1]
CONSTRAINTS = ROOT / "constraints.txt"
OF_EXTRAS = ("av", "cv2", "openvino", "ray", "skimage", "starlette", "torch")
QUIET = ("--quiet", "--disable-pip-version-check")


def timed(*command, cwd):
    """Run a command; its seconds."""
    started = time.perf_counter()
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}\n{done.stderr}")
    return time.perf_counter() - started


def megabytes(folder):
    """Size of the files in a folder; a link counts as nothing."""
    files = (x for x in folder.rglob("*") if x.is_file() and not x.is_symlink())
    return sum(file.stat().st_size for file in files) / 1e6


def main():
    """Print the table."""
    parse(argparse.ArgumentParser())
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        build = timed(
            *(sys.executable, "-m", "pip", "wheel", *QUIET, "--no-deps", "-w", top, ROOT), cwd=top
        )
        (wheel,) = top.glob("*.whl")
        venv.create(top / "clean", with_pip=True)
        empty = megabytes(top / "clean")
        programs = top / "clean" / ("Scripts" if sys.platform == "win32" else "bin")
        install = timed(
            *(programs / "python", "-m", "pip", "install", *QUIET, "-c", CONSTRAINTS, wheel),
            cwd=top,
        )
        sharp = skimage.data.coffee().astype(np.float32) / 255
        kernel = random_kernels(1, rng=np.random.default_rng(3), length_px=30, exposure=(1.0,))[0]
        shaken = blur(sharp, kernel)
        write_photo(Photo(pixels=shaken), top / "shaken.png")
        unblur = (programs / "unblur", "restore", "shaken.png", "--overwrite")
        first, second = (timed(*unblur, cwd=top) for _ in range(2))
        gain = psnr(read_photo(top / "shaken.unblurred.png").pixels, sharp) - psnr(shaken, sharp)
        there = (
            "import importlib.util as u, sys; "
            f"sys.exit(' '.join(x for x in {OF_EXTRAS} if u.find_spec(x)) or 0)"
        )
        timed(programs / "python", "-c", there, cwd=top)
        print("| | |\n|---|---|")
        print(f"| the wheel | {wheel.stat().st_size / 1e6:.1f} MB, built in {build:.1f} s |")
        print(
            f"| a clean environment with it | {megabytes(top / 'clean'):.0f} MB, of which "
            f"{empty:.0f} MB were there before |"
        )
        print(f"| installing it and what it needs | {install:.1f} s |")
        print(f"| the first photo, 600x400, and the second | {first:.2f} s, {second:.2f} s |")
        print(f"| its gain | {gain:+.2f} dB |")
    print(describe("onnx fp32"))
    raise SystemExit(0 if gain > 0.5 else "the photo has hardly become better")


if __name__ == "__main__":
    main()
