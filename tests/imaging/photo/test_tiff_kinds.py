"""What the samples of a TIFF mean, written by tifffile, Pillow and by hand, read by tifffile."""

import io
import struct

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from pillow_files import ASTRONAUT, encoded, with_pillow
from unblur import read_photo, write_photo
from unblur.errors import PhotoError

GREY = ASTRONAUT[..., 1].copy()
INKS = np.dstack([255 - ASTRONAUT, np.zeros_like(GREY)])
SRGB, LAB = (ImageCms.createProfile(name) for name in ("sRGB", "LAB"))
LAB_CODES = np.asarray(
    ImageCms.profileToProfile(Image.fromarray(ASTRONAUT), SRGB, LAB, outputMode="LAB")
)
"""Lightness from 0 to 255, and colours as signed bytes."""


def _tiff(array, **options):
    stream = io.BytesIO()
    tifffile.imwrite(stream, array, **options)
    return stream.getvalue()


def _codes(photo):
    return np.rint(photo.pixels * 255).astype(int)


@pytest.mark.parametrize("photometric", ["minisblack", "rgb", "separated"])
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i1", "i2", "i4", "u4", "u8", "c8"])
@pytest.mark.parametrize("bigtiff", [False, True])
def test_numbers_without_a_known_white_are_refused(photometric, dtype, bigtiff):
    picture = {"minisblack": GREY, "rgb": ASTRONAUT, "separated": INKS}[photometric]
    data = _tiff((picture // 2).astype(dtype), photometric=photometric, bigtiff=bigtiff)

    with pytest.raises(PhotoError, match=r"channels of type .* 8 or 16-bit integers"):
        read_photo(data)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (_tiff(INKS, photometric="separated", extratags=[(332, 3, 1, 2, True)]), "inks other"),
        (_tiff(LAB_CODES, photometric="itulab"), "photometric interpretation of 10"),
        (_tiff(ASTRONAUT.astype("u2"), photometric="ycbcr"), "YCbCr of 16 bits"),
    ],
)
def test_colours_of_other_kinds_are_refused(data, why):
    with pytest.raises(PhotoError, match=why):
        read_photo(data)


def _lab_files():
    light = LAB_CODES[..., :1]
    colours = LAB_CODES[..., 1:].view(np.int8).astype(int)
    yield (
        "Pillow's",
        encoded(Image.frombytes("LAB", LAB_CODES.shape[1::-1], LAB_CODES.tobytes()), "tiff"),
    )
    yield "8 bits", _tiff(LAB_CODES, photometric="cielab")
    yield "of ICC", _tiff(LAB_CODES ^ np.array([0, 128, 128], np.uint8), photometric="icclab")
    deep = np.concatenate([light * 257.0, colours * 256.0 % 65536], axis=2)
    yield "16 bits", _tiff(deep.astype("u2"), photometric="cielab", byteorder=">")
    deep = np.concatenate([light * 256.0, (colours + 128.0) * 256], axis=2)
    yield "of ICC, 16 bits", _tiff(deep.astype("u2"), photometric="icclab", byteorder=">")


@pytest.mark.parametrize(("name", "data"), _lab_files())
def test_lab_of_every_kind_becomes_srgb(name, data):
    photo = read_photo(data)

    assert photo.notes == ("Lab converted to sRGB",)
    assert photo.bits == (16 if "16" in name else 8)
    assert photo.metadata.icc is None
    assert np.abs(_codes(photo) - ASTRONAUT).mean() < 1


def _ycbcr(steps):
    """A TIFF of YCbCr that is not compressed, its colours once for ``steps`` of pixels."""
    codes = np.asarray(Image.fromarray(ASTRONAUT).convert("YCbCr")).astype(float)
    high, wide, _ = codes.shape
    blocks = codes.reshape(high // steps, steps, wide // steps, steps, 3).swapaxes(1, 2)
    light = blocks[..., 0].reshape(-1, steps * steps)
    colours = blocks[..., 1:].mean(axis=(2, 3)).reshape(-1, 2)
    data = np.rint(np.concatenate([light, colours], axis=1)).astype(np.uint8).tobytes()
    tags = [(256, 3, 1, wide), (257, 3, 1, high), (258, 3, 3, 8), (259, 3, 1, 1), (262, 3, 1, 6)]
    tags += [(273, 4, 1, 200), (277, 3, 1, 3), (278, 3, 1, high), (279, 4, 1, len(data))]
    tags += [(530, 3, 2, steps | steps << 16)]
    table = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    table = table.replace(struct.pack("<HHII", 258, 3, 3, 8), struct.pack("<HHII", 258, 3, 3, 190))
    head = b"II*\0" + struct.pack("<IH", 8, len(tags)) + table + bytes(4)
    return head.ljust(190, b"\0") + struct.pack("<3H", 8, 8, 8) + bytes(4) + data


@pytest.mark.parametrize("steps", [1, 2])
def test_ycbcr_that_is_not_jpeg_becomes_rgb_and_gains_no_alpha(steps, tmp_path):
    photo = read_photo(_ycbcr(steps))

    assert photo.alpha is None
    assert np.abs(_codes(photo) - ASTRONAUT).mean() < (1.2 if steps == 1 else 4)
    write_photo(photo, tmp_path / "photo.tif")
    assert tifffile.imread(tmp_path / "photo.tif").shape == ASTRONAUT.shape


def test_pillows_ycbcr_is_read_as_pillow_reads_it():
    image = Image.fromarray(ASTRONAUT).convert("YCbCr")

    codes = _codes(read_photo(encoded(image, "tiff")))

    assert np.abs(codes - np.asarray(image.convert("RGB")).astype(int)).max() <= 1


@pytest.mark.parametrize("meaning", [0, 2])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("colours", [GREY[..., None], ASTRONAUT])
def test_the_meaning_of_an_extra_channel_is_kept(meaning, dtype, colours, tmp_path):
    bands = np.dstack([colours, GREY // 2]).astype(dtype) * (257 if dtype is np.uint16 else 1)
    grey = colours.shape[2] == 1
    options = {"photometric": "minisblack" if grey else "rgb", "planarconfig": "contig"}
    photo = read_photo(_tiff(bands, extrasamples=[meaning], **options))

    write_photo(photo, tmp_path / "photo.tif")
    write_photo(photo, tmp_path / "photo.png")

    with tifffile.TiffFile(tmp_path / "photo.tif") as file:
        assert [int(x) for x in file.pages[0].extrasamples] == [meaning]
        np.testing.assert_array_equal(file.asarray(), bands)
    # A selection that somebody saved must not make a PNG transparent.
    has_alpha = (tmp_path / "photo.png").read_bytes()[25] & 4  # of the colour type in its header
    assert bool(has_alpha) == (meaning == 2)


@pytest.mark.parametrize("large", [False, True])
def test_the_command_line_names_an_extra_channel_that_is_lost(run, tmp_path, monkeypatch, large):
    monkeypatch.setattr("unblur.tasks.restore.file._LARGE_MEGAPIXELS", 0 if large else 6)
    bands = np.dstack([ASTRONAUT, GREY])
    tifffile.imwrite(tmp_path / "a.tif", bands, photometric="rgb", extrasamples=[0])

    kept = run("restore", "a.tif", "--method", "network")
    lost = run("restore", "a.tif", "--method", "network", "-o", "a.png")

    assert kept.returncode == lost.returncode == 0, kept.stderr + lost.stderr
    assert "extra channel" not in kept.stdout
    assert "extra channel left out" in lost.stdout
    assert with_pillow((tmp_path / "a.png").read_bytes()).mode == "RGB"
    with tifffile.TiffFile(tmp_path / "a.unblurred.tif") as file:
        assert [int(x) for x in file.pages[0].extrasamples] == [0]
        np.testing.assert_array_equal(file.asarray()[..., 3], GREY)
