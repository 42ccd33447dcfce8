"""Photos to which a camera has added contrast: what undoing a shake gains, and by which curve.

    python benchmarks/contrast.py [--limit 10] [--strips DIR]
    python benchmarks/contrast.py --figure FILE.jpg

A sensor adds up light; a camera stores more than sRGB's curve of it. The photos of held_out.py,
which no training has seen, one shake each (1/10, 1/2 and all of a 60 px path in turns). A photo
counts as it is stored, after the curve: the light that would have been stored so is shaken, noise
of 1/255 is added to what is stored, 8 bits. Curves, after sRGB's: none; a smooth step by 0.6; what
raw converters apply by default; Hable's filmic curve. None of them is the one that unblur undoes.

Gain over the blurred photo in dB, RGB, results rounded to 8 bits, all pixels: of an unsharp mask,
of the network alone, of `auto` by sRGB's curve alone and as it is, the least of these, and of the
network that knows kernels with the true one and the true curve, the bound. "Told": the mean
strength of the curve that was undone. With ``--strips``: PNGs to look at: blurred, the last three
ways, sharp. ``--figure``: parts of two of them, by the curve of raw converters, and no table.
"""

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from held_out import EXPOSURES, PHOTOS, load
from machine import describe
from quick import parse
from unblur import RestoreOptions, Restorer, random_kernels
from unblur.imaging.blur.convolution import convolve
from unblur.imaging.light import CameraCurve, linear_to_srgb, srgb_to_linear
from unblur.imaging.measure.noise import estimate_noise
from unblur.imaging.photo.photo import Photo, write_photo
from unblur.metrics import psnr
from unblur.tasks.methods.blind import BlindMethod
from unblur.tasks.methods.choosing import look

PATH_PX = 60.0
STORED = np.linspace(0, 1, 4097)
LIGHT = (0, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1)
BY_RAW_CONVERTERS = (
    *(0, 0.007, 0.026, 0.063, 0.176, 0.28, 0.37, 0.53, 0.645, 0.74, 0.81, 0.87, 0.92),
    *(0.965, 1),
)
BRIGHTNESS = 4.0


def plain(encoded: np.ndarray) -> np.ndarray:
    """None."""
    return encoded


def smooth_step(encoded: np.ndarray) -> np.ndarray:
    """Steeper in the middle, of what is encoded."""
    return encoded + 0.6 * (encoded**2 * (3 - 2 * encoded) - encoded)


def by_raw_converters(encoded: np.ndarray) -> np.ndarray:
    """About what Adobe's have applied by default since 2003, of light."""
    light = srgb_to_linear(encoded.astype(np.float32))
    return linear_to_srgb(np.interp(light, LIGHT, BY_RAW_CONVERTERS).astype(np.float32))


def filmic(encoded: np.ndarray) -> np.ndarray:
    """Hable's curve, of light."""

    def of(x: np.ndarray | float) -> np.ndarray | float:
        return (x * (0.22 * x + 0.03) + 0.002) / (x * (0.22 * x + 0.3) + 0.06) - 0.002 / 0.06

    light = srgb_to_linear(encoded.astype(np.float32)).astype(np.float64)
    return linear_to_srgb(np.asarray(of(BRIGHTNESS * light) / of(BRIGHTNESS), np.float32))


CURVES: tuple[Callable[[np.ndarray], np.ndarray], ...] = (
    plain,
    smooth_step,
    by_raw_converters,
    filmic,
)
FIGURE = {"motorcycle_left": (60, 60), "coffee": (60, 60)}
"""Photos, and from where a part of them is shown."""
PART_PX = 300
WAYS = ("unsharp mask", "network", "by sRGB alone", "now", "bound")


def through(
    pixels: np.ndarray, curve: Callable[[np.ndarray], np.ndarray], *, back: bool = False
) -> np.ndarray:
    """Encoded values as a camera with this curve stores them, or the other way."""
    stored = curve(STORED).astype(np.float64)
    given, made = (stored, STORED) if back else (STORED, stored)
    return np.interp(pixels, given, made).astype(np.float32)


def shaken(
    sharp: np.ndarray, kernel: np.ndarray, curve: Callable[[np.ndarray], np.ndarray], seed: int
) -> np.ndarray:
    """A photo as a camera with a curve would have stored it, had it been shaken."""
    light = srgb_to_linear(through(sharp, curve, back=True))
    stored = through(linear_to_srgb(np.clip(convolve(light, kernel), 0, 1)), curve)
    noise = np.random.default_rng(seed).standard_normal(stored.shape, dtype=np.float32) / 255
    return codes(stored + noise)


def codes(pixels: np.ndarray) -> np.ndarray:
    """Rounded to 8 bits."""
    return np.rint(255 * np.clip(pixels, 0, 1)).astype(np.float32) / np.float32(255)


@contextmanager
def told(strengths: list[float], *, by_srgb: bool = False) -> Iterator[None]:
    """Hear of the curves that are undone; or let none be asked for."""
    ask, seen = look.camera_curve, look.Sight.look

    def asked(part: np.ndarray, kernel: np.ndarray, *, noise: float) -> CameraCurve:
        return CameraCurve() if by_srgb else ask(part, kernel, noise=noise)

    def heard(sight: look.Sight, pixels: np.ndarray, shrink: int, *, light_alone: bool = False):  # type: ignore[no-untyped-def]
        found = seen(sight, pixels, shrink, light_alone=light_alone)
        if not light_alone:
            strengths.append(found.curve.strength)
        return found

    look.camera_curve, look.Sight.look = asked, heard  # type: ignore[method-assign]
    try:
        yield
    finally:
        look.camera_curve, look.Sight.look = ask, seen  # type: ignore[method-assign]


def bound(
    seen: np.ndarray,
    kernel: np.ndarray,
    curve: Callable[[np.ndarray], np.ndarray],
    method: BlindMethod,
) -> np.ndarray:
    """What the network that knows kernels makes of a photo whose blur and curve are known."""
    encoded = through(seen, curve, back=True)
    noise = estimate_noise(encoded)
    undone = method.guided.undo(encoded, kernel, linear_light=True, noise=noise)
    return through(undone, curve)


class Ways:
    """All that a photo is restored by, opened once."""

    def __init__(self) -> None:
        open_as = {"engine": "onnx", "precision": "fp32"}
        self.usual = Restorer.open(RestoreOptions(method="auto", **open_as))
        others = ("unsharp-mask", "network")
        self.others = [Restorer.open(RestoreOptions(method=each, **open_as)) for each in others]

    def results(
        self, name: str, curve: Callable[[np.ndarray], np.ndarray], strengths: list[float]
    ) -> tuple[np.ndarray, list[np.ndarray], np.ndarray]:
        """A photo as it was stored, as each way restores it, and sharp."""
        at = PHOTOS.index(name)
        rng = np.random.default_rng([2026, at])
        exposure = (EXPOSURES[at % 3],)
        kernel = random_kernels(1, rng=rng, length_px=PATH_PX, exposure=exposure)[0]
        sharp = load(name)
        seen = shaken(sharp, kernel, curve, at)
        results = [other.restore_pixels(seen) for other in self.others]
        with told([], by_srgb=True):
            results.append(self.usual.restore_pixels(seen))
        with told(strengths):
            results.append(self.usual.restore_pixels(seen))
        method = self.usual.method
        assert isinstance(method, BlindMethod)
        results.append(bound(seen, kernel, curve, method))
        return seen, results, sharp


def figure(ways: Ways, file: Path) -> None:
    """Write parts of photos, side by side."""
    rows = []
    for name, (top, left) in FIGURE.items():
        seen, results, sharp = ways.results(name, by_raw_converters, [])
        part = (slice(top, top + PART_PX), slice(left, left + PART_PX))
        rows.append(np.concatenate([x[part] for x in (seen, *results[2:], sharp)], axis=1))
    photo = Photo(pixels=codes(np.concatenate(rows, axis=0)))
    write_photo(photo, file, overwrite=True, quality=85)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--limit", type=int, default=len(PHOTOS))
    parser.add_argument("--strips", type=Path)
    parser.add_argument("--figure", type=Path)
    args = parse(parser, limit=1)
    ways = Ways()
    if args.figure is not None:
        figure(ways, args.figure)
        return
    if args.strips is not None:
        args.strips.mkdir(parents=True, exist_ok=True)
    print(f"{'':18} {'blurred':>8} " + " ".join(f"{x:>14}" for x in WAYS) + "   worst  told")
    for curve in CURVES[:1] if args.quick else CURVES:
        rows, strengths = [], []
        for name in PHOTOS[: args.limit]:
            seen, results, sharp = ways.results(name, curve, strengths)
            before = psnr(seen, sharp)
            rows.append([before, *(psnr(codes(x), sharp) - before for x in results)])
            if args.strips is not None:
                strip = np.concatenate([seen, *results[2:], sharp], axis=1)
                file = args.strips / f"{curve.__name__}-{name}.png"
                write_photo(Photo(pixels=codes(strip)), file, overwrite=True)
        table = np.array(rows)
        line = f"{curve.__name__.replace('_', ' '):18} {table[:, 0].mean():8.2f} "
        line += " ".join(f"{gain:+14.2f}" for gain in table[:, 1:].mean(axis=0))
        now = table[:, 1 + WAYS.index("now")]
        print(f"{line} {now.min():+7.2f} {np.mean(strengths):5.2f}", flush=True)
    print(describe("auto, engine onnx"))


if __name__ == "__main__":
    main()
