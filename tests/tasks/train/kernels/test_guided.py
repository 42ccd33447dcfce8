import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from command_line import call_command
from shaken_photo import sharp_coffee, two_parts
from short_training import small_validation, unwritten
from unblur import TrainingData, load_training, train
from unblur.data.kernels.tries import TriedOptions, list_tries
from unblur.engines import OnnxEngine
from unblur.errors import DataError, OptionError
from unblur.tasks.datasets.tries import TryOptions, write_tries
from unblur.tasks.methods.guided import GuidedNetwork
from unblur.tasks.train.kernels.guided import GuidedModule, GuidedOptions, score_tries
from unblur.tasks.train.supervised import TrainOptions
from unblur.weights import find_network, read_state

pytestmark = pytest.mark.filterwarnings("ignore")  # Lightning's hints about loaders and loggers

OPTIONS = GuidedOptions(
    steps=4,
    batch=2,
    validate_every=4,
    validation_photos=1,
    precision="fp32",
    data=TriedOptions(crop_px=32),
)


@pytest.fixture(scope="module")
def tries(tmp_path_factory):
    """Four tries of two photos, with true kernels."""
    folder = tmp_path_factory.mktemp("tries")
    photos = two_parts(folder)
    options = TryOptions(seed=2, search=False, threads=1)
    assert all(x.error is None for x in write_tries(photos, folder / "tries", options, count=5))
    return folder / "tries"


@pytest.fixture(scope="module")
def finished(tries, tmp_path_factory):
    out = tmp_path_factory.mktemp("finished") / "run"
    run(OPTIONS, tries, out)
    return out


def run(options, tries, out, **more):
    more = {"workers": 0, "progress": False, **more}
    with small_validation():
        return train(options, data=TrainingData(tries=tries), out=out, **more)


def test_a_run_writes_a_network_that_takes_guides(finished):
    engine = OnnxEngine(finished / "generator.onnx", threads=1)
    pixels = sharp_coffee()[:48, :48]

    restored = GuidedNetwork(engine).restore(pixels, None)

    assert restored.shape == (48, 48, 4)
    assert json.loads(engine.metadata["unblur.recipe"])["method"] == "guided"
    scores = json.loads(engine.metadata["unblur.validation"])
    assert {"val/psnr_gain", "val/psnr_gain_none", "val/guide_gain_true"} <= set(scores)


def test_it_begins_as_fast_and_learns(tries, finished):
    first = GuidedModule(OPTIONS, list_tries(tries)).generator.state_dict()
    last = load_file(finished / "generator.safetensors")
    fast, _ = read_state(find_network("fast"))

    shared = [key for key in fast if key in first]
    assert len(shared) > 50
    assert all(np.array_equal(first[key].numpy(), fast[key]) for key in shared)
    assert any(not torch.equal(first[key], last[key]) for key in shared)


def test_stopped_and_resumed_it_ends_as_without_a_stop(tries, finished, tmp_path):
    out = tmp_path / "run"
    said = []
    with unwritten():
        run(OPTIONS, tries, out, minutes=1e-6, tell=said.append)
        assert any("--resume" in line for line in said)

        run(OPTIONS, tries, out, resume=True)

    whole, parts = (load_file(x / "generator.safetensors") for x in (finished, out))
    assert all(torch.equal(whole[key], parts[key]) for key in whole)


def test_scores_are_of_the_tries_with_and_without_guides(tries):
    network = GuidedModule(OPTIONS, list_tries(tries)).network
    listed = list_tries(tries)

    scores, strips = score_tries(network, listed)

    true = [gain for each in listed for gain in each.gains]
    # Of the middles, all of these small photos, with borders and with an error of 42 dB added.
    assert scores["val/guide_gain_true"] == pytest.approx(np.mean(true), abs=1.5)
    assert "val/psnr_gain_found" not in scores
    assert strips.shape[2] == 3
    assert score_tries(network, listed, stopped=lambda: True) is None


def test_the_command_trains_from_tries_alone(tries, tmp_path, capsys):
    recipe = tmp_path / "recipe.toml"
    recipe.write_text('method = "guided"\nsteps = 1\nbatch = 1\nvalidation_photos = 1\n')
    rest = ["--out", tmp_path / "run", "--workers", "0"]

    with unwritten(), small_validation():
        assert call_command("train", recipe, "--tries", tries, *rest, folder=tmp_path) == 0
    assert "generator.onnx" in capsys.readouterr().out

    assert call_command("train", recipe, "--data", tries, *rest, folder=tmp_path) == 2
    assert "--resume" in capsys.readouterr().err
    rest[1] = tmp_path / "other"
    assert call_command("train", recipe, "--data", tries, *rest, folder=tmp_path) == 2
    assert "--tries" in capsys.readouterr().err


def test_the_recipe_at_hand_is_the_usual_options(request):
    recipe = request.config.rootpath / "recipes" / "guided.toml"

    assert load_training(recipe) == GuidedOptions()


def test_tries_are_for_this_kind_only(tries, tmp_path):
    with pytest.raises(OptionError, match="does not learn from tries"):
        run(TrainOptions(steps=1), tries, tmp_path / "run")
    with pytest.raises(DataError, match="too few to keep 9 out"):
        run(GuidedOptions(validation_photos=9), tries, tmp_path / "run")


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"model": "fast"}, "model is guided here"),
        ({"steps": 0}, "steps must be at least 1"),
        ({"learning_rate": 0.0}, "learning_rate must be positive"),
        ({"error_weight": -1.0}, "error_weight must not be negative"),
        ({"ema_decay": 1.0}, "ema_decay must be in"),
        ({"precision": "fp8"}, "precision must be one of"),
    ],
)
def test_options_are_checked(wrong, why):
    with pytest.raises(OptionError, match=why):
        GuidedOptions(**wrong)
