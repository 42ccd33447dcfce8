"""What in a list or a folder is a photo, and what is the same file."""

import os
from pathlib import Path
from typing import Final

from unblur.errors import OptionError
from unblur.imaging.files import BEFORE_AFTER, RESTORED, RESULTS
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


def results_of(folder: Path) -> Path:
    """``holiday-unblurred`` beside ``holiday``; of ``.`` and ``..``, by their real names.

    Nothing is beside the root of a disk: its results go into a folder ``unblurred`` on it.
    """
    named = folder if folder.name not in {"", ".."} else real_path(folder)
    return named.parent / (f"{named.name}{RESULTS}" if named.name else RESULTS.lstrip("-"))


def read_names(data: bytes, where: str = "standard input") -> list[Path]:
    """Paths from a list in a file: NUL between them if there is any in it, else one a line.

    Raises:
        OptionError: If there are none.
    """
    parts = data.split(b"\0") if b"\0" in data else data.splitlines()
    names = [Path(os.fsdecode(part)) for part in parts if part]
    if not names:
        raise OptionError(f"the list of photos on {where} is empty; one path a line")
    return names
