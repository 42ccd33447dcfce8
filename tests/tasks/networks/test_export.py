import copy
from pathlib import Path

import numpy as np
import pytest
import torch

import unblur
from rounding import network_bound
from unblur.engines import OnnxEngine, OpenVinoEngine, TorchEngine
from unblur.errors import NetworkError, OptionError
from unblur.models import MODELS, build_model
from unblur.models.stochastic import keep_dropping
from unblur.tasks.networks import export as module
from unblur.tasks.networks.export import export
from unblur.tasks.restore.options import RestoreOptions
from unblur.tasks.restore.restorer import Restorer
from unblur.weights import find_network

pytestmark = pytest.mark.filterwarnings("ignore")  # the exporter's own deprecations


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    network = build_model("fast")
    for parameter in network.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.03)
    return network


@pytest.fixture(scope="module")
def small():
    """The network of the fewest layers, which is written soonest."""
    torch.manual_seed(0)
    small = build_model("paths")
    for parameter in small.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.05)
    return small


@pytest.fixture(scope="module")
def exported(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("exported") / "fast.onnx"
    return export(network, path, model="fast", metadata={"license": "CC0"})


def test_the_file_agrees_with_the_module_on_sizes_it_was_not_made_with(network, exported):
    blurred = np.random.default_rng(1).random((3, 3, 80, 144), dtype=np.float32)
    expected = TorchEngine(network).run(blurred)

    assert 0 < max(exported.differences.values()) <= 1e-4
    assert np.abs(expected - blurred).max() > 0.1  # the network does something
    file = exported.path
    for engine in (OnnxEngine(file), OpenVinoEngine(file, precision="fp32")):
        # 34 layers, added up in another order: 1e-4.
        assert np.abs(engine.run(blurred) - expected).max() < network_bound(network, expected)


def test_the_file_says_what_it_is(exported):
    facts = OnnxEngine(exported.path).metadata

    assert facts["unblur.model"] == "fast"
    assert facts["unblur.tiling"] == MODELS["fast"].tiling
    assert facts["unblur.license"] == "CC0"


def test_weights_take_two_bytes_each(network, exported):
    count = sum(parameter.numel() for parameter in network.parameters())

    assert exported.path.stat().st_size < 2.1 * count


def test_agreement_is_told_before_and_after_rounding(network, tmp_path):
    whole = copy.deepcopy(network)
    for parameter in whole.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.03)
    blurred = np.random.default_rng(0).random((1, 3, 64, 64), dtype=np.float32)
    expected = TorchEngine(copy.deepcopy(whole)).run(blurred)

    kept = export(
        copy.deepcopy(whole), tmp_path / "kept.onnx", model="fast", metadata={}, half=False
    )
    rounded = export(whole, tmp_path / "rounded.onnx", model="fast", metadata={})

    assert kept.rounded_db is None
    assert kept.exact_db == pytest.approx(rounded.exact_db)
    assert kept.exact_db > rounded.rounded_db + 10
    error = OnnxEngine(rounded.path).run(blurred) - expected
    # One of the three sizes that the figure is over.
    assert rounded.rounded_db == pytest.approx(-10 * np.log10(np.mean(error**2)), abs=3)


def test_rounding_that_costs_too_much_is_refused(small, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_LEAST_DB", 200.0)
    whole = copy.deepcopy(small)

    with pytest.raises(NetworkError, match=r"at least 200 are wanted; keep all digits"):
        export(whole, tmp_path / "off.onnx", model="paths", metadata={})
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def stochastic(tmp_path_factory):
    torch.manual_seed(0)
    dropping = build_model("deblurgan-16")
    for parameter in dropping.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.05)
    path = tmp_path_factory.mktemp("stochastic") / "net.onnx"
    return dropping, export(dropping, path, model="deblurgan-16", metadata={}, dropout=0.5)


@pytest.mark.parametrize("engine", ["onnx", "openvino", "torch"])
def test_a_stochastic_file_drops_in_every_engine_about_as_the_module_does(stochastic, engine):
    dropping, exported = stochastic
    pixels = np.random.default_rng(1).random((48, 64, 3), dtype=np.float32)
    how = RestoreOptions(model=str(exported.path), engine=engine, precision="fp32", guard=False)
    restorer = Restorer.open(how)

    torch.manual_seed(1)
    first, second = restorer.restore_pixels(pixels), restorer.restore_pixels(pixels)

    assert restorer.engine.metadata["unblur.dropout"] == "0.5"
    keep_dropping(dropping, 0.5)
    torch_module = TorchEngine(dropping)
    batch = np.ascontiguousarray(pixels.transpose(2, 0, 1)[None])
    expected = torch_module.run(batch) - torch_module.run(batch)
    assert np.std(first - second) == pytest.approx(np.std(expected), rel=0.2)
    keep_dropping(dropping, 0.0)
    assert np.std(first - second) > 0.01
    if engine != "torch":
        np.testing.assert_array_equal(Restorer.open(how).restore_pixels(pixels), first)


def test_what_is_proved_of_a_stochastic_file_is_the_network_without_dropout(stochastic):
    _, exported = stochastic

    assert exported.dropout == 0.5
    assert 0 < max(exported.differences.values()) <= 1e-4


def test_a_stochastic_file_is_not_run_in_bands(stochastic):
    how = RestoreOptions(model=str(stochastic[1].path), engine="onnx", tile=64)

    with pytest.raises(OptionError, match=r"must see all of a photo at once, and 96x160 px are"):
        Restorer.open(how).restore_pixels(np.zeros((160, 96, 3), np.float32))


def test_a_network_without_dropout_has_none_to_keep_on(network, tmp_path):
    with pytest.raises(NetworkError, match="has no dropout to keep on"):
        export(network, tmp_path / "off.onnx", model="fast", metadata={}, dropout=0.5)


def test_a_file_that_disagrees_is_refused(small, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_TOLERANCE", 0.0)

    with pytest.raises(NetworkError, match="differs from the module"):
        export(copy.deepcopy(small), tmp_path / "off.onnx", model="paths", metadata={})


def test_a_network_file_does_not_tell_where_it_was_made(small, tmp_path):
    path = tmp_path / "net.onnx"
    export(copy.deepcopy(small), path, model="paths", metadata={})

    here = str(Path(unblur.__file__).parent).encode()
    for file in (path, find_network("fast")):
        assert here not in file.read_bytes()
        assert b"unblur/models" not in file.read_bytes()
