"""OpenVINO on the CPU: the fastest engine here, with ``unblur[openvino]``."""

import os
import sys
import threading
from collections.abc import Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from unblur.engines.protocol import RunPart, check_signature, failed, not_a_network, one_line
from unblur.errors import NetworkError, OptionError
from unblur.extras import need

if TYPE_CHECKING:
    from collections.abc import Iterator

Float32 = NDArray[np.float32]

_LOCK: Final = threading.Lock()
_TELEMETRY: Final = "openvino_telemetry"


class OpenVinoEngine:
    """OpenVINO on the CPU.

    Args:
        path: As for :class:`OnnxEngine`.
        threads: Threads of all inferences together; 0 takes one per core.
        precision: ``fp32``, ``bf16``, or ``auto``: bf16 where the processor has it.
        streams: Inferences that run at the same time, each with its share of the threads.

    Raises:
        NetworkError: If the file is not such a network.
        OptionError: If the processor has no bf16.
        MissingExtraError: If OpenVINO is not installed.
    """

    name = "openvino"
    device = "cpu"

    def __init__(
        self,
        path: Path,
        *,
        threads: int = 0,
        precision: str = "auto",
        streams: int = 1,
    ) -> None:
        need("openvino")
        self._threads = threads
        with _LOCK:
            self._core = _shared_core()
        self.precision, self.why = _choose_precision(self._core, precision)
        try:
            network = self._core.read_model(os.fspath(path))
            compiled = self._compile(network, self.precision, streams)
        except Exception as error:
            raise not_a_network(path, error) from error
        check_signature(
            str(path),
            [tuple(x.partial_shape) for x in network.inputs],
            [tuple(x.partial_shape) for x in network.outputs],
        )
        self._requests: SimpleQueue[Any] = SimpleQueue()
        for _ in range(streams):
            self._requests.put(compiled.create_infer_request())
        info = network.get_rt_info()
        facts = info["framework"] if "framework" in info else {}  # noqa: SIM401 - has no get()
        self.metadata: Mapping[str, str] = {str(key): str(facts[key].value) for key in facts}

    def run(self, batch: Float32) -> Float32:
        """Restore a batch."""
        with self._request() as request:
            try:
                restored: Float32 = request.infer({0: batch}, share_inputs=True)[0]
            except Exception as error:  # out of memory, above all
                raise failed(batch, error) from error
            if restored.shape[2:] != batch.shape[2:]:  # empty: for want of memory, on one core
                raise failed(batch, ValueError(f"OpenVINO returned {restored.shape}"))
            return np.array(restored)  # the request's own buffer is overwritten by the next call

    def open_part(self, model: bytes) -> RunPart:
        """Open a part of the network, in the precision of the whole."""
        try:
            compiled = self._compile(self._core.read_model(model), self.precision, 1)
        except Exception as error:
            raise NetworkError(f"a part of the network cannot be run: {one_line(error)}") from error
        request = compiled.create_infer_request()
        # What is no operation here, such as a cast to what it is, leaves one value several names.
        names = [(k, name) for k, output in enumerate(compiled.outputs) for name in output.names]

        def run(inputs: Mapping[str, Any]) -> dict[str, Any]:
            try:
                found = request.infer(dict(inputs), share_inputs=True)
            except Exception as error:
                raise failed(next(iter(inputs.values())), error) from error
            return {name: np.array(found[k]) for k, name in names}

        return run

    def _compile(self, network: Any, precision: str, streams: int) -> Any:
        options: dict[str, Any] = {
            "PERFORMANCE_HINT": "LATENCY" if streams == 1 else "THROUGHPUT",
            "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32",
        }
        if streams > 1:
            options["NUM_STREAMS"] = streams
        if self._threads:
            options["INFERENCE_NUM_THREADS"] = self._threads
        return self._core.compile_model(network, "CPU", options)

    @contextmanager
    def _request(self) -> "Iterator[Any]":
        """One of the requests, for as long as it is used."""
        request = self._requests.get()
        try:
            yield request
        finally:
            self._requests.put(request)


@cache
def _shared_core() -> Any:
    """The one `openvino.Core` of this process, for as long as that lives.

    On Linux each brings a stack for signal handlers with it and, when it goes, puts back the one
    that it found. Of two that do not go in reverse order, the second puts back what the first has
    freed, and the next signal that Python handles (Ctrl-C, the end of a child) crashes the process.
    """
    openvino = import_openvino()
    # Its table of types is built at first use, and two threads that begin together lock each
    # other out for ever there.
    openvino.Type.f32.to_dtype()
    return openvino.Core()


def _choose_precision(core: Any, wanted: str) -> tuple[str, str]:
    """The precision and why."""
    has_bf16 = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    if wanted == "bf16" and not has_bf16:
        raise OptionError("this processor has no bf16; use precision auto or fp32")
    if wanted == "auto" and has_bf16:
        return "bf16", "OpenVINO, bf16: this processor computes it in hardware"
    if wanted == "auto":
        return "fp32", "OpenVINO, fp32: this processor has no bf16"
    return wanted, f"OpenVINO, {wanted} as asked"


def import_openvino() -> Any:
    """Import ``openvino``, which then asks nobody on the internet.

    By itself ``import openvino`` reports to Google Analytics, from a child process, unless the
    user has opted out, and keeps an identifier in ``~/intel``. Where the package that does so
    cannot be imported, it leaves it at that; so that package is hidden for as long as the import
    takes. One that the caller has imported, or uses later, stays as it is.

    Raises:
        ImportError: If OpenVINO is not installed, or cannot be loaded.
    """
    if "openvino" not in sys.modules:
        before = sys.modules.get(_TELEMETRY)
        sys.modules[_TELEMETRY] = None  # type: ignore[assignment] # how Python says: not to be had
        try:
            import openvino
        except ImportError as error:
            # Its native part reports a Ctrl-C, while it is loaded, as a failure of its own.
            if isinstance(error.__cause__, KeyboardInterrupt):
                raise error.__cause__ from None
            raise
        finally:
            if before is not None:
                sys.modules[_TELEMETRY] = before
            else:
                sys.modules.pop(_TELEMETRY, None)
        return openvino
    return sys.modules["openvino"]
