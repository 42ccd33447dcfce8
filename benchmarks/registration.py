"""How exactly a second shot is laid over a blurred photo, where the truth is known.

    python benchmarks/registration.py [--photos FOLDER] [--count 20] [--seed 2026] [--side 1280]
                                      [--noisy] [--unfitting] [--strips DIR]

The reference is the sharp photo seen through a random homography (2 degrees, 3 % zoom, then the
corners move by up to 3 % of the width), at +-15 % brightness, cropped by up to 4 % a side, 8 bit;
black where the photo ends. The blurred photo is made by Algorithm 1, noise sigma 1/255, 8 bit; its
kernel has its centre of mass in its centre. Errors are distances in px of the blurred photo between
where a 21x21 grid over all of it comes to lie and where it should: their mean and largest over the
grid. "Agrees" is the mean confidence where the reference reaches; PSNR is that of the registered
reference against the sharp photo where the confidence is above 0.9.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

import unblur
from held_out import PHOTOS, load
from machine import describe
from quick import parse
from unblur.errors import RegistrationError
from unblur.imaging.light import linear_to_srgb, srgb_to_linear
from unblur.imaging.photo.photo import Photo, read_photo, write_photo
from unblur.imaging.register.registration import Registration, register
from unblur.metrics import psnr

Shots = tuple[np.ndarray, np.ndarray, np.ndarray]


def shots(
    sharp: np.ndarray, rng: np.random.Generator, *, noise: float = 0.0, light: bool = True
) -> Shots:
    """A blurred photo, a reference, and the homography from the one's px to the other's.

    Args:
        sharp: (H, W, 3) in [0, 1].
        rng: Source of everything drawn.
        noise: Sigma of Gaussian noise on the reference.
        light: Light is blurred and made brighter; False: encoded values.
    """
    height, width = sharp.shape[:2]
    kernel = unblur.random_kernels(1, rng=rng)[0]
    blurred = unblur.blur(sharp, kernel, linear_light=light, noise_sigma=1 / 255, rng=rng)
    homography = random_homography(height, width, rng)
    top, bottom = (int(share * height) for share in rng.uniform(0, 0.04, 2))
    left, right = (int(share * width) for share in rng.uniform(0, 0.04, 2))
    homography = np.array([[1, 0, -left], [0, 1, -top], [0, 0, 1.0]]) @ homography
    size = (width - left - right, height - top - bottom)
    gain = np.float32(rng.uniform(0.85, 1.15))
    seen = linear_to_srgb(srgb_to_linear(sharp) * gain) if light else sharp * gain
    reference = cv2.warpPerspective(seen, homography, size, flags=cv2.INTER_CUBIC)
    if noise:
        reference = reference + rng.normal(0, noise, reference.shape)
    return eight_bits(blurred), eight_bits(reference), homography


def random_homography(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """From px of a photo to where they are seen from a little elsewhere."""
    turn, zoom = np.deg2rad(rng.uniform(-2, 2)), rng.uniform(0.97, 1.03)
    turned = zoom * np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    corners = np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]])
    centre = corners.mean(axis=0)
    moved = (corners - centre) @ turned + centre
    moved += rng.uniform(-0.03, 0.03, (4, 2)) * width / np.sqrt(2)
    found = cv2.getPerspectiveTransform(corners.astype(np.float32), moved.astype(np.float32))
    return np.asarray(found, np.float64)


def errors_px(found: np.ndarray, truth: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Distances between where two homographies look, in px of the blurred photo, over a grid."""
    grid = np.meshgrid(np.linspace(0, shape[1] - 1, 21), np.linspace(0, shape[0] - 1, 21))
    points = np.stack([*(axis.ravel() for axis in grid), np.ones(grid[0].size)])
    again = np.linalg.inv(truth) @ found @ points
    return np.hypot(*(again[:2] / again[2] - points[:2]))


def eight_bits(pixels: np.ndarray) -> np.ndarray:
    """As a file would hold them."""
    return np.round(np.clip(pixels, 0, 1) * 255).astype(np.float32) / 255


def unfitting(sharp: np.ndarray, blurred: np.ndarray, other: np.ndarray) -> dict[str, np.ndarray]:
    """References that are of no use, and one that only seems so."""
    height, width = sharp.shape[:2]
    return {
        "another scene": other,
        "upside down": sharp[::-1, ::-1],
        "mirrored": sharp[:, ::-1],
        "the blurred photo itself": blurred,
        "10 times smaller": cv2.resize(
            sharp, (width // 10, height // 10), interpolation=cv2.INTER_AREA
        ),
        "black": np.zeros_like(sharp),
    }


def photos(folder: Path | None, count: int, side: int) -> Iterator[tuple[str, np.ndarray]]:
    """Names and sharp photos, evenly out of all that there are."""
    if folder is None:
        names = list(PHOTOS)
        for index in range(count):
            name = names[index % len(names)]
            yield name, load(name)
        return
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in {".jpg", ".png"})
    for file in files[:: max(1, len(files) // count)][:count]:
        pixels = read_photo(file).pixels.astype(np.float32)
        scale = min(1.0, side / max(pixels.shape))
        if scale < 1:
            pixels = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        yield file.stem[:28], pixels


def row(name: str, sharp: np.ndarray, result: Registration, truth: np.ndarray) -> list[float]:
    """Print what came of one photo; the mean and the largest error."""
    errors = errors_px(result.homography, truth, sharp.shape)
    sure = result.confidence > 0.9
    quality = psnr(result.reference[sure][None], sharp[sure][None]) if sure.any() else np.nan
    agrees = result.confidence[result.covered].mean()
    print(
        f"| {name} | {sharp.shape[1]}x{sharp.shape[0]} | {result.matches} | {errors.mean():.3f} | "
        f"{errors.max():.3f} | {result.covered.mean():.2f} | {agrees:.2f} | {quality:.1f} |",
        flush=True,
    )
    return [errors.mean(), errors.max()]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--side", type=int, default=1280, help="larger photos are made smaller")
    parser.add_argument("--noisy", action="store_true", help="noise of 25/255 on the reference")
    parser.add_argument("--encoded", action="store_true", help="blur encoded values, not light")
    parser.add_argument("--unfitting", action="store_true", help="references that do not fit")
    parser.add_argument("--strips", type=Path, help="folder for pictures")
    args = parse(parser, count=2, side=480)
    print(f"{describe()}\n")
    print("| photo | size | matches | mean error, px | largest | reaches | agrees | PSNR, dB |")
    print("|---|---|---|---|---|---|---|---|")
    found, refused = [], 0
    bad: list[tuple[str, str, str]] = []
    previous = None
    for index, (name, sharp) in enumerate(photos(args.photos, args.count, args.side)):
        rng = np.random.default_rng([args.seed, index])
        noise = 25 / 255 if args.noisy else 0.0
        blurred, reference, truth = shots(sharp, rng, noise=noise, light=not args.encoded)
        try:
            result = register(blurred, reference, noisy=args.noisy)
        except RegistrationError as error:
            refused += 1
            print(f"| {name} | refused: {error} |")
        else:
            found.append(row(name, sharp, result, truth))
            if args.strips:
                strip(args.strips / f"{index:02d}-{name}.png", blurred, result, sharp)
        if args.unfitting and previous is not None:
            for what, wrong in unfitting(sharp, blurred, previous).items():
                bad.append((name, what, outcome(blurred, wrong)))
        previous = sharp
    means, largest = np.array(found).T
    print(
        f"\nMedian of the means {np.median(means):.3f} px, largest of them {means.max():.3f}; "
        f"median of the largest errors {np.median(largest):.3f}, largest {largest.max():.3f}; "
        f"{(largest < 0.5).sum()} of {len(found) + refused} below 0.5 px everywhere; "
        f"{refused} refused"
    )
    if bad:
        print("\n| photo | reference | what came of it |\n|---|---|---|")
        for cells in bad:
            print("| " + " | ".join(cells) + " |")


def outcome(blurred: np.ndarray, wrong: np.ndarray) -> str:
    """Why a reference is refused, or that it is not."""
    try:
        result = register(blurred, np.ascontiguousarray(wrong))
    except RegistrationError as error:
        return str(error)
    turned = np.array([[-1, 0, wrong.shape[1] - 1], [0, -1, wrong.shape[0] - 1], [0, 0, 1.0]])
    largest = errors_px(result.homography, turned, blurred.shape).max()
    return f"registered; if it is turned by 180 degrees, to {largest:.3f} px"


def strip(file: Path, blurred: np.ndarray, result: Registration, sharp: np.ndarray) -> None:
    """Blurred, registered, confidence, and ten times the difference where it reaches."""
    file.parent.mkdir(parents=True, exist_ok=True)
    wrong = np.abs(result.reference - sharp) * 10 * result.covered[..., None]
    sure = np.repeat(result.confidence[..., None], 3, axis=2)
    both = [np.concatenate(part, axis=1) for part in ((blurred, result.reference), (sure, wrong))]
    pixels = np.clip(np.concatenate(both), 0, 1).astype(np.float32)
    write_photo(Photo(pixels=pixels), file, overwrite=True)


if __name__ == "__main__":
    main()
