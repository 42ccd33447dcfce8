"""Classical methods as ways of restoring: how they are tiled, and when they are not."""

import sys

import numpy as np
import pytest
import skimage.data

from unblur import blur
from unblur.errors import MissingExtraError, OptionError
from unblur.imaging.photo.photo import Photo, write_photo
from unblur.tasks.batch.files import restore_file
from unblur.tasks.restore.options import RestoreOptions
from unblur.tasks.restore.restorer import Restorer


def kernel_file(folder, kernel):
    path = folder / "kernel.npy"
    np.save(path, kernel / kernel.sum())
    return path


@pytest.fixture
def line(tmp_path):
    """A long straight shake: a Wiener filter for it has no end."""
    return kernel_file(tmp_path, np.eye(31, dtype=np.float32)[15:16].repeat(31, 0).T.copy())


@pytest.fixture
def spot(tmp_path):
    y, x = np.mgrid[-4:5, -4:5]
    return kernel_file(tmp_path, np.exp(-(x**2 + y**2) / 4).astype(np.float32))


@pytest.fixture(scope="module")
def photo():
    """400 x 1500 px; its middle is flat."""
    photo = np.tile(skimage.data.astronaut(), (1, 3, 1))[:400, :1500].astype(np.float32) / 255
    photo[:, 600:900] = 0.5
    return photo


def test_a_filter_without_end_sees_the_whole_photo_or_says_why_not(line, photo, monkeypatch):
    options = {"method": "wiener", "kernel": line}
    whole = Restorer.open(RestoreOptions(**options)).restore_pixels(photo)

    part = Restorer.open(RestoreOptions(**options, crop=(100, 90, 30, 20))).restore_pixels(photo)
    np.testing.assert_array_equal(part, whole[90:110, 100:130])

    with pytest.raises(OptionError, match="got tile 1200; auto or off"):
        Restorer.open(RestoreOptions(**options, tile=1200)).restore_pixels(photo)
    monkeypatch.setattr("unblur.tasks.restore.restorer.memory_left_bytes", lambda: 10**7)
    with pytest.raises(OptionError, match=r"1500 x 400 px.*0\.\d GB of memory are needed"):
        Restorer.open(RestoreOptions(**options)).restore_pixels(photo)
    off = Restorer.open(RestoreOptions(**options, tile="off")).restore_pixels(photo)
    np.testing.assert_array_equal(off, whole)


def test_a_large_photo_that_is_needed_whole_is_in_memory(line, photo, tmp_path, monkeypatch):
    monkeypatch.setattr("unblur.tasks.restore.file._LARGE_MEGAPIXELS", 0.01)
    write_photo(Photo(pixels=photo), tmp_path / "photo.png")
    options = RestoreOptions(method="wiener", kernel=line)

    done = restore_file(tmp_path / "photo.png", Restorer.open(options))

    assert done.target.is_file()


@pytest.mark.parametrize("method", ["wiener", "unsupervised-wiener", "richardson-lucy"])
def test_tiles_look_as_the_whole(method, spot, photo):
    rng = np.random.default_rng(0)
    blurred = blur(photo[:160, :1000], np.load(spot), noise_sigma=2 / 255, rng=rng)
    options = {"method": method, "kernel": spot}
    whole = Restorer.open(RestoreOptions(**options, tile="off")).restore_pixels(blurred)

    tiled = Restorer.open(RestoreOptions(**options, tile=600)).restore_pixels(blurred)

    assert np.abs(whole - blurred).max() > 0.1
    assert np.abs(tiled - whole).max() < 1 / 255


def test_what_is_missing_is_named_with_its_extra(spot, monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage", None)

    with pytest.raises(MissingExtraError, match=r"scikit-image.*pip install .*\[bench\]"):
        Restorer.open(RestoreOptions(method="wiener", kernel=spot))
