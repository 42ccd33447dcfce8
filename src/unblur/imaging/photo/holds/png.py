# ruff: noqa: PLR2004 (numbers of the file format)
"""Chunks of PNG: text, colours by number, profiles as text, the frames of an animation."""

import re
import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO, Final

from unblur.imaging.photo.holds.items import Contents, Item, colour_item, insert, size_in_words

TEXT: Final = frozenset({"tEXt", "zTXt", "iTXt"})
COLOUR: Final = frozenset({"cICP", "gAMA", "cHRM", "sRGB", "mDCV", "cLLI"})
_PHOTOSHOP: Final = b"Photoshop 3.0\0"
_EXIF: Final = b"Exif\0\0"
_XMP: Final = b"http://ns.adobe.com/xap/1.0/\0"
_XMP_KEYWORD: Final = "XML:com.adobe.xmp"
_RAW_PROFILE: Final = "Raw profile type "
_DECODED: Final = frozenset({"IHDR", "PLTE", "IDAT", "IEND", "tRNS", "iCCP", "eXIf", "pHYs"})
_FRAMES: Final = frozenset({"acTL", "fcTL", "fdAT"})
_STALE: Final = frozenset({"tIME"})
"""Says when the picture was changed last, which is now: a copy would be wrong, and no news. None is
written anew, so that the same photo gives the same bytes tomorrow."""
_NAMES: Final = {
    "bKGD": "background colour",
    "sBIT": "significant bits",
    "hIST": "histogram",
    "caBX": "content credentials (C2PA)",
}
_LARGEST: Final = 1 << 26  # bytes of a chunk, or of a text that is unpacked
_SIGNATURE_AND_HEADER: Final = 8 + 25


def look(stream: BinaryIO, contents: Contents) -> None:
    """Read what a PNG holds."""
    stream.seek(8)
    frames, first_in, seen_pixels = 0, False, False
    while len(head := stream.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        form = kind.decode("latin-1")
        begin = stream.tell()
        if form in _DECODED:
            seen_pixels = seen_pixels or form == "IDAT"
        elif form in _FRAMES:
            if form == "acTL":
                frames = int.from_bytes(stream.read(4), "big")
            first_in = first_in or (form == "fcTL" and not seen_pixels)
        elif length <= _LARGEST:
            _add(form, stream.read(length), contents)
        else:
            contents.other(f"{form} of {size_in_words(length)}")
        stream.seek(begin + length + 4)
        if form == "IEND":
            break
    if frames > 1 and first_in:
        contents.pictures = frames
    elif frames:
        contents.notes.append(f"the still picture; its animation of {frames} frames left out")
    _trailer(stream, contents)


def _trailer(stream: BinaryIO, contents: Contents) -> None:
    begin = stream.tell()
    if (rest := stream.seek(0, 2) - begin) > 0:
        stream.seek(begin)
        if stream.read(_LARGEST).strip(b"\0"):
            contents.other(f"{size_in_words(rest)} behind the picture")


def _add(form: str, data: bytes, contents: Contents) -> None:
    if form in TEXT:
        _add_text(form, data, contents)
    elif form in COLOUR:
        contents.items.append(colour_item(form, data))
    elif form[3].islower():  # may be copied, whatever becomes of the pixels
        name = _NAMES.get(form, f"PNG's {form}")
        contents.items.append(Item(kind="chunk", name=name, form=form, data=data))
    elif form not in _STALE:
        contents.other(_NAMES.get(form, f"PNG's {form}"))


def _add_text(form: str, data: bytes, contents: Contents) -> None:
    keyword, text = read_text(form, data)
    if keyword == _XMP_KEYWORD:
        contents.xmp = contents.xmp if text is None else text.encode()
        return
    if keyword.startswith(_RAW_PROFILE) and text is not None:
        block = _unpack_profile(text)
        if block and _take_profile(keyword.removeprefix(_RAW_PROFILE).lower(), block, contents):
            return
    name = f"text '{keyword}'"
    contents.items.append(Item(kind="text", name=name, form=form, data=data))


def read_text(form: str, data: bytes) -> tuple[str, str | None]:
    """Take the keyword and the text out of a tEXt, zTXt or iTXt; None for a damaged text."""
    keyword, _, rest = data.partition(b"\0")
    code, packed = "latin-1", form == "zTXt"
    if packed:
        rest = rest[1:]
    elif form == "iTXt":
        packed, rest, code = rest[:1] == b"\1", rest[2:], "utf-8"
        rest = rest.split(b"\0", 2)[2] if rest.count(b"\0") >= 2 else b""
    try:
        if packed:
            unpacker = zlib.decompressobj()
            rest = unpacker.decompress(rest, _LARGEST)
            if not unpacker.eof:  # cut short, or larger than any text
                return keyword.decode("latin-1"), None
        return keyword.decode("latin-1"), rest.decode(code)
    except (zlib.error, UnicodeDecodeError):
        return keyword.decode("latin-1"), None


def write_text(keyword: str, text: str) -> Item:
    """Return a text as an item: tEXt if that can hold it, else iTXt."""
    key = keyword.encode("latin-1", "replace")[:79]
    try:
        form, data = "tEXt", key + b"\0" + text.encode("latin-1")
    except UnicodeEncodeError:
        form, data = "iTXt", key + bytes(5) + text.encode()
    return Item(kind="text", name=f"text '{keyword}'", form=form, data=data)


def pack_profile(name: str, block: bytes) -> Item:
    """Return a block as ImageMagick hides one in a text."""
    lines = re.sub("(.{72})", r"\1\n", block.hex())
    packed = zlib.compress(f"\n{name}\n{len(block):8d}\n{lines}\n".encode())
    keyword = f"{_RAW_PROFILE}{name}"
    data = keyword.encode() + b"\0\0" + packed
    return Item(kind="text", name=f"text '{keyword}'", form="zTXt", data=data)


def _unpack_profile(text: str) -> bytes | None:
    """Return the block that ImageMagick, or exiv2 of old, has hidden in a text."""
    found = re.match(r"\s*[^\n]*\n\s*(\d+)\s([0-9a-fA-F\s]*)$", text)
    if found is None:
        return None
    try:
        block = bytes.fromhex("".join(found[2].split()))
    except ValueError:
        return None
    return block if len(block) == int(found[1]) else None


def _take_profile(name: str, block: bytes, contents: Contents) -> bool:
    """Take EXIF, XMP, IPTC or ICC for what it is; False if it is none of these."""
    if name in {"exif", "app1"} and block.removeprefix(_EXIF)[:2] in {b"II", b"MM"}:
        contents.exif = contents.exif or block
    elif name in {"xmp", "app1"} and (block.startswith(_XMP) or b"<" in block[:8]):
        contents.xmp = contents.xmp or block.removeprefix(_XMP)
    elif name in {"iptc", "8bim"}:
        contents.iptc = contents.iptc or (_PHOTOSHOP + block if block[:4] == b"8BIM" else block)
    elif name in {"icc", "icm"} and block[36:40] == b"acsp":
        contents.icc = contents.icc or block
    else:
        return False
    return True


def dress(stream: BinaryIO, items: list[Item]) -> None:
    """Add chunks to a PNG, behind its header."""
    chunks = list(_chunks(items))
    if chunks:
        insert(stream, _SIGNATURE_AND_HEADER, b"".join(chunks))


def _chunks(items: list[Item]) -> Iterator[bytes]:
    for item in items:
        body = item.form.encode("latin-1") + item.data
        yield struct.pack(">I", len(item.data)) + body + struct.pack(">I", zlib.crc32(body))
