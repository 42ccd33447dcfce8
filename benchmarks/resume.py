"""Stop a small training in four ways, go on, and compare the results bit by bit.

python benchmarks/resume.py [RECIPE ...] [--precision auto] [--export-all]

Four steps of each recipe of a network that restores, on small crops: once without a stop, then
stopped by --minutes after the first step, by SIGTERM and by Ctrl-C inside the second (among its
critic steps, where there are critics), and by kill -9 inside the third. All hashes are of finished
runs: of generator.onnx, of all weights and optimizer states, of a restored photo. VGG19 is one
with random weights. What is to be exported is exported once if weights and metadata are the same;
--export-all does it each time.
"""

import argparse
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import warnings
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import skimage.data
import torch

from machine import describe
from quick import parse
from train_step import stand_in
from unblur.engines import open_engine
from unblur.errors import TrainingStopped
from unblur.imaging.photo.photo import Photo, write_photo
from unblur.tasks.datasets.tries import TryOptions, write_tries
from unblur.tasks.methods.guided import GuidedNetwork
from unblur.tasks.restore.options import RestoreOptions
from unblur.tasks.restore.restorer import Restorer
from unblur.tasks.train import data, export_run, kinds, run
from unblur.tasks.train.adversarial import AdversarialOptions, Game
from unblur.tasks.train.kernels.guided import GuidedOptions
from unblur.tasks.train.supervised import SupervisedModule

STEPS, CROP_PX = 4, 64
RECIPES = [
    path
    for path in sorted((Path(__file__).parents[1] / "recipes").glob("*.toml"))
    if not path.stem.startswith("edges")
]
"""Those of networks that restore a photo; tests stop and resume the others."""
PHOTOS = ("astronaut", "chelsea", "coffee")


def main():
    """Print a line for every recipe and stop; exit with the number of differences."""
    parser = argparse.ArgumentParser()
    parser.add_argument("recipes", nargs="*", type=Path)
    parser.add_argument("--precision", help="in place of the recipes'")
    parser.add_argument("--export-all", action="store_true")
    parser.add_argument("--killed", nargs=2, type=Path, help=argparse.SUPPRESS)
    arguments = parse(parser, recipes=lambda: [RECIPES[0].with_name("deblurgan-16.toml")])
    warnings.simplefilter("ignore")
    # A shell's background job ignores Ctrl-C, and so would the runs.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    kinds.load_vgg = stand_in
    data._VALIDATION_CROP_PX = CROP_PX
    if not arguments.export_all:
        export_run.export = remembered(export_run.export)
    if arguments.killed:
        (recipe,), (sources, out) = arguments.recipes, arguments.killed
        options = small(recipe, arguments.precision)
        with signals(options, 3, signal.SIGKILL):
            train(options, sources, out, save_minutes=1e-9)
        return 1  # not reached
    print(f"{describe('float32 unless said')}, torch {torch.__version__}")
    print(f"{'recipe':18} {'precision':9} {'stopped by':10} {'at':4} {'network':12} "
          f"{'all state':12} {'restored':12} as without a stop")  # fmt: skip
    different = 0
    with tempfile.TemporaryDirectory() as folder:
        sources = make_sources(Path(folder))
        for recipe in arguments.recipes or RECIPES:
            different += compare(recipe, arguments.precision, sources, Path(folder) / recipe.stem)
    return different


def compare(recipe, precision, sources, folder):
    """Print the lines of one recipe; the number of ways that end differently."""
    options = small(recipe, precision)
    lines = []
    train(options, sources, folder / "straight", tell=lines.append)
    taken = lines[0].split()[1].rstrip(":")
    expected = hashes(folder / "straight")
    print(f"{recipe.stem:18} {taken:9} {'-':10} {'-':4} {' '.join(expected)}", flush=True)
    different = 0
    for way in ("--minutes", "SIGTERM", "Ctrl-C", "kill -9"):
        out = folder / way.strip("-").replace(" ", "")
        stop(way, recipe, options, sources, out, precision)
        reached = torch.load(out / run.CHECKPOINT, weights_only=True)["done"]
        train(options, sources, out, resume=True)
        got = hashes(out)
        different += got != expected
        verdict = "yes" if got == expected else "NO"
        print(f"{recipe.stem:18} {taken:9} {way:10} {reached}/{STEPS}  {' '.join(got)} {verdict}",
              flush=True)  # fmt: skip
    return different


def stop(way, recipe, options, sources, out, precision):
    """Start a run and stop it."""
    if way == "--minutes":
        train(options, sources, out, minutes=1e-9)
    elif way == "kill -9":  # in a process of its own
        command = [sys.executable, __file__, recipe, "--killed", sources, out]
        command += ["--precision", precision] if precision else []
        done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
        assert done.returncode == -signal.SIGKILL, done.stderr
    else:
        number = {"SIGTERM": signal.SIGTERM, "Ctrl-C": signal.SIGINT}[way]
        with suppress(TrainingStopped), signals(options, 2, number):
            train(options, sources, out)
            raise AssertionError("the run was not stopped")


@contextmanager
def signals(options, step, number):
    """Send this process a signal inside a step; with critics, before the last of their steps."""
    if isinstance(options, AdversarialOptions):
        owner, name = Game, "critic_loss"
        count = step * options.critic_steps * options.accumulate
    else:
        owner, name, count = SupervisedModule, "show_gain", step
    original, calls = getattr(owner, name), []

    def called(*arguments, **more):
        calls.append(None)
        if len(calls) == count:
            os.kill(os.getpid(), number)
        return original(*arguments, **more)

    setattr(owner, name, called)
    try:
        yield
    finally:
        setattr(owner, name, original)


def train(options, sources, out, **more):
    """`unblur train` with every kind of data, without a progress bar."""
    folders = data.TrainingData(
        photos=sources / "photos", pairs=sources / "pairs", frames=sources / "frames"
    )
    if isinstance(options, GuidedOptions):
        tries = "tries-second" if options.data.second else "tries"
        folders = data.TrainingData(tries=sources / tries)
    run.train(options, data=folders, out=out, workers=0, progress=False, **more)


def small(recipe, precision):
    """The recipe with few steps and small crops."""
    options = kinds.load_training(recipe)
    crops = {"crop_px": CROP_PX}
    if not isinstance(options, GuidedOptions):
        crops |= {"early_crop_px": CROP_PX // 2, "length_px": (5.0, 20.0)}
    return replace(
        options,
        steps=STEPS,
        batch=min(2, options.batch),
        validate_every=3,
        validation_photos=1,
        data=replace(options.data, **crops),
        **({"precision": precision} if precision else {}),
    )


def make_sources(folder):
    """Photos, pairs, frames and tries, small ones."""
    for part in ("photos", "pairs/blur", "pairs/sharp"):
        (folder / part).mkdir(parents=True)
        for name in PHOTOS:
            pixels = getattr(skimage.data, name)()[:256, :256].astype(np.float32) / 255
            write_photo(Photo(pixels=pixels), folder / part / f"{name}.png")
    (folder / "frames").mkdir()
    for i in range(120):
        pixels = skimage.data.astronaut()[100:292, 100 + i : 292 + i].astype(np.float32) / 255
        write_photo(Photo(pixels=pixels), folder / "frames" / f"{i:03d}.png")
    photos = sorted((folder / "photos").iterdir())
    for name, second in (("tries", False), ("tries-second", True)):
        options = TryOptions(search=False, second=second)
        list(write_tries(photos, folder / name, options, count=6))
    return folder


def hashes(out):
    """Of the network file, of all that a checkpoint holds, and of a photo restored with it."""
    found = torch.load(out / run.CHECKPOINT, weights_only=True)
    whole = hashlib.sha256()
    for key in ("done", "state_dict", "optimizer_states"):
        for part in leaves(found[key]):
            whole.update(part)
    network = out / "generator.onnx"
    photo = (skimage.data.coffee()[:64, :96] / 255).astype(np.float32)
    restored = restore(network, photo)
    assert restored.shape[:2] == photo.shape[:2]
    assert np.isfinite(restored).all()
    digests = (hashlib.sha256(network.read_bytes()), whole, hashlib.sha256(restored.tobytes()))
    return [digest.hexdigest()[:12] for digest in digests]


def restore(network, photo):
    """What a network makes of a photo."""
    engine = open_engine(network)
    if engine.metadata["unblur.model"] == "guided":
        return GuidedNetwork(engine).restore(photo, None)
    options = RestoreOptions(method="network", model=str(network), guard=False)
    return Restorer.open(options).restore_pixels(photo)


def remembered(export):
    """The exporter, which takes seconds, asked once for the same weights and metadata."""
    files = {}

    def exported(module, path, *, metadata, **more):
        whole = hashlib.sha256(repr((metadata, more)).encode())
        for part in leaves(module.state_dict()):
            whole.update(part)
        if whole.digest() in files:
            path.write_bytes(files[whole.digest()])
        else:
            export(module, path, metadata=metadata, **more)
            files[whole.digest()] = path.read_bytes()

    return exported


def leaves(value):
    """The bytes of everything in nested dicts and lists."""
    if isinstance(value, dict):
        for key in value:
            yield str(key).encode()
            yield from leaves(value[key])
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from leaves(each)
    elif isinstance(value, torch.Tensor):
        yield value.contiguous().numpy().tobytes()
    else:
        yield repr(value).encode()


if __name__ == "__main__":
    sys.exit(main())
