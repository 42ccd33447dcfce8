"""Text stays text, and blocks that old programs hid in texts are read for what they are."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from held_files import SMALL, chunk, chunks_of, jpeg_with, png, raw_profile, through
from icc_profiles import profile
from pillow_files import COFFEE, FORMATS, encoded, with_pillow
from unblur.imaging.photo.photo import read_photo

PARAMETERS = "a lake, sharp\nNegative prompt: blurred\nSteps: 20, Seed: 7"
IPTC = b"\x1c\x02\x78\x00\x0bA caption.."


def texts():
    info = PngImagePlugin.PngInfo()
    info.add_text("Author", "Jürgen")
    info.add_text("Copyright", "2026 ACME", zip=True)
    info.add_itxt("Title", "日本", lang="ja", tkey="題")
    info.add_itxt("parameters", PARAMETERS, zip=True)
    return info


def test_texts_of_png_stay_chunk_by_chunk():
    source = encoded(SMALL, "png", pnginfo=texts())

    data, notes = through(source, "png")

    assert notes == ()
    kinds = {"tEXt", "zTXt", "iTXt"}
    wanted = [part for part in chunks_of(source) if part[0] in kinds]
    assert [part for part in chunks_of(data) if part[0] in kinds] == wanted
    assert with_pillow(data).text == with_pillow(source).text
    assert with_pillow(data).text["parameters"] == PARAMETERS


def test_texts_behind_the_pixels_stay():
    plain = encoded(SMALL, "png")
    late = chunk("tEXt", b"Comment\0late")

    assert with_pillow(through(plain[:-12] + late + plain[-12:], "png")[0]).text == {
        "Comment": "late"
    }


def test_texts_of_png_become_comments_of_a_jpeg():
    data, notes = through(encoded(SMALL, "png", pnginfo=texts()), "jpeg")

    assert notes == ()
    for wanted in ("Author: Jürgen", "Title: 日本", f"parameters: {PARAMETERS}"):
        assert b"\xff\xfe" + struct.pack(">H", len(wanted.encode()) + 2) + wanted.encode() in data
    assert with_pillow(data).size == SMALL.size


@pytest.mark.parametrize("file_format", ["tiff", "webp", "avif"])
def test_texts_that_a_format_cannot_hold_are_named(file_format):
    _, notes = through(encoded(SMALL, "png", pnginfo=texts()), file_format)

    (note,) = notes
    for key in ("Author", "Copyright", "Title", "parameters"):
        assert f"text '{key}'" in note


def test_comments_of_a_jpeg_stay_and_become_a_text_of_png():
    source = jpeg_with((0xFE, b"first"), (0xFE, "zweiter, für Jörg".encode()), (0xFE, b"\xe9"))

    jpeg, notes = through(source, "jpeg")
    png_data, more = through(source, "png")

    assert (notes, more) == ((), ())
    assert with_pillow(jpeg).info["comment"] == b"\xe9"
    assert jpeg.index(b"\xff\xfe\0\x07first") < jpeg.index("für".encode())
    found = [body for kind, body in chunks_of(png_data) if kind in {"tEXt", "iTXt"}]
    assert found == [
        b"Comment\0first",
        b"Comment\0zweiter, f\xfcr J\xf6rg",
        b"Comment\0\xe9",
    ]


def test_the_comment_of_a_gif_becomes_a_text_of_png():
    source = encoded(Image.fromarray(COFFEE), "gif", comment=b"from a GIF")

    assert with_pillow(through(source, "png")[0]).text == {"Comment": "from a GIF"}


def test_xmp_and_profile_of_a_gif_are_read():
    packet = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/>'
    magic = b"\x01" + bytes(range(255, -1, -1)) + b"\0"
    icc = profile("Display P3")
    blocks = b"".join(
        bytes([len(part)]) + part for part in (icc[:255], icc[255:510], icc[510:]) if part
    )
    plain = encoded(Image.fromarray(COFFEE), "gif")
    at = 13 + (3 << ((plain[10] & 7) + 1))
    source = b"GIF89a" + plain[6:at] + b"\x21\xff\x0bXMP DataXMP" + packet + magic
    source += b"\x21\xff\x0bICCRGBG1012" + blocks + b"\0" + plain[at:]

    data, notes = through(source, "png")

    assert notes == ()
    assert with_pillow(data).info["icc_profile"] == icc
    assert read_photo(data).metadata.xmp == packet


@pytest.mark.parametrize("name", ["iptc", "8bim"])
@pytest.mark.parametrize("wrapped", [False, True])
def test_iptc_hidden_in_a_text_of_png_is_read(name, wrapped):
    block = IPTC
    if wrapped:
        block = (
            struct.pack(">4sHHI", b"8BIM", 0x0404, 0, len(IPTC)) + IPTC + b"\0" * (len(IPTC) % 2)
        )

    photo = read_photo(png(("zTXt", raw_profile(name, block))))

    assert photo.metadata.iptc == IPTC
    assert photo.metadata.items == ()


def test_iptc_goes_from_jpeg_to_png_and_back():
    segment = b"Photoshop 3.0\0" + struct.pack(">4sHHI", b"8BIM", 0x0404, 0, len(IPTC)) + IPTC
    source = jpeg_with((0xED, segment))

    data, notes = through(source, "png")
    text = with_pillow(data).text["Raw profile type iptc"]
    again, _ = through(data, "jpeg")

    assert notes == ()
    assert IPTC in bytes.fromhex("".join(text.split()[2:]))
    assert int(text.split()[1]) == len(bytes.fromhex("".join(text.split()[2:])))
    assert IPTC in again
    for file_format in ("webp", "avif"):
        assert "left out: IPTC: " in through(source, file_format)[1][0]


def test_a_colour_profile_hidden_in_a_text_of_png_is_one():
    icc = profile("Adobe RGB")

    data, _ = through(png(("zTXt", raw_profile("icc", icc))), "png")

    assert with_pillow(data).info["icc_profile"] == icc


def test_chunks_that_may_be_copied_are_and_others_are_named():
    private = ("prVt", b"of some program")
    offset = ("oFFs", struct.pack(">iiB", 5, 6, 0))

    data, notes = through(png(private, offset), "png")
    _, lost = through(png(private), "webp")

    assert notes == ()
    assert {private, offset} <= set(chunks_of(data))
    assert "PNG's prVt" in lost[0]


def test_a_text_that_would_unpack_to_too_much_is_left_packed():
    bomb = b"Comment\0\0" + zlib.compress(bytes(80_000_000), 9)

    data, _ = through(png(("zTXt", bomb)), "png")

    assert ("zTXt", bomb) in chunks_of(data)
    assert "text 'Comment'" in through(png(("zTXt", bomb)), "jpeg")[1][0]


def test_descriptions_in_tags_of_a_tiff_stay():
    tags = {269: "document", 285: "page", 316: "host", 270: "what", 315: "who", 33432: "whose"}
    source = encoded(SMALL, "tiff", tiffinfo=tags)

    for file_format in FORMATS:
        exif = with_pillow(through(source, file_format)[0]).getexif()
        assert {tag: exif.get(tag) for tag in tags} == tags


@pytest.mark.parametrize("file_format", ["jpeg", "png", "webp", "avif"])
def test_every_tag_of_exif_stays_those_too_that_libvips_does_not_know(file_format):
    exif = Image.Exif()
    exif[316], exif[18246], exif[65001] = "a phone", 5, "private"
    inner = exif.get_ifd(0x8769)
    inner[0x9400], inner[0xA500], inner[0x9010] = 21.5, 2.2, "+01:00"
    exif.get_ifd(0x8825)[31] = 4.5
    source = encoded(SMALL, "jpeg", exif=exif)

    data, notes = through(source, file_format)
    image = with_pillow(data)
    found = image.getexif()

    assert notes == ()
    assert (found[316], found[18246], found[65001]) == ("a phone", 5, "private")
    assert found.get_ifd(0x8769)[0x9400] == 21.5
    assert found.get_ifd(0x8769)[0xA500] == pytest.approx(2.2)
    assert found.get_ifd(0x8769)[0x9010] == "+01:00"
    assert found.get_ifd(0x8825)[31] == 4.5
    assert np.abs(np.asarray(image.convert("RGB"), float) - COFFEE).mean() < 5
    assert through(data, file_format)[1] == ()


def test_private_tags_of_exif_are_named_where_they_would_be_tags_of_a_tiff():
    exif = Image.Exif()
    exif[316], exif[65001] = "a phone", "private"

    data, notes = through(encoded(SMALL, "jpeg", exif=exif), "tiff")

    assert with_pillow(data).getexif()[316] == "a phone"
    assert notes == ("left out: EXIF's tag 65001: TIFF has no place for it",)


def test_tags_of_a_tiff_that_are_not_kept_are_named():
    source = encoded(SMALL, "tiff", tiffinfo={65000: "private", 33550: (1.0, 1.0, 0.0)})

    note = read_photo(source).notes[0]

    assert "TIFF's tag 65000" in note
    assert "GeoTIFF" in note


def test_exif_that_a_jpeg_has_no_room_for_is_named():
    exif = Image.Exif()
    exif[0x010E] = "A" * 70_000

    data, notes = through(encoded(SMALL, "png", exif=exif), "jpeg")

    assert "EXIF of more than 64 kB" in notes[0]
    assert b"AAAA" not in data
    assert np.abs(np.asarray(with_pillow(data), float) - COFFEE).mean() < 5
