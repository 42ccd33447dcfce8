"""Boxes around things in a photo: how much two overlap, which are one, and how they look drawn."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unblur.errors import OptionError

Float32 = NDArray[np.float32]
Integers = NDArray[np.int64]

_SIDES = 4


@dataclass(frozen=True, kw_only=True, eq=False)
class Detections:
    """What a detector found in one photo.

    Attributes:
        boxes: (N, 4), left, top, right, bottom in px from the photo's upper left corner.
        scores: (N,) in [0, 1].
        classes: (N,) numbers of classes from 0.
    """

    boxes: Float32
    scores: Float32
    classes: Integers

    def __post_init__(self) -> None:
        """Check shapes.

        Raises:
            OptionError: If they do not belong together.
        """
        count = len(self.scores)
        shapes = self.boxes.shape, self.scores.shape, self.classes.shape
        if shapes != ((count, _SIDES), (count,), (count,)):
            raise OptionError(
                f"detections need boxes (N, 4), scores (N,) and classes (N,), got {shapes}"
            )

    def __len__(self) -> int:
        """How many."""
        return len(self.scores)

    def take(self, which: NDArray[np.bool_] | Integers) -> "Detections":
        """Some of them, by a mask or by numbers."""
        return Detections(
            boxes=self.boxes[which], scores=self.scores[which], classes=self.classes[which]
        )


def overlaps(first: Float32, second: Float32) -> Float32:
    """Intersection over union of every two boxes.

    Args:
        first: (N, 4), left, top, right, bottom.
        second: (M, 4).

    Returns:
        (N, M) in [0, 1]; 0 where both boxes are empty.
    """
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    both = np.prod(np.maximum(high - low, 0), axis=2)
    one, other = (np.prod(np.maximum(b[:, 2:] - b[:, :2], 0), axis=1) for b in (first, second))
    union = one[:, None] + other[None, :] - both
    shares: Float32 = np.divide(both, union, out=np.zeros_like(both), where=union > 0)
    return shares


def suppress_overlaps(found: Detections, *, most_overlap: float) -> Detections:
    """Keep the best of boxes of one class that overlap: non-maximum suppression.

    Args:
        found: In any order.
        most_overlap: Intersection over union with a better one of its class up to which a box
            stays, in [0, 1].

    Returns:
        What is left, best score first; of equal scores the one that came first.

    Raises:
        OptionError: If ``most_overlap`` is out of range.
    """
    if not 0 <= most_overlap <= 1:
        raise OptionError(f"most_overlap must be in [0, 1], got {most_overlap}")
    ordered = found.take(np.argsort(-found.scores, kind="stable"))
    left = np.ones(len(ordered), bool)
    for place in range(len(ordered)):
        if not left[place]:
            continue
        shares = overlaps(ordered.boxes[place : place + 1], ordered.boxes[place + 1 :])[0]
        same = ordered.classes[place + 1 :] == ordered.classes[place]
        left[place + 1 :] &= ~(same & (shares > most_overlap))
    return ordered.take(left)


def draw_boxes(
    pixels: Float32, boxes: Float32, colour: Sequence[float], *, thickness_px: int = 2
) -> Float32:
    """Draw the outlines of boxes into a copy of a photo, inside their edges.

    Args:
        pixels: (H, W, 3) in [0, 1].
        boxes: (N, 4), left, top, right, bottom in px; what is outside the photo is not drawn.
        colour: RGB in [0, 1].
        thickness_px: Of the lines.

    Returns:
        (H, W, 3).
    """
    drawn = pixels.copy()
    height, width, _ = pixels.shape
    limits = np.array([width, height, width, height])
    for left, top, right, bottom in np.clip(np.rint(boxes), 0, limits).astype(int):
        # A line of a box at the photo's edge stays on the photo.
        across, down = min(thickness_px, right - left), min(thickness_px, bottom - top)
        drawn[top:bottom, left : left + across] = colour
        drawn[top:bottom, right - across : right] = colour
        drawn[top : top + down, left:right] = colour
        drawn[bottom - down : bottom, left:right] = colour
    return drawn
