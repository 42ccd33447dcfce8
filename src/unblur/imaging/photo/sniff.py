# ruff: noqa: PLR2004 (numbers of the file formats)
"""Tell a photo file by its content: its format, whether it has lost anything, or is too large."""

import struct
from importlib.util import find_spec
from pathlib import PurePath
from typing import BinaryIO

from unblur.errors import PhotoError
from unblur.imaging.photo.exif import is_camera_raw, tiff_sides

HEIF_ENDINGS = (".heic", ".heif", ".hif")
# Adobe, Canon, Nikon, Sony, Fujifilm, Olympus, Panasonic, Leica, Pentax, Samsung, Hasselblad,
# Phase One, Sigma, Minolta, Epson
RAW_ENDINGS = (
    *(".dng", ".cr2", ".cr3", ".crw", ".nef", ".nrw", ".arw", ".sr2", ".srf", ".raf", ".orf"),
    *(".rw2", ".rwl", ".pef", ".srw", ".3fr", ".fff", ".iiq", ".x3f", ".mrw", ".erf"),
)

_LONGEST_SIDE = 10_000_000  # of libvips, which GLib reports on stderr
_MAGIC = {
    b"\xff\xd8\xff": "jpeg",
    b"\x89PNG\r\n\x1a\n": "png",
    b"GIF8": "gif",
    **dict.fromkeys((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), "tiff"),
    # ORF, RW2, RAF, CRW, X3F, MRW
    **dict.fromkeys((b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"FUJIFILMCCD-RAW"), "raw"),
    **dict.fromkeys((b"II\x1a\0\0\0HEAPCCDR", b"FOVb", b"\0MRM"), "raw"),
}
_BRANDS = {b"avif": "avif", b"avis": "avif", b"crx ": "raw"}
_BRANDS |= dict.fromkeys((b"heic", b"heix", b"hevc", b"heim", b"heis", b"hevx"), "heic")
_BRANDS |= dict.fromkeys((b"mif1", b"mif2", b"msf1", b"miaf"), "heic")
_MOST_CHUNKS = 64
_HEAD = 1 << 16
_IDENTITY = 0
"""Matrix of ITU-T H.273: colours are coded as they are, which is done for nothing else."""
_EXTRAS = {"HEIC": "pillow_heif", "camera raw": "rawpy"}
"""Formats that not every installation reads, and the module that does."""


def sniff(stream: BinaryIO, name: str) -> str:
    """Name the format of a file from its first bytes.

    Args:
        stream: The open file; moved.
        name: What to call it in errors. Its ending is asked only where a TIFF might be raw.

    Returns:
        "jpeg", "png", "tiff", "webp", "avif", "heic", "gif" or "raw".

    Raises:
        PhotoError: If it is none of these, or a TIFF whose size cannot be.
    """
    head = stream.read(64)
    if not head:
        raise PhotoError(f"{name}: is empty; a {known_formats()} file is needed")
    found = next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), None)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        found = "webp"
    if head[4:8] == b"ftyp":
        found = "avif" if b"avif" in head[16:] else _BRANDS.get(head[8:12])
    if found is None:
        raise PhotoError(f"{name}: is not a photo in a known format; {known_formats()} would work")
    if found == "tiff":
        if PurePath(name).suffix.lower() in RAW_ENDINGS or is_camera_raw(stream):
            return "raw"
        if max(tiff_sides(stream)) > _LONGEST_SIDE:
            raise PhotoError(
                f"{name}: this TIFF is damaged, cut short or of an unusual kind (its size)"
            )
    return found


def known_formats() -> str:
    """The formats that this installation reads, in words."""
    names = ["JPEG", "PNG", "TIFF", "WebP", "AVIF", "GIF"]
    names += [name for name, module in _EXTRAS.items() if find_spec(module) is not None]
    return f"{', '.join(names[:-1])} or {names[-1]}"


def lossless_ending(*, deep: bool, alpha: bool) -> str:
    """Return ".png" for a photo with alpha, ".tif" for a deep one, ".jpg" for the usual one."""
    if alpha:
        return ".png"
    return ".tif" if deep else ".jpg"


def check_size(name: str, width: int, height: int, max_megapixels: float) -> None:
    """Refuse a picture of too many pixels.

    Raises:
        PhotoError: If it has more than ``max_megapixels``.
    """
    megapixels = width * height / 1e6
    if megapixels > max_megapixels:
        raise PhotoError(
            f"{name}: {width} x {height} px are {megapixels:.4g} megapixels, the "
            f"limit is {max_megapixels:g}; raise it with --max-megapixels (max_megapixels=)"
        )


def is_lossless(stream: BinaryIO, file_format: str) -> bool:
    """Tell whether a WebP or an AVIF is lossless; False for other formats.

    Args:
        stream: The file; moved.
        file_format: "webp", "avif" or another.
    """
    if file_format == "webp":
        return _webp_is_lossless(stream)
    if file_format == "avif":
        stream.seek(0)
        head = stream.read(_HEAD)
        at = head.find(b"colrnclx")
        return at >= 0 and head[at + 12 : at + 14] == struct.pack(">H", _IDENTITY)
    return False


def _webp_is_lossless(stream: BinaryIO) -> bool:
    stream.seek(12)
    for _ in range(_MOST_CHUNKS):
        head = stream.read(8)
        if len(head) < 8:
            break
        kind, size = head[:4], struct.unpack("<I", head[4:])[0]
        if kind in {b"VP8L", b"VP8 "}:
            return kind == b"VP8L"
        if kind == b"ANMF":  # the first picture of an animation is in there
            stream.seek(16, 1)
            continue
        stream.seek(size + size % 2, 1)
    return False
