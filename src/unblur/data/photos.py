"""Find the photos in a folder, and keep some of them out of training."""

from pathlib import Path
from typing import Final

import numpy as np

from unblur.errors import DataError
from unblur.imaging.photo.photo import WRITABLE

_SUFFIXES: Final = frozenset(WRITABLE)
_NAMED: Final = (".avif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
"""Of them, those that people know."""


def list_photos(folder: Path) -> list[Path]:
    """All photos below a folder, sorted by path.

    Raises:
        DataError: If the folder does not exist or holds no photos.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder; expected one with sharp photos")
    photos = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in _SUFFIXES and path.is_file() and not path.name.startswith(".")
    )
    if not photos:
        raise DataError(f"{folder} holds no photos ({', '.join(_NAMED)})")
    return photos


def leave_out(photos: list[Path], names: Path) -> list[Path]:
    """The photos whose names are not in a list.

    Args:
        photos: All.
        names: A text file with one file name, without folders, a line; empty lines and those
            that begin with # do not count.

    Raises:
        DataError: If the list cannot be read, or no photo is left.
    """
    try:
        lines = names.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{names}: cannot be read as a list of file names") from error
    unwanted = {line.strip() for line in lines if line.strip() and not line.startswith("#")}
    left = [path for path in photos if path.name not in unwanted]
    if not left:
        raise DataError(f"{names} leaves out all of the {len(photos)} photos")
    return left


def split_photos(photos: list[Path], *, held_out: int, seed: int) -> tuple[list[Path], list[Path]]:
    """Split into photos to train on and photos to validate on, by seed alone.

    Raises:
        DataError: If nothing would be left to train on.
    """
    if not 0 <= held_out < len(photos):
        raise DataError(f"{len(photos)} photos are too few to keep {held_out} out of training")
    order = np.random.default_rng(seed).permutation(len(photos))
    kept_out = sorted(photos[i] for i in order[:held_out])
    return sorted(photos[i] for i in order[held_out:]), kept_out
