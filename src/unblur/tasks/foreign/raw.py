"""Run a network of others as it is, on pixels in [0, 1], and look at what comes out."""

from collections.abc import Mapping
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
            raise NetworkError(
                f"{path} is not a network: expected an ONNX file; {one_line(error)}"
            ) from error
        inputs = self._session.get_inputs()
        if len(inputs) != 1:
            names = ", ".join(each.name for each in inputs) or "none"
            raise NetworkError(
                f"{path} takes {len(inputs)} inputs ({names}): expected one, a picture"
            )
        self.input: Any = inputs[0]
        shape = list(self.input.shape)
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
        outputs = self.run(pixels, given)
        picture = picture_of(outputs[given.output], pixels.shape)
        if picture is None:
            raise NetworkError(f"{self.path} gives no picture of the size that it was given")
        y = from_range(picture[0].astype(np.float32), given.range)
        return y[..., ::-1] if given.order == "bgr" else y

    def pictures(self, pixels: Float32, given: Adaptation) -> dict[str, Adaptation]:
        """What it gives that is a picture of this size: for each output how it lies there."""
        found = {}
        for name, values in self.run(pixels, given).items():
            picture = picture_of(values, pixels.shape)
            if picture is not None:
                kind = self._kind(self.outputs[name])
                found[name] = replace(
                    given, output=name, output_layout=picture[1], output_type=kind
                )
        return found

    def _kind(self, end: Any) -> str:
        kind = str(end.type).removeprefix("tensor(").removesuffix(")")
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
        if not may or (isinstance(batch, int) and batch != 1):
            raise NetworkError(
                f"{self.path} takes {shape}: expected pictures of 3 colours, one at a time or "
                "any number: (B, 3, H, W) or (B, H, W, 3)"
            )
        return tuple(may)


def picture_of(values: NDArray[Any], like: tuple[int, ...]) -> tuple[NDArray[Any], str] | None:
    """An output as (H, W, 3), and how it lay; None if it is no picture of that size."""
    height, width, _ = like
    if values.shape == (1, _COLOURS, height, width):
        return values[0].transpose(1, 2, 0), "nchw"
    if values.shape == (1, height, width, _COLOURS):
        return values[0], "nhwc"
    return None
