# ruff: noqa: PLR2004 (numbers of the file formats)
"""Take out the resolution that libvips writes into files whose source has none."""

import struct
from typing import BinaryIO

_BLOCK = 1 << 20
_SIGNATURE = 8
_NO_UNIT = struct.pack(">BHH", 0, 1, 1)


def remove_density(stream: BinaryIO, file_format: str) -> None:
    """Make a PNG or a JPEG say nothing of its resolution, in place; others stay as they are.

    Args:
        stream: The file, open to read and write; moved.
        file_format: "png", "jpeg" or another.
    """
    if file_format == "png":
        _remove_chunk(stream, b"pHYs")
    elif file_format == "jpeg":
        stream.seek(0)
        head = stream.read(18)
        if head[2:4] == b"\xff\xe0" and head[6:11] == b"JFIF\0":
            stream.seek(13)
            stream.write(_NO_UNIT)  # pixels are square, that is all


def _remove_chunk(stream: BinaryIO, wanted: bytes) -> None:
    """Take a chunk before the pixels out of a PNG, and move what follows it."""
    at = _SIGNATURE
    while True:
        stream.seek(at)
        head = stream.read(8)
        if len(head) < 8 or head[4:] == b"IDAT":
            return
        size = 12 + struct.unpack(">I", head[:4])[0]
        if head[4:] == wanted:
            break
        at += size
    source = at + size
    while True:
        stream.seek(source)
        block = stream.read(_BLOCK)
        if not block:
            break
        stream.seek(at)
        stream.write(block)
        source, at = source + len(block), at + len(block)
    stream.truncate(at)
