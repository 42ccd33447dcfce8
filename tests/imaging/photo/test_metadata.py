"""What is stored beside the pixels survives, and agrees with them."""

import struct

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from pillow_files import (
    ASTRONAUT,
    CAMERA,
    COFFEE,
    FORMATS,
    SRGB,
    XMP,
    encoded,
    exif_block,
    with_pillow,
)
from unblur.errors import OptionError
from unblur.imaging.photo.photo import Photo, encode_photo, read_photo


def exif_with_thumbnail(thumbnail):
    """Orientation 6 in the first directory, a JPEG thumbnail in the second; big-endian."""
    data = b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 274, 3, 1, 6, 0, 26)
    data += struct.pack(">HHHIIHHII", 2, 513, 4, 1, 56, 514, 4, 1, len(thumbnail)) + bytes(4)
    return b"Exif\0\0" + data + thumbnail


def test_orientation_is_1_wherever_it_is_kept(tmp_path):
    source = encoded(Image.fromarray(COFFEE), "jpeg", exif=exif_block(6), xmp=XMP % 6)

    photo = read_photo(source)
    image = with_pillow(encode_photo(photo, "jpeg"))

    assert photo.metadata.xmp == XMP % 1
    assert image.info["xmp"] == XMP % 1
    assert image.getexif()[274] == 1


@pytest.mark.parametrize("file_format", FORMATS)
@pytest.mark.parametrize("source_format", FORMATS)
def test_profile_exif_and_xmp_survive(source_format, file_format):
    options = {"exif": exif_block(), "icc_profile": SRGB}
    if source_format == "png":
        options["pnginfo"] = PngImagePlugin.PngInfo()
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", (XMP % 1).decode())
    elif source_format == "tiff":
        options["exif"] = exif_block(xmp=XMP % 1)
    else:
        options["xmp"] = XMP % 1
    source = encoded(Image.fromarray(ASTRONAUT), source_format, **options)

    data = encode_photo(read_photo(source), file_format)
    image = with_pillow(data)

    assert image.info["icc_profile"] == SRGB
    assert read_photo(data).metadata.xmp == XMP % 1
    exif = image.getexif()
    assert exif[0x010F] == "ACME"
    assert exif.get_ifd(0x8769)[0x829A] == pytest.approx(1 / 125)
    assert exif.get_ifd(0x8769)[0xA434] == "Lens 50"
    assert exif.get_ifd(0x8769)[0x927C] == b"note" * 9
    assert exif.get_ifd(0x8825)[2] == (50.0, 4.0, 3.5)


@pytest.mark.parametrize("file_format", FORMATS)
@pytest.mark.parametrize("dpi", [72, 96, 300])
def test_resolution_survives(file_format, dpi):
    source = encoded(Image.fromarray(COFFEE), "jpeg", dpi=(dpi, dpi))

    again = read_photo(encode_photo(read_photo(source), file_format))

    assert again.metadata.dpi == (None if dpi == 72 else pytest.approx((dpi, dpi), abs=0.02))


def test_no_exif_is_made_up_where_there_was_none():
    photo = read_photo(encoded(Image.fromarray(COFFEE), "png"))

    for file_format in FORMATS:
        assert b"Exif\0\0" not in encode_photo(photo, file_format)


def test_utf_8_in_exif_survives():
    exif = exif_block().replace(b"ACME\0", "Jür".encode() + b"\0")
    source = encoded(Image.fromarray(COFFEE), "jpeg", exif=exif)

    for file_format in FORMATS:
        assert "Jür".encode() + b"\0" in encode_photo(read_photo(source), file_format), file_format


@pytest.mark.parametrize("file_format", ["jpeg", "tiff"])
def test_iptc_survives_without_photoshops_thumbnail(file_format):
    records = b"\x1c\x02\x78\x00\x0bA caption.."
    blocks = b"".join(
        struct.pack(">4sHHI", b"8BIM", key, 0, len(block)) + block + bytes(len(block) % 2)
        for key, block in ((0x040C, b"stale thumbnail"), (0x0404, records))
    )
    segment = b"Photoshop 3.0\0" + blocks
    plain = encoded(Image.fromarray(COFFEE), "jpeg")
    source = plain[:2] + b"\xff\xed" + struct.pack(">H", len(segment) + 2) + segment + plain[2:]

    photo = read_photo(source)
    again = encode_photo(photo, file_format)

    assert photo.metadata.iptc == records
    assert read_photo(again).metadata.iptc.rstrip(b"\0") == records
    assert b"stale thumbnail" not in again


def test_embedded_thumbnail_is_dropped():
    thumbnail = encoded(Image.fromarray(CAMERA[:40, :40]), "jpeg")
    source = encoded(Image.fromarray(COFFEE), "jpeg", exif=exif_with_thumbnail(thumbnail))
    assert thumbnail in source

    photo = read_photo(source)
    again = encode_photo(photo, "jpeg")

    assert photo.pixels.shape == (160, 120, 3)
    assert thumbnail[:60] not in photo.metadata.exif
    assert again.count(b"\xff\xd8\xff") == 1


@pytest.mark.parametrize("quality", [5, 30, 50, 75, 90, 93, 100])
def test_jpeg_quality_is_estimated_and_never_lowered(quality):
    photo = read_photo(encoded(Image.fromarray(ASTRONAUT), "jpeg", quality=quality))

    again = read_photo(encode_photo(photo, "jpeg"))

    assert photo.quality == quality
    assert again.quality == max(quality, 90)


def test_jpeg_quality_can_be_chosen_and_colour_is_never_subsampled():
    photo = read_photo(encoded(Image.fromarray(ASTRONAUT), "jpeg", quality=95, subsampling=2))

    data = encode_photo(photo, "jpeg", quality=40)

    assert read_photo(data).quality == 40
    assert [layer[1:3] for layer in with_pillow(data).layer] == [(1, 1)] * 3


def test_quality_outside_1_to_100_is_refused():
    with pytest.raises(OptionError, match="1 to 100, got 0"):
        encode_photo(Photo(pixels=np.zeros((4, 4, 3))), "jpeg", quality=0)
