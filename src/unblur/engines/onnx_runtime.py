"""ONNX Runtime: always there, quick to start; on the CPU, or on what its build has beside it."""

import os
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, redirect_stdout
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from unblur.engines.accelerators import (
    CPU_PROVIDER,
    Accelerator,
    available_providers,
    candidates,
    parse_device,
    provider_list,
    why_absent,
)
from unblur.engines.protocol import (
    EXPECTED,
    RunPart,
    check_signature,
    failed,
    not_a_network,
    one_line,
)
from unblur.errors import DeviceWarning, NetworkError, hear_of_devices

Float32 = NDArray[np.float32]

_TRIED_PX: Final = 64
_AS_ASKED: Final = 1
"""Shared memory grows by what is asked for, not to the next power of two."""
_LARGE_PX: Final = 500_000
"""After a batch of so many pixels shared memory is given back: what it needed would stay beside
what the next network needs, which is cut otherwise."""


class OnnxEngine:
    """ONNX Runtime in single precision, on the CPU unless an accelerator is named.

    Args:
        path: An ONNX file with one input (B, 3, H, W) and one output of the same shape.
        threads: Threads within one operation; 0 takes one per core.
        accelerator: What to compute on instead; one call at a time.
        index: Which of several of these.

    Raises:
        NetworkError: If the file is not such a network, or the accelerator does not start.
    """

    name = "onnx"
    precision = "fp32"

    def __init__(
        self,
        path: Path,
        *,
        threads: int = 0,
        accelerator: Accelerator | None = None,
        index: int = 0,
    ) -> None:
        self.why = "ONNX Runtime, fp32"
        self.device = "cpu" if accelerator is None else f"{accelerator.name}:{index}"
        self._threads, self._accelerator, self._index = threads, accelerator, index
        self._one_at_a_time: AbstractContextManager[object] = nullcontext()
        try:
            self._session = self._open(os.fspath(path))
        except Exception as error:  # the runtime's exceptions have no common base
            raise not_a_network(path, error) from error
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        check_signature(str(path), [x.shape for x in inputs], [x.shape for x in outputs])
        if inputs[0].type != "tensor(float)":
            raise NetworkError(f"{path} takes {inputs[0].type}: {EXPECTED} of float32")
        self._input = inputs[0].name
        self.metadata: Mapping[str, str] = self._session.get_modelmeta().custom_metadata_map
        if accelerator is not None:
            self._one_at_a_time = threading.Lock()
            self.why += f", on {self.device}, {accelerator.words}"
            # Some libraries are looked for at the first run only.
            sides = [x if isinstance(x, int) else _TRIED_PX for x in inputs[0].shape[1:]]
            self.run(np.zeros((1, *sides), np.float32))

    def run(self, batch: Float32) -> Float32:
        """Restore a batch."""
        try:
            with self._one_at_a_time:
                options = _giving_back() if self._gives_back(batch) else None
                restored: Float32 = self._session.run(None, {self._input: batch}, options)[0]
        except Exception as error:  # out of memory, above all
            raise failed(batch, error) from error
        return restored

    def _gives_back(self, batch: Float32) -> bool:
        return self._accelerator is None and batch[:, 0].size >= _LARGE_PX

    def open_part(self, model: bytes) -> RunPart:
        """Open a part of the network, where the whole is."""
        try:
            session = self._open(model)
        except Exception as error:
            raise NetworkError(f"a part of the network cannot be run: {one_line(error)}") from error
        names = [output.name for output in session.get_outputs()]

        def run(inputs: Mapping[str, Any]) -> dict[str, Any]:
            try:
                with self._one_at_a_time:
                    return dict(zip(names, session.run(None, dict(inputs)), strict=True))
            except Exception as error:
                raise failed(next(iter(inputs.values())), error) from error

        return run

    def _open(self, model: str | bytes) -> Any:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.log_severity_level = 4  # failures come as exceptions, not as lines on stderr
        chosen = self._accelerator
        if chosen is None:
            if _has_shared_memory():
                options.add_session_config_entry("session.use_env_allocators", "1")
            return onnxruntime.InferenceSession(model, options, providers=[CPU_PROVIDER])
        options.enable_mem_pattern = chosen.name != "dml"  # which cannot have it
        # Libraries that it cannot load are told line by line else.
        onnxruntime.set_default_logger_severity(4)
        # The runtime goes on without a provider that it cannot have, and prints a line or warns.
        with redirect_stdout(StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if chosen.name in {"cuda", "tensorrt"} and hasattr(onnxruntime, "preload_dlls"):
                onnxruntime.preload_dlls()  # those that pip has installed
            session = onnxruntime.InferenceSession(
                model,
                options,
                providers=provider_list(chosen, self._index),
                enable_fallback=0,
            )
        if session.get_providers()[0] != chosen.provider:
            raise RuntimeError(f"{chosen.provider} does not start: it needs {chosen.needs}")
        return session


@cache
def _giving_back() -> Any:
    """Options of a run after which the processor's memory that nobody uses is given back."""
    import onnxruntime

    options = onnxruntime.RunOptions()
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    return options


@cache
def _has_shared_memory() -> bool:
    """Let all networks of this process work in the same memory, which else each keeps for itself.

    False where it cannot be had: another library of the process may have asked for it before.
    """
    import onnxruntime as ort

    memory = ort.OrtMemoryInfo(
        "Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT
    )
    try:
        ort.create_and_register_allocator(memory, ort.OrtArenaCfg(0, _AS_ASKED, -1, -1))
    except Exception:  # the runtime's exceptions have no common base
        return False
    return True


def open_accelerated(path: Path, device: str, *, threads: int = 0) -> OnnxEngine | None:
    """Open a network file on an accelerator, if one is asked for or there.

    Args:
        path: As for :class:`OnnxEngine`.
        device: ``auto``, or a name or number as :func:`parse_device` reads it.
        threads: For what an accelerator leaves to the CPU.

    Returns:
        None for the CPU; if that is not what was asked for, a warning says why.

    Raises:
        OptionError: If there is no such device.
        NetworkError: If the file is not a network of ours.
    """
    wanted = parse_device(device)
    if wanted.name == "cpu":
        return None
    failures = []
    for accelerator in candidates(wanted, available_providers(wanted)):
        try:
            return OnnxEngine(path, threads=threads, accelerator=accelerator, index=wanted.index)
        except NetworkError as error:
            failures.append(f"{accelerator.name}: {_reason(error)}")
    if failures or wanted.asked:
        why = "; ".join(failures) or why_absent(wanted)
        warn_once(f"device {device} cannot be used ({why}); the CPU computes instead")
    return None


@cache
def warn_once(line: str) -> None:
    """Warn of a device; once, though several networks are opened for one photo."""
    warnings.warn(line, DeviceWarning, stacklevel=3)


@contextmanager
def heard_of_devices() -> Iterator[list[str]]:
    """Collect the lines that a block warns of devices with; other warnings are shown as ever."""
    lines: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("always", DeviceWarning)
        hear_of_devices(lines.append)
        yield lines


def _reason(error: NetworkError) -> str:
    return one_line(error.__cause__ if isinstance(error.__cause__, Exception) else error)
