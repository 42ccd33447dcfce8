"""What each choice of a protocol does to the numbers: the same restored photos, scored otherwise.

    python benchmarks/protocols.py [--pairs DIR] [--limit 20] [--model fast]

Without --pairs: scikit-image's photos, blurred by Algorithm 1 as in held_out.py, one kernel each.
With it: the first photos of any folder with blur/ and sharp/. The last rows restore other inputs
(half the size, as DeblurGAN did; encoded values blurred) and are no other scoring of the same.
"""

import argparse
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import skimage.metrics

import unblur
from held_out import PHOTOS, load
from machine import describe
from quick import parse
from unblur.data.benchmarks import pair_cases
from unblur.imaging.photo.photo import read_photo
from unblur.imaging.pyramid import resize
from unblur.metrics import cw_ssim, ms_ssim, psnr, ssim
from unblur.tasks.restore.options import RestoreOptions
from unblur.tasks.restore.restorer import Restorer

BORDER_PX = 16
Pair = tuple[np.ndarray, np.ndarray]


def rounded(pixels: np.ndarray) -> np.ndarray:
    """As in a file of 8 bits."""
    return (np.round(np.clip(pixels, 0, 1) * 255) / 255).astype(np.float32)


def shaken(*, linear_light: bool) -> Iterator[Pair]:
    """Pairs of scikit-image's photos."""
    for index, name in enumerate(PHOTOS):
        sharp, rng = load(name), np.random.default_rng([2026, index])
        kernel = unblur.random_kernels(1, rng=rng)[0]
        light = {"linear_light": linear_light, "noise_sigma": 1 / 255}
        yield rounded(unblur.blur(sharp, kernel, rng=rng, **light)), sharp


def on_disk(folder: Path, limit: int) -> Iterator[Pair]:
    """Pairs of a folder."""
    for case in list(pair_cases(folder).cases)[:limit]:
        yield tuple(
            read_photo(path).pixels.astype(np.float32) for path in (case.blurred, case.sharp)
        )


def inside(pixels: np.ndarray) -> np.ndarray:
    """Without the border."""
    return pixels[BORDER_PX:-BORDER_PX, BORDER_PX:-BORDER_PX]


def half(pixels: np.ndarray) -> np.ndarray:
    """Half the size, bicubic with antialiasing."""
    return rounded(resize(pixels, pixels.shape[0] // 2, pixels.shape[1] // 2))


def codes(pixels: np.ndarray) -> np.ndarray:
    """As integers."""
    return np.round(np.clip(pixels, 0, 1) * 255).astype(np.uint8)


def uniform(restored: np.ndarray, sharp: np.ndarray) -> float:
    """What scikit-image computes if nothing is said: a flat window of 7 px."""
    similarity = skimage.metrics.structural_similarity
    return float(similarity(codes(restored), codes(sharp), channel_axis=2, data_range=255))


def grey(restored: np.ndarray, sharp: np.ndarray) -> float:
    """SSIM of the luma."""
    weights = np.array([0.299, 0.587, 0.114], np.float32)
    return ssim(*((x @ weights)[..., None] for x in (restored, sharp)))


def float_psnr(restored: np.ndarray, sharp: np.ndarray) -> float:
    """PSNR of values that were never rounded."""
    return float(-10 * np.log10(np.mean((restored.astype(np.float64) - sharp) ** 2)))


SCORES = {
    "PSNR, 8 bits, whole": psnr,
    "PSNR, not rounded": float_psnr,
    f"PSNR, without {BORDER_PX} px of border": lambda a, b: psnr(inside(a), inside(b)),
    "PSNR of the luma": lambda a, b: psnr(
        *((x @ np.array([0.299, 0.587, 0.114], np.float32))[..., None] for x in (a, b))
    ),
    "SSIM, Gaussian 11, RGB, valid": ssim,
    "SSIM, flat 7, RGB (scikit-image's default)": uniform,
    "SSIM of the luma": grey,
    f"SSIM, without {BORDER_PX} px of border": lambda a, b: ssim(inside(a), inside(b)),
    "MS-SSIM": ms_ssim,
    "CW-SSIM, as pyssim": cw_ssim,
    "PSNR, result halved afterwards": lambda a, b: psnr(half(a), half(b)),
    "SSIM, result halved afterwards": lambda a, b: ssim(half(a), half(b)),
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--pairs", type=Path)
    parser.add_argument("--limit", type=int, default=20)
    parser.add_argument("--model", default="fast")
    arguments = parse(parser, limit=2)
    restorer = Restorer.open(RestoreOptions(method="network", model=arguments.model, engine="onnx"))
    found = shaken(linear_light=True)
    if arguments.pairs is not None:
        found = on_disk(arguments.pairs, arguments.limit)
    pairs = list(islice(found, arguments.limit))
    results = [restorer.restore_pixels(blurred) for blurred, _ in pairs]
    print(f"{describe('float32')}; {arguments.model}, {len(pairs)} photos")
    print("| protocol | blurred | restored | gain |\n|---|---|---|---|")
    for name, metric in SCORES.items():
        before = [metric(blurred, sharp) for blurred, sharp in pairs]
        after = [metric(x, sharp) for x, (_, sharp) in zip(results, pairs, strict=True)]
        row(name, before, after)
    halves = [(half(blurred), half(sharp)) for blurred, sharp in pairs]
    again(restorer, "halved first, then restored", halves)
    if arguments.pairs is None:
        again(
            restorer,
            "encoded values blurred",
            list(islice(shaken(linear_light=False), arguments.limit)),
        )


def again(restorer: Restorer, name: str, pairs: list[Pair]) -> None:
    """Restore other inputs, and print their rows."""
    results = [restorer.restore_pixels(blurred) for blurred, _ in pairs]
    for metric in (psnr, ssim):
        before = [metric(blurred, sharp) for blurred, sharp in pairs]
        after = [metric(x, sharp) for x, (_, sharp) in zip(results, pairs, strict=True)]
        row(f"{metric.__name__.upper()}, {name}", before, after)


def row(name: str, before: list[float], after: list[float]) -> None:
    """One line: means."""
    first, second = np.mean(before), np.mean(after)
    digits = 2 if "PSNR" in name else 3
    print(f"| {name} | {first:.{digits}f} | {second:.{digits}f} | {second - first:+.{digits}f} |")


if __name__ == "__main__":
    main()
