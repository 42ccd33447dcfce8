# ruff: noqa: PLR2004 (numbers of the file formats)
"""Add to written EXIF the tags that libvips leaves out, since its library does not know them."""

import struct
import zlib
from io import BytesIO
from typing import BinaryIO, Final

from unblur.imaging.photo.exif import HEADER, Ifd, first_ifd, pack_ifd
from unblur.imaging.photo.holds.avif import exif_place, move_exif
from unblur.imaging.photo.holds.items import insert
from unblur.imaging.photo.holds.segments import exif_segment

_PREFIX: Final = b"Exif\0\0"
_WRITTEN_ELSEWHERE: Final = frozenset({700, 33723, 34377, 34675})  # XMP, IPTC, ICC
_OF_OTHER_PIXELS: Final = frozenset({273, 278, 279, 324, 325, 330, 513, 514})
_LONGEST_IN_JPEG: Final = 65_533 - len(_PREFIX)


def complete_exif(stream: BinaryIO, wanted: bytes, file_format: str) -> None:
    """Add to the EXIF of a file, not of a TIFF, what is missing; else the file stays as it is.

    Args:
        stream: The file.
        wanted: EXIF as a TIFF structure.
        file_format: "jpeg", "png", "webp" or "avif".
    """
    place = {"jpeg": _in_jpeg, "png": _in_png, "webp": _in_webp, "avif": exif_place}[file_format]
    found = place(stream)
    if found is None:
        return
    at, length = found
    stream.seek(at)
    old = stream.read(length)
    new = completed(old.removeprefix(_PREFIX), wanted)
    if new is None:
        return
    new = (_PREFIX if old.startswith(_PREFIX) else b"") + new
    new += bytes(max(0, length - len(new)))  # never shorter, so that nothing moves to the front
    if file_format == "png":
        _replace(stream, at - 8, length + 12, _chunk(new))
    elif file_format == "webp":
        new += bytes(len(new) % 2)
        _replace(stream, at, length + length % 2, new)
        stream.seek(at - 4)
        stream.write(struct.pack("<I", len(new)))
        size = stream.seek(0, 2) - 8
        stream.seek(4)
        stream.write(struct.pack("<I", size))
    elif file_format == "jpeg" and len(new) - len(_PREFIX) <= _LONGEST_IN_JPEG:
        _replace(stream, at, length, new)
        stream.seek(at - 2)
        stream.write(struct.pack(">H", len(new) + 2))
    elif file_format == "avif":
        move_exif(stream, new)


def completed(written: bytes, wanted: bytes) -> bytes | None:
    """Return an EXIF block with the tags that another has in addition; None if there are none."""
    new = first_ifd(BytesIO(written))
    if not new or not _add(new, first_ifd(BytesIO(wanted))):
        return None
    return HEADER + pack_ifd(new, len(HEADER))


def _add(new: Ifd, old: Ifd) -> bool:
    changed = False
    for tag, (kind, count, value) in old.items():
        if tag in _WRITTEN_ELSEWHERE | _OF_OTHER_PIXELS:
            continue
        there = new.get(tag)
        if there is None:
            new[tag] = (kind, count, value)
            changed = True
        elif isinstance(value, dict) and isinstance(there[2], dict):
            changed |= _add(there[2], value)
    return changed


def _replace(stream: BinaryIO, at: int, length: int, new: bytes) -> None:
    insert(stream, at + length, bytes(len(new) - length))
    stream.seek(at)
    stream.write(new)


def _chunk(data: bytes) -> bytes:
    body = b"eXIf" + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def _in_jpeg(stream: BinaryIO) -> tuple[int, int] | None:
    stream.seek(0)
    return exif_segment(stream.read(1 << 18))


def _in_png(stream: BinaryIO) -> tuple[int, int] | None:
    stream.seek(8)
    while len(head := stream.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        if kind == b"eXIf":
            return stream.tell(), length
        stream.seek(length + 4, 1)
    return None


def _in_webp(stream: BinaryIO) -> tuple[int, int] | None:
    stream.seek(12)
    while len(head := stream.read(8)) == 8:
        kind, length = struct.unpack("<4sI", head)
        if kind == b"EXIF":
            return stream.tell(), length
        stream.seek(length + length % 2, 1)
    return None
