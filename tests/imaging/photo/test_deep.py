"""More than 8 bits, wide colours and unusual kinds of the usual formats arrive and stay."""

import io

import numpy as np
import pytest
import pyvips
from PIL import Image, ImageCms

from icc_profiles import WIDE, profile
from pillow_files import ASTRONAUT, CAMERA, COFFEE, encoded, with_pillow
from unblur.errors import PhotoError
from unblur.imaging.photo.photo import Photo, encode_photo, read_photo, write_photo
from unblur.tasks.restore.file import restore_file
from unblur.tasks.restore.options import RestoreOptions
from unblur.tasks.restore.restorer import Restorer

UNGUARDED = RestoreOptions(method="network", guard=False)


@pytest.fixture(scope="module")
def restorer():
    return Restorer.open(UNGUARDED)


@pytest.mark.parametrize(("suffix", "levels"), [(".png", 8000), (".tif", 8000), (".avif", 2000)])
def test_a_restored_16_bit_gradient_has_far_more_than_256_levels(
    suffix, levels, restorer, tmp_path
):
    ramp = np.linspace(0.1, 0.9, 64 * 256).reshape(256, 64).T
    photo = Photo(pixels=np.repeat(ramp[..., None], 3, axis=2).astype(np.float32), bits=16)
    write_photo(photo, tmp_path / f"ramp{suffix}")

    target = tmp_path / f"restored{suffix}"
    restore_file(tmp_path / f"ramp{suffix}", restorer, target=target)

    green = pyvips.Image.new_from_file(str(target))[1].numpy()
    assert green.dtype == np.uint16
    assert len(np.unique(green)) > levels
    assert np.abs(green / 65535 - ramp).mean() < 0.02


def test_the_command_line_keeps_16_bits_too(run, tmp_path, astronaut):
    rng = np.random.default_rng(0)
    noisy = np.clip(astronaut[:96, :96] + rng.normal(0, 0.001, (96, 96, 3)), 0, 1)
    write_photo(Photo(pixels=noisy.astype(np.float32), bits=16), tmp_path / "deep.png")

    done = run("restore", "deep.png", "-o", "restored.png")

    assert (done.returncode, done.stderr) == (0, "")
    values = pyvips.Image.new_from_file(str(tmp_path / "restored.png")).numpy()
    assert values.dtype == np.uint16
    assert len(np.unique(values)) > 5000


@pytest.mark.parametrize("name", WIDE)
@pytest.mark.parametrize("file_format", ["jpeg", "png", "tiff", "webp", "avif"])
def test_wide_profiles_stay_byte_for_byte_and_their_values_as_they_are(name, file_format):
    icc = profile(name)
    assert name in ImageCms.getProfileDescription(ImageCms.getOpenProfile(io.BytesIO(icc)))
    source = encoded(Image.fromarray(ASTRONAUT), file_format, icc_profile=icc)
    plain = encoded(Image.fromarray(ASTRONAUT), file_format)

    photo = read_photo(source)
    again = encode_photo(photo, file_format)

    np.testing.assert_array_equal(photo.pixels, read_photo(plain).pixels)
    assert photo.metadata.icc == icc
    assert with_pillow(again).info["icc_profile"] == icc


@pytest.mark.parametrize("file_format", ["png", "tiff"])
def test_wide_profiles_stay_with_16_bits(file_format):
    values = np.random.default_rng(0).integers(0, 65536, (40, 50, 3), dtype=np.uint16)
    image = pyvips.Image.new_from_array(values, interpretation="rgb16").copy()
    image.set_type(pyvips.GValue.blob_type, "icc-profile-data", profile("ProPhoto RGB"))
    source = getattr(image, f"{file_format}save_buffer")()

    again = read_photo(encode_photo(read_photo(source), file_format))

    assert again.metadata.icc == profile("ProPhoto RGB")
    np.testing.assert_array_equal(np.rint(again.pixels * 65535), values)


@pytest.mark.parametrize("file_format", ["jpeg", "png", "tiff"])
def test_grey_profiles_stay_byte_for_byte(file_format):
    icc = profile("grey")
    source = encoded(Image.fromarray(CAMERA), file_format, icc_profile=icc)

    photo = read_photo(source)
    again = with_pillow(encode_photo(photo, file_format))

    assert photo.grey
    assert (again.mode, again.info["icc_profile"]) == ("L", icc)


@pytest.mark.parametrize("depth", [10, 12])
def test_avif_of_10_and_12_bits_is_read_with_its_levels(depth):
    ramp = np.linspace(0, 65535, 64 * 256).reshape(256, 64).T.astype(np.uint16)
    image = pyvips.Image.new_from_array(np.dstack([ramp] * 3), interpretation="rgb16")
    data = image.heifsave_buffer(compression="av1", bitdepth=depth, lossless=True)

    photo = read_photo(data)

    assert photo.bits == 16
    assert len(np.unique(photo.pixels[..., 1])) > 2**depth * 0.9
    assert photo.pixels.max() == pytest.approx(1, abs=1e-6)
    np.testing.assert_allclose(photo.pixels[..., 1], ramp / 65535, atol=2 / 2**depth)


def test_interlaced_png_and_progressive_jpeg_read_as_the_plain_ones():
    image = pyvips.Image.new_from_array(COFFEE, interpretation="srgb")
    for save in (image.pngsave_buffer, image.jpegsave_buffer):
        plain, woven = save(interlace=False), save(interlace=True)
        assert plain != woven
        np.testing.assert_array_equal(read_photo(woven).pixels, read_photo(plain).pixels)


def test_jpeg_that_adobes_marker_says_is_rgb_is_not_taken_for_ycc():
    data = encoded(Image.fromarray(ASTRONAUT), "jpeg", keep_rgb=True, quality=95, subsampling=0)
    assert b"\xff\xc0" in data
    assert with_pillow(data).mode == "RGB"

    assert np.abs(read_photo(data).pixels * 255 - ASTRONAUT).mean() < 2


def test_palette_png_with_transparency_has_alpha():
    palette = Image.fromarray(ASTRONAUT).quantize(64)
    data = encoded(palette, "png", transparency=5)

    photo = read_photo(data)

    wanted = np.asarray(with_pillow(data).convert("RGBA"))
    assert photo.alpha is not None
    np.testing.assert_array_equal(photo.alpha, wanted[..., 3])
    assert 0 < (photo.alpha == 0).mean() < 1
    np.testing.assert_allclose(photo.pixels * 255, wanted[..., :3], atol=1e-4)


def test_1_bit_tiff_is_black_and_white():
    bilevel = Image.fromarray(CAMERA).convert("1")

    photo = read_photo(encoded(bilevel, "tiff", compression="group4"))

    assert photo.grey
    np.testing.assert_array_equal(photo.pixels[..., 0], np.asarray(bilevel))


@pytest.mark.parametrize("kind", ["float", "uint"])
def test_tiff_of_numbers_without_a_white_is_refused(kind):
    image = pyvips.Image.new_from_array(COFFEE).cast(kind)

    with pytest.raises(PhotoError, match=f"3 channels of type {kind}; .* 8 or 16-bit integers"):
        read_photo(image.tiffsave_buffer())
