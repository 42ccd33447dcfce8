# ruff: noqa: PLR2004 (numbers of the file formats)
"""What travels with the pixels of a photo: ICC profile, EXIF, XMP, IPTC, resolution."""

import struct
from dataclasses import dataclass
from io import BytesIO
from typing import Any, BinaryIO

import numpy as np

from unblur.imaging.photo.exif import read_orientation, read_tiff_tags, upright_exif
from unblur.imaging.photo.holds.colour import read_colours
from unblur.imaging.photo.holds.items import Contents, Item
from unblur.imaging.photo.holds.settle import photoshop_resource
from unblur.imaging.photo.holds.xmp import upright_xmp, xmp_orientation

_EXIF_PREFIX = b"Exif\0\0"
_PHOTOSHOP_PREFIX = b"Photoshop 3.0\0"
_IPTC_RESOURCE = 0x0404
_MM_PER_INCH = 25.4
_HIGHEST_DPI = 1e6
_TURNED_BY_BOXES = frozenset({"avif", "heic"})
_DEFAULT_DPI = 72.0  # what libvips and most viewers assume where a file says nothing


# ITU-T T.81 (JPEG), table K.1, row by row: luminance at quality 50
_LUMINANCE = np.array(
    [
        *(16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55),
        *(14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62),
        *(18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92),
        *(49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99),
    ]
)


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """Blocks stored in a photo file beside its pixels; None where the file has none.

    Attributes:
        icc: ICC profile of the pixels.
        exif: EXIF as a TIFF structure, without a leading ``Exif``; orientation 1, no thumbnail.
        xmp: XMP packet; orientation 1.
        iptc: IPTC-IIM records, without a Photoshop wrapper. JPEG, PNG and TIFF hold them.
        dpi: Resolution along x and y, in pixels per inch.
        items: All else that was in the file: text, colours by number, gain map, film, and the
            names of what no file that is written can hold.
    """

    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    dpi: tuple[float, float] | None = None
    items: tuple[Item, ...] = ()


def turn_upright(
    image: Any, stream: BinaryIO, file_format: str, contents: Contents
) -> tuple[Any, int, list[str]]:
    """Turn a picture as its EXIF says or, where that says nothing, as its XMP does.

    Args:
        image: A `pyvips.Image`, as its decoder left it.
        stream: The file it comes from; moved.
        file_format: As :func:`unblur.imaging.photo.sniff.sniff` names it.
        contents: What else was found in the file.

    Returns:
        The picture, the orientation it had, 1 for upright, and what the user should be told.
    """
    stated = 1 if contents.stated_turn else None
    if stated is None and image.get_typeof("orientation") and image.get("orientation") > 1:
        stated = int(image.get("orientation"))
    if stated is None:
        exif = _field(image, "exif-data") or contents.exif or b""
        inside = BytesIO(exif.removeprefix(_EXIF_PREFIX))
        stated = read_orientation(stream if file_format == "tiff" else inside)
        if file_format in _TURNED_BY_BOXES and stated is not None:
            stated = 1  # such a file is shown as it is, whatever its EXIF says
    wanted = xmp_orientation(contents.xmp or _field(image, "xmp-data") or b"")
    notes = []
    if stated is not None and wanted not in {None, stated} and not contents.stated_turn:
        notes.append(f"turned as EXIF says ({stated}), not as XMP does ({wanted})")
    turn = stated or wanted or 1
    if turn > 1:
        import pyvips

        image = image.copy()
        image.set_type(pyvips.GValue.gint_type, "orientation", turn)
        image = image.autorot()
    return image, turn, notes


def read_metadata(
    image: Any, stream: BinaryIO, file_format: str, contents: Contents
) -> tuple[Metadata, list[str]]:
    """Take the metadata of a photo that has been turned upright, and make it agree with that.

    Args:
        image: A `pyvips.Image`, upright.
        stream: The file it comes from; moved.
        file_format: "tiff", where EXIF is read from the file itself, or another.
        contents: What else was found in the file.

    Returns:
        The metadata, and what the user should be told about it.
    """
    if file_format == "tiff":  # libvips reads no EXIF there, and cuts IPTC short
        exif, iptc = read_tiff_tags(stream)
    else:
        exif, iptc = _field(image, "exif-data"), _field(image, "iptc-data")
    exif, iptc = exif or contents.exif, iptc or contents.iptc
    icc = _field(image, "icc-profile-data")
    icc = icc or contents.icc
    read_colours(contents, grey=image.bands <= 2, has_icc=icc is not None)
    notes = list(contents.notes)
    dpi = None if image.xres == 1.0 else (image.xres * _MM_PER_INCH, image.yres * _MM_PER_INCH)
    if exif is not None:
        try:
            exif, exif_dpi = upright_exif(exif)
            dpi = dpi or exif_dpi
        except (struct.error, KeyError):
            exif = None
            notes.append("EXIF is damaged and was dropped")
    if dpi is not None:
        dpi = (round(dpi[0], 2), round(dpi[1], 2)) if max(dpi) < _HIGHEST_DPI else None
    if dpi is not None and exif is None and np.allclose(dpi, _DEFAULT_DPI, atol=0.1):
        dpi = None
    xmp = contents.xmp or _field(image, "xmp-data")
    metadata = Metadata(
        icc=icc or contents.icc,
        exif=exif,
        xmp=upright_xmp(xmp) if xmp else None,
        iptc=_iptc_records(iptc) if iptc else None,
        dpi=dpi,
        items=tuple(contents.items),
    )
    if others := [item.name for item in contents.items if item.kind == "other"]:
        notes.append(f"left out: {', '.join(others)}")
    return metadata, notes


def _field(image: Any, name: str) -> bytes | None:
    return bytes(image.get(name)) if image.get_typeof(name) else None


def attach_metadata(image: Any, blob_type: int, metadata: Metadata, file_format: str) -> Any:
    """Return a copy of a `pyvips.Image` that libvips saves with as much as it can."""
    dpi = metadata.dpi or (_DEFAULT_DPI, _DEFAULT_DPI)
    image = image.copy(xres=dpi[0] / _MM_PER_INCH, yres=dpi[1] / _MM_PER_INCH)
    iptc = None
    if metadata.iptc and file_format == "jpeg":
        iptc = _PHOTOSHOP_PREFIX + photoshop_resource(metadata.iptc)
    blobs = {
        "icc-profile-data": metadata.icc,
        "exif-data": _EXIF_PREFIX + metadata.exif if metadata.exif else None,
        "xmp-data": metadata.xmp,
        "iptc-data": iptc,
    }
    for name, blob in blobs.items():
        if blob:
            image.set_type(blob_type, name, blob)
    return image


def jpeg_quality(stream: BinaryIO) -> int | None:
    """Estimate the quality (1 to 100) a JPEG was saved at from its luminance table.

    Returns:
        The quality whose scaled table K.1 is nearest, the higher one of two equally near; None
        if the file has no table.
    """
    stream.seek(2)
    while len(marker := stream.read(4)) == 4 and marker[0] == 0xFF:
        (length,) = struct.unpack(">H", marker[2:])
        body = stream.read(length - 2) if length > 2 else b""
        if marker[1] == 0xDA:  # start of scan
            break
        while marker[1] == 0xDB and body:  # quantisation tables
            wide, index = body[0] >> 4, body[0] & 15
            size = 128 if wide else 64
            table = np.frombuffer(body[1 : 1 + size], ">u2" if wide else "u1")
            if index == 0 and table.size == 64:
                return _nearest_quality(table.astype(np.int64))
            body = body[1 + size :]
    return None


def _nearest_quality(table: np.ndarray[Any, np.dtype[np.int64]]) -> int:
    quality = np.arange(100, 0, -1)
    percent = np.where(quality < 50, 5000 // quality, 200 - 2 * quality)
    tables = np.clip((np.sort(_LUMINANCE) * percent[:, None] + 50) // 100, 1, 255)
    # sorted, since a file holds its table in zigzag order
    return int(quality[np.argmin(np.abs(tables - np.sort(table)).sum(axis=1))])


def _iptc_records(blob: bytes) -> bytes | None:
    """Take the records out of Photoshop's resources, which also hold a stale thumbnail."""
    if not blob.startswith(_PHOTOSHOP_PREFIX):
        return blob
    at = len(_PHOTOSHOP_PREFIX)
    while blob[at : at + 4] == b"8BIM" and len(blob) >= at + 12:
        (resource,) = struct.unpack_from(">H", blob, at + 4)
        name = blob[at + 6] + 1  # a name with its length, padded to even
        at += 6 + name + name % 2
        if len(blob) < at + 4:
            break
        (length,) = struct.unpack_from(">I", blob, at)
        if resource == _IPTC_RESOURCE:
            return blob[at + 4 : at + 4 + length]
        at += 4 + length + length % 2
    return None
