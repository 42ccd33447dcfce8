"""Bad targets are errors in one line; what was there stays, and nothing is left behind."""

import os

import numpy as np
import pytest

from small_disk import small_disk
from unblur.errors import TargetError
from unblur.imaging.photo.photo import Photo, read_photo, write_photo

PHOTO = Photo(pixels=np.full((8, 8, 3), 0.5, np.float32))


@pytest.mark.parametrize("name", ["photo.gif", "photo.bmp", "photo"])
def test_another_ending_is_refused_with_those_that_work(name, tmp_path):
    with pytest.raises(TargetError, match=r"use \.jpg \.jpeg \.png \.tif \.tiff \.webp \.avif"):
        write_photo(PHOTO, tmp_path / name)


def test_an_existing_target_is_kept_unless_overwrite_is_given(tmp_path):
    target = tmp_path / "photo.png"
    target.write_bytes(b"precious")
    target.chmod(0o640)

    with pytest.raises(TargetError, match=r"photo\.png: exists; --overwrite"):
        write_photo(PHOTO, target)
    assert target.read_bytes() == b"precious"

    write_photo(PHOTO, target, overwrite=True)
    assert read_photo(target).pixels.shape == (8, 8, 3)
    assert target.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [target]


def test_a_symbolic_link_stays_and_its_file_is_replaced(tmp_path):
    real, link = tmp_path / "real.png", tmp_path / "link.png"
    real.write_bytes(b"old")
    link.symlink_to(real)

    write_photo(PHOTO, link, overwrite=True)

    assert link.is_symlink()
    assert read_photo(real).pixels.shape == (8, 8, 3)


def test_a_new_file_has_the_usual_permissions(tmp_path):
    write_photo(PHOTO, tmp_path / "photo.png")
    (tmp_path / "other").touch()

    assert (tmp_path / "photo.png").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_a_missing_folder_or_a_file_in_its_place_is_named(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "folder.png").mkdir()

    with pytest.raises(TargetError, match=r"there is no folder .*none"):
        write_photo(PHOTO, tmp_path / "none" / "photo.png")
    with pytest.raises(TargetError, match=r"there is no folder .*file"):
        write_photo(PHOTO, tmp_path / "file" / "photo.png")
    with pytest.raises(TargetError, match="is a folder"):
        write_photo(PHOTO, tmp_path / "folder.png", overwrite=True)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write")
def test_a_read_only_folder_is_named(tmp_path):
    tmp_path.chmod(0o555)

    with pytest.raises(TargetError, match="cannot be written"):
        write_photo(PHOTO, tmp_path / "photo.png")


def test_proc_cannot_be_written_even_by_root():
    if not os.path.isdir("/proc/self"):  # noqa: PTH112
        pytest.skip("no /proc here")
    with pytest.raises(TargetError, match=r"photo\.png: cannot be written \(No such file"):
        write_photo(PHOTO, "/proc/photo.png")


def test_what_a_format_cannot_hold_is_an_error_with_one_that_can(tmp_path):
    wide = Photo(pixels=np.zeros((1, 20_000, 3), np.float32))

    with pytest.raises(TargetError, match=r"20000 x 1 px .* as webp .*\.png or \.tiff") as raised:
        write_photo(wide, tmp_path / "wide.webp")

    assert "\n" not in str(raised.value)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def tiny_disk(tmp_path):
    with small_disk(tmp_path / "disk", "64k") as disk:
        yield disk


def test_a_full_disk_leaves_the_old_file_and_nothing_else(tiny_disk):
    target = tiny_disk / "photo.png"
    target.write_bytes(b"precious")
    noise = Photo(pixels=np.random.default_rng(0).random((200, 200, 3), np.float32))

    with pytest.raises(TargetError, match=r"photo\.png: cannot be written \(No space left"):
        write_photo(noise, target, overwrite=True)

    assert target.read_bytes() == b"precious"
    assert list(tiny_disk.iterdir()) == [target]


def test_an_interrupt_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    target = tmp_path / "photo.png"
    target.write_bytes(b"precious")

    def interrupt(*_):
        assert len(list(tmp_path.iterdir())) == 2  # the temporary file is there
        raise KeyboardInterrupt

    monkeypatch.setattr("shutil.copymode", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_photo(PHOTO, target, overwrite=True)

    assert target.read_bytes() == b"precious"
    assert list(tmp_path.iterdir()) == [target]


def test_a_target_that_appears_while_writing_is_not_replaced(tmp_path, monkeypatch):
    target = tmp_path / "photo.png"
    exists = type(target).exists

    def exists_then_appears(path, **options):
        found = exists(path, **options)
        if path == target and not found:
            target.write_bytes(b"precious")
        return found

    monkeypatch.setattr(type(target), "exists", exists_then_appears)
    with pytest.raises(TargetError, match="exists; --overwrite"):
        write_photo(PHOTO, target)

    assert target.read_bytes() == b"precious"
    assert list(tmp_path.iterdir()) == [target]
