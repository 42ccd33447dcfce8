import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import skimage.data

from interruptible import interruptible
from small_disk import small_disk
from unblur.imaging.photo.photo import Photo, read_photo, write_photo

QUICK = ("--method", "network")
"""What is told of batches here holds for every method."""


@pytest.fixture
def holiday(tmp_path):
    """Twelve photos in two folders."""
    picture = skimage.data.astronaut().astype(np.float32) / 255
    for index in range(12):
        path = tmp_path / "holiday" / ("day1" if index % 2 else ".") / f"{index:02}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_photo(Photo(pixels=picture[20 * index :][:96, :120].copy()), path)
    return tmp_path / "holiday"


def restore(folder, *arguments, **options):
    """As the fixture ``run``, with something on standard input."""
    command = [sys.executable, "-m", "unblur", "restore", *map(str, arguments)]
    return subprocess.run(
        command, cwd=folder, capture_output=True, timeout=120, check=False, **options
    )


def start(folder, *arguments):
    return subprocess.Popen(
        interruptible("restore", *map(str, arguments)),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


NOT_ENTERED = "unblur: 1 folder not entered (day1); --recursive restores what is in there, too\n"


def wait_for(process, folder, pattern, count):
    while process.poll() is None and len(list(folder.rglob(pattern))) < count:
        time.sleep(0.002)


def results(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*.unblurred.*")}


def test_a_tree_is_mirrored_and_a_second_run_says_done_already(run, holiday, tmp_path):
    first = run("restore", *QUICK, "holiday", "--recursive", "-o", "sharp")
    second = run("restore", *QUICK, "holiday", "--recursive", "-o", "sharp")
    as_json = run("restore", *QUICK, "holiday", "--recursive", "-o", "sharp", "--json")

    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout.splitlines()[-1].startswith("12 restored in ")
    assert " s a photo in all\n" in first.stdout
    assert (tmp_path / "sharp" / "day1" / "11.unblurred.jpg").is_file()
    assert (second.returncode, second.stderr) == (0, "")
    assert second.stdout.startswith("0 restored, 12 done already in ")
    lines = [json.loads(line) for line in as_json.stdout.splitlines()]
    assert len(lines) == 12
    assert all(line["skipped"] and line["error"] is None for line in lines)


def test_a_folder_by_itself_goes_beside_itself_and_resumes_too(run, holiday, tmp_path):
    first = run("restore", *QUICK, "holiday", "--workers", "2")
    other = run("restore", *QUICK, "holiday", "--strength", "0.5")
    again = run("restore", *QUICK, "holiday").stdout

    assert "2 photos at a time, so the seconds of each overlap with others; " in first.stdout
    assert first.stdout.endswith(f", into holiday-unblurred{os.sep}\n")
    assert len(results(tmp_path / "holiday-unblurred")) == 6
    assert results(holiday) == {}
    assert other.stdout.splitlines()[-2].startswith(
        "--overwrite makes anew what was left as it was"
    )
    assert other.stdout.splitlines()[-1].startswith("0 restored, 6 left as made earlier in ")
    assert again.startswith("0 restored, 6 done already")
    assert (other.returncode, other.stderr) == (0, NOT_ENTERED)
    assert other.stdout.count("  left as it was: made earlier with other options\n") == 6


def test_photos_beside_their_results_resume_too(run, holiday):
    run("restore", *QUICK, "holiday", "-o", "holiday", "-q")
    other = run("restore", *QUICK, "holiday", "-o", "holiday", "--strength", "0.5")

    again = run("restore", *QUICK, "holiday", "-o", "holiday")
    assert again.stdout.startswith("0 restored, 6 done already")
    assert run("restore", *QUICK, "holiday/*.jpg").stdout.startswith("0 restored, 6 done already")
    assert (other.returncode, other.stderr) == (0, NOT_ENTERED)
    assert other.stdout.count("  left as it was: made earlier with other options\n") == 6
    assert not (holiday / "day1" / ".unblur.jsonl").exists()


def test_one_photo_leaves_no_record_and_is_not_overwritten(run, photo, tmp_path):
    assert run("restore", *QUICK, photo).returncode == 0
    again = run("restore", *QUICK, photo)
    as_json = run("restore", *QUICK, photo, "--json", "--report", "report.jsonl")

    target = tmp_path / "photo.unblurred.jpg"
    said = f"{target}: exists; --overwrite replaces it"
    assert (again.returncode, again.stderr) == (1, f"unblur: {said}\n")
    assert json.loads(as_json.stdout)["error"] == said
    assert "overwrite=True" not in (tmp_path / "report.jsonl").read_text()
    assert not list(tmp_path.glob(".unblur*"))


def test_a_folder_with_a_photo_that_was_restored_by_itself_says_what_to_do(run, holiday, tmp_path):
    run("restore", *QUICK, "holiday/00.jpg")

    done = run("restore", *QUICK, "holiday", "-o", "holiday")

    folders, first, last = done.stderr.splitlines()
    assert done.returncode == 1
    assert f"{folders}\n" == NOT_ENTERED
    assert first == (
        "unblur: holiday/00.unblurred.jpg: exists, and no record says that it was made in this "
        "way; remove it to have it made anew, or --overwrite does all anew"
    )
    assert last == "unblur: 1 of 6 photos failed"
    (holiday / "00.unblurred.jpg").unlink()
    again = run("restore", *QUICK, "holiday", "-o", "holiday")
    assert (again.returncode, again.stderr) == (0, NOT_ENTERED)
    assert again.stdout.splitlines()[-1].startswith("1 restored, 5 done already")


def test_a_preview_that_is_asked_for_later_leaves_results_and_originals_as_they_are(
    run, holiday, tmp_path
):
    run("restore", *QUICK, "holiday", "-q")
    unknown = tmp_path / "holiday-unblurred" / "00.unblurred.jpg"
    unknown.write_bytes(b"edited by hand")
    before = results(tmp_path)

    added = run("restore", *QUICK, "holiday", "--preview", "--json")

    lines = [json.loads(line) for line in added.stdout.splitlines()]
    assert added.returncode == 1  # nobody knows where the first comes from
    assert "no record says" in lines[0]["error"]
    assert [line["made_otherwise"] for line in lines[1:]] == ["without a preview"] * 5
    assert all(line["skipped"] and line["error"] is None for line in lines[1:])
    assert results(tmp_path) == before
    anew = run("restore", *QUICK, "holiday", "--preview", "--overwrite", "-q")
    assert anew.returncode == 0
    assert len(list(unknown.parent.glob("*.before-after.jpg"))) == 6


@pytest.mark.parametrize("separator", [b"\n", b"\0"])
def test_a_list_of_photos_comes_from_standard_input(run, holiday, separator, tmp_path):
    names = [b"holiday/00.jpg", b"holiday/day1/01.jpg", b"holiday/00.jpg"]
    (tmp_path / "list").write_bytes(separator.join(names))

    done = restore(tmp_path, *QUICK, "--files-from", "-", "-o", "out", input=separator.join(names))

    assert (done.returncode, done.stderr) == (0, b"")
    assert sorted(results(tmp_path / "out")) == ["00.unblurred.jpg", "01.unblurred.jpg"]
    again = run("restore", *QUICK, "--files-from", "list", "-o", "out")
    assert again.stdout.startswith("0 restored, 2 done already")
    empty = run("restore", *QUICK, "--files-from", "-")
    assert (empty.returncode, len(empty.stderr.splitlines())) == (2, 1)


def test_a_pattern_without_a_match_is_wrong_use(run, holiday):
    done = run("restore", *QUICK, "holiday/*.gif")

    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "holiday/*.gif" in done.stderr


def test_a_video_is_sent_to_its_command(run, tmp_path, photo):
    (tmp_path / "clip.MP4").write_bytes(b"whatever")

    done = run("restore", *QUICK, "clip.MP4")

    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert "is a video; `unblur video clip.MP4`" in done.stderr


def test_a_report_has_a_line_a_photo_and_totals(run, holiday, tmp_path):
    (holiday / "02.jpg").write_bytes(b"\xff\xd8\xff damaged")

    for _ in range(2):  # the second replaces the first
        done = run("restore", *QUICK, "holiday", "missing.jpg", "--report", "report.jsonl", "-q")

    *lines, totals = map(json.loads, (tmp_path / "report.jsonl").read_text().splitlines())
    assert done.returncode == 1
    assert [bool(line["error"]) for line in lines] == [
        line["source"][-6:] in {"02.jpg", "ng.jpg"} for line in lines
    ]
    assert len(lines) == totals["photos"] == 7
    counts = totals["restored"], totals["skipped"], totals["failed"], totals["interrupted"]
    assert counts == (0, 5, 2, False)


def test_a_report_replaces_no_other_file(run, photo):
    before = photo.read_bytes()

    done = run("restore", *QUICK, photo, "--report", photo)

    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert photo.read_bytes() == before


def test_many_photos_list_their_failures_again_at_the_end(run, photo, tmp_path):
    (tmp_path / "many").mkdir()
    for index in range(21):
        (tmp_path / "many" / f"{index:02}.jpg").write_bytes(b"\xff\xd8\xff damaged")
    shutil.copy(photo, tmp_path / "many" / "whole.jpg")

    done = run("restore", *QUICK, "many")

    lines = done.stderr.splitlines()
    assert done.returncode == 1
    assert lines[:21] == lines[21:42]
    assert lines[42:] == ["unblur: 21 of 22 photos failed"]


@pytest.mark.skipif(sys.platform != "linux", reason="names are any bytes there")
def test_names_that_are_not_text_are_restored_and_reported(run_process, photo, tmp_path):
    (tmp_path / "odd").mkdir()
    shutil.copy(photo, os.fsencode(tmp_path / "odd") + b"/gr\xfcn.jpg")
    shutil.copy(photo, tmp_path / "odd" / "grün.jpg")

    done = run_process("restore", *QUICK, "odd", "--report", "report.jsonl")
    again = run_process("restore", *QUICK, "odd", "--json")

    assert (done.returncode, done.stderr) == (0, "")
    assert "grün.unblurred.jpg" in done.stdout
    assert [json.loads(line)["skipped"] for line in again.stdout.splitlines()] == [True, True]
    assert len((tmp_path / "report.jsonl").read_text().splitlines()) == 3


def test_verbose_says_once_which_engine_restores_a_folder(run, holiday):
    done = run("restore", *QUICK, "holiday", "-v", "--engine", "onnx", "--workers", "2")

    assert done.returncode == 0
    assert done.stderr.count("engine onnx") == 1
    assert done.stderr.startswith(NOT_ENTERED)
    assert done.stderr.splitlines()[2:] == ["unblur: 2 photos at a time"]


def test_verbose_says_which_engine_and_how_many_at_a_time(run_process, photo):
    done = run_process("restore", *QUICK, photo, "-v", "--engine", "onnx", "--threads", "1")

    assert done.returncode == 0
    assert done.stderr.startswith("unblur: engine onnx")
    assert "1 photo at a time" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--crop", "1,2,3"], "X,Y,WIDTH,HEIGHT"),
        (["--crop", "0,0,0,4"], "crop"),
        (["--tile", "half"], "tile"),
        (["--strength", "2"], "strength"),
        (["--method", "magic"], "method"),
        (["--precision", "fp64"], "precision"),
        (["--workers", "-1"], "workers"),
        (["--method", "network", "--kernel", "psf.png"], "kernel"),
    ],
)
def test_wrong_options_are_one_line(run, photo, arguments, said):
    done = run("restore", *QUICK, photo, *arguments)

    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert said in done.stderr


def test_ctrl_c_keeps_what_is_finished_and_the_next_run_goes_on(run, holiday, tmp_path):
    out = tmp_path / "out"
    arguments = (
        *QUICK,
        "holiday",
        "-r",
        "-o",
        "out",
        "--report",
        "report.jsonl",
        "--engine",
        "onnx",
    )
    process = start(tmp_path, *arguments)
    wait_for(process, out, "*.unblurred.jpg", 3)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    kept = results(out)

    assert process.returncode == 130, stderr
    assert stderr.splitlines()[-1] == "unblur: interrupted"
    assert 3 <= len(kept) < 12
    assert not list(tmp_path.rglob(".unblur-*"))
    *lines, totals = map(json.loads, (tmp_path / "report.jsonl").read_text().splitlines())
    assert totals["interrupted"]
    assert totals["restored"] == len(lines) <= len(kept)

    done = run("restore", *arguments)

    assert done.returncode == 0
    assert done.stdout.splitlines()[-1].startswith(f"{12 - len(kept)} restored, {len(kept)} done")
    assert kept.items() <= results(out).items()


@pytest.mark.parametrize(
    ("pattern", "count"),
    [(".unblur.jsonl", 1), (".unblur-*.tmp", 1), ("*.unblurred.jpg", 1), ("*.unblurred.jpg", 6)],
)
def test_kill_9_at_any_point_and_rerun(run, holiday, tmp_path, pattern, count):
    out = tmp_path / "out"
    arguments = (*QUICK, "holiday", "-r", "-o", "out", "--engine", "onnx", "--workers", "2")
    process = start(tmp_path, *arguments)
    wait_for(process, out, pattern, count)
    process.kill()
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    kept = {path: path.stat().st_mtime_ns for path in out.rglob("*.unblurred.jpg")}
    assert all(read_photo(path).pixels.shape == (96, 120, 3) for path in kept)

    done = run("restore", *arguments, "--json")

    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert (done.returncode, done.stderr, len(lines)) == (0, "", 12)
    skipped = {tmp_path / line["target"] for line in lines if line["skipped"]}
    assert skipped == kept.keys()
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert len(results(out)) == 12
    assert not list(out.rglob(".unblur-*"))


def test_a_disk_that_fills_up_in_the_middle_keeps_what_fitted(run, holiday, tmp_path):
    size = sum(path.stat().st_size for path in holiday.glob("*.jpg"))
    with small_disk(tmp_path / "disk", size) as disk:
        done = run("restore", *QUICK, "holiday", "-o", "disk", "--workers", "2")

        kept = results(disk)
        assert done.returncode == 1
        assert 1 <= len(kept) < 6
        assert all(read_photo(disk / name).pixels.shape == (96, 120, 3) for name in kept)
        assert not list(disk.glob(".unblur-*"))
        *errors, last = done.stderr.removeprefix(NOT_ENTERED).splitlines()
        assert len(errors) == 6 - len(kept)
        assert all("space" in error and error.startswith("unblur: disk/") for error in errors)
        assert last == f"unblur: {len(errors)} of 6 photos failed"

        subprocess.run(["mount", "-o", "remount,size=9M", disk], check=True)
        again = run("restore", *QUICK, "holiday", "-o", "disk")
        assert again.returncode == 0
        assert f"{len(kept)} done already" in again.stdout


def test_leftovers_of_a_dead_run_go_and_those_of_a_living_one_stay(run, holiday, tmp_path):
    out = tmp_path / "out"
    large = np.tile(skimage.data.astronaut(), (3, 3, 1)).astype(np.float32) / 255
    write_photo(Photo(pixels=large), tmp_path / "large.png")
    process = start(tmp_path, "large.png", "-o", out, "--method", "unsharp-mask")  # is quick
    out.mkdir(exist_ok=True)
    wait_for(process, out, ".unblur-*.tmp", 1)
    os.kill(process.pid, signal.SIGSTOP)
    (living,) = out.glob(".unblur-*.tmp")

    assert run("restore", *QUICK, "holiday", "-o", "out").returncode == 0
    assert living.exists()

    process.kill()
    process.communicate(timeout=60)
    assert run("restore", *QUICK, "holiday", "-o", "out").returncode == 0
    assert not living.exists()
