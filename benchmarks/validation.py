"""How methods do on the validation set that validation_set.py builds: one table for each part.

    python benchmarks/validation.py DIR [--model NAME|FILE.onnx ...] [--part a ...] [--limit N]
                                    [--no-guard] [--engine NAME] [--levin FOLDER]

Each ``--model`` is a row: a network by name or file, or unsharp-mask, richardson-lucy and the
like, or auto or blind; the blurred input always is one. Where the blur is known (part a, with
--levin part d), "true kernel" is what deconvolution makes with it: the bound; "cautious", as for
kernels that were found, which are never exact; "network", cleaned up by `guided` and held against
the photo. Figures are means over photos, by the rules of `unblur bench pairs`: results rounded to 8
bits, all pixels, RGB.
"Worse" is the share of photos that lost more than 0.05 dB; "worst" the photo that gained least. Of
part e, sharp photos: PSNR of the output to the input, where 60 stands for anything above. Every
file is checked against its SHA-256 first.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from machine import describe
from quick import is_quick, parse, validation_set
from unblur.engines import open_engine
from unblur.errors import DataError, UnblurError
from unblur.imaging.deblur.known.guide import deconvolved_guide
from unblur.imaging.deblur.known.natural import deconvolve_light
from unblur.imaging.light import linear_to_srgb, srgb_to_linear
from unblur.imaging.measure.noise import estimate_noise
from unblur.imaging.photo.photo import read_photo
from unblur.metrics import psnr, ssim
from unblur.tasks.bench.options import BLURRED, BenchOptions
from unblur.tasks.bench.run import Bench
from unblur.tasks.methods.guided import GuidedNetwork
from validation_pairs import levin_kernel, shake_of
from validation_set import PARTS, VERSION, read_part

HARMED_DB = -0.05
MOST_DB = 60.0
FAITHFUL_DB = 40.0
SHARP = "e-sharp"
SHAKEN = "a-shake"
LEVIN = "d-levin"
BOUNDS = ("true kernel", "the same, cautious", "the same, network")

Scores = dict[str, dict[str, dict[str, float]]]
"""PSNR and SSIM by photo, by method."""
Kernels = dict[str, tuple[np.ndarray, bool]]
"""By photo; True: light was blurred."""


def run_part(folder: Path, options: BenchOptions) -> tuple[Scores, list[str]]:
    """Score a part of the set.

    Returns:
        The scores, and what went wrong.

    Raises:
        UnblurError: If the part is not as it was made, or a method cannot be used.
    """
    bench = Bench(folder, options)
    scores: Scores = {method.name: {} for method in bench.methods}
    errors = []
    for rows in bench.run():
        for row in rows:
            if "error" in row:
                errors.append(f"{row['method']}, {row['image']}: {row['error']}")
            else:
                scores[row["method"]][row["image"]] = row["scores"]
    return scores, errors


def true_kernels(part: str, done: Mapping[str, Mapping[str, Any]], levin: Path | None) -> Kernels:
    """The kernels of a part's photos, where they are known, and whether they blurred light."""
    if part == SHAKEN:
        return {
            name: (shake_of(each["source"], each["exposure"]), True) for name, each in done.items()
        }
    if part == LEVIN and levin is not None:
        return {
            name: (levin_kernel(levin, name, turned=each["kernel_turned"]), False)
            for name, each in done.items()
        }
    return {}


def bounds(folder: Path, kernels: Kernels, names: Iterable[str]) -> Scores:
    """Scores of photos undone with their true kernels: bare, and as `auto` would do it."""
    scores: Scores = {row: {} for row in BOUNDS}
    guided = GuidedNetwork.bundled(lambda file: open_engine(file, precision="fp32"))
    for name in names:
        blurred, sharp = (
            read_photo(folder / kind / f"{name}.png").pixels.astype(np.float32)
            for kind in ("blur", "sharp")
        )
        kernel, light = kernels[name]
        values = srgb_to_linear(blurred) if light else blurred
        # Levin's kernels were measured, and so are a little wrong.
        noise = estimate_noise(blurred)
        restored = deconvolve_light(values, kernel, noise=noise, guessed=not light)
        bare = linear_to_srgb(restored) if light else restored
        guide = deconvolved_guide(blurred, kernel, linear_light=light, noise=noise)
        cautious = guide[..., :3]
        cleaned = guided.undo(blurred, kernel, linear_light=light, noise=noise)
        for row, pixels in zip(BOUNDS, (bare, cautious, cleaned), strict=True):
            codes = np.rint(np.clip(pixels, 0, 1) * 255).astype(np.float32) / np.float32(255)
            scores[row][name] = {"psnr": psnr(codes, sharp), "ssim": ssim(codes, sharp)}
    return scores


def gain_lines(scores: Scores, done: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """The table of a part whose blurred photos are to gain.

    Args:
        scores: By method; the blurred photos' own among them.
        done: What was done to each photo; its kind is told of the worst.
    """
    before = scores[BLURRED]
    yield f"{'':22} {'PSNR':>6} {'SSIM':>6} {'gain':>6} {'worse':>6} {'worst':>6}"
    for method, of_method in scores.items():
        if not of_method:
            yield f"{_short(method):22}   failed"
            continue
        means = [np.mean([x[name] for x in of_method.values()]) for name in ("psnr", "ssim")]
        line = f"{_short(method):22} {means[0]:6.2f} {means[1]:6.4f}"
        if method == BLURRED:
            yield line
            continue
        gains = {name: x["psnr"] - before[name]["psnr"] for name, x in of_method.items()}
        every = np.array(list(gains.values()))
        worst = min(gains, key=lambda name: gains[name])
        kind = f" ({done[worst]['kind']})" if "kind" in done[worst] else ""
        yield (
            f"{line} {every.mean():+6.2f} {(every < HARMED_DB).mean():6.0%} {every.min():+6.2f}"
            f"  {worst}{kind}"
        )


def faithful_lines(scores: Scores) -> Iterator[str]:
    """The table of sharp photos: how near the output is to the input."""
    yield f"{'':22} {'median':>6} {'worst':>6} {'< 40 dB':>8}"
    for method, of_method in scores.items():
        if method == BLURRED:
            continue
        if not of_method:
            yield f"{_short(method):22}   failed"
            continue
        kept = {name: min(MOST_DB, x["psnr"]) for name, x in of_method.items()}
        every = np.array(list(kept.values()))
        worst = min(kept, key=lambda name: kept[name])
        yield (
            f"{_short(method):22} {np.median(every):6.2f} {every.min():6.2f}"
            f" {(every < FAITHFUL_DB).mean():8.0%}  {worst}"
        )


def chosen_parts(folder: Path, wanted: list[str]) -> list[str]:
    """The parts that are there, of those that are asked for by their first letters.

    Raises:
        DataError: If there are none.
    """
    known = [part for part in PARTS if not wanted or part[0] in {name[:1] for name in wanted}]
    there = [part for part in known if (folder / part).is_dir()]
    if not there:
        raise DataError(
            f"{folder} has none of {', '.join(known or PARTS)}; build them with validation_set.py"
        )
    return there


def _short(method: str) -> str:
    """A name that fits the table; of a file its end, where versions differ."""
    return method if len(method) <= 22 else f"...{method[-19:]}"


def main() -> int:
    """Print the tables; 1 if something could not be scored, 2 if nothing could."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path, metavar="DIR", nargs="?" if is_quick() else None)
    parser.add_argument("--model", action="append", help="again for every row")
    parser.add_argument("--part", action="append", default=[], help="a to f; again for more")
    parser.add_argument("--limit", type=int, help="so many photos of each part, always the same")
    parser.add_argument("--no-guard", action="store_true", help="show what it prevents")
    parser.add_argument("--engine", default="onnx")
    parser.add_argument("--levin", type=Path, help="Levin's photos, for their true kernels")
    args = parse(parser, folder=validation_set, limit=1)
    failed = 0
    try:
        options = BenchOptions(
            models=tuple(args.model or ("unsharp-mask", "fast")),
            limit=args.limit,
            guard="off" if args.no_guard else "on",
            engine=args.engine,
            workers=1,
        )
        parts = chosen_parts(args.folder, args.part)
        missing = [part for part in PARTS if not args.part and part not in parts]
        print(f"validation set, version {VERSION}; guard {'off' if args.no_guard else 'on'}")
        for part in parts:
            done = read_part(args.folder / part)
            scores, errors = run_part(args.folder / part, options)
            count = len(scores[BLURRED])
            if kernels := true_kernels(part, done, args.levin):
                scores |= bounds(args.folder / part, kernels, scores[BLURRED])
            print(f"\n{part}, {count} of {len(done)}, dB")
            lines = faithful_lines(scores) if part == SHARP else gain_lines(scores, done)
            print("\n".join([*lines, *(f"! {error}" for error in errors)]), flush=True)
            failed += len(errors)
    except UnblurError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    print(f"\nnot there: {', '.join(missing)}" if missing else "")
    print(describe(f"engine {args.engine}"))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
