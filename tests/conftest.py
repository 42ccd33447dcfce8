import subprocess
import sys

import numpy as np
import pytest
import skimage.data

from unblur.imaging.photo.photo import Photo, write_photo


@pytest.fixture(scope="session")
def astronaut():
    """A real photo, (256, 256, 3) floats in [0, 1]."""
    return skimage.data.astronaut()[:256, 100:356].astype(np.float32) / 255


@pytest.fixture
def photo(astronaut, tmp_path):
    """A small JPEG file."""
    path = tmp_path / "photo.jpg"
    write_photo(Photo(pixels=astronaut[::2, ::2].copy()), path)
    return path


@pytest.fixture
def run(tmp_path):
    """Run the command line as a user does: another process, in an empty folder."""

    def run_unblur(*arguments, **options):
        command = [sys.executable, "-m", "unblur", *map(str, arguments)]
        return subprocess.run(
            command,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            stdin=subprocess.DEVNULL,
            **options,
        )

    return run_unblur


@pytest.fixture
def run_here(tmp_path, monkeypatch, capsys):
    """As ``run``, but in this process: for mistakes, which need no new import of PyTorch each."""

    def run_unblur(*arguments):
        from unblur.cli import main

        monkeypatch.chdir(tmp_path)
        command = ["unblur", *map(str, arguments)]
        monkeypatch.setattr(sys, "argv", command)
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main()
        said = capsys.readouterr()
        return subprocess.CompletedProcess(command, stop.value.code, said.out, said.err)

    return run_unblur
