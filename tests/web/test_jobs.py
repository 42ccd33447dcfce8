"""The desk: queue, limits, results; with a real worker, and without a server."""

import subprocess
import sys
import time
import zipfile

import pytest

from unblur import extras
from unblur.errors import MissingExtraError, OptionError
from unblur.web import checks
from unblur.web.desk import Desk
from unblur.web.folder import ServerFolder
from unblur.web.jobs import Upload, safe_names
from unblur.web.options import BusyError, ServeOptions, Wish, read_seconds


@pytest.fixture
def open_desk(tmp_path):
    """Open desks; they are closed, and their folders must be gone."""
    opened = []

    def open_one(**options):
        folder = ServerFolder(tmp_path)
        opened.append((Desk(folder, ServeOptions(**options)), folder))
        return opened[-1][0]

    yield open_one
    for desk, folder in opened:
        desk.close()
        folder.close()
        assert not folder.path.exists()


def upload(path, name=None):
    return Upload(name=name or path.name, path=path)


def test_several_photos_give_a_zip_and_a_bad_one_costs_nothing_but_itself(
    open_desk, jpeg, plain, restored, tmp_path
):
    garbage = tmp_path / "garbage.jpg"
    garbage.write_bytes(b"no photo")
    desk = open_desk()

    job = desk.submit([upload(jpeg), upload(garbage), upload(plain, jpeg.name)], Wish())
    assert desk.wait(job, 300)

    assert job.state == "done"
    assert [part.name for part in job.parts] == ["shaken.jpg", "garbage.jpg", "shaken-2.jpg"]
    with zipfile.ZipFile(job.result) as archive:
        assert archive.namelist() == ["shaken.unblurred.jpg", "shaken-2.unblurred.jpg"]
        assert archive.read("shaken.unblurred.jpg") == restored
        assert archive.testzip() is None
    assert job.parts[1].error.startswith("garbage.jpg: is not a photo in a known format")
    assert str(tmp_path) not in str(job.facts())
    assert job.parts[0].diagnosis["words"] == job.parts[0].verdict["said"]
    assert "shake" in job.parts[0].verdict["said"]
    assert job.parts[0].diagnosis["gain_db"] > 0


def test_a_full_queue_says_busy_and_a_cancelled_job_makes_room(open_desk, plain):
    desk = open_desk(queue=1)
    first = desk.submit([upload(plain)] * 40, Wish())
    while first.state == "waiting":
        time.sleep(0.01)
    second = desk.submit([upload(plain)], Wish())
    assert (second.state, desk.position(second)) == ("waiting", 1)

    with pytest.raises(BusyError, match="busy: the queue of 1 is full; try again"):
        desk.submit([upload(plain)], Wish())

    desk.cancel(first)
    assert desk.wait(first, 10)
    assert (first.state, first.result, first.folder.exists()) == ("cancelled", None, False)
    assert desk.wait(second, 300)
    assert second.state == "done"
    desk.cancel(second)
    assert desk.get(second.id) is None
    assert not second.folder.exists()


def test_a_job_that_waits_is_cancelled_at_once(open_desk, plain):
    desk = open_desk()
    first = desk.submit([upload(plain)] * 5, Wish())
    second = desk.submit([upload(plain)], Wish())

    desk.cancel(second)

    assert second.state == "cancelled"
    assert desk.wait(first, 300)
    assert first.state == "done"


def test_what_takes_too_long_is_stopped_and_the_next_job_is_done(open_desk, plain):
    desk = open_desk(time_limit_s=0.3)

    late = desk.submit([upload(plain)] * 60, Wish())
    assert desk.wait(late, 300)

    assert late.state == "failed"
    assert late.error == "stopped: it took longer than 0.3 s, the limit here"
    assert not late.folder.exists()
    assert desk._worker.pid is not None


def test_a_worker_that_dies_costs_one_job(open_desk, plain):
    desk = open_desk()
    first = desk.submit([upload(plain)] * 40, Wish())
    while first.state == "waiting" or first.parts[0].doing == "waiting":
        time.sleep(0.01)

    desk._worker._process.kill()
    second = desk.submit([upload(plain)], Wish())

    assert desk.wait(second, 300)
    assert (first.state, second.state) == ("failed", "done")
    assert first.error == "restoring it ended unexpectedly; it may be too large"


def test_results_are_deleted_after_a_while(open_desk, plain):
    desk = open_desk(keep_s=0.4, time_limit_s=20)
    job = desk.submit([upload(plain)], Wish())
    assert desk.wait(job, 300)

    deadline = time.monotonic() + 10
    while desk.get(job.id) is not None or job.folder.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("names", "second", "wish", "error"),
    [
        ([], None, {}, "no photo was given"),
        (["a.jpg"] * 4, None, {}, "4 photos at once; 3 are taken at most"),
        (["a.mp4", "b.jpg"], None, {}, "a.mp4: give a video by itself"),
        (["a.mp4"], "b.jpg", {}, "goes with photos, not with a video"),
        (["a.jpg"], "b.jpg", {"model": "unsharp-mask"}, "goes with a network"),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_line(open_desk, jpeg, names, second, wish, error):
    desk = open_desk(most_photos=3)
    with pytest.raises(OptionError, match=error):
        desk.submit(
            [upload(jpeg, name) for name in names],
            Wish(**wish),
            upload(jpeg, second) if second else None,
        )


def test_what_is_not_installed_is_named(open_desk, jpeg, monkeypatch):
    monkeypatch.setitem(extras.MODULES, "reference", ("no_such_module",))
    monkeypatch.setitem(extras.PACKAGES, "no_such_module", "no-such-package")
    with pytest.raises(MissingExtraError, match=r"^no-such-package is not .*\[reference\]"):
        open_desk().submit([upload(jpeg)], Wish(), upload(jpeg))
    monkeypatch.setitem(extras.PACKAGES, "no_such_module", "no_such_module")
    monkeypatch.setitem(extras.MODULES, "video", ("no_such_module",))
    assert not checks.has_extra("video")
    with pytest.raises(MissingExtraError, match=r"no_such_module is not installed; .*\[video\]"):
        open_desk().submit([upload(jpeg, "a.mp4")], Wish())


def test_names_are_harmless_and_differ():
    names = ["../../etc/passwd", "a\\b\\c.JPG", "C.jpg", "", "..", "x\0y.png", "ü" * 300 + ".jpg"]

    safe = safe_names([*names, "c.heic"])

    assert safe[:6] == ["passwd", "c.JPG", "C-2.jpg", "photo", "photo-2", "x_y.png"]
    assert safe[7] == "c-3.heic"
    assert safe[6].endswith("ü.jpg")
    assert len(safe[6].encode()) <= 255


@pytest.mark.parametrize(
    ("text", "seconds"), [("1h", 3600), ("90s", 90), ("1.5m", 90), ("45", 45), ("2 D", 172_800)]
)
def test_lengths_of_time_are_read(text, seconds):
    assert read_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "h", "-1h", "1w", "1e3"])
def test_what_is_no_length_of_time_is_refused(text):
    with pytest.raises(OptionError, match="try 1h"):
        read_seconds(text)


@pytest.mark.parametrize(
    "wrong",
    [{"port": 70_000}, {"auth": "user"}, {"auth": ":x"}, {"queue": 0}, {"keep_s": 0.0}],
)
def test_wrong_options_are_refused(wrong):
    with pytest.raises(OptionError, match=next(iter(wrong))):
        ServeOptions(**wrong)


@pytest.mark.parametrize("model", ["/etc/passwd", "fast.onnx", ""])
def test_a_model_is_never_a_path(model):
    with pytest.raises(OptionError, match="unknown model"):
        Wish(model=model)


def test_the_folder_of_a_killed_server_is_removed_and_that_of_a_living_one_stays(tmp_path):
    program = (
        "import sys, pathlib, time\nfrom unblur.web.folder import ServerFolder\n"
        "folder = ServerFolder(pathlib.Path(sys.argv[1]))\n"
        "(folder.uploads / 'secret.jpg').write_bytes(b'x')\n"
        "print(folder.path, flush=True)\ntime.sleep(60)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        left = process.stdout.readline().strip()
        foreign = tmp_path / "unblur-serve-of-somebody"
        foreign.mkdir()
        time.sleep(1.1)
        living = ServerFolder(tmp_path)
        assert living.removed == 0
        assert living.path.stat().st_mode & 0o777 == 0o700
        process.kill()
        process.wait()

    later = ServerFolder(tmp_path)

    assert later.removed == 1
    assert sorted(tmp_path.iterdir()) == sorted([living.path, later.path, foreign])
    assert left not in map(str, tmp_path.iterdir())
    for folder in (living, later):
        folder.close()


def test_uploads_that_nobody_used_are_removed(tmp_path):
    folder = ServerFolder(tmp_path)
    (folder.uploads / "hash").mkdir()
    (folder.uploads / "hash" / "photo.jpg").write_bytes(b"x")

    assert folder.sweep_uploads(60) == 0
    assert folder.sweep_uploads(-1) == 1
    assert list(folder.uploads.iterdir()) == []
    folder.close()


def test_a_device_that_does_not_start_is_one_line_and_photos_are_restored(open_desk, plain, capfd):
    desk = open_desk(device="dml")

    job = desk.submit([upload(plain)], Wish())
    assert desk.wait(job, 300)

    assert job.state == "done"
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("unblur: device dml cannot be used (this build of ONNX Runtime has no")
    with pytest.raises(OptionError, match="unknown device 'abacus'"):
        ServeOptions(device="abacus")
