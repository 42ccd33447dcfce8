# ruff: noqa: PLR2004 (numbers of the file format)
"""The boxes of AVIF and HEIC: their pictures, colours by number, films behind them."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Final, NamedTuple

from unblur.imaging.photo.holds.colour import code_points
from unblur.imaging.photo.holds.items import Contents, Item, colour_item, size_in_words

_LARGEST_META: Final = 1 << 26  # bytes
_PICTURES: Final = frozenset({b"av01", b"hvc1", b"grid", b"iovl", b"iden", b"jpeg", b"avc1"})
_PLAIN: Final = frozenset({b"ftyp", b"meta", b"mdat", b"free", b"skip", b"wide"})
_ALPHA: Final = (b"auxiliary:alpha", b"hevc:2015:auxid:1", b"auxid:1")
_AUXILIARIES: Final = (
    ((b"hdrgainmap",), "gain map"),
    ((b"depth", b"disparity", b"auxid:2"), "depth map"),
    ((b"matte",), "matte"),
)
_HIDDEN: Final = 1
_PLAIN_SRGB: Final = frozenset({(1, 13), (2, 2), (1, 2), (2, 13)})  # as if nothing were said


class Box(NamedTuple):
    """A box: its type, where it begins, where its content begins, and where it ends."""

    kind: bytes
    at: int
    begin: int
    end: int


@dataclass
class Meta:
    """What the meta box of a file says of its pictures.

    Attributes:
        primary: The item that is the photo.
        kinds: Items by number: their types.
        hidden: Items that are not shown by themselves.
        properties: Boxes of properties, in order.
        chosen: Items by number: their properties, as indices that begin with 1.
        links: References: type, from, to.
    """

    primary: int = 0
    kinds: dict[int, bytes] = field(default_factory=dict)
    hidden: set[int] = field(default_factory=set)
    properties: list[tuple[bytes, bytes]] = field(default_factory=list)
    chosen: dict[int, list[int]] = field(default_factory=dict)
    links: list[tuple[bytes, int, list[int]]] = field(default_factory=list)

    def of(self, item: int) -> Iterator[tuple[bytes, bytes]]:
        """The properties of an item: type and content."""
        for index in self.chosen.get(item, []):
            if 0 < index <= len(self.properties):
                yield self.properties[index - 1]


def look(stream: BinaryIO, contents: Contents) -> None:
    """Read what an AVIF or a HEIC holds."""
    end = stream.seek(0, 2)
    frames, meta = 0, Meta()
    for box in top_boxes(stream, end):
        stream.seek(box.begin)
        if box.kind == b"meta":
            meta = read_meta(stream.read(min(box.end - box.begin, _LARGEST_META)))
        elif box.kind == b"moov":
            frames = _frames(stream.read(min(box.end - box.begin, _LARGEST_META)))
        elif box.kind == b"mpvd":
            data = stream.read(box.end - box.begin)
            name = f"film of {size_in_words(len(data))}"
            contents.items.append(Item(kind="film", name=name, form="mpvd", data=data))
        elif box.kind not in _PLAIN:
            words = box.kind.decode("ascii", "replace")
            size = size_in_words(box.end - box.at)
            said = f"box '{words}' of {size}" if words.isalnum() else f"{size} behind the picture"
            contents.other(said)
    _pictures(meta, frames, contents)
    for kind, body in meta.of(meta.primary):
        if kind in {b"irot", b"imir"}:
            contents.stated_turn = True
        elif kind == b"colr" and body[:4] == b"nclx" and len(body) >= 11:
            primaries, curve, _ = struct.unpack_from(">HHH", body, 4)
            if (primaries, curve) not in _PLAIN_SRGB:
                contents.items.append(code_points(primaries, curve))
        elif kind == b"clli" and len(body) >= 4:
            light = struct.pack(">II", *(10_000 * v for v in struct.unpack_from(">HH", body)))
            contents.items.append(colour_item("cLLI", light))
        elif kind == b"mdcv" and len(body) >= 24:
            green, blue, red, rest = body[:4], body[4:8], body[8:12], body[12:24]
            contents.items.append(colour_item("mDCV", red + green + blue + rest))


def top_boxes(stream: BinaryIO, end: int) -> Iterator[Box]:
    """The boxes of a file, in order; what is no box ends them, as one of no type."""
    at = 0
    while at + 8 <= end:
        stream.seek(at)
        size, kind = struct.unpack(">I4s", stream.read(8))
        begin = at + 8
        if size == 1:
            (size,) = struct.unpack(">Q", stream.read(8))
            begin += 8
        size = size or end - at
        if size < begin - at or at + size > end:
            if at:
                yield Box(b"\0", at, at, end)
            return
        yield Box(kind, at, begin, at + size)
        at += size


def boxes(data: bytes, at: int = 0) -> Iterator[Box]:
    """The boxes in a row within others."""
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        size = size or len(data) - at
        if size < 8 or at + size > len(data):
            return
        yield Box(kind, at, at + 8, at + size)
        at += size


def read_meta(data: bytes) -> Meta:
    """Read the content of a meta box."""
    meta = Meta()
    for box in boxes(data, 4):
        body = data[box.begin : box.end]
        if box.kind == b"pitm":
            meta.primary = int.from_bytes(body[4 : 6 if body[0] == 0 else 8], "big")
        elif box.kind == b"iinf":
            for entry in boxes(body, 6 if body[0] == 0 else 8):
                _read_entry(body[entry.begin : entry.end], meta)
        elif box.kind == b"iref":
            for link in boxes(body, 4):
                _read_link(link.kind, body[link.begin : link.end], body[0], meta)
        elif box.kind == b"iprp":
            for part in boxes(body):
                inner = body[part.begin : part.end]
                if part.kind == b"ipco":
                    meta.properties = [(b.kind, inner[b.begin : b.end]) for b in boxes(inner)]
                elif part.kind == b"ipma":
                    _read_choice(inner, meta)
    return meta


def _read_entry(body: bytes, meta: Meta) -> None:
    version, flags = body[0], body[3]
    if version >= 2:
        wide = 2 if version == 2 else 4
        item = int.from_bytes(body[4 : 4 + wide], "big")
        meta.kinds[item] = body[6 + wide : 10 + wide]
        if flags & _HIDDEN:
            meta.hidden.add(item)


def _read_link(kind: bytes, body: bytes, version: int, meta: Meta) -> None:
    letter, wide = ("H", 2) if version == 0 else ("I", 4)
    item, count = struct.unpack_from(f">{letter}H", body)
    meta.links.append((kind, item, list(struct.unpack_from(f">{count}{letter}", body, wide + 2))))


def _read_choice(body: bytes, meta: Meta) -> None:
    wide = 4 if body[0] else 2
    long = body[3] & 1
    (entries,) = struct.unpack_from(">I", body, 4)
    at = 8
    for _ in range(entries):
        item, count = int.from_bytes(body[at : at + wide], "big"), body[at + wide]
        at += wide + 1
        width = 2 if long else 1
        chosen = [
            int.from_bytes(body[k : k + width], "big") for k in range(at, at + width * count, width)
        ]
        meta.chosen.setdefault(item, []).extend(k & (0x7FFF if long else 0x7F) for k in chosen)
        at += width * count


def _pictures(meta: Meta, frames: int, contents: Contents) -> None:
    """Count the pictures that are shown, and name those that belong to others."""
    parts = {item for kind, _, ends in meta.links if kind == b"dimg" for item in ends}
    helpers = {item for kind, item, _ in meta.links if kind in {b"auxl", b"thmb"}}
    shown = [
        item
        for item, kind in meta.kinds.items()
        if kind in _PICTURES and item not in parts | helpers | meta.hidden
    ]
    contents.pictures, contents.noun = len(shown), "pictures"
    if frames > 1:
        contents.pictures, contents.noun = frames, "frames"
    for kind, item, ends in meta.links:
        urn = b"".join(body[4:] for form, body in meta.of(item) if form == b"auxC")
        if kind == b"auxl" and not any(word in urn for word in _ALPHA):
            names = (name for words, name in _AUXILIARIES if any(word in urn for word in words))
            contents.other(next(names, "auxiliary picture"))
        if kind == b"dimg" and meta.kinds.get(item) == b"tmap" and meta.primary in ends:
            contents.other("gain map")


def _frames(moov: bytes) -> int:
    """Return the number of frames of a sequence: those of its longest track of pictures."""
    most = 0
    for track in boxes(moov):
        if track.kind != b"trak":
            continue
        body = moov[track.begin : track.end]
        for path in ((b"mdia", b"minf", b"stbl", b"stsz"),):
            for kind in path:
                body = next((body[b.begin : b.end] for b in boxes(body) if b.kind == kind), b"")
        if len(body) >= 12:
            most = max(most, struct.unpack_from(">I", body, 8)[0])
    return most
