"""Run a network of others as it is, on pixels in [0, 1], and look at what comes out."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from unblur.engines.adapt import TYPES, Adaptation, from_range, to_range
from unblur.engines.protocol import one_line
from unblur.errors import NetworkError

Float32 = NDArray[np.float32]

_COLOURS: Final = 3
_RANK: Final = 4
_NO_ONNX: Final = frozenset({"InvalidProtobuf", "InvalidArgument"})
"""The runtime's exceptions for files that are something else, or damaged."""
_OPSETS: Final = re.compile(r"Opset (\d+) is under development.* till opset (\d+)")
"""What the runtime says of a network that is newer than itself."""
_NUMBERS: Final = {"float": np.float32, "float16": np.float16, "double": np.float64}


class RawNetwork:
    """A network file of others, in ONNX Runtime.

    Args:
        model: Content of the file.
        path: Where it comes from, for messages.

    Raises:
        NetworkError: If it is no network, or none that takes one picture of three colours.
    """

    def __init__(self, model: bytes, path: Path) -> None:
        import onnxruntime

        self.path = path
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        try:
            self._session = onnxruntime.InferenceSession(
                model, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # the runtime's exceptions have no common base
            raise _unreadable(path, error) from error
        inputs = self._session.get_inputs()
        if len(inputs) != 1:
            names = ", ".join(each.name for each in inputs) or "none"
            raise NetworkError(
                f"{path} takes {len(inputs)} inputs ({names}): expected one, a picture"
            )
        self.input: Any = inputs[0]
        shape = list(self.input.shape)
        if not shape:
            raise NetworkError(
                f"{path} does not say the shape of what it takes: expected a batch of pictures, "
                "(B, 3, H, W) or (B, H, W, 3); export it with shapes"
            )
        if len(shape) != _RANK:
            raise NetworkError(
                f"{path} takes {shape}: expected a batch of pictures, (B, 3, H, W) or (B, H, W, 3)"
            )
        self.type = self._kind(self.input)
        self.layouts = self._layouts(shape)
        self.outputs = {each.name: each for each in self._session.get_outputs()}

    def adaptation(self, layout: str) -> Adaptation:
        """What is known of it without a run; its first output stands in for the right one."""
        sides = self.input.shape[2:] if layout == "nchw" else self.input.shape[1:3]
        fixed = [side for side in sides if isinstance(side, int)]
        if len(fixed) == 1:
            raise NetworkError(
                f"{self.path} takes {list(self.input.shape)}, of which one side is free: either "
                "both sides must be, or none; export it anew"
            )
        output = next(iter(self.outputs.values()))
        return Adaptation(
            input=self.input.name,
            output=output.name,
            layout=layout,
            type=self.type,
            output_type=self._kind(output),
            fixed=(fixed[0], fixed[1]) if fixed else None,
        )

    def run(self, pixels: Float32, given: Adaptation) -> Mapping[str, NDArray[Any]]:
        """All outputs for one picture, (H, W, 3) in [0, 1], as they come.

        Raises:
            NetworkError: If it fails on a picture of this size.
        """
        if given.order == "bgr":
            pixels = pixels[..., ::-1]
        x = to_range(pixels, given.range)
        if given.layout == "nchw":
            x = x.transpose(2, 0, 1)
        numbers = np.floor(x + np.float32(0.5)) if given.type == "uint8" else x
        kind = np.uint8 if given.type == "uint8" else _NUMBERS[given.type]
        batch = np.ascontiguousarray(numbers[None]).astype(kind)
        try:
            found = self._session.run(None, {given.input: batch})
        except Exception as error:
            raise NetworkError(f"{self.path}: {one_line(error)}") from error
        return dict(zip(self.outputs, found, strict=True))

    def restore(self, pixels: Float32, given: Adaptation) -> Float32:
        """The restored picture, (H, W, 3), not clamped.

        Raises:
            NetworkError: If it fails, or gives no picture of this size.
        """
        picture = picture_of(self.run(pixels, given)[given.output], pixels.shape)
        if picture is None:
            raise NetworkError(f"{self.path} gives no picture of the size that it was given")
        return _read(picture[0], given)

    def restorations(
        self, pixels: Float32, given: Adaptation, ranges: Sequence[str]
    ) -> Iterator[tuple[Adaptation, Float32]]:
        """What it makes of a picture, by each output that is one.

        Args:
            pixels: (H, W, 3) in [0, 1].
            given: How it is shown.
            ranges: Those in which floating-point outputs are read; bytes are 0..255.
        """
        outputs = self.run(pixels, given)
        for each in self._pictures(outputs, pixels.shape, given).values():
            picture = picture_of(outputs[each.output], pixels.shape)
            assert picture is not None
            for name in ["0..255"] if each.output_type == "uint8" else ranges:
                read = replace(each, output_range=None if name == each.range else name)
                yield read, _read(picture[0], read)

    def pictures(self, pixels: Float32, given: Adaptation) -> dict[str, Adaptation]:
        """What it gives that is a picture of this size: for each output how it lies there."""
        return self._pictures(self.run(pixels, given), pixels.shape, given)

    def _pictures(
        self, outputs: Mapping[str, NDArray[Any]], shape: tuple[int, ...], given: Adaptation
    ) -> dict[str, Adaptation]:
        found = {}
        for name, values in outputs.items():
            picture = picture_of(values, shape)
            if picture is not None:
                kind = self._kind(self.outputs[name])
                found[name] = replace(
                    given, output=name, output_layout=picture[1], output_type=kind
                )
        return found

    def _kind(self, end: Any) -> str:
        kind = re.sub(r"^tensor\((\w+)\)$", r"\1", str(end.type))
        if kind not in TYPES:
            raise NetworkError(f"{self.path}: {end.name} holds {kind}; known: {', '.join(TYPES)}")
        return kind

    def _layouts(self, shape: list[Any]) -> tuple[str, ...]:
        """Those that its input may have, the likelier first."""
        may = [
            layout
            for layout, channels in (("nchw", shape[1]), ("nhwc", shape[3]))
            if channels == _COLOURS
        ]
        if not may and not any(isinstance(side, int) for side in shape[1:]):
            may = ["nchw", "nhwc"]  # nothing is said; one of them runs
        batch = shape[0]
        if may and isinstance(batch, int) and batch != 1:
            raise NetworkError(
                f"{self.path} takes {shape}, {batch} pictures at once: expected one, or any "
                "number; export it for one"
            )
        if not may:
            raise NetworkError(
                f"{self.path} takes {shape}: expected pictures of 3 colours, (B, 3, H, W) or "
                "(B, H, W, 3)"
            )
        return tuple(may)


def _unreadable(path: Path, error: Exception) -> NetworkError:
    """What to raise where a file cannot be opened: it is none, or beyond this runtime."""
    import onnxruntime

    if type(error).__name__ in _NO_ONNX:
        return NetworkError(f"{path} is not a network: expected an ONNX file; {one_line(error)}")
    version = onnxruntime.__version__
    opsets = _OPSETS.search(" ".join(str(error).split()))
    if opsets is not None:
        return NetworkError(
            f"{path} is written in version {opsets[1]} of ONNX's operators: ONNX Runtime {version} "
            f"knows up to {opsets[2]}; export it with an older opset_version"
        )
    return NetworkError(f"{path} cannot be run by ONNX Runtime {version}: {one_line(error)}")


def _read(picture: NDArray[Any], given: Adaptation) -> Float32:
    y = from_range(picture.astype(np.float32), given.gives)
    return y[..., ::-1] if given.order == "bgr" else y


def picture_of(values: NDArray[Any], like: tuple[int, ...]) -> tuple[NDArray[Any], str] | None:
    """An output as (H, W, 3), and how it lay; None if it is no picture of that size."""
    height, width, _ = like
    if values.shape == (1, _COLOURS, height, width):
        return values[0].transpose(1, 2, 0), "nchw"
    if values.shape == (1, height, width, _COLOURS):
        return values[0], "nhwc"
    return None


def misfits(shapes: Sequence[tuple[int, ...]], height: int, width: int) -> str:
    """Shapes of which none is a picture of the size that went in, and what was expected."""
    given = ", ".join(" x ".join(map(str, shape)) for shape in shapes)
    times = {
        (rows / height, columns / width)
        for shape in shapes
        if len(shape) == _RANK and _COLOURS in {shape[1], shape[3]}
        for rows, columns in [shape[2:] if shape[1] == _COLOURS else shape[1:3]]
    }
    said = ""
    if len(times) == 1:
        ((down, across),) = times
        if down == across:
            said = f", {down:g} times its size"
    return (
        f"{given} for a picture of {height} x {width}{said}: expected a picture of the same size, "
        "(B, 3, H, W) or (B, H, W, 3)"
    )
