# ruff: noqa: PLR2004 (numbers of the file formats)
"""What WebP, GIF and TIFF files hold."""

import struct
from typing import BinaryIO, Final

from unblur.imaging.photo.holds.items import Contents, Item, size_in_words

_WEBP: Final = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF"})
_WEBP_BLOCKS: Final = frozenset({b"ICCP", b"EXIF", b"XMP "})
_COMMENT, _APPLICATION = 0xFE, 0xFF
_LARGEST: Final = 1 << 26  # bytes


def look_webp(stream: BinaryIO, contents: Contents) -> None:
    """Read what a WebP holds."""
    stream.seek(4)
    end = 8 + int.from_bytes(stream.read(4), "little")
    at, last = 12, stream.seek(0, 2)
    while at + 8 <= min(end, last):
        stream.seek(at)
        kind, size = struct.unpack("<4sI", stream.read(8))
        if kind not in _WEBP | _WEBP_BLOCKS:
            contents.other(f"chunk '{kind.decode('ascii', 'replace').strip()}'")
        at += 8 + size + size % 2
    if last - end > 1:
        contents.other(f"{size_in_words(last - end)} behind the picture")


def look_gif(stream: BinaryIO, contents: Contents) -> None:
    """Read what a GIF holds: comments, and XMP or a profile of an application."""
    stream.seek(0)
    data = stream.read(_LARGEST)
    at = 13 + _table(data[10])
    while at < len(data) and data[at] != 0x3B:
        if data[at] == 0x2C:
            at = _behind_blocks(data, at + 11 + _table(data[at + 9]))
            continue
        kind, begin = data[at + 1], at + 2
        at = _behind_blocks(data, begin)
        if kind == _COMMENT:
            text = _joined(data, begin)
            contents.items.append(Item(kind="text", name="comment", form="COM", data=text))
        elif kind == _APPLICATION and data[begin + 1 : begin + 12] == b"XMP DataXMP":
            contents.xmp = data[begin + 12 : at].split(b"\x01\xff\xfe", 1)[0]
        elif kind == _APPLICATION and data[begin + 1 : begin + 12] == b"ICCRGBG1012":
            contents.icc = _joined(data, begin + 12)
    if len(data) - at > 16:
        contents.other(f"{size_in_words(len(data) - at - 1)} behind the picture")


def _table(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _behind_blocks(data: bytes, at: int) -> int:
    while data[at]:
        at += 1 + data[at]
    return at + 1


def _joined(data: bytes, at: int) -> bytes:
    parts = []
    while data[at]:
        parts.append(data[at + 1 : at + 1 + data[at]])
        at += 1 + data[at]
    return b"".join(parts)
