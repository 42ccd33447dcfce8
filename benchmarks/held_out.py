"""Quality of a model on photos that no training has seen: scikit-image's, blurred by Algorithm 1.

    python benchmarks/held_out.py [--model NAME|FILE.onnx] [--kernels 6] [--strips DIR]

Authors' constants, 8 bit, noise sigma 1/255, convolution of the encoded values as in the paper's
code (--linear-light: of light). Every photo gets the same number of kernels; a third of them each
of 1/10, 1/2 and the whole of a 60 px path. The sharp photo itself goes through the model, too.
"""

import argparse
import platform
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import skimage.data

import unblur
from unblur.imaging.photo import Photo, write_photo
from unblur.metrics import psnr, ssim
from unblur.tasks.restore import RestoreOptions, Restorer

PHOTOS = ("astronaut", "brick", "camera", "chelsea", "coffee", "coins", "hubble_deep_field",
          "motorcycle_left", "retina", "rocket")  # fmt: skip
SIDE = 512


def load(name: str) -> np.ndarray:
    """One of scikit-image's bundled photos, (H, W, 3) floats in [0, 1], at most 512 px a side."""
    if name == "motorcycle_left":
        pixels = skimage.data.stereo_motorcycle()[0]
    else:
        pixels = getattr(skimage.data, name)()
    pixels = np.atleast_3d(pixels)[:SIDE, :SIDE]
    return np.broadcast_to(pixels, (*pixels.shape[:2], 3)).astype(np.float32) / 255


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="fast")
    parser.add_argument("--engine", default="onnx")
    parser.add_argument("--kernels", type=int, default=6)
    parser.add_argument("--linear-light", action="store_true")
    parser.add_argument("--strips", type=Path)
    args = parser.parse_args()
    restorer = Restorer.open(RestoreOptions(model=args.model, engine=args.engine))
    print(f"{'photo':18} {'blurred':>8} {'restored':>9} {'gain':>6} {'worst':>6}"
          f" {'SSIM':>6} {'->':>6} {'sharp in':>9}")  # fmt: skip
    rows, gains, unharmed = [], [], []
    for number, name in enumerate(PHOTOS):
        sharp = load(name)
        rng = np.random.default_rng([2026, number])
        scores = []
        for index in range(args.kernels):
            exposure = ((0.1, 0.5, 1.0)[index % 3],)
            kernel = unblur.random_kernels(1, rng=rng, exposure=exposure)[0]
            blurred = unblur.blur(
                sharp, kernel, linear_light=args.linear_light, noise_sigma=1 / 255, rng=rng
            )
            blurred = np.round(blurred * 255).astype(np.float32) / 255
            restored = restorer.restore_pixels(blurred)
            scores.append((psnr(blurred, sharp), psnr(restored, sharp), ssim(blurred, sharp),
                           ssim(restored, sharp), exposure[0]))  # fmt: skip
            if args.strips:
                args.strips.mkdir(parents=True, exist_ok=True)
                strip = np.concatenate([blurred, restored, sharp], axis=1)
                target = args.strips / f"{name}-{index}.png"
                write_photo(Photo(pixels=strip), target, overwrite=True)
        before, after, similar, similar_after, _ = np.mean(scores, axis=0)
        gain = np.array([s[1] - s[0] for s in scores])
        harm = psnr(restorer.restore_pixels(sharp), sharp)
        rows += scores
        gains.append(gain)
        unharmed.append(harm)
        print(f"{name:18} {before:8.2f} {after:9.2f} {after - before:+6.2f} {gain.min():+6.2f}"
              f" {similar:6.3f} {similar_after:6.3f} {harm:9.2f}")  # fmt: skip
    before, after, similar, similar_after, _ = np.mean(rows, axis=0)
    everything = np.concatenate(gains)
    print(f"{'mean':18} {before:8.2f} {after:9.2f} {after - before:+6.2f} {everything.min():+6.2f}"
          f" {similar:6.3f} {similar_after:6.3f} {np.min(unharmed):9.2f} (least)")  # fmt: skip
    for fraction in (0.1, 0.5, 1.0):
        part = [s[1] - s[0] for s in rows if s[4] == fraction]
        print(f"  exposure {fraction:3}: gain {np.mean(part):+.2f} dB, worst {np.min(part):+.2f}")
    print(f"{args.model}, engine {restorer.engine.name}, float32, {platform.machine()}, "
          f"{datetime.now(UTC):%Y-%m-%d}, unblur {unblur.__version__}")  # fmt: skip


if __name__ == "__main__":
    main()
