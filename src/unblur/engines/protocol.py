"""What every engine can do."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from unblur.errors import NetworkError

Float32 = NDArray[np.float32]
RunPart: TypeAlias = Callable[[Mapping[str, Any]], dict[str, Any]]

EXPECTED: Final = "expected a network written by unblur, an ONNX file (B, 3, H, W) -> (B, 3, H, W)"

_PLACES: Final = re.compile(
    r"\[ONNXRuntimeError\] : \d+ : \w+ : |Load model from .*? failed: ?|"
    r"Exception during initialization: |[\w/]+\.(?:cc|h):\d+ (?:[^()]*\([^()]*\)|\w+) "
)
"""In ONNX Runtime's messages, before what a reader can use."""
_CHANNELS: Final = {("3", "3"), ("7", "4"), ("3", "2"), ("4", "1")}
"""Of input and output: of networks that see a photo, of those that see its deconvolution, too,
and say how far off they may be, of those that draw edges, and of those that trace paths."""


class Engine(Protocol):
    """Anything that maps a batch (B, C, H, W) float32 to one of the same height and width."""

    name: str
    precision: str
    """``fp32`` or ``bf16``."""
    why: str
    """What it is, and why it was chosen, in a few words."""

    @property
    def device(self) -> str:
        """What it computes on: ``cpu``, or a name with a number, such as ``cuda:0``."""
        ...

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
    """Refuse a network whose one input and output are not of a kind that unblur writes."""
    both = (inputs, outputs)
    plain = all(len(shapes) == 1 and len(shapes[0]) == 4 for shapes in both)  # noqa: PLR2004
    if plain and tuple(str(shapes[0][1]) for shapes in both) in _CHANNELS:
        return
    got = " -> ".join(", ".join(str(list(shape)) for shape in shapes) for shapes in both)
    raise NetworkError(f"{name} maps {got}: {EXPECTED}")


def failed(batch: Float32, error: Exception) -> NetworkError:
    """What to raise where a network fails: it ran out of memory, above all."""
    size = " x ".join(map(str, batch.shape))
    return NetworkError(f"the network failed on a batch of {size}: {one_line(error)}")


def not_a_network(path: Path, error: Exception) -> NetworkError:
    """What to raise where a file cannot be opened."""
    return NetworkError(f"{path} is not a network: {EXPECTED}; {one_line(error)}")


def one_line(error: Exception) -> str:
    """The beginning of an engine's complaint, without the places in its source."""
    said = " ".join(str(error).split())
    return (_PLACES.sub("", said).strip() or said)[:160]
