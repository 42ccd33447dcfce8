"""What a photo file holds beside one picture: found, settled for a format, written."""

from contextlib import suppress
from importlib import import_module
from typing import BinaryIO, Final

from unblur.imaging.photo.holds.items import MISREAD, Contents, Looker

_LOOKERS: Final = {
    "jpeg": ("jpeg", "look"),
    "png": ("png", "look"),
    "tiff": ("tiff", "look"),
    "webp": ("others", "look_webp"),
    "gif": ("others", "look_gif"),
    "avif": ("boxes", "look"),
    "heic": ("boxes", "look"),
}
"""By format: the module here, imported when such a file comes, and its function."""


def look_into(stream: BinaryIO, file_format: str) -> Contents:
    """List what a photo file holds beside what its decoder reads.

    Args:
        stream: The file; moved. One that is damaged is read as far as it makes sense.
        file_format: As :func:`unblur.imaging.photo.sniff.sniff` names it.

    Returns:
        What is in it.
    """
    contents = Contents()
    if file_format in _LOOKERS:
        module, name = _LOOKERS[file_format]
        look: Looker = getattr(import_module(f"{__name__}.{module}"), name)
        with suppress(*MISREAD):  # whoever decodes the pixels says what is wrong, if it matters
            look(stream, contents)
    return contents
