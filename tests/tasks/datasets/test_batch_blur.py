import math
import pickle

import numpy as np
import pytest
import scipy.ndimage
import skimage.data
import torch

from unblur import RandomBlurBatch, blur
from unblur.errors import OptionError
from unblur.tasks.datasets.batch_blur import blur_batch

PHOTO = skimage.data.astronaut()[:96, 100:228].astype(np.float32) / 255
STEEPEST = 12.92
"""Of the curve from light to encoded values: what errors of light grow by at most."""


def batch(count=3):
    planes = torch.from_numpy(PHOTO.transpose(2, 0, 1).copy())
    return torch.stack([planes.roll(11 * k, dims=2) for k in range(count)])


def rounding_of_convolution(pixels, kernels):
    """Most root-mean-square error of a convolution by float32 transforms of values up to 1.

    Higham, Accuracy and Stability, theorem 24.2: a transform of n values has a relative error of
    log2(n) (u + gamma4 (sqrt 2 + u)); here are three, of numbers whose mean square is at most 1.
    """
    unit = 2.0**-24
    reach = kernels.shape[-1] // 2
    # Sides are lengthened to lengths that are fast to transform, at most twice as long.
    values = math.prod(2 * (side + 2 * reach) for side in pixels.shape[-2:])
    return 3 * math.log2(values) * (unit + 4 * unit * (math.sqrt(2) + unit))


@pytest.mark.parametrize("linear_light", [False, True])
def test_it_blurs_as_numpy_does(linear_light):
    pictures = batch()
    seeded = torch.Generator().manual_seed(12)
    kernels = RandomBlurBatch(length_px=(10, 40), p=1, generator=seeded).draw(pictures)

    blurred = blur_batch(pictures, kernels, linear_light=linear_light).numpy()

    bound = 2 * rounding_of_convolution(pictures, kernels) * (STEEPEST if linear_light else 1)
    for one, picture, kernel in zip(blurred, pictures.numpy(), kernels.numpy(), strict=True):
        wanted = blur(picture.transpose(1, 2, 0).copy(), kernel.copy(), linear_light=linear_light)
        error = np.sqrt(np.mean((one.transpose(1, 2, 0) - wanted) ** 2, dtype=np.float64))
        moved = np.sqrt(np.mean((picture.transpose(1, 2, 0) - wanted) ** 2, dtype=np.float64))
        assert error < bound < moved / 20


def test_in_double_precision_it_is_the_sum_of_its_definition():
    pictures = batch(2).double()
    kernels = RandomBlurBatch(length_px=(10, 40), p=1).draw(pictures).double()

    blurred = blur_batch(pictures, kernels, linear_light=False)

    assert blurred.dtype is torch.float64
    for one, picture, kernel in zip(blurred, pictures, kernels, strict=True):
        for plane, sharp in zip(one.numpy(), picture.numpy(), strict=True):
            wanted = scipy.ndimage.convolve(sharp, kernel.numpy(), mode="mirror")
            np.testing.assert_allclose(plane, wanted, atol=1e-12)


def test_each_picture_and_each_call_has_its_own_shake():
    pictures = batch(1).expand(4, -1, -1, -1)
    shake = RandomBlurBatch(length_px=(10, 40), exposure=(1.0,), p=1)

    first, second = shake(pictures), shake(pictures)

    assert first.shape == pictures.shape
    assert len({one.numpy().tobytes() for one in (*first, *second)}) == 8
    alike = RandomBlurBatch(length_px=(10, 40), p=1, same_on_batch=True)(pictures)
    assert all(torch.equal(one, alike[0]) for one in alike)
    assert not torch.equal(alike[0], pictures[0])


def test_pytorchs_seed_makes_it_repeatable():
    shake = RandomBlurBatch(length_px=(10, 40), p=0.7, noise_sigma=0.02)
    runs = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        runs.append(shake(batch()))

    assert torch.equal(runs[0], runs[1])
    assert not torch.equal(runs[0], runs[2])
    own = [
        RandomBlurBatch(length_px=9, p=1, generator=torch.Generator().manual_seed(5))(batch())
        for _ in range(2)
    ]
    assert torch.equal(*own)


def test_so_many_are_blurred_as_p_says_and_the_rest_keeps_every_bit():
    torch.manual_seed(1)
    pictures = torch.rand(200, 1, 16, 16)

    some = RandomBlurBatch(length_px=8, p=0.3, noise_sigma=0.1)(pictures)

    changed = (some != pictures).flatten(1).any(dim=1)
    assert 40 <= int(changed.sum()) <= 80
    assert torch.equal(RandomBlurBatch(length_px=8, p=0)(pictures), pictures)
    together = [
        (RandomBlurBatch(length_px=8, p=0.5, same_on_batch=True)(pictures) != pictures).flatten(1)
        for _ in range(12)
    ]
    assert {int(each.any(dim=1).sum()) for each in together} == {0, 200}


def test_kernels_are_centred_of_sum_1_and_no_wider_than_the_path_is_long():
    shake = RandomBlurBatch(length_px=30, exposure=(0.5,), p=1)
    kernels = shake.draw(batch(64)).numpy()

    np.testing.assert_allclose(kernels.sum(axis=(1, 2)), 1, atol=1e-5)
    assert kernels.min() >= 0
    side = kernels.shape[1]
    assert side % 2 == 1
    assert side <= 30 * 0.5 + 3
    middle = np.tensordot(kernels.sum(axis=1), np.arange(side), 1)
    np.testing.assert_allclose(middle, side // 2, atol=1e-3)  # on average nothing moves


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_types_shapes_and_gradients_stay(dtype):
    pictures = batch(2).to(dtype).requires_grad_()
    shake = torch.nn.Sequential(RandomBlurBatch(length_px=9, p=1), torch.nn.Identity())

    blurred = shake(pictures)
    blurred.float().sum().backward()

    assert (blurred.dtype, blurred.shape) == (dtype, pictures.shape)
    assert bool(torch.isfinite(pictures.grad).all())
    assert float(blurred.detach().min()) >= 0
    assert float(blurred.detach().max()) <= 1
    assert shake(pictures[0]).shape == pictures.shape[1:]
    assert shake(pictures[:0]).shape == (0, *pictures.shape[1:])


def test_it_is_a_module_that_says_what_it_is_and_pickles():
    shake = RandomBlurBatch(length_px=9, p=1)

    again = pickle.loads(pickle.dumps(shake))

    assert repr(shake) == repr(again)
    assert "length_px=9, exposure=(0.1, 0.5, 1.0), p=1, same_on_batch=False" in repr(shake)
    assert not list(shake.parameters())
    assert again(batch()).shape == (3, 3, 96, 128)


def test_wrong_calls_are_told():
    shake = RandomBlurBatch(length_px=30, p=1)
    with pytest.raises(OptionError, match=r"got torch.uint8 of \(1, 3, 8, 8\)"):
        shake(torch.zeros(1, 3, 8, 8, dtype=torch.uint8))
    with pytest.raises(OptionError, match=r"of \(8, 8\)"):
        shake(torch.zeros(8, 8))
    with pytest.raises(OptionError, match="take paths of up to 13 px"):
        shake(torch.zeros(1, 3, 16, 64))
    with pytest.raises(OptionError, match=r"\(2, K, K\), K odd, got \(2, 4, 4\)"):
        shake(torch.zeros(2, 3, 64, 64), torch.zeros(2, 4, 4))
    with pytest.raises(OptionError, match="9x9 px are larger than the pictures of 64x8"):
        shake(torch.zeros(1, 3, 8, 64), torch.zeros(1, 9, 9))
    with pytest.raises(OptionError, match="p must be from 0 to 1"):
        RandomBlurBatch(p=2)
