"""Who looks on while a photo is restored: how much changes, and before beside after.

Whoever gives a sharp photo should hear that hardly anything changed. A shaken one with noise of
10/255 and more comes out as little changed (docs/models.md).
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from unblur.imaging.photo.metadata import Metadata
from unblur.imaging.photo.photo import Photo, write_photo
from unblur.imaging.tiles import Picture
from unblur.tasks.methods.blur_estimate import BlurEstimate
from unblur.tasks.restore.options import NETWORK_METHODS, RestoreOptions

Float32: TypeAlias = NDArray[np.float32]
Pixels: TypeAlias = NDArray[np.floating[Any]]
Region: TypeAlias = tuple[slice, slice]

_LEVEL: Final = 1 / 255
_LITTLE_RMS: Final = 0.6 * _LEVEL
"""Of photos that are blurred, if mildly, and not noisy, the network changes 1.0 levels or more."""
_FAR: Final = 2 * _LEVEL
_LITTLE_SHARE: Final = 0.01
"""So few values may change by more than `_FAR`: a few lights in the night count, too."""
_ROWS: Final = 256
_SIDE_PX: Final = 4000
"""Longest side of each half of a preview."""


class Change:
    """Looks on while one photo is restored."""

    def __init__(self) -> None:
        self._squares, self._far, self._values = 0.0, 0, 0
        self.found: BlurEstimate | None = None
        """What the restorer told of the photo's blur."""

    def hear(self, found: BlurEstimate) -> None:
        """Hear what was found about the blur."""
        self.found = found

    def compare(self, before: Pixels, after: Pixels) -> None:
        """Compare (h, w, 3) pixels with what became of them."""
        for top in range(0, len(before), _ROWS):  # a few rows at a time, for the memory's sake
            self._look(before[top : top + _ROWS], after[top : top + _ROWS])

    def watch(
        self, picture: Picture, region: Region, restored: Iterator[Float32]
    ) -> Iterator[Float32]:
        """The restored rows of a region as they are, each compared as it passes by."""
        rows, columns = region
        top = rows.start
        for part in restored:
            bottom = top + len(part)
            self._look(picture.read(slice(top, bottom), columns), part)
            yield part
            top = bottom

    def is_little(self, asked: RestoreOptions) -> bool:
        """Whether nobody would see what the network did to the photo.

        False wherever that would tell nothing of the photo: with less than full strength, a mask,
        a reference, or without a network.

        Args:
            asked: How it was restored.
        """
        if asked.strength != 1 or asked.mask is not None or asked.reference is not None:
            return False
        if asked.method not in NETWORK_METHODS or self._values == 0:
            return False
        rms = (self._squares / self._values) ** 0.5
        return rms < _LITTLE_RMS and self._far < _LITTLE_SHARE * self._values

    def _look(self, before: Pixels, after: Pixels) -> None:
        change = np.asarray(after, np.float32) - np.asarray(before, np.float32)
        self._squares += float(np.vdot(change, change))
        self._far += int(np.count_nonzero(np.abs(change) > _FAR))
        self._values += change.size


def cropped(photo: Photo, options: RestoreOptions) -> Pixels:
    """The pixels that are restored, (h, w, 3) in [0, 1]."""
    if options.crop is None:
        return photo.pixels
    left, top, width, height = options.crop
    return photo.pixels[top : top + height, left : left + width]


def write_preview(
    halves: tuple[Pixels, Pixels],
    metadata: Metadata,
    preview: Path,
    *,
    grey: bool,
    path: Float32 | None,
    overwrite: bool,
) -> None:
    """Write before and after side by side.

    Args:
        halves: Both reduced, (H, W, 3) in [0, 1].
        metadata: Of the photo; what tells of its size is left out.
        preview: Where to write.
        grey: Write one channel.
        path: The shake that was undone, to be drawn into the picture.
        overwrite: Replace a file that exists.

    Raises:
        TargetError: If it exists, or cannot be written.
    """
    from unblur.imaging.draw.preview import before_after

    before, after = (half.astype(np.float32) for half in halves)
    photo = Photo(
        pixels=before_after(before, after, path=path),
        metadata=replace(metadata, exif=None, xmp=None, items=()),
        grey=grey,
    )
    write_photo(photo, preview, overwrite=overwrite)


class Reduced:
    """A reduced copy of rows that pass by, means of squares.

    Args:
        sides: Height and width of all of them, in px.
    """

    def __init__(self, sides: tuple[int, int]) -> None:
        self._step = max(1, -(-max(sides) // _SIDE_PX))
        self._rest = np.empty((0, sides[1], 3), np.float32)
        self._parts: list[Float32] = []

    def watch(self, rows: Iterator[Float32]) -> Iterator[Float32]:
        """Pass the rows on as they are, and keep a reduced copy."""
        for part in rows:
            together = np.concatenate([self._rest, part])
            full = len(together) // self._step * self._step
            if full:
                self._parts.append(self._means(together[:full], self._step))
            self._rest = together[full:].copy()
            yield part

    def pixels(self) -> Float32:
        """The copy, without what is left over on the right and below: less than a square."""
        parts = self._parts or [self._means(self._rest, len(self._rest))]
        return np.concatenate(parts)

    def _means(self, rows: Float32, high: int) -> Float32:
        wide = min(self._step, rows.shape[1])
        columns = rows.shape[1] // wide * wide
        squares = rows[:, :columns].reshape(-1, high, columns // wide, wide, 3)
        means: Float32 = squares.mean(axis=(1, 3))
        return means


def reduced(sides: tuple[int, int], rows: Iterable[Pixels]) -> Float32:
    """A reduced copy of all rows of a picture; see :class:`Reduced`."""
    small = Reduced(sides)
    for _ in small.watch(np.asarray(part, np.float32) for part in rows):
        pass
    return small.pixels()
