"""ONNX Runtime on the CPU: always there, quick to start."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unblur.engines.protocol import (
    EXPECTED,
    RunPart,
    check_signature,
    failed,
    not_a_network,
    one_line,
)
from unblur.errors import NetworkError

Float32 = NDArray[np.float32]


class OnnxEngine:
    """ONNX Runtime on the CPU, in single precision.

    Args:
        path: An ONNX file with one input (B, 3, H, W) and one output of the same shape.
        threads: Threads within one operation; 0 takes one per core.

    Raises:
        NetworkError: If the file is not such a network.
    """

    name = "onnx"
    precision = "fp32"

    def __init__(self, path: Path, *, threads: int = 0) -> None:
        self.why = "ONNX Runtime, fp32"
        self._threads = threads
        try:
            self._session = _session(os.fspath(path), threads)
        except Exception as error:  # the runtime's exceptions have no common base
            raise not_a_network(path, error) from error
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        check_signature(str(path), [x.shape for x in inputs], [x.shape for x in outputs])
        if inputs[0].type != "tensor(float)":
            raise NetworkError(f"{path} takes {inputs[0].type}: {EXPECTED} of float32")
        self._input = inputs[0].name
        self.metadata: Mapping[str, str] = self._session.get_modelmeta().custom_metadata_map

    def run(self, batch: Float32) -> Float32:
        """Restore a batch."""
        try:
            restored: Float32 = self._session.run(None, {self._input: batch})[0]
        except Exception as error:  # out of memory, above all
            raise failed(batch, error) from error
        return restored

    def open_part(self, model: bytes) -> RunPart:
        """Open a part of the network."""
        try:
            session = _session(model, self._threads)
        except Exception as error:
            raise NetworkError(f"a part of the network cannot be run: {one_line(error)}") from error
        names = [output.name for output in session.get_outputs()]

        def run(inputs: Mapping[str, Any]) -> dict[str, Any]:
            try:
                return dict(zip(names, session.run(None, dict(inputs)), strict=True))
            except Exception as error:
                raise failed(next(iter(inputs.values())), error) from error

        return run


def _session(model: str | bytes, threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4  # failures come as exceptions, not as lines on stderr
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
