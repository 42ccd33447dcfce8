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
from unblur.tasks.methods.by_place import windows_of
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
