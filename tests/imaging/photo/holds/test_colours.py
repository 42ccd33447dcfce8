"""Colours that a file says by numbers stay said, by numbers or by a profile."""

import io
import struct
import zlib

import av
import numpy as np
import pillow_heif
import pytest
import pyvips
from PIL import Image, ImageCms

from held_files import SMALL, chunks_of, png, through
from icc_profiles import profile
from pillow_files import ASTRONAUT, CAMERA, COFFEE, FORMATS, encoded, with_pillow
from unblur.imaging.photo.holds.colour import profile_of_numbers
from unblur.imaging.photo.photo import encode_photo, read_photo

P3_GREEN, BT2020_GREEN = (0.2657, 0.6917, 0.0451), (0.1446, 0.6780, 0.0281)  # XYZ under D65
LIGHT = struct.pack(">II", 10_000_000, 4_000_000)  # 1000 and 400 cd/m2
MASTERING = struct.pack(
    ">8HII", *(35400, 14600, 8500, 39850, 6550, 2300, 15635, 16450), 10_000_000, 50
)


def avif_of(primaries, curve, image=SMALL, **options):
    """An AVIF whose nclx has been given other numbers."""
    data = bytearray(encoded(image, "avif", **options))
    at = data.index(b"nclx") + 4
    data[at : at + 4] = struct.pack(">HH", primaries, curve)
    return bytes(data)


def numbers_of(data):
    """Primaries and curve as FFmpeg reads them from an AVIF or a PNG."""
    with av.open(io.BytesIO(data)) as container:
        frame = next(container.decode(video=0))
        return int(frame.color_primaries), int(frame.color_trc)


def xyz_of(icc, code):
    """XYZ, in its own white, of an 8-bit RGB colour by a profile."""
    image = pyvips.Image.new_from_array(np.array([[code]], np.uint8), interpretation="srgb").copy()
    image.set_type(pyvips.GValue.blob_type, "icc-profile-data", icc)
    absolute = image.icc_transform("srgb", embedded=True, depth=16, intent="absolute")
    assert absolute is not None
    return image.icc_import(embedded=True, pcs="xyz").numpy()[0, 0] / 100


def relative_xyz(icc, code):
    """XYZ under D50 of an 8-bit colour by a profile, as LittleCMS sees it."""
    bands = np.array([[code]], np.uint8)
    kind = "srgb" if bands.ndim == 3 else "b-w"
    image = pyvips.Image.new_from_array(bands, interpretation=kind).copy()
    image.set_type(pyvips.GValue.blob_type, "icc-profile-data", icc)
    return image.icc_import(embedded=True, pcs="xyz", intent="relative").numpy()[0, 0] / 100


@pytest.mark.parametrize("file_format", FORMATS)
@pytest.mark.parametrize(
    ("primaries", "curve", "green"),
    [(12, 13, P3_GREEN), (9, 14, BT2020_GREEN), (9, 1, BT2020_GREEN)],
)
def test_wide_colours_of_an_avif_get_a_profile(primaries, curve, green, file_format):
    data, notes = through(avif_of(primaries, curve), file_format)

    assert notes == ()
    icc = with_pillow(data).info["icc_profile"]
    np.testing.assert_allclose(xyz_of(icc, (0, 255, 0)), green, atol=0.002)
    if file_format in {"png", "avif"}:
        assert numbers_of(data) == (primaries, curve)


def test_added_numbers_change_no_pixel_of_an_avif():
    photo = read_photo(avif_of(9, 16))

    data = encode_photo(photo, "avif")

    at = data.index(b"colr")
    plain = data[: at + 4] + b"none" + data[at + 8 :]
    assert numbers_of(data) == (9, 16)
    np.testing.assert_array_equal(np.asarray(with_pillow(data)), np.asarray(with_pillow(plain)))
    assert np.abs(np.asarray(with_pillow(data)) / 255 - photo.pixels).mean() < 0.01


@pytest.mark.parametrize(
    "image",
    [SMALL, Image.fromarray(CAMERA), Image.fromarray(np.dstack([ASTRONAUT, ASTRONAUT[..., :1]]))],
    ids=["colour", "grey", "alpha"],
)
def test_hdr_numbers_stay_in_avif_and_png_and_are_named_elsewhere(image):
    source = avif_of(9, 18, image)

    for file_format in FORMATS:
        data, notes = through(source, file_format)

        assert notes[0] == "an HDR photo (HLG), restored as if it were not"
        if file_format in {"avif", "png"}:
            assert numbers_of(data) == (9, 18)
            assert len(notes) == 1
        else:
            assert "cannot say that its colours are HDR (HLG)" in notes[-1]


def test_light_levels_go_from_png_to_avif_and_back():
    source = png(("cICP", bytes([9, 16, 0, 1])), ("mDCV", MASTERING), ("cLLI", LIGHT), image=SMALL)

    avif, notes = through(source, "avif")
    again, _ = through(avif, "png")
    _, lost = through(avif, "webp")

    assert notes == ("an HDR photo (PQ), restored as if it were not",)
    info = pillow_heif.open_heif(avif).info
    assert info["nclx_profile"]["transfer_characteristics"] == 16
    assert info["content_light_level"] == {
        "max_content_light_level": 1000,
        "max_pic_average_light_level": 400,
    }
    volume = info["mastering_display_colour_volume"]
    assert volume["display_primaries_x"] == (8500, 6550, 35400)  # green, blue, red
    assert volume["max_display_mastering_luminance"] == 10_000_000
    assert {("cLLI", LIGHT), ("mDCV", MASTERING)} <= set(chunks_of(again))
    assert "light levels (cLLI)" in lost[-2]


def test_light_levels_of_a_16_bit_photo_stay():
    deep = pyvips.Image.new_from_array(COFFEE.astype(np.uint16) * 257, interpretation="rgb16")
    data = deep.pngsave_buffer(bitdepth=16)
    source = (
        data[:33]
        + b"".join(
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
            for kind, body in ((b"cICP", bytes([9, 16, 0, 1])), (b"cLLI", LIGHT))
        )
        + data[33:]
    )

    info = pillow_heif.open_heif(through(source, "avif")[0], convert_hdr_to_8bit=False).info

    assert info["bit_depth"] == 12
    assert info["nclx_profile"]["color_primaries"] == 9
    assert info["content_light_level"]["max_content_light_level"] == 1000


@pytest.mark.parametrize("file_format", ["jpeg", "tiff", "webp", "avif"])
def test_gamma_and_chromaticities_of_png_become_a_profile(file_format):
    adobe = (31270, 32900, 64000, 33000, 21000, 71000, 15000, 6000)
    chunks = (("gAMA", struct.pack(">I", 45455)), ("cHRM", struct.pack(">8I", *adobe)))

    data, notes = through(png(*chunks), file_format)

    icc = with_pillow(data).info["icc_profile"]
    assert notes == ()
    wanted = relative_xyz(profile("Adobe RGB"), (0, 255, 0))
    np.testing.assert_allclose(relative_xyz(icc, (0, 255, 0)), wanted, atol=0.001)


@pytest.mark.parametrize("grey", [False, True])
def test_gamma_alone_becomes_a_curve(grey):
    image = Image.fromarray(CAMERA) if grey else SMALL
    source = png(("gAMA", struct.pack(">I", 100_000)), image=image)  # linear light

    icc = read_photo(source).metadata.icc

    assert icc[16:20] == (b"GRAY" if grey else b"RGB ")
    mode = "L" if grey else "RGB"
    change = ImageCms.buildTransform(io.BytesIO(icc), ImageCms.createProfile("sRGB"), mode, "RGB")
    half = np.asarray(ImageCms.applyTransform(Image.new(mode, (1, 1), (128,) * len(mode)), change))
    assert half.ravel().tolist() == pytest.approx([188] * 3, abs=1)  # sRGB of half the light
    assert with_pillow(encode_photo(read_photo(source), "tiff")).info["icc_profile"] == icc


def test_colour_chunks_of_png_stay_as_they_were():
    chunks = [
        ("gAMA", struct.pack(">I", 55555)),
        ("cHRM", struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)),
        ("sRGB", b"\1"),
        ("cICP", bytes([12, 13, 0, 1])),
    ]
    for some in ([chunks[0]], chunks[:2], [chunks[2]], [chunks[3]], chunks):
        data, notes = through(png(*some), "png")

        assert notes == ()
        found = chunks_of(data)
        assert [part for part in found if part in some] == some
        kinds = [kind for kind, _ in found]
        assert max(kinds.index(kind) for kind, _ in some) < kinds.index("IDAT")
    assert numbers_of(data) == (12, 13)


@pytest.mark.parametrize(
    "chunks",
    [
        [("gAMA", struct.pack(">I", 45455))],
        [("sRGB", b"\0"), ("gAMA", struct.pack(">I", 100_000))],
        [("gAMA", struct.pack(">I", 0))],
        [("cHRM", bytes(32))],
        [("cHRM", b"\xff" * 32), ("gAMA", b"\xff" * 4)],
        [("cICP", bytes([1, 13, 0, 1]))],
        [("cICP", b"\1")],
    ],
)
def test_srgb_by_numbers_and_nonsense_make_no_profile(chunks):
    assert read_photo(png(*chunks)).metadata.icc is None


def test_a_profile_of_the_file_goes_before_its_numbers():
    icc = profile("ProPhoto RGB")
    source = png(("gAMA", struct.pack(">I", 100_000)), icc_profile=icc)

    assert read_photo(source).metadata.icc == icc
    assert with_pillow(through(source, "jpeg")[0]).info["icc_profile"] == icc


@pytest.mark.parametrize(("primaries", "curve"), [(10, 13), (1, 9)])
def test_what_no_profile_fits_is_named(primaries, curve):
    photo = read_photo(avif_of(primaries, curve))

    assert photo.metadata.icc is None
    assert "in H.273 taken for sRGB" in photo.notes[0]


@pytest.mark.parametrize(("curve", "power"), [(4, 2.2), (5, 2.8), (8, 1.0)])
def test_curves_that_are_powers(curve, power):
    icc, notes = profile_of_numbers(1, curve)

    assert notes == []
    half = relative_xyz(icc, (128, 128, 128))[1]
    assert half == pytest.approx((128 / 255) ** power, abs=0.004)


def test_an_avif_that_says_srgb_is_written_as_before():
    plain = read_photo(encoded(SMALL, "avif"))

    assert plain.metadata.items == ()
    assert b"nclx" not in encode_photo(plain, "avif")


def test_chromaticities_and_curve_of_a_tiff_become_a_profile():
    pixels = pyvips.Image.new_from_array(COFFEE, interpretation="srgb")
    assert pixels.width == 160
    p3 = [0.68, 0.32, 0.265, 0.69, 0.15, 0.06]
    curve = [round(65535 * (k / 255) ** 1.8) for k in range(256)]
    stream = io.BytesIO()
    SMALL.save(stream, "tiff", tiffinfo={318: (0.3127, 0.329), 319: tuple(p3), 301: tuple(curve)})

    photo = read_photo(stream.getvalue())

    assert photo.notes == ()
    np.testing.assert_allclose(xyz_of(photo.metadata.icc, (0, 255, 0)), P3_GREEN, atol=0.002)
    half = relative_xyz(photo.metadata.icc, (128, 128, 128))[1]
    assert half == pytest.approx((128 / 255) ** 1.8, abs=0.004)
