import json
import signal
import subprocess
import time

import numpy as np
import pytest
import skimage.data
import torch
from safetensors.torch import load_file

from interruptible import interruptible
from short_training import SMALL_VALIDATION, small_validation, unwritten
from unblur.data.synthetic import SyntheticOptions
from unblur.errors import DataError, OptionError
from unblur.imaging.photo.photo import Photo, write_photo
from unblur.tasks.restore.options import RestoreOptions
from unblur.tasks.restore.restorer import Restorer
from unblur.tasks.train.run import train
from unblur.tasks.train.supervised import TrainOptions

RECIPE = """
model = "fast"
steps = {steps}
batch = 2
validate_every = 3
validation_photos = 1
[data]
crop_px = 48
early_crop_px = 32
length_px = [5.0, 20.0]
"""

pytestmark = pytest.mark.filterwarnings("ignore")  # Lightning's hints about loaders and loggers


@pytest.fixture(scope="module", autouse=True)
def _quick():
    # The run of ``finished``, in a process of its own, validates as users' do.
    with small_validation():
        yield


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for name in ("astronaut", "chelsea", "coffee"):
        pixels = getattr(skimage.data, name)()[:300, :300].astype(np.float32) / 255
        write_photo(Photo(pixels=pixels), folder / f"{name}.png")
    return folder


def arguments(photos, folder, *more, steps=4):
    recipe = folder / "recipe.toml"
    recipe.write_text(RECIPE.format(steps=steps))
    return ["train", recipe, "--data", photos, "--out", folder / "run", "--workers", "0", *more]


def step_of(folder):
    path = folder / "run" / "checkpoints" / "last.ckpt"
    return torch.load(path, weights_only=True)["done"]


@pytest.fixture(scope="module")
def finished(photos, tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    done = subprocess.run(
        interruptible(*map(str, arguments(photos, folder))),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    # One line of ours, and none in which the training library advertises its relatives.
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("unblur: precision ")
    return folder


def test_a_run_writes_what_restoring_and_reading_up_need(finished, astronaut):
    run = finished / "run"
    network = Restorer.open(RestoreOptions(model=str(run / "generator.onnx")))

    assert network.restore_pixels(astronaut[:64, :64]).shape == (64, 64, 3)
    facts = network.engine.metadata
    assert json.loads(facts["unblur.recipe"])["steps"] == 4
    assert facts["unblur.steps"] == "4"
    assert float(json.loads(facts["unblur.validation"])["val/psnr_blurred"]) > 10
    assert 'model = "fast"' in (run / "recipe.toml").read_text()
    logged = (run / "logs" / "from-step-0" / "metrics.csv").read_text()
    assert "val/psnr_gain" in logged
    assert any((run / "logs").glob("events.out.tfevents.*"))


def test_network_and_weights_are_the_same(finished):
    from unblur.weights import read_state

    state, _ = read_state(finished / "run" / "generator.onnx")

    for name, tensor in load_file(finished / "run" / "generator.safetensors").items():
        np.testing.assert_allclose(state[name], tensor, atol=1e-3)


def test_an_interrupted_run_goes_on_where_its_checkpoint_is(run, photos, tmp_path):
    process = subprocess.Popen(
        interruptible(
            *map(str, arguments(photos, tmp_path, steps=100_000)), before=SMALL_VALIDATION
        ),
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    events = tmp_path / "run" / "logs"
    deadline = time.monotonic() + 300  # of a machine with much to do
    while not any(events.glob("from-step-0/metrics.csv")) and time.monotonic() < deadline:
        time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=300)
    reached = step_of(tmp_path)
    assert 0 < reached < 100_000
    assert process.returncode == 130
    assert stderr.splitlines()[1:] == [
        "unblur: finishing this update, then saving; once more stops at once",
        f"unblur: {reached} of 100000 steps are saved; --resume continues {tmp_path / 'run'}",
        "unblur: interrupted",
    ]

    with unwritten():
        done = run(*arguments(photos, tmp_path, "--resume", "--steps", str(reached + 3)))

    assert done.returncode == 0, done.stderr
    assert step_of(tmp_path) == reached + 3
    assert (tmp_path / "run" / "logs" / f"from-step-{reached}").is_dir()


def test_mistakes_are_one_line(run, photos, tmp_path, finished):
    def stderr_of(*arguments):
        done = run("train", *arguments)
        assert done.returncode == 2
        assert len(done.stderr.splitlines()) == 1
        return done.stderr

    recipe = finished / "recipe.toml"
    empty = tmp_path / "empty"
    empty.mkdir()
    out = ["--out", tmp_path / "run"]
    assert "holds no photos" in stderr_of(recipe, "--data", empty, *out)
    assert "nothing to resume" in stderr_of(recipe, "--data", photos, *out, "--resume")
    held = ["--out", finished / "run"]
    assert "--resume continues it" in stderr_of(recipe, "--data", photos, *held)


@pytest.mark.parametrize(
    "ending", [pytest.param("safetensors", marks=pytest.mark.thorough), "onnx"]
)
def test_a_run_can_start_from_the_weights_of_another(photos, tmp_path, finished, ending):
    weights = finished / "run" / "generator.safetensors"
    options = TrainOptions(
        steps=1, batch=2, learning_rate=1e-12, validation_photos=1, precision="32-true",
        data=SyntheticOptions(crop_px=48, early_crop_px=32),
    )  # fmt: skip

    start = weights.with_suffix(f".{ending}")
    with unwritten():
        train(options, data=photos, out=tmp_path, start_from=start, workers=0, progress=False)

    again = load_file(tmp_path / "generator.safetensors")
    for name, tensor in load_file(weights).items():
        torch.testing.assert_close(again[name], tensor, atol=1e-3, rtol=0)


def test_the_functions_raise_what_they_say(photos, tmp_path):
    (tmp_path / "foreign.safetensors").write_bytes(b"not weights")
    with pytest.raises(OptionError, match=r"foreign\.safetensors does not hold weights of fast"):
        train(
            TrainOptions(validation_photos=1),
            data=photos,
            out=tmp_path,
            start_from=tmp_path / "foreign.safetensors",
        )
    with pytest.raises(DataError, match="too few"):
        train(TrainOptions(validation_photos=3), data=photos, out=tmp_path)
    with pytest.raises(OptionError, match="leave out --start-from or --resume"):
        train(TrainOptions(), data=photos, out=tmp_path, resume=True, start_from=tmp_path)
    with pytest.raises(OptionError, match="nothing to resume"):
        train(TrainOptions(), data=photos, out=tmp_path, resume=True)
