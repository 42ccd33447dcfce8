"""Restore photos that are too large to be in memory, from file to file."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from unblur.errors import UnblurError
from unblur.imaging.photo.holds.settle import settle
from unblur.imaging.photo.metadata import Metadata
from unblur.imaging.photo.photo import Photo, format_of, write_photo
from unblur.imaging.photo.stream import StreamedPhoto, megapixels, stream_photo, write_streamed
from unblur.imaging.tiles import Picture
from unblur.tasks.methods.blur_estimate import BlurEstimate, Tell

Float32 = NDArray[np.float32]
Region = tuple[slice, slice]

_LARGE_MEGAPIXELS: Final = 6.0
"""Up to here, a photo's pixels in memory are no more than what the network needs."""
_PREVIEW_SIDE_PX: Final = 4000
_ROWS: Final = 64


class RestoresRows(Protocol):
    """What is asked of a restorer here."""

    def region(self, picture: Picture) -> Region:
        """Rows and columns that are restored."""
        ...

    def restore_rows(self, picture: Picture, *, tell: Tell | None = None) -> Iterator[Float32]:
        """Restore them, from the top down; tells what was found about the blur."""
        ...


def is_large(source: Path) -> bool:
    """Whether a photo should be restored alone and, if that can be, by :func:`restore_streamed`.

    Args:
        source: The photo; only its header is read. False where that cannot be.
    """
    try:
        return megapixels(source) > _LARGE_MEGAPIXELS
    except UnblurError:
        return False


def restore_streamed(
    source: Path,
    target: Path,
    restorer: RestoresRows,
    *,
    max_megapixels: float,
    overwrite: bool = False,
    preview: Path | None = None,
) -> tuple[str, ...]:
    """Restore a photo of any size with little memory.

    The decoded source waits in a temporary file, a row of tiles is restored at a time, the result
    waits in another, and is encoded. The bytes are those that restoring in memory would write.

    Args:
        source: The photo.
        target: Where to write.
        restorer: Restores the rows.
        max_megapixels: Larger photos are refused.
        overwrite: Replace files that exist.
        preview: Where to write before and after side by side, if anywhere; each at most 4000 px
            a side.

    Returns:
        What the user should know of how it was read and written.

    Raises:
        PhotoError: If it cannot be read.
        TargetError: If the target exists, or cannot be written.
        OptionError: If crop or mask do not fit, or the tile is too small.
    """
    file_format = format_of(target)
    with stream_photo(source, max_megapixels=max_megapixels) as photo:
        region = restorer.region(photo)
        sides = (region[0].stop - region[0].start, region[1].stop - region[1].start)
        said: list[BlurEstimate] = []
        rows = restorer.restore_rows(photo, tell=said.append)
        small = _Small(region)
        if preview is not None:
            rows = small.watch(rows)
        write_streamed(photo, rows, region, target, overwrite=overwrite)
        if preview is not None:
            before = _Small(region)
            for _ in before.watch(_rows(photo, region)):
                pass
            write_preview(
                (before.pixels(), small.pixels()),
                photo.opened.metadata,
                preview,
                grey=photo.colours == 1,
                path=said[0].path if said else None,
                overwrite=overwrite,
            )
        return (
            *photo.opened.notes,
            *(found.sentence for found in said),
            *losses(
                file_format,
                photo.bits,
                has_alpha=photo.has_alpha,
                opacity=photo.opened.opacity,
            ),
            *settle(photo.opened.metadata, file_format, sides).notes(),
        )


def write_preview(
    halves: tuple[NDArray[np.floating[Any]], NDArray[np.floating[Any]]],
    metadata: Metadata,
    preview: Path,
    *,
    grey: bool,
    path: Float32 | None,
    overwrite: bool,
) -> None:
    """Write before and after side by side.

    Args:
        halves: Both, (H, W, 3) in [0, 1].
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


def losses(
    file_format: str, bits: int, *, has_alpha: bool, opacity: bool = True
) -> tuple[str, ...]:
    """What a format cannot hold of a photo."""
    lost = []
    if has_alpha and not opacity and file_format != "tiff":
        lost.append("extra channel left out: only TIFF holds one that may not be alpha")
    elif has_alpha and file_format == "jpeg":
        lost.append("alpha left out: JPEG has none")
    if bits > 8 and file_format in {"jpeg", "webp"}:  # noqa: PLR2004
        lost.append(f"{bits} bits became 8: {file_format} has no more")
    return tuple(lost)


class _Small:
    """A reduced copy of rows that pass by, means of squares."""

    def __init__(self, region: Region) -> None:
        height, width = (part.stop - part.start for part in region)
        self._step = max(1, -(-max(height, width) // _PREVIEW_SIDE_PX))
        self._rest = np.empty((0, width, 3), np.float32)
        self._parts: list[Float32] = []

    def watch(self, rows: Iterator[Float32]) -> Iterator[Float32]:
        """The rows as they are."""
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


def _rows(photo: StreamedPhoto, region: Region) -> Iterator[Float32]:
    for top in range(region[0].start, region[0].stop, _ROWS):
        yield photo.read(slice(top, min(top + _ROWS, region[0].stop)), region[1])
