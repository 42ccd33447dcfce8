# ruff: noqa: PLR2004 (numbers of the file format)
"""Add to an AVIF what libvips does not write: colours by number, a film behind the picture."""

import struct
from typing import BinaryIO, Final

from unblur.imaging.photo.holds.boxes import boxes, read_meta, top_boxes
from unblur.imaging.photo.holds.items import Item, insert

_BT601, _UNSAID = 6, 2  # ITU-T H.273, matrix coefficients
_DELIMITER: Final = b"\x12\0"  # a unit of AV1 without content, which may come first
_EXIF_HEAD: Final = 4  # bytes, before EXIF: how far it is to what it is
_HEADER: Final = 32  # bytes in which the header of a still picture ends
_MOST_INDEX: Final = 127


def dress(stream: BinaryIO, items: list[Item]) -> None:
    """Add properties to the photo of an AVIF, and a film behind it."""
    matrix, full_range, where, data = _sequence_header(stream)
    for item in items:
        if item.form == "cICP" and where >= 0:
            _set_numbers(stream, where, data, item.data[:2])
    properties = [made for item in items if (made := _property(item, matrix, full_range))]
    if properties:
        _add_properties(stream, properties)
    stream.seek(0, 2)
    for item in items:
        if item.kind == "film":
            stream.write(_box(b"mpvd", item.data))


def _property(item: Item, matrix: int, full_range: int) -> bytes | None:
    data = item.data
    if item.form == "cICP":
        numbers = struct.pack(">HHHB", data[0], data[1], matrix, full_range << 7)
        return _box(b"colr", b"nclx" + numbers)
    if item.form == "cLLI" and len(data) == 8:
        light = (min(value // 10_000, 0xFFFF) for value in struct.unpack(">II", data))
        return _box(b"clli", struct.pack(">HH", *light))
    if item.form == "mDCV" and len(data) == 24:
        return _box(b"mdcv", data[4:8] + data[8:12] + data[:4] + data[12:])
    return None


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", len(body) + 8, kind) + body


def _add_properties(stream: BinaryIO, properties: list[bytes]) -> None:
    """Put properties behind those that are there, choose them, and move what is pointed to."""
    end = stream.seek(0, 2)
    meta = next(box for box in top_boxes(stream, end) if box.kind == b"meta")
    stream.seek(meta.begin)
    old = stream.read(meta.end - meta.begin)
    known = read_meta(old)
    first = 1 + len(known.properties)
    chosen = list(range(first, first + len(properties)))
    if chosen[-1] > _MOST_INDEX:  # never with libvips, which writes a handful
        return
    parts = [(box.kind, old[box.begin : box.end]) for box in boxes(old, 4)]
    for index, (kind, body) in enumerate(parts):
        if kind == b"iprp":
            inner = b""
            for box in boxes(body):
                content = body[box.begin : box.end]
                if box.kind == b"ipco":
                    content += b"".join(properties)
                elif box.kind == b"ipma":
                    content = _choose(content, known.primary, chosen)
                inner += _box(box.kind, content)
            parts[index] = (kind, inner)
    shift = sum(8 + len(body) for _, body in parts) + 4 - len(old)
    parts = [
        (kind, _move(body, meta.end, shift) if kind == b"iloc" else body) for kind, body in parts
    ]
    insert(stream, meta.end, bytes(shift))
    stream.seek(meta.at)
    stream.write(_box(b"meta", old[:4] + b"".join(_box(kind, body) for kind, body in parts)))


def _choose(ipma: bytes, item: int, chosen: list[int]) -> bytes:
    """Add properties, none of them essential, to those of an item."""
    wide, width = 4 if ipma[0] else 2, 2 if ipma[3] & 1 else 1
    (entries,) = struct.unpack_from(">I", ipma, 4)
    at = 8
    for _ in range(entries):
        number, count = int.from_bytes(ipma[at : at + wide], "big"), ipma[at + wide]
        end = at + wide + 1 + width * count
        if number == item:
            more = b"".join(index.to_bytes(width, "big") for index in chosen)
            head = ipma[: at + wide] + bytes([count + len(chosen)])
            return head + ipma[at + wide + 1 : end] + more + ipma[end:]
        at = end
    return ipma


def _move(iloc: bytes, boundary: int, shift: int) -> bytes:
    """Move the places of items in a file that are at a boundary or behind it."""
    version = iloc[0]
    offset_size, length_size = iloc[4] >> 4, iloc[4] & 15
    base_size, index_size = iloc[5] >> 4, iloc[5] & 15 if version else 0
    wide = 4 if version == 2 else 2
    data, at = bytearray(iloc), 6 + wide

    def number(where: int, size: int) -> int:
        return int.from_bytes(data[where : where + size], "big")

    def move(where: int, size: int, base: int) -> None:
        value = number(where, size)
        if size and base + value >= boundary:
            data[where : where + size] = (value + shift).to_bytes(size, "big")

    for _ in range(number(6, wide)):
        at += wide
        in_file = not version or number(at, 2) & 15 == 0
        at += 4 if version else 2
        base = number(at, base_size)
        if in_file:
            move(at, base_size, 0)
        at += base_size
        extents = number(at, 2)
        at += 2
        for _ in range(extents):
            at += index_size
            if in_file and base == 0:
                move(at, offset_size, 0)
            at += offset_size + length_size
    return bytes(data)


def exif_place(stream: BinaryIO) -> tuple[int, int] | None:
    """Return where the EXIF of an AVIF by libvips begins, behind its head, and its length."""
    found = _exif_entry(stream)
    return found and (found[1] + _EXIF_HEAD, found[2] - _EXIF_HEAD)


def move_exif(stream: BinaryIO, new: bytes) -> None:
    """Write EXIF anew, behind all else, and let the file point there."""
    found = _exif_entry(stream)
    assert found is not None
    stream.seek(found[1])
    item = stream.read(_EXIF_HEAD) + new
    end = stream.seek(0, 2)
    stream.write(_box(b"mdat", item))
    stream.seek(found[0])
    stream.write(struct.pack(">IHII", end + 8, 1, 0, len(item)))


def _exif_entry(stream: BinaryIO) -> tuple[int, int, int] | None:
    """Return where iloc points to the EXIF, where that is, and its length.

    The entry is laid out as libheif does: one extent, and 4 bytes for each number.
    """
    end = stream.seek(0, 2)
    for box in top_boxes(stream, end):
        if box.kind != b"meta":
            continue
        stream.seek(box.begin)
        data = stream.read(box.end - box.begin)
        items = [item for item, kind in read_meta(data).kinds.items() if kind == b"Exif"]
        for part in boxes(data, 4):
            body = data[part.begin : part.end]
            if part.kind == b"iloc" and body[0] == 0 and body[4:6] == b"\x44\x40":
                for at in range(8, len(body), 18):
                    item, _, base, extents, offset, length = struct.unpack_from(">HHIHII", body, at)
                    if item in items and extents == 1:
                        return box.begin + part.begin + at + 4, base + offset, length
    return None


def _sequence_header(stream: BinaryIO) -> tuple[int, int, int, bytes]:
    """Find what the header of an AV1 picture says of its colours.

    Returns:
        The matrix coefficients and the range (1: full) that it was coded with; the bit of its
        data at which the colour primaries and the curve stand, -1 where they do not; its data. A
        header of an unusual form is taken for what libheif does by default: BT.601, full range.
    """
    end = stream.seek(0, 2)
    begin = next((box.begin for box in top_boxes(stream, end) if box.kind == b"mdat"), end)
    stream.seek(begin)
    data = stream.read(_HEADER)
    at = 8 * (4 if data[:2] == _DELIMITER else 2)  # behind the type and the length of the unit
    bits = "".join(f"{byte:08b}" for byte in data)

    def take(count: int) -> int:
        nonlocal at
        at += count
        return int(bits[at - count : at] or "0", 2)

    kind = data[at // 8 - 2] if len(data) == _HEADER else 0
    profile, _, reduced = take(3), take(1), take(1)
    if kind >> 3 & 15 != 1 or not kind & 2 or not reduced:
        return _BT601, 1, -1, b""
    take(5)
    width, height = take(4) + 1, take(4) + 1
    take(width)
    take(height)
    take(6)  # blocks, filters, super-resolution, restoration
    deep = take(1)
    if profile == 2 and deep:
        take(1)
    grey = take(1) if profile != 1 else 0
    if not take(1):
        return _UNSAID, take(1), -1, b""
    where = at
    primaries, curve, matrix = take(8), take(8), take(8)
    if not grey and (primaries, curve, matrix) == (1, 13, 0):  # RGB, whose range is not said
        return matrix, 1, -1, b""
    return matrix, take(1), where, data


def _set_numbers(stream: BinaryIO, where: int, data: bytes, numbers: bytes) -> None:
    """Say primaries and curve in the header of the AV1 picture as well, where they are said."""
    end = stream.seek(0, 2)
    begin = next(box.begin for box in top_boxes(stream, end) if box.kind == b"mdat")
    bits = "".join(f"{byte:08b}" for byte in data)
    new = "".join(f"{number:08b}" for number in numbers)
    bits = bits[:where] + new + bits[where + len(new) :]
    stream.seek(begin)
    stream.write(int(bits, 2).to_bytes(len(data), "big"))
