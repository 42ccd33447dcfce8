"""What every engine can do."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from unblur.errors import NetworkError

Float32 = NDArray[np.float32]
RunPart: TypeAlias = Callable[[Mapping[str, Any]], dict[str, Any]]

EXPECTED: Final = "expected a network written by unblur, an ONNX file (B, 3, H, W) -> (B, 3, H, W)"


class Engine(Protocol):
    """Anything that maps a batch (B, 3, H, W) float32 in [0, 1] to the same shape."""

    name: str
    precision: str
    """``fp32`` or ``bf16``."""
    why: str
    """What it is, and why it was chosen, in a few words."""
    metadata: Mapping[str, str]
    """What the network file says of itself."""

    def run(self, batch: Float32) -> Float32:
        """Restore a batch; the result is not clamped. May be called from several threads."""
        ...

    def open_part(self, model: bytes) -> RunPart:
        """Open a part of the network that :class:`unblur.engines.graph.Graph` has cut out.

        Returns:
            What maps its inputs by name to its outputs by name.

        Raises:
            OptionError: If the engine runs networks as a whole only.
        """
        ...


def check_signature(name: str, inputs: list[Any], outputs: list[Any]) -> None:
    """Refuse a network whose input or output is not one (B, 3, H, W)."""
    for kind, shapes in (("input", inputs), ("output", outputs)):
        if len(shapes) != 1 or len(shapes[0]) != 4 or str(shapes[0][1]) != "3":  # noqa: PLR2004
            got = ", ".join(str(list(shape)) for shape in shapes)
            raise NetworkError(f"{name} has the {kind}s {got}: {EXPECTED}")


def failed(batch: Float32, error: Exception) -> NetworkError:
    """What to raise where a network fails: it ran out of memory, above all."""
    size = " x ".join(map(str, batch.shape))
    return NetworkError(f"the network failed on a batch of {size}: {one_line(error)}")


def not_a_network(path: Path, error: Exception) -> NetworkError:
    """What to raise where a file cannot be opened."""
    return NetworkError(f"{path} is not a network: {EXPECTED}; {one_line(error)}")


def one_line(error: Exception) -> str:
    """The beginning of an engine's complaint."""
    return " ".join(str(error).split())[:160]
