import numpy as np
import pytest
import skimage.data

from unblur import blur, random_kernels
from unblur.imaging.deblur.known.natural import Deconvolution, deconvolve_light
from unblur.imaging.light import linear_to_srgb, srgb_to_linear
from unblur.metrics import psnr


def shaken(sharp, seed, *, linear_light=True, noise=1 / 255):
    rng = np.random.default_rng(seed)
    kernel = random_kernels(1, rng=rng, exposure=(0.5,))[0]
    seen = blur(sharp, kernel, linear_light=linear_light, noise_sigma=noise, rng=rng)
    return np.rint(seen * 255).astype(np.float32) / np.float32(255), kernel


@pytest.mark.parametrize("seed", [1, 2])
def test_a_known_blur_of_light_is_undone(astronaut, seed):
    seen, kernel = shaken(astronaut, seed)

    restored = linear_to_srgb(deconvolve_light(srgb_to_linear(seen), kernel, noise=1 / 255))

    assert psnr(restored, astronaut) > psnr(seen, astronaut) + 4


def test_the_result_is_not_moved_by_a_kernel_whose_mass_is_off_its_middle(astronaut):
    seen, kernel = shaken(astronaut, 3)
    off = np.zeros((kernel.shape[0] + 10,) * 2, np.float32)
    off[7 : 7 + kernel.shape[0], 2 : 2 + kernel.shape[0]] = kernel

    both = [deconvolve_light(srgb_to_linear(seen), each, noise=1 / 255) for each in (kernel, off)]

    # The surroundings that are made up are larger; within the photo little of that is left.
    assert np.abs(both[0] - both[1])[30:-30, 30:-30].max() < 0.02


def test_grey_stays_grey_and_flat_stays_flat():
    grey = np.repeat(skimage.data.camera()[200:300, 200:300, None] / 255.0, 3, 2)
    seen, kernel = shaken(grey.astype(np.float32), 4)
    seen[..., 1:] = seen[..., :1]

    restored = deconvolve_light(srgb_to_linear(seen), kernel, noise=1 / 255)
    flat = deconvolve_light(np.full((50, 60, 3), 0.25, np.float32), kernel, noise=1 / 255)

    assert (restored == restored[..., :1]).all()
    assert np.abs(flat - 0.25).max() < 1e-5


@pytest.mark.parametrize("shape", [(1, 1, 3), (3, 90, 3), (40, 2, 3)])
def test_photos_smaller_than_the_kernel_come_out_finite(shape):
    kernel = np.full((9, 9), 1 / 81, np.float32)
    light = np.random.default_rng(6).random(shape, np.float32)

    restored = deconvolve_light(light, kernel, noise=1 / 255)

    assert restored.shape == shape
    assert np.isfinite(restored).all()


def test_a_guessed_kernel_is_believed_less(astronaut):
    seen, kernel = shaken(astronaut, 7)
    light = srgb_to_linear(seen)

    known, guessed = (
        deconvolve_light(light, kernel, noise=1 / 255, guessed=guessed) for guessed in (False, True)
    )

    assert np.abs(np.diff(guessed, axis=1)).mean() < np.abs(np.diff(known, axis=1)).mean()


def test_ripples_along_the_edges_are_few(astronaut):
    seen, kernel = shaken(astronaut, 8)  # what lies beyond a cut's edges blurred into it
    cut = (slice(100, 300), slice(140, 400))
    light = np.ascontiguousarray(srgb_to_linear(seen)[cut].mean(axis=2))
    true = srgb_to_linear(astronaut)[cut].mean(axis=2)
    edge = np.ones(light.shape, bool)
    edge[16:-16, 16:-16] = False

    def error(surround):
        undo = Deconvolution(light.shape, kernel, surround=surround)
        return np.square(undo.plane(light, noise=1 / 255) - true)

    mirrored, fitted = (error(surround) for surround in (False, True))

    assert fitted[edge].mean() < 0.4 * mirrored[edge].mean()
    assert fitted[~edge].mean() < 0.8 * mirrored[~edge].mean()
