import numpy as np
import pytest
import skimage.data

from unblur import blur, psnr, random_kernels
from unblur.errors import OptionError
from unblur.imaging.measure.guard import GUARD_GRID_PX, GUARD_HALO_PX, guard_weight
from unblur.tasks.restore.options import RestoreOptions
from unblur.tasks.restore.restorer import shared_restorer


def photo(name, size=384):
    pixels = np.atleast_3d(getattr(skimage.data, name)())[:size, :size]
    return np.broadcast_to(pixels, (*pixels.shape[:2], 3)).astype(np.float32) / 255


def unsharp(pixels, strength=1.5):
    """A sharpening filter that knows no restraint, in place of a network that errs."""
    padded = np.pad(pixels, ((2, 2), (2, 2), (0, 0)), mode="edge")
    height, width, _ = pixels.shape
    around = [padded[i : i + height, j : j + width] for i in range(5) for j in range(5)]
    return np.clip(pixels + strength * (pixels - np.mean(around, axis=0)), 0, 1)


def apply_guard(blurred, restored):
    return blurred + guard_weight(blurred, restored)[..., None] * (restored - blurred)


@pytest.fixture(scope="module")
def restorer():
    return shared_restorer(RestoreOptions(method="network", engine="onnx", guard=False))


@pytest.mark.parametrize("name", ["coins", "camera", "coffee"])
def test_a_sharp_photo_stays_where_a_filter_would_spoil_it(name):
    sharp = photo(name)
    spoiled = unsharp(sharp)

    guarded = apply_guard(sharp, spoiled)

    assert psnr(spoiled, sharp) < 30
    assert psnr(guarded, sharp) > psnr(spoiled, sharp) + 3


def test_what_was_sharp_stays_to_the_last_bit_and_noise_does_not_count_as_detail():
    rng = np.random.default_rng(1)
    sharp = photo("coins")
    kernel = np.zeros((21, 21), np.float32)
    kernel[10] = 1 / 21
    shaken = blur(sharp, kernel, noise_sigma=4 / 255, rng=rng)

    assert np.array_equal(apply_guard(sharp, unsharp(sharp))[64:320, 64:320], sharp[64:320, 64:320])
    assert guard_weight(shaken, np.clip(shaken + 0.01, 0, 1)).mean() > 0.95


@pytest.mark.parametrize("exposure", [0.1, 0.5, 1.0])
def test_a_shaken_photo_keeps_what_the_network_gains(restorer, exposure):
    rng = np.random.default_rng(2)
    sharp = photo("camera")
    kernel = random_kernels(1, rng=rng, exposure=(exposure,))[0]
    shaken = blur(sharp, kernel, noise_sigma=1 / 255, rng=rng)
    restored = restorer.restore_pixels(shaken)

    guarded = apply_guard(shaken, restored)

    assert psnr(restored, sharp) > psnr(shaken, sharp) + 0.1
    assert psnr(guarded, sharp) > psnr(restored, sharp) - 0.1


def test_only_the_sharp_half_of_a_photo_is_kept():
    sharp = photo("coins")
    kernel = np.full((15, 15), 1 / 225, np.float32)
    half = sharp.copy()
    half[:, 192:] = blur(sharp, kernel)[:, 192:]

    weight = guard_weight(half, np.clip(half * 1.1, 0, 1))

    assert weight[:, :128].mean() < 0.3
    assert weight[:, 256:].mean() > 0.9


def test_sharpening_everywhere_with_overshoot_is_taken_back():
    """Soft lines crossing, as on a wall: a network takes them for shaken ones."""
    across = np.exp(-(((np.arange(256) % 24) - 12) ** 2) / (2 * 1.5**2))
    lines = 0.3 + 0.4 * np.maximum(across[:, None], across).astype(np.float32)
    soft = np.repeat(lines[..., None], 3, axis=2).astype(np.float32)

    mild, wild = (np.clip(0.3 + (soft - 0.3) * by, 0, 1) for by in (1.02, 2.4))

    assert guard_weight(soft, mild).min() == 1
    assert guard_weight(soft, wild).max() == 0


def test_weights_are_smooth_and_within_bounds(restorer):
    picture = photo("astronaut", 512)
    weight = guard_weight(picture, unsharp(picture))

    assert weight.shape == (512, 512)
    assert weight.dtype == np.float32
    assert 0 <= weight.min() < 0.2
    assert 0.8 < weight.max() <= 1
    for axis in (0, 1):
        assert np.abs(np.diff(weight, axis=axis)).max() <= 1 / 32 + 1e-6


@pytest.mark.parametrize("axis", [0, 1])
def test_strips_on_the_grid_get_the_weights_of_the_whole(axis):
    picture = np.tile(skimage.data.astronaut(), (3, 1, 1)).astype(np.float32)[:1100, :300] / 255
    picture = picture if axis == 0 else np.ascontiguousarray(picture.swapaxes(0, 1))
    changed = unsharp(picture)
    whole = np.moveaxis(guard_weight(picture, changed), axis, 0)
    assert 0.1 < whole.mean() < 0.9

    for start in range(0, 1100, 5 * GUARD_GRID_PX):
        stop = min(start + 5 * GUARD_GRID_PX, 1100)
        seen = slice(max(0, start - GUARD_HALO_PX), min(stop + GUARD_HALO_PX, 1100))
        strips = (np.moveaxis(np.moveaxis(x, axis, 0)[seen], 0, axis) for x in (picture, changed))
        part = np.moveaxis(guard_weight(*strips), axis, 0)
        kept = part[start - seen.start : stop - seen.start]

        assert np.array_equal(kept, whole[start:stop])


@pytest.mark.parametrize("size", [(1, 1), (8, 300), (9, 9), (33, 65), (100, 3)])
def test_any_size_works_and_flat_pictures_take_what_the_network_says(size):
    flat = np.full((*size, 3), 0.5, np.float32)

    weight = guard_weight(flat, flat)

    assert weight.shape == size
    assert (weight == 1).all()


def test_pictures_of_different_sizes_are_an_error():
    with pytest.raises(OptionError, match=r"\(8, 8, 3\) and \(8, 9, 3\)"):
        guard_weight(np.zeros((8, 8, 3), np.float32), np.zeros((8, 9, 3), np.float32))
