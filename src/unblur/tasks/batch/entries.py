"""What in a folder is a photo, and what is the same file."""

from pathlib import Path
from typing import Final

from unblur.imaging.files.names import BEFORE_AFTER, RESTORED
from unblur.imaging.photo.photo import READABLE, format_in

_PUT_ASIDE: Final = ("_original", ".bak", ".tmp", ".part", ".crdownload", ".thm")
"""Of exiftool, editors, browsers; and the pictures that cameras put beside videos."""


def is_photo(path: Path) -> bool:
    """Whether a file of a folder is meant: a photo by its ending, or by what is in it."""
    ending = path.suffix.lower()
    if path.name.startswith(".") or is_result(path) or not path.is_file():
        return False
    if ending in READABLE:
        return True
    # Copies that programs put aside are photos, but nobody means them.
    return not ending.endswith(_PUT_ASIDE) and format_in(path) is not None


def is_result(path: Path) -> bool:
    """Whether an earlier run has made a file, by its name."""
    return path.stem.endswith((RESTORED, BEFORE_AFTER))


def place_of(path: Path) -> Path:
    """One name for one file; a link to a file remains another file."""
    return real_path(path.parent) / path.name


def real_path(path: Path) -> Path:
    """Where a path leads; itself where links go round."""
    try:
        return path.resolve()
    except (OSError, RuntimeError):  # a loop of links, before Python 3.13
        return path.absolute()
