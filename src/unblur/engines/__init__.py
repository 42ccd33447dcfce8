"""Run a network file on batches: ONNX Runtime, OpenVINO or PyTorch behind one protocol.

Each engine is loaded on first use: one of them runs, and the others need not be there.
"""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from unblur.choices import ENGINES, PRECISIONS
from unblur.engines.accelerators import ACCELERATORS, DEVICES, Device, parse_device
from unblur.engines.protocol import Engine, RunPart
from unblur.errors import OptionError

if TYPE_CHECKING:
    from unblur.engines.graph import Graph, Part
    from unblur.engines.onnx_runtime import (
        OnnxEngine,
        heard_of_devices,
        open_accelerated,
        warn_once,
    )
    from unblur.engines.openvino_cpu import OpenVinoEngine
    from unblur.engines.torch_module import TorchEngine

__all__ = [
    "ACCELERATORS",
    "DEVICES",
    "ENGINES",
    "PRECISIONS",
    "Device",
    "Engine",
    "Graph",
    "OnnxEngine",
    "OpenVinoEngine",
    "Part",
    "RunPart",
    "TorchEngine",
    "heard_of_devices",
    "open_accelerated",
    "open_engine",
    "parse_device",
    "warn_once",
]

_HOMES: Final = {
    "Graph": "graph",
    "OnnxEngine": "onnx_runtime",
    "OpenVinoEngine": "openvino_cpu",
    "Part": "graph",
    "TorchEngine": "torch_module",
    "heard_of_devices": "onnx_runtime",
    "open_accelerated": "onnx_runtime",
    "warn_once": "onnx_runtime",
}


if not TYPE_CHECKING:  # to a type checker no other name is there

    def __getattr__(name):
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
        globals()[name] = value
        return value


def open_engine(
    path: Path,
    engine: str = "auto",
    *,
    precision: str = "auto",
    threads: int = 0,
    streams: int = 1,
    device: str = "cpu",
) -> Engine:
    """Open a network file with an engine that needs no PyTorch.

    Args:
        path: The network file.
        engine: ``onnx``, ``openvino``, or ``auto``: OpenVINO where installed, else ONNX Runtime.
        precision: ``fp32``, ``bf16``, or ``auto``: bf16 where engine and processor have it.
        threads: Threads of all inferences together; 0 takes one per core.
        streams: Inferences that run at the same time; the threads are shared between them.
        device: ``cpu``; ``auto``: a GPU where ONNX Runtime has one, else the CPU; or the name or
            number of an accelerator. One that does not start is warned of, in a line.

    Raises:
        OptionError: If there is no such engine or device, or it has no such precision.
        NetworkError: If the file is not a network.
        MissingExtraError: If the engine is not installed.
    """
    chosen = engine
    wanted = parse_device(device)
    if engine == "openvino" and not wanted.suits(engine):
        raise OptionError(f"engine openvino computes on the CPU; device {device} needs engine onnx")
    if precision == "bf16" and wanted.asked and wanted.name != "cpu":
        raise OptionError(f"bf16 is computed on the CPU alone; device {device} needs fp32 or auto")
    if engine in {"auto", "onnx"} and precision != "bf16":
        from unblur.engines.onnx_runtime import open_accelerated

        accelerated = open_accelerated(path, device, threads=threads)
        if accelerated is not None:
            return accelerated
    if engine == "auto":
        chosen = "openvino" if find_spec("openvino") else "onnx"
    if chosen == "openvino":
        from unblur.engines.openvino_cpu import OpenVinoEngine

        opened: Engine = OpenVinoEngine(path, threads=threads, precision=precision, streams=streams)
    elif chosen == "onnx":
        if precision == "bf16":
            raise OptionError(
                "ONNX Runtime has no bf16 on a CPU; use precision fp32, or engine openvino"
            )
        from unblur.engines.onnx_runtime import OnnxEngine

        opened = OnnxEngine(path, threads=max(1, threads // streams) if threads else 0)
        if engine == "auto":
            opened.why += ": OpenVINO, which is faster, is not installed (unblur[openvino])"
    else:
        raise OptionError(f"unknown engine {engine!r}; known: {', '.join(ENGINES)}")
    return opened
