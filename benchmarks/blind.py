"""How often the kernel of a shaken photo is found, and what undoing it gains.

    python benchmarks/blind.py PHOTOS [--count 24] [--strips DIR]

Photos that are not for validation (half of any folder, by the hash of their names), shrunk as the
validation set's are, shaken by Algorithm 1 (a third each of 1/10, 1/2 and the whole of a 60 px
path), light blurred, noise 1/255, 8 bits. Mean gain over the blurred photo in dB, RGB: of the
network that knows no kernel, of deconvolution with the true kernel, of that and the network that
knows it, of the best kernel that was found by deconvolution and with the network, of the best that
is found if no network draws edges, of the kernel that is taken. "Found" are photos one of whose
kernels has an agreement of 0.85 with the true one. Settings were chosen on some of these photos,
and the networks were trained on them.
"""

import argparse
from pathlib import Path

import numpy as np

import unblur
from machine import describe
from quick import is_quick, parse, photos
from unblur.imaging.blur.blur import blur
from unblur.imaging.deblur.blind import FoundKernel, search_blur
from unblur.imaging.deblur.kernel_support import agreement, kernel_extent
from unblur.imaging.deblur.known.guide import deconvolved_guide
from unblur.imaging.deblur.known.natural import deconvolve_light
from unblur.imaging.light import linear_to_srgb, srgb_to_linear
from unblur.imaging.measure.noise import estimate_noise
from unblur.imaging.photo.photo import Photo, read_photo, write_photo
from unblur.metrics import psnr
from unblur.tasks.methods.blind import BlindMethod
from unblur.tasks.restore.options import RestoreOptions
from unblur.tasks.restore.restorer import Restorer
from validation_pairs import ENDINGS, _hash, _shrunk, is_held_out

EXPOSURES = (0.1, 0.5, 1.0)
FOUND = 0.85
LENGTHS = ((0, 8), (8, 15), (15, 23), (23, 200))


def measured(
    seen: np.ndarray, sharp: np.ndarray, kernel: np.ndarray, method: BlindMethod
) -> tuple[dict[str, float], np.ndarray]:
    """The figures of one photo, and what is made of it."""
    noise, before = estimate_noise(seen), psnr(seen, sharp)

    def cleaned(found: FoundKernel) -> tuple[np.ndarray, np.ndarray]:
        guide = deconvolved_guide(seen, found.kernel, linear_light=found.linear_light, noise=noise)
        light = found.linear_light
        return guide[..., :3], method.guided.undo(
            seen, found.kernel, linear_light=light, noise=noise
        )

    def gain(restored: np.ndarray) -> float:
        return psnr(restored, sharp) - before

    truth = FoundKernel(kernel=kernel, linear_light=True, agreement=1.0)
    exact = deconvolve_light(srgb_to_linear(seen), kernel, noise=noise)
    kernels = search_blur(seen, networks=method.edges).kernels
    results = [cleaned(each) for each in kernels]
    undrawn = [cleaned(each)[1] for each in search_blur(seen).kernels]
    taken = Restorer(method, RestoreOptions(method="auto", guard=False)).restore_pixels(seen)
    network = Restorer(
        method.network, RestoreOptions(method="network", guard=False)
    ).restore_pixels(seen)
    return {
        "length": kernel_extent(kernel)[0],
        "fast": gain(network),
        "true": gain(linear_to_srgb(exact)),
        "true, net": gain(cleaned(truth)[1]),
        "best": max(gain(guide) for guide, _ in results),
        "best, net": max(gain(restored) for _, restored in results),
        "undrawn": max(map(gain, undrawn)),
        "taken": gain(taken),
        "alike": max(agreement(each.kernel, kernel) for each in kernels),
    }, np.concatenate([seen, network, taken, sharp], axis=1)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("photos", type=Path, nargs="?" if is_quick() else None)
    parser.add_argument("--count", type=int, default=24)
    parser.add_argument("--strips", type=Path)
    args = parse(parser, photos=photos, count=1)
    paths = [path for path in args.photos.iterdir() if path.suffix.lower() in ENDINGS]
    paths = sorted((p for p in paths if not is_held_out(p.name)), key=lambda p: _hash(p.name))
    method = Restorer.open(RestoreOptions(method="auto", precision="fp32")).method
    assert isinstance(method, BlindMethod)
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
        row, strip = measured(seen, sharp, kernel, method)
        rows.append(row)
        print(path.name, {name: round(value, 2) for name, value in row.items()}, flush=True)
        if args.strips:
            args.strips.mkdir(parents=True, exist_ok=True)
            target = args.strips / f"{len(rows):02}-{path.stem}.png"
            write_photo(Photo(pixels=strip), target, overwrite=True)
    print(f"\n{'length, px':12} {'n':>3} {'found':>6}", *(f"{x:>9}" for x in list(rows[0])[1:-1]))
    for low, high in (*LENGTHS, (0, 200)):
        of = [row for row in rows if low <= row["length"] < high]
        if of:
            means = (np.mean([row[name] for row in of]) for name in list(of[0])[1:-1])
            share = np.mean([row["alike"] >= FOUND for row in of])
            name = f"{low} to {high}" if (low, high) != (0, 200) else "all"
            print(f"{name:12} {len(of):3} {share:6.0%}", *(f"{mean:+9.2f}" for mean in means))
    print(f"\n{describe('fp32')}")


if __name__ == "__main__":
    main()
