# ruff: noqa: PLR2004 (field numbers of the file format)
"""Rewrite a network file of others so that it takes and gives what unblur's own files do.

A few nodes in front of its input and behind its output change the range, the order of the
dimensions and the kind of numbers; after that every engine runs it like any other.

References:
    ``onnx.proto``, for the numbers of fields.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.engines import wire
from unblur.errors import NetworkError

RANGES: Final = {"0..1": (1.0, 0.0), "-1..1": (2.0, -1.0), "0..255": (255.0, 0.0)}
"""Ranges of pixel values, each with the factor and the term that [0, 1] is brought to it by."""
LAYOUTS: Final = ("nchw", "nhwc")
ORDERS: Final = ("rgb", "bgr")
TYPES: Final = {"float": 1, "uint8": 2, "float16": 10, "double": 11}
"""Kinds of numbers, by ONNX Runtime's names, each with its number in the file format."""
_GRAPH, _OPSET, _METADATA = 7, 8, 14  # of ModelProto
_NODE, _INITIALIZER, _INPUT, _OUTPUT = 1, 5, 11, 12  # of GraphProto
_EXTERNAL: Final = 13
_INPUT_NAME, _OUTPUT_NAME = "unblur.blurred", "unblur.restored"


@dataclass(frozen=True, kw_only=True)
class Adaptation:
    """What a network of others takes and gives."""

    input: str
    """Name of its input."""
    output: str
    """Name of the output that is the restored picture."""
    range: str = "0..1"
    """A key of :data:`RANGES`."""
    order: str = "rgb"
    """Of the channels."""
    layout: str = "nchw"
    """Of the input."""
    output_layout: str = "nchw"
    type: str = "float"
    """A key of :data:`TYPES`, of the input."""
    output_type: str = "float"
    output_range: str | None = None
    """As ``range``, of the output; None: the same."""
    fixed: tuple[int, int] | None = None
    """Height and width, if it takes no others."""

    @property
    def gives(self) -> str:
        """Range of the output, a key of :data:`RANGES`."""
        return self.output_range or self.range


def adapt(model: bytes, adaptation: Adaptation, facts: Mapping[str, str]) -> bytes:
    """Put those nodes around a network.

    Args:
        model: Content of a network file, with all weights inside.
        adaptation: What it takes and gives.
        facts: What the file is to say of itself.

    Returns:
        A network file (B, 3, H, W) -> (B, 3, H, W), float32 in [0, 1], with one output.

    Raises:
        NetworkError: If the file is damaged.
    """
    around = [wire.field(n, x) for n, x in wire.fields(model) if n not in {_GRAPH, _METADATA}]
    graph = dict(wire.fields(model)).get(wire.Number(_GRAPH, 2), b"")
    before: list[bytes] = []
    after: list[bytes] = []
    inside: list[bytes] = []
    for number, content in wire.fields(graph):
        if number == _OUTPUT or (number == _INPUT and _name(content) == adaptation.input):
            continue
        (inside if number == _NODE else after).append(wire.field(number, content))
    values, given = _Values("before"), _Values("after")
    factor, term = RANGES[adaptation.range]
    x = _INPUT_NAME
    if adaptation.order == "bgr":
        x = values.node("Gather", [x, values.integers([2, 1, 0])], axis=1)
    if factor != 1 or term != 0:
        x = values.node(
            "Add", [values.node("Mul", [x, values.number(factor)]), values.number(term)]
        )
    if adaptation.type == "uint8":  # to the nearest: the cast rounds down
        x = values.node("Floor", [values.node("Add", [x, values.number(0.5)])])
    if adaptation.layout == "nhwc":
        x = values.transpose(x, [0, 2, 3, 1])
    values.node("Cast", [x], adaptation.input, to=TYPES[adaptation.type])
    y = given.node("Cast", [adaptation.output], to=wire.FLOAT)
    if adaptation.output_layout == "nhwc":
        y = given.transpose(y, [0, 3, 1, 2])
    if adaptation.order == "bgr":
        y = given.node("Gather", [y, given.integers([2, 1, 0])], axis=1)
    factor, term = RANGES[adaptation.gives]
    if factor != 1 or term != 0:
        less = given.node("Sub", [y, given.number(term)])
        y = given.node("Div", [less, given.number(factor)])
    given.node("Identity", [y], _OUTPUT_NAME)
    sides: tuple[int | str, int | str] = adaptation.fixed or ("height", "width")
    batch: int | str = 1 if adaptation.fixed else "batch"
    before.append(wire.field(_INPUT, wire.value_info(_INPUT_NAME, (batch, 3, *sides), wire.FLOAT)))
    after.append(wire.field(_OUTPUT, wire.value_info(_OUTPUT_NAME, (batch, 3, *sides), wire.FLOAT)))
    constants = [wire.field(_INITIALIZER, x) for x in (*values.constants, *given.constants)]
    nodes = [*(wire.field(_NODE, x) for x in values.nodes), *inside]
    nodes += [wire.field(_NODE, x) for x in given.nodes]
    content = b"".join((*before, *nodes, *after, *constants))
    said = [wire.field(_METADATA, wire.field(1, k) + wire.field(2, v)) for k, v in facts.items()]
    return b"".join((*around, wire.field(_GRAPH, content), *said))


def read_model(path: Path) -> bytes:
    """The content of a network file, with weights that lie in files beside it.

    Raises:
        NetworkError: If the file, or one beside it, cannot be read.
    """
    try:
        model = path.read_bytes()
    except OSError as error:
        raise NetworkError(f"{path}: cannot be read ({error.strerror or error})") from error
    if b"location" not in model:
        return model
    parts = []
    for number, content in wire.fields(model):
        if number == _GRAPH:
            inside = (
                wire.field(n, _with_values(x, path.parent) if n == _INITIALIZER else x)
                for n, x in wire.fields(content)
            )
            parts.append(wire.field(number, b"".join(inside)))
        else:
            parts.append(wire.field(number, content))
    return b"".join(parts)


def network_digest(path: Path) -> str:
    """SHA-256 of a network file; of one whose weights lie in files beside it, with these.

    Raises:
        NetworkError: If the file, or one beside it, cannot be read.
    """
    return hashlib.sha256(read_model(path)).hexdigest()


def opset(model: bytes) -> int:
    """The version of ONNX's own operators that a network is written in; 0 if it does not say."""
    for number, content in wire.fields(model):
        if number == _OPSET:
            said = dict(wire.fields(content))
            if said.get(wire.Number(1, 2), b"") in {b"", b"ai.onnx"}:
                return wire.read_number(said.get(wire.Number(2, 0), b"\0"))
    return 0


def read_facts(path: Path) -> dict[str, str]:
    """What a network file says of itself; nothing if it is none.

    Raises:
        NetworkError: If it cannot be read.
    """
    try:
        model = path.read_bytes()
    except OSError as error:
        raise NetworkError(f"{path}: cannot be read ({error.strerror or error})") from error
    facts = {}
    try:
        for number, content in wire.fields(model):
            if number == _METADATA:
                entry = dict(wire.fields(content))
                key, value = (entry.get(wire.Number(n, 2), b"").decode() for n in (1, 2))
                facts[key] = value
    except (NetworkError, UnicodeDecodeError):
        return {}
    return facts


class _Values:
    """Nodes and the constants that they take."""

    def __init__(self, name: str) -> None:
        self._name = f"unblur.{name}"
        self.nodes: list[bytes] = []
        self.constants: list[bytes] = []

    def node(self, kind: str, inputs: list[str], output: str = "", **numbers: int) -> str:
        output = output or f"{self._name}.{len(self.nodes)}"
        self.nodes.append(wire.node(kind, inputs, output, **numbers))
        return output

    def transpose(self, x: str, order: list[int]) -> str:
        output = f"{self._name}.{len(self.nodes)}"
        self.nodes.append(wire.transpose(x, output, order))
        return output

    def number(self, value: float) -> str:
        name = f"{self._name}.c{len(self.constants)}"
        self.constants.append(wire.scalar(name, value))
        return name

    def integers(self, values: list[int]) -> str:
        name = f"{self._name}.c{len(self.constants)}"
        self.constants.append(wire.integers(name, values))
        return name


def _name(info: bytes) -> str:
    return dict(wire.fields(info)).get(wire.Number(1, 2), b"").decode()


def _with_values(tensor: bytes, folder: Path) -> bytes:
    """A TensorProto with its values in it, which may lie in another file."""
    entries: dict[str, str] = {}
    kept = []
    for number, content in wire.fields(tensor):
        if number == _EXTERNAL:
            facts = dict(wire.fields(content))
            key, value = (facts.get(wire.Number(n, 2), b"").decode() for n in (1, 2))
            entries[key] = value
        elif number != 14:  # where the values are
            kept.append(wire.field(number, content))
    if "location" not in entries:
        return tensor
    path = folder / entries["location"]
    if path.resolve().parent != folder.resolve():
        raise NetworkError(f"{path}: weights must lie beside the network file, in the same folder")
    try:
        with path.open("rb") as stream:
            stream.seek(int(entries.get("offset", "0")))
            length = int(entries.get("length", "-1"))
            values = stream.read(length)
    except OSError as error:
        raise NetworkError(
            f"{path}: the network's weights cannot be read ({error.strerror or error}); they must "
            "lie beside the network file"
        ) from error
    if len(values) < length:
        raise NetworkError(
            f"{path}: the network's weights are cut short ({len(values)} of {length} bytes); copy "
            "the file again"
        )
    return b"".join((*kept, wire.field(9, values)))


def to_range(pixels: NDArray[np.float32], name: str) -> NDArray[np.float32]:
    """Pixels of [0, 1] in another range."""
    factor, term = RANGES[name]
    return (pixels * np.float32(factor) + np.float32(term)).astype(np.float32)


def from_range(pixels: NDArray[np.float32], name: str) -> NDArray[np.float32]:
    """Pixels of another range in [0, 1]."""
    factor, term = RANGES[name]
    return ((pixels - np.float32(term)) / np.float32(factor)).astype(np.float32)
