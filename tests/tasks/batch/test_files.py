import shutil
import subprocess
import sys

import numpy as np
import pytest
import skimage.data

from unblur.errors import OptionError
from unblur.imaging.photo.photo import Photo, read_photo, write_photo
from unblur.tasks.batch.files import (
    BatchRun,
    choose_workers,
    find_sources,
    plan_jobs,
    restore_files,
)
from unblur.tasks.batch.ledger import NAME
from unblur.tasks.progress.stages import heard
from unblur.tasks.restore.options import RestoreOptions
from unblur.tasks.restore.restorer import Restorer

OPTIONS = RestoreOptions(method="network", engine="onnx")


@pytest.fixture(scope="module")
def restorer():
    return Restorer.open(OPTIONS, streams=3)


@pytest.fixture
def folder(tmp_path):
    """Seven small photos of several formats and sizes."""
    folder = tmp_path / "photos"
    folder.mkdir()
    picture = skimage.data.astronaut().astype(np.float32) / 255
    for index, suffix in enumerate((".jpg", ".png", ".webp", ".tif", ".jpg", ".jpg", ".png")):
        side = 24 + 7 * index  # only the last is large enough to search for a shake
        part = picture[40 * index :, 60:][:side, : side + 5].copy()
        write_photo(Photo(pixels=part), folder / f"{index}{suffix}")
    return folder


def batch(folder, restorer, out=None, preview=False, **options):
    jobs = plan_jobs(find_sources([folder]), out, preview=preview)
    return list(restore_files(jobs, restorer, **options))


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != NAME}


def test_the_bytes_do_not_depend_on_the_number_of_workers(folder, tmp_path):
    results = {}
    for workers in (1, 2, 3):
        opened = Restorer.open(streams=workers)
        out = tmp_path / str(workers)
        results[workers] = batch(folder, opened, out, preview=True, workers=workers)

    first, *others = (contents(tmp_path / str(workers)) for workers in results)
    assert len(first) == 14
    assert all(other == first for other in others)
    for result in results.values():
        assert [one.source.name for one in result] == sorted(p.name for p in folder.iterdir())
        assert [one.error for one in result] == [None] * 7


@pytest.mark.parametrize("preview", [False, True])
def test_large_photos_are_restored_alone_in_their_turn(folder, tmp_path, preview, monkeypatch):
    monkeypatch.setattr("unblur.tasks.restore.file._LARGE_MEGAPIXELS", 0.2)
    options = RestoreOptions(method="unsharp-mask")
    large = skimage.data.astronaut().astype(np.float32) / 255
    write_photo(Photo(pixels=large), folder / "3large.jpg")
    found = {}
    for workers in (1, 2):
        opened = Restorer.open(options, streams=workers)
        jobs = plan_jobs(find_sources([folder]), tmp_path / str(workers), preview=preview)
        results = list(restore_files(jobs, opened, record=True, workers=workers))
        assert [one.error for one in results] == [None] * 8
        assert [one.source.name for one in results] == sorted(p.name for p in folder.iterdir())
        found[workers] = contents(tmp_path / str(workers))
        again = restore_files(jobs, opened, record=True, workers=workers)
        assert all(one.skipped for one in again)

    assert found[1] == found[2]
    assert len(found[1]) == 8 * (1 + preview)


def test_a_second_run_does_nothing(folder, restorer, tmp_path):
    out = tmp_path / "out"
    batch(folder, restorer, out, record=True, workers=2)
    times = {path: path.stat().st_mtime_ns for path in out.iterdir()}

    again = batch(folder, restorer, out, record=True, workers=2)

    assert all(result.skipped and result.error is None for result in again)
    assert {path: path.stat().st_mtime_ns for path in out.iterdir()} == times


def test_overwriting_does_all_anew(folder, restorer):
    batch(folder, restorer, record=True)

    again = batch(folder, restorer, record=True, overwrite=True)

    assert not any(result.skipped or result.error for result in again)


def test_only_what_changed_is_not_done(folder, restorer, tmp_path):
    out = tmp_path / "out"
    batch(folder, restorer, out, record=True)
    shutil.copy(folder / "0.jpg", folder / "4.jpg")
    (out / "5.unblurred.jpg").unlink()
    shutil.copy(folder / "1.png", folder / "new.png")

    again = {one.source.name: one for one in batch(folder, restorer, out, record=True)}

    assert {name for name, one in again.items() if not one.skipped} == {"4.jpg", "5.jpg", "new.png"}
    assert "overwrite" in again["4.jpg"].error  # another photo's result is there
    assert again["5.jpg"].error is again["new.png"].error is None


def test_results_that_were_there_before_are_left_alone(folder, restorer):
    precious = folder.parent / "photos-unblurred" / "0.unblurred.jpg"
    precious.parent.mkdir()
    precious.write_text("precious")

    for _ in range(2):
        first = batch(folder, restorer, record=True)[0]
        assert "--overwrite" in first.error
    assert precious.read_text() == "precious"


def test_photos_that_vanish_or_are_damaged_are_errors_of_their_own(folder, restorer):
    jobs = plan_jobs(find_sources([folder]))
    (folder / "1.png").unlink()
    (folder / "3.tif").write_bytes(b"II*\0 and no more")

    results = list(restore_files(jobs, restorer, record=True, workers=2))

    failed = {one.source.name: one.error for one in results if one.error}
    assert failed.keys() == {"1.png", "3.tif"}
    assert "no such file" in failed["1.png"]
    assert all(one.target.is_file() == (one.error is None) for one in results)
    assert not list(folder.glob(".unblur-*"))


def test_a_photo_that_failed_is_tried_again(folder, restorer):
    whole = (folder / "0.jpg").read_bytes()
    (folder / "0.jpg").write_bytes(whole[:-200])
    assert batch(folder, restorer, record=True)[0].error
    (folder / "0.jpg").write_bytes(whole)

    first, *others = batch(folder, restorer, record=True)

    assert (first.error, first.skipped) == (None, False)
    assert all(other.skipped for other in others)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_batch_may_be_left_in_the_middle(folder, restorer, tmp_path, workers):
    out = tmp_path / "out"
    results = restore_files(
        plan_jobs(find_sources([folder]), out), restorer, record=True, workers=workers
    )
    next(results)
    results.close()

    done = [path for path in out.iterdir() if path.name != NAME]
    assert 1 <= len(done) < 7
    assert all(read_photo(path).pixels.size for path in done)
    assert sum(one.skipped for one in batch(folder, restorer, out, record=True)) == len(done)


def test_a_stopped_batch_ends_where_the_next_stage_begins(folder, restorer, tmp_path):
    run = BatchRun(restorer, overwrite=False, work=None)
    said = []

    def hear(stage, share):
        said.append(stage)
        if stage == "restore":
            run.stop.set()

    with heard(hear):
        assert run.one(plan_jobs(find_sources([folder]), tmp_path / "out")[0]) is None

    assert said == ["read", "restore"]
    assert list((tmp_path / "out").iterdir()) == []


def test_a_name_that_is_too_long_for_its_result_is_shortened(folder, restorer):
    shutil.copy(folder / "0.jpg", folder / f"{'long' * 62}.jpg")

    *_, last = batch(folder, restorer, record=True)

    assert last.error is None
    assert last.target.name.startswith("longlong")
    assert last.target.name.endswith(".unblurred.jpg")
    assert read_photo(last.target).pixels.size


def test_a_folder_that_is_read_only_fails_before_the_work_is_done(folder, restorer, tmp_path):
    (tmp_path / "file").touch()

    results = batch(folder, restorer, tmp_path / "file" / "out", record=True)

    assert all("cannot be made" in result.error for result in results)


def test_the_number_of_workers_is_checked_and_chosen():
    assert choose_workers(5, 100) == 5
    assert choose_workers(5, 2) == 2
    assert 1 <= choose_workers(0, 100) <= 8
    with pytest.raises(OptionError, match="got -1"):
        choose_workers(-1, 3)
    with pytest.raises(OptionError, match="got 0"):
        restore_files([], None, workers=0)


KILLED = """
import os, signal, sys
from importlib import import_module
from pathlib import Path
module, name, turn = sys.argv[1], sys.argv[2].split("."), int(sys.argv[3])
owner = import_module(module)
for part in name[:-1]:
    owner = getattr(owner, part)
real, calls = getattr(owner, name[-1]), []
def deadly(*arguments, **options):
    calls.append(1)
    if len(calls) == turn:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*arguments, **options)
setattr(owner, name[-1], deadly)
from unblur.tasks.batch.files import find_sources, plan_jobs, restore_files
from unblur.tasks.restore.restorer import Restorer
from unblur.tasks.batch.files import BatchRun
from unblur.tasks.progress.stages import heard
from unblur.tasks.restore.options import RestoreOptions
options = RestoreOptions(method="network", engine="onnx")
jobs = plan_jobs(find_sources([Path("photos")]), Path("out"))
list(restore_files(jobs, Restorer.open(options, streams=2), record=True, workers=2))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("unblur.tasks.batch.ledger", "Ledger.begin"),
        ("unblur.imaging.photo.photo", "encode_photo"),
        ("unblur.imaging.files", "_rename_to_new"),
        ("unblur.tasks.batch.ledger", "Ledger.finish"),
        ("os", "fsync"),
        ("pathlib", "Path.unlink"),
    ],
)
def test_a_run_killed_at_the_worst_moment_is_finished_by_the_next(
    folder, restorer, tmp_path, module, name
):
    out = tmp_path / "out"
    turn = "1" if name == "fsync" else "3"
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, module, name, turn], cwd=tmp_path, check=False
    )
    if name != "fsync":  # which a quick run may never come to
        assert killed.returncode == -9
    written = {p: p.stat().st_mtime_ns for p in out.iterdir() if p.name[0] != "."}
    assert all(read_photo(path).pixels.size for path in written)

    results = batch(folder, restorer, out, record=True)

    assert [one.error for one in results] == [None] * 7
    assert {one.target for one in results if one.skipped} == set(written)
    assert {path: path.stat().st_mtime_ns for path in written} == written  # nothing done twice
    assert len(list(out.iterdir())) == 7 + 1
    batch(folder, restorer, tmp_path / "at once")
    assert contents(out) == contents(tmp_path / "at once")
