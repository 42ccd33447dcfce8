"""Photos survive being read and written."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import pyvips
from PIL import Image, ImageOps

from pillow_files import ASTRONAUT, CAMERA, COFFEE, FORMATS, encoded, exif_block, with_pillow
from unblur.errors import OptionError
from unblur.imaging.photo.photo import Photo, encode_photo, read_photo, write_photo


def psnr(a, b):
    error = np.mean((np.asarray(a, float) - np.asarray(b, float)) ** 2)
    return 10 * np.log10(255**2 / max(error, 1e-9))


def rewritten(data, suffix, tmp_path):
    target = tmp_path / f"written{suffix}"
    write_photo(read_photo(data), target)
    return target.read_bytes()


def test_pixels_are_display_values_from_0_to_1():
    photo = read_photo(encoded(Image.fromarray(ASTRONAUT), "png"))

    assert photo.pixels.dtype == np.float32
    np.testing.assert_allclose(photo.pixels, ASTRONAUT / 255, atol=1e-7)
    assert (photo.bits, photo.grey, photo.alpha, photo.format) == (8, False, None, "png")


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("file_format", FORMATS)
def test_what_is_displayed_stays_the_same_for_every_orientation(file_format, orientation, tmp_path):
    options = {"tiffinfo": {274: orientation}} if file_format == "tiff" else {}
    if file_format != "tiff":
        options["exif"] = exif_block(orientation)
    source = encoded(Image.fromarray(COFFEE), file_format, **options)
    displayed = ImageOps.exif_transpose(with_pillow(source)).convert("RGB")

    image = with_pillow(rewritten(source, f".{file_format}", tmp_path))

    assert image.getexif().get(274, 1) == 1
    assert image.size == displayed.size
    assert psnr(image.convert("RGB"), displayed) > 33  # WebP halves the colour resolution


@pytest.mark.parametrize("suffix", [".png", ".tif", ".tiff"])
@pytest.mark.parametrize("bands", [1, 2, 3, 4])
def test_16_bit_is_read_and_written_exactly(suffix, bands, tmp_path):
    rng = np.random.default_rng(0)
    values = rng.integers(0, 65536, (90, 110, bands), dtype=np.uint16)
    grey = bands < 3
    colour = values[..., : 1 if grey else 3]
    photo = Photo(
        pixels=np.broadcast_to(colour / np.float32(65535), (90, 110, 3)).astype(np.float32),
        alpha=None if bands % 2 else values[..., -1],
        bits=16,
        grey=grey,
    )
    first, second = tmp_path / f"first{suffix}", tmp_path / f"second{suffix}"

    write_photo(photo, first)
    write_photo(read_photo(first), second)

    for path in (first, second):
        again = read_photo(path)
        assert (again.bits, again.grey) == (16, grey)
        np.testing.assert_array_equal(
            np.rint(again.pixels * 65535), np.broadcast_to(colour, again.pixels.shape)
        )
        if photo.alpha is not None:
            np.testing.assert_array_equal(again.alpha, photo.alpha)


def test_16_bit_grey_written_elsewhere_is_exact():
    values = np.random.default_rng(0).integers(0, 65536, (50, 60), dtype=np.uint16)
    for file_format in ("png", "tiff"):
        source = encoded(Image.fromarray(values), file_format)

        image = with_pillow(encode_photo(read_photo(source), file_format))

        np.testing.assert_array_equal(np.asarray(image), values)


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
@pytest.mark.parametrize("file_format", ["png", "tiff"])
def test_8_bit_is_read_and_written_exactly_with_its_channels(mode, file_format, tmp_path):
    image = Image.fromarray(np.dstack([ASTRONAUT, CAMERA])).convert(mode)

    again = with_pillow(rewritten(encoded(image, file_format), f".{file_format}", tmp_path))

    assert again.mode == mode
    np.testing.assert_array_equal(np.asarray(again), np.asarray(image))


@pytest.mark.parametrize("file_format", ["webp", "avif"])
def test_alpha_survives_lossy_formats(file_format):
    image = Image.fromarray(np.dstack([ASTRONAUT, CAMERA]))

    again = with_pillow(encode_photo(read_photo(encoded(image, "png")), file_format))

    assert again.mode == "RGBA"
    assert psnr(again.getchannel("A"), CAMERA) > 40


def test_jpeg_drops_alpha_and_keeps_colours():
    image = Image.fromarray(np.dstack([ASTRONAUT, CAMERA]))

    again = with_pillow(encode_photo(read_photo(encoded(image, "png")), "jpeg"))

    assert again.mode == "RGB"
    assert psnr(again, ASTRONAUT) > 33


def test_16_bit_becomes_8_in_jpeg_and_webp_and_12_in_avif():
    values = np.rint(np.linspace(0, 1, 256 * 64).reshape(64, 256, 1) * 65535).astype(np.uint16)
    photo = Photo(pixels=np.repeat(values, 3, axis=2) / np.float32(65535), bits=16)

    assert read_photo(encode_photo(photo, "jpeg")).bits == 8
    assert read_photo(encode_photo(photo, "webp")).bits == 8
    avif = read_photo(encode_photo(photo, "avif"))
    assert avif.bits == 16
    assert len(np.unique(avif.pixels)) > 1000  # 8 bits would have 256
    white = read_photo(encode_photo(replace(photo, pixels=np.ones((64, 64, 3))), "avif"))
    assert white.pixels.max() == 1  # 4095 of 12 bits, not 4095 * 16 of 65535


def test_grey_jpeg_stays_grey():
    photo = read_photo(encoded(Image.fromarray(CAMERA), "jpeg"))

    assert photo.grey
    np.testing.assert_array_equal(photo.pixels[..., 0], photo.pixels[..., 2])
    assert with_pillow(encode_photo(photo, "jpeg")).mode == "L"


@pytest.mark.parametrize("file_format", ["jpeg", "tiff"])
def test_cmyk_becomes_srgb_with_a_note(file_format):
    photo = read_photo(encoded(Image.fromarray(COFFEE).convert("CMYK"), file_format))

    assert photo.notes == ("CMYK converted to sRGB",)
    assert photo.metadata.icc[16:20] == b"RGB "
    assert psnr(photo.pixels * 255, COFFEE) > 15  # Pillow's CMYK knows no inks
    assert np.corrcoef(photo.pixels.ravel(), COFFEE.ravel())[0, 1] > 0.97


def test_16_bit_lab_tiff_becomes_srgb_with_a_note():
    lab = pyvips.Image.new_from_array(COFFEE, interpretation="srgb").colourspace("labs")

    photo = read_photo(lab.tiffsave_buffer())

    assert (photo.notes, photo.bits) == (("Lab converted to sRGB",), 16)
    assert psnr(photo.pixels * 255, COFFEE) > 60


def test_palette_and_1_bit_png_are_read():
    palette = Image.fromarray(ASTRONAUT).quantize(64)
    bilevel = Image.fromarray(CAMERA).convert("1")

    colours = read_photo(encoded(palette, "png"))
    black_white = read_photo(encoded(bilevel, "png"))

    np.testing.assert_allclose(colours.pixels * 255, np.asarray(palette.convert("RGB")), atol=1e-4)
    assert black_white.grey
    np.testing.assert_array_equal(black_white.pixels[..., 0], np.asarray(bilevel))


@pytest.mark.parametrize(
    ("file_format", "note"),
    [("tiff", "first of 2 pages"), ("webp", "first of 2 frames"), ("gif", "first of 2 frames")],
)
def test_first_of_several_pictures_is_read_with_a_note(file_format, note):
    first = Image.fromarray(ASTRONAUT)
    options = {"lossless": True} if file_format == "webp" else {}
    several = [Image.fromarray(COFFEE)]
    source = encoded(first, file_format, save_all=True, append_images=several, **options)

    photo = read_photo(source)

    assert photo.notes == (note,)
    assert photo.pixels.shape == (120, 160, 3)
    assert psnr(photo.pixels * 255, ASTRONAUT) > 25
    assert photo.format == ("png" if file_format == "gif" else file_format)


def test_path_with_brackets_is_a_plain_name(tmp_path):
    path = tmp_path / "IMG [page=2] é.png"
    path.write_bytes(encoded(Image.fromarray(COFFEE), "png"))

    assert read_photo(path).pixels.shape == COFFEE.shape
    assert read_photo(str(path)).pixels.shape == COFFEE.shape


def test_import_does_not_load_libvips():
    code = "import sys, unblur.imaging.photo.photo; print('pyvips' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)  # noqa: PLW1510

    assert result.stdout == "False\n", result.stderr


def test_photo_refuses_8_bit_pixels_and_alpha_of_another_size():
    with pytest.raises(OptionError, match=r"float of shape \(H, W, 3\), got uint8"):
        Photo(pixels=ASTRONAUT)
    with pytest.raises(OptionError, match=r"\(4, 4\), got uint8 of \(5, 4\)"):
        Photo(pixels=np.zeros((4, 4, 3)), alpha=np.zeros((5, 4), np.uint8))
