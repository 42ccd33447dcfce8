"""The picture of what the usual method makes of shaken photos, good and bad ones.

    python benchmarks/gallery.py [--out docs/figures/gallery.jpg]

Parts of scikit-image's photos, which no training has seen, shaken in light by Algorithm 1, noise
1/255, 8 bits; a row each, from left to right: what goes in, unsharp mask, `--method network`, the
usual method, and what the true kernel and the network that knows it would give. Under the picture's
path: what each gained, in dB over all of the photo.
"""

import argparse
from pathlib import Path

import numpy as np

import unblur
from held_out import load
from machine import describe
from quick import folder, parse
from unblur.imaging.measure.noise import estimate_noise
from unblur.imaging.photo.photo import Photo, write_photo
from unblur.metrics import psnr
from unblur.tasks.methods.blind import BlindMethod
from unblur.tasks.restore.options import RestoreOptions
from unblur.tasks.restore.restorer import Restorer

PART_PX = 208
SHAKES = {
    "astronaut": (0.5, 11, (20, 140)),
    "coffee": (1.0, 12, (80, 200)),
    "chelsea": (1.0, 13, (40, 120)),
    "motorcycle_left": (1.0, 14, (160, 200)),
    "retina": (0.5, 15, (150, 150)),
    "rocket": (1.0, 16, (180, 200)),
}
"""Share of a path of 60 px, seed, and the top left corner of the part that is shown."""


def main() -> None:
    """Write the picture and print the gains."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, default=Path("docs/figures/gallery.jpg"))
    args = parse(parser, out=lambda: folder() / "gallery.jpg")
    shakes = dict(list(SHAKES.items())[: 1 if args.quick else None])
    restorers = [
        Restorer.open(RestoreOptions(method=method, engine="onnx", precision="fp32"))
        for method in ("unsharp-mask", "network", "auto")
    ]
    usual = restorers[-1].method
    assert isinstance(usual, BlindMethod)
    rows = []
    print(args.out)
    for name, (exposure, seed, (top, left)) in shakes.items():
        sharp = load(name)
        rng = np.random.default_rng(seed)
        kernel = unblur.random_kernels(1, rng=rng, exposure=(exposure,))[0]
        seen = unblur.blur(sharp, kernel, noise_sigma=1 / 255, rng=rng)
        seen = np.round(seen * 255).astype(np.float32) / 255
        restored = [restorer.restore_pixels(seen) for restorer in restorers]
        noise = estimate_noise(seen)
        restored.append(usual.guided.undo(seen, kernel, linear_light=True, noise=noise))
        part = np.s_[top : top + PART_PX, left : left + PART_PX]
        rows.append(np.concatenate([x[part] for x in (seen, *restored)], axis=1))
        gains = (f"{psnr(x, sharp) - psnr(seen, sharp):+.2f}" for x in restored)
        found = restorers[-1].estimate(seen)
        print(f"{name:16}", *gains, found.words if found else "")
    write_photo(Photo(pixels=np.concatenate(rows)), args.out, overwrite=True)
    print(describe("fp32"))


if __name__ == "__main__":
    main()
