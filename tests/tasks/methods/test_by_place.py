import numpy as np
import pytest
import skimage.data

from shaken_photo import shaken
from unblur.engines import OnnxEngine
from unblur.imaging.blur.blur import blur
from unblur.imaging.blur.convolution import trim_kernel
from unblur.imaging.blur.motion import random_motion
from unblur.imaging.deblur.blind import FoundKernel
from unblur.imaging.deblur.kernel_support import agreement
from unblur.tasks.methods.by_place import windows_of, windows_there
from unblur.tasks.methods.edges import EdgesNetwork


@pytest.fixture(scope="module")
def networks():
    return EdgesNetwork.bundled(lambda file: OnnxEngine(file, threads=1))


def coffee():
    """(400, 400, 3) in [0, 1]."""
    return skimage.data.coffee()[:, 100:500].astype(np.float32) / 255


def found(kernel):
    return FoundKernel(kernel=trim_kernel(kernel).astype(np.float32), linear_light=True)


def rolled():
    """A photo taken while the camera rolled, and the kernels of three by three places."""
    sharp = coffee()
    height, width, _ = sharp.shape
    motion = random_motion(
        "rotation", rng=np.random.default_rng(8), height=height, width=width, exposure=0.5
    )
    seen = blur(sharp, motion, noise_sigma=1 / 255, rng=np.random.default_rng(1))
    kernels = motion.kernels(height, width)
    kernels = kernels / kernels.sum(axis=(-2, -1), keepdims=True)
    return np.clip(seen, 0, 1), kernels.astype(np.float32)


def test_the_windows_of_a_rolled_photo_get_kernels_nearer_to_the_truth(networks):
    seen, truth = rolled()
    one = found(truth[1, 1])

    windows = windows_of(seen, one, networks)

    height, width, _ = seen.shape
    before, after = [], []
    for window in windows:
        rows, columns = window.place.rows, window.place.columns
        down = round((rows.start + rows.stop) / height)
        right = round((columns.start + columns.stop) / width)
        before.append(agreement(one.kernel, truth[down, right]))
        after.append(agreement(window.kernel, truth[down, right]))
        assert window.kernel.min() >= 0
        assert window.kernel.sum() == pytest.approx(1, abs=1e-4)
    assert len(windows) >= 9
    assert np.mean(after) > np.mean(before) + 0.03


def test_a_photo_that_was_shaken_alike_everywhere_has_no_windows(networks):
    seen, (kernel,) = shaken(coffee())

    assert windows_of(seen, found(kernel), networks, threads=1) == []


def test_small_photos_and_long_shakes_have_no_windows(networks):
    small = np.random.default_rng(0).random((300, 400, 3), np.float32)
    assert windows_of(small, found(np.ones((5, 5)) / 25), networks) == []

    large = np.random.default_rng(0).random((400, 400, 3), np.float32)
    path = np.zeros((101, 101))
    path[50] = 1 / 101
    assert windows_of(large, found(path), networks) == []


def test_where_a_kernel_has_a_say_its_weight_falls_to_nothing_towards_the_rest():
    rows, columns = np.mgrid[:400, :600]
    weight = np.clip(1 - np.hypot(rows - 200, columns - 350) / 200, 0.1, 1).astype(np.float32)
    kernel = np.full((3, 3), 1 / 9, np.float32)

    (down, across), windows, said = windows_there(kernel, weight)

    assert (down.start, down.stop, across.start, across.stop) == (51, 350, 201, 500)
    borders = np.concatenate([said[0], said[-1], said[:, 0], said[:, -1]])
    assert borders.max() < 0.02
    certain = weight[down, across] >= 0.4
    np.testing.assert_allclose(said[certain], weight[down, across][certain], rtol=1e-6)
    assert np.abs(np.diff(said, axis=1)).max() < 0.02
    assert {window.place.rows.stop for window in windows} >= {said.shape[0]}


def test_a_kernel_that_is_hardly_trusted_anywhere_has_no_say():
    assert windows_there(np.full((3, 3), 1 / 9, np.float32), np.full((90, 80), 0.2)) is None
