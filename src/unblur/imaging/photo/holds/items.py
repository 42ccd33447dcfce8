"""One list of what a photo file holds, whatever its format."""

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import BinaryIO, Literal, TypeAlias

Kind: TypeAlias = Literal["text", "colour", "gain map", "film", "extended XMP", "chunk", "other"]

MISREAD = (struct.error, KeyError, IndexError, ValueError, RecursionError)
"""What reading a file that is not as its format says raises; damage is found by the decoder."""

_BLOCK = 1 << 20  # bytes


@dataclass(frozen=True, kw_only=True)
class Item:
    """One thing that a file holds beside its pixels, ICC profile, EXIF, XMP and IPTC.

    Attributes:
        kind: "text"; "colour": numbers that say what the pixels mean; "gain map": a picture that
            makes an HDR one of the photo; "film": of a motion photo; "extended XMP": what did not
            fit into one block of a JPEG; "chunk": of a PNG, that may be copied to another
            picture; "other": what no file that is written can hold.
        name: What it is called in a note.
        form: How ``data`` is laid out: the type of a PNG's chunk, whatever format it comes from
            ("tEXt", "zTXt", "iTXt", "cICP", "gAMA", ...), or "COM" (a comment), "mpvd" (a film
            as it is), "trailer" (a film and what stands beside it), "jpeg", "GUID".
        data: Its content, empty for what cannot be written.
        sides: Height and width of the photo that a gain map belongs to; it fits no other.
        extra: Of a gain map, the block in the photo's JPEG that announces it.
    """

    kind: Kind
    name: str
    form: str = ""
    data: bytes = b""
    sides: tuple[int, int] | None = None
    extra: bytes = b""


@dataclass
class Contents:
    """What is found in a file where libvips does not look.

    Attributes:
        items: What it holds.
        exif, xmp, iptc, icc: Blocks in places of old, None where there are none.
        stated_turn: The file says itself, outside its EXIF, how its pixels are turned.
        pictures: How many there are, or frames or pages; None to ask libvips.
        noun: What they are called.
        notes: What the user should be told.
    """

    items: list[Item] = field(default_factory=list)
    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    icc: bytes | None = None
    stated_turn: bool = False
    pictures: int | None = None
    noun: str = "frames"
    notes: list[str] = field(default_factory=list)

    def other(self, name: str) -> None:
        """Add what cannot be written, once."""
        item = Item(kind="other", name=name)
        if item not in self.items:
            self.items.append(item)


Looker: TypeAlias = Callable[[BinaryIO, Contents], None]


_COLOURS: dict[str, str] = {
    "cICP": "colours by number (cICP)",
    "gAMA": "gamma",
    "cHRM": "chromaticities",
    "sRGB": "rendering intent",
    "cLLI": "light levels (cLLI)",
    "mDCV": "mastering display (mDCV)",
}


def colour_item(form: str, data: bytes) -> Item:
    """Return numbers that say what the pixels mean, laid out as in a chunk of PNG."""
    return Item(kind="colour", name=_COLOURS[form], form=form, data=data)


def insert(stream: BinaryIO, at: int, data: bytes) -> None:
    """Put bytes into a file, moving what follows; a block of it is in memory at a time."""
    end = stream.seek(0, 2)
    while end > at:
        begin = max(at, end - _BLOCK)
        stream.seek(begin)
        block = stream.read(end - begin)
        stream.seek(begin + len(data))
        stream.write(block)
        end = begin
    stream.seek(at)
    stream.write(data)


def size_in_words(count: int) -> str:
    """Return a number of bytes as it is said: 12 bytes, 34 kB, 5.6 MB."""
    if count < 1000:  # noqa: PLR2004
        return f"{count} bytes"
    return f"{count / 1000:.0f} kB" if count < 1_000_000 else f"{count / 1e6:.1f} MB"  # noqa: PLR2004
