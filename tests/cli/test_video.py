import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from film_frames import passing
from interruptible import interruptible
from unblur.metrics import psnr
from video_files import contents_of, damage, pan, times_of, upright, write_clip, write_video


@pytest.fixture
def clip(tmp_path):
    """12 frames that are sharp, and half a second of sound."""
    return write_clip(tmp_path / "clip.mp4", pan(12, 8), sound=0.5)


def test_a_video_is_restored_beside_itself(run, tmp_path, clip):
    done = run("video", "clip.mp4")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(
        "clip.mp4 -> clip.unblurred.mp4  12 frames, 0.48 s, h264, flicker "
    )
    target = tmp_path / "clip.unblurred.mp4"
    assert times_of(target) == times_of(clip)
    assert contents_of(target, "audio") == contents_of(clip, "audio")

    again = run("video", "clip.mp4")
    assert again.returncode == 2
    assert again.stderr == ("unblur: clip.unblurred.mp4: exists; --overwrite replaces it\n")
    assert run("video", "clip.mp4", "--overwrite", "-q").stdout == ""


def test_what_moved_is_undone_unless_the_network_alone_is_asked_for(run, tmp_path):
    blurred, sharp = passing(4, 1.0)
    write_video(tmp_path / "a.mkv", [np.rint(255 * frame).astype(np.uint8) for frame in blurred])

    usual = run("video", "a.mkv", "-q")
    alone = run("video", "a.mkv", "-q", "--method", "network", "-o", "alone.mkv")

    assert (usual.returncode, usual.stderr) == (alone.returncode, alone.stderr) == (0, "")
    restored = [
        psnr(upright(tmp_path / name)[1].astype(np.float32) / 255, sharp[1])
        for name in ("a.unblurred.mkv", "alone.mkv")
    ]
    assert restored[0] > restored[1] + 1


def test_json_is_one_object(run, tmp_path, clip):
    done = run(
        *("video", "clip.mp4", "-o", "part.mkv", "--start", "0.1", "--duration", "0.2"),
        *("--codec", "ffv1", "--strength", "0.5", "--json"),
    )

    assert (done.returncode, done.stderr) == (0, "")
    facts = json.loads(done.stdout)
    assert 0.5 < facts.pop("flicker") < 2
    assert facts == {
        "source": "clip.mp4",
        "target": "part.mkv",
        "codec": "ffv1",
        "frames": 5,
        "seconds": 0.2,
        "missing": [],
        "notes": [],
    }
    assert len(times_of(tmp_path / "part.mkv")) == 5


def test_a_damaged_video_is_written_and_ends_with_1(run, tmp_path):
    clip = write_clip(tmp_path / "a.mkv", pan(24, height=128, width=192), options={"g": "6"})
    damage(clip, 8)

    done = run("video", "a.mkv", "--strength", "0", "-q")

    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("unblur: a.mkv: no frame from 0.")
    assert len(times_of(tmp_path / "a.unblurred.mkv")) < 24


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["none.mp4"], "none.mp4: no such file"),
        (["text.mp4"], "is not a video that can be read"),
        (["clip.mp4", "--method", "wiener"], "unknown method 'wiener'; known: auto, network"),
        (["clip.mp4", "--start", "-1"], "start must be 0 or more seconds, got -1"),
        (["clip.mp4", "--start", "99"], "is 0.490 s long, cannot begin at 99.000 s"),
        (["clip.mp4", "--crf", "99"], "crf must be from 0 to 51 for h264, got 99"),
        (["clip.mp4", "-o", "clip.mp4", "--overwrite"], "is the source itself"),
    ],
)
def test_a_mistake_is_one_line_and_writes_nothing(run, tmp_path, clip, arguments, said):
    (tmp_path / "text.mp4").write_text("no video")

    done = run("video", *arguments)

    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("unblur: ")
    assert said in line
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.mp4", "text.mp4"]


def test_a_photo_is_sent_to_its_command(run, tmp_path, photo):
    done = run("video", "photo.jpg")

    said = "unblur: photo.jpg: is a photo; `unblur restore photo.jpg` restores it\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", said)
    assert [path.name for path in tmp_path.iterdir()] == ["photo.jpg"]


@pytest.mark.skipif(sys.platform == "win32", reason="no such signal")
def test_an_interrupted_video_leaves_nothing(tmp_path):
    write_clip(tmp_path / "long.mp4", pan(300, height=256, width=212), sound=2)
    command = interruptible("video", "long.mp4")
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    while not list(tmp_path.glob(".unblur-*")) and process.poll() is None:
        time.sleep(0.02)
    time.sleep(0.3)

    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)

    assert (process.returncode, said) == (130, "unblur: interrupted\n")
    assert [path.name for path in tmp_path.iterdir()] == ["long.mp4"]


@pytest.mark.skipif(sys.platform == "win32", reason="no such limit")
def test_a_full_disk_is_one_line_and_leaves_nothing(run_process, tmp_path):
    import resource

    size = 30_000
    write_clip(tmp_path / "a.mkv", pan(30, height=256, width=384))

    done = run_process(
        *("video", "a.mkv", "--strength", "0", "--codec", "ffv1"),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
    )

    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("unblur: a.unblurred.mkv: cannot be written (")
    assert [path.name for path in tmp_path.iterdir()] == ["a.mkv"]


@pytest.mark.skipif(sys.platform != "linux", reason="names are text elsewhere")
@pytest.mark.parametrize("name", [b"a\xffb.mkv", b"at 10:30 100%d.mkv"])
def test_any_name_of_a_file_will_do(run_process, tmp_path, name):
    source = tmp_path / os.fsdecode(name)
    write_clip(tmp_path / "a.mkv", pan(2)).rename(source)

    done = run_process("video", source.name, "--strength", "0", "--json")

    assert (done.returncode, done.stderr) == (0, "")
    assert len(times_of(source.with_name(f"{source.stem}.unblurred.mkv"))) == 2


def test_a_missing_extra_is_one_line(tmp_path, clip):
    program = (
        "import sys; sys.modules['av'] = None\n"
        "import unblur.cli\n"
        "sys.argv = ['unblur', 'video', 'clip.mp4']\n"
        "unblur.cli.main()\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("unblur: av is not installed; pip install -e '")
    assert line.endswith("[video]'")


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_a_terminal_sees_how_far_it_is(tmp_path, clip):
    import pty

    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "unblur", "video", "clip.mp4"]
    environment = {**os.environ, "COLUMNS": "120", "TERM": "xterm"}
    process = subprocess.Popen(
        command, cwd=tmp_path, env=environment, stderr=theirs, stdout=subprocess.DEVNULL
    )
    os.close(theirs)
    seen = b""
    while process.poll() is None or not seen:
        try:
            seen += os.read(ours, 65536)
        except OSError:  # closed at the other end
            break
    process.wait(timeout=60)
    os.close(ours)

    assert process.returncode == 0
    assert b"/12" in seen
    assert b"frames/s" in seen


def test_help_needs_neither_videos_nor_networks():
    program = (
        "import sys, unblur.cli\n"
        "sys.argv = ['unblur', 'video', '--help']\n"
        "try: unblur.cli.main()\n"
        "except SystemExit: print(sorted({'av', 'numpy', 'onnxruntime'} & set(sys.modules)))\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout.endswith("[]\n")
