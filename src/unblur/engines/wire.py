# ruff: noqa: PLR2004 (field numbers and wire types of the file format)
"""Read and write the messages of an ONNX file, without the package ``onnx``.

References:
    The wire format of Protocol Buffers.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from unblur.errors import NetworkError

FLOAT, INT64, HALF = 1, 7, 10  # of TensorProto.DataType


class Number(int):
    """The number of a field that remembers how its content is written."""

    wire: int

    def __new__(cls, number: int, wire: int) -> "Number":
        """A field's number, and its wire type."""
        self = super().__new__(cls, number)
        self.wire = wire
        return self


def fields(message: bytes) -> Iterator[tuple[Number, bytes]]:
    """Number and content of each field; that of a number is its bytes as they stand.

    Raises:
        NetworkError: If the message is damaged.
    """
    at = 0
    while at < len(message):
        key, at = _read_varint(message, at)
        number, wire = key >> 3, key & 7
        if wire == 2:
            size, at = _read_varint(message, at)
        elif wire == 0:
            _, after = _read_varint(message, at)
            size = after - at
        elif wire in {1, 5}:
            size = 8 if wire == 1 else 4
        else:
            raise NetworkError(f"the network file is damaged: wire type {wire}")
        yield Number(number, wire), message[at : at + size]
        at += size


def field(number: int, content: bytes | str) -> bytes:
    """One field; text and messages with their length, numbers that were read as they stood."""
    if isinstance(content, str):
        content = content.encode()
    wire = number.wire if isinstance(number, Number) else 2
    size = _varint(len(content)) if wire == 2 else b""
    return _varint(number << 3 | wire) + size + content


def node(kind: str, inputs: list[str], output: str, **numbers: int) -> bytes:
    """A NodeProto with integers as attributes."""
    parts = [field(1, name) for name in inputs]
    for name, value in numbers.items():
        attribute = field(1, name) + _varint(3 << 3) + _varint(value)
        parts.append(field(5, attribute + _varint(20 << 3) + _varint(2)))
    return b"".join((*parts, field(2, output), field(3, output), field(4, kind)))


def transpose(given: str, made: str, order: list[int]) -> bytes:
    """A NodeProto that changes the order of dimensions."""
    numbers = b"".join(_varint(8 << 3) + _varint(value) for value in order)
    attribute = field(1, "perm") + numbers + _varint(20 << 3) + _varint(7)
    return (
        field(1, given)
        + field(2, made)
        + field(3, made)
        + field(4, "Transpose")
        + field(5, attribute)
    )


def scalar(name: str, value: float) -> bytes:
    """A TensorProto of one float32, without dimensions."""
    content = _varint(2 << 3) + _varint(FLOAT)
    return content + field(8, name) + field(9, np.array(value, "<f4").tobytes())


def integers(name: str, values: list[int]) -> bytes:
    """A TensorProto of int64, a vector."""
    content = _varint(1 << 3) + _varint(len(values)) + _varint(2 << 3) + _varint(INT64)
    return content + field(8, name) + field(9, np.array(values, "<i8").tobytes())


def value_info(name: str, sides: tuple[int | str, ...], kind: int) -> bytes:
    """A ValueInfoProto; a side is a number, or the name of one that is free."""
    dims = b"".join(
        field(1, _varint(1 << 3) + _varint(side) if isinstance(side, int) else field(2, side))
        for side in sides
    )
    tensor = _varint(1 << 3) + _varint(kind) + field(2, dims)
    return field(1, name) + field(2, field(1, tensor))


def floats(tensor: bytes) -> NDArray[np.float32] | None:
    """The values of a TensorProto that holds float32 as raw bytes; None for another."""
    facts = dict(fields(tensor))
    if facts.get(Number(2, 0)) != _varint(FLOAT) or 9 not in facts:
        return None
    return np.frombuffer(facts[Number(9, 2)], "<f4").astype(np.float32)


def read_attribute(attribute: bytes) -> list[int]:
    """The integers of an AttributeProto, one or several; empty if it holds something else."""
    found: list[int] = []
    for number, content in fields(attribute):
        if number in {3, 8}:
            found += _integers(content)
    return found


def read_integers(tensor: bytes) -> list[int]:
    """The values of a TensorProto of int64; empty for another."""
    facts = dict(fields(tensor))
    if facts.get(Number(2, 0)) != _varint(INT64):
        return []
    if 9 in facts:
        return [int(value) for value in np.frombuffer(facts[Number(9, 2)], "<i8")]
    found: list[int] = []
    for number, content in fields(tensor):
        if number == 7:
            found += _integers(content)
    return found


def read_number(content: bytes) -> int:
    """The content of a field that is one integer."""
    return _integers(content)[0]


def _integers(content: bytes) -> list[int]:
    """Signed numbers one after the other."""
    found, at = [], 0
    while at < len(content):
        value, at = _read_varint(content, at)
        found.append(value - (1 << 64) if value >> 63 else value)
    return found


def _varint(value: int) -> bytes:
    parts = []
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes([*parts, value])


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(message):
            raise NetworkError("the network file is damaged: it ends within a number")
        byte = message[at]
        value |= (byte & 127) << shift
        at += 1
        if byte < 128:
            return value, at
        shift += 7
