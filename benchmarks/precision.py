"""Processor time of an update in single precision, in bfloat16, and in what `auto` takes here.

python benchmarks/precision.py [RECIPE ...] [--updates 3]

The recipes' own crops and batches, in the loop that `unblur train` runs, without validation. The
first update, which warms up, is not counted. VGG19 is one with random weights: the same work.
"""

import argparse
import statistics
import tempfile
import time
import warnings
from dataclasses import replace
from pathlib import Path

import torch

from machine import describe
from quick import has_bf16, parse
from resume import make_sources
from train_step import stand_in
from unblur.tasks.train import data, export_run, kinds, run
from unblur.tasks.train.loop import Between

FOLDER = Path(__file__).parents[1] / "recipes"
RECIPES = [FOLDER / f"{name}.toml" for name in ("fast", "deblurgan-32")]


def main():
    """Print a line for each recipe and precision."""
    parser = argparse.ArgumentParser()
    parser.add_argument("recipes", nargs="*", type=Path)
    parser.add_argument("--updates", type=int, default=3)
    arguments = parse(parser, updates=2, recipes=lambda: RECIPES[:1])
    warnings.simplefilter("ignore")
    kinds.load_vgg = stand_in
    for module in kinds.AnyModule.__args__:
        module.check = lambda *_, **__: None
    export_run.export = lambda *_, **__: None
    # With --quick what is emulated is left out: of a whole run it is a finding.
    ways_in_bf16 = not arguments.quick or has_bf16()
    print(f"{describe('by row')}, torch {torch.__version__}")
    with tempfile.TemporaryDirectory() as folder:
        sources = make_sources(Path(folder))
        for recipe in arguments.recipes or RECIPES:
            options = kinds.load_training(recipe)
            mix = replace(options.mix, synthetic=1.0, real=0.0)
            options = replace(options, mix=mix, steps=arguments.updates, validation_photos=1)
            single = None
            for precision in ("fp32", *(("bf16",) if ways_in_bf16 else ()), "auto"):
                out = Path(folder) / f"{recipe.stem}-{precision}"
                seconds, words = timed(replace(options, precision=precision), sources, out)
                single = single or seconds
                print(
                    f"{recipe.stem:18} {precision:5} {seconds:7.2f} processor s an update, "
                    f"{seconds / single:5.1f} x fp32; {words}",
                    flush=True,
                )


def timed(options, sources, out):
    """Median processor seconds of an update, and what was said of the precision."""
    begin, end = Between.on_train_batch_start, Between.on_train_batch_end
    times, lines = [], []

    def started(self, *arguments):
        begin(self, *arguments)
        times.append(-time.process_time())

    def ended(self, *arguments):
        times[-1] += time.process_time()
        end(self, *arguments)

    Between.on_train_batch_start, Between.on_train_batch_end = started, ended
    try:
        folders = data.TrainingData(photos=sources / "photos")
        run.train(options, data=folders, out=out, workers=0, progress=False, tell=lines.append)
    finally:
        Between.on_train_batch_start, Between.on_train_batch_end = begin, end
    return statistics.median(times[1:]), lines[0]


if __name__ == "__main__":
    main()
