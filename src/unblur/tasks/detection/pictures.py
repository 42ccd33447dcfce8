"""Some photos of a comparison by detections, drawn with their boxes."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.errors import TargetError, UnblurError
from unblur.imaging.boxes import draw_boxes
from unblur.imaging.draw.sheet import picture_grid
from unblur.imaging.photo.photo import Photo, write_photo
from unblur.imaging.pyramid import resize
from unblur.tasks.bench.options import BLURRED
from unblur.tasks.detection.run import TRUTH, DetectionBench, Row, as_detections
from unblur.tasks.detection.scores import match

Float32 = NDArray[np.float32]

_PANEL_PX: Final = 480
_COLUMNS: Final = 3
_TRUE: Final = (0.15, 0.5, 1.0)
_RIGHT: Final = (0.1, 0.9, 0.2)
_WRONG: Final = (1.0, 0.15, 0.15)
_MISSED: Final = (1.0, 0.7, 0.0)
COLOURS: Final = "blue found on the sharp photo, green right, red wrong, thin orange missed"


def write_pictures(bench: DetectionBench, rows: Sequence[Row], folder: Path) -> dict[str, str]:
    """Draw some photos.

    Args:
        bench: What was run: the photos are restored again.
        rows: From :func:`unblur.tasks.detection.scores.scored_rows`.
        folder: Where they go; made if need be.

    Returns:
        Captions by the names of their files.

    Raises:
        TargetError: If one cannot be written.
    """
    names = [TRUTH, *(method.name for method in bench.methods)]
    captions = {}
    for image in _choose(bench, rows):
        own = {row["method"]: row for row in rows if row["image"] == image}
        try:
            panels = [_panel(bench, own, image, name) for name in names]
        except UnblurError:
            # Changed since it was scored: nothing to show, and every number stands.
            continue
        panels += [np.ones_like(panels[0])] * (-len(panels) % _COLUMNS)
        lines = [panels[at : at + _COLUMNS] for at in range(0, len(panels), _COLUMNS)]
        file = f"{image.replace('/', '-')}.jpg"
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise TargetError(f"{folder}: cannot be made ({error.strerror})") from error
        sheet = Photo(pixels=picture_grid(lines))
        write_photo(sheet, folder / file, overwrite=True, quality=90)
        counts = [f"{n} ({own[n]['matched']} of {own[n]['found']} right)" for n in names[1:]]
        truth = own[BLURRED]["truth"]
        boxes = "1 box" if truth == 1 else f"{truth} boxes"
        captions[file] = f"{image}: sharp ({boxes}), {', '.join(counts)}"
    return captions


def _choose(bench: DetectionBench, rows: Sequence[Row]) -> list[str]:
    """Photos evenly from the least to the greatest gain of the first method that restores."""
    compared = [method.name for method in bench.methods]
    chosen = compared[min(1, len(compared) - 1)]
    right: dict[str, dict[str, Row]] = {}
    for row in rows:
        if row.get("truth") and "error" not in row:
            right.setdefault(row["image"], {})[row["method"]] = row
    whole = {image: own for image, own in right.items() if len(own) == len(compared)}
    ordered = sorted(
        whole,
        key=lambda image: (
            _recall(whole[image][chosen]) - _recall(whole[image][BLURRED]),
            whole[image][chosen]["matched"],
            image,
        ),
    )
    count = min(bench.options.pictures, len(ordered))
    places = np.linspace(0, len(ordered) - 1, count).round().astype(int)
    return [ordered[place] for place in places]


def _recall(row: Row) -> float:
    return row["recall"] or 0.0


def _panel(bench: DetectionBench, own: dict[str, Row], image: str, name: str) -> Float32:
    options = bench.options
    pixels = bench.pixels(image, name)
    height, width, _ = pixels.shape
    share = _PANEL_PX / max(height, width)
    rows, columns = (max(1, math.floor(side * share)) for side in (height, width))
    small = resize(pixels, rows, columns)
    scale = np.array([columns / width, rows / height] * 2, np.float32)
    truth = as_detections(own[TRUTH], options.score)
    if name == TRUTH:
        return draw_boxes(small, truth.boxes * scale, _TRUE)
    found = as_detections(own[name], options.score)
    matched = match(found, truth, overlap=options.overlap)
    missed = np.setdiff1d(np.arange(len(truth)), matched)
    small = draw_boxes(small, truth.boxes[missed] * scale, _MISSED, thickness_px=1)
    small = draw_boxes(small, found.boxes[matched < 0] * scale, _WRONG)
    return draw_boxes(small, found.boxes[matched >= 0] * scale, _RIGHT)
