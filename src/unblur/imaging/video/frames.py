"""Frames in order: what a video or a folder of pictures gives, and where it is broken."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from unblur.errors import DataError, PhotoError
from unblur.imaging.photo.photo import WRITABLE, read_photo

Pixels: TypeAlias = NDArray[np.unsignedinteger[Any]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Frame:
    """One frame, turned upright.

    Attributes:
        index: Its number, from 0; frames that cannot be read are counted too.
        name: What to call it in messages: "frame 12", or the name of its file.
        pixels: Shape ``(H, W, 3)``, uint8 or uint16, RGB, display-encoded.
        icc: Its colour profile, or None for sRGB.
    """

    index: int
    name: str
    pixels: Pixels
    icc: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class Unreadable:
    """Neighbouring frames that cannot be read.

    Attributes:
        first: Number of the first of them.
        last: Number of the last of them.
        why: One line that names them and says what is wrong.
    """

    first: int
    last: int
    why: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Frames:
    """Frames of one size; every iteration reads them anew, in order, one at a time.

    Attributes:
        path: The video, or the folder.
        name: Its name without the ending, `plain`.
        size: Width and height of a frame, px, upright.
        rate: Frames a second; None if the source does not say.
        count: Number of frames, as the source tells it; None if it does not.
        notes: What the user should be told about how the frames are read.
        read: Begins to read; what `Frames` checks while it hands the frames on.
    """

    path: Path
    name: str
    size: tuple[int, int]
    rate: float | None
    count: int | None
    notes: tuple[str, ...] = ()
    read: Callable[[], Iterator[Frame | Unreadable]]

    def __iter__(self) -> Iterator[Frame | Unreadable]:
        """Read the frames.

        Yields:
            The frames, and in place of those that cannot be read an `Unreadable`.

        Raises:
            DataError: If a frame has another size than the first.
        """
        first: Frame | None = None
        for item in self.read():
            if isinstance(item, Frame):
                first = first or item
                if item.pixels.shape != first.pixels.shape:
                    raise DataError(
                        f"{self.path}: {first.name} is {_size(first)} px, {item.name} is "
                        f"{_size(item)} px; frames must all have one size"
                    )
            yield item


def open_folder(folder: Path) -> Frames:
    """Open a folder of pictures as frames, in natural order: frame2 before frame10.

    Args:
        folder: With JPEG, PNG, TIFF, WebP or AVIF files right in it, of one size. An alpha
            channel is left out; hidden files are passed over.

    Raises:
        DataError: If the folder has no pictures, or cannot be listed.
        PhotoError: If none of them can be read.
    """
    try:
        names = [path for path in folder.iterdir() if _is_frame(path)]
    except OSError as error:
        raise DataError(f"{folder}: cannot be listed ({error.strerror})") from error
    if not names:
        raise DataError(f"{folder}: no frames in this folder ({', '.join(WRITABLE)})")
    read = partial(_read_files, sorted(names, key=natural_key))
    first = next((item for item in read() if isinstance(item, Frame)), None)
    if first is None:
        why = next(item.why for item in read() if isinstance(item, Unreadable))
        raise PhotoError(f"{folder}: none of {len(names)} frames can be read; the first: {why}")
    height, width, _ = first.pixels.shape
    return Frames(
        path=folder,
        name=plain(folder.resolve().name),
        size=(width, height),
        rate=None,
        count=len(names),
        read=read,
    )


def plain(name: str) -> str:
    """A name of a file, fit to be written: what is not UTF-8 becomes question marks."""
    return name.encode(errors="replace").decode()


def _is_frame(path: Path) -> bool:
    return path.suffix.lower() in WRITABLE and path.is_file() and not path.name.startswith(".")


def natural_key(path: Path) -> tuple[list[str | int], str]:
    """Sorting key in which numbers count as numbers; the name itself settles ties."""
    parts = re.split(r"([0-9]+)", path.name.lower())
    return [int(part) if at % 2 else part for at, part in enumerate(parts)], path.name


def _read_files(files: list[Path]) -> Iterator[Frame | Unreadable]:
    for index, file in enumerate(files):
        try:
            photo = read_photo(file)
        except PhotoError as error:
            yield Unreadable(first=index, last=index, why=str(error))
            continue
        kind = np.uint8 if photo.bits == 8 else np.uint16  # noqa: PLR2004
        pixels = np.rint(photo.pixels * np.iinfo(kind).max).astype(kind)
        yield Frame(index=index, name=file.name, pixels=pixels, icc=photo.metadata.icc)


def _size(frame: Frame) -> str:
    return "{1} x {0}".format(*frame.pixels.shape)
