"""Photo files to integer bands and back, through libvips."""

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from unblur.errors import PhotoError, TargetError
from unblur.imaging.photo_exif import is_camera_raw, tiff_sides, write_tiff_tags
from unblur.imaging.photo_metadata import (
    Metadata,
    attach_metadata,
    jpeg_quality,
    read_metadata,
)

SIXTEEN_BIT = frozenset({"png", "tiff", "avif"})  # written with more than 8 bits per channel

_BIGTIFF_FROM_BYTES = 3_900_000_000
_MOST_BANDS = 4
_LONGEST_SIDE = 10_000_000  # of libvips, which GLib reports on stderr
_MAGIC = {
    b"\xff\xd8\xff": "jpeg",
    b"\x89PNG\r\n\x1a\n": "png",
    b"GIF8": "gif",
    **dict.fromkeys((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), "tiff"),
}
_BRANDS = {b"avif": "avif", b"avis": "avif", b"mif1": "heic", b"msf1": "heic"}
_BRANDS |= dict.fromkeys((b"heic", b"heix", b"hevc", b"heim", b"heis", b"hevx"), "heic")
_KNOWN = "JPEG, PNG, TIFF, WebP, AVIF or GIF"


@dataclass(frozen=True, kw_only=True)
class Decoded:
    """What is in a photo file.

    Attributes:
        bands: Shape ``(H, W, bands)``, uint8 or uint16, upright: grey or RGB, and perhaps alpha.
        white: The value of white in ``bands``.
        format: "jpeg", "png", "tiff", "webp", "avif" or "gif".
        quality: Estimated quality of a JPEG, None for another format.
        metadata: What was stored beside the pixels.
        notes: What the user should be told.
    """

    bands: NDArray[np.unsignedinteger[Any]]
    white: int
    format: str
    quality: int | None
    metadata: Metadata
    notes: tuple[str, ...]


def decode(stream: BinaryIO, name: str, source: bytes | Path, max_megapixels: float) -> Decoded:
    """Decode a photo file, its header before its pixels.

    Args:
        stream: The open file.
        name: What to call it in errors.
        source: Its content or its path.
        max_megapixels: The largest picture to decode, in millions of pixels.

    Returns:
        The pixels, upright, and what belongs to them.

    Raises:
        PhotoError: If it is no photo in a known format, damaged, cut short or too large.
    """
    import pyvips

    file_format = _sniff(stream, name)
    try:
        image = _open(pyvips, source, file_format, "error")
        megapixels = image.width * image.height / 1e6
        if megapixels > max_megapixels:
            raise PhotoError(
                f"{name}: {image.width} x {image.height} px are {megapixels:.4g} megapixels, the "
                f"limit is {max_megapixels:g}; raise it with --max-megapixels (max_megapixels=)"
            )
        depth = image.get("bits-per-sample") if file_format == "avif" else 0
        notes = _page_notes(image, file_format)
        image = _load(pyvips, source, file_format).autorot()
        metadata, more = read_metadata(image, stream, file_format)
        image, converted = _to_rgb(image)
        if image.format not in {"uchar", "ushort"} or image.bands > _MOST_BANDS:
            raise PhotoError(
                f"{name}: {image.bands} channels of type {image.format}; grey or RGB, with or "
                "without alpha, of 8 or 16-bit integers can be read"
            )
        bands = image.numpy()
    except (pyvips.Error, UnicodeDecodeError) as error:
        pyvips.vips_lib.vips_error_clear()  # pyvips keeps a complaint that is not UTF-8
        raise PhotoError(
            f"{name}: this {file_format.upper()} is damaged, cut short or of an unusual kind "
            f"({_reason(error)}); fetch it again or save it anew as PNG"
        ) from error
    if converted:
        icc = image.get("icc-profile-data") if image.get_typeof("icc-profile-data") else None
        metadata = replace(metadata, icc=bytes(icc) if icc else None)
        notes.append(converted)
    # AVIF of 10 or 12 bits arrives in the upper bits of 16
    white = (2**depth - 1) << (16 - depth) if depth > 8 else np.iinfo(bands.dtype).max  # noqa: PLR2004
    return Decoded(
        bands=bands.reshape(image.height, image.width, image.bands),
        white=int(white),
        format=file_format,
        quality=jpeg_quality(stream) if file_format == "jpeg" else None,
        metadata=metadata,
        notes=(*notes, *more),
    )


def encode(
    bands: NDArray[np.unsignedinteger[Any]],
    file_format: str,
    metadata: Metadata,
    quality: int | None,
) -> bytes:
    """Encode a photo file.

    Args:
        bands: Shape ``(H, W, bands)``, uint8, or uint16 for a format of `SIXTEEN_BIT`.
        file_format: "jpeg", "png", "tiff", "webp" or "avif".
        metadata: What to store beside the pixels.
        quality: 1 to 100 for the lossy formats; None for a high one.

    Returns:
        The bytes of the file.

    Raises:
        TargetError: If the format cannot hold the photo.
    """
    import pyvips

    deep = bands.dtype.itemsize > 1
    grey = bands.shape[2] <= 2  # noqa: PLR2004
    choices: dict[str, dict[str, Any]] = {
        "jpeg": {"Q": quality or 90, "subsample_mode": "off"},
        "png": {},
        "tiff": {"compression": "deflate", "predictor": "horizontal"},
        "webp": {"Q": quality or 95, "smart_subsample": True, "exact": True},
        "avif": {"Q": quality or 90, "subsample_mode": "off", "compression": "av1", "effort": 2},
    }
    options = choices[file_format]
    if file_format == "tiff":
        options["bigtiff"] = bands.nbytes > _BIGTIFF_FROM_BYTES
    if file_format == "avif":
        options["bitdepth"] = 12 if deep else 8
    if metadata.exif is None and metadata.dpi is None:
        options["keep"] = "icc:xmp:iptc"  # or libvips makes up an EXIF block
    kind = ("grey16" if deep else "b-w") if grey else ("rgb16" if deep else "srgb")
    saver = "heifsave" if file_format == "avif" else f"{file_format}save"
    try:
        image = pyvips.Image.new_from_array(np.ascontiguousarray(bands), interpretation=kind)
        image = attach_metadata(image, pyvips.GValue.blob_type, metadata, file_format)
        if grey and file_format in {"webp", "avif"} and (metadata.icc or b"")[16:20] == b"GRAY":
            image = image.icc_transform("srgb", embedded=True, depth=16 if deep else 8)
        data: bytes = getattr(image, f"{saver}_buffer")(**options)
    except pyvips.Error as error:
        height, width, count = bands.shape
        raise TargetError(
            f"{width} x {height} px with {count} channels cannot be encoded as {file_format} "
            f"({_reason(error)}); .png or .tiff would work"
        ) from error
    return write_tiff_tags(data, metadata.exif, metadata.iptc) if file_format == "tiff" else data


def _sniff(stream: BinaryIO, name: str) -> str:
    """Name the format of a file from its first bytes."""
    head = stream.read(64)
    if not head:
        raise PhotoError(f"{name}: is empty; a {_KNOWN} file is needed")
    found = next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), None)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        found = "webp"
    if head[4:8] == b"ftyp":
        found = "avif" if b"avif" in head[16:] else _BRANDS.get(head[8:12])
    if found == "heic":
        raise PhotoError(f"{name}: is HEIC, which is not read; export it as JPEG or AVIF")
    if found is None:
        raise PhotoError(f"{name}: is not a photo in a known format; {_KNOWN} would work")
    if found == "tiff" and max(tiff_sides(stream)) > _LONGEST_SIDE:
        raise PhotoError(
            f"{name}: this TIFF is damaged, cut short or of an unusual kind (its size)"
        )
    if found == "tiff" and is_camera_raw(stream):
        raise PhotoError(f"{name}: is a camera raw file; develop it into TIFF or JPEG first")
    return found


def _open(pyvips: Any, source: bytes | Path, file_format: str, fail_on: str) -> Any:
    """Read the header of a photo file."""
    loader = "heifload_source" if file_format == "avif" else f"{file_format}load_source"
    if isinstance(source, bytes):
        origin = pyvips.Source.new_from_memory(source)
    else:
        origin = pyvips.Source.new_from_file(os.fsencode(source))
    return getattr(pyvips.Image, loader)(origin, access="sequential", fail_on=fail_on)


def _load(pyvips: Any, source: bytes | Path, file_format: str) -> Any:
    """Decode the pixels of a photo file; damage is an error."""
    if file_format != "jpeg":
        return _open(pyvips, source, file_format, "error").copy_memory()
    try:  # libjpeg merely warns where pixels are lost
        return _open(pyvips, source, file_format, "warning").copy_memory()
    except pyvips.Error as error:
        warnings = re.findall("Corrupt JPEG data: (.*)", str(error))
        if not warnings or not all("extraneous bytes" in warning for warning in warnings):
            raise
    return _open(pyvips, source, file_format, "error").copy_memory()  # harmless, and common


def _page_notes(image: Any, file_format: str) -> list[str]:
    pages = image.get("n-pages") if image.get_typeof("n-pages") else 1
    what = "pages" if file_format == "tiff" else "frames"
    return [f"first of {pages} {what}"] if pages > 1 else []


def _to_rgb(image: Any) -> tuple[Any, str | None]:
    """Convert CMYK and Lab to sRGB; the note is None for what is grey or RGB already."""
    if image.interpretation == "cmyk":
        depth = 16 if image.format == "ushort" else 8
        image = image.icc_transform("srgb", embedded=True, input_profile="cmyk", depth=depth)
        return image, "CMYK converted to sRGB"
    if image.interpretation in {"lab", "labs", "labq"}:
        image = image.colourspace("rgb16").copy()
        image.remove("icc-profile-data")
        return image, "Lab converted to sRGB"
    return image, None


def _reason(error: Exception) -> str:
    """Return the last line of libvips' complaint."""
    text = "" if isinstance(error, UnicodeDecodeError) else str(error)
    lines = [line.strip() for line in text.splitlines()[1:] if line.strip()]
    return lines[-1] if lines else "no details are known"
