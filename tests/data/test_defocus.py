import numpy as np
import pytest
from skimage import data

from unblur.data.defocus import defocus, disc_kernel


def detail(pixels):
    """Mean absolute step from pixel to pixel, of every column."""
    return np.abs(np.diff(pixels, axis=0)).mean(axis=(0, 2))


@pytest.fixture(scope="module")
def sharp():
    return data.coffee()[100:260, 200:360].astype(np.float32) / 255


@pytest.mark.parametrize("radius", [0.3, 1.0, 2.5, 7.0])
def test_a_disc_has_the_area_it_should_and_lies_in_the_middle(radius):
    kernel = disc_kernel(radius)
    away = np.arange(len(kernel)) - len(kernel) // 2

    assert kernel.sum() == pytest.approx(1, abs=1e-6)
    assert kernel.shape[0] % 2 == 1
    assert kernel.sum(axis=0) @ away == pytest.approx(0, abs=1e-5)
    assert 1 / kernel.max() == pytest.approx(np.pi * radius**2, rel=0.12, abs=0.8)


def test_a_photo_loses_detail_and_no_light(sharp):
    for seed in range(20):
        soft = defocus(sharp, np.random.default_rng(seed))
        assert soft.shape == sharp.shape
        assert soft.dtype == np.float32
        assert 0 <= soft.min() <= soft.max() <= 1
        assert detail(soft).mean() < detail(sharp).mean()
        # Light is spread, not codes; those rise a little where dark meets bright.
        assert -0.005 < (soft - sharp).mean() < 0.04


def test_some_photos_are_wholly_out_of_focus_and_some_in_part(sharp):
    kept = []
    for seed in range(60):
        soft = defocus(sharp, np.random.default_rng(seed))
        kept.append((np.abs(soft - sharp).max(axis=2) < 1e-6).mean())

    assert 15 < sum(share > 0.05 for share in kept) < 50
    assert sum(share < 0.02 for share in kept) > 10


def test_the_same_seed_gives_the_same_photo(sharp):
    first, again, other = (defocus(sharp, np.random.default_rng(seed)) for seed in (4, 4, 5))

    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_tiny_photo_is_no_problem(sharp):
    for seed in range(10):
        assert defocus(sharp[:16, :16], np.random.default_rng(seed)).shape == (16, 16, 3)
