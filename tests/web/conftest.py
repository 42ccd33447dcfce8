import numpy as np
import pytest
import skimage.data

from command_line import call_command
from unblur.imaging.blur.blur import blur
from unblur.imaging.photo.photo import Photo, write_photo
from web_servers import WATCH, serving


@pytest.fixture(scope="session")
def blurred():
    """A shaken photo, (128, 150, 3) floats in [0, 1]."""
    sharp = skimage.data.astronaut()[64:192, 160:310].astype(np.float32) / 255
    kernel = np.zeros((9, 9), np.float32)
    kernel[4] = 1 / 9
    return blur(sharp, kernel)


@pytest.fixture(scope="session")
def jpeg(blurred, tmp_path_factory):
    path = tmp_path_factory.mktemp("photos") / "shaken.jpg"
    write_photo(Photo(pixels=blurred), path)
    return path


@pytest.fixture(scope="session")
def restored(jpeg, tmp_path_factory):
    """What the command line makes of it."""
    out = tmp_path_factory.mktemp("out")
    assert call_command("restore", jpeg, "-o", out, folder=out) == 0
    return (out / "shaken.unblurred.jpg").read_bytes()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server without torch, whose log names every connection that it and its worker open."""
    folder, modules = tmp_path_factory.mktemp("server"), tmp_path_factory.mktemp("modules")
    (modules / "torch.py").write_text("raise ImportError('torch is not installed')")
    (modules / "sitecustomize.py").write_text(WATCH)  # the worker's, too
    with serving(folder, env={"PYTHONPATH": str(modules)}) as running:
        yield running
