# ruff: noqa: PLR2004 (markers of the file format)
"""What JPEG files hold: comments, extended XMP, further pictures, a film behind the picture."""

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, BinaryIO, Final

from unblur.imaging.photo.holds.items import Contents, Item, insert, size_in_words
from unblur.imaging.photo.holds.segments import COM, Segment, header_end, segment, walk
from unblur.imaging.photo.holds.xmp import extended_reference, has_gain_map

_XMP: Final = b"http://ns.adobe.com/xap/1.0/\0"
_EXTENDED: Final = b"http://ns.adobe.com/xmp/extension/\0"
_ISO_GAIN_MAP: Final = b"urn:iso:std:iso:ts:21496:-1\0"
_MPF: Final = b"MPF\0"
_KNOWN: Final = {  # read by others, written anew, or of no meaning without the old pixels
    0xE0: (b"JFIF\0", b"JFXX\0", b"AVI1"),
    0xE1: (b"Exif\0\0", _XMP),
    0xE2: (b"ICC_PROFILE\0", _MPF),
    0xEC: (b"Ducky",),
    0xEE: (b"Adobe",),
}
_PHOTOSHOP: Final = b"Photoshop 3.0\0"
# IPTC, which is kept, with its digest; resolution; thumbnails; how Photoshop showed and printed it
_OF_NO_WORD: Final = frozenset(
    {
        *(0x0404, 0x0425, 0x03ED, 0x0409, 0x040C, 0x03F3, 0x03F5, 0x03F8, 0x0400, 0x0402),
        *(0x0406, 0x0408, 0x040D, 0x0411, 0x0414, 0x0416, 0x0419, 0x041A, 0x041E, 0x0421),
        *(0x0426, 0x0428, 0x042D, 0x0430, 0x043A, 0x043B, 0x2710),
    }
)
_FILM: Final = b"ftyp"
_LEAST_JUNK: Final = 16  # bytes behind a picture that are worth a word
_LARGEST_BLOCK: Final = 65_000  # bytes in a segment, a round number below what fits
_LARGEST_XMP: Final = 59_000  # libvips leaves out longer ones
_BOOKED: Final = 0x030000  # an MP entry's type: the photo itself
_GAIN_MAP_QUALITY: Final = 95
_BLOCKS: Final = ("exif-data", "xmp-data", "iptc-data", "icc-profile-data")
"""What libvips would write into a gain map besides its own segments, which are kept as they are."""
_PREVIEWS: Final = frozenset({0x010001, 0x010002})


def look(stream: BinaryIO, contents: Contents) -> None:
    """Read what a JPEG holds."""
    stream.seek(0)
    data = stream.read()
    found, end = walk(data, 0)
    announced = b""
    for part in found:
        if part.marker == COM:
            contents.items.append(_comment(part.body))
        elif part.body.startswith(_ISO_GAIN_MAP):
            announced = part.body
        elif part.body.startswith(_PHOTOSHOP):
            if not set(_resources(part.body)) <= _OF_NO_WORD:
                contents.other("Photoshop's settings")
        elif not part.body.startswith((*_KNOWN.get(part.marker, ()), _EXTENDED)):
            contents.other(_name(part))
    if any(part.body.startswith(_EXTENDED) for part in found):  # which libvips takes for XMP
        packets = (part.body[len(_XMP) :] for part in found if part.body.startswith(_XMP))
        contents.xmp = next(packets, None)
        _extended(found, contents)
    if end > 0:
        _behind(data, end, found, announced, contents)


def _resources(body: bytes) -> Iterator[int]:
    """The numbers of Photoshop's resources in a segment that hold anything."""
    at = len(_PHOTOSHOP)
    while body[at : at + 4] == b"8BIM" and len(body) >= at + 12:
        (number,) = struct.unpack_from(">H", body, at + 4)
        name = body[at + 6] + 1  # with its length, padded to even
        at += 6 + name + name % 2
        if len(body) < at + 4:
            return
        (length,) = struct.unpack_from(">I", body, at)
        if any(body[at + 4 : at + 4 + length]):
            yield number
        at += 4 + length + length % 2


def _comment(text: bytes) -> Item:
    return Item(kind="text", name="comment", form="COM", data=text)


def _name(part: Segment) -> str:
    words = part.body.split(b"\0", 1)[0][:16].decode("ascii", "replace")
    said = f" ({words})" if words.isprintable() and words.isascii() and words.strip() else ""
    if part.marker == 0xEB and part.body.startswith(b"JP"):
        said = " (content credentials, JUMBF)"
    return f"APP{part.marker - 0xE0}{said}"


def _extended(found: list[Segment], contents: Contents) -> None:
    """Join the parts of an extended XMP, each behind its name, length and place."""
    parts = [part.body[len(_EXTENDED) :] for part in found if part.body.startswith(_EXTENDED)]
    for guid in sorted({part[:32] for part in parts}):
        chosen = [part for part in parts if part[:32] == guid and len(part) > 40]
        joined = b"".join(p[40:] for p in sorted(chosen, key=lambda p: p[36:40]))
        if chosen and len(joined) == int.from_bytes(chosen[0][32:36], "big"):
            contents.items.append(
                Item(
                    kind="extended XMP",
                    name=f"extended XMP of {size_in_words(len(joined))}",
                    form=guid.decode("latin-1"),
                    data=joined,
                )
            )
        else:
            contents.other("extended XMP, which is damaged,")


def _behind(
    data: bytes, end: int, found: list[Segment], announced: bytes, contents: Contents
) -> None:
    """Go through what stands behind the picture: pictures one by one, then a film or the like."""
    kinds = _mp_kinds(found)
    at, views, index = end, 1, 0
    while (start := data.find(b"\xff\xd8\xff", at)) >= 0:
        film = data.find(_FILM, at, start)
        segments, stop = walk(data, start)
        if film >= 0 or stop < 0:
            break
        index += 1
        kind = kinds[index] if index < len(kinds) else 0
        picture = data[start:stop]
        bodies = [part.body for part in segments]
        xmp = b"".join(body for body in bodies if body.startswith(_XMP))
        if has_gain_map(xmp) or any(body.startswith(_ISO_GAIN_MAP) for body in bodies):
            contents.items.append(
                Item(kind="gain map", name="gain map", form="jpeg", data=picture, extra=announced)
            )
        elif kind in _PREVIEWS:
            contents.other(f"preview of {size_in_words(len(picture))}")
        elif index < len(kinds) and b"AuxiliaryImage" not in xmp:
            views += 1
        else:
            contents.other(f"further picture of {size_in_words(len(picture))}")
        at = stop
    if views > 1:
        contents.pictures, contents.noun = views, "pictures"
    rest = data[at:]
    if rest.find(_FILM) >= 4:
        name = f"film of {size_in_words(len(rest))}"
        contents.items.append(Item(kind="film", name=name, form="trailer", data=rest))
    elif len(rest.strip(b"\0\xff")) >= _LEAST_JUNK:
        contents.other(f"{size_in_words(len(rest))} behind the picture")


def _mp_kinds(found: list[Segment]) -> list[int]:
    """Return the types of the pictures in a file's MPF, empty without one."""
    for part in found:
        if part.marker != 0xE2 or not part.body.startswith(_MPF):
            continue
        body = part.body[len(_MPF) :]
        try:
            order = {b"II": "<", b"MM": ">"}[body[:2]]
            (start,) = struct.unpack_from(order + "I", body, 4)
            (count,) = struct.unpack_from(order + "H", body, start)
            for at in range(start + 2, start + 2 + 12 * count, 12):
                tag, _, length, offset = struct.unpack_from(order + "HHII", body, at)
                if tag == 0xB002:
                    entries = struct.iter_unpack(order + "I12x", body[offset : offset + length])
                    return [entry[0] & 0xFFFFFF for entry in entries]
        except (struct.error, KeyError):
            break
    return []


def turn_gain_maps(contents: Contents, orientation: int, sides: tuple[int, int]) -> None:
    """Turn the gain maps in a file's list as its photo was turned; what they say stays.

    Args:
        contents: What the file holds; changed.
        orientation: The orientation that the photo had.
        sides: Height and width of the photo, upright.
    """
    import pyvips

    for index, item in enumerate(contents.items):
        if item.kind != "gain map":
            continue
        try:
            turned = item if orientation == 1 else _turned(item, orientation)
            contents.items[index] = replace(turned, sides=sides)
        except pyvips.Error:
            pyvips.vips_lib.vips_error_clear()
            contents.items[index] = Item(kind="other", name="gain map, which is damaged")


def _turned(item: Item, orientation: int) -> Item:
    import pyvips

    image: Any = pyvips.Image.jpegload_buffer(item.data, fail_on="error").copy()
    image.set_type(pyvips.GValue.gint_type, "orientation", orientation)
    image = image.autorot()
    for name in _BLOCKS:
        if image.get_typeof(name):
            image.remove(name)
    plain = image.jpegsave_buffer(Q=_GAIN_MAP_QUALITY, subsample_mode="off", keep="none")
    kept = b"".join(
        segment(part.marker, part.body)
        for part in walk(item.data, 0)[0]
        if part.marker in {0xE1, 0xE2} and not part.body.startswith((b"Exif", b"MPF"))
    )
    at = header_end(plain)
    return replace(item, data=plain[:at] + kept + plain[at:])


def dress(stream: BinaryIO, items: list[Item], xmp: bytes | None) -> None:
    """Add to a JPEG comments, gain map, film, and XMP that is too long for libvips."""
    comments = [item.data for item in items if item.form == "COM"]
    gain_maps = [item for item in items if item.kind == "gain map"]
    blocks = [(0xE1, body) for body in _xmp_blocks(items, xmp)]
    blocks += [(0xE2, item.extra) for item in gain_maps if item.extra]
    added = b"".join(segment(marker, body) for marker, body in blocks)
    films = [item.data for item in items if item.kind == "film"]
    if not (added or comments or gain_maps or films):
        return
    said = b"".join(segment(COM, text[:_LARGEST_BLOCK]) for text in comments)
    end = stream.seek(0, 2)
    stream.seek(0)
    at = header_end(stream.read(1 << 20))
    book = b""
    if gain_maps:
        head = at + len(added) + 4 + len(_MPF)  # offsets are counted from there
        size = end + len(added) + len(said) + 4 + len(_mp_index(0, 0, [0] * len(gain_maps)))
        book = segment(0xE2, _mp_index(size, head, [len(item.data) for item in gain_maps]))
    insert(stream, at, added + book + said)
    stream.seek(0, 2)
    for part in (*(item.data for item in gain_maps), *films):
        stream.write(part)


def _mp_index(size: int, head: int, lengths: list[int]) -> bytes:
    """Lay out the index of a JPEG's pictures (CIPA DC-007): the photo, then others."""
    entries = struct.pack("<IIIHH", 0x20000000 | _BOOKED, size, 0, 0, 0)
    at = size - head
    for length in lengths:
        entries += struct.pack("<IIIHH", 0, length, at, 0, 0)
        at += length
    table = struct.pack("<4sIH", b"II*\0", 8, 3)
    table += struct.pack("<HHI4s", 0xB000, 7, 4, b"0100")
    table += struct.pack("<HHII", 0xB001, 4, 1, 1 + len(lengths))
    table += struct.pack("<HHIII", 0xB002, 7, len(entries), 50, 0)
    return _MPF + table + entries


def fits_in_one_block(xmp: bytes) -> bool:
    """Tell whether libvips writes this XMP into a JPEG."""
    return len(xmp) <= _LARGEST_XMP


def _xmp_blocks(items: list[Item], xmp: bytes | None) -> list[bytes]:
    """Lay out XMP that libvips leaves out, and extended XMP."""
    extended = [item for item in items if item.kind == "extended XMP"]
    blocks = []
    if xmp and not fits_in_one_block(xmp):
        guid = hashlib.md5(xmp, usedforsecurity=False).hexdigest().upper()
        blocks.append(_XMP + extended_reference(guid))
        extended = [Item(kind="extended XMP", name="", form=guid, data=xmp)]
    for item in extended:
        name, size = item.form.encode("latin-1"), len(item.data)
        for at in range(0, size, _LARGEST_BLOCK):
            part = item.data[at : at + _LARGEST_BLOCK]
            blocks.append(_EXTENDED + name + struct.pack(">II", size, at) + part)
    return blocks
