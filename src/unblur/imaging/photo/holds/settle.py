"""What of a photo's list a format holds, what is converted for it, and what is lost."""

import struct
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, BinaryIO, Final

from unblur.imaging.photo.exif import write_tiff_tags
from unblur.imaging.photo.holds import jpeg, png
from unblur.imaging.photo.holds.colour import HDR_CURVES
from unblur.imaging.photo.holds.items import Item
from unblur.imaging.photo.holds.xmp import FILM, GAIN_MAP, mend_xmp

if TYPE_CHECKING:
    from unblur.imaging.photo.metadata import Metadata

_IPTC_RESOURCE: Final = 0x0404
_LONGEST_EXIF: Final = 65_500  # bytes in a JPEG, where libvips leaves out longer ones
_LONGEST_COMMENT: Final = 65_000
_COMMENT: Final = "Comment"
_NAMES: Final = {"jpeg": "JPEG", "png": "PNG", "tiff": "TIFF", "webp": "WebP", "avif": "AVIF"}
_SAID_BY_PROFILE: Final = frozenset({"gAMA", "cHRM", "sRGB"})
_UNHELD: Final = {"png": frozenset[str](), "avif": _SAID_BY_PROFILE}  # of colours, by format
_BOX_HEAD: Final = 8


@dataclass(frozen=True, kw_only=True)
class Settled:
    """What is written into a file of some format.

    Attributes:
        file_format: The format.
        metadata: The blocks for it, XMP mended; without items.
        items: What is added to the file that libvips writes.
        lost: The names of what the format cannot hold.
        pale: The HDR curve that the format cannot name, None if there is none.
    """

    file_format: str
    metadata: "Metadata"
    items: list[Item]
    lost: list[str]
    pale: str | None

    def notes(self) -> tuple[str, ...]:
        """What is lost, in words."""
        name = _NAMES.get(self.file_format, self.file_format)
        notes = []
        if self.lost:
            them = "them" if len(self.lost) > 1 else "it"
            notes.append(f"left out: {', '.join(self.lost)}: {name} has no place for {them}")
        if self.pale:
            notes.append(f"looks pale: {name} cannot say that its colours are HDR ({self.pale})")
        return tuple(notes)


def settle(metadata: "Metadata", file_format: str, sides: tuple[int, int]) -> Settled:
    """Decide what becomes of all that a photo has beside its pixels.

    Args:
        metadata: All that it has.
        file_format: "jpeg", "png", "tiff", "webp" or "avif".
        sides: Height and width that are written.
    """
    items: list[Item] = []
    lost: list[str] = []
    pale = None
    for item in metadata.items:
        if item.kind == "other":
            continue  # named when the file was read
        fitting = _fit(item, file_format, sides)
        if fitting is not None:
            items.append(fitting)
        elif item.form == "cICP":
            pale = HDR_CURVES.get(item.data[1])
        elif item.form not in _SAID_BY_PROFILE:
            whole = item.kind == "gain map" and file_format == "jpeg"
            lost.append(f"{item.name} of the whole photo" if whole else item.name)
    xmp, extended = metadata.xmp, [item for item in items if item.kind == "extended XMP"]
    if extended and xmp and not jpeg.fits_in_one_block(xmp):
        lost += [item.name for item in extended]
        items = [item for item in items if item.kind != "extended XMP"]
    if xmp:
        xmp = _mended(xmp, items, file_format)
    exif, iptc = metadata.exif, metadata.iptc
    if exif and file_format == "jpeg" and len(exif) > _LONGEST_EXIF:
        exif = None
        lost.append("EXIF of more than 64 kB")
    if exif and file_format == "tiff":
        from unblur.imaging.photo.holds.tiff import not_kept

        lost += not_kept(exif)
    if iptc and file_format == "png":
        items.append(png.pack_profile("iptc", photoshop_resource(iptc)))
    elif iptc and file_format not in {"jpeg", "tiff"}:
        iptc = None
        lost.append("IPTC")
    return Settled(
        file_format=file_format,
        metadata=replace(metadata, exif=exif, xmp=xmp, iptc=iptc, items=()),
        items=items,
        lost=lost,
        pale=pale,
    )


def losses(
    file_format: str, bits: int, *, has_alpha: bool, opacity: bool = True
) -> tuple[str, ...]:
    """What a format cannot hold of a photo."""
    lost = []
    if has_alpha and not opacity and file_format != "tiff":
        lost.append("extra channel left out: only TIFF holds one that may not be alpha")
    elif has_alpha and file_format == "jpeg":
        lost.append("alpha left out: JPEG has none")
    if bits > 8 and file_format in {"jpeg", "webp"}:  # noqa: PLR2004
        lost.append(f"{bits} bits became 8: {file_format} has no more")
    return tuple(lost)


def dress(stream: BinaryIO, settled: Settled) -> None:
    """Add to a file what libvips does not write."""
    metadata = settled.metadata
    if metadata.exif and settled.file_format != "tiff":
        from unblur.imaging.photo.holds.whole_exif import complete_exif

        complete_exif(stream, metadata.exif, settled.file_format)
    if settled.file_format == "jpeg":
        jpeg.dress(stream, settled.items, metadata.xmp)
    elif settled.file_format == "png":
        png.dress(stream, settled.items)
    elif settled.file_format == "avif":
        from unblur.imaging.photo.holds import avif

        avif.dress(stream, settled.items)
    elif settled.file_format == "tiff":
        write_tiff_tags(stream, metadata.exif, metadata.iptc)


def needs_dress(settled: Settled) -> bool:
    """Tell whether there is anything to add."""
    metadata = settled.metadata
    if metadata.exif or (settled.file_format == "tiff" and metadata.iptc):
        return True
    return bool(settled.items) or (
        settled.file_format == "jpeg" and not jpeg.fits_in_one_block(metadata.xmp or b"")
    )


def photoshop_resource(iptc: bytes) -> bytes:
    """Wrap IPTC records as one of Photoshop's resources."""
    header = struct.pack(">4sHHI", b"8BIM", _IPTC_RESOURCE, 0, len(iptc))
    return header + iptc + bytes(len(iptc) % 2)


def _fit(item: Item, file_format: str, sides: tuple[int, int]) -> Item | None:
    """Return an item as a format holds it, None if it does not."""
    if item.kind == "film":
        return _film(item, file_format)
    if item.kind == "colour":
        return item if item.form not in _UNHELD.get(file_format, {item.form}) else None
    if item.kind != "text":
        held = file_format == ("png" if item.kind == "chunk" else "jpeg")
        return item if held and item.sides in {None, sides} else None
    if file_format == "jpeg":
        return _as_comment(item)
    if file_format == "png" and item.form == "COM":
        return png.write_text(_COMMENT, _words(item.data))
    return item if file_format == "png" else None


def _film(item: Item, file_format: str) -> Item | None:
    """Return a film as a format holds it: behind a JPEG, or in a box of an AVIF."""
    if file_format == "jpeg":
        return item
    alone = item.form == "mpvd" or item.data[4:8] == b"ftyp"
    return replace(item, form="mpvd") if file_format == "avif" and alone else None


def _as_comment(item: Item) -> Item | None:
    if item.form == "COM":
        return item
    keyword, text = png.read_text(item.form, item.data)
    if text is None:
        return None
    data = (text if keyword == _COMMENT else f"{keyword}: {text}").encode()
    return replace(item, form="COM", data=data) if len(data) <= _LONGEST_COMMENT else None


def _words(data: bytes) -> str:
    try:
        return data.rstrip(b"\0").decode()
    except UnicodeDecodeError:
        return data.rstrip(b"\0").decode("latin-1")


def _mended(xmp: bytes, items: list[Item], file_format: str) -> bytes:
    kept: dict[str, int | None] = {}
    padding = None
    for item in items:
        if item.kind == "gain map":
            kept[GAIN_MAP], padding = len(item.data), 0
        elif item.kind == "film" and file_format == "avif":
            kept[FILM], padding = len(item.data), _BOX_HEAD
        elif item.kind == "film":
            kept[FILM] = None if item.form == "trailer" else len(item.data)
            padding = padding if item.form == "trailer" else 0
    extended = any(item.kind == "extended XMP" for item in items)
    return mend_xmp(xmp, kept, extended=extended, primary=f"image/{file_format}", padding=padding)
