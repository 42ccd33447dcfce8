"""What each choice in the recipe of the default network is worth: small runs of equal length.

    python benchmarks/ablation.py --out RUNS --photos PHOTOS --frames FRAMES --start-from WEIGHTS
                                  --validation DIR [--steps 400] [--limit 12] [--only NAME ...]

Each variant is `recipes/fast-last.toml` but for what its name says, and sees the same pairs in the
same order as far as its recipe allows. Those of the recipe go on from the same weights; those of
the network's shape start from fresh ones, on paths that grow. A run that has ended is not run
again. Then all are scored on the validation set (see validation.py), without the guard, which
would hide what a choice does to sharp photos. One seed each: differences of some hundredths of a
dB are noise, as the rows `as it is` and `another seed` show.
"""

import argparse
import csv
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from machine import describe
from quick import folder, frames, is_quick, parse, photos, validation_set
from unblur.tasks.bench.options import BLURRED, BenchOptions
from unblur.tasks.train.recipe import dump_recipe, load_recipe
from unblur.tasks.train.supervised import TrainOptions
from unblur.weights import find_network
from validation import FAITHFUL_DB, MOST_DB, SHARP, Scores, chosen_parts, run_part
from validation_set import read_part

RECIPE = Path(__file__).parent.parent / "recipes" / "fast-last.toml"
SHAPES = {"fast": "as it is", "fast-wide": "wider", "fast-deep": "deeper"}
LOW_FLOOR = 1e-4
GROWING = 0.7
"""Of the runs from fresh weights: share of the updates over which paths grow."""


def of_the_recipe(base: TrainOptions) -> dict[str, TrainOptions]:
    """The variants that go on from given weights, by name."""
    data, mix = base.data, base.mix
    return {
        "as it is": base,
        "another seed": replace(base, seed=base.seed + 1),
        "loss: no spectra": replace(base, frequency_weight=0),
        "loss: lower floor": replace(base, loss_floor=LOW_FLOOR),
        "loss: plain mean": replace(base, loss="charbonnier"),
        "kinds: shakes only": replace(base, data=replace(data, rotation_share=0, object_share=0)),
        "kinds: no frames": replace(base, mix=replace(mix, real=0)),
        "sharp inputs: none": replace(base, data=replace(data, sharp_share=0)),
        "sharp inputs: 40 %": replace(base, data=replace(data, sharp_share=0.4)),
        "no defocus": replace(base, data=replace(data, defocus_share=0)),
    }


def of_the_network(base: TrainOptions) -> dict[str, TrainOptions]:
    """The variants that start from fresh weights, by name."""
    fresh = replace(base, early_share=GROWING, learning_rate=2 * base.learning_rate)
    return {f"fresh: {word}": replace(fresh, model=name) for name, word in SHAPES.items()}


def run(name: str, options: TrainOptions, args: argparse.Namespace) -> Path:
    """Train a variant, if that has not been done; returns its folder."""
    folder: Path = args.out / name.replace(": ", "-").replace(" ", "-").replace("%", "percent")
    if (folder / "generator.onnx").exists():
        return folder
    recipe = args.out / f"{folder.name}.toml"
    recipe.write_text(dump_recipe(options), encoding="utf-8")
    command = [sys.executable, "-m", "unblur", "train", recipe, "--out", folder]
    command += ["--data", args.photos, "--leave-out", args.leave_out]
    if args.quick:  # another process takes longer to start than the pairs to make
        command += ["--workers", "0"]
    if options.perceptual:
        command += ["--vgg", args.vgg]
    if options.mix.real:
        command += ["--frames", args.frames]
    if (folder / "checkpoints").is_dir():
        command += ["--resume"]
    elif not name.startswith("fresh"):
        command += ["--start-from", args.start_from]
    subprocess.run([str(part) for part in command], check=True, capture_output=True)
    return folder


def processor_s(folder: Path) -> float:
    """Processor time of a run, as its last validation logged it."""
    logged = sorted(folder.glob("logs/from-step-*/metrics.csv"))
    with logged[-1].open(encoding="utf-8", newline="") as file:
        times = [row["time/process_s"] for row in csv.DictReader(file)]
    return float([time for time in times if time][-1])


def row(part: str, scores: Scores, method: str) -> str:
    """A part's figures of one method."""
    values = scores[method]
    if part == SHARP:
        kept = np.array([min(MOST_DB, x["psnr"]) for x in values.values()])
        return f"{np.median(kept):.1f}, {(kept < FAITHFUL_DB).mean():.0%}"
    gains = np.array([x["psnr"] - scores[BLURRED][name]["psnr"] for name, x in values.items()])
    return f"{gains.mean():+.2f}, {gains.min():+.2f}"


def table(folders: dict[str, Path], args: argparse.Namespace) -> Iterator[str]:
    """The lines of a Markdown table."""
    models = {name: str(folder / "generator.onnx") for name, folder in folders.items()}
    options = BenchOptions(
        models=tuple(models.values()), limit=args.limit, workers=1, engine="onnx"
    )
    columns = {}
    for part in chosen_parts(args.validation, []):
        read_part(args.validation / part)
        columns[part], errors = run_part(args.validation / part, options)
        if errors:
            raise SystemExit("\n".join(errors))
    yield "| variant | processor s | " + " | ".join(columns) + " |"
    yield "|---|---|" + "---|" * len(columns)
    for name, model in models.items():
        cells = [row(part, scores, model) for part, scores in columns.items()]
        yield f"| {name} | {processor_s(folders[name]):.0f} | {' | '.join(cells)} |"


def main() -> int:
    """Train what is not trained yet, then print the table."""
    parser = argparse.ArgumentParser()
    for name in ("out", "photos", "frames", "start-from", "validation"):
        parser.add_argument(f"--{name}", type=Path, required=not is_quick())
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--fresh-steps", type=int, default=900)
    parser.add_argument("--limit", type=int, default=12, help="photos of each part")
    parser.add_argument("--only", action="append", help="a variant by its name; again for more")
    args = parse(
        parser,
        out=lambda: folder() / "runs",
        photos=lambda: photos(8),
        frames=frames,
        start_from=lambda: find_network("fast"),
        validation=validation_set,
        steps=1,
        fresh_steps=1,
        limit=1,
        only=["as it is"],
    )
    args.leave_out = Path(__file__).with_name("validation_photos.txt")
    args.out.mkdir(parents=True, exist_ok=True)

    base = load_recipe(RECIPE, TrainOptions)
    base = replace(base, steps=args.steps, validate_every=args.steps, validation_photos=2)
    # The floor of the stages before: what a lower one does is a row of its own.
    base = replace(base, loss_floor=TrainOptions().loss_floor)
    base = replace(base, learning_rate=base.learning_rate / 2, ema_decay=0.99)
    longer = replace(base, steps=args.fresh_steps, validate_every=args.fresh_steps)
    variants = of_the_recipe(base) | of_the_network(longer)
    if unknown := set(args.only or ()) - set(variants):
        print(f"Error: unknown {sorted(unknown)}; known: {list(variants)}", file=sys.stderr)
        return 2
    folders = {}
    for name, options in variants.items():
        if not args.only or name in args.only:
            print(f"training: {name}", file=sys.stderr, flush=True)
            folders[name] = run(name, options, args)
    print("gain in dB, mean and worst; of sharp photos the median PSNR and the share below 40 dB\n")
    print("\n".join(table(folders, args)), flush=True)
    print(f"\n{args.steps} updates, fresh ones {args.fresh_steps}; {describe('bf16 autocast')}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
