"""HEIC is read with all that belongs to it, and never guessed at where it is damaged."""

import subprocess
import sys

import numpy as np
import pytest
import pyvips
from PIL import Image, ImageOps

from heif_files import heic
from icc_profiles import profile
from pillow_files import ASTRONAUT, CAMERA, XMP, encoded, exif_block, with_pillow
from unblur.errors import PhotoError
from unblur.imaging.photo.decode import open_upright
from unblur.imaging.photo.photo import (
    READABLE,
    default_suffix,
    encode_photo,
    format_of,
    read_photo,
    write_photo,
)

DEEP = ASTRONAUT.astype(np.uint16) * 257


def psnr(found, wanted):
    return -10 * np.log10(np.mean((found - wanted) ** 2))


def test_pixels_are_those_of_the_picture(tmp_path):
    (tmp_path / "photo.heic").write_bytes(heic(ASTRONAUT))

    photo = read_photo(tmp_path / "photo.heic")

    assert psnr(photo.pixels, ASTRONAUT / 255) > 40
    assert (photo.bits, photo.grey, photo.alpha, photo.notes) == (8, False, None, ())
    assert (photo.format, photo.quality) == ("jpeg", 95)


def test_libvips_here_cannot_decode_heic():
    with pytest.raises(pyvips.Error):
        pyvips.Image.new_from_buffer(heic(ASTRONAUT), "").avg()


def test_10_bits_stay_and_white_stays_white():
    ramp = np.linspace(0, 65535, 64 * 256).reshape(256, 64).T.astype(np.uint16)
    photo = read_photo(heic(np.dstack([ramp] * 3), quality=100))

    assert (photo.bits, photo.format) == (16, "tiff")
    assert len(np.unique(photo.pixels[..., 1])) > 900
    assert photo.pixels.max() == pytest.approx(1, abs=1e-6)
    np.testing.assert_allclose(photo.pixels[..., 1], ramp / 65535, atol=4 / 1024)


@pytest.mark.parametrize("pixels", [CAMERA, CAMERA.astype(np.uint16) * 257])
def test_grey_stays_grey(pixels):
    photo = read_photo(heic(pixels))

    assert (photo.grey, photo.bits) == (True, 8 * pixels.dtype.itemsize)
    assert psnr(photo.pixels[..., 0], CAMERA / 255) > 40


@pytest.mark.parametrize("pixels", [ASTRONAUT, DEEP])
def test_alpha_is_kept(pixels):
    top = np.iinfo(pixels.dtype).max
    alpha = np.full((*pixels.shape[:2], 1), round(0.4 * top), pixels.dtype)

    photo = read_photo(heic(np.dstack([pixels, alpha])))

    assert photo.format == "png"
    assert photo.alpha is not None
    assert photo.alpha.dtype == pixels.dtype
    np.testing.assert_allclose(photo.alpha / top, 0.4, atol=0.005)
    assert psnr(photo.pixels, ASTRONAUT / 255) > 40


@pytest.mark.parametrize("orientation", range(1, 9))
def test_what_is_displayed_stays_the_same_for_every_orientation(orientation):
    exif = exif_block(orientation)
    upright = np.asarray(
        ImageOps.exif_transpose(with_pillow(encoded(Image.fromarray(ASTRONAUT), "png", exif=exif)))
    )

    photo = read_photo(heic(ASTRONAUT, exif=exif))

    assert photo.pixels.shape == upright.shape
    assert psnr(photo.pixels, upright / 255) > 40
    assert with_pillow(encode_photo(photo, "jpeg")).getexif()[274] == 1


def test_orientation_in_exif_does_not_turn_a_second_time():
    """As phones write it: the picture is turned, and EXIF says so as well."""
    data = heic(ASTRONAUT, exif=exif_block(6))
    assert data.count(b"\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06") == 1

    photo = read_photo(data)

    assert psnr(photo.pixels, np.rot90(ASTRONAUT, -1) / 255) > 40
    assert with_pillow(encode_photo(photo, "jpeg")).getexif()[274] == 1


@pytest.mark.parametrize("suffix", [".jpg", ".tif", ".png"])
def test_profile_exif_and_xmp_survive(suffix, tmp_path):
    icc = profile("Display P3")
    photo = read_photo(heic(ASTRONAUT, exif=exif_block(), xmp=XMP % 1, icc=icc))
    write_photo(photo, tmp_path / f"photo{suffix}")

    again = read_photo(tmp_path / f"photo{suffix}")

    assert again.metadata.icc == icc
    assert again.metadata.xmp == XMP % 1
    exif = with_pillow((tmp_path / f"photo{suffix}").read_bytes()).getexif()
    assert exif[0x010F] == "ACME"
    assert exif.get_ifd(0x8769)[0xA434] == "Lens 50"


def test_display_p3_that_is_named_by_a_number_gets_a_profile():
    photo = read_photo(heic(ASTRONAUT, color_primaries=12, transfer_characteristics=13))

    assert photo.notes == ()
    assert psnr(photo.pixels, ASTRONAUT / 255) > 40
    image = pyvips.Image.new_from_array(np.array([[[0, 255, 0]]], np.uint8), interpretation="srgb")
    image = image.copy()
    image.set_type(pyvips.GValue.blob_type, "icc-profile-data", photo.metadata.icc)
    green = image.icc_transform("srgb", embedded=True, depth=16, intent="absolute").numpy()
    assert green[0, 0, 1] == 65535  # outside sRGB
    xyz = image.icc_import(embedded=True, pcs="xyz").numpy()[0, 0]
    np.testing.assert_allclose(xyz / 100, [0.2657, 0.6917, 0.0451], atol=0.002)  # D65


@pytest.mark.parametrize(
    ("primaries", "curve", "note"),
    [(1, 13, None), (2, 2, None), (9, 16, "HDR"), (9, 18, "HDR"), (10, 1, "primaries 10")],
)
def test_colours_that_no_profile_fits_are_named(primaries, curve, note):
    data = heic(ASTRONAUT, color_primaries=primaries, transfer_characteristics=curve)

    photo = read_photo(data)

    assert photo.metadata.icc is None
    assert len(photo.notes) == (note is not None)
    assert (note or "") in "".join(photo.notes)


def test_the_ending_of_a_copy_takes_what_the_photo_has(tmp_path):
    rgba = np.dstack([ASTRONAUT, ASTRONAUT[..., :1]])
    for name, pixels in (("usual", ASTRONAUT), ("deep", DEEP), ("cut-out", rgba)):
        (tmp_path / f"{name}.heic").write_bytes(heic(pixels))
    (tmp_path / "broken.HEIC").write_bytes(b"broken")

    assert default_suffix(tmp_path / "usual.heic") == ".jpg"
    assert default_suffix(tmp_path / "deep.heic") == ".tif"
    assert default_suffix(tmp_path / "cut-out.heic") == ".png"
    assert default_suffix(tmp_path / "broken.HEIC") == ".jpg"
    assert default_suffix(tmp_path / "none.hif") == ".jpg"
    assert [default_suffix(f"a{end}") for end in (".JPG", ".gif", ".cr2")] == [
        *(".JPG", ".png", ".tif")
    ]
    for name in ("usual", "deep", "cut-out"):
        path = tmp_path / f"{name}.heic"
        assert format_of(path.with_suffix(default_suffix(path))) == read_photo(path).format
    assert {".heic", ".heif", ".hif"} < set(READABLE)


def test_the_pixels_may_lie_on_disk(tmp_path):
    path = tmp_path / "photo.heic"
    path.write_bytes(heic(ASTRONAUT, exif=exif_block(6), icc=profile("Display P3")))

    with path.open("rb") as stream:
        opened = open_upright(stream, "photo", path, 1, on_disk=True)

    assert (opened.format, opened.white, opened.metadata.icc) == (
        *("heic", 255, profile("Display P3")),
    )
    np.testing.assert_allclose(opened.image.numpy() / 255, read_photo(path).pixels, atol=1e-6)


def test_too_many_pixels_are_refused():
    with pytest.raises(PhotoError, match=r"160 x 120 px are 0.0192 megapixels, the limit is 0.01"):
        read_photo(heic(ASTRONAUT), max_megapixels=0.01)


@pytest.mark.parametrize("part", [0.02, 0.1, 0.5, 0.99])
def test_cut_short_is_one_line(part):
    data = heic(ASTRONAUT)

    with pytest.raises(PhotoError, match="HEIC is damaged, cut short") as raised:
        read_photo(data[: int(len(data) * part)])

    assert "\n" not in str(raised.value)


def test_nothing_is_printed_for_broken_files(tmp_path):
    data = heic(ASTRONAUT)
    hole = data[: len(data) // 2] + bytes(200) + data[len(data) // 2 + 200 :]
    code = (
        f"from unblur.imaging.photo.photo import read_photo\nfor data in {[data[:900], hole]!r}:\n"
        "    try: read_photo(data)\n"
        "    except OSError: pass\n"
    )

    result = subprocess.run(
        [sys.executable, "-"], input=code, capture_output=True, text=True, check=True
    )

    assert (result.stdout, result.stderr) == ("", "")


def test_without_the_extra_the_error_says_what_to_install(tmp_path, monkeypatch):
    path = tmp_path / "photo.heic"
    path.write_bytes(heic(ASTRONAUT))
    monkeypatch.setitem(sys.modules, "pillow_heif", None)

    with pytest.raises(PhotoError, match=r"photo\.heic: HEIC needs pillow-heif; pip install"):
        read_photo(path)
    assert default_suffix(path) == ".jpg"


def test_heic_under_another_name_is_told_by_its_content(tmp_path):
    (tmp_path / "photo.jpg").write_bytes(heic(ASTRONAUT))

    assert psnr(read_photo(tmp_path / "photo.jpg").pixels, ASTRONAUT / 255) > 40


def test_the_command_line_restores_heic_to_jpeg(run, tmp_path):
    (tmp_path / "photo.heic").write_bytes(heic(ASTRONAUT, exif=exif_block()))

    done = run("restore", "photo.heic", "-o", "restored.jpg")

    assert (done.returncode, done.stderr) == (0, "")
    image = with_pillow((tmp_path / "restored.jpg").read_bytes())
    assert (image.size, image.getexif()[0x010F]) == ((160, 120), "ACME")
