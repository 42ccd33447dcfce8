"""Find things in photos with detectors of the YOLO family, or RT-DETR, that are ONNX files."""

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from unblur.engines.detector_facts import (
    Facts,
    check_classes,
    check_scores,
    check_task,
    tell_layout,
)
from unblur.engines.detector_layouts import Layout, Size, check_layout, find_layout
from unblur.engines.detector_outputs import EXPECTED, join_outputs, sizes_input
from unblur.engines.protocol import one_line
from unblur.errors import NetworkError, OptionError
from unblur.imaging.boxes import Detections, suppress_overlaps

Float32 = NDArray[np.float32]

MOST_OVERLAP: Final = 0.45
"""Of boxes of one class that both stay; what YOLOX and YOLOv5 detect with."""
_MOST_OUTPUTS: Final = 3


class Detector:
    """A detector, ready to run on the CPU.

    Args:
        path: The ONNX file.
        layout: A name in :data:`unblur.engines.detector_layouts.LAYOUTS`, or ``auto``: told by
            what the file says of itself, the shape of its output, and its values.
        threads: Threads within one operation; 0 takes one per core.

    Raises:
        NetworkError: If the file is no such detector.
        OptionError: If there is no layout of this name.
    """

    def __init__(self, path: Path, *, layout: str = "auto", threads: int = 0) -> None:
        check_layout(layout)
        self.path = path
        self._session = _open(path, threads)
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        facts = dict(self._session.get_modelmeta().custom_metadata_map)
        check_task(path, facts)
        self._sizes = sizes_input(inputs)
        if len(inputs) != (1 if self._sizes is None else 2) or len(outputs) > _MOST_OUTPUTS:
            raise NetworkError(
                f"{path} has {len(inputs)} inputs and {len(outputs)} outputs: {EXPECTED}"
            )
        self._input = inputs[0].name
        self._outputs = [output.name for output in outputs]
        self.size = _input_size(path, inputs[0], facts)
        """Height and width of the input, px."""
        # The file may leave sizes of its output open: an empty picture shows them.
        probe = self._run(np.full((1, 3, *self.size), 0.4, np.float32))
        if layout == "auto":
            several = len(outputs) > 1  # of which only RT-DETR's have been made into one
            layout = "rtdetr" if several else tell_layout(facts, probe, self.size) or layout
        try:
            self.layout: Layout = find_layout(probe.shape, self.size, layout)
        except NetworkError as error:
            raise NetworkError(f"{path}: {error}") from error
        check_classes(path, facts, self.layout.name, probe.shape)
        self.sha256 = hashlib.sha256(path.read_bytes()).hexdigest()

    def detect(self, pixels: Float32, *, least_score: float = 0.05) -> Detections:
        """Find things in a photo.

        Args:
            pixels: (H, W, 3) RGB in [0, 1]; rounded to 8 bits as it would be saved.
            least_score: What is less sure is left out, in (0, 1].

        Returns:
            Best score first, in px of the photo and within it. A box has its best class alone,
            and of boxes of a class that overlap by more than :data:`MOST_OVERLAP` the best stays,
            unless the network has suppressed the others itself.

        Raises:
            NetworkError: If the network fails, or gives scores that are none.
            OptionError: If ``least_score`` is out of range.
        """
        if not 0 < least_score <= 1:
            raise OptionError(f"least_score must be in (0, 1], got {least_score}")
        height, width, _ = pixels.shape
        fed, corner, scale = letterbox(pixels, self.size, self.layout)
        boxes, scores = self.layout.decode(self._run(fed)[0], self.size)
        check_scores(self.path, scores)
        best, classes = scores.max(axis=1), scores.argmax(axis=1)
        sure = best >= np.float32(least_score)
        placed = (boxes[sure] - np.tile(corner, 2)) / np.tile(scale, 2)
        found = Detections(
            boxes=np.clip(placed, 0, np.array([width, height] * 2)).astype(np.float32),
            scores=best[sure],
            classes=classes[sure].astype(np.int64),
        )
        return suppress_overlaps(found, most_overlap=1 if self.layout.final else MOST_OVERLAP)

    def _run(self, fed: Float32) -> Float32:
        given: dict[str, Any] = {self._input: fed}
        if self._sizes is not None:  # so that boxes come in px of the input
            given[self._sizes] = np.array([self.size[::-1]], np.int64)
        try:
            outputs = self._session.run(None, given)
        except Exception as error:  # the runtime's exceptions have no common base
            raise NetworkError(f"{self.path} failed on a picture: {one_line(error)}") from error
        return join_outputs(self.path, self._outputs, outputs, self.size, len(given))


def letterbox(pixels: Float32, size: Size, layout: Layout) -> tuple[Float32, Float32, Float32]:
    """A photo as a detector is fed: shrunk or enlarged to fit, the rest padded; or stretched.

    Args:
        pixels: (H, W, 3) RGB in [0, 1].
        size: Of the input.
        layout: Says how values are scaled and where the photo lies.

    Returns:
        The batch (1, 3, H', W'); x and y of the photo's corner in it, px; and its width and
        height there by those of the photo.
    """
    height, width, _ = pixels.shape
    share = min(size[0] / height, size[1] / width)
    rows = max(1, min(size[0], round(height * share)))
    columns = max(1, min(size[1], round(width * share)))
    if layout.stretched:
        rows, columns = size
    top, left = ((size[0] - rows) // 2, (size[1] - columns) // 2) if layout.centred else (0, 0)
    saved = np.rint(np.clip(pixels, 0, 1) * np.float32(255))
    placed = np.full((*size, 3), layout.padding, np.float32)
    placed[top : top + rows, left : left + columns] = np.rint(_resize(saved, rows, columns))
    if layout.bgr:
        placed = placed[..., ::-1]
    fed = (placed - np.asarray(layout.mean, np.float32)) / np.asarray(layout.scale, np.float32)
    corner = np.array([left, top], np.float32)
    scale = np.array([columns / width, rows / height], np.float32)
    return np.ascontiguousarray(fed.transpose(2, 0, 1)[None]), corner, scale


def _resize(values: Float32, rows: int, columns: int) -> Float32:
    """Between the four nearest pixels, with no care for aliasing: what detectors learnt from."""
    for axis, count in enumerate((rows, columns)):
        side = values.shape[axis]
        place = np.clip((np.arange(count) + 0.5) * side / count - 0.5, 0, side - 1)
        low = place.astype(int)
        high = np.minimum(low + 1, side - 1)
        share = (place - low).astype(np.float32).reshape((-1, 1, 1) if axis == 0 else (1, -1, 1))
        before, after = np.take(values, low, axis), np.take(values, high, axis)
        values = before + (after - before) * share
    return values


def _open(path: Path, threads: int) -> Any:
    import onnxruntime

    if not path.is_file():
        raise NetworkError(f"{path} is not a file; {EXPECTED}")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4  # failures come as exceptions, not as lines on stderr
    try:
        return onnxruntime.InferenceSession(
            os.fspath(path), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # the runtime's exceptions have no common base
        raise NetworkError(f"{path} is not a detector: {EXPECTED}; {one_line(error)}") from error


def _input_size(path: Path, fed: Any, facts: Facts) -> Size:
    shape = list(fed.shape)
    if len(shape) != 4 or shape[1] != 3 or fed.type != "tensor(float)":  # noqa: PLR2004
        raise NetworkError(f"{path} takes {fed.type} of {shape}: {EXPECTED}")
    if isinstance(shape[0], int) and shape[0] != 1:
        raise NetworkError(f"{path} takes {shape[0]} photos at a time; export it for one")
    sides = shape[2:]
    if not _are_sides(sides):
        # Ultralytics' exports leave sizes open, and note the one that they were trained with.
        with suppress(ValueError):
            sides = json.loads(facts.get("imgsz", ""))
    if not _are_sides(sides):
        raise NetworkError(
            f"{path} has no fixed input size, got {shape}; export it with one, such as 640x640"
        )
    return int(sides[0]), int(sides[1])


def _are_sides(sides: Any) -> bool:
    return (
        isinstance(sides, list)
        and len(sides) == 2  # noqa: PLR2004
        and all(isinstance(side, int) and side > 0 for side in sides)
    )
