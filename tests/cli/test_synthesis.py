import os
import re
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from unblur.imaging.photo.photo import Photo, read_photo, write_photo


def tree(folder):
    """Content of every file, but for those that a killed process was just writing."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(".unblur-")
    }


@pytest.fixture
def tiny(tmp_path, astronaut):
    """A photo that is smaller than most kernels."""
    path = tmp_path / "tiny.png"
    write_photo(Photo(pixels=astronaut[:9, :11].copy()), path)
    return path


def error_line(done):
    """The one line on stderr."""
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert done.stderr.startswith("unblur: ")
    return done.stderr


# --- blur


def test_photos_and_folders_become_pairs(run, tmp_path, photo):
    (tmp_path / "more/deeper").mkdir(parents=True)
    for name in ("b.jpg", "a.jpg", "deeper/c.jpg"):
        shutil.copy(photo, tmp_path / "more" / name)

    done = run("blur", photo, "more", photo, "--out", "pairs", "--count", 2)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "6 pairs written to pairs\n"
    expected = {"manifest.jsonl"}
    for name in (f"{stem}-{draw:03d}" for stem in ("photo", "a", "b") for draw in range(2)):
        expected |= {f"blur/{name}.png", f"sharp/{name}.png"}
        expected |= {f"kernels/{name}.npy", f"kernels/{name}.png"}
    assert tree(tmp_path / "pairs").keys() == expected
    sharp = read_photo(tmp_path / "pairs/sharp/photo-000.png").pixels
    np.testing.assert_array_equal(sharp, read_photo(photo).pixels)


def test_every_option_reaches_the_pairs(run, tmp_path, photo):
    options = ["--seed", 3, "--kind", "object", "--preset", "paper", "--exposure", "0.25,0.75"]
    options += ["--length-px", 12.5, "--noise", 0.01, "--no-linear-light", "--jpeg", 80]

    assert run("blur", photo, "-o", "pairs", *options).returncode == 0

    manifest = (tmp_path / "pairs/manifest.jsonl").read_text()
    for said in (
        '"seed": 3',
        '"kind": "object"',
        '"preset": "paper"',
        '"exposure": [0.25, 0.75]',
        '"length_px": 12.5',
        '"noise_sigma": 0.01',
        '"linear_light": false',
        '"jpeg": 80',
        '"blur": "blur/photo-000.jpg"',
    ):
        assert said in manifest


def test_the_same_command_again_makes_nothing_and_says_so_unless_quiet(run, tmp_path, photo):
    command = ["blur", photo, "-o", "pairs", "--count", 2]
    assert run(*command, "-q").stdout == ""
    before = tree(tmp_path / "pairs")

    done = run(*command)

    assert (done.returncode, done.stdout) == (0, "0 pairs written to pairs, 2 were there\n")
    assert tree(tmp_path / "pairs") == before


def test_pairs_are_rebuilt_from_their_manifest_by_name_or_all(run, tmp_path, photo):
    run("blur", photo, "-o", "pairs", "--count", 3, "--kind", "mixed")
    first = tree(tmp_path / "pairs")

    one = run("blur", "--rebuild", "pairs/manifest.jsonl", "photo-001", "-o", "one")
    every = run("blur", "--rebuild", "pairs/manifest.jsonl", "-o", "all")
    nobody = run("blur", "--rebuild", "pairs/manifest.jsonl", "nobody-000", "-o", "none")

    assert (one.returncode, one.stdout) == (0, "1 pair written to one\n")
    again = tree(tmp_path / "one")
    del again["manifest.jsonl"]
    assert again.keys() == {name for name in first if "photo-001" in name}
    assert again.items() <= first.items()
    assert (every.returncode, every.stdout) == (0, "3 pairs written to all\n")
    assert tree(tmp_path / "all") == first
    assert nobody.returncode == 2
    assert "has no pair named nobody-000" in error_line(nobody)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "no photos named"),
        (["empty"], "empty: no photos in this folder"),
        (["photo.jpg", "--exposure", "0"], "exposure needs fractions in (0, 1], got (0.0,)"),
        (["photo.jpg", "--exposure", "0.1,1.5"], "fractions in (0, 1], got (0.1, 1.5)"),
        (["photo.jpg", "--exposure", "abc"], "--exposure needs fractions such as 0.1,0.5,1"),
        (["photo.jpg", "--length-px", "-3"], "length_px must be positive and finite, got -3"),
        (["photo.jpg", "--length-px", "0"], "length_px must be positive and finite, got 0"),
        (["photo.jpg", "--kind", "x"], "one of shake, rotation, object, mixed, got 'x'"),
        (["photo.jpg", "--preset", "y"], "preset must be one of authors, paper, got 'y'"),
        (["photo.jpg", "--jpeg", "0"], "jpeg must be a quality from 1 to 100, got 0"),
        (["photo.jpg", "--noise", "2"], "noise_sigma must be in [0, 1], got 2"),
        (["photo.jpg", "--count", "0"], "count must be at least 1, got 0"),
        (["photo.jpg", "photo.png"], "photo.jpg and photo.png would share their names in out"),
        (["--rebuild", "nosuch.jsonl"], "nosuch.jsonl: cannot be read (No such file or directory)"),
        (["--rebuild", "photo.jpg"], "photo.jpg: cannot be read (it is not text)"),
    ],
)
def test_wrong_use_is_one_line_and_writes_nothing(run, tmp_path, photo, arguments, said):
    (tmp_path / "empty").mkdir()
    shutil.copy(photo, tmp_path / "photo.png")

    done = run("blur", *arguments, "-o", "out")

    assert (done.returncode, done.stdout) == (2, "")
    assert said in error_line(done)
    assert not (tmp_path / "out").exists()


def test_a_folder_must_be_named_for_the_pairs(run, photo):
    done = run("blur", photo)

    assert done.returncode == 2
    assert "Missing option '--out' / '-o'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("out", "said"), [("file", "File exists"), ("file/folder", "Not a directory")]
)
def test_a_folder_that_cannot_be_written_is_one_line(run, tmp_path, photo, out, said):
    (tmp_path / "file").touch()

    done = run("blur", photo, "-o", out)

    assert done.returncode == 2
    assert f"{out}: cannot be written ({said})" in error_line(done)


def test_a_folder_of_pairs_made_otherwise_is_left_alone(run, tmp_path, photo):
    run("blur", photo, "-o", "pairs")
    (tmp_path / "foreign/sharp").mkdir(parents=True)
    before = tree(tmp_path)

    other = run("blur", photo, "-o", "pairs", "--noise", 0.1)
    foreign = run("blur", photo, "-o", "foreign")

    assert (other.returncode, foreign.returncode) == (2, 2)
    assert "photo-000 made with noise_sigma=0.0, asked for 0.1" in error_line(other)
    assert "has pairs but no manifest.jsonl" in error_line(foreign)
    assert tree(tmp_path) == before


def test_bad_photos_are_a_line_each_and_the_others_are_made(run, tmp_path, photo, tiny):
    (tmp_path / "text.png").write_text("this is not a picture, whatever its name says\n")

    done = run("blur", "missing.jpg", "text.png", photo, tiny, "-o", "out", "--exposure", "1")

    assert done.returncode == 1
    assert done.stdout == "1 pair written to out\n"
    missing, text, small, summary = done.stderr.splitlines()
    assert missing == "unblur: missing.jpg: cannot be opened (no such file or directory)"
    assert text.startswith("unblur: text.png: ")
    assert re.search(r"the kernel of \d+x\d+ px is larger than the photo of 11x9; use", small)
    assert summary == "unblur: 3 of 4 pairs failed"
    assert (tmp_path / "out/blur/photo-000.png").is_file()
    assert len(tree(tmp_path / "out")) == 5


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names of files are Unicode")
def test_a_name_that_is_not_unicode_is_no_traceback(run_process, tmp_path, photo):
    source = os.fsdecode(os.fsencode(tmp_path) + b"/\xe9t\xe9.jpg")
    shutil.copy(photo, source)

    done = run_process("blur", source, "-o", "out")

    assert "Traceback" not in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_run_that_was_killed_goes_on_to_what_one_run_would_have_made(run, tmp_path, photo):
    options = [photo, "--count", "14", "--kind", "mixed", "--length-px", "25"]
    manifest = tmp_path / "pairs/manifest.jsonl"
    command = [sys.executable, "-m", "unblur", "blur", *options, "-o", "pairs"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while not (manifest.exists() and manifest.read_bytes().count(b"\n") >= 2):
        assert time.monotonic() < deadline
        assert process.poll() is None, "it was done before it could be killed"
        time.sleep(0.005)
    process.kill()
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    there = manifest.read_bytes().count(b"\n")
    assert 2 <= there < 14

    again = run("blur", *options, "-o", "pairs")

    assert (again.returncode, again.stderr) == (0, "")
    assert again.stdout == f"{14 - there} pairs written to pairs, {there} were there\n"
    assert run("blur", *options, "-o", "whole").returncode == 0
    assert tree(tmp_path / "pairs") == tree(tmp_path / "whole")


# --- kernels

STATISTICS = re.compile(
    r"(\d+) shakes \((\w+)\): mean path ([\d.]+) px, extent ([\d.]+) px, "
    r"end to start ([\d.]+) px, ([\d.]+)% nearly straight"
)


def statistics(done):
    assert (done.returncode, done.stderr) == (0, "")
    count, preset, *numbers = STATISTICS.fullmatch(done.stdout.splitlines()[-1]).groups()
    return int(count), preset, *map(float, numbers)


def test_statistics_follow_from_the_options(run):
    # The constants of the paper give longer arcs, shorter exposures shorter paths.
    options = ["--count", 400, "--exposure"]
    count, preset, path, extent, between, straight = statistics(run("shakes", *options, "1"))
    assert (count, preset, path) == (400, "authors", 60.0)
    assert between < extent < path

    arcs = statistics(run("shakes", *options, "1", "--preset", "paper"))
    assert arcs[1] == "paper"
    assert arcs[2] == 60.0
    assert arcs[3] > 1.5 * extent
    assert arcs[5] > straight + 10

    brief = statistics(run("shakes", *options, "0.1", "--length-px", 120))
    assert brief[2] == pytest.approx(12, abs=0.1)
    assert brief[3] < extent


def test_without_a_picture_statistics_are_all_and_depend_on_the_seed(run, tmp_path):
    one, same, other = (run("shakes", "--seed", seed).stdout for seed in (1, 1, 2))

    assert one == same != other
    assert len(one.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_sheet_shows_a_path_and_a_kernel_for_each_shake(run, tmp_path):
    done = run("shakes", "-o", "sheet.png", "--count", 5, "--exposure", "0.5,1")

    assert statistics(done)[0] == 5
    assert done.stdout.startswith("5 shakes drawn to sheet.png\n")
    sheet = read_photo(tmp_path / "sheet.png").pixels
    assert sheet[0, 0].min() == 1  # white paper
    letters = (sheet.max(axis=2) < 0.2) & (sheet[..., 2] > sheet[..., 0])  # a bluish black
    assert letters.sum() > 5 * 500  # of 9 px a dot
    red = (sheet[..., 0] > 0.7) & (sheet[..., 1] < 0.3)
    assert red.sum() > 5 * 50  # the exposed part of the paths
    black = (sheet == 0).all(axis=2)
    assert black.sum() > 5 * 160**2 / 2  # kernels are on black


def test_a_picture_is_not_replaced_unless_told(run, tmp_path):
    (tmp_path / "sheet.png").write_text("precious")

    refused = run("shakes", "-o", "sheet.png", "--count", 1)

    assert refused.returncode == 2
    assert "sheet.png: exists; --overwrite" in error_line(refused)
    assert (tmp_path / "sheet.png").read_text() == "precious"

    assert run("shakes", "-o", "sheet.png", "--count", 1, "--overwrite").returncode == 0
    assert read_photo(tmp_path / "sheet.png").pixels.ndim == 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--count", "0"], "count must be from 1 to 100000, got 0"),
        (["--preset", "y"], "unknown preset 'y'; known: authors, paper"),
        (["--exposure", "abc"], "--exposure needs fractions such as 0.1,0.5,1, got 'abc'"),
        (["--length-px", "0"], "length_px must be positive and finite, got 0"),
        (["-o", "sheet.txt"], "sheet.txt: cannot write '.txt'"),
        pytest.param(
            ["-o", "sheet.png", "--count", "1", "--length-px", "1e5", "--exposure", "1"],
            "length_px",
        ),
    ],
)
def test_wrong_use_of_kernels_is_one_line(run, tmp_path, arguments, said):
    done = run("shakes", *arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert said in error_line(done)
    assert list(tmp_path.iterdir()) == []
