# ruff: noqa: PLR2004 (numbers of the file format)
"""EXIF: a TIFF structure, alone in most photo files and merged into the file itself in TIFF."""

import os
import struct
from io import BytesIO
from typing import Any, BinaryIO, TypeAlias

import numpy as np

_VERSIONS = {42, 0x4F52, 0x5352, 0x55}  # TIFF; the raw files of Olympus, and of Panasonic
HEADER = b"II*\0\x08\0\0\0"
_PREFIX = b"Exif\0\0"
_LONGEST_VALUE = 1 << 26  # bytes; a longer value is taken for damage

# TIFF tags
_NEW_SUBFILE_TYPE, _ORIENTATION, _X_RESOLUTION, _Y_RESOLUTION, _UNIT = 254, 274, 282, 283, 296
_THUMBNAIL_OFFSET, _THUMBNAIL_LENGTH, _DNG_VERSION = 513, 514, 50706
_WIDTH, _HEIGHT, _IPTC = 256, 257, 33723
_COMPRESSION, _PHOTOMETRIC, _EXIF, _GPS, _MAKER_NOTE = 259, 262, 34665, 34853, 37500
_CHILDREN, _XMP = 330, 700
_PARTS = ((273, 279), (324, 325))  # strips and tiles: where each starts, how long it is
_MOST_IFDS = 32
_MOSAIC_OR_LINEAR = {32803, 34892}
_RAW_COMPRESSIONS = {32767, 32769, 32770, 34713, 65000, 65535}  # of Sony, Samsung, Nikon, ...
_SUB_IFDS: dict[int, Any] = {_EXIF: {40965: {}}, _GPS: {}}  # the first with interoperability
_DESCRIPTIVE = {269, 270, 271, 272, 285, 305, 306, 315, 316, 18246, 18249, 33432, 50341, *_SUB_IFDS}
_DESCRIPTIVE |= set(range(0x9C9B, 0x9CA0))
_LONG, _UNDEFINED = 4, 7
# type -> bytes per number, numbers per item
_TYPES = {1: (1, 1), 2: (1, 1), 3: (2, 1), 4: (4, 1), 5: (4, 2), 6: (1, 1), 7: (1, 1)}
_TYPES |= {8: (2, 1), 9: (4, 1), 10: (4, 2), 11: (4, 1), 12: (8, 1), 13: (4, 1)}
# tag -> type, count, and the value as little-endian bytes or as the IFD it points to
Ifd: TypeAlias = "dict[int, tuple[int, int, bytes | Ifd]]"


def upright_exif(exif: bytes) -> tuple[bytes, tuple[float, float] | None]:
    """Set the orientation of EXIF to 1 and blank its thumbnail, without moving anything.

    Maker notes hold offsets from the start of the block, so nothing may move.

    Returns:
        The block without a leading ``Exif``, and its resolution in dpi, None where it has none.
    """
    data = bytearray(exif.removeprefix(_PREFIX))
    order = byte_order(data)
    (start,) = struct.unpack_from(order + "I", data, 4)
    (count,) = struct.unpack_from(order + "H", data, start)
    for at in range(start + 2, start + 2 + 12 * count, 12):
        if struct.unpack_from(order + "H", data, at) == (_ORIENTATION,):
            struct.pack_into(order + "HIHH", data, at + 2, 3, 1, 1, 0)
    link = start + 2 + 12 * count
    (second,) = struct.unpack_from(order + "I", data, link) if link + 4 <= len(data) else (0,)
    if second:
        struct.pack_into(order + "I", data, link, 0)
        thumbnail = unpack_ifd(BytesIO(data), order, second, {})
        first = int(_number(thumbnail, _THUMBNAIL_OFFSET))
        end = first + int(_number(thumbnail, _THUMBNAIL_LENGTH)) if first else 0
        data[first:end] = bytes(len(data[first:end]))
    ifd = unpack_ifd(BytesIO(data), order, start, {})
    per_unit = 2.54 if _number(ifd, _UNIT) == 3 else 1.0  # 3: centimetres
    x, y = (_number(ifd, tag) * per_unit for tag in (_X_RESOLUTION, _Y_RESOLUTION))
    return bytes(data), (x, y) if x > 0 and y > 0 else None


def tiff_sides(stream: BinaryIO) -> tuple[int, int]:
    """Return width and height of a TIFF's first picture in pixels, 0 where they are not given."""
    ifd = first_ifd(stream)
    return int(_number(ifd, _WIDTH)), int(_number(ifd, _HEIGHT))


def is_camera_raw(stream: BinaryIO) -> bool:
    """Tell whether a TIFF is a camera's raw file, or its first picture only a preview."""
    stream.seek(8)
    if stream.read(2) == b"CR":
        return True
    ifd = first_ifd(stream)
    if _DNG_VERSION in ifd or int(_number(ifd, _NEW_SUBFILE_TYPE)) & 1 == 1:
        return True
    kind, packing = int(_number(ifd, _PHOTOMETRIC)), int(_number(ifd, _COMPRESSION))
    return kind in _MOSAIC_OR_LINEAR or packing in _RAW_COMPRESSIONS


def mosaic_end(stream: BinaryIO) -> int:
    """Return where the raw pixels of a TIFF end, in bytes from its start, 0 if it has none."""
    stream.seek(0)
    head = stream.read(8)
    end, seen = 0, set[int]()
    try:
        order = byte_order(head)
        version, *starts = struct.unpack(order + "HI", head[2:])
        while starts and version == 42 and len(seen) < _MOST_IFDS:
            start = starts.pop()
            if start in seen or not start:
                continue
            seen.add(start)
            ifd = unpack_ifd(stream, order, start, {})
            stream.seek(start)
            (count,) = struct.unpack(order + "H", stream.read(2))
            stream.seek(start + 2 + 12 * count)
            starts += [*numbers(ifd, _CHILDREN), *struct.unpack(order + "I", stream.read(4))]
            if int(_number(ifd, _PHOTOMETRIC)) in _MOSAIC_OR_LINEAR:
                for where, size in _PARTS:
                    parts = zip(numbers(ifd, where), numbers(ifd, size), strict=False)
                    end = max([end, *map(sum, parts)])
    except (struct.error, KeyError):
        pass
    return end


def read_tiff_tags(
    stream: BinaryIO, *, maker_notes: bool = True
) -> tuple[bytes | None, bytes | None]:
    """Collect the EXIF, GPS and descriptive tags of a TIFF file as a block of their own.

    Args:
        stream: The file; moved.
        maker_notes: Keep them. In raw files they are large and full of offsets into the file.

    Returns:
        That block and the IPTC records, each None where there are none.
    """
    ifd = first_ifd(stream)
    iptc = ifd[_IPTC][2] if _IPTC in ifd else b""
    if isinstance(iptc, bytes) and iptc[3:4] == b"\x1c" != iptc[:1]:  # bytes, typed as numbers
        iptc = b"".join(iptc[k : k + 4][::-1] for k in range(0, len(iptc), 4))
    exif = _describing(ifd, maker_notes=maker_notes)
    return exif, iptc if isinstance(iptc, bytes) and iptc else None


def is_kept(tag: int) -> bool:
    """Tell whether a tag of a TIFF's first picture is one of those that are kept."""
    return tag in _DESCRIPTIVE or tag in {_IPTC, _XMP}


def read_orientation(stream: BinaryIO) -> int | None:
    """Return the orientation, 1 to 8, of a TIFF or of EXIF; None where it says nothing."""
    value = int(_number(first_ifd(stream), _ORIENTATION))
    return value if 1 <= value <= 8 else None


def read_xmp(stream: BinaryIO) -> bytes | None:
    """Return the XMP packet of a TIFF file, None where there is none."""
    value = first_ifd(stream).get(_XMP, (0, 0, b""))[2]
    return value if isinstance(value, bytes) and value else None


def join_exif(main: bytes | None, exif: bytes | None, gps: bytes | None) -> bytes | None:
    """Make one EXIF block, without maker notes, of three that each are a TIFF structure."""
    ifd = first_ifd(BytesIO(main or b""))
    for tag, block in ((_EXIF, exif), (_GPS, gps)):
        if inner := first_ifd(BytesIO(block or b"")):
            ifd[tag] = (_LONG, 1, inner)
    return _describing(ifd, maker_notes=False)


def _describing(ifd: Ifd, *, maker_notes: bool) -> bytes | None:
    chosen = {tag: entry for tag, entry in ifd.items() if tag in _DESCRIPTIVE}
    inner = chosen.get(_EXIF, (0, 0, b""))[2]
    if not maker_notes and isinstance(inner, dict):
        inner.pop(_MAKER_NOTE, None)
    return HEADER + pack_ifd(chosen, len(HEADER)) if chosen else None


def write_tiff_tags(stream: BinaryIO, exif: bytes | None, iptc: bytes | None) -> None:
    """Add EXIF and IPTC to a little-endian TIFF file in place; a BigTIFF stays as it is.

    Only the table of tags is read and written anew, behind the pixels.
    """
    ifd = first_ifd(stream)
    if not ifd or not (exif or iptc):
        return
    for tag, entry in first_ifd(BytesIO(exif or b"")).items():
        if tag in _DESCRIPTIVE:
            ifd.setdefault(tag, entry)
    if iptc:
        ifd[_IPTC] = (_UNDEFINED, len(iptc), iptc)
    end = stream.seek(0, os.SEEK_END)
    padding = bytes(end % 2)
    end += len(padding)
    stream.write(padding + pack_ifd(ifd, end))
    stream.seek(4)
    stream.write(struct.pack("<I", end))


def byte_order(data: bytes | bytearray) -> str:
    """Return the order of bytes of a TIFF, as `struct` writes it.

    Raises:
        KeyError: If it is no TIFF.
    """
    return {b"II": "<", b"MM": ">"}[bytes(data[:2])]


def first_ifd(stream: BinaryIO) -> Ifd:
    """Read the first IFD of a classic TIFF or its like; empty if it is damaged or a BigTIFF."""
    stream.seek(0)
    head = stream.read(8)
    try:
        order = byte_order(head)
        version, start = struct.unpack(order + "HI", head[2:])
        return unpack_ifd(stream, order, start, _SUB_IFDS) if version in _VERSIONS else {}
    except (struct.error, KeyError):
        return {}


def unpack_ifd(stream: BinaryIO, order: str, start: int, sub_ifds: dict[int, Any]) -> Ifd:
    """Read an IFD, and those within it that are named.

    Raises:
        struct.error: If it is damaged.
    """
    stream.seek(start)
    (count,) = struct.unpack(order + "H", stream.read(2))
    table = stream.read(12 * count)
    ifd: Ifd = {}
    for tag, kind, length, inline in struct.iter_unpack(order + "HHI4s", table):
        width, numbers = _TYPES.get(kind, (_LONGEST_VALUE, 2))
        size = width * numbers * length
        (offset,) = struct.unpack(order + "I", inline)
        if tag in sub_ifds:
            ifd[tag] = (_LONG, 1, unpack_ifd(stream, order, offset, sub_ifds[tag]))
        elif size <= _LONGEST_VALUE:
            stream.seek(offset)
            value = inline[:size] if size <= 4 else stream.read(size)
            if len(value) < size:
                continue
            if order == ">":
                value = np.frombuffer(value, np.uint8).reshape(-1, width)[:, ::-1].tobytes()
            ifd[tag] = (kind, length, value)
    return ifd


def pack_ifd(ifd: Ifd, offset: int) -> bytes:
    """Lay out an IFD, what it points to behind it, for a place `offset` bytes into a file."""
    table = struct.pack("<H", len(ifd))
    tail = b""
    after = offset + 2 + 12 * len(ifd) + 4
    for tag, (kind, count, value) in sorted(ifd.items()):
        data = value if isinstance(value, bytes) else pack_ifd(value, after + len(tail))
        if len(data) > 4:
            table += struct.pack("<HHII", tag, kind, count, after + len(tail))
            tail += data + b"\0" * (len(data) % 2)
        else:
            table += struct.pack("<HHI4s", tag, kind, count, data)
    return table + bytes(4) + tail


def numbers(ifd: Ifd, tag: int) -> tuple[int, ...]:
    """Return the integers of a tag, none if it is absent."""
    kind, count, value = ifd.get(tag, (0, 0, b""))
    letter = {3: "H", 4: "I", 13: "I"}.get(kind)
    if letter is None or not isinstance(value, bytes):
        return ()
    return struct.unpack(f"<{count}{letter}", value)


def _number(ifd: Ifd, tag: int) -> float:
    """Return a tag's first number, 0 if it is absent."""
    kind, _, value = ifd.get(tag, (0, 0, b""))
    form = {3: "<H", 4: "<I", 5: "<II"}.get(kind)
    if not isinstance(value, bytes) or form is None or len(value) < struct.calcsize(form):
        return 0.0
    top, *bottom = struct.unpack_from(form, value)
    return float(top / bottom[0] if bottom and bottom[0] else top)
