"""What a detector's file says of itself, and what its values say where it says nothing."""

import ast
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from unblur.engines.detector_layouts import FINAL_COLUMNS, fitting_layouts
from unblur.errors import NetworkError

Float32 = NDArray[np.float32]
Facts = Mapping[str, str]
"""The metadata of an ONNX file; Ultralytics' exports have task, names, args, description, imgsz."""

_TASK: Final = "detect"
_SLACK: Final = 1e-3
"""Scores that half precision has rounded up."""
_RTDETR: Final = ("rtdetr", "rt-detr")
_BEFORE_CLASSES: Final = {"yolov8": 4, "yolov5": 5, "yolox": 5, "rtdetr": 4}
"""Numbers of a row, or column, that are no scores of classes."""
_KINDS: Final = "a detector of poses, masks or turned boxes has other numbers there"


def check_task(path: Path, facts: Facts) -> None:
    """Refuse a file that says it is no detector of upright boxes.

    Raises:
        NetworkError: If it is for poses, masks, turned boxes or whole pictures.
    """
    task = facts.get("task", _TASK)
    if task != _TASK:
        raise NetworkError(
            f"{path} says that its task is {task!r}; a network with task {_TASK!r} is needed"
        )


def check_classes(path: Path, facts: Facts, layout: str, shape: Sequence[int]) -> None:
    """Refuse a file whose output has not as many classes as it names.

    Raises:
        NetworkError: If they differ.
    """
    named = _literal(facts, "names")
    before = _BEFORE_CLASSES.get(layout)
    if before is None or not isinstance(named, dict | list) or not named:
        return
    classes = shape[1 if layout == "yolov8" else 2] - before
    if classes != len(named):
        raise NetworkError(
            f"{path}: output {list(shape)} read as {layout} has {classes} classes, and the file "
            f"names {len(named)}: {_KINDS}"
        )


def check_scores(path: Path, scores: Float32) -> None:
    """Refuse numbers that cannot be scores.

    Raises:
        NetworkError: If one is not in [0, 1].
    """
    least, most = float(scores.min(initial=0)), float(scores.max(initial=0))
    if not (least >= -_SLACK and most <= 1 + _SLACK):
        raise NetworkError(
            f"{path} gives {least:.4g} to {most:.4g} where its layout has scores, which are from "
            f"0 to 1: {_KINDS}, or --layout names the wrong one"
        )


def tell_layout(facts: Facts, output: Float32, size: tuple[int, int]) -> str | None:
    """Tell those layouts that shapes do not: ``yolov10`` and ``rtdetr``.

    Args:
        facts: What the file says.
        output: Of a picture, with its batch.
        size: Of the input.

    Returns:
        The name; None where shapes tell, or nothing does.
    """
    if output.ndim != 3 or len(output) != 1 or fitting_layouts(output.shape, size):  # noqa: PLR2004
        return None
    columns = output.shape[2]
    arguments = _literal(facts, "args")
    final = facts.get("end2end", "").lower() == "true" or (
        isinstance(arguments, dict) and bool(arguments.get("nms"))
    )
    if final and columns == FINAL_COLUMNS:
        return "yolov10"
    if any(name in facts.get("description", "").lower() for name in _RTDETR):
        return "rtdetr"
    if _is_final(output[0]):
        return "yolov10"
    return "rtdetr" if _is_relative(output[0]) else None


def _is_final(rows: Float32) -> bool:
    """Whether rows are corners in px, a score and the number of a class."""
    if rows.shape[1] != FINAL_COLUMNS:
        return False
    boxes, scores, classes = rows[:, :4], rows[:, 4], rows[:, 5]
    return bool(
        boxes.max(initial=0) > 2  # noqa: PLR2004 - parts of the input are not
        and (boxes[:, 2:] >= boxes[:, :2]).all()
        and ((scores >= 0) & (scores <= 1)).all()
        and ((classes >= 0) & (classes == np.rint(classes))).all()
    )


def _is_relative(rows: Float32) -> bool:
    """Whether rows begin with boxes in parts of the input, and all else may be scores."""
    inside = (rows >= 0).all() and (rows <= 1 + _SLACK).all()
    return bool(rows.shape[1] > 4 and inside and (rows[:, 2:4] > 0).any())  # noqa: PLR2004


def _literal(facts: Facts, name: str) -> Any:
    """A value that was written as Python writes it."""
    with suppress(ValueError, SyntaxError, MemoryError, RecursionError):
        return ast.literal_eval(facts.get(name, ""))
    return None
