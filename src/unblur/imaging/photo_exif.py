# ruff: noqa: PLR2004 (numbers of the file format)
"""EXIF: a TIFF structure, alone in most photo files and merged into the file itself in TIFF."""

import struct
from io import BytesIO
from typing import Any, BinaryIO, TypeAlias

import numpy as np

_HEADER = b"II*\0\x08\0\0\0"
_PREFIX = b"Exif\0\0"
_LONGEST_VALUE = 1 << 26  # bytes; a longer value is taken for damage

# TIFF tags
_NEW_SUBFILE_TYPE, _ORIENTATION, _X_RESOLUTION, _Y_RESOLUTION, _UNIT = 254, 274, 282, 283, 296
_THUMBNAIL_OFFSET, _THUMBNAIL_LENGTH, _DNG_VERSION = 513, 514, 50706
_WIDTH, _HEIGHT, _IPTC = 256, 257, 33723
_SUB_IFDS: dict[int, Any] = {
    34665: {40965: {}},
    34853: {},
}  # EXIF with its interoperability IFD; GPS
_DESCRIPTIVE = {270, 271, 272, 305, 306, 315, 18246, 33432, *range(0x9C9B, 0x9CA0), *_SUB_IFDS}
_LONG, _UNDEFINED = 4, 7
# type -> bytes per number, numbers per item
_TYPES = {1: (1, 1), 2: (1, 1), 3: (2, 1), 4: (4, 1), 5: (4, 2), 6: (1, 1), 7: (1, 1)}
_TYPES |= {8: (2, 1), 9: (4, 1), 10: (4, 2), 11: (4, 1), 12: (8, 1), 13: (4, 1)}
# tag -> type, count, and the value as little-endian bytes or as the IFD it points to
_Ifd: TypeAlias = "dict[int, tuple[int, int, bytes | _Ifd]]"


def upright_exif(exif: bytes) -> tuple[bytes, tuple[float, float] | None]:
    """Set the orientation of EXIF to 1 and blank its thumbnail, without moving anything.

    Maker notes hold offsets from the start of the block, so nothing may move.

    Returns:
        The block without a leading ``Exif``, and its resolution in dpi, None where it has none.
    """
    data = bytearray(exif.removeprefix(_PREFIX))
    order = _byte_order(data)
    (start,) = struct.unpack_from(order + "I", data, 4)
    (count,) = struct.unpack_from(order + "H", data, start)
    for at in range(start + 2, start + 2 + 12 * count, 12):
        if struct.unpack_from(order + "H", data, at) == (_ORIENTATION,):
            struct.pack_into(order + "HIHH", data, at + 2, 3, 1, 1, 0)
    link = start + 2 + 12 * count
    (second,) = struct.unpack_from(order + "I", data, link) if link + 4 <= len(data) else (0,)
    if second:
        struct.pack_into(order + "I", data, link, 0)
        thumbnail = _unpack_ifd(BytesIO(data), order, second, {})
        first = int(_number(thumbnail, _THUMBNAIL_OFFSET))
        end = first + int(_number(thumbnail, _THUMBNAIL_LENGTH)) if first else 0
        data[first:end] = bytes(len(data[first:end]))
    ifd = _unpack_ifd(BytesIO(data), order, start, {})
    per_unit = 2.54 if _number(ifd, _UNIT) == 3 else 1.0  # 3: centimetres
    x, y = (_number(ifd, tag) * per_unit for tag in (_X_RESOLUTION, _Y_RESOLUTION))
    return bytes(data), (x, y) if x > 0 and y > 0 else None


def tiff_sides(stream: BinaryIO) -> tuple[int, int]:
    """Return width and height of a TIFF's first picture in pixels, 0 where they are not given."""
    ifd = _first_ifd(stream)
    return int(_number(ifd, _WIDTH)), int(_number(ifd, _HEIGHT))


def is_camera_raw(stream: BinaryIO) -> bool:
    """Tell whether a TIFF is a camera's raw file, whose first picture is only a preview."""
    stream.seek(8)
    if stream.read(2) == b"CR":
        return True
    ifd = _first_ifd(stream)
    return _DNG_VERSION in ifd or int(_number(ifd, _NEW_SUBFILE_TYPE)) & 1 == 1


def read_tiff_tags(stream: BinaryIO) -> tuple[bytes | None, bytes | None]:
    """Collect the EXIF, GPS and descriptive tags of a TIFF file as a block of their own.

    Returns:
        That block and the IPTC records, each None where there are none.
    """
    ifd = _first_ifd(stream)
    chosen = {tag: entry for tag, entry in ifd.items() if tag in _DESCRIPTIVE}
    iptc = ifd[_IPTC][2] if _IPTC in ifd else b""
    if isinstance(iptc, bytes) and iptc[3:4] == b"\x1c" != iptc[:1]:  # bytes, typed as numbers
        iptc = b"".join(iptc[k : k + 4][::-1] for k in range(0, len(iptc), 4))
    exif = _HEADER + _pack_ifd(chosen, len(_HEADER)) if chosen else None
    return exif, iptc if isinstance(iptc, bytes) and iptc else None


def write_tiff_tags(tiff: bytes, exif: bytes | None, iptc: bytes | None) -> bytes:
    """Return a little-endian TIFF file with EXIF and IPTC added; a BigTIFF as it is."""
    ifd = _first_ifd(BytesIO(tiff))
    if not ifd or not (exif or iptc):
        return tiff
    for tag, entry in _first_ifd(BytesIO(exif or b"")).items():
        if tag in _DESCRIPTIVE:
            ifd.setdefault(tag, entry)
    if iptc:
        ifd[_IPTC] = (_UNDEFINED, len(iptc), iptc)
    end = len(tiff) + len(tiff) % 2
    padding = bytes(end - len(tiff))
    return b"".join((tiff[:4], struct.pack("<I", end), tiff[8:], padding, _pack_ifd(ifd, end)))


def _byte_order(data: bytes | bytearray) -> str:
    return {b"II": "<", b"MM": ">"}[bytes(data[:2])]


def _first_ifd(stream: BinaryIO) -> _Ifd:
    """Read the first IFD of a classic TIFF; empty if it is damaged or a BigTIFF."""
    stream.seek(0)
    head = stream.read(8)
    try:
        order = _byte_order(head)
        version, start = struct.unpack(order + "HI", head[2:])
        return _unpack_ifd(stream, order, start, _SUB_IFDS) if version == 42 else {}
    except (struct.error, KeyError):
        return {}


def _unpack_ifd(stream: BinaryIO, order: str, start: int, sub_ifds: dict[int, Any]) -> _Ifd:
    stream.seek(start)
    (count,) = struct.unpack(order + "H", stream.read(2))
    table = stream.read(12 * count)
    ifd: _Ifd = {}
    for tag, kind, length, inline in struct.iter_unpack(order + "HHI4s", table):
        width, numbers = _TYPES.get(kind, (_LONGEST_VALUE, 2))
        size = width * numbers * length
        (offset,) = struct.unpack(order + "I", inline)
        if tag in sub_ifds:
            ifd[tag] = (_LONG, 1, _unpack_ifd(stream, order, offset, sub_ifds[tag]))
        elif size <= _LONGEST_VALUE:
            stream.seek(offset)
            value = inline[:size] if size <= 4 else stream.read(size)
            if len(value) < size:
                continue
            if order == ">":
                value = np.frombuffer(value, np.uint8).reshape(-1, width)[:, ::-1].tobytes()
            ifd[tag] = (kind, length, value)
    return ifd


def _pack_ifd(ifd: _Ifd, offset: int) -> bytes:
    """Lay out an IFD, what it points to behind it, for a place `offset` bytes into a file."""
    table = struct.pack("<H", len(ifd))
    tail = b""
    after = offset + 2 + 12 * len(ifd) + 4
    for tag, (kind, count, value) in sorted(ifd.items()):
        data = value if isinstance(value, bytes) else _pack_ifd(value, after + len(tail))
        if len(data) > 4:
            table += struct.pack("<HHII", tag, kind, count, after + len(tail))
            tail += data + b"\0" * (len(data) % 2)
        else:
            table += struct.pack("<HHI4s", tag, kind, count, data)
    return table + bytes(4) + tail


def _number(ifd: _Ifd, tag: int) -> float:
    """Return a tag's first number, 0 if it is absent."""
    kind, _, value = ifd.get(tag, (0, 0, b""))
    if not isinstance(value, bytes) or kind not in {3, 4, 5}:
        return 0.0
    top, *bottom = struct.unpack_from({3: "<H", 4: "<I", 5: "<II"}[kind], value)
    return float(top / bottom[0] if bottom and bottom[0] else top)
