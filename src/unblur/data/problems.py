"""What can be wrong with photos to train on, in the same words wherever it is found."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from unblur.errors import DataError

Size: TypeAlias = tuple[int, ...]
"""Height and width in pixels."""
Kind: TypeAlias = Literal["unreadable", "partner", "size", "small", "sequence"]


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Something in a data set that training would stumble over, or learn wrong things from."""

    path: Path
    kind: Kind
    why: str
    """One line, which names the file."""


def check_fits(path: Path, size: Size, crop_px: int) -> None:
    """Check that a crop can be cut out of a photo.

    Raises:
        DataError: If a side of the photo is shorter than ``crop_px``.
    """
    if min(size) < crop_px:
        raise DataError(
            f"{path} is {_words(size)} px, smaller than a crop of {crop_px} px; leave it out or "
            "lower crop_px"
        )


def check_pair(blurred: Path, blurred_size: Size, sharp: Path, sharp_size: Size) -> None:
    """Check that the photos of a pair have one size.

    Raises:
        DataError: If they do not.
    """
    if blurred_size != sharp_size:
        raise DataError(
            f"{blurred} is {_words(blurred_size)} px, its sharp partner {sharp} is "
            f"{_words(sharp_size)} px; they must show the same, to the pixel"
        )


def check_frames(first: Path, first_size: Size, other: Path, other_size: Size) -> None:
    """Check that two frames of a sequence have one size.

    Raises:
        DataError: If they do not.
    """
    if first_size != other_size:
        raise DataError(
            f"{other} is {_words(other_size)} px, {first} is {_words(first_size)} px; the frames "
            "of a sequence must all have one size"
        )


def check_length(folder: Path, frames: int, least: int) -> None:
    """Check that a sequence has as many frames as the largest window.

    Raises:
        DataError: If it has fewer.
    """
    if frames < least:
        raise DataError(
            f"{folder}: {frames} frames are too few for windows of {least}; leave it out or "
            "average fewer frames"
        )


def _words(size: Size) -> str:
    return f"{size[1]}x{size[0]}"
