"""What noise does to restoring: gain, and how noisy flat places come out.

    python benchmarks/noise.py PHOTOS [--count 12]

Photos that are not for validation (half of any folder, by the hash of their names), shrunk as the
validation set's are, shaken by Algorithm 1 (a third each of 1/10, 1/2 and the whole of a 60 px
path), light blurred, with noise of several standard deviations, 8 bits; "denoised" is noise of
10/255 after a Wiener filter of 5x5 px. Mean gain of `auto` over the blurred photo in dB, RGB; the
share of photos whose kernel was taken; standard deviation, of 255, of what differs from the mean of
3x3 px in the flattest tenth of the photo's patches of 16 px, before and after.
"""

import argparse
from pathlib import Path

import numpy as np
import scipy.ndimage
import scipy.signal

from machine import describe
from quick import is_quick, parse, photos
from unblur import RestoreOptions, Restorer, blur
from unblur.imaging.photo.photo import read_photo
from unblur.metrics import psnr
from unblur.tasks.methods.blur_estimate import BlurEstimate
from validation_pairs import ENDINGS, EXPOSURES, _hash, _shrunk, is_held_out, shake_of

SIGMAS = (0.0, 1.0, 3.0, 5.0, 10.0)
DENOISED = "10, denoised"
PATCH_PX = 16
FLATTEST = 0.1


def flat_patches(sharp: np.ndarray) -> list[tuple[slice, slice]]:
    """The places of a photo in which there is least to see."""
    rows, columns = (side // PATCH_PX for side in sharp.shape[:2])
    grid = [
        (slice(y * PATCH_PX, (y + 1) * PATCH_PX), slice(x * PATCH_PX, (x + 1) * PATCH_PX))
        for y in range(rows)
        for x in range(columns)
    ]
    grid.sort(key=lambda place: float(sharp[place].std(axis=(0, 1)).max()))
    return grid[: max(1, round(FLATTEST * len(grid)))]


def grain(pixels: np.ndarray, places: list[tuple[slice, slice]]) -> float:
    """How noisy places are, of 255."""
    fine = pixels - scipy.ndimage.uniform_filter(pixels, (3, 3, 1))
    return 255 * float(np.sqrt(np.mean([np.mean(fine[place] ** 2) for place in places])))


def noisy(shaken: np.ndarray, sigma: float, rng: np.random.Generator) -> np.ndarray:
    """With noise, and of 8 bits."""
    seen = shaken + sigma / 255 * rng.standard_normal(shaken.shape, dtype=np.float32)
    return np.rint(np.clip(seen, 0, 1) * 255).astype(np.float32) / np.float32(255)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("photos", type=Path, metavar="PHOTOS", nargs="?" if is_quick() else None)
    parser.add_argument("--count", type=int, default=12)
    args = parse(parser, photos=lambda: photos(2), count=1)
    restorer = Restorer.open(RestoreOptions(method="auto", engine="onnx", precision="fp32"))
    paths = [path for path in args.photos.iterdir() if path.suffix.lower() in ENDINGS]
    paths = sorted((x for x in paths if not is_held_out(x.name)), key=lambda x: _hash(x.name))
    rows: dict[str, list[tuple[float, ...]]] = {}
    for at, path in enumerate(paths[: args.count]):
        sharp = _shrunk(read_photo(path).pixels.astype(np.float32))
        flat = flat_patches(sharp)
        shaken = blur(sharp, shake_of(path.name, EXPOSURES[at % 3]))
        rng = np.random.default_rng(at)
        seen = {f"{sigma:g}": noisy(shaken, sigma, rng) for sigma in SIGMAS}
        channels = [scipy.signal.wiener(x, 5) for x in np.moveaxis(seen["10"], 2, 0)]
        seen[DENOISED] = noisy(np.stack(channels, axis=2).astype(np.float32), 0, rng)
        for name, pixels in seen.items():
            said: list[BlurEstimate] = []
            restored = np.clip(restorer.restore_pixels(pixels, tell=said.append), 0, 1)
            taken = float(any(found.taken for found in said))
            before, after = psnr(pixels, sharp), psnr(restored, sharp)
            row = (before, after - before, taken, grain(pixels, flat), grain(restored, flat))
            rows.setdefault(name, []).append(row)
    print(f"{'noise, of 255':14} {'blurred':>8} {'gain':>6} {'worst':>6} {'taken':>6} {'flat':>12}")
    for name, of_noise in rows.items():
        table = np.array(of_noise)
        before, gain, taken, grain_in, grain_out = table.mean(axis=0)
        print(
            f"{name:14} {before:8.2f} {gain:+6.2f} {table[:, 1].min():+6.2f} {taken:6.0%} "
            f"{grain_in:5.2f} {grain_out:6.2f}",
            flush=True,
        )
    print(describe("auto, engine onnx"))


if __name__ == "__main__":
    main()
