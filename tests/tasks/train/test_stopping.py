"""Whatever stops a run, it goes on to the bytes of one that never stopped."""

import csv
import json
import multiprocessing
import os
import shutil
import signal
from dataclasses import replace

import numpy as np
import pytest
import skimage.data
import torch

from short_training import small_validation
from small_disk import small_disk
from unblur.data.synthetic import SyntheticOptions
from unblur.errors import DataError, OptionError, TargetError, TrainingStopped
from unblur.imaging.photo.photo import Photo, write_photo
from unblur.tasks.train import validate as validating
from unblur.tasks.train.adversarial import AdversarialLossOptions, AdversarialOptions, Game
from unblur.tasks.train.adversarial_module import AdversarialModule
from unblur.tasks.train.loop import Between
from unblur.tasks.train.run import train
from unblur.tasks.train.supervised import DeblurModule, TrainOptions

DATA = SyntheticOptions(crop_px=48, early_crop_px=32, length_px=(5.0, 20.0))
RECIPES = {
    # Crops of 32 px until step 4, of 48 px from there on.
    "supervised": TrainOptions(
        steps=6, batch=2, validate_every=2, validation_photos=1, precision="fp32", data=DATA
    ),
    "adversarial": AdversarialOptions(
        model="deblurgan-16",
        steps=6,
        critic_steps=2,
        learning_rate=1e-3,
        validate_every=2,
        validation_photos=1,
        precision="fp32",
        loss=AdversarialLossOptions(perceptual=0.0, pixel=10.0),
        data=replace(DATA, crop_px=32),
    ),
}
# The second critic step of the second update, or in the only step of it.
INSIDE = {
    "adversarial": (Game, "critic_loss", 4),
    "supervised": (DeblurModule, "show_gain", 2),
}

pytestmark = pytest.mark.filterwarnings("ignore")  # Lightning's hints about loaders and loggers


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for name in ("astronaut", "chelsea", "coffee"):
        pixels = getattr(skimage.data, name)()[:256, :256].astype(np.float32) / 255
        write_photo(Photo(pixels=pixels), folder / f"{name}.png")
    return folder


@pytest.fixture(scope="module", autouse=True)
def _quick():
    with small_validation():
        yield


@pytest.fixture(autouse=True)
def interruptible():
    """A shell's background job ignores Ctrl-C, and so would a run in it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(autouse=True)
def metadata(monkeypatch):
    """What the network file would say; to write it takes seconds, and checkpoints tell as much."""
    written = []
    monkeypatch.setattr(
        "unblur.tasks.train.export_run.export",
        lambda *arguments, metadata, **more: written.append(metadata),
    )
    return written


@pytest.fixture(scope="module", params=RECIPES)
def straight(request, photos, tmp_path_factory):
    """A run without a stop: its name, and its checkpoints after each step."""
    out = tmp_path_factory.mktemp(request.param)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("unblur.tasks.train.export_run.export", lambda *a, **k: None)
        save = Between.save

        def kept(self, trainer, module):
            save(self, trainer, module)
            shutil.copy(self.path, self.path.with_name(f"{module.done}.ckpt"))

        patched.setattr(Between, "save", kept)
        run(request.param, photos, out, save_minutes=1e-9)
    return request.param, out / "checkpoints"


def run(name, photos, out, *, steps=6, **more):
    options = replace(RECIPES[name], steps=steps)
    train(options, data=photos, out=out, workers=more.pop("workers", 0), progress=False, **more)


def state(path):
    """All that decides how a run goes on."""
    found = torch.load(path, weights_only=True)
    return {key: found[key] for key in ("done", "state_dict", "optimizer_states")}


def same(left, right):
    """Whether two states are equal to the last bit."""
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(map(same, left, right))
    return torch.equal(left, right) if isinstance(left, torch.Tensor) else left == right


def at(monkeypatch, target, method, count, *signals):
    """Send this process signals when a method is called for the count-th time."""
    original, calls = getattr(target, method), []

    def called(*arguments, **more):
        calls.append(None)
        if len(calls) == count:
            for number in signals:
                os.kill(os.getpid(), number)
        return original(*arguments, **more)

    monkeypatch.setattr(target, method, called)


def test_a_run_that_is_stopped_in_every_way_ends_in_the_same_bytes(
    straight, photos, tmp_path, monkeypatch
):
    name, checkpoints = straight
    last, said = tmp_path / "checkpoints" / "last.ckpt", []

    # Ctrl-C inside an update.
    with monkeypatch.context() as patched:
        at(patched, *INSIDE[name], signal.SIGINT)
        with pytest.raises(TrainingStopped, match="2 of 6 steps are saved; --resume") as stopped:
            run(name, photos, tmp_path, tell=said.append)
    assert stopped.value.signal == signal.SIGINT
    assert said[-1] == "finishing this update, then saving; once more stops at once"
    assert same(state(last), state(checkpoints / "2.ckpt"))

    # SIGTERM in the middle of a validation, the one after step 4; the one after 2 is made up for.
    with monkeypatch.context() as patched:
        at(patched, validating, "psnr", 2 * (4 + 2), signal.SIGTERM)
        with pytest.raises(TrainingStopped, match="4 of 6 steps are saved") as stopped:
            run(name, photos, tmp_path, resume=True)
    assert stopped.value.signal == signal.SIGTERM
    assert validated(tmp_path, start=2) == ["2"]
    assert same(state(last), state(checkpoints / "4.ckpt"))

    # The clock.
    run(name, photos, tmp_path, resume=True, minutes=1e-9, tell=said.append)
    assert said[-1].startswith("the time is over after 5 of 6 steps")
    assert "generator.onnx is unfinished; --resume continues" in said[-1]
    assert same(state(last), state(checkpoints / "5.ckpt"))

    run(name, photos, tmp_path, resume=True)
    assert same(state(last), state(checkpoints / "last.ckpt"))


def validated(out, *, start):
    """The steps at which validations are in the log of a start."""
    with (out / "logs" / f"from-step-{start}" / "metrics.csv").open() as file:
        return [row["step"] for row in csv.DictReader(file) if row.get("val/psnr")]


def test_what_the_clock_saved_before_a_kill_goes_on_to_the_same_bytes(straight, photos, tmp_path):
    name, checkpoints = straight
    last = tmp_path / "checkpoints" / "last.ckpt"
    last.parent.mkdir()
    shutil.copy(checkpoints / "3.ckpt", last)  # all that kill -9 leaves

    run(name, photos, tmp_path, resume=True)

    assert same(state(last), state(checkpoints / "last.ckpt"))


def test_a_second_signal_stops_at_once_and_saves_nothing_half_done(
    straight, photos, tmp_path, monkeypatch
):
    name, checkpoints = straight
    at(monkeypatch, *INSIDE[name], signal.SIGINT, signal.SIGINT)

    with pytest.raises(TrainingStopped, match="1 of 6 steps are saved"):
        run(name, photos, tmp_path, save_minutes=1e-9)

    saved = state(tmp_path / "checkpoints" / "last.ckpt")
    assert same(saved, state(checkpoints / "1.ckpt"))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_signal_before_the_first_step_is_done_says_that_nothing_is_saved(
    photos, tmp_path, monkeypatch
):
    at(monkeypatch, Game, "critic_loss", 1, signal.SIGINT, signal.SIGINT)

    with pytest.raises(TrainingStopped, match="nothing is saved"):
        run("adversarial", photos, tmp_path)


def test_workers_outlive_signals(straight, photos, tmp_path, monkeypatch):
    name, checkpoints = straight
    if name == "supervised":
        pytest.skip("workers are the same for both")
    original = AdversarialModule.training_step

    def interrupted(self, *arguments):
        if self.done == 1:  # Ctrl-C and Slurm reach every process of a run
            workers = [process.pid for process in multiprocessing.active_children()]
            assert len(workers) == 1
            for pid in (*workers, os.getpid()):
                os.kill(pid, signal.SIGINT)
            for pid in workers:
                os.kill(pid, signal.SIGTERM)
        original(self, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(AdversarialModule, "training_step", interrupted)
        with pytest.raises(TrainingStopped, match="2 of 6 steps are saved"):
            run(name, photos, tmp_path, workers=1)
    run(name, photos, tmp_path, resume=True)

    assert same(state(tmp_path / "checkpoints" / "last.ckpt"), state(checkpoints / "last.ckpt"))


def test_a_run_goes_on_after_a_full_disk(straight, photos, tmp_path):
    name, checkpoints = straight
    size = (checkpoints / "last.ckpt").stat().st_size
    # Room for one checkpoint and the logs, but not for the next one beside it.
    with small_disk(tmp_path / "disk", str(int(1.5 * size))) as disk:
        with pytest.raises(TargetError, match="cannot be written"):
            run(name, photos, disk / "run", save_minutes=1e-9)
        left = [path.name for path in (disk / "run" / "checkpoints").iterdir()]
        shutil.copytree(disk / "run", tmp_path / "run")
    assert left == ["last.ckpt"]

    run(name, photos, tmp_path / "run", resume=True)

    last = tmp_path / "run" / "checkpoints" / "last.ckpt"
    assert same(state(last), state(checkpoints / "last.ckpt"))


def test_more_steps_extend_a_finished_run_at_the_rates_of_the_longer_plan(
    straight, photos, tmp_path
):
    name, checkpoints = straight
    last, said = tmp_path / "checkpoints" / "last.ckpt", []
    last.parent.mkdir()
    shutil.copy(checkpoints / "last.ckpt", last)

    run(name, photos, tmp_path, steps=8, resume=True, minutes=1e-9, tell=said.append)

    found = state(last)
    module = {"supervised": DeblurModule, "adversarial": AdversarialModule}[name]
    rest = () if name == "supervised" else (None,)
    planned = module(replace(RECIPES[name], steps=8), [], *rest)
    rate = planned.options.learning_rate * planned.rate(7)
    assert found["done"] == 7
    assert found["optimizer_states"][0]["param_groups"][0]["lr"] == pytest.approx(rate)
    assert not same(found["state_dict"], state(checkpoints / "last.ckpt")["state_dict"])
    (line,) = [line for line in said if "planned for 6" in line]
    assert "now for 8: from step 6 on the learning rate is that of the new plan" in line
    assert "ends otherwise than one planned for 8 from its first step" in line

    with pytest.raises(OptionError, match="has 7 steps already; steps must not be fewer"):
        run(name, photos, tmp_path, steps=6, resume=True)


def test_a_run_that_goes_on_with_another_recipe_says_so(straight, photos, tmp_path):
    name, checkpoints = straight
    (tmp_path / "checkpoints").mkdir()
    shutil.copy(checkpoints / "last.ckpt", tmp_path / "checkpoints")
    noisy, said = replace(RECIPES[name].data, noise_max=0.5), []
    other = replace(RECIPES[name], seed=7, data=noisy)

    train(other, data=photos, out=tmp_path, resume=True, progress=False, tell=said.append)

    (line,) = [line for line in said if "recipe" in line]
    assert "seed 1 -> 7, data.noise_max 0.011" in line
    strange = replace(other, model={"fast": "deblurgan-16"}.get(other.model, "fast"))
    with pytest.raises(OptionError, match="does not hold a run of"):
        train(strange, data=photos, out=tmp_path, resume=True, progress=False)
    (tmp_path / "checkpoints" / "last.ckpt").write_bytes(b"no checkpoint")
    with pytest.raises(OptionError, match="damaged, or not a checkpoint of unblur"):
        train(other, data=photos, out=tmp_path, resume=True, progress=False)


def test_an_unfinished_network_says_so_and_a_finished_one_says_the_same_as_any_other(
    photos, tmp_path, metadata
):
    said = []
    run("supervised", photos, tmp_path / "stopped", steps=2, minutes=1e-9)
    run("supervised", photos, tmp_path / "stopped", steps=2, resume=True)
    run("supervised", photos, tmp_path / "stopped", steps=2, resume=True, tell=said.append)
    run("supervised", photos, tmp_path / "straight", steps=2)

    unfinished, resumed, again, straight = metadata
    assert said[1:] == ["all 2 steps are done; the network is written again, more steps go on"]
    assert unfinished["steps"] == "1 of 2"
    assert "val/psnr_gain" in json.loads(unfinished["validation"])
    assert straight["steps"] == "2"
    assert resumed == again == straight
    weights = [tmp_path / name / "generator.safetensors" for name in ("stopped", "straight")]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def test_pairs_that_would_validate_and_be_trained_on_are_refused(photos, tmp_path):
    from unblur.tasks.train.data import MixOptions, TrainingData

    pairs = tmp_path / "pairs"
    for part in ("blur", "sharp"):
        shutil.copytree(photos, pairs / part)
    mix = MixOptions(synthetic=0.0, real=1.0, scale=(1.0, 1.0))
    options = replace(RECIPES["adversarial"], mix=mix, validation_photos=3)

    with pytest.raises(
        DataError, match=r"3 pairs in .*pairs are too few to keep 3 out of training"
    ):
        train(options, data=TrainingData(pairs=pairs), out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
