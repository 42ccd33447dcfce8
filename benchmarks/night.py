"""Photos of the night: how much is gained where lamps outshine the sensor, and what they tell.

    python benchmarks/night.py PHOTOS [--count 12] [--strips DIR]

Photos that are not for validation, shrunk as the validation set's are and made dark (a mean light
of 3 to 10 % of white), with 3 to 12 lamps of 0.6 to 2 px, 4 to 60 times as bright as white, each
with a faint halo; shaken by Algorithm 1 (a third each of a fifth, a half and the whole of a 60 px
path) as light, with the noise of 5,000 electrons at white, clipped, 8 bits. The truth is the
sharp scene, clipped. Gain over the blurred photo in dB, RGB, and the worst; the share whose kernel
was taken; how like the true one kernels are. "Lamps unseen": what `auto` does where trails are
neither asked for the kernel nor restored by themselves. "True kernel": deconvolution and `guided`,
lamps restored by themselves.
"""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from machine import describe
from quick import is_quick, parse, photos
from unblur import RestoreOptions, Restorer, random_kernels
from unblur.imaging.blur.convolution import convolve
from unblur.imaging.deblur.kernel_support import agreement
from unblur.imaging.light import linear_to_srgb, srgb_to_linear
from unblur.imaging.photo.photo import Photo, read_photo, write_photo
from unblur.metrics import psnr
from unblur.tasks.methods import blind
from unblur.tasks.methods.blur_estimate import BlurEstimate
from unblur.tasks.methods.choosing import lights
from validation_pairs import ENDINGS, _hash, _shrunk, is_held_out

EXPOSURES = (0.2, 0.5, 1.0)
LENGTH_PX = 60.0
CANVAS_PX = 101
ELECTRONS = 5000.0
READ_VARIANCE = 1e-6
LAMPS = (3, 12)
LAMP_PX = (0.6, 2.0)
POWER = (4.0, 60.0)
HALO = (0.002, 12.0)
"""Of a lamp's power, and how far it reaches in px."""
DARK = (0.03, 0.1)


def scene(path: Path, at: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A shaken photo of the night, the sharp scene, both (H, W, 3) in [0, 1], and the kernel."""
    rng = np.random.default_rng([7, at])
    light = srgb_to_linear(_shrunk(read_photo(path).pixels.astype(np.float32)))
    light *= np.float32(rng.uniform(*DARK) / max(float(light.mean()), 0.02))
    rows, columns = np.mgrid[: light.shape[0], : light.shape[1]].astype(np.float32)
    for _ in range(int(rng.integers(LAMPS[0], LAMPS[1] + 1))):
        down, right = rng.uniform(0, light.shape[0]), rng.uniform(0, light.shape[1])
        reach, power = rng.uniform(*LAMP_PX), np.exp(rng.uniform(*np.log(POWER)))
        colour = np.array([1, rng.uniform(0.7, 1), rng.uniform(0.4, 1)])
        squares = (rows - down) ** 2 + (columns - right) ** 2
        shape = np.exp(-squares / (2 * reach**2)) + HALO[0] * np.exp(-np.sqrt(squares) / HALO[1])
        light += (power * shape[..., None] * colour).astype(np.float32)
    exposure = (EXPOSURES[at % len(EXPOSURES)],)
    kernel = random_kernels(
        1, rng=rng, length_px=LENGTH_PX, exposure=exposure, canvas_px=CANVAS_PX
    )[0]
    seen = np.maximum(convolve(light, kernel), 0)
    noise = rng.standard_normal(seen.shape, dtype=np.float32)
    seen = seen + noise * np.sqrt(seen / np.float32(ELECTRONS) + np.float32(READ_VARIANCE))
    blurred, sharp = (linear_to_srgb(np.clip(x, 0, 1).astype(np.float32)) for x in (seen, light))
    return np.rint(blurred * 255).astype(np.float32) / np.float32(255), sharp, kernel


@contextmanager
def unseen() -> Iterator[None]:
    """Lamps are to the blind method as all else is."""
    find = lights.find_trails
    lights.find_trails = lambda _: []  # type: ignore[assignment]
    try:
        yield
    finally:
        lights.find_trails = find


def truly(method: blind.BlindMethod, seen: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """What the method makes of a photo whose kernel is known."""
    lamps = blind.drawn_by(lights.find_trails(seen), kernel, seen.shape)
    dark = blind.without(seen, [lamp.trail for lamp in lamps])
    estimate = BlurEstimate(kernel=kernel, words="", linear_light=True, noise=1 / 255)
    return blind.lit(method._undone(dark, estimate), lamps)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("photos", type=Path, metavar="PHOTOS", nargs="?" if is_quick() else None)
    parser.add_argument("--count", type=int, default=12)
    parser.add_argument("--strips", type=Path, help="before, after and truth, as PNG")
    args = parse(parser, photos=lambda: photos(1), count=1)
    options = RestoreOptions(method="auto", engine="onnx", precision="fp32")
    auto = Restorer.open(options)
    network = Restorer.open(RestoreOptions(method="network", engine="onnx", precision="fp32"))
    paths = [path for path in args.photos.iterdir() if path.suffix.lower() in ENDINGS]
    paths = sorted((x for x in paths if not is_held_out(x.name)), key=lambda x: _hash(x.name))
    rows: dict[str, list[tuple[float, float, float]]] = {}

    def note(name: str, gain: float, said: list[BlurEstimate], kernel: np.ndarray) -> None:
        taken = [found for found in said if found.taken]
        like = agreement(said[-1].kernel, kernel) if said and said[-1].kernel is not None else 0.0
        rows.setdefault(name, []).append((gain, float(bool(taken)), like))

    before = []
    for at, path in enumerate(paths[: args.count]):
        seen, sharp, kernel = scene(path, at)
        before.append(psnr(seen, sharp))
        said: list[BlurEstimate] = []
        with unseen():
            without = auto.restore_pixels(seen, tell=said.append)
        note("fast", psnr(network.restore_pixels(seen), sharp) - before[-1], [], kernel)
        note("auto, lamps unseen", psnr(without, sharp) - before[-1], said, kernel)
        said = []
        restored = auto.restore_pixels(seen, tell=said.append)
        note("auto", psnr(restored, sharp) - before[-1], said, kernel)
        ideal = np.clip(truly(auto.method, seen, kernel), 0, 1)
        note("true kernel", psnr(ideal, sharp) - before[-1], [], kernel)
        if args.strips:
            args.strips.mkdir(parents=True, exist_ok=True)
            strip = np.hstack([seen, without, restored, ideal, sharp])
            write_photo(Photo(pixels=strip), args.strips / f"{path.stem}.png")
    print(f"{len(before)} photos, blurred {np.mean(before):.2f} dB")
    print(f"{'':20} {'gain':>6} {'worst':>6} {'taken':>6} {'alike':>6}")
    for name, of_name in rows.items():
        table = np.array(of_name)
        gain, taken, like = table.mean(axis=0)
        print(f"{name:20} {gain:+6.2f} {table[:, 0].min():+6.2f} {taken:6.0%} {like:6.2f}")
    print(describe("auto, engine onnx"))


if __name__ == "__main__":
    main()
