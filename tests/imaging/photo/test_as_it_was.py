"""What a file has and what it has not: lossless, resolution, colour; read back by Pillow."""

import numpy as np
import pytest
import pyvips
from PIL import Image

from pillow_files import ASTRONAUT, CAMERA, encoded, with_pillow
from unblur import read_photo, restore, write_photo
from unblur.imaging.photo.photo import encode_photo
from unblur.imaging.photo.stream import stream_photo, write_streamed

IMAGE = Image.fromarray(ASTRONAUT)
WITH_ALPHA = Image.fromarray(np.dstack([ASTRONAUT, CAMERA]))


def _avif(*, lossless):
    image = pyvips.Image.new_from_array(ASTRONAUT)
    return image.heifsave_buffer(compression="av1", lossless=lossless, effort=0)


@pytest.mark.parametrize("image", [IMAGE, WITH_ALPHA])
def test_a_lossless_webp_stays_lossless(image):
    photo = read_photo(encoded(image, "webp", lossless=True, exact=True))

    copy = encode_photo(photo, "webp")

    assert photo.lossless
    assert b"VP8L" in copy
    np.testing.assert_array_equal(np.asarray(with_pillow(copy)), np.asarray(image))
    assert b"VP8L" not in encode_photo(photo, "webp", quality=80)


def test_a_lossy_webp_stays_lossy():
    lossy = [read_photo(encoded(image, "webp", quality=90)) for image in (IMAGE, WITH_ALPHA)]
    assert not any(photo.lossless for photo in lossy)  # the second has lossless alpha beside it
    assert b"VP8L" not in encode_photo(lossy[0], "webp")
    animated = encoded(
        IMAGE, "webp", save_all=True, append_images=[IMAGE.rotate(90)], lossless=True
    )
    assert read_photo(animated).lossless


def test_a_lossless_avif_stays_lossless():
    photo = read_photo(_avif(lossless=True))

    assert photo.lossless
    codes = np.rint(read_photo(encode_photo(photo, "avif")).pixels * 255)
    np.testing.assert_array_equal(codes, ASTRONAUT)
    assert not read_photo(_avif(lossless=False)).lossless


@pytest.mark.parametrize("file_format", ["png", "jpeg"])
@pytest.mark.parametrize("dpi", [None, (300, 300), (72, 72)])
def test_no_resolution_is_made_up(tmp_path, file_format, dpi):
    source = tmp_path / f"photo.{file_format}"
    source.write_bytes(encoded(IMAGE, file_format, **({"dpi": dpi} if dpi else {})))
    target, streamed = tmp_path / f"copy.{file_format}", tmp_path / f"streamed.{file_format}"

    write_photo(read_photo(source), target)
    with stream_photo(source, max_megapixels=1) as photo:
        whole = (slice(0, photo.height), slice(0, photo.width))
        write_streamed(photo, iter([photo.read(*whole)]), whole, streamed, overwrite=False)

    assert streamed.read_bytes() == target.read_bytes()
    copy = with_pillow(target.read_bytes())
    if dpi == (300, 300):
        assert np.allclose(copy.info["dpi"], 300, atol=0.5)
    elif dpi is None:
        assert "dpi" not in copy.info
    if file_format == "png":
        np.testing.assert_array_equal(np.asarray(copy), ASTRONAUT)
        assert (b"pHYs" in target.read_bytes()) == (dpi == (300, 300))


@pytest.mark.parametrize("large", [False, True])
def test_grey_that_is_stored_as_rgb_gains_no_colour(tmp_path, run, monkeypatch, large):
    monkeypatch.setattr("unblur.tasks.restore.file._LARGE_MEGAPIXELS", 0 if large else 6)
    grey = Image.fromarray(CAMERA).convert("RGB")
    (tmp_path / "a.jpg").write_bytes(encoded(grey, "jpeg", quality=95))

    assert run("restore", "a.jpg", "--method", "network").returncode == 0

    restored = with_pillow((tmp_path / "a.unblurred.jpg").read_bytes())
    assert restored.mode == "RGB"
    codes = np.asarray(restored).astype(int)
    assert np.ptp(codes, axis=2).max() == 0
    assert np.abs(codes[..., 0] - CAMERA).max() > 3, "it was restored"


def test_what_is_coloured_keeps_its_colour():
    restored = restore(ASTRONAUT, method="network")
    assert np.ptp(restored.astype(int), axis=2).max() > 60


def test_a_photo_that_is_transparent_all_over_is_said_to_be():
    bands = np.dstack([ASTRONAUT, np.zeros_like(CAMERA)])

    note = "transparent all over, though its colours differ"
    assert read_photo(encoded(Image.fromarray(bands), "png")).notes == (note,)
    bands[0, 0, 3] = 1
    assert read_photo(encoded(Image.fromarray(bands), "png")).notes == ()
    blank = Image.new("RGBA", (80, 80))
    assert read_photo(encoded(blank, "png")).notes == ()


def test_one_colour_in_a_file_of_a_photos_size_is_said_to_be():
    blank = Image.new("RGB", (160, 120), (9, 20, 30))

    assert read_photo(encoded(blank, "png")).notes == ()
    (note,) = read_photo(encoded(blank, "png", compress_level=0)).notes
    assert note.startswith("all pixels are the same")
