import numpy as np
import pytest
import scipy.ndimage
import skimage.data

from unblur import blur, random_kernels
from unblur.imaging.deblur.known.posterior import _Fit, posterior_mean
from unblur.metrics import psnr


def shaken(sharp, seed, *, linear_light=True):
    rng = np.random.default_rng(seed)
    kernel = random_kernels(1, rng=rng, exposure=(0.2,))[0]
    seen = blur(sharp, kernel, linear_light=linear_light, noise_sigma=1 / 255, rng=rng)
    return np.rint(seen * 255).astype(np.float32) / np.float32(255), kernel


def soft(sharp):
    """A picture without its detail, and how far off it is, (H, W, 4)."""
    picture = scipy.ndimage.gaussian_filter(sharp, (1.5, 1.5, 0))
    off = np.mean((picture - sharp) ** 2, axis=2)
    error = np.sqrt(scipy.ndimage.gaussian_filter(off, 4) + 1e-6)
    return np.concatenate([picture, np.log(error)[..., None]], axis=2).astype(np.float32)


@pytest.mark.parametrize("linear_light", [True, False])
def test_detail_that_the_network_misses_comes_from_the_photo(astronaut, linear_light):
    seen, kernel = shaken(astronaut, 1, linear_light=linear_light)
    restored = soft(astronaut)

    found = posterior_mean(seen, restored, kernel, linear_light=linear_light, noise=1 / 255)

    assert psnr(found, astronaut) > psnr(restored[..., :3], astronaut) + 4
    assert psnr(found, astronaut) > psnr(seen, astronaut) + 4


def test_where_the_network_is_sure_nothing_changes(astronaut):
    seen, kernel = shaken(astronaut, 2)
    restored = soft(astronaut)
    restored[:200, :, 3] = -12

    found = posterior_mean(seen, restored, kernel, linear_light=True, noise=1 / 255)

    assert np.abs(found - restored[..., :3])[:200].max() < 1e-3
    assert np.abs(found - restored[..., :3])[200:].max() > 0.1


def test_what_is_clipped_tells_nothing(astronaut):
    seen, kernel = shaken(astronaut, 3)
    seen[200:300, 200:300] = 1
    restored = soft(astronaut)

    found = posterior_mean(seen, restored, kernel, linear_light=True, noise=1 / 255)

    assert np.abs(found - restored[..., :3])[230:270, 230:270].max() < 0.02


def test_noise_is_not_taken_for_detail(astronaut):
    seen, kernel = shaken(astronaut, 4)
    noisy = seen + np.float32(20 / 255) * np.random.default_rng(4).standard_normal(seen.shape)
    noisy = np.clip(noisy, 0, 1).astype(np.float32)
    restored = soft(astronaut)

    found = posterior_mean(noisy, restored, kernel, linear_light=True, noise=20 / 255)

    assert psnr(found, astronaut) > psnr(restored[..., :3], astronaut)


def test_the_photo_tells_how_wrong_a_kernel_is(astronaut):
    seen, right = shaken(astronaut, 8)
    _, wrong = shaken(astronaut, 9)
    restored = soft(astronaut)
    restored[..., :3] = 0.8 * astronaut + 0.2 * restored[..., :3]

    def agreed(kernel, kernel_error):
        return posterior_mean(
            seen, restored, kernel, linear_light=True, noise=1 / 255, kernel_error=kernel_error
        )

    def loss(kernel, kernel_error):
        return psnr(restored[..., :3], astronaut) - psnr(agreed(kernel, kernel_error), astronaut)

    np.testing.assert_array_equal(agreed(right, None), agreed(right, 0.2))
    assert loss(right, None) < -0.3
    assert 0 < loss(wrong, None) < 0.5 * loss(wrong, 0.2)


def test_the_mean_is_that_of_the_normal_distributions():
    rng = np.random.default_rng(5)
    expected, error = rng.random((9, 11), np.float32), 0.02 + 0.2 * rng.random((9, 11), np.float32)
    blurred, noise = rng.random((9, 11), np.float32), 0.05 + 0.1 * rng.random((9, 11), np.float32)
    kernel = rng.random((3, 3), np.float32)
    fit = _Fit(expected, kernel / kernel.sum(), error)
    fit.weigh(blurred, noise, error > 0.05, kernel_error=0.1)
    whole = fit._size
    blurring = np.stack(
        [fit._blurred(each.reshape(whole)).ravel() for each in np.eye(whole[0] * whole[1])], axis=1
    ).astype(np.float64)
    before = fit._larger(expected).ravel()
    weight, prior = (np.diag(x.ravel().astype(np.float64)) for x in (fit._weight, fit._error**-2))
    missing = blurred.ravel() - blurring @ before
    change = np.linalg.solve(blurring.T @ weight @ blurring + prior, blurring.T @ weight @ missing)

    found = fit.mean(blurred, expected, 1.0, 200)

    exact = (before + change).reshape(whole)[fit._inside]
    assert np.abs(found - exact).max() < 1e-3


def test_grey_stays_grey_and_threads_change_nothing():
    grey = np.repeat(skimage.data.camera()[200:300, 200:300, None] / 255.0, 3, 2).astype(np.float32)
    seen, kernel = shaken(grey, 6)
    seen[..., 1:] = seen[..., :1]
    restored = soft(grey)

    one, two = (
        posterior_mean(seen, restored, kernel, linear_light=True, noise=0, threads=threads)
        for threads in (1, 2)
    )

    assert np.abs(one - one[..., :1]).max() < 1e-6
    assert (one == two).all()


@pytest.mark.parametrize("shape", [(1, 1), (3, 90), (40, 2)])
def test_photos_smaller_than_the_kernel_come_out_finite(shape):
    kernel = np.full((9, 9), 1 / 81, np.float32)
    rng = np.random.default_rng(7)
    seen, restored = rng.random((*shape, 3), np.float32), rng.random((*shape, 4), np.float32)

    found = posterior_mean(seen, restored, kernel, linear_light=True, noise=1 / 255)

    assert found.shape == seen.shape
    assert np.isfinite(found).all()
