"""Restoring on a Ray cluster, undisturbed and with faults."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import skimage.data

from interruptible import interruptible
from ray_cluster import start_cluster, stop_cluster, worker_pids
from small_disk import small_disk
from small_network import sharpening_network
from unblur.engines import warn_once
from unblur.errors import DeviceWarning, OptionError, TargetError
from unblur.imaging.photo.photo import Photo, write_photo
from unblur.tasks.batch.files import find_sources, plan_jobs, restore_files
from unblur.tasks.restore.options import RestoreOptions
from unblur.tasks.restore.restorer import Restorer

scale = pytest.importorskip("unblur.tasks.scale.run")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")


@pytest.fixture(scope="module")
def cluster():
    address, store = start_cluster()
    yield address, store
    stop_cluster()


@pytest.fixture(scope="module")
def how(tmp_path_factory):
    network = sharpening_network(tmp_path_factory.mktemp("network") / "small.onnx")
    return RestoreOptions(model=str(network), engine="onnx", guard=False)


@pytest.fixture(scope="module")
def expected(photos, how, tmp_path_factory):
    """What `unblur restore` writes."""
    out = tmp_path_factory.mktemp("expected")
    jobs = plan_jobs(find_sources([photos], recursive=True), out)
    done = list(restore_files(jobs, Restorer.open(how)))
    assert not any(x.error for x in done)
    return contents(out)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Sixty photos in three folders."""
    top = tmp_path_factory.mktemp("photos")
    picture = skimage.data.astronaut().astype(np.float32) / 255
    for index in range(60):
        path = top / (".", "day1", "day1/night")[index % 3] / f"{index:02}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_photo(Photo(pixels=picture[6 * index :][:96, :120].copy()), path)
    return top


def contents(folder):
    return {
        str(p.relative_to(folder)): p.read_bytes()
        for p in sorted(Path(folder).rglob("*.unblurred.*"))
    }


def options(**changed):
    return scale.ScaleOptions(**({"workers": 2, "cpus": 0.5, "flush_seconds": 0.5} | changed))


def run(source, target, how, **changed):
    return list(scale.restore_everywhere(str(source), str(target), how, options(**changed)))


def rows(target):
    from last_rows import last_rows
    from unblur.tasks.scale.manifest import FOLDER
    from unblur.tasks.scale.store import Store

    return last_rows(Store(f"{target}/{FOLDER}"))


def counts(outcomes):
    return Counter(outcome.status for outcome in outcomes)


def test_results_are_those_of_restore_and_a_second_run_finds_all_done(
    cluster, photos, how, expected, tmp_path
):
    done = run(photos, tmp_path, how)

    assert counts(done) == {"done": 60}
    assert len({outcome.source for outcome in done}) == 60
    assert contents(tmp_path) == expected
    manifest = rows(tmp_path)
    assert len(manifest) == 60
    assert {row["status"] for row in manifest.values()} == {"done"}
    before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")}

    again = run(photos, tmp_path, how)

    assert counts(again) == {"done": 60}
    assert not any(outcome.fresh for outcome in again)
    assert {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")} == before


def test_a_device_that_no_worker_has_is_told_once_by_the_one_who_asked(
    cluster, photos, how, tmp_path
):
    warn_once.cache_clear()
    with pytest.warns(DeviceWarning, match="device dml cannot be used") as said:
        done = run(photos / "day1" / "night", tmp_path, replace(how, device="dml"))

    assert len(said) == 1
    assert {outcome.engine for outcome in done} == {"onnx fp32"}
    assert counts(done) == {"done": 20}


def test_workers_killed_again_and_again_lose_nothing(cluster, photos, how, expected, tmp_path):
    kills, seen = 0, []
    with closing(
        scale.restore_everywhere(str(photos), str(tmp_path), how, options(photos_at_once=3))
    ) as outcomes:
        for outcome in outcomes:
            seen.append(outcome)
            if len(seen) in {3, 12, 25}:
                os.kill(worker_pids()[0], signal.SIGKILL)
                kills += 1

    assert kills == 3
    assert Counter(outcome.source for outcome in seen).most_common(1)[0][1] == 1
    assert counts(seen) == {"done": 60}
    assert any(outcome.attempts > 1 for outcome in seen)
    assert contents(tmp_path) == expected
    assert len(rows(tmp_path)) == 60


def test_a_killed_driver_and_the_next_run_leave_each_photo_done_once(
    cluster, photos, how, expected, tmp_path
):
    arguments = ["scale", str(photos), "out", "--address", cluster[0], "--workers", "2"]
    arguments += ["--cpus", "0.5", "--model", how.model, "--engine", "onnx", "--no-guard"]
    driver = subprocess.Popen(
        [sys.executable, "-m", "unblur", *arguments],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    out = tmp_path / "out"
    while driver.poll() is None and len(contents(out)) < 15:
        time.sleep(0.002)
    driver.kill()
    _, stderr = driver.communicate()
    assert driver.returncode == -signal.SIGKILL, stderr
    kept = {p: p.stat().st_mtime_ns for p in out.rglob("*.unblurred.jpg")}
    assert 15 <= len(kept) < 60

    done = run(photos, out, how)

    assert counts(done) == {"done": 60}
    assert {p: p.stat().st_mtime_ns for p in kept} == kept  # found whole, and left alone
    assert contents(out) == expected
    assert len(rows(out)) == 60
    assert not list(out.rglob(".unblur-*"))


def test_ctrl_c_keeps_what_is_finished_and_notes_it(cluster, photos, how, tmp_path):
    arguments = ("scale", str(photos), "out", "--address", cluster[0], "--workers", "2")
    arguments += ("--cpus", "0.5", "--model", how.model, "--engine", "onnx", "--no-guard")
    driver = subprocess.Popen(
        interruptible(*arguments), cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    out = tmp_path / "out"
    while driver.poll() is None and len(contents(out)) < 10:
        time.sleep(0.002)
    driver.send_signal(signal.SIGINT)
    stdout, stderr = driver.communicate(timeout=60)

    assert driver.returncode == 130, stderr
    assert stderr.splitlines() == [b"unblur: interrupted"]
    noted = rows(out)
    assert 1 <= len(noted) <= len(contents(out)) < 60
    assert stdout.startswith(f"{len(noted)} restored in ".encode())
    assert counts(run(photos, out, how)) == {"done": 60}


def test_a_full_disk_fails_what_does_not_fit_and_the_next_run_does_it(
    cluster, photos, how, expected, tmp_path
):
    size = sum(map(len, expected.values())) // 2
    with small_disk(tmp_path / "disk", size) as disk:
        done = run(photos, disk, how, manifest=str(tmp_path / "manifest"))
        kept = contents(disk)

        assert counts(done) == {"done": len(kept), "failed": 60 - len(kept)}
        assert 10 < len(kept) < 60
        assert kept.items() <= expected.items()
        assert all("space" in x.reason for x in done if x.status == "failed")
        assert not list(disk.rglob(".unblur-*"))

        subprocess.run(["mount", "-o", "remount,size=9M", disk], check=True)
        again = run(photos, disk, how, manifest=str(tmp_path / "manifest"))

        assert sum(outcome.fresh for outcome in again) == 60 - len(kept)
        assert contents(disk) == expected


def test_a_store_that_refuses_a_fifth_of_all_calls_and_damaged_photos(
    cluster, photos, how, expected, tmp_path
):
    import fsspec

    store = cluster[1]
    remote = fsspec.filesystem("s3")
    remote.mkdir("archive")
    for index in range(0, 60, 4):
        name = f"{(index // 3) * 3:02}.jpg"  # of the first folder
        remote.put_file(str(photos / name), f"archive/photos/in/{name}")
    wanted = {f"in/{k}": v for k, v in expected.items() if f"in/{k[:2]}.jpg" in _names(remote)}
    remote.pipe("archive/photos/damaged.jpg", b"\xff\xd8\xff damaged")
    remote.pipe("archive/photos/clip.mp4", b"moving")
    store.refusing, before = 0.2, store.refused
    try:
        done = run("s3://archive/photos", "s3://archive/out", how)
        again = run("s3://archive/photos", "s3://archive/out", how)
    finally:
        store.refusing = 0.0

    assert store.refused - before > 10
    assert len(wanted) > 10
    assert counts(done) == counts(again) == {"done": len(wanted), "failed": 1, "left out": 1}
    assert {x.source for x in again if x.fresh} == {"damaged.jpg"}
    remote.get("archive/out/", str(tmp_path / "out"), recursive=True)
    assert contents(tmp_path / "out") == wanted
    manifest = rows("s3://archive/out")
    assert len(manifest) == len(wanted) + 2
    assert "s3://archive/photos/damaged.jpg: " in manifest["damaged.jpg"]["reason"]
    assert {n.split("/")[2] for n in remote.find("archive/out")} == {"in", "unblur-manifest"}


def _names(remote):
    return {name.removeprefix("archive/photos/") for name in remote.find("archive/photos")}


def test_a_folder_of_more_than_a_page_is_listed_in_order(cluster):
    import fsspec
    from moto.s3.models import s3_backends

    from unblur.tasks.scale.listing import list_photos
    from unblur.tasks.scale.store import Store

    fsspec.filesystem("s3").mkdir("pages")
    names = [f"in/{index:04}.jpg" for index in range(1005)]
    for name in (*names, "in/sub/a.jpg", "in/sub/b.txt", "inside.jpg"):
        s3_backends["123456789012"]["aws"].put_object("pages", name, b"x")

    before = cluster[1].calls
    found = [item.key for item in list_photos(Store("s3://pages/in"))]

    assert found == [*(name.removeprefix("in/") for name in names), "sub/a.jpg"]
    assert cluster[1].calls - before == 3  # two pages, and the folder within


def test_names_that_may_clash_are_seen_together_across_pages_and_folders_between(cluster):
    found = listed(
        "clash", *(f"{index:04}.jpg" for index in range(998)), "A/x.jpg", "a.cr2", "a.dng"
    )

    assert [x.key for x in found if x.clash] == ["a.dng"]  # the first name of the second page
    assert len(found) == 1001


def test_a_folder_without_a_name_is_listed_once_and_said(cluster):
    first, second = listed("unnamed", "/a.jpg", "b.jpg")

    assert first.key == "b.jpg"
    assert (second.status, second.source) == ("failed", "//")
    assert "has no name" in second.reason


def listed(bucket, *names):
    import fsspec
    from moto.s3.models import s3_backends

    from unblur.tasks.scale.listing import list_photos
    from unblur.tasks.scale.store import Store

    fsspec.filesystem("s3").mkdir(bucket)
    for name in names:
        s3_backends["123456789012"]["aws"].put_object(bucket, f"in/{name}", b"x")
    return list(islice(list_photos(Store(f"s3://{bucket}/in")), 1100))


def test_odd_names_in_a_store_are_done_once_and_found_again(cluster, photos, how):
    import fsspec

    names = ("a b.jpg", "day#1/ü?=1.jpg", "a[1]*.jpg", "100%25.jpg", "a+b&c;d.jpg")
    remote = fsspec.filesystem("s3")
    remote.mkdir("odd")
    for name in names:
        remote.put_file(str(photos / "00.jpg"), f"odd/in #1/{name}")

    done = run("s3://odd/in #1", "s3://odd/out [x]", how)
    again = run("s3://odd/in #1", "s3://odd/out [x]", how)

    assert {x.source for x in done} == {x.source for x in again} == set(names)
    assert counts(done) == counts(again) == {"done": len(names)}
    assert not any(x.fresh for x in again)
    remote.invalidate_cache()
    written = {x.removeprefix("odd/out [x]/") for x in remote.find("odd/out [x]")}
    assert {x.target for x in done} == {x for x in written if "manifest" not in x}


def test_a_folder_without_photos_is_wrong_use(cluster, how, tmp_path):
    import fsspec

    fsspec.filesystem("s3").mkdir("empty")
    (tmp_path / "in").mkdir()
    for source in (tmp_path / "in", "s3://empty/phots"):
        with pytest.raises(OptionError, match="no photos below this folder"):
            run(source, tmp_path / "out", how)


def test_results_of_one_set_of_options_are_known_again_after_a_run_with_another(
    cluster, photos, how, tmp_path
):
    small = tmp_path / "in"
    small.mkdir()
    shutil.copy(photos / "00.jpg", small / "a.jpg")
    other = replace(how, strength=0.5)

    first, with_other, again, still = (
        run(small, tmp_path / "out", x)[0] for x in (how, other, how, how)
    )

    assert [x.status for x in (first, with_other, again, still)] == [
        *("done", "left out", "done", "done")
    ]
    assert [x.fresh for x in (first, with_other, again, still)] == [True, True, True, False]
    row = rows(tmp_path / "out")["a.jpg"]
    assert (row["status"], row["target_sha256"]) == ("done", first.target_sha256)


def test_a_photo_stays_done_when_another_of_its_name_comes_that_would_go_first(
    cluster, photos, how, tmp_path
):
    small = tmp_path / "in"
    small.mkdir()
    picture = Photo(pixels=np.full((32, 32, 3), 0.5, np.float32))
    write_photo(picture, tmp_path / "x.png")
    with PIL.Image.open(tmp_path / "x.png") as image:
        image.save(small / "a.gif")
    run(small, tmp_path / "out", how)
    write_photo(Photo(pixels=np.full((48, 32, 3), 0.25, np.float32)), small / "a.png")

    both = {x.source: x for x in run(small, tmp_path / "out", how)}

    assert (both["a.gif"].status, both["a.gif"].fresh) == ("done", False)
    assert both["a.png"].status == "left out"
    assert "exists" in both["a.png"].reason


def test_a_photo_that_never_comes_is_given_up_and_the_others_are_done(cluster, photos, how):
    import fsspec

    store = cluster[1]
    remote = fsspec.filesystem("s3")
    remote.mkdir("slow")
    for name in ("in/0.jpg", "in/1-stuck.jpg", "in/2.jpg"):
        remote.put_file(str(photos / "00.jpg"), f"slow/{name}")
    store.hanging = "1-stuck.jpg"
    try:
        # On a busy machine a photo that does come takes seconds, too.
        done = run("s3://slow/in", "s3://slow/out", how, photo_seconds=6.0, attempts=2)
    finally:
        store.hanging = None

    reasons = {outcome.source: outcome.reason for outcome in done if outcome.status == "failed"}
    assert counts(done) == {"done": 2, "failed": 1}
    assert reasons == {"1-stuck.jpg": "1-stuck.jpg: took longer than 6 s, 2 times"}


def test_a_store_that_does_not_exist_is_said_before_anything_starts(cluster, photos, how):
    with pytest.raises(TargetError, match=r"s3://nowhere/out.*bucket does not exist"):
        run(photos, "s3://nowhere/out", how)


def test_more_workers_than_fit_are_refused_before_anything_starts(cluster, photos, how, tmp_path):
    with pytest.raises(OptionError, match=r"asked for 5 x 1 CPUs.* so 4 fit"):
        run(photos, tmp_path, how, workers=5, cpus=1.0)
    assert not contents(tmp_path)
