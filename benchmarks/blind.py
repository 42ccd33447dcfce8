"""How often the kernel of a shaken photo is found, and what undoing it gains.

    python benchmarks/blind.py PHOTOS [--count 24] [--strips DIR]

Photos that are not for validation (half of any folder, by the hash of their names), shrunk as the
validation set's are, shaken by Algorithm 1 (a third each of 1/10, 1/2 and the whole of a 60 px
path), light blurred, noise 1/255, 8 bits. Mean gain over the blurred photo in dB, RGB: with the
true kernel in light and in encoded values, with the best hypothesis, with the one that the judge
likes best, with the judge's choice between that and the network; and how like the true kernel the
best one is, by the true one's length. Settings were chosen on some of these photos.
"""

import argparse
from pathlib import Path

import numpy as np

import unblur
from machine import describe
from unblur.imaging.blur.blur import blur
from unblur.imaging.deblur.blind import search_blur
from unblur.imaging.deblur.natural import deconvolve_light
from unblur.imaging.deblur.signals import agreement
from unblur.imaging.light import linear_to_srgb, srgb_to_linear
from unblur.imaging.measure.noise import estimate_noise
from unblur.imaging.photo.photo import Photo, read_photo, write_photo
from unblur.metrics import psnr
from unblur.tasks.methods.blind import kernel_length
from unblur.tasks.methods.judge import predicted_gain, with_network
from unblur.tasks.restore.options import RestoreOptions
from unblur.tasks.restore.restorer import Restorer
from validation_pairs import ENDINGS, _hash, _shrunk, is_held_out

EXPOSURES = (0.1, 0.5, 1.0)
FOUND = 0.85
LENGTHS = ((0, 8), (8, 15), (15, 23), (23, 200))


def undone(seen: np.ndarray, kernel: np.ndarray, *, light: bool, guessed: bool) -> np.ndarray:
    """A photo without a blur, of light or of encoded values."""
    noise = estimate_noise(seen)
    if not light:
        return np.clip(deconvolve_light(seen, kernel, noise=noise, guessed=guessed), 0, 1)
    restored = deconvolve_light(srgb_to_linear(seen), kernel, noise=noise, guessed=guessed)
    return linear_to_srgb(restored)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("photos", type=Path)
    parser.add_argument("--count", type=int, default=24)
    parser.add_argument("--strips", type=Path)
    args = parser.parse_args()
    paths = [path for path in args.photos.iterdir() if path.suffix.lower() in ENDINGS]
    paths = sorted((p for p in paths if not is_held_out(p.name)), key=lambda p: _hash(p.name))
    restorer = Restorer.open(RestoreOptions(precision="fp32"))
    rows: list[dict[str, float]] = []
    for path in paths:
        sharp = read_photo(path).pixels.astype(np.float32)
        if min(sharp.shape[:2]) < 320 or len(rows) == args.count:
            continue
        rng = np.random.default_rng([7, len(rows)])
        sharp = _shrunk(sharp)
        exposure = EXPOSURES[len(rows) % len(EXPOSURES)]
        kernel = unblur.random_kernels(1, rng=rng, exposure=(exposure,))[0]
        seen = blur(sharp, kernel, noise_sigma=1 / 255, rng=rng)
        seen = np.rint(np.clip(seen, 0, 1) * 255).astype(np.float32) / np.float32(255)
        network = restorer.restore_pixels(seen)
        found = search_blur(seen)
        tried = [undone(seen, each.kernel, light=True, guessed=True) for each in found.hypotheses]
        liked = [
            predicted_gain(with_network(each, found, network[found.region]))
            for each in found.hypotheses
        ]
        best = int(np.argmax(liked))
        before = psnr(seen, sharp)
        gains = [psnr(each, sharp) - before for each in tried]
        of_network = psnr(network, sharp) - before
        row = {
            "length": kernel_length(kernel),
            "network": of_network,
            "true, light": psnr(undone(seen, kernel, light=True, guessed=False), sharp) - before,
            "true, encoded": psnr(undone(seen, kernel, light=False, guessed=False), sharp) - before,
            "best of all": max(gains),
            "liked best": gains[best],
            "judged": gains[best] if liked[best] > 0 else of_network,
            "alike": max(agreement(each.kernel, kernel) for each in found.hypotheses),
        }
        rows.append(row)
        print(path.name, {name: round(value, 2) for name, value in row.items()}, flush=True)
        if args.strips:
            args.strips.mkdir(parents=True, exist_ok=True)
            strip = np.concatenate([seen, network, tried[best], sharp], axis=1)
            target = args.strips / f"{len(rows):02}-{path.stem}.png"
            write_photo(Photo(pixels=strip), target, overwrite=True)
    print(f"\n{'length, px':12} {'n':>3} {'found':>6}", *(f"{x:>13}" for x in list(rows[0])[1:-1]))
    for low, high in (*LENGTHS, (0, 200)):
        of = [row for row in rows if low <= row["length"] < high]
        if of:
            means = (np.mean([row[name] for row in of]) for name in list(of[0])[1:-1])
            share = np.mean([row["alike"] >= FOUND for row in of])
            name = f"{low} to {high}" if (low, high) != (0, 200) else "all"
            print(f"{name:12} {len(of):3} {share:6.0%}", *(f"{mean:+13.2f}" for mean in means))
    print(f"\n{describe('fp32')}")


if __name__ == "__main__":
    main()
