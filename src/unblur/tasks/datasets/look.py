"""Open photo files, many at a time: what size are they, and do neighbours look alike."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.data.problems import Size
from unblur.devices import cores
from unblur.errors import PhotoError
from unblur.imaging.photo.photo import read_photo

_THUMBNAIL_PX: Final = 8
_GRID: Final = _THUMBNAIL_PX**2
"""Rows and columns that a thumbnail is made from."""
_NEIGHBOURS: Final = 0.03
"""Mean difference between thumbnails, range [0, 1], up to which they are neighbouring frames:
about 0.002 for frames of video, at 25 as at 240 frames a second, and 0.2 for other photos."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Looked:
    """What is in one file."""

    path: Path
    size: Size | None = None
    """Height and width, upright; None if the file cannot be read."""
    thumbnail: NDArray[np.float32] | None = None
    error: str | None = None


def look_at(files: Sequence[Path]) -> Iterator[Looked]:
    """Decode every file, as many at a time as there are cores.

    Yields:
        What is in each, in their order; a bad file is a result, not an exception.
    """
    pool = ThreadPoolExecutor(cores())
    try:
        yield from pool.map(_look, files)
    finally:
        pool.shutdown(cancel_futures=True)


def are_frames(sequences: Sequence[Sequence[Path]], looked: Mapping[Path, Looked]) -> bool:
    """Whether files that follow one another mostly look alike, as frames of a video do."""
    differences = []
    for sequence in sequences:
        for before, after in pairwise(looked[path] for path in sequence):
            if before.thumbnail is None or after.thumbnail is None:
                continue
            same_size = before.size == after.size
            change = float(np.abs(before.thumbnail - after.thumbnail).mean())
            differences.append(change if same_size else 1.0)
    return bool(differences) and float(np.median(differences)) < _NEIGHBOURS


def _look(path: Path) -> Looked:
    try:
        pixels = read_photo(path).pixels
    except PhotoError as error:
        return Looked(path=path, error=str(error))
    except MemoryError:
        return Looked(path=path, error=f"{path}: too large for the memory of this machine")
    height, width, _ = pixels.shape
    grid = np.ix_(*(np.linspace(0, side - 1, _GRID).astype(int) for side in (height, width)))
    blocks = pixels[grid].mean(axis=2).reshape(_THUMBNAIL_PX, -1, _THUMBNAIL_PX, _THUMBNAIL_PX)
    return Looked(path=path, size=(height, width), thumbnail=blocks.mean(axis=(1, 3)))
