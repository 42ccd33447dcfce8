# ruff: noqa: PLR2004 (field numbers of the file format)
"""Cut an ONNX graph where it looks at the whole picture.

A network that normalises by the whole picture, or takes the means of its channels over it, can run
on one strip of it after the other if it stops in front of every such place until all strips have
come so far. Each part between two of them is a network file of its own, whose inputs are what the
parts before left behind, and what the statistics of the whole picture amount to: the scale and
shift of an instance normalisation, or a mean.

References:
    ``onnx.proto``, for the numbers of fields.
"""

import struct
from dataclasses import dataclass
from typing import Final

from unblur.engines import wire
from unblur.errors import NetworkError

_GRAPH, _METADATA = 7, 14  # of ModelProto
_NODE, _NAME, _INITIALIZER, _INPUT, _OUTPUT, _INFO = 1, 2, 5, 11, 12, 13  # of GraphProto
_HEAVY: Final = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})
_NORM: Final = "InstanceNormalization"


@dataclass(frozen=True, kw_only=True)
class Part:
    """The nodes of a graph from one place that looks at the whole picture to another."""

    model: bytes
    """A network file."""
    inputs: tuple[str, ...]
    """What it takes of earlier parts, float16; and the graph's own input, if it is among them."""
    norms: tuple[int, ...]
    """Its normalisations and means. Of each it takes :meth:`Graph.statistics`, (1, C, 1, 1)."""
    outputs: tuple[str, ...]
    """What it makes for later parts, float16; or the graph's own output. Up to a normalisation N
    it also makes ``sum.N`` and ``square.N``, (1, C, H): sums of the values of each row that N
    takes, and of their squares; up to a mean ``sum.N`` alone."""


@dataclass(frozen=True, kw_only=True)
class _Node:
    message: bytes
    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def attributes(self) -> dict[str, list[int]]:
        """Those that are integers."""
        found: dict[str, list[int]] = {}
        for number, content in wire.fields(self.message):
            if number == 5:
                name = _text(content, 1)
                found[name] = wire.read_attribute(content)
        return found

    def constant(self) -> bytes | None:
        """The TensorProto that a node of the kind Constant holds, named as its output."""
        if self.kind != "Constant":
            return None
        for number, content in wire.fields(self.message):
            facts = dict(wire.fields(content)) if number == 5 else {}
            if wire.Number(5, 2) in facts:
                inside = [
                    wire.field(n, x) for n, x in wire.fields(facts[wire.Number(5, 2)]) if n != 8
                ]
                return b"".join((*inside, wire.field(8, self.outputs[0])))
        return None


class Graph:
    """An ONNX file, to be cut into parts.

    Args:
        model: Content of a file with InstanceNormalization nodes without scale and bias, or means
            over height and width.

    Raises:
        NetworkError: If it is damaged, has no such node, or one with a scale or bias.
    """

    def __init__(self, model: bytes) -> None:
        self._around = [(n, x) for n, x in wire.fields(model) if n not in {_GRAPH, _METADATA}]
        graph = dict(wire.fields(model)).get(wire.Number(_GRAPH, 2), b"")
        self._nodes: list[_Node] = []
        self._constants: dict[str, bytes] = {}
        self._infos: dict[str, bytes] = {}
        named: dict[int, list[str]] = {_INPUT: [], _OUTPUT: []}
        for number, content in wire.fields(graph):
            if number == _NODE:
                node = _read_node(content)
                tensor = node.constant()
                if tensor is None:
                    self._nodes.append(node)
                else:  # as some exporters write constants
                    self._constants[node.outputs[0]] = tensor
            elif number == _INITIALIZER:
                self._constants[_text(content, 8)] = content
            elif number in {_INPUT, _OUTPUT, _INFO}:
                name = _text(content, 1)
                self._infos[name] = content
                named.get(number, []).append(name)
        # Before version 4 of the format, constants were inputs, too.
        named[_INPUT] = [name for name in named[_INPUT] if name not in self._constants]
        if any(len(names) != 1 for names in named.values()):
            raise NetworkError("the network file is damaged: it has no input or no output")
        (self.input,), (self.output,) = named[_INPUT], named[_OUTPUT]
        self._norms = [k for k, x in enumerate(self._nodes) if self._sees_whole(x)]
        if not self._norms:
            raise NetworkError("the network has no instance normalisation to cut it at")
        self.epsilons = [
            self._check_norm(self._nodes[k]) if self._nodes[k].kind == _NORM else None
            for k in self._norms
        ]
        """Of each normalisation; None for a mean."""
        self._light = self._find_light()

    def __len__(self) -> int:
        """Number of normalisations."""
        return len(self._norms)

    def normalised(self, norm: int) -> str:
        """The name of what a normalisation, or a mean, takes."""
        return self._nodes[self._norms[norm]].inputs[0]

    def statistics(self, norm: int) -> tuple[str, ...]:
        """The names of what the whole picture gives for it."""
        if self.epsilons[norm] is None:
            return (f"mean.{norm}",)
        return f"scale.{norm}", f"shift.{norm}"

    def live(self, norm: int) -> set[str]:
        """What is left behind in front of a normalisation for it and all that follows."""
        until = self._norms[norm]
        made = {name for x in self._nodes[:until] for name in x.outputs} - self._light
        return made & {name for x in self._nodes[until:] for name in x.inputs}

    def part(self, start: int | None, stop: int | None) -> Part:
        """The nodes from one normalisation up to another.

        Args:
            start: The first normalisation that is part of it; None for the graph's beginning.
            stop: The first that is not; None for the graph's end.
        """
        first = 0 if start is None else self._norms[start]
        last = len(self._nodes) if stop is None else self._norms[stop]
        inside = [x for x in self._nodes[first:last] if x.outputs[0] not in self._light]
        made = {name for x in inside for name in x.outputs}
        used = {name for x in inside for name in x.inputs}
        # What costs nothing is computed again from the picture rather than kept.
        again: list[_Node] = []
        for node in reversed(self._nodes):
            if node.outputs[0] in self._light and node.outputs[0] in used:
                again.insert(0, node)
                used |= set(node.inputs)
        norms = tuple(k for k, at in enumerate(self._norms) if first <= at < last)
        inputs = tuple(sorted(used - made - self._light - self._constants.keys() - {""}))
        later = {name for x in self._nodes[last:] for name in x.inputs} | {self.output}
        outputs = tuple(sorted(made & later))
        return Part(
            model=self._write(again + inside, inputs, norms, outputs, stop),
            inputs=inputs,
            norms=norms,
            outputs=outputs,
        )

    def _write(
        self,
        nodes: list[_Node],
        inputs: tuple[str, ...],
        norms: tuple[int, ...],
        outputs: tuple[str, ...],
        stop: int | None,
    ) -> bytes:
        content = [wire.field(_NAME, "part")]

        def write(kind: str, given: list[str], made: str, **numbers: int) -> None:
            content.append(wire.field(_NODE, wire.node(kind, given, made, **numbers)))

        for name in inputs:
            if name == self.input:
                content.append(wire.field(_INPUT, self._infos[name]))
                continue
            content.append(wire.field(_INPUT, _free(f"{name}.half", wire.HALF)))
            write("Cast", [f"{name}.half"], name, to=wire.FLOAT)
        indices = {id(self._nodes[self._norms[k]]): k for k in norms}
        for node in nodes:
            if id(node) not in indices:
                content.append(wire.field(_NODE, node.message))
                continue
            k, x, y = indices[id(node)], node.inputs[0], node.outputs[0]
            for name in self.statistics(k):
                info = wire.value_info(name, (1, f"channels.{k}", 1, 1), wire.FLOAT)
                content.append(wire.field(_INPUT, info))
            if self.epsilons[k] is None:
                write("Identity", [f"mean.{k}"], y)
                continue
            write("Mul", [x, f"scale.{k}"], f"{y}.scaled")
            write("Add", [f"{y}.scaled", f"shift.{k}"], y)
        used = {name for x in nodes if id(x) not in indices for name in x.inputs}
        content += [wire.field(_INITIALIZER, x) for k, x in self._constants.items() if k in used]
        for name in outputs:
            if name == self.output:
                content.append(wire.field(_OUTPUT, self._infos[name]))
                continue
            write("Cast", [name], f"{name}.half", to=wire.HALF)
            content.append(wire.field(_OUTPUT, _free(f"{name}.half", wire.HALF)))
        if stop is not None:
            content.append(wire.field(_INITIALIZER, wire.integers("unblur.axes", [3])))
            sums = (("ReduceSum", "sum"), ("ReduceSumSquare", "square"))
            for kind, what in sums[: len(self.statistics(stop))]:
                write(kind, [self.normalised(stop), "unblur.axes"], f"{what}.{stop}", keepdims=0)
                info = wire.value_info(f"{what}.{stop}", ("b", "c", "h"), wire.FLOAT)
                content.append(wire.field(_OUTPUT, info))
        # The format wants nodes in order; all else may stand anywhere.
        around = [wire.field(number, x) for number, x in self._around]
        return b"".join((*around, wire.field(_GRAPH, b"".join(content))))

    def _find_light(self) -> set[str]:
        """What follows from constants and the picture without a heavy operation."""
        light = set(self._constants) | {self.input, ""}
        found = set()
        for node in self._nodes:
            heavy = node.kind in _HEAVY or self._sees_whole(node)
            if not heavy and set(node.inputs) <= light:
                light |= set(node.outputs)
                found |= set(node.outputs)
        return found

    def _sees_whole(self, node: _Node) -> bool:
        """Whether it normalises by the whole picture, or takes means over it."""
        if node.kind != "ReduceMean":
            return node.kind in {_NORM, "GlobalAveragePool"}
        facts = node.attributes()
        axes = facts.get("axes")
        if axes is None and len(node.inputs) > 1:
            axes = wire.read_integers(self._constants.get(node.inputs[1], b""))
        return facts.get("keepdims", [1]) == [1] and {axis % 4 for axis in axes or ()} == {2, 3}

    def _check_norm(self, node: _Node) -> float:
        """Its epsilon; it must do no more than normalise."""
        for name, value in zip(node.inputs[1:], (1, 0), strict=True):
            values = wire.floats(self._constants.get(name, b""))
            if values is None or (values != value).any():
                raise NetworkError(
                    "a normalisation of the network has a scale or bias of its own, which cannot "
                    "be tiled; restore with tile=off"
                )
        for number, content in wire.fields(node.message):
            facts = dict(wire.fields(content)) if number == 5 else {}
            if facts.get(wire.Number(1, 2)) == b"epsilon":
                return float(struct.unpack("<f", facts[wire.Number(2, 5)])[0])
        return 1e-5


def _free(name: str, kind: int) -> bytes:
    sides = tuple(f"{name}.{side}" for side in ("batch", "channels", "height", "width"))
    return wire.value_info(name, sides, kind)


def _read_node(message: bytes) -> _Node:
    facts: dict[int, list[str]] = {1: [], 2: [], 4: [""]}
    for number, content in wire.fields(message):
        if number in facts:
            facts[number].append(content.decode())
    return _Node(
        message=message, kind=facts[4][-1], inputs=tuple(facts[1]), outputs=tuple(facts[2])
    )


def _text(message: bytes, number: int) -> str:
    return dict(wire.fields(message))[wire.Number(number, 2)].decode()
