"""A photo through standard input and output."""

import os
import subprocess
import sys

import pytest

from unblur.imaging.photo.photo import read_photo

QUICK = ("--method", "unsharp-mask")


def pipe(folder, *arguments, data=b""):
    command = [sys.executable, "-m", "unblur", *arguments]
    return subprocess.run(
        command, cwd=folder, input=data, capture_output=True, timeout=120, check=False
    )


@pytest.fixture
def restored(run, photo, tmp_path):
    """What a file of the photo becomes."""
    assert run("restore", photo, *QUICK, "-o", "expected.jpg").returncode == 0
    return (tmp_path / "expected.jpg").read_bytes()


@pytest.mark.parametrize("out", [(), ("-o", "-")])
def test_bytes_in_and_the_bytes_of_the_file_out(photo, tmp_path, restored, out):
    done = pipe(tmp_path, "restore", "-", *out, *QUICK, data=photo.read_bytes())

    assert (done.returncode, done.stdout) == (0, restored)
    assert done.stderr.startswith(b"standard input -> standard output  ")
    assert len(done.stderr.splitlines()) == 1


def test_the_word_restore_may_be_left_out_and_quiet_is_quiet(photo, tmp_path, restored):
    done = pipe(tmp_path, "-", "-q", *QUICK, data=photo.read_bytes())

    assert (done.returncode, done.stdout, done.stderr) == (0, restored, b"")


def test_one_end_may_be_a_file(photo, tmp_path, restored):
    from_file = pipe(tmp_path, "restore", "photo.jpg", "-o", "-", *QUICK)
    to_file = pipe(tmp_path, "restore", "-", "-o", "x.png", *QUICK, data=photo.read_bytes())

    assert (from_file.returncode, from_file.stdout) == (0, restored)
    assert (to_file.returncode, to_file.stderr) == (0, b"")
    assert to_file.stdout.startswith(b"standard input -> x.png")
    assert read_photo(tmp_path / "x.png").format == "png"


@pytest.mark.parametrize(
    ("data", "arguments", "status", "said"),
    [
        (b"", ("-",), 2, "standard input: is empty"),
        (b"no photo", ("-",), 2, "standard input: is not a photo in a known format"),
        (b"photo.jpg\nphoto.jpg\n", ("-",), 2, "`--files-from -` reads a list"),
        (b"\xff\xd8\xff damaged", ("-",), 1, "standard input: "),
        (b"", ("-", "photo.jpg"), 2, "- stands for one photo"),
        (b"", ("photo.jpg", "-o", "-", "--json"), 2, "--report"),
        (b"", ("photo.jpg", "-o", "-", "--preview"), 2, "--preview needs a place"),
        (b"", (), 2, "no photo named"),
    ],
)
def test_what_cannot_be_is_one_line(run, photo, tmp_path, data, arguments, status, said):
    done = run("restore", *arguments, *QUICK, given=data)

    (line,) = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (status, "")
    assert line.startswith("unblur: ")
    assert said in line
    assert str(tmp_path.parent) not in line
    assert [path.name for path in tmp_path.iterdir()] == ["photo.jpg"]


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_no_photo_goes_to_a_terminal(photo, tmp_path):
    import pty

    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "unblur", "restore", "photo.jpg", "-o", "-", *QUICK]
    done = subprocess.run(
        command, cwd=tmp_path, stdout=theirs, stderr=subprocess.PIPE, timeout=60, check=False
    )
    os.close(theirs)
    os.close(ours)

    assert done.returncode == 2
    assert b"would go to this terminal" in done.stderr
