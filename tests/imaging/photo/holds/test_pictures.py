"""More than one picture, or more than a picture, in a file: kept, or named in one line."""

import io
import re
import struct

import numpy as np
import pillow_heif
import pytest
import pyvips
import tifffile
from PIL import Image, ImageOps, MpoImagePlugin

from heif_files import heic
from held_files import (
    SMALL,
    chunk,
    directory,
    encoded,
    film,
    frames_of,
    gain_map,
    jpeg_with,
    motion_photo,
    through,
    ultra_hdr,
    xmp,
)
from pillow_files import ASTRONAUT, COFFEE, FORMATS, XMP, exif_block, with_pillow
from unblur.imaging.photo.photo import Photo, encode_photo, read_photo

OTHER = Image.fromarray(ASTRONAUT)
EXTENSION = b"http://ns.adobe.com/xmp/extension/\0"
GUID = b"0123456789ABCDEF0123456789ABCDEF"


@pytest.fixture(scope="module")
def movie():
    return film()


def last_picture(data):
    """The last of a JPEG's pictures, as Pillow finds it by the file's index."""
    image = MpoImagePlugin.MpoImageFile(io.BytesIO(data))
    assert image.n_frames == 2
    image.seek(1)
    image.load()
    return image


def behind(data, packet):
    """What stands behind a JPEG as its XMP lists it, from the end of the file."""
    lengths = [int(n) for n in re.findall(rb'Item:Length="(\d+)"', packet)][1:]
    return [data[len(data) - sum(lengths[k:]) :][: lengths[k]] for k in range(len(lengths))]


def test_the_film_of_a_motion_photo_stays_and_is_found_by_its_xmp(movie):
    source = motion_photo(movie)

    data, notes = through(source, "jpeg")
    packet = with_pillow(data).info["xmp"]

    assert notes == ()
    assert behind(data, packet) == [movie]
    assert frames_of(data[-len(movie) :]) == 5
    assert packet == with_pillow(source).info["xmp"]  # nothing in it was wrong


@pytest.mark.parametrize("file_format", ["png", "tiff", "webp"])
def test_a_film_that_a_format_cannot_hold_is_named_and_no_longer_announced(file_format, movie):
    data, notes = through(motion_photo(movie), file_format)

    assert len(notes) == 1
    assert notes[0].startswith("left out: film of 2 kB: ")
    packet = read_photo(data).metadata.xmp
    assert b"MotionPhoto" not in packet
    assert b"Directory" not in packet
    assert b"<x:xmpmeta" in packet


def test_a_film_goes_into_the_box_of_an_avif_and_back(movie):
    avif, notes = through(motion_photo(movie), "avif")
    again, more = through(avif, "avif")
    jpeg, most = through(again, "jpeg")

    assert (notes, more, most) == ((), (), ())
    head = struct.pack(">I4s", len(movie) + 8, b"mpvd")
    assert avif.endswith(head + movie)
    assert again.endswith(head + movie)
    assert jpeg.endswith(movie)
    np.testing.assert_array_equal(with_pillow(avif).size, SMALL.size)
    packet = with_pillow(avif).info["xmp"]
    assert b'Item:Mime="image/avif"' in packet
    assert b'Item:Padding="8"' in packet
    packet = with_pillow(jpeg).info["xmp"]
    assert behind(jpeg, packet) == [movie]
    assert b'Item:Padding="8"' not in packet
    assert packet.count(b'Item:Mime="image/jpeg"') == 1


def test_the_film_of_a_heic_comes_along_into_a_jpeg(movie):
    packet = xmp(
        'GCamera:MotionPhoto="1"', directory(("MotionPhoto", "video/mp4", len(movie)))
    ).replace(b'Mime="image/jpeg"', b'Mime="image/heic"')
    source = heic(COFFEE, xmp=packet) + struct.pack(">I4s", len(movie) + 8, b"mpvd") + movie

    data, notes = through(source, "jpeg")

    assert notes == ()
    assert behind(data, with_pillow(data).info["xmp"]) == [movie]
    assert b"image/heic" not in with_pillow(data).info["xmp"]


def test_a_film_found_from_the_end_and_one_in_samsungs_directory_stay_byte_for_byte(movie):
    micro = xmp(f'GCamera:MicroVideo="1" GCamera:MicroVideoOffset="{len(movie)}"')
    samsung = b"\0\0\x30\x0a\x10\0\0\0MotionPhoto_Data" + movie
    samsung += b"SEFH" + bytes(20) + struct.pack("<I", 24) + b"SEFT"
    for packet, trailer in ((micro, movie), (XMP % 1, samsung), (XMP % 1, bytes(64) + movie)):
        source = encoded(SMALL, "jpeg", xmp=packet) + trailer

        data, notes = through(source, "jpeg")

        assert notes == ()
        assert data.endswith(b"\xff\xd9" + trailer)
        assert with_pillow(data).info["xmp"] == packet


def test_xmp_that_announces_a_film_which_is_not_there_is_mended(movie):
    source = motion_photo(movie)[: -len(movie)]

    packet = with_pillow(through(source, "jpeg")[0]).info["xmp"]

    assert b"MotionPhoto" not in packet
    assert read_photo(source).metadata.xmp in source  # only where it is written


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_gain_map_of_an_ultra_hdr_photo_stays_and_turns_with_it(orientation):
    source = ultra_hdr(gain_map(), exif=exif_block(orientation))

    data, notes = through(source, "jpeg")
    image, second = with_pillow(data), last_picture(data)

    assert notes == ()
    wanted = ImageOps.exif_transpose(
        with_pillow(encoded(with_pillow(gain_map()), "png", exif=exif_block(orientation)))
    )
    assert image.getexif()[0x0112] == 1
    assert second.size == (wanted.size if orientation > 1 else (40, 30))
    np.testing.assert_allclose(
        np.asarray(second, float), np.asarray(wanted.convert("L"), float), atol=12
    )
    assert b"GainMapMax" in second.info["xmp"]
    packet = image.info["xmp"]
    assert b'hdrgm:Version="1.0"' in packet
    (found,) = behind(data, packet)
    assert with_pillow(found).size == second.size
    assert (found == gain_map()) == (orientation == 1)


def test_googles_library_reads_the_gain_map_that_it_has_written():
    light = pyvips.Image.new_from_array((COFFEE / 255.0) ** 2.2 * 4).cast("float")
    source = light.copy(interpretation="scrgb").uhdrsave_buffer(Q=90)
    before = pyvips.Image.uhdrload_buffer(source)

    data, notes = through(source, "jpeg")
    after = pyvips.Image.uhdrload_buffer(data)

    assert notes == ()
    assert bytes(after.get("gainmap-data")) == bytes(before.get("gainmap-data"))
    for name in before.get_fields():
        if name.startswith("gainmap-") and name != "gainmap-data":
            assert after.get(name) == before.get(name), name


def test_a_gain_map_and_a_film_stay_together(movie):
    second = gain_map()
    packet = xmp(
        'hdrgm:Version="1.0" GCamera:MotionPhoto="1"',
        directory(("GainMap", "image/jpeg", len(second)), ("MotionPhoto", "video/mp4", len(movie))),
    )
    source = encoded(SMALL, "jpeg", xmp=packet, exif=exif_block(8)) + second + movie

    data, notes = through(source, "jpeg")

    assert notes == ()
    parts = behind(data, with_pillow(data).info["xmp"])
    assert with_pillow(parts[0]).size == (30, 40)
    assert parts[1] == movie


@pytest.mark.parametrize("file_format", ["png", "tiff", "webp", "avif"])
def test_a_gain_map_that_a_format_cannot_hold_is_named(file_format):
    data, notes = through(ultra_hdr(gain_map()), file_format)

    assert len(notes) == 1
    assert notes[0].startswith("left out: gain map: ")
    packet = read_photo(data).metadata.xmp
    assert b"hdrgm:Version" not in packet
    assert b"GainMap" not in packet


def test_a_gain_map_does_not_stay_with_a_part_of_its_photo():
    photo = read_photo(ultra_hdr(gain_map()))
    part = Photo(pixels=photo.pixels[:60], metadata=photo.metadata)

    data = encode_photo(part, "jpeg")

    assert with_pillow(data).format == "JPEG"
    assert data.count(b"\xff\xd8\xff") == 1
    assert b"hdrgm:Version" not in with_pillow(data).info["xmp"]


def test_mpo_and_what_else_stands_behind_a_jpeg_is_named():
    mpo = encoded(SMALL, "mpo", save_all=True, append_images=[OTHER, OTHER])
    depth = xmp("", directory(("Depth", "image/jpeg", 900)))
    second = encoded(OTHER, "jpeg")
    for source, note in (
        (mpo, "first of 3 pictures"),
        (encoded(SMALL, "jpeg", xmp=depth) + second, "left out: further picture of"),
        (encoded(SMALL, "jpeg") + b"PK\3\4" + bytes(range(200)), "204 bytes behind the picture"),
    ):
        data, notes = through(source, "jpeg")

        assert len(notes) == 1
        assert note in notes[0]
        assert with_pillow(data).format == "JPEG"
        assert b"Directory" not in data


def test_zeros_behind_a_picture_are_no_news():
    for file_format in FORMATS[:2]:
        assert read_photo(encoded(SMALL, file_format) + bytes(64)).notes == ()


@pytest.mark.parametrize("file_format", ["png", "avif", "webp", "gif", "tiff"])
def test_the_first_of_several_frames_is_named_as_such(file_format):
    frames = [Image.fromarray(COFFEE // k) for k in (2, 3)]
    source = encoded(SMALL, file_format, save_all=True, append_images=frames)
    assert with_pillow(source).n_frames == 3

    photo = read_photo(source)

    assert photo.notes == (f"first of 3 {'pages' if file_format == 'tiff' else 'frames'}",)
    assert np.abs(photo.pixels * 255 - COFFEE).mean() < 9


def test_an_animation_beside_a_still_picture_is_named():
    frames = [Image.fromarray(COFFEE // k) for k in (2, 3)]
    source = encoded(SMALL, "png", save_all=True, append_images=frames, default_image=True)

    photo = read_photo(source)

    assert photo.notes == ("the still picture; its animation of 2 frames left out",)
    np.testing.assert_allclose(photo.pixels * 255, COFFEE, atol=0.01)


def test_a_heic_with_two_pictures_and_a_depth_map_says_so():
    file = pillow_heif.from_bytes("RGB", (160, 120), COFFEE.tobytes())
    file.add_from_pillow(OTHER)
    stream = io.BytesIO()
    file.save(stream, quality=90)

    assert read_photo(stream.getvalue()).notes == ("the main one of 2 pictures",)


def test_a_reduced_copy_in_a_tiff_is_no_page():
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream) as writer:
        writer.write(COFFEE, photometric="rgb")
        writer.write(COFFEE[::4, ::4], photometric="rgb", subfiletype=1)
        writer.write(ASTRONAUT, photometric="rgb")

    assert read_photo(stream.getvalue()).notes == ("first of 2 pages",)


def test_xmp_that_did_not_fit_into_one_block_stays_whole():
    long = XMP % 1
    long = long.replace(b'tiff:Make="ACME"', b'tiff:Make="' + b"A" * 150_000 + b'"')
    photo = read_photo(encoded(SMALL, "webp", xmp=long))

    data, notes = through(encoded(SMALL, "webp", xmp=long), "jpeg")
    again, more = through(data, "jpeg")

    assert photo.metadata.xmp == long
    assert (notes, more) == ((), ())
    for found in (data, again):
        name = re.search(rb'HasExtendedXMP="([0-9A-F]{32})"', found)[1]
        parts = re.findall(EXTENSION.replace(b".", rb"\.") + name + rb"(.{8})", found, re.DOTALL)
        assert [struct.unpack(">II", part)[0] for part in parts] == [len(long)] * 3
        assert [struct.unpack(">II", part)[1] for part in parts] == [0, 65_000, 130_000]


def test_extended_xmp_is_kept_by_jpeg_and_named_elsewhere():
    body = EXTENSION + GUID + struct.pack(">II", 400, 0) + b"<x>" + b"d" * 393 + b"</x>"
    packet = xmp(f'xmpNote:HasExtendedXMP="{GUID.decode()}" GDepth:Format="RangeInverse"')
    source = jpeg_with((0xE1, body), xmp=packet)
    data, notes = through(source, "jpeg")
    png, lost = through(source, "png")

    assert body in data
    assert packet in data
    assert notes == ()
    assert "extended XMP of 400 bytes" in lost[0]
    assert b"HasExtendedXMP" not in read_photo(png).metadata.xmp
    assert b"GDepth:Format" not in read_photo(png).metadata.xmp


def test_unknown_segments_chunks_and_boxes_are_named():
    credentials = (0xEB, b"JP\0\1" + bytes(20))
    jpeg = jpeg_with((0xE7, b"HUAWEI\0\0"), credentials)
    plain = encoded(SMALL, "png")
    png = plain[:33] + chunk("tIME", bytes([7, 234, 1, 1, 0, 0, 0])) + chunk("caBX", b"c2pa")
    webp = encoded(SMALL, "webp", exif=exif_block())
    riff = (
        struct.pack("<I", len(webp) - 8 + 12) + webp[8:] + b"ABCD" + struct.pack("<I", 4) + b"data"
    )
    avif = encoded(SMALL, "avif") + struct.pack(">I4s", 28, b"sefd") + bytes(20)
    path = b"Photoshop 3.0\0" + struct.pack(">4sHHI", b"8BIM", 2000, 0, 26) + b"p" * 26
    for source, wanted in (
        (jpeg_with((0xED, path)), "left out: Photoshop's settings"),
        (jpeg, "left out: APP7 (HUAWEI), APP11 (content credentials, JUMBF)"),
        (png + plain[33:], "left out: content credentials (C2PA)"),
        (webp[:4] + riff, "left out: chunk 'ABCD'"),
        (avif, "left out: box 'sefd' of 28 bytes"),
    ):
        assert read_photo(source).notes == (wanted,)


def test_when_a_png_was_changed_last_is_neither_copied_nor_news():
    plain = encoded(SMALL, "png")
    photo = read_photo(plain[:33] + chunk("tIME", bytes([7, 234, 1, 1, 0, 0, 0])) + plain[33:])

    assert photo.notes == ()
    assert b"tIME" not in encode_photo(photo, "png")


def test_a_preview_in_xmp_of_the_photo_as_it_was_goes():
    inside = (
        '<xap:Thumbnails xmlns:xap="http://ns.adobe.com/xap/1.0/"><rdf:Alt><rdf:li>/9j/4AAQ'
        "</rdf:li></rdf:Alt></xap:Thumbnails>"
    )
    data, _ = through(encoded(SMALL, "jpeg", xmp=xmp('tiff:Make="ACME"', inside)), "jpeg")

    packet = with_pillow(data).info["xmp"]
    assert b"/9j/" not in packet
    assert b"ACME" in packet
