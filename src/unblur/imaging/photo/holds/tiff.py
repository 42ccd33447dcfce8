# ruff: noqa: PLR2004 (numbers of the file format)
"""What TIFF files hold: pages, colours by number, tags that are not kept."""

import struct
from io import BytesIO
from typing import BinaryIO, Final

import numpy as np

from unblur.imaging.photo.exif import Ifd, byte_order, first_ifd, is_kept, numbers, unpack_ifd
from unblur.imaging.photo.holds.colour import profile_of_chromaticities
from unblur.imaging.photo.holds.items import Contents

_SUBFILE_TYPE, _BITS, _PHOTOMETRIC, _CHILDREN, _ICC = 254, 258, 262, 330, 34675
_CURVE, _WHITE, _CORNERS = 301, 318, 319
_REDUCED: Final = 1
_MOST: Final = 4096  # pages
_D65: Final = (0.3127, 0.3290)
_SRGB: Final = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
_GREY: Final = frozenset({0, 1})
_OF_THE_PIXELS: Final = frozenset(  # how they are stored, which is decided anew
    {
        *range(254, 267),
        *(273, 274, *range(277, 285), *range(288, 294), 296, 297),
        *(_CURVE, 317, _WHITE, _CORNERS, *range(320, 328), _CHILDREN, *range(332, 344)),
        *(346, 347, *range(512, 533), 559, 32996, 32997, 32998, _ICC, 37724, 34377, 40965, 59932),
    }
)
_NAMES: Final = {34377: "Photoshop's settings", 37724: "Photoshop's layers"}
_GEO: Final = frozenset({33550, 33922, 34264, 34735, 34736, 34737})


def not_kept(exif: bytes) -> list[str]:
    """Name the tags of EXIF that a TIFF, into which it is merged, is not given."""
    tags = sorted(first_ifd(BytesIO(exif)))
    return [f"EXIF's tag {tag}" for tag in tags if tag not in _OF_THE_PIXELS and not is_kept(tag)]


def look(stream: BinaryIO, contents: Contents) -> None:
    """Read what a TIFF holds."""
    pages = _pages(stream)
    if not pages:
        return
    first = pages[0]
    reduced = sum(_number(page, _SUBFILE_TYPE) & _REDUCED for page in pages[1:])
    contents.pictures, contents.noun = len(pages) - reduced, "pages"
    if _CHILDREN in first:
        contents.other("pictures within the first")
    for tag in sorted(first):
        if tag in _NAMES:
            contents.other(_NAMES[tag])
        elif tag in _GEO:
            contents.other("place on the map (GeoTIFF)")
        elif tag not in _OF_THE_PIXELS and not is_kept(tag):
            contents.other(f"TIFF's tag {tag}")
    if _ICC not in first:
        contents.icc = _profile(first)


def _pages(stream: BinaryIO) -> list[Ifd]:
    """Read the first directories of a TIFF, one for each page; none of a BigTIFF.

    Returns:
        Of the first: tag -> type, count, value as little-endian bytes; of others the kind of
        page alone.
    """
    stream.seek(0)
    head = stream.read(8)
    found: list[Ifd] = []
    seen = {0}
    try:
        order = byte_order(head)
        version, start = struct.unpack(order + "HI", head[2:])
        while version == 42 and start not in seen and len(found) < _MOST:
            seen.add(start)
            ifd = unpack_ifd(stream, order, start, {})
            found.append({_SUBFILE_TYPE: ifd.get(_SUBFILE_TYPE, (4, 0, b""))} if found else ifd)
            stream.seek(start)
            (count,) = struct.unpack(order + "H", stream.read(2))
            stream.seek(start + 2 + 12 * count)
            (start,) = struct.unpack(order + "I", stream.read(4))
    except (struct.error, KeyError):
        pass
    return found


def _rationals(ifd: Ifd, tag: int) -> list[float]:
    """Return the fractions of a tag, none if it is absent or of another type."""
    kind, count, value = ifd.get(tag, (0, 0, b""))
    if kind != 5 or not isinstance(value, bytes):
        return []
    parts = struct.unpack(f"<{2 * count}I", value)
    return [top / max(bottom, 1) for top, bottom in zip(parts[::2], parts[1::2], strict=True)]


def _number(ifd: Ifd, tag: int) -> int:
    return next(iter(numbers(ifd, tag)), 0)


def _profile(ifd: Ifd) -> bytes | None:
    """Make an ICC profile of the numbers that say what the colours are, if there are any."""
    if not {_CURVE, _WHITE, _CORNERS} & set(ifd) or _number(ifd, _PHOTOMETRIC) > 2:
        return None
    corners = _rationals(ifd, _CORNERS)
    white = _rationals(ifd, _WHITE)
    corners = [
        *(corners if len(corners) == 6 else _SRGB),
        *(white if len(white) == 2 else _D65),
    ]
    grey = _number(ifd, _PHOTOMETRIC) in _GREY
    codes = 1 << min(_number(ifd, _BITS), 16)
    values = np.array(numbers(ifd, _CURVE), np.uint16)
    if len(values) not in {codes, 3 * codes} or codes < 256:
        curves = []
    else:  # at most 4096 values of each, which are as many as anyone needs
        curves = [table[:: max(1, codes >> 12)] for table in values.reshape(-1, codes)]
        if not all((np.diff(table.astype(int)) >= 0).all() for table in curves):
            curves = []
    return profile_of_chromaticities(corners, curves, grey=grey)
