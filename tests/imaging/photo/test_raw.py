"""Camera raw is developed to what the camera saw."""

import io
import struct
import subprocess
import sys

import numpy as np
import pytest
import skimage.data
from PIL import Image

from pillow_files import XMP, exif_block, with_pillow
from raw_files import dng
from unblur.errors import PhotoError
from unblur.imaging.photo.photo import default_suffix, encode_photo, read_photo, write_photo
from unblur.imaging.photo.raw import raw_tags

SCENE = skimage.data.astronaut()[:256, 100:400] / 255.0  # has white, so it is not brightened
CANON = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")


def psnr(found, wanted):
    return -10 * np.log10(np.mean((found - wanted) ** 2))


def box(kind, body):
    return struct.pack(">I4s", 8 + len(body), kind) + body


def tags_of(exif):
    return Image.open(io.BytesIO(exif_carrier(exif))).getexif()


def exif_carrier(exif):
    stream = io.BytesIO()
    Image.new("L", (8, 8)).save(stream, "jpeg", exif=b"Exif\0\0" + exif)
    return stream.getvalue()


@pytest.mark.parametrize("gains", [(0.5, 1.0, 0.7), (0.9, 1.0, 0.35)])
def test_colours_are_those_of_the_scene_whatever_the_sensor_sees(gains):
    photo = read_photo(dng(SCENE, gains=gains))

    assert psnr(photo.pixels[2:-2, 2:-2], SCENE[2:-2, 2:-2]) > 33  # the mosaic has a third of it
    brighter = photo.pixels.mean((0, 1)) / SCENE.mean((0, 1))
    np.testing.assert_allclose(brighter, 1, atol=0.02)
    assert np.ptp(brighter) < 0.002  # no cast
    assert (photo.bits, photo.format, photo.quality) == (16, "tiff", 95)
    assert photo.metadata.icc is None  # sRGB
    assert "white balance of the camera" in photo.notes[0]


def test_there_are_more_than_8_bits_of_levels():
    ramp = np.repeat(np.linspace(0, 1, 1024)[None, :, None], 3, axis=2).repeat(32, axis=0)

    photo = read_photo(dng(ramp))

    assert len(np.unique(photo.pixels[8:-8, :, 1])) > 1000


def test_a_dark_exposure_is_brightened_until_next_to_nothing_is_clipped():
    photo = read_photo(dng(SCENE, level=0.25))

    assert psnr(photo.pixels[2:-2, 2:-2], SCENE[2:-2, 2:-2]) > 32


@pytest.mark.parametrize(("orientation", "quarters"), [(3, 2), (6, 3), (8, 1)])
def test_it_is_turned_upright(orientation, quarters):
    photo = read_photo(dng(SCENE, orientation=orientation))

    upright = np.rot90(SCENE, quarters)
    assert photo.pixels.shape == upright.shape
    assert psnr(photo.pixels[2:-2, 2:-2], upright[2:-2, 2:-2]) > 33
    assert tags_of(photo.metadata.exif).get(274, 1) == 1


@pytest.mark.parametrize("suffix", [".tif", ".jpg", ".png"])
def test_exif_survives_without_the_makers_notes(suffix, tmp_path):
    (tmp_path / "photo.dng").write_bytes(dng(SCENE))
    write_photo(read_photo(tmp_path / "photo.dng"), tmp_path / f"photo{suffix}")

    data = (tmp_path / f"photo{suffix}").read_bytes()
    exif = with_pillow(data).getexif()
    assert (exif[271], exif[272]) == ("Maker", "Model One")
    assert exif.get_ifd(34665)[34855] == 800
    assert exif.get_ifd(34665)[33434] == 1 / 30
    assert b"maker's secret" not in data
    assert read_photo(data).bits == (8 if suffix == ".jpg" else 16)


def test_exif_of_cr3_is_joined_from_its_boxes():
    blocks = {kind: exif_block()[6:] for kind in (b"CMT1", b"CMT4")}
    inner = Image.Exif()
    inner[0x829A], inner[0x927C] = 0.008, b"note" * 9
    blocks[b"CMT2"] = inner.tobytes()[6:]
    canon = b"uuid" + CANON + b"".join(box(kind, block) for kind, block in blocks.items())
    moov = box(b"moov", struct.pack(">I", 4 + len(canon)) + canon + box(b"trak", bytes(40)))
    data = box(b"ftyp", b"crx \0\0\0\1crx isom") + box(b"free", bytes(9)) + moov

    exif = tags_of(raw_tags(io.BytesIO(data))[0])

    assert exif[271] == "ACME"
    assert exif.get_ifd(34665)[0x829A] == pytest.approx(0.008)
    assert 0x927C not in exif.get_ifd(34665)
    assert exif.get_ifd(34853)


def test_exif_of_raf_is_that_of_the_jpeg_inside():
    inside = exif_carrier(exif_block()[6:])
    head = b"FUJIFILMCCD-RAW 0201FF389501".ljust(84, b"\0") + struct.pack(">II", 148, len(inside))

    exif = tags_of(raw_tags(io.BytesIO(head.ljust(148, b"\0") + inside))[0])

    assert exif[271] == "ACME"
    assert exif.get_ifd(34665)[0xA434] == "Lens 50"


@pytest.mark.parametrize("head", [b"IIRO", b"IIU\0"])
def test_exif_of_orf_and_rw2_is_in_their_tags(head):
    exif = raw_tags(io.BytesIO(head + dng(SCENE)[4:]))[0]

    assert tags_of(exif)[271] == "Maker"
    assert tags_of(exif).get_ifd(34665)[34855] == 800


def test_it_is_told_by_content_and_a_tiff_by_name(tmp_path):
    (tmp_path / "photo.jpg").write_bytes(dng(SCENE))
    (tmp_path / "photo.pef").write_bytes(encode_photo(read_photo(exif_carrier(b"")), "tiff"))

    assert read_photo(tmp_path / "photo.jpg").bits == 16
    with pytest.raises(PhotoError, match=r"photo\.pef: this camera raw is damaged"):
        read_photo(tmp_path / "photo.pef")
    assert default_suffix(tmp_path / "photo.NEF") == ".tif"


def test_too_many_pixels_are_refused_from_the_header():
    with pytest.raises(PhotoError, match=r"300 x 256 px are 0.0768 megapixels, the limit is 0.07"):
        read_photo(dng(SCENE), max_megapixels=0.07)


@pytest.mark.parametrize(
    "content",
    [
        *(b"FUJIFILMCCD-RAW" + bytes(200), b"IIRO\x08\0\0\0" + bytes(99), b"FOVb" + bytes(99)),
        *(b"IIU\0\x08\0\0\0" + bytes(99), b"\0\0\0\x18ftypcrx \0\0\0\1crx isom" + bytes(99)),
        *(b"II\x1a\0\0\0HEAPCCDR" + bytes(99), b"\0MRM" + bytes(99)),
    ],
)
def test_what_only_looks_like_raw_is_one_line(content):
    with pytest.raises(PhotoError, match=r"camera raw .* unknown camera \(.*\); ") as raised:
        read_photo(content)

    assert "\n" not in str(raised.value)


def test_cut_short_is_one_line_and_prints_nothing():
    data = dng(SCENE)
    assert read_photo(data).bits == 16
    code = (
        "from unblur.imaging.photo.photo import read_photo\n"
        f"for data in {[data[: len(data) * k // 100] for k in (1, 50, 99)]!r}:\n"
        "    try: read_photo(data)\n"
        "    except OSError as error: print(error)\n"
    )

    result = subprocess.run(
        [sys.executable, "-"], input=code, capture_output=True, text=True, check=True
    )

    assert result.stderr == ""
    lines = result.stdout.splitlines()
    assert len(lines) == 3
    assert all("camera raw is damaged or cut short; fetch it again" in line for line in lines)


def test_without_the_extra_the_error_says_what_to_install(tmp_path, monkeypatch):
    (tmp_path / "photo.dng").write_bytes(dng(SCENE))
    monkeypatch.setitem(sys.modules, "rawpy", None)

    with pytest.raises(PhotoError, match=r"photo\.dng: camera raw needs rawpy; pip install"):
        read_photo(tmp_path / "photo.dng")


def test_xmp_and_iptc_survive(tmp_path):
    iptc = b"\x1c\x02\x78\0\x05hello"
    data = dng(SCENE, extra=[(700, 1, XMP % 6), (33723, 7, iptc)])

    photo = read_photo(data)

    assert photo.metadata.iptc == iptc
    assert photo.metadata.xmp == XMP % 1
    settings = b'<x xmlns:crs="http://ns.adobe.com/camera-raw-settings/1.0/" crs:Exposure="2"/>'
    assert read_photo(dng(SCENE, extra=[(700, 1, settings)])).metadata.xmp is None


def test_the_command_line_restores_raw(run, tmp_path):
    (tmp_path / "photo.dng").write_bytes(dng(SCENE))

    done = run("restore", "photo.dng", "-o", "restored.tif")

    assert (done.returncode, done.stderr) == (0, "")
    assert read_photo(tmp_path / "restored.tif").bits == 16
