"""Run a network file on batches: ONNX Runtime, OpenVINO or PyTorch behind one protocol."""

import os
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from unblur.errors import MissingExtraError, NetworkError, OptionError

if TYPE_CHECKING:
    from torch import nn

Float32 = NDArray[np.float32]

ENGINES: Final = ("auto", "onnx", "openvino", "torch")
_EXPECTED: Final = "expected a network written by unblur, an ONNX file (B, 3, H, W) -> (B, 3, H, W)"


class Engine(Protocol):
    """Anything that maps a batch (B, 3, H, W) float32 in [0, 1] to the same shape."""

    name: str
    metadata: Mapping[str, str]
    """What the network file says of itself."""

    def run(self, batch: Float32) -> Float32:
        """Restore a batch; the result is not clamped."""
        ...


class OnnxEngine:
    """ONNX Runtime on the CPU: always there, quick to start.

    Args:
        path: An ONNX file with one input (B, 3, H, W) and one output of the same shape.
        threads: Threads within one operation; 0 takes one per core.

    Raises:
        NetworkError: If the file is not such a network.
    """

    name = "onnx"

    def __init__(self, path: Path, *, threads: int = 0) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 4  # failures come as exceptions, not as lines on stderr
        try:
            self._session = onnxruntime.InferenceSession(
                os.fspath(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # the runtime's exceptions have no common base
            raise NetworkError(
                f"{path} is not a network: {_EXPECTED}; {_one_line(error)}"
            ) from error
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        _check_signature(path, [x.shape for x in inputs], [x.shape for x in outputs])
        if inputs[0].type != "tensor(float)":
            raise NetworkError(f"{path} takes {inputs[0].type}: {_EXPECTED} of float32")
        self._input = inputs[0].name
        self.metadata: Mapping[str, str] = self._session.get_modelmeta().custom_metadata_map

    def run(self, batch: Float32) -> Float32:
        """Restore a batch."""
        try:
            restored: Float32 = self._session.run(None, {self._input: batch})[0]
        except Exception as error:  # out of memory, above all
            raise _failed(batch, error) from error
        return restored


class OpenVinoEngine:
    """OpenVINO on the CPU: the fastest engine here, with ``unblur[openvino]``.

    Args:
        path: As for :class:`OnnxEngine`.
        threads: Threads of one inference; 0 takes one per core.

    Raises:
        NetworkError: If the file is not such a network.
        MissingExtraError: If OpenVINO is not installed.
    """

    name = "openvino"

    def __init__(self, path: Path, *, threads: int = 0) -> None:
        if find_spec("openvino") is None:
            raise MissingExtraError("openvino", extra="openvino")
        import openvino

        options: dict[str, Any] = {
            "PERFORMANCE_HINT": "LATENCY",
            # The default follows the processor, and bfloat16 would not agree with other engines.
            "INFERENCE_PRECISION_HINT": "f32",
        }
        if threads:
            options["INFERENCE_NUM_THREADS"] = threads
        core = openvino.Core()
        try:
            network = core.read_model(os.fspath(path))
            compiled = core.compile_model(network, "CPU", options)
        except Exception as error:
            raise NetworkError(
                f"{path} is not a network: {_EXPECTED}; {_one_line(error)}"
            ) from error
        _check_signature(
            path,
            [tuple(x.partial_shape) for x in network.inputs],
            [tuple(x.partial_shape) for x in network.outputs],
        )
        self._request = compiled.create_infer_request()
        info = network.get_rt_info()
        facts = info["framework"] if "framework" in info else {}  # noqa: SIM401 - has no get()
        self.metadata: Mapping[str, str] = {str(key): str(facts[key].value) for key in facts}

    def run(self, batch: Float32) -> Float32:
        """Restore a batch."""
        try:
            restored: Float32 = self._request.infer({0: batch}, share_inputs=True)[0]
        except Exception as error:  # out of memory, above all
            raise _failed(batch, error) from error
        return np.array(restored)  # the request's own buffer is overwritten by the next call


class TorchEngine:
    """A PyTorch module, as it is: used while training, and on CUDA."""

    name = "torch"

    def __init__(self, module: "nn.Module", metadata: Mapping[str, str] | None = None) -> None:
        self.module = module
        self.metadata = metadata or {}

    def run(self, batch: Float32) -> Float32:
        """Restore a batch on the device where the module is."""
        import torch

        device = next(self.module.parameters()).device
        training = self.module.training
        self.module.eval()
        with torch.inference_mode():
            restored = self.module(torch.from_numpy(batch).to(device))
        self.module.train(training)
        result: Float32 = restored.float().cpu().numpy()
        return result


def open_engine(path: Path, engine: str = "auto", *, threads: int = 0) -> Engine:
    """Open a network file with an engine that needs no PyTorch.

    Args:
        path: The network file.
        engine: ``onnx``, ``openvino``, or ``auto``: OpenVINO where installed, else ONNX Runtime.
        threads: Threads of one inference; 0 takes one per core.

    Raises:
        OptionError: If there is no such engine.
        NetworkError: If the file is not a network.
        MissingExtraError: If the engine is not installed.
    """
    if engine == "auto":
        engine = "openvino" if find_spec("openvino") else "onnx"
    if engine == "openvino":
        return OpenVinoEngine(path, threads=threads)
    if engine == "onnx":
        return OnnxEngine(path, threads=threads)
    raise OptionError(f"unknown engine {engine!r}; known: {', '.join(ENGINES)}")


def _check_signature(path: Path, inputs: list[Any], outputs: list[Any]) -> None:
    for kind, shapes in (("input", inputs), ("output", outputs)):
        if len(shapes) != 1 or len(shapes[0]) != 4 or str(shapes[0][1]) != "3":  # noqa: PLR2004
            got = ", ".join(str(list(shape)) for shape in shapes)
            raise NetworkError(f"{path} has the {kind}s {got}: {_EXPECTED}")


def _failed(batch: Float32, error: Exception) -> NetworkError:
    size = " x ".join(map(str, batch.shape))
    return NetworkError(f"the network failed on a batch of {size}: {_one_line(error)}")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:160]
