"""What unblur puts into the names of files that it makes."""

import os
import zlib
from typing import Final

RESTORED: Final = ".unblurred"
"""Before the ending of a restored file: ``photo.unblurred.jpg``."""
RESULTS: Final = "-unblurred"
"""After the name of a folder: ``holiday-unblurred`` beside it has the results."""
BEFORE_AFTER: Final = ".before-after"
"""Before the ending of a picture to look at."""
VIDEO_ENDINGS: Final = frozenset({".mp4", ".mov", ".mkv", ".avi", ".webm", ".m4v"})
"""Of files that are sent to `unblur video` instead."""
_LONGEST: Final = 255
"""Bytes of a name on Linux; of characters elsewhere, which are no more."""


def derived_name(stem: str, added: str) -> str:
    """The name of a file that is made of another: ``photo`` and ``.unblurred.jpg``.

    A name that would be too long is shortened before what is added, and gets a number that
    depends on the whole of it, so that two long names remain two.

    Args:
        stem: Of the source.
        added: Follows it, with the ending.
    """
    room = _LONGEST - len(os.fsencode(added))
    whole = os.fsencode(stem)
    if len(whole) <= room:
        return stem + added
    mark = f"~{zlib.crc32(whole):08x}"
    cut = stem
    while len(os.fsencode(cut)) > room - len(mark):
        cut = cut[:-1]
    return cut + mark + added
