import subprocess
import sys
import warnings
from dataclasses import replace

import numpy as np
import onnxruntime
import pytest

from unblur.engines import (
    ACCELERATORS,
    DEVICES,
    Device,
    OnnxEngine,
    accelerators,
    heard_of_devices,
    open_accelerated,
    open_engine,
    parse_device,
    warn_once,
)
from unblur.engines.accelerators import available_providers, candidates, provider_list
from unblur.errors import DeviceWarning, NetworkError, OptionError
from unblur.tasks.doctor import devices
from unblur.tasks.restore.opening import _torch_device
from unblur.tasks.restore.options import RestoreOptions
from unblur.weights import find_network

FAST = find_network("fast")
BATCH = np.random.default_rng(1).random((1, 3, 48, 64), np.float32)
CPU = "CPUExecutionProvider"
PRESENT = replace(ACCELERATORS["coreml"], name="azure", provider="AzureExecutionProvider")
"""What ordinary builds for Linux have beside the CPU: it starts, and leaves all to that."""


@pytest.fixture(autouse=True)
def nothing_said():
    warn_once.cache_clear()


@pytest.fixture
def builds_with(monkeypatch):
    """ONNX Runtime says it was built with these providers; what starts is up to the real one."""

    def say(*providers, package="onnxruntime-gpu"):
        monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [*providers, CPU])
        monkeypatch.setattr(
            accelerators, "package_version", lambda name: "1" if name == package else None
        )

    return say


@pytest.mark.parametrize(
    ("text", "device"),
    [
        ("auto", Device("auto", 0, asked=False)),
        ("cpu", Device("cpu")),
        ("cuda", Device("cuda")),
        ("cuda:1", Device("cuda", 1)),
        ("dml:2", Device("dml", 2)),
        ("3", Device("auto", 3)),
    ],
)
def test_devices_have_names_and_numbers(text, device):
    assert parse_device(text) == device


@pytest.mark.parametrize(
    "text", ["", "gpu", "cuda:", "cuda:x", "cpu:1", "auto:1", "-1", ":1", "1:2"]
)
def test_other_devices_are_refused_with_those_that_are_known(text):
    with pytest.raises(OptionError, match="known: auto, cpu, cuda, tensorrt, migraphx, rocm, dml"):
        RestoreOptions(device=text)


@pytest.mark.parametrize(
    ("text", "providers", "tried"),
    [
        ("auto", ["CUDAExecutionProvider", "TensorrtExecutionProvider"], ["cuda"]),
        ("auto", ["DmlExecutionProvider"], ["dml"]),
        ("auto", ["CoreMLExecutionProvider", "OpenVINOExecutionProvider"], []),
        ("auto", ["MIGraphXExecutionProvider", "ROCMExecutionProvider"], ["rocm"]),
        ("1", ["CUDAExecutionProvider"], ["cuda"]),
        ("tensorrt", ["CUDAExecutionProvider", "TensorrtExecutionProvider"], ["tensorrt"]),
        ("coreml", ["CoreMLExecutionProvider"], ["coreml"]),
        ("cuda", ["DmlExecutionProvider"], []),
        ("cpu", ["CUDAExecutionProvider"], []),
    ],
)
def test_what_is_tried_depends_on_what_is_asked_for_and_there(text, providers, tried):
    assert [each.name for each in candidates(parse_device(text), [*providers, CPU])] == tried


@pytest.mark.parametrize("name", ACCELERATORS)
def test_what_an_accelerator_cannot_do_the_cpu_does(name):
    providers = [provider for provider, _ in provider_list(ACCELERATORS[name], 1)]

    assert providers[0] == ACCELERATORS[name].provider
    assert providers[-1] == CPU
    assert ("CUDAExecutionProvider" in providers) == (name in {"cuda", "tensorrt"})


def test_a_provider_that_starts_computes():
    engine = OnnxEngine(FAST, accelerator=PRESENT, index=1)

    assert "on azure:1" in engine.why
    assert engine.device == "azure:1"
    assert OnnxEngine(FAST).device == "cpu"
    np.testing.assert_allclose(engine.run(BATCH), OnnxEngine(FAST).run(BATCH), atol=1e-5)


@pytest.mark.parametrize("device", ["auto", "cuda", "cuda:3", "2"])
def test_a_provider_that_does_not_start_is_one_line_and_the_cpu_computes(
    builds_with, device, capfd
):
    builds_with("CUDAExecutionProvider")
    with pytest.warns(DeviceWarning) as said:
        engine = open_engine(FAST, "onnx", device=device)

    (line,) = {str(each.message) for each in said}
    assert line.startswith(f"device {device} cannot be used (cuda: CUDAExecutionProvider does not")
    assert line.endswith("an NVIDIA driver, CUDA and cuDNN); the CPU computes instead")
    np.testing.assert_array_equal(engine.run(BATCH), OnnxEngine(FAST).run(BATCH))
    assert capfd.readouterr() == ("", "")


def test_a_line_is_said_once_though_several_networks_are_opened(builds_with):
    builds_with("CUDAExecutionProvider")
    networks = [find_network(name) for name in ("fast", "guided")]

    with pytest.warns(DeviceWarning) as said:
        opened = [open_accelerated(network, "cuda") for network in networks]

    assert opened == [None, None]
    assert len(said) == 1


def test_lines_about_devices_can_be_collected_and_other_warnings_are_not():
    with warnings.catch_warnings(record=True, action="always") as shown, heard_of_devices() as said:
        open_accelerated(FAST, "dml")
        warnings.warn("of another kind", UserWarning, stacklevel=1)

    assert [str(each.message) for each in shown] == ["of another kind"]
    (line,) = said
    assert line.startswith("device dml cannot be used")


def test_each_that_may_be_tried_is_before_the_cpu_computes(builds_with):
    builds_with("CUDAExecutionProvider", "DmlExecutionProvider")

    with pytest.warns(DeviceWarning, match=r"\(cuda: .*; dml: .*\)"):
        assert open_accelerated(FAST, "auto") is None


def test_what_a_build_lacks_is_said_with_what_brings_it():
    with pytest.warns(DeviceWarning, match=r"has no DmlExecutionProvider; pip install .*directml"):
        assert open_accelerated(FAST, "dml") is None
    with pytest.warns(
        DeviceWarning, match=r"device 0 cannot be used \(this build of .* has the CPU only"
    ):
        assert open_accelerated(FAST, "0") is None


def test_by_itself_nothing_is_said_and_onnx_runtime_is_not_asked(monkeypatch):
    monkeypatch.setattr(accelerators, "package_version", lambda name: None)
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: pytest.fail("asked"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert open_accelerated(FAST, "auto") is None
        assert open_accelerated(FAST, "cpu") is None
    assert available_providers(parse_device("auto")) == []


def test_a_file_that_is_no_network_is_no_matter_of_devices(tmp_path):
    (tmp_path / "no.onnx").write_bytes(b"no")
    with pytest.raises(NetworkError, match="is not a network"):
        open_engine(tmp_path / "no.onnx", "onnx", device="cpu")


def test_engines_and_devices_that_do_not_go_together_are_told():
    pytest.importorskip("openvino")
    with pytest.raises(OptionError, match="engine openvino computes on the CPU; device cuda"):
        open_engine(FAST, "openvino", device="cuda")
    with pytest.raises(OptionError, match="bf16 is computed on the CPU alone"):
        open_engine(FAST, "auto", precision="bf16", device="dml")
    assert open_engine(FAST, "openvino", device="cpu").name == "openvino"
    assert open_engine(FAST, "openvino", device="auto").name == "openvino"


def test_pytorch_takes_the_gpus_that_it_sees():
    assert _torch_device("auto", 2) == "cuda:0"
    assert _torch_device("auto", 0) == "cpu"
    assert _torch_device("cpu", 2) == "cpu"
    assert _torch_device("cuda:1", 2) == "cuda:1"
    assert _torch_device("1", 2) == "cuda:1"
    with pytest.warns(DeviceWarning, match="PyTorch sees 2 GPUs"):
        assert _torch_device("cuda:2", 2) == "cpu"
    with pytest.raises(OptionError, match="engine torch takes device auto, cpu or cuda"):
        _torch_device("dml", 1)


def test_doctor_says_which_devices_are_there_and_why_others_are_not(monkeypatch):
    monkeypatch.setattr(
        onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider", CPU]
    )

    found = {each.name: each for each in devices.try_devices()}

    assert list(found) == list(DEVICES[2:])
    assert not found["cuda"].works
    assert "is in this build" in found["cuda"].why_not
    assert "does not start: it needs an NVIDIA driver" in found["cuda"].why_not
    assert found["dml"].why_not.startswith("not in this build of ONNX Runtime; pip install")
    assert "[directml]" in found["dml"].why_not
    assert "needs macOS" in found["coreml"].why_not


@pytest.mark.parametrize(
    ("installed", "clash"),
    [
        (["onnxruntime"], None),
        (["onnxruntime-gpu", "numpy"], None),
        (["onnxruntime", "onnxruntime_gpu"], "--no-deps onnxruntime-gpu"),
        (["onnxruntime-directml", "onnxruntime"], "--no-deps onnxruntime-directml"),
    ],
)
def test_builds_that_lie_over_each_other_are_told(monkeypatch, installed, clash):
    class Installed:
        def __init__(self, name):
            self.metadata = {"Name": name}

    monkeypatch.setattr(devices, "distributions", lambda: map(Installed, installed))

    said = devices.clashing_builds()

    assert said is None if clash is None else said.endswith(clash)


def test_the_command_says_one_line_and_restores(photo):
    program = [sys.executable, "-m", "unblur", "restore", photo, "--quiet"]
    options = ["--device", "dml", "--engine", "onnx", "--method", "network"]

    done = subprocess.run([*program, *options], capture_output=True, text=True, check=False)

    (line,) = done.stderr.splitlines()
    assert line.startswith(
        "unblur: device dml cannot be used (this build of ONNX Runtime has no Dml"
    )
    assert line.endswith("; the CPU computes instead")
    assert done.returncode == 0
    assert photo.with_name("photo.unblurred.jpg").exists()
