"""The script for darktable, run by Lua with the real command; darktable itself is a stand-in."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from reference_pairs import shaken
from unblur.imaging.photo.photo import Photo, read_photo, write_photo
from unblur.tasks.plugins.install import install

STAND_IN = Path(__file__).with_name("stand_in.lua")

pytestmark = pytest.mark.skipif(
    shutil.which("lua5.4") is None, reason="needs lua5.4 (Debian: apt-get install lua5.4)"
)


@pytest.fixture
def export(tmp_path):
    """Have the script store a file for a photo of a name that shells would trip over."""
    (state,) = install("darktable", to=tmp_path)
    photos = tmp_path / "it's $HOME; a `folder`"
    photos.mkdir()

    def store(exported):
        command = ["lua5.4", STAND_IN, state.folder.parent, exported, photos, "IMG 1.cr2"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return photos, [line.split("\t", 1) for line in done.stdout.splitlines()]

    return store


def test_the_result_lies_beside_the_photo_and_is_what_the_command_gives(
    export, astronaut, tmp_path, run
):
    exported = tmp_path / "exported one.png"
    write_photo(Photo(pixels=shaken(astronaut[:64, :96])), exported)
    assert run("restore", exported, "-o", "by-hand.png", "--method", "network").returncode == 0
    again = shutil.copy(exported, tmp_path / "again.png")

    photos, said = export(exported)

    result = photos / "IMG 1.unblurred.png"
    assert ["imported", str(result)] in said
    assert said[-1] == ["said", "motion blur undone: 1"]
    np.testing.assert_array_equal(
        read_photo(result).pixels, read_photo(tmp_path / "by-hand.png").pixels
    )
    assert not exported.exists()
    before = result.read_bytes()
    assert ["imported", str(photos / "IMG 1.unblurred-2.png")] in export(again)[1]
    assert result.read_bytes() == before


def test_what_goes_wrong_is_told_and_nothing_is_imported(export, tmp_path):
    exported = tmp_path / "exported.png"
    exported.write_bytes(b"no picture")

    photos, said = export(exported)

    assert not list(photos.iterdir())
    assert ["said", "motion blur undone: 0"] in said
    assert any("exported.png" in text for _, text in said)
