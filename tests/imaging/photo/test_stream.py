"""Photos that are read in parts and written row by row: equal to those in memory, no traces."""

import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from heif_files import heic
from held_files import film, gain_map, png, ultra_hdr
from icc_profiles import profile
from pillow_files import COFFEE, XMP, encoded, exif_block
from small_disk import small_disk
from unblur.errors import PhotoError, TargetError
from unblur.imaging.photo.decode import megapixels
from unblur.imaging.photo.photo import Photo, read_photo, write_photo
from unblur.imaging.photo.stream import stream_photo, write_streamed

DEEP = (COFFEE.astype(np.uint16) * 251 + 77).astype(np.uint16)
OPACITY = np.arange(120 * 160, dtype=np.uint16).reshape(120, 160)


def pillow(pixels, file_format, **options):
    return encoded(Image.fromarray(pixels), file_format, **options)


def ours(photo, folder, suffix):
    write_photo(photo, folder / f"made{suffix}", overwrite=True)
    return (folder / f"made{suffix}").read_bytes()


def sources(folder):
    """Photo files of all kinds, all of 160 x 120 px or turned."""
    colour = COFFEE.astype(np.float32) / 255
    deep = Photo(pixels=DEEP / np.float32(65535), bits=16)
    grey = Photo(pixels=colour[..., :1].repeat(3, axis=2), grey=True)
    faint = (OPACITY % 256).astype(np.uint8)
    return {
        "turned.jpg": pillow(
            COFFEE, "jpeg", exif=exif_block(6), xmp=XMP % 6, icc_profile=profile("Adobe RGB")
        ),
        "[1].png": pillow(np.dstack([COFFEE, faint]), "png"),
        "deep.tif": ours(replace(deep, alpha=OPACITY), folder, ".tif"),
        "deep.png": ours(replace(deep, alpha=OPACITY), folder, ".png"),
        "grey.jpg": ours(grey, folder, ".jpg"),
        "grey.tif": ours(replace(grey, alpha=faint, bits=16), folder, ".tif"),
        "cmyk.jpg": encoded(Image.fromarray(COFFEE).convert("CMYK"), "jpeg"),
        "twelve.avif": ours(replace(deep, alpha=OPACITY), folder, ".avif"),
        "photo.heic": heic(np.dstack([DEEP, OPACITY])),
        "photo.gif": encoded(Image.fromarray(COFFEE), "gif"),
        "full.jpg": ultra_hdr(gain_map(), exif=exif_block(6), comment="a comment") + film(),
        "full.png": png(
            ("cICP", bytes([9, 16, 0, 1])), ("cLLI", bytes(8)), ("tEXt", b"Author\0me")
        ),
    }


NAMES = ("turned.jpg", "[1].png", "deep.tif", "deep.png", "grey.jpg", "grey.tif", "cmyk.jpg")
NAMES += ("twelve.avif", "photo.heic", "photo.gif", "full.jpg", "full.png")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for name, data in sources(folder).items():
        (folder / name).write_bytes(data)
    return folder


def copy_streamed(source, target, region=None, change=lambda pixels: pixels, high=13):
    """Write a photo anew, changed, a few rows at a time."""
    with stream_photo(source, max_megapixels=1) as photo:
        rows, columns = region or (slice(0, photo.height), slice(0, photo.width))
        parts = (
            change(photo.read(slice(top, min(top + high, rows.stop)), columns))
            for top in range(rows.start, rows.stop, high)
        )
        write_streamed(photo, parts, (rows, columns), target, overwrite=False)


def copy_in_memory(source, target, region=(slice(None), slice(None)), change=lambda pixels: pixels):
    photo = read_photo(source)
    alpha = None if photo.alpha is None else np.ascontiguousarray(photo.alpha[region])
    write_photo(replace(photo, pixels=change(photo.pixels[region]), alpha=alpha), target)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp", ".avif"])
@pytest.mark.parametrize("name", NAMES)
def test_a_streamed_file_is_that_of_a_photo_in_memory_to_the_last_byte(
    name, suffix, folder, tmp_path
):
    region = (slice(17, 102), slice(9, 90))

    def change(pixels):
        return pixels * np.float32(1.3) - np.float32(0.1)

    for index, part in enumerate((None, region)):
        streamed, whole = (tmp_path / f"{index}{kind}{suffix}" for kind in "sw")
        copy_streamed(folder / name, streamed, part, change)
        copy_in_memory(folder / name, whole, *([part] if part else [(slice(None),) * 2]), change)

        assert streamed.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_parts_are_those_of_the_whole(name, folder):
    whole = read_photo(folder / name).pixels

    with stream_photo(folder / name, max_megapixels=1) as photo:
        assert (photo.height, photo.width) == whole.shape[:2]
        part = photo.read(slice(30, 77), slice(5, 60))

    np.testing.assert_array_equal(part, whole[30:77, 5:60])
    assert part.dtype == np.float32


@pytest.mark.parametrize("name", NAMES)
def test_the_size_comes_from_the_header(name, folder):
    expected = float("inf") if name.endswith("heic") else 120 * 160 / 1e6
    assert megapixels(folder / name) == expected


def deleted_files():
    """Files without a name that this process holds open."""
    found = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # that of the listing
            found.append(str(descriptor.readlink()))
    return [path for path in found if path.endswith("(deleted)")]


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("wrong", [None, ZeroDivisionError, KeyboardInterrupt])
def test_nothing_is_left_in_the_temporary_folder_nor_held_open(
    wrong, folder, tmp_path, monkeypatch
):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    before, seen = deleted_files(), []

    def change(pixels):
        seen.append((list((tmp_path / "temporary").iterdir()), len(deleted_files()) - len(before)))
        if wrong is not None and len(seen) == 3:
            raise wrong
        return pixels

    if wrong is None:
        copy_streamed(folder / "[1].png", tmp_path / "target.tif", change=change)
    else:
        with pytest.raises(wrong):
            copy_streamed(folder / "[1].png", tmp_path / "target.tif", change=change)
        assert not (tmp_path / "target.tif").exists()

    assert all(names == [] for names, _ in seen)  # a kill would leave nothing
    assert max(held for _, held in seen) >= 2  # source and result
    assert deleted_files() == before  # libvips would keep them for later
    assert len(list(tmp_path.iterdir())) == 1 + (wrong is None)


@pytest.fixture
def tiny_disk(tmp_path):
    with small_disk(tmp_path / "disk", "96k") as disk:
        yield disk


def test_a_full_temporary_folder_is_one_clear_error(
    folder, tiny_disk, tmp_path, monkeypatch, capfd
):
    target = tmp_path / "target.png"
    with stream_photo(folder / "cmyk.jpg", max_megapixels=1) as photo:
        monkeypatch.setattr("tempfile.tempdir", str(tiny_disk))
        rows = (np.tile(photo.read(slice(0, 100), slice(0, 160)), (1, 10, 1)) for _ in range(5))
        with pytest.raises(TargetError, match=r"No space left.*name another one with TMPDIR"):
            write_streamed(photo, rows, (slice(0, 500), slice(0, 1600)), target, overwrite=False)

    assert list(tiny_disk.iterdir()) == []
    assert not target.exists()
    assert capfd.readouterr().err == ""


def test_a_missing_temporary_folder_is_one_clear_error(folder, tmp_path, monkeypatch):
    with stream_photo(folder / "cmyk.jpg", max_megapixels=1) as photo:
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
        region = (slice(0, 1), slice(0, 1))
        with pytest.raises(TargetError, match=r"No such file.*TMPDIR"):
            write_streamed(photo, iter(()), region, tmp_path / "x.png", overwrite=False)


@pytest.mark.parametrize("content", [None, b"", b"GIF89a", b"II*\0\x08\0\0\0", b"\xff\xd8\xff"])
def test_what_is_no_photo_has_no_size_and_is_an_error(content, tmp_path, capfd):
    path = tmp_path / "nothing.jpg"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(PhotoError, match=r"nothing\.jpg"):
        megapixels(path)
    with pytest.raises(PhotoError, match=r"nothing\.jpg"), stream_photo(path, max_megapixels=1):
        pass
    assert capfd.readouterr().err == ""


def test_a_folder_is_no_photo(tmp_path):
    with pytest.raises(PhotoError, match="is a folder"), stream_photo(tmp_path, max_megapixels=1):
        pass
    with pytest.raises(PhotoError):
        megapixels(tmp_path)


def test_a_photo_that_is_too_large_is_refused(folder):
    with (
        pytest.raises(PhotoError, match="--max-megapixels"),
        stream_photo(folder / "turned.jpg", max_megapixels=0.01),
    ):
        pass


def test_a_target_that_exists_is_left_alone_before_any_row_is_made(folder, tmp_path):
    target = tmp_path / "target.png"
    target.write_bytes(b"precious")
    asked = []

    with pytest.raises(TargetError, match="--overwrite"):
        copy_streamed(folder / "deep.png", target, change=asked.append)

    assert asked == []
    assert target.read_bytes() == b"precious"
