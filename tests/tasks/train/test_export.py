from pathlib import Path

import numpy as np
import pytest
import torch

import unblur
from rounding import network_bound
from unblur.engines import OnnxEngine, OpenVinoEngine, TorchEngine
from unblur.errors import NetworkError
from unblur.models import MODELS, build_model
from unblur.tasks.train import export as module
from unblur.tasks.train.export import export
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
def exported(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("exported") / "fast.onnx"
    return export(network, path, model="fast", metadata={"license": "CC0"})


def test_the_file_agrees_with_the_module_on_sizes_it_was_not_made_with(network, exported):
    blurred = np.random.default_rng(1).random((3, 3, 80, 144), dtype=np.float32)
    expected = TorchEngine(network).run(blurred)

    assert 0 < exported.largest_difference <= 1e-4
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


def test_a_file_that_disagrees_is_refused(network, exported, monkeypatch):
    monkeypatch.setattr(module, "_TOLERANCE", 0.0)

    with pytest.raises(NetworkError, match="differs from the module"):
        export(network, exported.path.with_name("off.onnx"), model="fast", metadata={})


def test_a_network_file_does_not_tell_where_it_was_made(tmp_path):
    path = tmp_path / "net.onnx"
    export(build_model("fast-quarter"), path, model="fast-quarter", metadata={})

    here = str(Path(unblur.__file__).parent).encode()
    for file in (path, find_network("fast")):
        assert here not in file.read_bytes()
        assert b"unblur/models" not in file.read_bytes()
