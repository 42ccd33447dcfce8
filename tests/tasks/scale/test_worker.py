"""What a worker does, without Ray."""

import os
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("fsspec", reason="needs the extra scale: fsspec")

from small_disk import small_disk
from small_network import sharpening_network
from unblur.errors import OptionError
from unblur.imaging.photo.photo import Photo, write_photo
from unblur.tasks.restore.file import restore_file
from unblur.tasks.restore.options import RestoreOptions
from unblur.tasks.restore.restorer import Restorer
from unblur.tasks.scale.listing import list_photos
from unblur.tasks.scale.luggage import folder_on_this_machine, pack
from unblur.tasks.scale.options import Known, LocalTroubleError
from unblur.tasks.scale.store import Store
from unblur.tasks.scale.worker import Worker


@pytest.fixture
def how(tmp_path):
    path = sharpening_network(tmp_path / "small.onnx")
    return RestoreOptions(model=str(path), engine="onnx", guard=False)


@pytest.fixture
def photo_pixels():
    return np.full((40, 60, 3), 0.25, np.float32)


@pytest.fixture
def folders(tmp_path, photo):
    source, out = tmp_path / "photos", tmp_path / "out"
    source.mkdir()
    out.mkdir()
    photo.rename(source / "a.jpg")
    return source, out


def work(folders, how, *, overwrite=False, known=None, target=None, item=None):
    changed = item or {}
    source, out = folders
    worker = Worker(how, pack(how), str(source), target or str(out), "waiting", overwrite)
    with closing(worker):
        said = worker.hello()
        assert said["engine"] == "onnx fp32"
        (item,) = list_photos(Store(str(source)))
        return worker.restore(replace(item, known=known, **changed))


def known(outcome, **changed):
    names = ("target", "target_bytes", "target_sha256", "status", "reason")
    facts = {name: getattr(outcome, name) for name in names}
    facts |= {"bytes": outcome.source_bytes, "stamp": outcome.source_stamp}
    return Known(**(facts | {"sha256": outcome.source_sha256, "same_work": True} | changed))


def test_the_bytes_are_those_of_restore_in_a_folder_and_in_a_store(folders, how, tmp_path):
    source, out = folders
    restore_file(source / "a.jpg", Restorer.open(how), target=tmp_path / "expected.jpg")
    expected = (tmp_path / "expected.jpg").read_bytes()

    outcome = work(folders, how)
    remote = work(folders, how, target="memory://work/out")

    assert (out / "a.unblurred.jpg").read_bytes() == expected
    assert Store("memory://work/out").read("a.unblurred.jpg") == expected
    assert outcome.status == remote.status == "done"
    assert outcome.target_sha256 == remote.target_sha256


def test_a_target_of_a_killed_run_is_recognised_and_left_alone(folders, how):
    first = work(folders, how)
    target = folders[1] / "a.unblurred.jpg"
    before = target.stat().st_mtime_ns

    again = work(folders, how)

    assert (again.status, again.target_sha256) == ("done", first.target_sha256)
    assert target.stat().st_mtime_ns == before


def test_a_target_of_somebody_else_stays_and_is_said(folders, how):
    target = folders[1] / "a.unblurred.jpg"
    target.write_bytes(b"somebody's")

    outcome = work(folders, how)
    after = work(folders, how, known=known(outcome))

    assert outcome.status == after.status == "left out"
    assert outcome.reason == f"{target}: exists; --overwrite replaces it"
    assert (outcome.fresh, after.fresh) == (True, False)
    assert target.read_bytes() == b"somebody's"
    assert work(folders, how, overwrite=True).status == "done"


def test_what_is_known_as_done_is_not_done_again(folders, how):
    first = work(folders, how)
    os.utime(folders[0] / "a.jpg", (1, 1))
    touched = work(folders, how, known=known(first))
    still = work(folders, how, known=known(touched))

    assert (touched.status, touched.fresh) == ("done", True)
    assert touched.target_sha256 == first.target_sha256
    assert (still.status, still.fresh) == ("done", False)


def test_a_result_that_was_removed_is_made_again(folders, how):
    first = work(folders, how)
    (folders[1] / "a.unblurred.jpg").unlink()

    again = work(folders, how, known=known(first))

    assert (again.status, again.fresh, again.target_sha256) == ("done", True, first.target_sha256)


def test_a_result_of_other_options_is_left_out(folders, how):
    first = work(folders, how)

    again = work(folders, how, known=known(first, same_work=False))

    assert again.status == "left out"
    assert "exists" in again.reason


def test_a_photo_that_changed_is_left_out_until_it_may_be_replaced(folders, how, photo_pixels):
    first = work(folders, how)
    write_photo(Photo(pixels=photo_pixels), folders[0] / "a.jpg", overwrite=True)

    changed = work(folders, how, known=known(first))
    replaced = work(folders, how, known=known(first), overwrite=True)

    assert (changed.status, changed.fresh) == ("left out", True)
    assert changed.source_sha256 != first.source_sha256
    assert (replaced.status, replaced.source_sha256) == ("done", changed.source_sha256)
    assert replaced.target_sha256 != first.target_sha256


def test_where_a_store_has_no_stamp_the_content_decides(folders, how):
    first = work(folders, how)
    unstamped = known(first, stamp="", bytes=-1)
    silent = {"stamp": "", "bytes": -1}

    same = work(folders, how, known=unstamped, item=silent)
    other = work(folders, how, known=replace(unstamped, sha256="0" * 64), item=silent)

    assert (same.status, same.fresh) == ("done", False)
    assert other.status == "left out"


def test_a_machine_with_another_folder_of_results_is_refused(folders, how, tmp_path):
    source, out = folders
    marker = tmp_path / "marker"
    worker = Worker(how, pack(how), str(source), str(out), "w", False, str(marker))

    with pytest.raises(OptionError, match=r"another folder than where the run was started"):
        worker.hello()

    marker.touch()
    with closing(worker):
        assert worker.hello()["engine"] == "onnx fp32"


def test_a_damaged_photo_fails_with_a_reason_and_nothing_stays(folders, how):
    (folders[0] / "a.jpg").write_bytes(b"\xff\xd8\xff damaged")

    here = work(folders, how)
    remote = work(folders, how, target="memory://damaged/out")

    assert here.status == remote.status == "failed"
    assert str(folders[0] / "a.jpg") in here.reason
    assert here.reason == remote.reason
    assert not list(folders[1].iterdir())


def test_what_a_dead_process_left_on_this_machine_is_removed(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    mine = folder_on_this_machine()
    dead = mine.with_name(mine.name.replace(f"-{os.getpid()}-", "-4194305-"))
    dead.mkdir()

    folder_on_this_machine()

    assert mine.is_dir()
    assert not dead.exists()


def test_a_name_with_space_in_it_does_not_make_a_damaged_photo_a_full_disk(folders, how):
    (folders[0] / "a.jpg").rename(folders[0] / "spaceship.jpg")
    (folders[0] / "spaceship.jpg").write_bytes(b"\xff\xd8\xff damaged")

    remote = work(folders, how, target="memory://space/out")

    assert remote.status == "failed"
    assert "spaceship.jpg: this JPEG is damaged" in remote.reason


def test_a_full_disk_of_this_machine_is_its_trouble_and_not_the_photos(
    folders, how, tmp_path, monkeypatch, photo_pixels
):
    noise = np.random.default_rng(0).random((300, 300, 3), np.float32)
    write_photo(Photo(pixels=noise), folders[0] / "a.jpg", overwrite=True)
    with small_disk(tmp_path / "disk", "64k") as disk:
        monkeypatch.setattr("tempfile.tempdir", str(disk))
        with pytest.raises(LocalTroubleError, match="no space left"):
            work(folders, how, target="memory://full/out")
