"""Turned as EXIF says, or XMP where EXIF says nothing; the tag says what was done."""

import io

import numpy as np
import pytest
from PIL import Image, ImageOps, PngImagePlugin

from heif_files import heic
from held_files import SMALL, chunk, png, raw_profile, through, xmp
from pillow_files import COFFEE, FORMATS, XMP, encoded, exif_block, with_pillow
from unblur.imaging.photo.photo import encode_photo, read_photo

ELEMENT = xmp("", "<tiff:Orientation>6</tiff:Orientation>")
OTHER_PREFIX = ELEMENT.replace(b"tiff:Ori", b"t:Ori").replace(b"xmlns:tiff", b"xmlns:t")


def with_xmp(file_format, packet, image=SMALL, **options):
    if file_format == "png":
        options["pnginfo"] = PngImagePlugin.PngInfo()
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", packet.decode())
    elif file_format == "tiff":
        options["tiffinfo"] = {700: packet}
    else:
        options["xmp"] = packet
    return encoded(image, file_format, **options)


def upright(orientation):
    exif = exif_block(orientation)
    turned = ImageOps.exif_transpose(with_pillow(encoded(SMALL, "png", exif=exif)))
    return np.asarray(turned) / 255


def psnr(found, wanted):
    return -10 * np.log10(np.mean((found - wanted) ** 2) + 1e-9)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("file_format", FORMATS)
def test_orientation_that_only_xmp_gives_turns_the_pixels(file_format, orientation):
    photo = read_photo(with_xmp(file_format, XMP % orientation))
    again = with_pillow(encode_photo(photo, file_format))

    assert photo.notes == ()
    assert photo.pixels.shape == upright(orientation).shape
    assert psnr(photo.pixels, upright(orientation)) > 28
    assert (again.height, again.width) == photo.pixels.shape[:2]
    assert photo.metadata.xmp == XMP % 1
    assert ImageOps.exif_transpose(again).size == again.size  # Pillow looks into XMP, too


@pytest.mark.parametrize("packet", [ELEMENT, OTHER_PREFIX], ids=["element", "other prefix"])
def test_however_xmp_writes_it(packet):
    photo = read_photo(with_xmp("jpeg", packet))

    assert psnr(photo.pixels, upright(6)) > 28
    assert b"Orientation>1<" in photo.metadata.xmp


def test_heic_is_turned_by_xmp_where_neither_the_file_nor_exif_says_anything():
    silent = heic(COFFEE, xmp=XMP % 1).replace(XMP % 1, XMP % 6)
    turned = heic(COFFEE, xmp=XMP % 6, exif=exif_block(8))
    assert (silent.count(b"irot"), turned.count(b"irot")) == (0, 1)

    assert psnr(read_photo(silent).pixels, upright(6)) > 28
    assert psnr(read_photo(turned).pixels, upright(8)) > 28


def test_exif_goes_first_and_a_contradiction_is_named():
    both = with_xmp("jpeg", XMP % 6, exif=exif_block(3))
    already = with_xmp("jpeg", XMP % 6, exif=exif_block(1))

    turned, kept = read_photo(both), read_photo(already)

    assert psnr(turned.pixels, upright(3)) > 28
    assert psnr(kept.pixels, upright(1)) > 28
    assert "EXIF says (3)" in turned.notes[0]
    assert "XMP does (6)" in kept.notes[0]


def test_exif_without_an_orientation_says_nothing():
    exif = Image.Exif()
    exif[0x010F] = "ACME"

    photo = read_photo(with_xmp("webp", XMP % 6, exif=exif.tobytes()))

    assert psnr(photo.pixels, upright(6)) > 28


def test_the_orientation_of_another_picture_in_xmp_is_not_taken():
    packet = xmp(
        "",
        '<x:Pantry xmlns:x="a:b"><rdf:Bag><rdf:li><rdf:Description tiff:Orientation="6"/>'
        "</rdf:li></rdf:Bag></x:Pantry>",
    )

    assert read_photo(with_xmp("jpeg", packet)).pixels.shape == (120, 160, 3)


@pytest.mark.parametrize(
    ("form", "name"), [("zTXt", "exif"), ("zTXt", "APP1"), ("tEXt", "exif"), ("iTXt", "exif")]
)
def test_exif_hidden_in_a_text_of_png_is_read_and_turns(form, name):
    body = raw_profile(name, exif_block(6))
    if form != "zTXt":
        text = f"\n{name}\n{len(exif_block(6)):8d}\n{exif_block(6).hex()}\n".encode()
        body = f"Raw profile type {name}".encode() + bytes(1 if form == "tEXt" else 5) + text

    data, notes = through(png((form, body)), "png")
    image = with_pillow(data)

    assert notes == ()
    assert psnr(np.asarray(image) / 255, upright(6)) > 60
    assert (image.getexif()[0x0112], image.getexif()[0x010F]) == (1, "ACME")
    assert not any("Raw profile" in key for key in image.text)


def test_xmp_hidden_in_a_text_of_png_turns():
    body = raw_profile("xmp", XMP % 6)

    photo = read_photo(png(("zTXt", body)))

    assert psnr(photo.pixels, upright(6)) > 60
    assert photo.metadata.xmp == XMP % 1


def test_a_damaged_hidden_profile_stays_a_text():
    body = b"Raw profile type exif\0\nexif\n   99\nabcd\n"

    data, _ = through(png(("tEXt", body)), "png")

    assert with_pillow(data).text["Raw profile type exif"] == "\nexif\n   99\nabcd\n"


def test_a_text_behind_the_pixels_is_read():
    plain = encoded(SMALL, "png")
    data = plain[:-12] + chunk("zTXt", raw_profile("exif", exif_block(6))) + plain[-12:]

    assert Image.open(io.BytesIO(through(data, "png")[0])).size == (120, 160)
