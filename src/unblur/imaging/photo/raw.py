# ruff: noqa: PLR2004 (numbers of the file formats)
"""Camera raw files, developed by LibRaw through rawpy."""

import os
import struct
from io import BytesIO
from typing import Any, BinaryIO

from unblur._install import install_line
from unblur.errors import PhotoError
from unblur.imaging.photo.exif import join_exif, mosaic_end, read_tiff_tags, read_xmp
from unblur.imaging.photo.sniff import check_size

NOTE = "raw developed: white balance of the camera, automatic brightness, sRGB, 16 bits"

_SRGB_CURVE = (2.4, 12.92)  # power, and slope near black
_CLIPPED = 0.001  # share of the pixels that may become white when the picture is brightened
_CANON_BOX = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")
_SETTINGS = b"http://ns.adobe.com/camera-raw-settings/"
_LONGEST_MOOV = 1 << 24  # bytes


def develop_raw(
    stream: BinaryIO, name: str, max_megapixels: float
) -> tuple[Any, int, dict[str, bytes], list[str]]:
    """Develop a raw file, its header read first.

    White balance as the camera set it, colours to sRGB through the matrix of the camera, sRGB's
    tone curve, brightened until 0.1 % of the pixels are white, as raw files are exposed with
    room for that; turned upright. No sharpening, no noise reduction, no correction of the lens.

    Args:
        stream: The open file.
        name: What to call it in errors.
        max_megapixels: The largest picture to decode, in millions of pixels.

    Returns:
        A `pyvips.Image` of three ushort bands; 16; EXIF, IPTC and XMP, named as in libvips; and
        what the user should be told.

    Raises:
        PhotoError: If rawpy is not installed, or the file is damaged, cut short, of a camera that
            LibRaw does not know or larger than ``max_megapixels``.
    """
    try:
        import rawpy
    except ImportError as error:
        raise PhotoError(f"{name}: camera raw needs rawpy; {install_line('raw')}") from error
    import pyvips

    end = mosaic_end(stream)
    if end > stream.seek(0, os.SEEK_END):  # LibRaw complains of that on stderr as well
        raise PhotoError(f"{name}: this camera raw is damaged or cut short; fetch it again")
    stream.seek(0)
    raw = rawpy.RawPy()
    try:
        raw.open_buffer(stream)
        check_size(name, raw.sizes.iwidth, raw.sizes.iheight, max_megapixels)
        raw.unpack()
        pixels = raw.postprocess(
            use_camera_wb=True,
            output_color=rawpy.ColorSpace.sRGB,
            output_bps=16,
            gamma=_SRGB_CURVE,
            auto_bright_thr=_CLIPPED,
        )
    except (rawpy.LibRawError, rawpy.NotSupportedError, ValueError) as error:
        reason = error.args[0] if error.args else "no details are known"
        reason = reason.decode() if isinstance(reason, bytes) else str(reason)
        raise PhotoError(
            f"{name}: this camera raw is damaged, cut short or of an unknown camera "
            f"({reason}); develop it into TIFF with the camera's program"
        ) from error
    finally:
        raw.close()
    exif, iptc = raw_tags(stream)
    xmp = read_xmp(stream)
    if xmp and _SETTINGS in xmp:
        xmp = None  # how another program develops this raw, which it would do to the result again
    blobs = {"exif-data": exif, "iptc-data": iptc, "xmp-data": xmp}
    notes = [NOTE] if exif else [NOTE, "EXIF of this kind of raw is not read"]
    return (
        pyvips.Image.new_from_array(pixels),
        16,
        {key: value for key, value in blobs.items() if value},
        notes,
    )


def raw_tags(stream: BinaryIO) -> tuple[bytes | None, bytes | None]:
    """Read EXIF, without maker notes, and IPTC of a raw file.

    Those built like TIFF (DNG, CR2, NEF, ARW, ORF, RW2, PEF ...) have it in their first tags,
    CR3 in boxes of its own, RAF in the JPEG inside it.

    Returns:
        EXIF as a TIFF structure and the IPTC records, each None where there are none.
    """
    stream.seek(0)
    head = stream.read(92)
    if head.startswith(b"FUJIFILMCCD-RAW") and len(head) == 92:
        start, length = struct.unpack_from(">II", head, 84)
        stream.seek(start)
        return _jpeg_exif(stream.read(min(length, 1 << 18))), None
    if head[4:12] == b"ftypcrx ":
        return _cr3_exif(stream), None
    return read_tiff_tags(stream, maker_notes=False)


def _jpeg_exif(data: bytes) -> bytes | None:
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != 0xDA:
        (length,) = struct.unpack_from(">H", data, at + 2)
        if data[at + 1] == 0xE1 and data[at + 4 : at + 10] == b"Exif\0\0":
            block = BytesIO(data[at + 10 : at + 2 + length])
            return read_tiff_tags(block, maker_notes=False)[0]
        at += 2 + length
    return None


def _cr3_exif(stream: BinaryIO) -> bytes | None:
    """Join the boxes CMT1 (camera and date), CMT2 (exposure) and CMT4 (place)."""
    stream.seek(0)
    head = stream.read(8)
    while len(head) == 8 and head[4:] != b"moov":
        (size,) = struct.unpack(">I", head[:4])
        if size < 8:
            return None
        stream.seek(size - 8, 1)
        head = stream.read(8)
    if len(head) < 8:
        return None
    moov = _boxes(stream.read(min(int.from_bytes(head[:4], "big") - 8, _LONGEST_MOOV)))
    canon = _boxes(moov.get(_CANON_BOX, b""))
    return join_exif(canon.get(b"CMT1"), canon.get(b"CMT2"), canon.get(b"CMT4"))


def _boxes(data: bytes) -> dict[bytes, bytes]:
    """Return the content of the boxes in a row, by type, or by id for those of type uuid."""
    found: dict[bytes, bytes] = {}
    at = 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + size]
        if kind == b"uuid":
            kind, body = body[:16], body[16:]
        found.setdefault(kind, body)
        at += max(size, 8)
    return found
