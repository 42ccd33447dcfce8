"""Detectors with several outputs, DETR's descendants: theirs are made into one."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from unblur.errors import NetworkError

Float32 = NDArray[np.float32]
Size = tuple[int, int]

_BOX: Final = 4
_TWO, _THREE = 2, 3
EXPECTED: Final = (
    "expected an ONNX file with one input (1, 3, H, W) of float32 and fixed size, and one output, "
    "or those of RT-DETR"
)


def sizes_input(inputs: Sequence[Any]) -> str | None:
    """The name of the input that takes the photo's width and height, (1, 2), if there is one."""
    for fed in inputs[1:]:
        if len(fed.shape) == _TWO and fed.shape[-1] == _TWO and "int" in fed.type:
            return str(fed.name)
    return None


def join_outputs(
    path: Path, names: Sequence[str], outputs: Sequence[NDArray[Any]], size: Size, inputs: int = 1
) -> Float32:
    """Make one output of several: RT-DETR's with scores, or logits and boxes of Hugging Face.

    Args:
        path: The file, for errors.
        names: Of the outputs.
        outputs: Logits or scores (1, N, C) and boxes (1, N, 4), middles and sides in parts of the
            input; or classes (1, N), boxes (1, N, 4) of corners in px of the input, and scores
            (1, N).
        size: Of the input.
        inputs: How many the network has, for errors.

    Returns:
        (1, N, 4 + C), boxes and scores of classes as in layout ``rtdetr``; of one output itself.

    Raises:
        NetworkError: If they are others.
    """
    if len(outputs) == 1:
        output: Float32 = outputs[0]
        return output
    boxes = [x for x in outputs if x.ndim == _THREE and x.shape[::2] == (1, _BOX)]
    if "pred_boxes" in names:
        boxes = [outputs[list(names).index("pred_boxes")]]
    others = [(n, x) for n, x in zip(names, outputs, strict=True) if boxes and x is not boxes[0]]
    if len(outputs) == _TWO and others and _rows_fit(others[0][1], boxes[0], _THREE):
        given = others[0][1].astype(np.float32)
        # Logits of hundreds of boxes are never all between 0 and 1.
        scores = given if given.min() >= 0 and given.max() <= 1 else 1 / (1 + np.exp(-given))
        return np.concatenate([boxes[0], scores], axis=2).astype(np.float32)
    if len(outputs) == _THREE and others and all(_rows_fit(x, boxes[0], _TWO) for _, x in others):
        return _one_hot(others, boxes[0], size)
    shapes = ", ".join(f"{name} {list(x.shape)}" for name, x in zip(names, outputs, strict=True))
    raise NetworkError(
        f"{path} has {inputs} inputs and {len(outputs)} outputs: {EXPECTED}; got {shapes}"
    )


def _rows_fit(array: NDArray[Any], boxes: NDArray[Any], dimensions: int) -> bool:
    return array.ndim == dimensions and array.shape[:2] == boxes.shape[:2]


def _one_hot(others: list[tuple[str, NDArray[Any]]], boxes: NDArray[Any], size: Size) -> Float32:
    """Boxes in parts of the input, and scores by class."""
    first, second = others
    # Classes come first where nothing says which is which.
    swapped = "score" in first[0].lower() or (
        second[1].dtype.kind in "iu" and first[1].dtype.kind == "f"
    )
    classes, scores = (second[1], first[1]) if swapped else (first[1], second[1])
    numbers = np.rint(classes[0]).astype(np.int64).clip(0)
    by_class = np.zeros((1, len(numbers), int(numbers.max(initial=0)) + 1), np.float32)
    by_class[0, np.arange(len(numbers)), numbers] = scores[0]
    corners = boxes / np.array([size[1], size[0]] * 2, np.float32)
    middles, sides = (corners[..., 2:] + corners[..., :2]) / 2, corners[..., 2:] - corners[..., :2]
    return np.concatenate([middles, sides, by_class], axis=2).astype(np.float32)
