"""Restore photos that are too large to be in memory, from file to file."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unblur.imaging.mask import crop_region
from unblur.imaging.photo.holds.settle import losses, settle
from unblur.imaging.photo.photo import format_of
from unblur.imaging.photo.stream import stream_photo, write_streamed
from unblur.imaging.tiles import read_rows
from unblur.tasks.restore.onlookers import Change, Reduced, reduced, write_preview
from unblur.tasks.restore.restorer import Restorer

Float32 = NDArray[np.float32]
Region = tuple[slice, slice]


def restore_streamed(
    source: Path,
    target: Path,
    restorer: Restorer,
    *,
    overwrite: bool = False,
    preview: Path | None = None,
    change: Change | None = None,
) -> tuple[str, ...]:
    """Restore a photo of any size with little memory.

    The decoded source waits in a temporary file, a row of tiles is restored at a time, the result
    waits in another, and is encoded. The bytes are those that restoring in memory would write.

    Args:
        source: The photo.
        target: Where to write.
        restorer: Restores the rows.
        overwrite: Replace files that exist.
        preview: Where to write before and after side by side, if anywhere.
        change: Looks on.

    Returns:
        What the user should know of how it was read and written.

    Raises:
        PhotoError: If it cannot be read.
        TargetError: If the target exists, or cannot be written.
        OptionError: If crop or mask do not fit, or the tile is too small.
    """
    file_format = format_of(target)
    change = change or Change()
    with stream_photo(source, max_megapixels=restorer.options.max_megapixels) as photo:
        region = restorer.region(photo)
        sides = (region[0].stop - region[0].start, region[1].stop - region[1].start)
        rows = change.watch(photo, region, restorer.restore_rows(photo, tell=change.hear))
        small = Reduced(sides)
        if preview is not None:
            rows = small.watch(rows)
        write_streamed(photo, rows, region, target, overwrite=overwrite)
        found = change.found
        if preview is not None:
            write_preview(
                (reduced(sides, read_rows(photo, region)), small.pixels()),
                photo.opened.metadata,
                preview,
                grey=photo.colours == 1,
                path=None if found is None else found.path,
                overwrite=overwrite,
            )
        return (
            *photo.opened.notes,
            *(() if found is None else (found.sentence,)),
            *losses(
                file_format,
                photo.bits,
                has_alpha=photo.has_alpha,
                opacity=photo.opened.opacity,
            ),
            *settle(photo.opened.metadata, file_format, sides).notes(),
        )


def convert_streamed(source: Path, target: Path, *, max_megapixels: float) -> None:
    """Write a photo of any size in another format, with little memory.

    Args:
        source: The photo.
        target: Where to write; its ending says the format.
        max_megapixels: Larger photos are refused.

    Raises:
        PhotoError: If it cannot be read.
        TargetError: If the target exists, or cannot be written.
    """
    with stream_photo(source, max_megapixels=max_megapixels) as photo:
        region = crop_region(None, photo.height, photo.width)
        write_streamed(photo, read_rows(photo, region), region, target, overwrite=False)
