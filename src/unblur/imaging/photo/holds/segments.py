# ruff: noqa: PLR2004 (markers of the file format)
"""The segments of a JPEG, up to the end of its picture."""

import re
import struct
from dataclasses import dataclass
from typing import Final

COM: Final = 0xFE
_APP0, _APP15 = 0xE0, 0xEF
_START, _END, _SCAN = 0xD8, 0xD9, 0xDA
_ALONE: Final = frozenset({0x01, *range(0xD0, 0xD8)})  # markers that nothing follows
_MARKER: Final = re.compile(rb"\xff+([^\x00\xd0-\xd7\xff])")  # the next one in a scan


@dataclass(frozen=True)
class Segment:
    """A segment: its marker, where it begins in the file, and what follows its length."""

    marker: int
    at: int
    body: bytes


def walk(data: bytes, start: int) -> tuple[list[Segment], int]:
    """Go through a JPEG that begins somewhere in a file.

    Returns:
        Its segments APPn and COM, and where it ends, -1 if its end is missing.
    """
    found: list[Segment] = []
    at = start + 2
    while marker := _MARKER.search(data, at):
        kind, at = marker[1][0], marker.end()
        if kind == _END:
            return found, at
        if kind in _ALONE or kind == _START:
            continue
        if at + 2 > len(data):
            break
        (length,) = struct.unpack_from(">H", data, at)
        if _APP0 <= kind <= _APP15 or kind == COM:
            found.append(Segment(kind, at - 2, data[at + 2 : at + length]))
        at += length
    return found, -1


def header_end(data: bytes) -> int:
    """Return where the last of the APPn segments at the beginning of a JPEG ends."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF and _APP0 <= data[at + 1] <= _APP15:
        at += 2 + int(struct.unpack_from(">H", data, at + 2)[0])
    return at


def segment(marker: int, body: bytes) -> bytes:
    """Lay out a segment; its body has at most 65,533 bytes."""
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def exif_segment(data: bytes) -> tuple[int, int] | None:
    """Return where the body of the EXIF segment of a JPEG begins, and its length."""
    at = 2
    while at + 10 <= len(data) and data[at] == 0xFF and _APP0 <= data[at + 1] <= _APP15:
        length = int(struct.unpack_from(">H", data, at + 2)[0])
        if data[at + 4 : at + 10] == b"Exif\0\0":
            return at + 4, length - 2
        at += 2 + length
    return None
