# ruff: noqa: PLR2004 (numbers of the file formats)
"""Integer bands to photo files, through libvips."""

import os
import struct
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from unblur.errors import TargetError
from unblur.imaging.photo.decode import complaint
from unblur.imaging.photo.holds.settle import Settled, dress, needs_dress, settle
from unblur.imaging.photo.metadata import Metadata, attach_metadata
from unblur.imaging.photo.tiff_kinds import unspecify_extra

SIXTEEN_BIT = frozenset({"png", "tiff", "avif"})  # written with more than 8 bits per channel

_LEAST_JPEG_QUALITY = 90
_BIGTIFF_FROM_BYTES = 3_900_000_000
_BLOCK = 1 << 20  # bytes
_PNG_SIGNATURE = 8
_NO_UNIT = struct.pack(">BHH", 0, 1, 1)


def default_quality(file_format: str, source_quality: int | None) -> int | None:
    """Return the quality to encode with where none is asked for.

    Args:
        file_format: The format to encode.
        source_quality: See :class:`unblur.imaging.photo.decode.Opened`.

    Returns:
        For a JPEG that of its source, 90 at least; None, a high one, for other formats.
    """
    return max(source_quality or 0, _LEAST_JPEG_QUALITY) if file_format == "jpeg" else None


def keeps_alpha(file_format: str, opacity: bool) -> bool:
    """Whether a format holds alpha, or an extra channel that is perhaps none, as what it is."""
    return file_format != "jpeg" and (opacity or file_format == "tiff")


def encode(
    bands: NDArray[np.unsignedinteger[Any]],
    file_format: str,
    metadata: Metadata,
    quality: int | None,
    *,
    opacity: bool = True,
    lossless: bool = False,
) -> bytes:
    """Encode a photo file.

    Args:
        bands: Shape ``(H, W, bands)``, uint8, or uint16 for a format of `SIXTEEN_BIT`.
        file_format: "jpeg", "png", "tiff", "webp" or "avif".
        metadata: What to store beside the pixels.
        quality: 1 to 100 for the lossy formats; None for a high one.
        opacity: See :func:`save_image`.
        lossless: See there.

    Returns:
        The bytes of the file.

    Raises:
        TargetError: If the format cannot hold the photo.
    """
    import pyvips

    deep = bands.dtype.itemsize > 1
    grey = bands.shape[2] <= 2
    kind = ("grey16" if deep else "b-w") if grey else ("rgb16" if deep else "srgb")
    image = pyvips.Image.new_from_array(np.ascontiguousarray(bands), interpretation=kind)
    data = save_image(
        image,
        None,
        file_format,
        metadata,
        quality,
        deep=deep,
        opacity=opacity,
        lossless=lossless,
    )
    assert data is not None
    return data


def save_image(  # noqa: PLR0913 - what decides a file
    image: Any,
    path: str | os.PathLike[str] | None,
    file_format: str,
    metadata: Metadata,
    quality: int | None,
    *,
    deep: bool,
    opacity: bool = True,
    lossless: bool = False,
) -> bytes | None:
    """Encode a `pyvips.Image`, into a file as its pixels are made or into memory.

    JPEG, PNG and TIFF are written a few rows at a time, so that the pixels may be computed on
    the way and are never in memory together; the codecs of WebP and AVIF need all of them.

    Args:
        image: Grey or RGB, perhaps with alpha as the last band, of integers from 0 to 255, or
            to 65535 where ``deep``, whatever their type; no alpha for JPEG.
        path: The file to write, whatever its ending, replaced if it exists; None for bytes.
        file_format: "jpeg", "png", "tiff", "webp" or "avif".
        metadata: What to store beside the pixels; nothing is taken from the image.
        quality: 1 to 100 for the lossy formats; None for a high one.
        deep: Write 16 bits per channel, 12 for AVIF; only for a format of `SIXTEEN_BIT`.
        opacity: The last band, if it is none of colour, is alpha; False only for TIFF.
        lossless: Of WebP and AVIF: lose nothing.

    Returns:
        The bytes of the file; None where they are in the file at ``path``.

    Raises:
        TargetError: If the format cannot hold the photo, or it cannot be written; the message
            does not name the file. Some of it may have been written.
    """
    import pyvips

    settled = settle(metadata, file_format, (image.height, image.width))
    metadata = settled.metadata
    grey = image.bands <= 2
    choices: dict[str, dict[str, Any]] = {
        "jpeg": {"Q": quality or 90, "subsample_mode": "off"},
        "png": {},
        "tiff": {"compression": "deflate", "predictor": "horizontal"},
        "webp": {"Q": quality or 95, "smart_subsample": True, "exact": True},
        "avif": {"Q": quality or 90, "subsample_mode": "off", "compression": "av1", "effort": 2},
    }
    options = choices[file_format]
    if lossless and file_format == "webp":
        options = {"lossless": True, "exact": True}
    elif lossless and file_format == "avif":
        options |= {"lossless": True}
    if file_format == "tiff":
        size = image.width * image.height * image.bands * (2 if deep else 1)
        options["bigtiff"] = size > _BIGTIFF_FROM_BYTES
    if file_format == "avif":
        options["bitdepth"] = 12 if deep else 8
    if metadata.exif is None and metadata.dpi is None:
        options["keep"] = "icc:xmp:iptc"  # or libvips makes up an EXIF block
    kind = ("grey16" if deep else "b-w") if grey else ("rgb16" if deep else "srgb")
    saver = "heifsave" if file_format == "avif" else f"{file_format}save"
    data: bytes | None = None
    try:
        image = image.cast("ushort" if deep else "uchar").copy(interpretation=kind)
        for name in image.get_fields():  # of an image that was read from a file; not its size
            image.remove(name)
        image = attach_metadata(image, pyvips.GValue.blob_type, metadata, file_format)
        if grey and file_format in {"webp", "avif"} and (metadata.icc or b"")[16:20] == b"GRAY":
            image = image.icc_transform("srgb", embedded=True, depth=16 if deep else 8)
        if path is None:
            data = getattr(image, f"{saver}_buffer")(**options)
        else:
            target = pyvips.Target.new_to_file(os.fsencode(path))
            getattr(image, f"{saver}_target")(target, **options)
            del target
    except pyvips.Error as error:
        reason = complaint(error)
        why = (
            f"{image.width} x {image.height} px with {image.bands} channels cannot be encoded as "
            f"{file_format} ({reason}); .png or .tiff would work"
        )
        if path is not None and (full := _write_error(path)):
            raise TargetError(f"cannot be written ({full.strerror})") from full
        raise TargetError(why) from error
    return _mended(data, path, settled, opacity=opacity)


def _mended(
    data: bytes | None, path: str | os.PathLike[str] | None, settled: Settled, *, opacity: bool
) -> bytes | None:
    """Put right, in the file where it is in one, what libvips writes too little and too much."""
    file_format = settled.file_format
    unspecified = file_format == "tiff" and not opacity
    no_density = file_format in {"png", "jpeg"} and settled.metadata.dpi is None
    if not (needs_dress(settled) or unspecified or no_density):
        return data

    def mend(stream: BinaryIO) -> None:
        if needs_dress(settled):
            dress(stream, settled)
        if unspecified:
            unspecify_extra(stream)
        if no_density:
            _remove_density(stream, file_format)

    if data is not None:
        stream = BytesIO(data)
        mend(stream)
        return stream.getvalue()
    try:
        with Path(path or "").open("r+b") as file:
            mend(file)
    except OSError as error:
        raise TargetError(f"cannot be written ({error.strerror})") from error
    return None


def _remove_density(stream: BinaryIO, file_format: str) -> None:
    """Make a PNG or a JPEG say nothing of its resolution, in place; others stay as they are.

    Args:
        stream: The file, open to read and write; moved.
        file_format: "png", "jpeg" or another.
    """
    if file_format == "png":
        _remove_chunk(stream, b"pHYs")
    elif file_format == "jpeg":
        stream.seek(0)
        head = stream.read(18)
        if head[2:4] == b"\xff\xe0" and head[6:11] == b"JFIF\0":
            stream.seek(13)
            stream.write(_NO_UNIT)  # pixels are square, that is all


def _remove_chunk(stream: BinaryIO, wanted: bytes) -> None:
    """Take a chunk before the pixels out of a PNG, and move what follows it."""
    at = _PNG_SIGNATURE
    while True:
        stream.seek(at)
        head = stream.read(8)
        if len(head) < 8 or head[4:] == b"IDAT":
            return
        size = 12 + struct.unpack(">I", head[:4])[0]
        if head[4:] == wanted:
            break
        at += size
    source = at + size
    while True:
        stream.seek(source)
        block = stream.read(_BLOCK)
        if not block:
            break
        stream.seek(at)
        stream.write(block)
        source, at = source + len(block), at + len(block)
    stream.truncate(at)


def _write_error(path: str | os.PathLike[str]) -> OSError | None:
    """Write on where libvips stopped: it does not say that a disk is full, at least not always."""
    try:
        with Path(path).open("ab") as file:
            file.write(bytes(_BLOCK))
    except OSError as error:
        # One that nobody raised: what this one was raised in would keep the file open.
        return OSError(error.errno, error.strerror)
    return None
