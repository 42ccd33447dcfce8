"""Look into a photo file: one list of what it holds, whatever its format."""

from contextlib import suppress
from typing import BinaryIO, Final

from unblur.imaging.photo.holds import boxes, jpeg, png, tiff
from unblur.imaging.photo.holds.items import MISREAD, Contents, Looker
from unblur.imaging.photo.holds.others import look_gif, look_webp

_LOOKERS: Final[dict[str, Looker]] = {
    "jpeg": jpeg.look,
    "png": png.look,
    "tiff": tiff.look,
    "webp": look_webp,
    "gif": look_gif,
    "avif": boxes.look,
    "heic": boxes.look,
}


def look_into(stream: BinaryIO, file_format: str) -> Contents:
    """List what a photo file holds beside what its decoder reads.

    Args:
        stream: The file; moved. One that is damaged is read as far as it makes sense.
        file_format: As :func:`unblur.imaging.photo.sniff.sniff` names it.

    Returns:
        What is in it.
    """
    contents = Contents()
    if look := _LOOKERS.get(file_format):
        with suppress(*MISREAD):  # whoever decodes the pixels says what is wrong, if it matters
            look(stream, contents)
    return contents
