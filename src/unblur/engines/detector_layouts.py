"""What the outputs of detectors mean: the YOLO family, NanoDet and RT-DETR."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.errors import NetworkError, OptionError

Float32 = NDArray[np.float32]
Size = tuple[int, int]
"""Height and width of a detector's input, px."""

_STRIDES: Final = (8, 16, 32)
_MORE_STRIDES: Final = (8, 16, 32, 64)
_ANCHORS: Final = 3
_COCO: Final = 80
_BOX: Final = 4
_BOX_AND_OBJECT: Final = 5
FINAL_COLUMNS: Final = 6
"""Of a row that says left, top, right, bottom, score and class."""
_BINS: Final = 8
_KNOWN_BINS: Final = (8, 11)
"""Of NanoDet's published networks, all of COCO's 80 classes: reg_max is 7, of nanodet-g 10."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Layout:
    """How a family of detectors is fed and read."""

    name: str
    words: str
    decode: Callable[[Float32, Size], tuple[Float32, Float32]]
    """From an output without its batch, and the input's size, to boxes (N, 4), left, top, right,
    bottom in px of the input, and scores (N, C)."""
    bgr: bool = False
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Taken from values of 0 to 255, in the order of the channels fed."""
    scale: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """What they are divided by, after that."""
    padding: float = 114.0
    """Around the photo, of 0 to 255."""
    centred: bool = True
    """The photo lies in the middle of the input, not in its upper left corner."""
    stretched: bool = False
    """The photo fills the input, whatever becomes of its shape."""
    final: bool = False
    """A thing has one box already: there are no others of it to be suppressed."""


def decode_yolox(output: Float32, size: Size) -> tuple[Float32, Float32]:
    """YOLOX without its decoding, (N, 5 + C): offsets in cells, logarithms of sides."""
    corners, strides = _cells(size, _STRIDES)
    middles = (output[:, :2] + corners) * strides
    sides = np.exp(output[:, 2:4]) * strides
    return _boxes(middles, sides), output[:, 4:5] * output[:, 5:]


def decode_yolov5(output: Float32, size: Size) -> tuple[Float32, Float32]:
    """YOLOv5, (N, 5 + C): middles and sides in px of the input, then object and classes."""
    del size
    return _boxes(output[:, :2], output[:, 2:4]), output[:, 4:5] * output[:, 5:]


def decode_yolov8(output: Float32, size: Size) -> tuple[Float32, Float32]:
    """YOLOv8, (4 + C, N): middles and sides in px of the input, then classes."""
    del size
    turned = output.T
    return _boxes(turned[:, :2], turned[:, 2:4]), turned[:, 4:]


def decode_nanodet(output: Float32, size: Size) -> tuple[Float32, Float32]:
    """NanoDet, (N, C + 4 * bins): classes, then how far each side is, as a distribution.

    References:
        Li et al., *Generalized focal loss*, NeurIPS 2020, equation 5.
    """
    plus = len(output) == _count(size, _MORE_STRIDES)
    corners, strides = _cells(size, _MORE_STRIDES if plus else _STRIDES)
    # NanoDet-Plus, which has a fourth stride, counts from the corners of its cells.
    middles = (corners if plus else corners + np.float32(0.5)) * strides
    bins = nanodet_bins(output.shape[1])
    classes = output.shape[1] - _BOX * bins
    logits = output[:, classes:].reshape(len(output), _BOX, bins)
    weights = np.exp(logits - logits.max(axis=2, keepdims=True))
    weights /= weights.sum(axis=2, keepdims=True)
    away = weights @ np.arange(bins, dtype=np.float32) * strides
    boxes = np.concatenate([middles - away[:, :2], middles + away[:, 2:]], axis=1)
    return boxes, output[:, :classes]


def decode_yolov10(output: Float32, size: Size) -> tuple[Float32, Float32]:
    """YOLOv10, and others with suppression inside, (N, 6): corners in px, score, class."""
    del size
    numbers = np.rint(output[:, 5]).astype(np.int64).clip(0)
    scores = np.zeros((len(output), int(numbers.max(initial=0)) + 1), np.float32)
    scores[np.arange(len(output)), numbers] = output[:, 4]
    return output[:, :4], scores


def decode_rtdetr(output: Float32, size: Size) -> tuple[Float32, Float32]:
    """RT-DETR, (N, 4 + C): middles and sides in parts of the input, then classes."""
    sides = np.array([size[1], size[0]], np.float32)
    return _boxes(output[:, :2] * sides, output[:, 2:4] * sides), output[:, 4:]


def nanodet_bins(columns: int) -> int:
    """Bins of each side's distribution; 8 unless a published network's columns say otherwise."""
    return next((bins for bins in _KNOWN_BINS if columns == _COCO + _BOX * bins), _BINS)


_BGR_MEAN: Final = (103.53, 116.28, 123.675)
_BGR_SCALE: Final = (57.375, 57.12, 58.395)
_255: Final = (255.0, 255.0, 255.0)
LAYOUTS: Final = {
    layout.name: layout
    for layout in (
        Layout(
            name="yolox",
            words="[1, N, 5+C], one row a cell of strides 8, 16, 32, not decoded",
            decode=decode_yolox,
            bgr=True,
            centred=False,
        ),
        Layout(
            name="yolov5",
            words="[1, N, 5+C], three rows a cell, decoded",
            decode=decode_yolov5,
            scale=_255,
        ),
        Layout(
            name="yolov8",
            words="[1, 4+C, N], one column a cell, decoded",
            decode=decode_yolov8,
            scale=_255,
        ),
        Layout(
            name="nanodet",
            words="[1, N, C+32], one row a cell of strides 8, 16, 32 and perhaps 64",
            decode=decode_nanodet,
            bgr=True,
            mean=_BGR_MEAN,
            scale=_BGR_SCALE,
            padding=0.0,
        ),
        Layout(
            name="yolov10",
            words="[1, N, 6], left, top, right, bottom in px, score, class, if the file or its "
            "values say so",
            decode=decode_yolov10,
            scale=_255,
            final=True,
        ),
        Layout(
            name="rtdetr",
            words="[1, N, 4+C], boxes in parts of the input, if the file or its values say so",
            decode=decode_rtdetr,
            scale=_255,
            stretched=True,
            final=True,
        ),
    )
}


def check_layout(name: str) -> None:
    """Refuse an unknown name.

    Raises:
        OptionError: If it is neither ``auto`` nor in :data:`LAYOUTS`.
    """
    if name not in ("auto", *LAYOUTS):
        raise OptionError(f"unknown layout {name!r}; known: auto, {', '.join(LAYOUTS)}")


def find_layout(shape: Sequence[int], size: Size, name: str = "auto") -> Layout:
    """The layout of an output, told by its shape unless it is named.

    Args:
        shape: Of the output, with its batch of 1.
        size: Of the input.
        name: Of the layout, or ``auto``.

    Raises:
        NetworkError: If the shape fits none, several, or not the one named.
        OptionError: If there is no layout of this name.
    """
    check_layout(name)
    fitting = fitting_layouts(shape, size)
    what = f"output {list(shape)} for an input of {size[1]}x{size[0]}"
    known = "; ".join(f"{layout.name} {layout.words}" for layout in LAYOUTS.values())
    if name != "auto":
        # A decoded output may have any number of rows; YOLOv6's and YOLOv7's read so, too.
        loose = len(shape) == 3 and shape[0] == 1 and _fits_named(name, shape[2])  # noqa: PLR2004
        if name not in fitting and not loose:
            raise NetworkError(f"{what} does not fit layout {name}; known: {known}")
        return LAYOUTS[name]
    if len(fitting) > 1:
        raise NetworkError(f"{what} fits {' and '.join(fitting)}; name one with --layout")
    if not fitting:
        raise NetworkError(f"{what} is of no known layout; known: {known}")
    return LAYOUTS[fitting[0]]


def _fits_named(name: str, columns: int) -> bool:
    """Whether rows of so many numbers can be of a layout that no number of rows tells."""
    return (
        (name == "yolov5" and columns > _BOX_AND_OBJECT)
        or (name == "yolov10" and columns == FINAL_COLUMNS)
        or (name == "rtdetr" and columns > _BOX)
    )


def fitting_layouts(shape: Sequence[int], size: Size) -> list[str]:
    """Names of the layouts that a shape can be of, among those that have a row a cell."""
    if len(shape) != 3 or shape[0] != 1:  # noqa: PLR2004
        return []
    rows, columns = shape[1:]
    cells, more = _count(size, _STRIDES), _count(size, _MORE_STRIDES)
    found = []
    if columns == cells and rows > _BOX:
        found.append("yolov8")
    if rows in (_ANCHORS * cells, _ANCHORS * more) and columns > _BOX_AND_OBJECT:
        found.append("yolov5")
    if rows == cells and columns > _BOX_AND_OBJECT:
        found.append("yolox")
    if rows in (cells, more) and columns > _BOX * nanodet_bins(columns):
        found.append("nanodet")
    # Both have a row a cell. Those of COCO are known by their columns.
    if {"yolox", "nanodet"} <= set(found):
        if columns == _COCO + _BOX_AND_OBJECT:
            found.remove("nanodet")
        elif columns in [_COCO + _BOX * bins for bins in _KNOWN_BINS]:
            found.remove("yolox")
    return found


def _boxes(middles: Float32, sides: Float32) -> Float32:
    return np.concatenate([middles - sides / 2, middles + sides / 2], axis=1)


def _count(size: Size, strides: Sequence[int]) -> int:
    return sum(-(-size[0] // stride) * -(-size[1] // stride) for stride in strides)


def _cells(size: Size, strides: Sequence[int]) -> tuple[Float32, Float32]:
    """Column and row of every cell, (N, 2), and its stride, (N, 1); finest first, row by row."""
    corners, steps = [], []
    for stride in strides:
        rows, columns = np.mgrid[: -(-size[0] // stride), : -(-size[1] // stride)]
        corners.append(np.stack([columns.ravel(), rows.ravel()], axis=1).astype(np.float32))
        steps.append(np.full((rows.size, 1), stride, np.float32))
    return np.concatenate(corners), np.concatenate(steps)
