"""Restoring with a second shot of the scene, on pairs with a known truth.

    python benchmarks/reference.py [--photos FOLDER] [--count 20] [--seed 2026] [--side 640]
                                   [--run sharp noisy unfitting] [--levin FOLDER] [--strips DIR]

The pairs are those of reference_set.py. Means over them; PSNR in dB, SSIM; "worst" is the least
gain over the blurred photo. The second shot stands in the table as it is once it is registered
(where it does not reach, the result without it fills in); of a noisy one, denoised.

`unfitting` gives references that show nothing of use: the result must be that of `fast` alone.

`--levin` names a folder with the 32 photos of Levin et al. 2009: the sharp partner is the
reference. The error of a kernel is the sum of squared differences to the truth, both of sum 1, at
the best shift (to 1/8 px: the sharp photos were taken at other places of the grid), divided by the
truth's sum of squares; absolute values are given, too. The files hold some kernels turned by 180
degrees against the others: whichever of the two fits counts.
"""

import argparse
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from time import perf_counter

import numpy as np

from machine import describe
from quick import parse
from reference_set import noisy_pairs, pairs, unfitting
from unblur.imaging.blur.psf import read_kernel
from unblur.imaging.deblur.pair_kernel import estimate_kernel
from unblur.imaging.photo.photo import Photo, read_photo, write_photo
from unblur.imaging.register.reference import Referenced, restore_with_reference
from unblur.metrics import psnr, ssim
from unblur.tasks.restore.options import RestoreOptions
from unblur.tasks.restore.restorer import Restorer

RUNS = ("sharp", "noisy", "unfitting")
FITS_WITHIN = 0.15
SHIFTS = 8


def score(pictures: dict[str, np.ndarray], sharp: np.ndarray) -> np.ndarray:
    """PSNR and SSIM of each, (pictures, 2)."""
    return np.array([(psnr(x, sharp), ssim(x, sharp)) for x in pictures.values()])


def table(names: list[str], scores: np.ndarray) -> None:
    """Print means of (pairs, pictures, 2); the first picture is the blurred photo."""
    print(f"| {'method':28} | PSNR, dB |   gain |  worst |  SSIM |")
    print("|---|---|---|---|---|")
    for column, name in enumerate(names):
        level, similar = scores[:, column].mean(axis=0)
        gains = scores[:, column, 0] - scores[:, 0, 0]
        print(f"| {name:28} | {level:8.2f} | {gains.mean():+6.2f} | {gains.min():+6.2f} "
              f"| {similar:.3f} |")  # fmt: skip


def compare(kind: str, drawn: Iterator, restorer: Restorer, strips: Path | None) -> None:
    """The table for one kind of reference."""
    second = "reference alone, registered" if kind == "sharp" else "reference alone, denoised"
    names = ["blurred", "fast", second, f"reference ({kind})"]
    rows, refused = [], 0
    for name, sharp, blurred, reference in drawn:
        fast = restorer.restore_pixels(blurred)
        start = perf_counter()
        found = restore_with_reference(blurred, reference, lambda out=fast: out, kind)
        seconds = perf_counter() - start
        alone = fast
        if found.fit is not None:
            registered = found.fit.registration
            alone = np.where(registered.covered[..., None], registered.reference, fast)
        pictures = dict(zip(names, (blurred, fast, alone, found.pixels), strict=True))
        rows.append(score(pictures, sharp))
        refused += found.refused is not None
        print(f"  {name[:40]:40} " + " ".join(f"{x:6.2f}" for x in rows[-1][:, 0])
              + f"  {seconds:4.1f} s  {_how(found)}", flush=True)  # fmt: skip
        if strips:
            strip(strips / f"{kind}-{name}.png", [*pictures.values()], found)
    print(f"\n{kind} reference, {len(rows)} pairs, {refused} refused\n")
    table(names, np.array(rows))


def compare_unfitting(drawn: Iterator, restorer: Restorer) -> None:
    """What references that do not fit do to the result."""
    everything = list(drawn)
    rows: dict[str, list[float]] = {}
    for index, (name, sharp, blurred, _) in enumerate(everything):
        fast = restorer.restore_pixels(blurred)
        other = everything[(index + 1) % len(everything)][1]
        for what, reference in unfitting(sharp, blurred, other).items():
            found = restore_with_reference(blurred, reference, lambda out=fast: out)
            loss = psnr(fast, sharp) - psnr(found.pixels, sharp)
            rows.setdefault(what, []).append(loss)
            print(f"  {name[:30]:30} {what:24} {-loss:+6.2f} dB  {_how(found)}", flush=True)
    print("\n| unfitting reference | pairs | most dB below `fast` |\n|---|---|---|")
    for what, losses in rows.items():
        print(f"| {what} | {len(losses)} | {max(losses):.2f} |")


def levin(folder: Path) -> None:
    """Errors of the estimated kernels."""
    relative, absolute = [], []
    for number in range(1, 9):
        truth = read_kernel(folder / "gt" / f"kernel{number}.png")
        for image in range(1, 5):
            blurred = read_photo(folder / f"im{image}_kernel{number}_img.png").pixels
            sharp = read_photo(folder / "gt" / f"im{image}.png").pixels
            found = estimate_kernel(blurred, sharp, vary=False)
            least = min(difference(found.kernel, way) for way in (truth, truth[::-1, ::-1]))
            absolute.append(least)
            relative.append(least / float((truth**2).sum()))
        print(f"  kernel {number}: relative {np.round(relative[-4:], 3)}, absolute "
              f"{np.round(absolute[-4:], 4)}", flush=True)  # fmt: skip
    fit = [sum(x <= FITS_WITHIN for x in values) for values in (relative, absolute)]
    means = [float(np.mean(values)) for values in (relative, absolute)]
    print(f"\nLevin's kernels within {FITS_WITHIN}, of {len(relative)}: relative {fit[0]} "
          f"(mean {means[0]:.3f}), absolute {fit[1]} (mean {means[1]:.4f})")  # fmt: skip


def difference(first: np.ndarray, second: np.ndarray) -> float:
    """Sum of squared differences of two kernels at the best shift, to 1/8 px."""
    side = max(*first.shape, *second.shape) | 1
    side += 2 * (side // 2)
    spectra = []
    for kernel in (first, second):
        placed = np.zeros((side, side))
        placed[: kernel.shape[0], : kernel.shape[1]] = kernel
        spectra.append(np.fft.fft2(placed))
    product = np.zeros((SHIFTS * side, SHIFTS * side), complex)
    places = np.fft.fftfreq(side, 1 / side).astype(int)
    product[np.ix_(places, places)] = spectra[0] * spectra[1].conj()
    overlap = float(np.fft.ifft2(product).real.max()) * SHIFTS**2
    return float((first**2).sum() + (second**2).sum()) - 2 * overlap


def strip(target: Path, pictures: list[np.ndarray], found: Referenced) -> None:
    """Blurred, fast, reference and result; and the confidence."""
    target.parent.mkdir(parents=True, exist_ok=True)
    rows = [np.concatenate(pictures[start : start + 2], axis=1) for start in (0, 2)]
    write_photo(Photo(pixels=np.concatenate(rows)), target, overwrite=True)
    shown = np.repeat(found.confidence[..., None], 3, axis=2)
    write_photo(Photo(pixels=shown), target.with_suffix(".confidence.png"), overwrite=True)


def _how(found: Referenced) -> str:
    if found.fit is None:
        return f"refused: {found.refused}"
    kernel = found.fit.kernel
    return (
        f"kernel {len(kernel.kernel)} px, {'light' if kernel.linear_light else 'encoded'}, "
        f"{len(kernel.blur.windows)} windows, explained {kernel.explained:.0%}, confidence "
        f"{found.confidence.mean():.2f}"
    )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--side", type=int, default=640)
    parser.add_argument("--run", nargs="*", choices=RUNS, default=RUNS)
    parser.add_argument("--levin", type=Path)
    parser.add_argument("--strips", type=Path)
    args = parse(parser, count=1, side=320)
    restorer = Restorer.open(RestoreOptions(method="network"))
    draw = (args.count, args.seed, args.photos)
    for kind, source in (("sharp", pairs), ("noisy", noisy_pairs)):
        if kind in args.run:
            compare(kind, source(*draw, side=args.side), restorer, args.strips)
    if "unfitting" in args.run:
        compare_unfitting(partial(pairs, *draw, side=args.side)(), restorer)
    if args.levin:
        levin(args.levin)
    print(f"\nEngine {restorer.engine.name}; {describe(restorer.engine.precision)}")


if __name__ == "__main__":
    main()
