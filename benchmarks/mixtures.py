"""DeblurGAN's comparison of what is trained on: real blur, shakes, or both, at equal updates.

    python benchmarks/mixtures.py --photos PHOTOS --frames FRAMES --validation DIR --out RUNS
                                  [--vgg VGG19] [--detector YOLO.onnx] [--updates 400]
                                  [--seeds 1 2] [--limit 12] [--model NAME|FILE.onnx ...]

Trains recipes/deblurgan-32.toml on each of the paper's three mixtures: "WILD-like" on averaged
frames, "Synth-like" on photos shaken by Algorithm 1, "Comb-like" on both, 2 : 1 from the shakes.
The paper's WILD is 1000 pairs of 22 films; frames of one film are not, hence "-like". All see as
many crops; each seed is a run of its own. A run that has ended is not run again, one that was
stopped goes on, a photo that was scored is not scored again.

Scores are means over the first photos of parts a (shakes), b (rolls and moving objects) and c
(averaged frames) of validation_set.py: results rounded to 8 bits, all pixels, RGB; networks without
the guard, `auto` as it is. CW-SSIM is what the paper prints as SSIM. VGG19 is the mean squared
difference of its features (conv3_3) in the photo's middle; needs --vgg. F1, precision and recall
are of a detector, against what it finds on the sharp photo (the paper's section 6.3); needs
--detector.
Rows of mixtures are means over seeds, with the lowest and the highest behind them.
"""

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ablation import run
from crispness import middle
from machine import describe
from quick import folder, frames, is_quick, parse, photos, validation_set
from unblur.imaging.photo.photo import read_photo
from unblur.losses import perceptual
from unblur.metrics import cw_ssim, psnr, ssim
from unblur.models.vgg import load_vgg
from unblur.tasks.detection.run import DetectionBench, DetectionOptions
from unblur.tasks.detection.scores import summarise
from unblur.tasks.restore.options import RestoreOptions
from unblur.tasks.restore.restorer import Restorer
from unblur.tasks.train.recipe import load_recipe
from unblur.tasks.train.supervised import TrainOptions
from unblur.weights import find_network
from validation_set import read_part

RECIPE = Path(__file__).parents[1] / "recipes" / "deblurgan-32.toml"
MIXTURES = {"WILD-like": (0.0, 1.0), "Synth-like": (1.0, 0.0), "Comb-like": (2.0, 1.0)}
"""Shares of shaken photos and of averaged frames."""
PARTS = ("a-shake", "b-roll-and-objects", "c-frames")
COLUMNS = {"psnr": 2, "gain": 2, "ssim": 3, "cw_ssim": 3, "vgg": 2, "seconds": 2}
"""What is scored, with its digits."""
PUBLISHED = """\
Published, on other photos and so not to be compared with these rows: GoPro halved to 640x360,
PSNR / CW-SSIM: WILD 27.2 / 0.954, Synth 23.6 / 0.884, Comb 28.7 / 0.958 (table 1); detection, F1:
no deblur 0.570, Comb 0.704 (table 3)."""

Scores = dict[str, dict[str, dict[str, float]]]
"""By method and photo."""


def trained(args: argparse.Namespace) -> dict[str, list[Path]]:
    """The network files of every mixture, one a seed."""
    base = load_recipe(RECIPE, TrainOptions)
    base = replace(base, steps=args.updates, validate_every=args.updates, validation_photos=2)
    if args.vgg is None:  # the perceptual loss cannot be had without it
        base = replace(base, perceptual=0.0)
    if args.quick:
        base = replace(base, model="deblurgan-16", batch=1, validation_photos=1)
    found: dict[str, list[Path]] = {}
    for name, (synthetic, real) in MIXTURES.items():
        if args.quick and name != "Comb-like":
            continue
        mix = replace(base.mix, synthetic=synthetic, real=real)
        for seed in args.seeds:
            print(f"training: {name}, seed {seed}", file=sys.stderr, flush=True)
            options = replace(base, mix=mix, seed=seed)
            ran = run(f"fresh {name} {seed} {args.updates}", options, args)
            found.setdefault(name, []).append(ran / "generator.onnx")
    return found


class ScoreFile:
    """What was scored so far, a line a photo; the same network on the same photo is found again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        self.rows = {row["key"]: row["scores"] for row in map(json.loads, lines)}

    def find(self, key: str) -> dict[str, float] | None:
        """The scores of a key."""
        return self.rows.get(key)

    def add(self, key: str, scores: dict[str, float]) -> None:
        """Keep the scores of a key."""
        self.rows[key] = scores
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"key": key, "scores": scores}) + "\n")


def opened(model: str) -> Restorer:
    """A method, ``auto`` or a network without its guard."""
    if model == "auto":
        return Restorer.open(RestoreOptions(method="auto", engine="onnx"))
    how = RestoreOptions(method="network", model=model, engine="onnx", guard=False)
    return Restorer.open(how)


def identity(model: str) -> str:
    """What tells one network from another: the content of its file."""
    if model in {"blurred", "auto"}:
        return model
    return hashlib.sha256(find_network(model).read_bytes()).hexdigest()[:16]


def measure(
    blurred: np.ndarray, restored: np.ndarray, sharp: np.ndarray, features: Any
) -> dict[str, float]:
    """All scores of a photo but its seconds."""
    found = {name: metric(restored, sharp) for name, metric in
             (("psnr", psnr), ("ssim", ssim), ("cw_ssim", cw_ssim))}  # fmt: skip
    found["gain"] = found["psnr"] - psnr(blurred, sharp)
    if features is not None:
        batches = (middle(x).transpose(2, 0, 1)[None].copy() for x in (restored, sharp))
        with torch.inference_mode():
            found["vgg"] = float(perceptual(features, *map(torch.from_numpy, batches)))
    return found


def scored(part: Path, models: list[str], args: argparse.Namespace, known: ScoreFile) -> Scores:
    """Scores of the first photos of a part, by method and photo."""
    features = load_vgg(args.vgg) if args.vgg else None
    names = sorted(read_part(part))[: args.limit]
    scores: Scores = {model: {} for model in models}
    for model in models:
        restorer, who = None, f"{identity(model)} {'vgg' if args.vgg else ''}"
        for name in names:
            key = f"{who} {part.name} {name}"
            found = known.find(key)
            if found is None:
                blurred, sharp = (
                    read_photo(part / kind / f"{name}.png").pixels.astype(np.float32)
                    for kind in ("blur", "sharp")
                )
                seconds, restored = 0.0, blurred
                if model != "blurred":
                    restorer = restorer or opened(model)
                    started = time.perf_counter()
                    restored = restorer.restore_pixels(blurred)
                    seconds = time.perf_counter() - started
                found = {**measure(blurred, restored, sharp, features), "seconds": seconds}
                known.add(key, found)
            scores[model][name] = found
    return scores


def detected(part: Path, models: list[str], args: argparse.Namespace) -> dict[str, list[float]]:
    """F1, precision and recall of each method; empty without a detector."""
    if args.detector is None:
        return {}
    options = DetectionOptions(
        detector=args.detector,
        models=tuple(model for model in models if model != "blurred"),
        limit=args.limit,
        guard=False,
        engine="onnx",
        pictures=0,
    )
    bench = DetectionBench(part, options)
    report = args.out / f"detection-{part.name}"
    report.mkdir(parents=True, exist_ok=True)
    rows = [row for case in bench.run(report) for row in case]
    return {
        found.method: [
            float("nan") if x is None else x
            for x in (found.at.f1, found.at.precision, found.at.recall)
        ]
        for found in summarise(bench, rows)
    }


def lines(
    scores: Scores, found: dict[str, list[float]], groups: dict[str, list[str]]
) -> Iterator[str]:
    """The table of a part: a row for each group of methods, of several with the spread."""
    columns = [name for name in COLUMNS if all(name in x for x in scores["blurred"].values())]
    yield "| | " + " | ".join([*columns, *(("F1", "precision", "recall") if found else ())]) + " |"
    yield "|---" * (1 + len(columns) + (3 if found else 0)) + "|"
    for title, models in groups.items():
        cells = [
            cell([float(np.mean([x[name] for x in scores[m].values()])) for m in models], digits)
            for name, digits in COLUMNS.items()
            if name in columns
        ]
        if found:
            cells += [cell([found[m][at] for m in models], 3) for at in range(3)]
        yield f"| {title} | {' | '.join(cells)} |"


def cell(values: list[float], digits: int) -> str:
    """The mean of several runs, with the lowest and the highest."""
    mean = f"{np.mean(values):.{digits}f}"
    if len(values) == 1:
        return mean
    return f"{mean} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def verdict(scores: Scores, files: dict[str, list[Path]]) -> Iterator[str]:
    """Whether both kinds of blur together are better than either, seed by seed."""
    mean = {
        name: np.array([np.mean([x["psnr"] for x in scores[str(f)].values()]) for f in of])
        for name, of in files.items()
    }
    comb = mean.pop("Comb-like")
    for other, values in mean.items():
        ahead = comb - values
        seeds = ", ".join(f"{x:+.3f}" for x in ahead)
        said = "in every seed" if (ahead > 0).all() else f"in {(ahead > 0).sum()} of {len(ahead)}"
        yield f"Comb-like over {other}, dB a seed: {seeds}; ahead {said}"


def main() -> None:
    """Train what is not trained yet, score what is not scored yet, print the tables."""
    parser = argparse.ArgumentParser()
    for name in ("photos", "frames", "validation", "out"):
        parser.add_argument(f"--{name}", type=Path, required=not is_quick())
    parser.add_argument("--vgg", type=Path)
    parser.add_argument("--detector", type=Path)
    parser.add_argument("--updates", type=int, default=400)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--limit", type=int, default=12, help="photos of each part")
    parser.add_argument("--model", action="append", default=[], help="one more row each")
    parser.add_argument("--part", action="append", default=[], help="a, b or c; again for more")
    args = parse(
        parser,
        photos=lambda: photos(8),
        frames=frames,
        validation=validation_set,
        out=lambda: folder() / "runs",
        updates=1,
        seeds=[1],
        limit=1,
        part=["a"],
    )
    args.leave_out = Path(__file__).with_name("validation_photos.txt")
    args.out.mkdir(parents=True, exist_ok=True)
    files = trained(args)
    rows = ["blurred", "fast", *(["auto"] if not args.quick else []), *args.model]
    groups = {name: [name] for name in rows}
    groups |= {name: [str(file) for file in of] for name, of in files.items()}
    models = [model for of in groups.values() for model in of]
    known = ScoreFile(args.out / "scores.jsonl")
    print(f"{args.updates} updates, seeds {', '.join(map(str, args.seeds))}")
    for part in PARTS:
        if args.part and part[0] not in args.part:
            continue
        if not (args.validation / part).is_dir():
            print(f"\n{part}: left out, it is not in {args.validation}")
            continue
        scores = scored(args.validation / part, models, args, known)
        print(f"\n{part}, {len(scores['blurred'])} photos\n")
        print("\n".join(lines(scores, detected(args.validation / part, models, args), groups)))
        print("\n" + "\n".join(verdict(scores, files)), flush=True)
    for what, flag in (("VGG19", "vgg"), ("F1", "detector")):
        if getattr(args, flag) is None:
            print(f"\n{what}: left out, for --{flag} names no file")
    print(f"\n{PUBLISHED}\n\n{describe('networks in float32, trained as `auto` chooses')}")


if __name__ == "__main__":
    main()
