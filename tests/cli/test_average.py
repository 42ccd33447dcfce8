import json
import os
import subprocess
import sys

import numpy as np
import pytest

from unblur.imaging.photo.photo import Photo, read_photo, write_photo
from video_files import damage, pan, write_video

AVERAGE = ("blur", "average")


@pytest.fixture
def clip(tmp_path):
    """20 frames at 240 fps, lossless, that pan by a pixel a frame."""
    return write_video(tmp_path / "clip.mkv", pan(20))


@pytest.fixture
def folder(tmp_path):
    """The same as 12 PNG files, which a wrong order would mix up."""
    (tmp_path / "frames").mkdir()
    for index, pixels in enumerate(pan(12)):
        photo = Photo(pixels=pixels.astype(np.float32) / 255)
        write_photo(photo, tmp_path / "frames" / f"frame{index}.png")
    return tmp_path / "frames"


def lines(out):
    return [json.loads(line) for line in (out / "manifest.jsonl").read_text().splitlines()]


def test_a_video_gives_pairs_and_says_how_many(run, tmp_path, clip):
    done = run(*AVERAGE, "clip.mkv", "-o", "out", "--frames", "5")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "4 pairs written to out, longest step 1.1 px\n"
    assert [line["name"] for line in lines(tmp_path / "out")] == [
        f"clip-{index:06d}" for index in (2, 7, 12, 17)
    ]
    for kind in ("blur", "sharp"):
        assert len(list((tmp_path / "out" / kind).glob("*.png"))) == 4

    again = run(*AVERAGE, "clip.mkv", "-o", "out", "--frames", "5")
    assert again.stdout == "0 pairs written to out, 4 were there, longest step 1.1 px\n"
    assert again.returncode == 0


def test_a_folder_gives_what_its_video_would(run, tmp_path, folder):
    write_video(tmp_path / "video.mkv", pan(12))

    assert run(*AVERAGE, "frames", "-o", "a", "--frames", "3..7", "--fps", "240").returncode == 0
    assert run(*AVERAGE, "video.mkv", "-o", "b", "--frames", "3..7").returncode == 0

    a, b = (sorted((tmp_path / name / "blur").iterdir()) for name in "ab")
    assert len(a) == len(b) >= 1
    for one, other in zip(a, b, strict=True):
        assert one.read_bytes() == other.read_bytes()
    exposures = [[line["exposure_seconds"] for line in lines(tmp_path / name)] for name in "ab"]
    assert exposures[0] == exposures[1]


def test_slow_video_is_warned_of_with_the_number(run, tmp_path):
    write_video(tmp_path / "slow.mkv", pan(12, 8, height=128, width=192), rate=25)

    done = run(*AVERAGE, "slow.mkv", "-o", "out", "--frames", "5")

    assert done.returncode == 1
    assert done.stdout.startswith(
        "0 pairs written to out, 2 windows skipped for steps over 2 px, longest step 8."
    )
    step, slow = done.stderr.splitlines()
    assert step.startswith("unblur: WARNING: most frames move 8.")
    assert step.endswith(
        " px from one to the next, more than 2: averages would show ghosts; film at 120 fps or "
        "more, or raise --max-step-px"
    )
    assert slow.startswith("unblur: WARNING: 25 fps is slow")

    quiet = run(
        "blur", "average", "slow.mkv", "-o", "out", "--frames", "5", "-q", "--max-step-px", "99"
    )
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")


def test_frames_that_cannot_be_read_are_named_even_if_quiet(run, tmp_path, folder):
    clip = write_video(tmp_path / "clip.mov", pan(20), codec="png", pix_fmt="rgb24")
    damage(clip, 7)
    (folder / "frame7.png").write_text("no picture")

    for source, name in (("clip.mov", "clip.mov: frame 7"), ("frames", "frames/frame7.png")):
        done = run(*AVERAGE, source, "-o", f"{source}-out", "--frames", "3", "-q")

        assert (done.returncode, done.stdout) == (0, "")
        (line,) = done.stderr.splitlines()
        assert line.startswith(f"unblur: {name}")
        firsts = [line["first_frame"] for line in lines(tmp_path / f"{source}-out")]
        assert firsts[:4] == [0, 3, 8, 11][: len(firsts)]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["missing.mp4"], "no such file"),
        (["text.mp4"], "not a video"),
        (["empty"], "no frames in this folder"),
        (["mixed"], "a0.png is 96 x 64 px, a2.png is 40 x 64 px"),
        (
            ["clip.mkv", "--frames", "21..25"],
            "read: 20, the smallest window needs 21",
        ),
        (["clip.mkv", "--frames", "6"], "odd number"),
        (["clip.mkv", "--frames", "0..5"], "0..5"),
        (["clip.mkv", "--frames", "few"], "--frames needs a range such as 5..25"),
        (["clip.mkv", "--gamma", "3"], "2.2, srgb, none"),
        (["clip.mkv", "--frames", "5", "-o", "text.mp4"], "text.mp4"),
        (["clip.mkv", "--frames", "5", "-o", "text.mp4/below"], "text.mp4/below"),
    ],
)
def test_wrong_use_is_one_line_and_exit_status_2(run, tmp_path, clip, arguments, said):
    (tmp_path / "text.mp4").write_text("no video\n" * 50)
    (tmp_path / "empty").mkdir()
    (tmp_path / "mixed").mkdir()
    for index, width in enumerate((96, 96, 40)):
        pixels = pan(1)[0][:, :width].astype(np.float32) / 255
        write_photo(Photo(pixels=pixels), tmp_path / "mixed" / f"a{index}.png")

    out = [] if "-o" in arguments else ["-o", "out"]
    done = run(*AVERAGE, *arguments, *out)

    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("unblur: ")
    assert said in line
    assert not (tmp_path / "out" / "blur").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="names are text elsewhere")
def test_a_name_that_is_not_utf_8_is_made_plain(run_process, tmp_path, clip):
    clip.rename(tmp_path / os.fsdecode(b"a\xffb.mkv"))

    done = run_process(
        *AVERAGE, tmp_path / os.fsdecode(b"a\xffb.mkv"), "-o", "out", "--frames", "5"
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert lines(tmp_path / "out")[0]["name"] == "a?b-000002"


def test_other_parameters_need_another_folder(run, clip):
    assert run(*AVERAGE, clip, "-o", "out", "--frames", "5").returncode == 0

    done = run(*AVERAGE, clip, "-o", "out", "--frames", "5", "--gamma", "srgb")

    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "gamma=2.2, asked for srgb" in done.stderr


@pytest.mark.parametrize(("module", "package"), [("av", "av"), ("cv2", "opencv-python-headless")])
def test_a_missing_extra_is_one_line(tmp_path, clip, module, package):
    program = (
        f"import sys; sys.modules[{module!r}] = None\n"
        "import unblur.cli\n"
        "sys.argv = ['unblur', 'blur', 'average', 'clip.mkv', '-o', 'out', '--frames', '5']\n"
        "unblur.cli.main()\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"unblur: {package} is not installed; pip install -e '")
    assert "[video]'" in line


def test_help_needs_neither_videos_nor_pictures():
    program = (
        "import sys, unblur.cli\n"
        "sys.argv = ['unblur', 'blur', 'average', '--help']\n"
        "try: unblur.cli.main()\n"
        "except SystemExit: print(sorted({'av', 'cv2', 'numpy', 'pyvips'} & set(sys.modules)))\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout.endswith("[]\n")


def test_a_run_that_is_killed_continues_to_the_same_bytes(run, tmp_path):
    import time

    frames = pan(30, height=256, width=384)
    write_video(tmp_path / "long.mkv", frames)
    arguments = [*AVERAGE, "long.mkv", "--frames", "3", "-o"]
    assert run(*arguments, "whole").returncode == 0

    command = [sys.executable, "-m", "unblur", *arguments, "cut"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL)
    while not list(tmp_path.glob("cut/blur/*.png")) and process.poll() is None:
        time.sleep(0.01)
    process.kill()
    process.wait(timeout=60)
    assert run(*arguments, "cut").returncode == 0

    whole, cut = tmp_path / "whole", tmp_path / "cut"
    files = [path.relative_to(whole) for path in whole.rglob("*") if path.is_file()]
    assert len(files) == 2 * 10 + 1
    for file in files:
        assert (cut / file).read_bytes() == (whole / file).read_bytes()
    middle = read_photo(tmp_path / "cut" / "sharp" / "long-000028.png").pixels
    assert np.array_equal(np.rint(middle * 255), frames[28])
