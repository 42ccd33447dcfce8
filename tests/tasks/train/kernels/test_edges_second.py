import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from command_line import call_command
from shaken_photo import two_parts
from short_training import unwritten
from unblur import TrainingData, load_training, train
from unblur.data.kernels.restored import RestoredOptions
from unblur.data.kernels.tries import list_tries
from unblur.engines import OnnxEngine
from unblur.errors import DataError, OptionError
from unblur.tasks.datasets.tries import TryOptions, write_tries
from unblur.tasks.methods.edges import EdgesNetwork
from unblur.tasks.train.kernels.edges_second import EdgesSecondModule, EdgesSecondOptions
from unblur.weights import find_network, read_state

pytestmark = pytest.mark.filterwarnings("ignore")  # Lightning's hints about loaders and loggers

OPTIONS = EdgesSecondOptions(
    steps=4,
    batch=2,
    validate_every=4,
    validation_photos=1,
    precision="fp32",
    data=RestoredOptions(plane_px=(64,)),
)


@pytest.fixture(scope="module")
def tries(tmp_path_factory):
    """Six tries of two photos, some with kernels that were found."""
    folder = tmp_path_factory.mktemp("tries")
    photos = two_parts(folder)
    options = TryOptions(seed=2, second=True, threads=1)
    assert all(x.error is None for x in write_tries(photos, folder / "tries", options, count=6))
    return folder / "tries"


@pytest.fixture(scope="module")
def finished(tries, tmp_path_factory):
    out = tmp_path_factory.mktemp("finished") / "run"
    run(OPTIONS, tries, out)
    return out


def run(options, tries, out, **more):
    more = {"workers": 0, "progress": False, **more}
    return train(options, data=TrainingData(tries=tries), out=out, **more)


def test_a_run_writes_networks_that_trace(finished):
    engine, paths = (
        OnnxEngine(finished / name, threads=1) for name in ("generator.onnx", "paths.onnx")
    )
    network = EdgesNetwork(engine, paths)

    assert network.draw(np.zeros((1, 3, 33, 47), np.float32)).shape == (1, 2, 33, 47)
    assert json.loads(engine.metadata["unblur.recipe"])["method"] == "edges-second"
    scores = {key: float(x) for key, x in json.loads(engine.metadata["unblur.validation"]).items()}
    assert 0.4 < scores["val/agreement"] <= 1 + 1e-6
    assert 0.4 < scores["val/agreement_before"] <= 1 + 1e-6
    assert scores["val/lost_db"] > 0
    assert scores["val/lost_db_before"] > 0


def test_it_begins_as_edges_and_paths_and_learns(tries, finished):
    module = EdgesSecondModule(OPTIONS, list_tries(tries, second=True))

    for name, file, own in (
        ("edges", "generator", module.generator),
        ("paths", "paths", module.beside["paths"]),
    ):
        state, _ = read_state(find_network(name))
        first, last = own.state_dict(), load_file(finished / f"{file}.safetensors")
        # Weights are stored as float16.
        assert all(np.array_equal(first[key].numpy(), state[key]) for key in first)
        assert any(not torch.equal(first[key], last[key]) for key in first)


def test_stopped_and_resumed_it_ends_as_without_a_stop(tries, finished, tmp_path):
    out = tmp_path / "run"
    with unwritten():
        run(OPTIONS, tries, out, minutes=1e-6)

        run(OPTIONS, tries, out, resume=True)

    for name in ("generator.safetensors", "paths.safetensors"):
        whole, parts = (load_file(x / name) for x in (finished, out))
        assert all(torch.equal(whole[key], parts[key]) for key in whole)


def test_what_is_lost_is_in_the_loss(tries):
    module = EdgesSecondModule(OPTIONS, list_tries(tries, second=True))
    seen, kernels = (torch.from_numpy(x)[None] for x in module.planes.whole(module.planes.found[0]))

    total, parts = module.loss((seen, kernels))
    total.backward()

    assert total > 0.05 * parts["loss/lost_db"] > 0
    for network in (module.generator, module.beside["paths"]):
        slopes = [x.grad for x in network.parameters() if x.grad is not None]
        assert slopes
        assert all(torch.isfinite(x).all() for x in slopes)


def test_the_command_trains_from_tries_of_its_own_alone(tries, tmp_path, capsys):
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(
        'method = "edges-second"\nsteps = 1\nbatch = 1\nvalidation_photos = 1\n'
        "[data]\nplane_px = [64]\n"
    )
    rest = ["--out", tmp_path / "run", "--workers", "0"]

    with unwritten():
        assert call_command("train", recipe, "--tries", tries, *rest, folder=tmp_path) == 0
    assert "generator.onnx" in capsys.readouterr().out

    rest[1] = tmp_path / "other"
    assert call_command("train", recipe, "--data", tries, *rest, folder=tmp_path) == 2
    assert "--tries" in capsys.readouterr().err


def test_tries_without_a_search_teach_nothing(tmp_path):
    photos = two_parts(tmp_path)
    options = TryOptions(seed=2, search=False, second=True, threads=1)
    list(write_tries(photos, tmp_path / "tries", options, count=5))

    with pytest.raises(DataError, match="make some with a search"):
        run(OPTIONS, tmp_path / "tries", tmp_path / "run")


def test_the_recipe_at_hand_is_the_usual_options(request):
    recipe = request.config.rootpath / "recipes" / "edges-second.toml"

    assert load_training(recipe) == EdgesSecondOptions()


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"method": "edges"}, "method is edges-second"),
        ({"model": "guided"}, "model is edges"),
        ({"steps": 0}, "steps"),
        ({"learning_rate": 0}, "learning_rate"),
        ({"precision": "fp8"}, "precision"),
    ],
)
def test_options_are_checked(wrong, why):
    with pytest.raises(OptionError, match=why):
        EdgesSecondOptions(**wrong)
