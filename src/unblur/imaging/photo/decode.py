"""Photo files to integer bands, through libvips."""

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from unblur.errors import PhotoError
from unblur.imaging.photo.holds import look_into
from unblur.imaging.photo.holds.items import Contents
from unblur.imaging.photo.holds.jpeg import turn_gain_maps
from unblur.imaging.photo.jpeg import load_jpeg
from unblur.imaging.photo.metadata import Metadata, jpeg_quality, read_metadata, turn_upright
from unblur.imaging.photo.sniff import check_size, is_lossless, sniff
from unblur.imaging.photo.tiff_kinds import TiffKind, tiff_kind

_MOST_BANDS = 4
_FOREIGN = {"heic", "raw"}  # not decoded by libvips
_FOREIGN_QUALITY = 95
_LEAST_BYTES = 20_000  # of metadata, of which a file may have much
_BYTES_OF_NOTHING = 0.05  # for each pixel: several times what a JPEG of one colour takes
_RGB_OR_GREY = {"b-w", "grey16", "srgb", "rgb16", "rgb", "scrgb", "cmyk"}


@dataclass(frozen=True, kw_only=True)
class Opened:
    """What is in a photo file; the pixels where libvips keeps them.

    Attributes:
        image: A `pyvips.Image`, upright: grey or RGB, perhaps with alpha as the last band, of
            type uchar or ushort. All of it has been decoded without an error.
        white: The value of white in ``image``.
        format: "jpeg", "png", "tiff", "webp", "avif", "gif", "heic" or "raw".
        quality: The least quality of a JPEG made of it, 1 to 100: the one estimated for a
            JPEG, 95 for HEIC and camera raw, None for another format.
        metadata: What was stored beside the pixels.
        notes: What the user should be told.
        opacity: The last band, if it is none of colour, says how opaque a pixel is. False for
            an extra channel of which a TIFF does not say what it means.
        lossless: A WebP or an AVIF that has lost nothing.
    """

    image: Any
    white: int
    format: str
    quality: int | None
    metadata: Metadata
    notes: tuple[str, ...]
    opacity: bool = True
    lossless: bool = False


def open_file(path: Path) -> BinaryIO:
    """Open a photo file to read it.

    Raises:
        PhotoError: If that is not possible.
    """
    if path.is_dir():
        raise PhotoError(f"{path}: is a folder; name a photo in it")
    try:
        return path.open("rb")
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise PhotoError(f"{path}: cannot be opened ({why.lower()})") from error


def megapixels(source: Path) -> float:
    """Millions of pixels of a photo, from its header; infinite where only decoding would tell.

    Raises:
        PhotoError: If it is no photo.
    """
    import pyvips

    try:
        with source.open("rb") as stream:
            if sniff(stream, str(source)) in _FOREIGN:
                return float("inf")
        # By a descriptor: libvips takes a name's end in brackets for options.
        origin = pyvips.Source.new_from_file(os.fsencode(source))
        image = pyvips.Image.new_from_source(origin, "", access="sequential")
    except (OSError, ValueError, pyvips.Error) as error:  # a complaint not in UTF-8, too
        raise PhotoError(f"{source}: is not a photo that can be read") from error
    return float(image.width * image.height / 1e6)


def open_upright(
    stream: BinaryIO,
    name: str,
    source: bytes | Path,
    max_megapixels: float,
    *,
    on_disk: bool = False,
) -> Opened:
    """Decode a photo file, its header before its pixels.

    Args:
        stream: The open file.
        name: What to call it in errors.
        source: Its content or its path.
        max_megapixels: The largest picture to decode, in millions of pixels.
        on_disk: Keep the pixels in a temporary file, in the folder that TMPDIR names, as long
            as the image lives, instead of in memory.

    Returns:
        The picture, upright, and what belongs to it.

    Raises:
        PhotoError: If it is no photo in a known format, damaged, cut short or too large.
    """
    import pyvips

    file_format = sniff(stream, name)
    kind = TiffKind(source=source)
    keep = _on_disk if on_disk else _in_memory
    contents = look_into(stream, file_format)
    try:
        if file_format in _FOREIGN:
            decode = _decoder(file_format)
            image, depth, blobs, notes = decode(stream, name, max_megapixels)
            image = keep(image) if on_disk else image.copy()
            for key, blob in blobs.items():
                image.set_type(pyvips.GValue.blob_type, key, blob)
        else:
            if file_format == "tiff":
                kind = tiff_kind(stream, name, source)
                source = kind.source
            image = _open(pyvips, source, file_format, "error")
            check_size(name, image.width, image.height, max_megapixels)
            depth = image.get("bits-per-sample") if file_format == "avif" else 0
            notes = _page_notes(image, contents)
            image, faults = _load(pyvips, source, file_format, keep)
            notes += faults
        image, turn, said = turn_upright(image, stream, file_format, contents)
        if on_disk and turn > 1:  # once, rather than again for each part that is read later
            image = keep(image)
        turn_gain_maps(contents, turn, (image.height, image.width))
        metadata, more = read_metadata(image, stream, file_format, contents)
        converted = None
        if file_format not in _FOREIGN:  # which are RGB or grey, whatever libvips thinks
            image, converted = _to_rgb(image, kind, name)
        if image.format not in {"uchar", "ushort"} or image.bands > _MOST_BANDS:
            raise PhotoError(
                f"{name}: {image.bands} channels of type {image.format}; grey or RGB, with or "
                "without alpha, of 8 or 16-bit integers can be read"
            )
        if converted:
            image = keep(image)
        notes += _blank_notes(image, kind, stream, file_format)
    except (pyvips.Error, UnicodeDecodeError) as error:
        pyvips.vips_lib.vips_error_clear()  # pyvips keeps a complaint that is not UTF-8
        if "No space left on device" in str(error):
            raise PhotoError(
                f"{name}: no space left for its pixels in the temporary folder; name another "
                "one with TMPDIR"
            ) from OSError(errno.ENOSPC, str(error))  # libvips says so in words alone
        raise PhotoError(
            f"{name}: this {file_format.upper()} is damaged, cut short or of an unusual kind "
            f"({complaint(error)}); fetch it again or save it anew as PNG"
        ) from error
    if converted:
        icc = image.get("icc-profile-data") if image.get_typeof("icc-profile-data") else None
        metadata = replace(metadata, icc=bytes(icc) if icc else None)
        notes.append(converted)
    # AVIF and HEIC of 10 or 12 bits arrive in the upper bits of 16
    full = 255 if image.format == "uchar" else 65535
    white = (2**depth - 1) << (16 - depth) if depth > 8 else full  # noqa: PLR2004
    quality = _FOREIGN_QUALITY if file_format in _FOREIGN else None
    return Opened(
        image=image,
        white=int(white),
        format=file_format,
        quality=jpeg_quality(stream) if file_format == "jpeg" else quality,
        metadata=metadata,
        notes=(*notes, *said, *more),
        opacity=kind.opacity,
        lossless=is_lossless(stream, file_format),
    )


def complaint(error: Exception) -> str:
    """Return the last line of what libvips complains about."""
    text = "" if isinstance(error, UnicodeDecodeError) else str(error)
    lines = [line.strip() for line in text.splitlines()[1:] if line.strip()]
    return lines[-1] if lines else "no details are known"


def _open(pyvips: Any, source: bytes | Path, file_format: str, fail_on: str) -> Any:
    """Read the header of a photo file."""
    loader = "heifload_source" if file_format == "avif" else f"{file_format}load_source"
    if isinstance(source, bytes):
        origin = pyvips.Source.new_from_memory(source)
    else:
        origin = pyvips.Source.new_from_file(os.fsencode(source))
    return getattr(pyvips.Image, loader)(origin, access="sequential", fail_on=fail_on)


def _load(
    pyvips: Any, source: bytes | Path, file_format: str, keep: Callable[[Any], Any]
) -> tuple[Any, list[str]]:
    """Decode the pixels of a photo file; damage is an error, faults that cost none are notes."""
    if file_format != "jpeg":
        return keep(_open(pyvips, source, file_format, "error")), []
    return load_jpeg(lambda whole, fail_on: _open(pyvips, whole, "jpeg", fail_on), source, keep)


def _in_memory(image: Any) -> Any:
    return image.copy_memory()


def _on_disk(image: Any) -> Any:
    import pyvips

    temporary = pyvips.Image.new_temp_file("%s.v")
    image.write(temporary)
    return temporary


def _page_notes(image: Any, contents: Contents) -> list[str]:
    pages = contents.pictures
    if pages is None:
        pages = image.get("n-pages") if image.get_typeof("n-pages") else 1
    return [f"first of {pages} {contents.noun}"] if pages > 1 else []


def _blank_notes(image: Any, kind: TiffKind, stream: BinaryIO, file_format: str) -> list[str]:
    """What is said of pixels that show nothing, where the file is too large for that."""
    places = [(image.width * x // 4, image.height * y // 4) for x in (1, 2, 3) for y in (1, 2, 3)]
    points = [image.getpoint(x, y) for x, y in places]  # nearly always they tell already
    if image.bands in {2, 4} and kind.opacity and not any(point[-1] for point in points):
        alpha = image[image.bands - 1]
        if alpha.max() == 0 and image[0].max() > image[0].min():
            return ["transparent all over, though its colours differ"]
    if points.count(points[0]) < len(points) or file_format == "tiff":
        return []
    size = stream.seek(0, os.SEEK_END)
    if size < _LEAST_BYTES + image.width * image.height * _BYTES_OF_NOTHING:
        return []
    table = image.stats()  # rows: all bands, then each; columns: minimum, maximum, ...
    if all(table(0, row)[0] == table(1, row)[0] for row in range(1, image.bands + 1)):
        return ["all pixels are the same, though the file is large enough for a photo"]
    return []


def _decoder(file_format: str) -> Callable[[BinaryIO, str, float], Any]:
    """What decodes a format that libvips does not."""
    if file_format == "heic":
        from unblur.imaging.photo.heif import read_heif

        return read_heif
    from unblur.imaging.photo.raw import develop_raw

    return develop_raw


def _to_rgb(image: Any, kind: TiffKind, name: str) -> tuple[Any, str | None]:
    """Convert CMYK, Lab and YCbCr to RGB; the note is None for what is grey or RGB already."""
    what = image.interpretation
    if kind.convert is not None:
        return kind.convert(image), kind.note
    if what == "cmyk" and image.format in {"uchar", "ushort"}:
        depth = 16 if image.format == "ushort" else 8
        image = image.icc_transform("srgb", embedded=True, input_profile="cmyk", depth=depth)
        return image, "CMYK converted to sRGB"
    if what in {"lab", "labs", "labq"}:
        image = image.colourspace("rgb16").copy()
        image.remove("icc-profile-data")
        return image, "Lab converted to sRGB"
    if what not in _RGB_OR_GREY:
        raise PhotoError(
            f"{name}: {image.bands} channels whose colours are not known ({what}); grey, RGB, "
            "CMYK or Lab can be read"
        )
    return image, None
