"""HEIC and other HEIF photos, through pillow-heif: libvips comes without an HEVC decoder."""

from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from unblur.errors import PhotoError
from unblur.imaging.photo.sniff import check_size, lossless_ending

_FAILURES = (ValueError, EOFError, SyntaxError, RuntimeError, OSError, MemoryError)


def read_heif(
    stream: BinaryIO, name: str, max_megapixels: float
) -> tuple[Any, int, dict[str, bytes], list[str]]:
    """Decode the primary picture of a HEIF file, its header first.

    The file says itself how its pixels are turned; the orientation of its EXIF does not count.

    Args:
        stream: The open file.
        name: What to call it in errors.
        max_megapixels: The largest picture to decode, in millions of pixels.

    Returns:
        A `pyvips.Image`, upright: grey or RGB, perhaps with alpha, uchar, or ushort of as many
        upper bits as follow; the bits per channel; ICC, EXIF and XMP, named as in libvips; and
        what the user should be told.

    Raises:
        PhotoError: If pillow-heif is not installed, or the file is damaged, cut short or larger
            than ``max_megapixels``.
    """
    try:
        import pillow_heif
    except ImportError as error:
        from unblur._install import install_line

        raise PhotoError(f"{name}: HEIC needs pillow-heif; {install_line('heif')}") from error
    import pyvips

    stream.seek(0)
    try:
        file = pillow_heif.open_heif(stream, convert_hdr_to_8bit=False)
        width, height = file.size
        check_size(name, width, height, max_megapixels)
        bands = np.array(file)  # a copy: the memory goes with the file
    except PhotoError:
        raise
    except _FAILURES as error:
        reason = " ".join(str(error).split()) or "no details are known"
        raise PhotoError(
            f"{name}: this HEIC is damaged, cut short or of an unusual kind ({reason}); "
            "fetch it again or export it as JPEG"
        ) from error
    image = pyvips.Image.new_from_array(bands)
    bits = int(file.info["bit_depth"]) if bands.dtype.itemsize > 1 else 8
    if file.premultiplied_alpha:
        image = image.unpremultiply(max_alpha=255 if bits == 8 else 65535).cast(image.format)  # noqa: PLR2004
    notes = []
    blobs = {
        "icc-profile-data": file.info.get("icc_profile"),
        "exif-data": file.info.get("exif"),
        "xmp-data": file.info.get("xmp"),
    }
    if len(file) > 1:
        notes.append(f"the main one of {len(file)} pictures")
    return image, bits, {key: value for key, value in blobs.items() if value}, notes


def heif_ending(source: Path) -> str:
    """Name the ending under which a HEIF photo loses nothing; ".jpg" where that cannot be told."""
    try:
        import pillow_heif

        file = pillow_heif.open_heif(source, convert_hdr_to_8bit=False)
    except (ImportError, *_FAILURES):
        return ".jpg"
    return lossless_ending(deep=int(file.info["bit_depth"]) > 8, alpha=file.has_alpha)  # noqa: PLR2004
