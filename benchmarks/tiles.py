"""Tiles against the whole: how far apart, whether seams show, what it costs.

    python benchmarks/tiles.py [--megapixels 12] [--engine openvino] [--precision fp32]
                               [--model fast] [--model NET.onnx ...]

The picture is a collage of scikit-image's photos, which differ in contrast and detail from one to
the next: the hardest case for a network that normalises by the whole picture. Without ``--model``:
``fast``, and DeblurGAN at half width with random weights, which change a picture far more than
trained ones. "Seam" is the mean step of the error across borders of tiles or bands over that
elsewhere: 1 is none. Memory is the process's peak so far: the tiled run comes first.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import pyvips
import skimage.data

from machine import describe
from quick import parse
from unblur.metrics import psnr
from unblur.tasks.restore.options import RestoreOptions
from unblur.tasks.restore.restorer import Restorer


def collage(megapixels: float) -> np.ndarray:
    """A picture of so many megapixels, 4:3, (H, W, 3) in [0, 1]."""
    names = ("astronaut", "coffee", "chelsea", "rocket", "retina", "hubble_deep_field")
    height = round((megapixels * 1e6 * 3 / 4) ** 0.5 / 4) * 4
    width = height * 4 // 3 // 4 * 4
    tiles = []
    for index in range(12):
        pixels = getattr(skimage.data, names[index % len(names)])()
        photo = pyvips.Image.new_from_array(pixels)
        tiles.append(photo.thumbnail_image(width // 4 + 1, height=height // 3 + 1, crop="centre"))
    whole = pyvips.Image.arrayjoin(tiles, across=4).crop(0, 0, width, height)
    return whole.numpy()[..., :3].astype(np.float32) / 255


def random_deblurgan(folder: Path) -> Path:
    """DeblurGAN at half width as it is before training."""
    import logging
    import warnings

    import torch

    from unblur.models import build_model
    from unblur.tasks.networks.export import export

    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore")
    torch.manual_seed(0)
    path = folder / "deblurgan-32-random.onnx"
    export(build_model("deblurgan-32"), path, model="deblurgan-32", metadata={})
    return path


def peak_mb() -> float:
    """Most memory this process has had, in MB."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def timed(restorer: Restorer, pixels: np.ndarray) -> tuple[np.ndarray, float]:
    """The restored picture and seconds."""
    started = time.perf_counter()
    restored = restorer.restore_pixels(pixels)
    return restored, time.perf_counter() - started


def seam(error: np.ndarray, every: int) -> float:
    """Steps of the error where tiles of this size would meet, against all others."""
    steps = np.abs(np.diff(error, axis=0)).mean(axis=(1, 2))
    at = np.arange(every - 1, len(steps), every)
    others = np.delete(steps, at)
    return float(steps[at].mean() / max(float(others.mean()), 1e-12))


def main() -> None:
    """Print one row a network."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megapixels", type=float, default=12.0)
    parser.add_argument("--engine", default="openvino")
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--model", action="append", default=[])
    args = parse(parser, megapixels=0.4)
    pixels = collage(args.megapixels)
    options = RestoreOptions(method="network", engine=args.engine, precision=args.precision)
    precision = Restorer.open(options).engine.precision  # of "auto"
    print(f"{describe(precision)}; {args.engine}; {pixels.shape[1]} x {pixels.shape[0]} px")
    print(f"{'network':28} {'tile':>6} {'dB':>6} {'largest':>9} {'changed, dB':>11} {'seam':>5}"
          f" {'tiled s':>8} {'whole s':>8} {'tiled MB':>8} {'whole MB':>8}")  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        models = args.model or ["fast", str(random_deblurgan(Path(folder)))]
        for model in models:
            more = {"model": model, "engine": args.engine, "precision": args.precision}
            tile = 1024 if model == "fast" else 1000
            tiled, seconds = timed(
                Restorer.open(RestoreOptions(method="network", tile=tile, guard=False, **more)),
                pixels,
            )
            memory = peak_mb()
            whole, whole_seconds = timed(
                Restorer.open(RestoreOptions(method="network", tile="off", guard=False, **more)),
                pixels,
            )
            error = tiled - whole
            print(f"{Path(model).stem:28} {tile:6} {psnr(tiled, whole):6.1f}"
                  f" {np.abs(error).max():9.1e} {psnr(pixels, whole):11.1f}"
                  f" {seam(error, 16):5.2f} {seconds:8.1f} {whole_seconds:8.1f} {memory:8.0f}"
                  f" {peak_mb():8.0f}")  # fmt: skip


if __name__ == "__main__":
    main()
