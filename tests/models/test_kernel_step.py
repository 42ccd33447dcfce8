import numpy as np
import pytest
import torch

from shaken_photo import shaken, sharp_coffee
from unblur import psnr
from unblur.imaging.deblur.kernel_search import centred
from unblur.imaging.deblur.known.natural import deconvolve_light
from unblur.imaging.light import linear_to_srgb, srgb_to_linear
from unblur.models.kernel_step import lost_db


def of(*kernels):
    return torch.from_numpy(np.stack(kernels))


def path():
    """A kernel in the middle of its canvas."""
    _, (kernel,) = shaken(sharp_coffee())
    return centred(kernel)


def test_the_true_kernel_loses_nothing_and_none_loses_most():
    true, none = path(), np.zeros_like(path())
    none[len(none) // 2, len(none) // 2] = 1
    half = (true + none) / 2

    right, worse, worst = lost_db(of(true, half, none), of(true, true, true)).tolist()

    assert right == pytest.approx(0, abs=1e-4)
    assert 1 < worse < worst


def test_what_is_told_to_be_lost_is_lost():
    sharp = sharp_coffee()
    seen, (kernel,) = shaken(sharp, noise=2)
    true = centred(kernel)
    wrong = [(1 - share) * true + share * true.T for share in (0.0, 0.1, 0.3, 0.6)]

    undone = [
        linear_to_srgb(deconvolve_light(srgb_to_linear(seen), each, noise=2 / 255))
        for each in wrong
    ]
    found = [psnr(undone[0], sharp) - psnr(each, sharp) for each in undone]
    told = lost_db(of(*wrong), of(*4 * [true])).tolist()

    assert told == sorted(told)
    assert found == sorted(found)
    assert told[-1] == pytest.approx(found[-1], rel=0.5)


def test_where_a_kernel_lies_on_its_canvas_counts_for_nothing():
    true = path()

    moved = lost_db(of(np.roll(true, (2, -3), (0, 1))), of(true))

    assert moved.item() == pytest.approx(0, abs=1e-3)


def test_it_learns_towards_the_true_kernel():
    true = of(path())
    wrong = (0.7 * true + 0.3 * true.mT).requires_grad_()

    (slope,) = torch.autograd.grad(lost_db(wrong, true).sum(), wrong)

    assert torch.isfinite(slope).all()
    assert (slope * (true - wrong)).sum() < 0
