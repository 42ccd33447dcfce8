import json
import subprocess
import sys

import numpy as np
import pytest

from unblur import Photo, blur, read_photo, write_photo
from unblur.imaging.blur.kernels import trajectory_kernels


@pytest.fixture
def shaken(astronaut, tmp_path):
    path = np.stack([np.linspace(-5, 5, 500), np.zeros(500)], axis=1)
    pixels = blur(astronaut, trajectory_kernels(path[None])[0])
    write_photo(Photo(pixels=pixels), tmp_path / "shaken.png")
    return tmp_path / "shaken.png"


def test_a_line_says_how_blurred_and_what_restoring_will_do(run, shaken):
    done = run("diagnose", "shaken.png")

    assert (done.returncode, done.stderr) == (0, "")
    (line,) = done.stdout.splitlines()
    assert line.startswith("shaken.png: ")
    assert "blurred, over about " in line
    assert "degrees" in line
    assert "sure" in line
    assert "restoring will help: +" in line


def test_json_has_every_figure_and_nothing_else_is_printed(run, shaken):
    done = run("diagnose", "shaken.png", "--json")

    found = json.loads(done.stdout)
    assert found["source"] == "shaken.png"
    assert found["error"] is None
    assert found["helps"] is True
    angle = found["blur"]["angle_deg"]
    assert min(angle, 180 - angle) < 15
    assert {"verdict", "directed", "noise", "varies", "spread", "gain_db", "cells"} <= set(found)
    assert {"left", "top", "width", "height", "blur"} == set(found["cells"][0])


def test_a_picture_is_written_and_never_over_another_file(run, tmp_path, photo):
    before = photo.read_bytes()

    assert run("diagnose", "photo.jpg", "--picture", "map.png").returncode == 0
    again = run("diagnose", "photo.jpg", "--picture", "map.png")
    onto_itself = run("diagnose", "photo.jpg", "--picture", "photo.jpg")

    assert read_photo(tmp_path / "map.png").pixels.shape == (128, 128, 3)
    for refused in (again, onto_itself):
        assert refused.returncode == 1
        assert "exists; --overwrite" in refused.stderr
    assert photo.read_bytes() == before
    assert run("diagnose", "photo.jpg", "--picture", "map.png", "--overwrite").returncode == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["map.png", "photo.jpg"]


def test_the_source_is_refused_as_picture_even_with_overwrite(run, shaken):
    before = shaken.read_bytes()

    done = run("diagnose", "shaken.png", "--picture", "shaken.png", "--overwrite")

    assert done.returncode == 2
    assert "shaken.png" in done.stderr
    assert shaken.read_bytes() == before


def test_unreadable_and_tiny_photos_are_named_and_the_others_done(run, tmp_path, photo, astronaut):
    (tmp_path / "text.jpg").write_text("no photo")
    write_photo(Photo(pixels=astronaut[:20, :20].copy()), tmp_path / "tiny.png")

    done = run("diagnose", "text.jpg", "tiny.png", "missing.jpg", "photo.jpg")

    assert done.returncode == 1
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == ["photo.jpg"]
    lines = done.stderr.splitlines()
    assert [line.split(": ")[1] for line in lines[:3]] == ["text.jpg", "tiny.png", "missing.jpg"]
    assert lines[3] == "unblur: 3 of 4 photos failed"

    as_json = run("diagnose", "text.jpg", "photo.jpg", "--json")
    first, second = map(json.loads, as_json.stdout.splitlines())
    assert (as_json.returncode, first["source"], second["error"]) == (1, "text.jpg", None)
    assert first["error"].startswith("text.jpg")


def test_one_picture_for_two_photos_is_wrong_use(run, photo, shaken):
    done = run("diagnose", photo, shaken, "--picture", "map.png")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "unblur: --picture is for one photo, got 2\n"


def test_help_loads_nothing_heavy():
    program = (
        "import sys, unblur.cli\n"
        "sys.argv = ['unblur', 'diagnose', '--help']\n"
        "try: unblur.cli.main()\n"
        "except SystemExit: print(sorted({'numpy', 'onnxruntime', 'pyvips'} & set(sys.modules)))\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout.endswith("[]\n")
