"""Folders as phones, cameras and downloads fill them."""

import json
import os

import numpy as np
import pytest
from PIL import Image

from pillow_files import ASTRONAUT, encoded, with_pillow
from unblur.imaging.files import derived_name
from unblur.tasks.batch.sources import find_sources, plan_jobs

pillow_heif = pytest.importorskip("pillow_heif")
IMAGE = Image.fromarray(ASTRONAUT[:32, :40])
ESC = "\x1b"


def _heic(path):
    pillow_heif.from_pillow(IMAGE).save(path, quality=90)


def _results(folder):
    """Where results go of a folder, if nobody says."""
    return folder.with_name(f"{folder.name}-unblurred")


def _restored(folder):
    return sorted(path.name for path in _results(folder).iterdir() if "unblurred" in path.name)


def test_a_heic_beside_its_jpeg_is_restored_to_a_name_of_its_own(tmp_path, run):
    _heic(tmp_path / "IMG_0001.HEIC")
    _heic(tmp_path / "IMG_0002.HEIC")
    for name in ("IMG_0001.jpg", "IMG_0003.jpg"):
        (tmp_path / name).write_bytes(encoded(IMAGE, "jpeg"))

    done = run("restore", tmp_path, "--method", "network", "--preview")

    assert done.returncode == 0, done.stderr
    assert _restored(tmp_path) == [
        "IMG_0001.heic.unblurred.jpg",
        "IMG_0001.unblurred.jpg",
        "IMG_0002.unblurred.jpg",
        "IMG_0003.unblurred.jpg",
    ]
    assert len(list(_results(tmp_path).glob("*.before-after.jpg"))) == 4
    assert done.stderr.count("IMG_0001.heic.unblurred.jpg") == 1
    assert "1 photo with the name of another" in done.stderr
    for name in _restored(tmp_path):
        assert with_pillow((_results(tmp_path) / name).read_bytes()).size == IMAGE.size
    again = run("restore", tmp_path, "--method", "network", "--preview")
    assert "4 done already" in again.stdout


def test_raw_and_gif_give_way_to_what_keeps_its_ending(tmp_path):
    for name in ("a.dng", "a.tif", "b.gif", "b.png", "c.cr2", "c.dng"):
        (tmp_path / name).touch()

    jobs = plan_jobs(find_sources([tmp_path]))

    assert {job.source.name: (job.target.name, job.renamed) for job in jobs} == {
        "a.dng": ("a.dng.unblurred.tif", True),
        "a.tif": ("a.unblurred.tif", False),
        "b.gif": ("b.gif.unblurred.png", True),
        "b.png": ("b.unblurred.png", False),
        "c.cr2": ("c.cr2.unblurred.tif", True),
        "c.dng": ("c.dng.unblurred.tif", True),
    }


@pytest.mark.parametrize("ending", [".jfif", ".JPE"])
def test_other_endings_of_jpeg_stay(tmp_path, run, ending):
    path = tmp_path / f"photo{ending}"
    path.write_bytes(encoded(IMAGE, "jpeg", quality=95))

    assert run("restore", tmp_path, "--method", "network").returncode == 0

    restored = with_pillow((_results(tmp_path) / f"photo.unblurred{ending}").read_bytes())
    assert (restored.format, restored.size) == ("JPEG", IMAGE.size)


def test_photos_are_told_by_content_and_what_is_none_is_counted(tmp_path, run):
    (tmp_path / "download").write_bytes(encoded(IMAGE, "webp", lossless=True))
    (tmp_path / "IMG.bin").write_bytes(encoded(IMAGE, "tiff"))
    (tmp_path / "a.jpg").write_bytes(encoded(IMAGE, "jpeg"))
    (tmp_path / "a.jpg_original").write_bytes(encoded(IMAGE, "jpeg"))
    (tmp_path / "clip.mov").write_bytes(b"\0\0\0\x14ftypqt  \0\0\0\0qt  ")
    (tmp_path / "note.txt").write_text("no photo")

    done = run("restore", tmp_path, "--method", "network")

    assert done.returncode == 0, done.stderr
    assert _restored(tmp_path) == [
        "IMG.unblurred.tif",
        "a.unblurred.jpg",
        "download.unblurred.webp",
    ]
    assert with_pillow((_results(tmp_path) / "IMG.unblurred.tif").read_bytes()).format == "TIFF"
    assert "3 files left out, are no photos (.jpg_original, .mov, .txt)" in done.stderr


@pytest.mark.parametrize(("letters", "preview"), [("x", False), ("写", True)])
def test_names_that_leave_no_room_are_shortened(tmp_path, run, letters, preview):
    size = len(letters.encode())
    names = [letters * ((250 - 2) // size) + f"{number}.jpg" for number in (1, 2)]
    for name in names:
        (tmp_path / name).write_bytes(encoded(IMAGE, "jpeg"))

    options = ("--preview",) if preview else ()
    done = run("restore", tmp_path, "--method", "network", *options)

    assert done.returncode == 0, done.stderr
    restored = _restored(tmp_path)
    assert len(restored) == 2
    for name in restored:
        assert len(os.fsencode(name)) <= 255
        assert name.startswith(letters * 20)
        assert name.endswith(".unblurred.jpg")
    assert len(list(_results(tmp_path).glob("*.before-after.jpg"))) == (2 if preview else 0)
    assert "2 done already" in run("restore", tmp_path, "--method", "network", *options).stdout


@pytest.mark.parametrize("length", [1, 240, 241, 242, 255])
def test_a_name_stays_as_long_as_there_is_room(length):
    name = derived_name("x" * length, ".unblurred.jpg")
    assert len(name) <= 255
    assert (name == "x" * length + ".unblurred.jpg") == (length <= 241)


def test_codes_in_names_never_reach_a_terminal(tmp_path, run):
    name = f"a{ESC}]0;owned\x07{ESC}[31m\x9b2J\rb.jpg"
    (tmp_path / name).write_bytes(encoded(IMAGE, "jpeg"))
    (tmp_path / f"bad{ESC}[2J.jpg").write_bytes(b"no photo")

    done = run("restore", tmp_path, "--method", "network")
    told = run("restore", tmp_path, "--method", "network", "--overwrite", "--json")
    diagnosed = run("diagnose", f"none{ESC}[2J.jpg")
    missing = run("restore", f"none{ESC}[2J.jpg")

    assert done.returncode == 1
    for said in (done, told, diagnosed, missing):
        for text in (said.stdout, said.stderr):
            assert not [x for x in text if (x < " " and x != "\n") or "\x7f" <= x <= "\x9f"]
    assert r"a\x1b]0;owned\x07\x1b[31m\x9b2J\x0db.jpg" in done.stdout
    sources = [json.loads(line)["source"] for line in told.stdout.splitlines()]
    assert str(tmp_path / name) in sources
    assert np.asarray(with_pillow((tmp_path / name).read_bytes())).size
