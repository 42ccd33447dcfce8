"""Bad input is an error in one line, never a half-grey picture."""

import io
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
import skimage.data
from PIL import Image

from unblur.errors import PhotoError
from unblur.imaging.photo import sniff
from unblur.imaging.photo.photo import encode_photo, read_photo

COFFEE = Image.fromarray(skimage.data.coffee()[:200, :300])


def encoded(file_format, image=COFFEE, **options):
    stream = io.BytesIO()
    image.save(stream, file_format, **options)
    return stream.getvalue()


def one_line(raised):
    return "\n" not in str(raised.value)


def png_chunk(kind, body):
    check = struct.pack(">I", zlib.crc32(kind + body))
    return struct.pack(">I", len(body)) + kind + body + check


def png_bomb(width, height):
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 1)  # interlaced
    data = zlib.compress(bytes(4_000_000))
    chunks = ((b"IHDR", header), (b"IDAT", data), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks)


@pytest.mark.parametrize("file_format", ["jpeg", "png", "tiff", "webp", "avif", "gif"])
@pytest.mark.parametrize("part", [0.1, 0.5, 0.95])
def test_cut_short_is_an_error(file_format, part):
    data = encoded(file_format)

    with pytest.raises(PhotoError, match="damaged, cut short") as raised:
        read_photo(data[: int(len(data) * part)])

    assert one_line(raised)


def test_cut_short_with_the_directory_in_front_is_an_error():
    data = encode_photo(read_photo(encoded("png")), "tiff")

    with pytest.raises(PhotoError, match="damaged, cut short"):
        read_photo(data[: len(data) // 2])


def test_progressive_jpeg_cut_short_is_an_error():
    data = encoded("jpeg", progressive=True)

    with pytest.raises(PhotoError, match="damaged, cut short"):
        read_photo(data[: len(data) // 2])


@pytest.mark.parametrize("file_format", ["jpeg", "png", "avif"])
def test_damage_in_the_middle_is_an_error(file_format):
    data = bytearray(encoded(file_format))
    middle = len(data) // 2
    data[middle : middle + 100] = bytes(100)

    with pytest.raises(PhotoError, match="damaged, cut short") as raised:
        read_photo(bytes(data))

    assert one_line(raised)


def test_stray_bytes_between_jpeg_segments_are_harmless():
    data = encoded("jpeg")
    table = data.index(b"\xff\xdb")

    photo = read_photo(data[:table] + bytes(3) + data[table:])

    np.testing.assert_array_equal(photo.pixels, read_photo(data).pixels)


def test_a_complaint_of_libvips_that_is_not_utf_8_does_no_harm():
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = encoded("avif", exif=exif).replace(b"irot", b"\xfbrot")

    with pytest.raises(PhotoError, match="AVIF is damaged"):
        read_photo(turned)
    with pytest.raises(PhotoError, match="PNG is damaged"):  # not the complaint before it
        read_photo(encoded("png")[:1000])


def test_damaged_exif_is_dropped_with_a_note():
    photo = read_photo(encoded("jpeg", exif=b"Exif\0\0MM\0*\0\0\xff\0"))

    assert photo.metadata.exif is None
    assert photo.notes == ("EXIF is damaged and was dropped",)


def test_too_many_pixels_are_refused_from_the_header_alone(tmp_path):
    path = tmp_path / "bomb.png"
    path.write_bytes(png_bomb(60_000, 60_000))
    code = (
        "import resource, sys; from unblur.imaging.photo.photo import read_photo\n"
        "from unblur.errors import PhotoError\n"
        "import pyvips\n"
        "used = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before = used()\n"
        "try: read_photo(sys.argv[1])\n"
        "except PhotoError as error: print(error)\n"
        "print((used() - before) // 1024)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, path], capture_output=True, text=True, check=True
    )

    message, megabytes = result.stdout.splitlines()
    assert message == (
        f"{path}: 60000 x 60000 px are 3600 megapixels, the limit is 200; raise it with "
        "--max-megapixels (max_megapixels=)"
    )
    assert int(megabytes) < 60
    assert result.stderr == ""


def test_the_limit_can_be_chosen():
    with pytest.raises(PhotoError, match=r"300 x 200 px are 0.06 megapixels, the limit is 0.05"):
        read_photo(encoded("png"), max_megapixels=0.05)
    assert read_photo(encoded("png"), max_megapixels=0.06).pixels.shape == (200, 300, 3)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty; a JPEG, PNG"),
        (b"just some text, renamed", "not a photo in a known format; JPEG, PNG"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>", "known format"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC is damaged.*; .*export it as JPEG"),
        (b"II*\0\x10\0\0\0CR\x02\0", "camera raw is damaged.*; develop it"),
        (b"\x89PNG\r\n\x1a\n and no more", "PNG is damaged"),
        (b"\xff\xd8\xff", "JPEG is damaged"),
        (b"II*\0", "TIFF is damaged"),
    ],
)
def test_what_is_no_photo_is_named_with_what_would_work(content, message, tmp_path):
    path = tmp_path / "holiday.png"
    path.write_bytes(content)

    with pytest.raises(PhotoError, match=message) as raised:
        read_photo(path)

    assert str(path) in str(raised.value)
    assert one_line(raised)


def test_only_formats_are_advised_that_this_installation_reads(monkeypatch):
    def told():
        with pytest.raises(PhotoError) as raised:
            read_photo(b"just some text")
        return str(raised.value).split("; ")[1]

    assert told() == "JPEG, PNG, TIFF, WebP, AVIF, GIF, HEIC or camera raw would work"

    monkeypatch.setitem(sniff._EXTRAS, "HEIC", "no_such_module")
    assert told() == "JPEG, PNG, TIFF, WebP, AVIF, GIF or camera raw would work"
    monkeypatch.setitem(sniff._EXTRAS, "camera raw", "no_such_module")
    assert told() == "JPEG, PNG, TIFF, WebP, AVIF or GIF would work"


def test_tiff_of_floats_is_refused():
    with pytest.raises(PhotoError, match="1 channels of type float; grey or RGB"):
        read_photo(encoded("tiff", COFFEE.convert("F")))


def test_tiff_whose_first_picture_is_a_preview_is_refused_as_raw():
    with pytest.raises(PhotoError, match=r"camera raw .* unknown camera"):
        read_photo(encoded("tiff", tiffinfo={254: 1}))


@pytest.mark.parametrize(
    ("name", "message"),
    [(".", "is a folder"), ("none.jpg", "no such file"), ("a\0b.jpg", "null byte")],
)
def test_a_path_that_cannot_be_opened_is_named(name, message, tmp_path):
    with pytest.raises(PhotoError, match=message) as raised:
        read_photo(tmp_path / name)

    assert str(tmp_path) in str(raised.value)


def test_nothing_is_printed_for_bad_files():
    broken = [encoded(kind)[:-40] for kind in ("jpeg", "png", "tiff", "webp", "avif", "gif")]
    broken.append(encoded("tiff").replace(struct.pack("<II", 1, 300), struct.pack("<II", 1, 2**30)))
    code = (
        f"from unblur.imaging.photo.photo import read_photo\nfor data in {broken!r}:\n"
        "    try: read_photo(data)\n"
        "    except OSError: pass\n"
    )
    result = subprocess.run(
        [sys.executable, "-"], input=code, capture_output=True, text=True, check=True
    )

    assert (result.stdout, result.stderr) == ("", "")
