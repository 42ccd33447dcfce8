import json

import numpy as np
import pytest
import skimage.data
import torch
from safetensors.torch import load_file

from command_line import call_command
from photo_sets import save
from shaken_photo import shaken, sharp_coffee
from short_training import unwritten
from unblur import TrainingData, load_training, train
from unblur.data.kernels.shaken import ShakenOptions
from unblur.engines import OnnxEngine
from unblur.errors import OptionError
from unblur.imaging.deblur.kernel_search import centred, gradients, usable
from unblur.imaging.deblur.kernel_support import agreement
from unblur.imaging.deblur.learned_search import deconvolved, fits, standard
from unblur.models import build_model
from unblur.models.kernel_step import Scale, likeness, resized, scales
from unblur.tasks.methods.edges import EdgesNetwork
from unblur.tasks.train.kernels.edges import EdgesModule, EdgesOptions
from unblur.weights import find_network, read_state

pytestmark = pytest.mark.filterwarnings("ignore")  # Lightning's hints about loaders and loggers

OPTIONS = EdgesOptions(
    steps=4,
    batch=2,
    validate_every=4,
    validation_photos=1,
    precision="fp32",
    data=ShakenOptions(canvas_px=(9,), plane_px=(48,)),
)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    save(skimage.data.coffee(), folder / "coffee.png")
    save(skimage.data.astronaut(), folder / "astronaut.png")
    save(skimage.data.chelsea(), folder / "chelsea.png")
    return folder


@pytest.fixture(scope="module")
def finished(photos, tmp_path_factory):
    out = tmp_path_factory.mktemp("finished") / "run"
    run(OPTIONS, photos, out)
    return out


def run(options, photos, out, **more):
    more = {"workers": 0, "progress": False, **more}
    return train(options, data=TrainingData(photos=photos), out=out, **more)


def test_a_run_writes_a_network_that_draws_edges(finished):
    engine, paths = (
        OnnxEngine(finished / name, threads=1) for name in ("generator.onnx", "paths.onnx")
    )
    network = EdgesNetwork(engine, paths)

    edges = network.draw(np.zeros((2, 3, 33, 47), np.float32))
    traced = network.trace(np.random.default_rng(1).normal(size=(2, 4, 13, 13)))

    assert edges.shape == (2, 2, 33, 47)
    assert traced.shape == (2, 13, 13)
    assert traced.min() >= 0
    assert json.loads(engine.metadata["unblur.recipe"])["method"] == "edges"
    scores = json.loads(engine.metadata["unblur.validation"])
    assert 0 < float(scores["val/agreement"]) <= 1 + 1e-6
    assert 0 <= float(scores["val/found"]) <= 1


def test_it_begins_with_the_layers_of_guided_and_learns(photos, finished):
    first = EdgesModule(OPTIONS, sorted(photos.iterdir())).generator.state_dict()
    last = load_file(finished / "generator.safetensors")
    guided, _ = read_state(find_network("guided"))

    inner = [key for key in first if key.split(".")[0] not in {"head", "tail"}]
    assert all(np.array_equal(first[key].numpy(), guided[key]) for key in inner)
    assert any(not torch.equal(first[key], last[key]) for key in inner)


def test_paths_learn_beside_edges(finished):
    first = build_model("paths").state_dict()
    last = load_file(finished / "paths.safetensors")

    assert all(last[key].shape == first[key].shape for key in first)
    assert last["tail.weight"].abs().max() > 0  # it began with zeros


def test_stopped_and_resumed_it_ends_as_without_a_stop(photos, finished, tmp_path):
    out = tmp_path / "run"
    with unwritten():
        run(OPTIONS, photos, out, minutes=1e-6)

        run(OPTIONS, photos, out, resume=True)

    for name in ("generator.safetensors", "paths.safetensors"):
        whole, parts = (load_file(x / name) for x in (finished, out))
        assert all(torch.equal(whole[key], parts[key]) for key in whole)


def test_it_learns_through_the_steps_that_are_taken_in_use():
    seen, (kernel,) = shaken(sharp_coffee())
    reach = 12
    middle = len(kernel) // 2
    kernel = centred(kernel)[
        middle - reach : middle + reach + 1, middle - reach : middle + reach + 1
    ]
    kernel = kernel / kernel.sum()
    plane, sharp = (standard(x.mean(axis=2)) for x in (seen, sharp_coffee()))
    scale = Scale(torch.from_numpy(plane)[None], len(kernel))

    shown = scale.shown(torch.from_numpy(kernel)[None])[0].numpy()
    edges = np.stack(gradients(sharp))
    fitted = scale.fits(torch.from_numpy(edges)[None])

    # Transforms of some 70,000 values of at most 3: rounding of float32 adds up to 1e-4 of them.
    for mine, theirs in zip(shown[1:], deconvolved(plane, kernel), strict=True):
        np.testing.assert_allclose(mine, theirs - plane, atol=3e-3)
    used = usable(np.zeros(plane.shape, bool), reach)
    expected = fits(gradients(plane), edges, used, len(kernel))
    # Of maximum 1; divisions by the ridge alone, where edges have no energy, enlarge the rounding.
    for mine, theirs in zip(fitted, expected, strict=True):
        np.testing.assert_allclose(mine[0].numpy(), theirs, atol=2e-3)


def test_kernels_are_as_good_where_they_lie_a_little_beside():
    kernel = torch.zeros(1, 15, 15)
    kernel[0, 7, 4:9] = 0.2

    assert likeness(kernel, kernel).item() == pytest.approx(1, abs=1e-5)
    assert likeness(kernel.roll(2, 1), kernel).item() == pytest.approx(1, abs=1e-5)
    assert likeness(kernel.roll(5, 1), kernel).item() < 0.1
    assert likeness(kernel.mT, kernel).item() < 0.3
    beside = kernel.clone()
    beside[0, 7, 6], beside[0, 8, 6] = 0, 0.2
    assert likeness(beside, kernel, smoothed=True) > likeness(beside, kernel)


def test_scales_go_from_five_px_to_the_canvas():
    planes, kernels = torch.randn(2, 64, 64), torch.full((2, 13, 13), 1 / 169)

    found = scales(planes, kernels)

    assert [scale.side for scale, _ in found] == [7, 11, 13][-len(found) :]
    assert all(at.shape == (2, scale.side, scale.side) for scale, at in found)
    assert found[-1][1] is kernels
    small = resized(kernels, 7)
    assert small.sum().item() == pytest.approx(2, abs=1e-5)
    assert agreement(small[0].numpy(), np.full((7, 7), 1 / 49, np.float32)) > 0.9


def test_the_command_trains_from_photos_alone(photos, tmp_path, capsys):
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(
        'method = "edges"\nsteps = 1\nbatch = 1\nvalidation_photos = 1\n'
        "[data]\ncanvas_px = [9]\nplane_px = [48]\n"
    )
    rest = ["--out", tmp_path / "run", "--workers", "0"]

    with unwritten():
        assert call_command("train", recipe, "--data", photos, *rest, folder=tmp_path) == 0
    said = capsys.readouterr().out
    assert "generator.onnx" in said
    assert "try it with" not in said  # it restores nothing by itself

    rest[1] = tmp_path / "other"
    assert call_command("train", recipe, "--pairs", photos, *rest, folder=tmp_path) == 2
    assert "--data" in capsys.readouterr().err


def test_the_recipe_at_hand_is_the_usual_options(request):
    recipe = request.config.rootpath / "recipes" / "edges.toml"

    assert load_training(recipe) == EdgesOptions()


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"method": "guided"}, "method is edges"),
        ({"steps": 0}, "steps"),
        ({"learning_rate": 0}, "learning_rate"),
        ({"ema_decay": 1}, "ema_decay"),
        ({"precision": "fp8"}, "precision"),
    ],
)
def test_options_are_checked(wrong, why):
    with pytest.raises(OptionError, match=why):
        EdgesOptions(**wrong)
