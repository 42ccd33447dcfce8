"""Tell the format of a photo file by its content, and whether it is too large to decode."""

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
_KNOWN = "JPEG, PNG, TIFF, WebP, AVIF, HEIC, GIF or camera raw"


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
        raise PhotoError(f"{name}: is empty; a {_KNOWN} file is needed")
    found = next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), None)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        found = "webp"
    if head[4:8] == b"ftyp":
        found = "avif" if b"avif" in head[16:] else _BRANDS.get(head[8:12])
    if found is None:
        raise PhotoError(f"{name}: is not a photo in a known format; {_KNOWN} would work")
    if found == "tiff":
        if PurePath(name).suffix.lower() in RAW_ENDINGS or is_camera_raw(stream):
            return "raw"
        if max(tiff_sides(stream)) > _LONGEST_SIDE:
            raise PhotoError(
                f"{name}: this TIFF is damaged, cut short or of an unusual kind (its size)"
            )
    return found


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
