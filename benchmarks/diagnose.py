"""How good `unblur diagnose` and the do-no-harm guard are, on photos of known blur.

    python benchmarks/diagnose.py [--photos DIR] [--count N]        the diagnosis
    python benchmarks/diagnose.py --guard [--photos DIR]            restoring with and without guard
    python benchmarks/diagnose.py --fit DIR [--count N]             constants of the diagnosis

Without a folder: scikit-image's photos, which no constant was fitted to. Photos of a folder are
scaled to 0.5 to 0.9 of their size first, so that they are truly sharp.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

import numpy as np
import pyvips

import held_out
import quick
import unblur
from machine import describe
from unblur.data.photos import list_photos
from unblur.imaging.blur.kernels import trajectory_kernels
from unblur.imaging.blur.motion import random_motion
from unblur.imaging.measure import spectrum
from unblur.imaging.measure.cells import cell_structures
from unblur.imaging.measure.guard import guard_weight
from unblur.metrics import psnr
from unblur.tasks.restore import diagnose as task
from unblur.tasks.restore.options import RestoreOptions
from unblur.tasks.restore.restorer import Restorer

SIDE = 512
KINDS = ("sharp", "straight", "shake 0.1", "shake 0.5", "shake 1.0", "arc", "disc")
WORDS = ("sharp", "slightly blurred", "clearly blurred", "heavily blurred")
PIXEL_VARIANCE = 0.25
"""Variances are compared by their logarithms, from that of a sharp photo's own softness on."""


def photos(
    folder: Path | None, count: int
) -> Iterator[tuple[str, np.ndarray, np.random.Generator]]:
    """Sharp photos with their names, and a source of randomness for each."""
    if folder is None:
        for index, name in enumerate(held_out.PHOTOS):
            yield name, held_out.load(name), np.random.default_rng([5, index])
        return
    paths = list_photos(folder)
    for index in np.random.default_rng(77).permutation(len(paths))[:count]:
        rng = np.random.default_rng([6, index])
        scaled = pyvips.Image.new_from_file(str(paths[index])).colourspace("srgb")
        scaled = scaled.resize(rng.uniform(0.5, 0.9), kernel="lanczos3")
        pixels = scaled.numpy()[:SIDE, :SIDE, :3].astype(np.float32) / 255
        yield paths[index].stem, np.ascontiguousarray(pixels), rng


def random_kernel(kind: str, rng: np.random.Generator) -> np.ndarray | None:
    """A kernel of a kind; None for sharp."""
    if kind == "straight":
        length, angle = np.exp(rng.uniform(np.log(3), np.log(40))), rng.uniform(0, np.pi)
        along = np.linspace(-length / 2, length / 2, 1000)
        path = np.stack([along * np.cos(angle), -along * np.sin(angle)], axis=1)
        return trajectory_kernels(path[None])[0]
    if kind == "disc":
        right, down = np.meshgrid(*[np.arange(-12, 13)] * 2)
        disc = np.clip(rng.uniform(1.5, 8) + 0.5 - np.hypot(right, down), 0, 1)
        return (disc / disc.sum()).astype(np.float32)
    if kind == "arc":
        length = float(rng.uniform(6, 30))
        return unblur.random_kernels(1, rng=rng, exposure=(1,), length_px=length, preset="paper")[0]
    if kind.startswith("shake"):
        return unblur.random_kernels(1, rng=rng, exposure=(float(kind.split()[1]),))[0]
    return None


def variances(kernel: np.ndarray | None) -> tuple[float, float, float]:
    """Along x, along y, and both together, in px^2; y is up."""
    if kernel is None:
        return 0.0, 0.0, 0.0
    reach = len(kernel) // 2
    x, y = np.meshgrid(np.arange(-reach, reach + 1), np.arange(reach, -reach - 1, -1))
    x, y = x - (kernel * x).sum(), y - (kernel * y).sum()
    return tuple(float((kernel * product).sum()) for product in (x * x, y * y, x * y))


def shape(variance: tuple[float, float, float]) -> tuple[float, float, float]:
    """Length and width in px and angle in degrees of a kernel of these variances."""
    xx, yy, xy = variance
    values, vectors = np.linalg.eigh(np.array([[xx, xy], [xy, yy]]))
    width, length = np.sqrt(12 * np.maximum(values, 0))
    return length, width, float(np.degrees(np.arctan2(vectors[1, 1], vectors[0, 1])) % 180)


def rounded(pixels: np.ndarray) -> np.ndarray:
    """As saved with 8 bits."""
    return np.round(pixels * 255).astype(np.float32) / 255


def spoil(sharp: np.ndarray, kernel: np.ndarray | None, rng: np.random.Generator) -> np.ndarray:
    """Blur, then noise of 0.5 to 4 codes."""
    sigma = float(rng.choice([0.5, 1, 1, 2, 4])) / 255
    none = np.ones((1, 1), np.float32)
    blurred = unblur.blur(sharp, none if kernel is None else kernel, noise_sigma=sigma, rng=rng)
    return rounded(blurred)


def samples(folder: Path | None, count: int, repeats: int) -> Iterator[tuple]:
    """Kind, blurred pixels, sharp pixels, variances of the kernel."""
    for _, sharp, rng in photos(folder, count):
        for kind in KINDS * repeats:
            kernel = random_kernel(kind, rng)
            yield kind, spoil(sharp, kernel, rng), sharp, variances(kernel)


def gain(blurred: np.ndarray, sharp: np.ndarray, restorer: Restorer) -> float:
    """What restoring gains in dB."""
    return psnr(restorer.restore_pixels(blurred), sharp) - psnr(blurred, sharp)


def kernel_logs(variance: tuple[float, float, float]) -> np.ndarray:
    """What the model should say, (8,), for a kernel of these variances xx, yy and xy (y up)."""
    right, up = np.cos(spectrum.ANGLES), np.sin(spectrum.ANGLES)
    spread = right**2 * variance[0] + up**2 * variance[1] + 2 * right * up * variance[2]
    return np.log(np.maximum(spread, 0) + PIXEL_VARIANCE)


def fit(folder: Path, count: int, restorer: Restorer | None) -> None:
    """Print the constants of the diagnosis: least squares, slightly damped."""
    inputs, targets, shapes, grown, gains = [], [], [], [], []
    for _, blurred, sharp, variance in samples(folder, count, 1):
        _, parts = cell_structures(blurred)
        noise = spectrum.noise_energy(parts)
        inputs.append(spectrum.blur_features(np.mean(parts, axis=0), noise))
        targets.append(kernel_logs(variance))
        shapes.append(shape(variance))
        if restorer:
            grown.append(task.gain_features(blurred, restorer, noise))
            gains.append(np.clip(gain(blurred, sharp, restorer), -1, 6))
    model = ridge(np.concatenate(inputs), np.concatenate(targets), 3)
    found = np.array([spectrum.harmonics(one @ model) for one in inputs])
    turns = np.hypot(found[:, 1], found[:, 2])
    seen = np.stack(
        [spectrum.shape_features(*pair) for pair in zip(found[:, 0], turns, strict=True)]
    )
    swing = np.log(turns + 1e-3)
    angle = np.degrees(np.arctan2(found[:, 2], found[:, 1]) / 2)
    length, width, true = np.array(shapes).T
    right = ((np.abs((angle - true + 90) % 180 - 90) < 15) & (length > 1)).astype(float)
    sure = np.zeros(2)
    design = np.stack([np.ones_like(swing), swing], axis=1)
    for _ in range(50):  # Newton's method for the logistic curve
        chance = 1 / (1 + np.exp(-design @ sure))
        weight = design.T * (chance * (1 - chance))
        sure += np.linalg.solve(weight @ design + 1e-6 * np.eye(2), design.T @ (right - chance))
    constants = {
        "_MODEL": model,
        "_LENGTH": ridge(seen, np.log1p(length), 1),
        "_WIDTH": ridge(seen, np.log1p(width), 1),
        "_SURE": sure,
    }
    if restorer:
        constants["_GAIN"] = ridge(np.array(grown), np.array(gains), 1)
    for name, values in constants.items():
        print(name, "=", tuple(float(f"{value:.4g}") for value in values))


def ridge(inputs: np.ndarray, targets: np.ndarray, damping: float) -> np.ndarray:
    """Least squares with inputs scaled alike and small coefficients preferred."""
    scale = np.maximum(inputs.std(axis=0), 1e-9)
    scale[0] = 1
    scaled = inputs / scale
    square = scaled.T @ scaled + damping * np.eye(len(scale))
    return np.linalg.solve(square, scaled.T @ targets) / scale


def word(length: float) -> int:
    """The place in WORDS of a length."""
    return int(
        np.searchsorted([task.SLIGHTLY_PX, task.CLEARLY_PX, task.HEAVILY_PX], length, "right")
    )


def judge(folder: Path | None, count: int, restorer: Restorer) -> None:
    """Print how good the diagnosis is."""
    rows = []
    for kind, blurred, sharp, variance in samples(folder, count, 2):
        found = task.diagnose(blurred, restorer)
        length, width, angle = shape(variance)
        blur = found.blur
        miss = abs((blur.angle_deg - angle + 90) % 180 - 90) if length > 2 * width else np.nan
        off = abs(blur.length_px / length - 1) if length else np.nan
        words = abs(word(blur.length_px) - word(length))
        rows.append((kind, length, blur.length_px, off, miss, words == 0, words <= 1,
                     not found.directed and found.verdict != "sharp", blur.certainty, found.spread,
                     found.gain_db, gain(blurred, sharp, restorer)))  # fmt: skip
    print(f"{'kind':10} {'length':>6} {'found':>6} {'off':>5} {'direction':>9} {'<15':>5}"
          f" {'word':>5} {'+-1':>5} {'round':>5} {'sure':>5} {'spread':>6} {'gain':>5}"
          f" {'pred.':>5} {'helps':>5}")  # fmt: skip
    for kind in (*KINDS, "all"):
        values = np.array([row[1:] for row in rows if kind in {row[0], "all"}], float)
        length, seen, off, miss, same, near, focus, sure, spread, predicted, true = values.T
        known = miss[~np.isnan(miss)]
        direction = np.median(known) if len(known) else np.nan
        helps = np.mean((predicted > task.HELPS_DB) == (true > task.HELPS_DB))
        print(f"{kind:10} {np.median(length):6.1f} {np.median(seen):6.1f}"
              f" {np.nanmedian(off) if kind != 'sharp' else np.nan:5.2f} {direction:9.1f}"
              f" {np.mean(known < 15) if len(known) else np.nan:5.2f} {same.mean():5.2f}"
              f" {near.mean():5.2f} {focus.mean():5.2f} {sure.mean():5.2f}"
              f" {np.percentile(spread, 90):6.2f} {true.mean():5.2f} {predicted.mean():5.2f}"
              f" {helps:5.2f}")  # fmt: skip
    true = np.maximum(true, -1)  # one photo, brick, loses so much that it would decide all
    ranks = [np.argsort(np.argsort(one)) for one in (predicted, true)]
    print(
        f"predicted and true gain (-1 dB at least): correlation "
        f"{np.corrcoef(predicted, true)[0, 1]:.2f}, of ranks {np.corrcoef(*ranks)[0, 1]:.2f}, "
        f"median error {np.median(abs(predicted - true)):.2f} dB"
    )
    for kind in ("shake", "rotation", "object"):
        said = [task.diagnose(blurred).varies for blurred in moved(kind, folder, count)]
        print(f"{kind}: said to vary over the photo {np.mean(said):.2f}")


def moved(kind: str, folder: Path | None, count: int) -> Iterator[np.ndarray]:
    """Photos with a motion of a kind."""
    for _, sharp, rng in photos(folder, count):
        height, width, _ = sharp.shape
        for length in (30, 60):
            motion = random_motion(kind, rng=rng, height=height, width=width, length_px=length)
            yield rounded(unblur.blur(sharp, motion, noise_sigma=1 / 255, rng=rng))


def guarded_by(blurred: np.ndarray, restored: np.ndarray) -> np.ndarray:
    """The restored picture, but for regions that were sharp: those of the original."""
    return blurred + guard_weight(blurred, restored)[..., None] * (restored - blurred)


def guard(folder: Path | None, count: int, restorer: Restorer) -> None:
    """Print what the guard keeps and what it costs."""
    rows: dict[str, list[tuple[float, float]]] = {}
    for name, pixels, rng in photos(folder, count):
        sharp = rounded(pixels)
        restored = restorer.restore_pixels(sharp)
        pair = psnr(restored, sharp), psnr(guarded_by(sharp, restored), sharp)
        rows.setdefault("sharp", []).append(tuple(min(x, 99.0) for x in pair))
        print(f"  {name:28} sharp in, PSNR to it: {pair[0]:6.2f} -> {pair[1]:6.2f}")
        for kind in ("shake 0.1", "shake 0.5", "shake 1.0", "object"):
            motion = random_kernel(kind, rng)
            if motion is None:
                height, width, _ = sharp.shape
                motion = random_motion("object", rng=rng, height=height, width=width)
            blurred = rounded(unblur.blur(sharp, motion, noise_sigma=1 / 255, rng=rng))
            restored = restorer.restore_pixels(blurred)
            before = psnr(blurred, sharp)
            guarded = guarded_by(blurred, restored)
            rows.setdefault(kind, []).append(
                tuple(psnr(x, sharp) - before for x in (restored, guarded))
            )
    heads = ("mean", "guarded", "worst", "guarded", "harmed", "guarded")
    print(" " * 10 + "".join(f" {head:>7}" for head in heads))
    for kind, pairs in rows.items():
        values = np.array(pairs)
        harmed = (values < (45 if kind == "sharp" else -0.05)).mean(axis=0)
        columns = zip(values.mean(axis=0), values.min(axis=0), harmed, strict=True)
        columns = [number for group in zip(*columns, strict=True) for number in group]
        print(f"{kind:10} " + " ".join(f"{number:7.2f}" for number in columns))


def guard_speed(restorer: Restorer) -> None:
    """Print what the guard takes beside the network, in turns, the least of several runs."""
    photo = np.tile(held_out.load("astronaut"), (2, 3, 1))[:720, :1280]
    restored = restorer.restore_pixels(photo)
    network, guarding = [], []
    for _ in range(12):
        start = perf_counter()
        restorer.restore_pixels(photo)
        middle = perf_counter()
        guard_weight(photo, restored)
        network.append(middle - start)
        guarding.append(perf_counter() - middle)
    share, engine = min(guarding) / min(network), restorer.engine
    print(
        f"1280x720: network {min(network) * 1e3:.0f} ms ({engine.name} {engine.precision}), guard "
        f"{min(guarding) * 1e3:.0f} ms, {share:.1%} of it"
    )


def main() -> None:
    """Print the table or the constants that were asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--guard", action="store_true")
    parser.add_argument("--fit", type=Path)
    parser.add_argument("--no-gain", action="store_true", help="fit without the network: faster")
    args = quick.parse(parser, photos=lambda: quick.photos(2), count=2)
    # The guard's own table compares with it and without; the diagnosis predicts what users get.
    restorer = Restorer.open(RestoreOptions(method="network", engine="onnx", guard=not args.guard))
    if args.fit:
        fit(args.fit, args.count, None if args.no_gain else restorer)
    else:
        (guard if args.guard else judge)(args.photos, args.count, restorer)
    if args.guard:
        guard_speed(Restorer.open(RestoreOptions(method="network", guard=False)))
    print(describe(restorer.engine.precision))


if __name__ == "__main__":
    main()
