import math

import pytest
import torch

from rounding import sums_bound
from unblur.losses import (
    charbonnier,
    frequency,
    log_frequency,
    log_mse,
    log_perceptual,
    perceptual,
)

LOSSES = [charbonnier, frequency, log_frequency, log_mse]


# Spectra are taken in float32: 7 stages of a transform that multiply and add, and a mean of 2000
# parts, 4e-5 in all. Bins that count twice, or one size for another, would be 1e-2.
SPECTRUM = sums_bound(2 * 7, 2000, values=1)


def batch(seed, shape=(4, 3, 12, 10)):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("difference", [0.0, 1e-4, 1e-3, 0.25, -0.25])
def test_charbonnier_of_a_constant_difference(difference):
    sharp = torch.full((2, 3, 5, 7), 0.5, dtype=torch.float64)

    loss = charbonnier(sharp + difference, sharp)

    assert loss.item() == pytest.approx(math.sqrt(difference**2 + 1e-6), rel=1e-9)


def test_charbonnier_is_the_mean_over_all_values_of_the_root():
    sharp = torch.zeros(1, 1, 1, 2, dtype=torch.float64)
    restored = torch.tensor([3.0, 0.0], dtype=torch.float64).view(1, 1, 1, 2)

    assert charbonnier(restored, sharp, epsilon=4.0).item() == pytest.approx((5 + 4) / 2)


def test_charbonnier_is_smooth_where_the_difference_is_zero():
    restored = batch(0).requires_grad_()

    charbonnier(restored, restored.detach()).backward()

    assert restored.grad.eq(0).all()


def test_frequency_loss_of_equal_pictures_is_zero():
    assert frequency(batch(0), batch(0)).item() == 0


@pytest.mark.parametrize(("height", "width"), [(16, 16), (8, 20), (9, 15)])
def test_frequency_loss_of_a_single_point(height, width):
    # A point of height a has the orthonormal spectrum a / sqrt(HW), real if it lies at the
    # origin: half of all real and imaginary parts are that, the other half are zero.
    sharp = batch(0, (1, 1, height, width)).double()
    restored = sharp.clone()
    restored[0, 0, 0, 0] += 0.3

    expected = 0.3 / math.sqrt(height * width) / 2
    assert frequency(restored, sharp).item() == pytest.approx(expected, rel=SPECTRUM)


@pytest.mark.parametrize(("height", "width", "waves"), [(16, 16, 3), (8, 20, 1), (30, 12, 5)])
def test_frequency_loss_of_a_single_wave(height, width, waves):
    # a cos(2 pi k x / W), 0 < k < W/2, is one bin of the half spectrum, a sqrt(HW) / 2 and
    # real, among H (W/2 + 1) bins of two parts each.
    sharp = batch(0, (1, 1, height, width)).double()
    wave = 0.2 * torch.cos(2 * torch.pi * waves * torch.arange(width, dtype=torch.float64) / width)

    expected = 0.2 * math.sqrt(height * width) / 2 / (height * (width // 2 + 1) * 2)
    assert frequency(sharp + wave, sharp).item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("side", [16, 64, 256])
def test_frequency_loss_of_noise_does_not_depend_on_the_size(side):
    # Real and imaginary parts of white noise of deviation s are normal with deviation
    # s / sqrt(2), whose mean absolute value is s / sqrt(pi).
    noise = 0.1 * torch.randn(4, 3, side, side, generator=torch.Generator().manual_seed(0))

    expected = 0.1 / math.sqrt(math.pi)
    assert frequency(noise, torch.zeros_like(noise)).item() == pytest.approx(expected, rel=0.05)


def test_frequency_loss_is_taken_in_float32_whatever_the_network_computes_in():
    restored, sharp = batch(0).bfloat16(), batch(1)

    loss = frequency(restored, sharp)

    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, frequency(restored.float(), sharp), atol=0, rtol=SPECTRUM)


def test_frequency_loss_leads_back_to_the_sharp_picture():
    sharp = batch(1)
    restored = batch(0).requires_grad_()
    before = frequency(restored, sharp)
    before.backward()

    with torch.no_grad():
        after = frequency(restored - 0.1 * restored.grad / restored.grad.abs().max(), sharp)

    assert restored.grad.isfinite().all()
    assert after < before


@pytest.mark.parametrize("loss", LOSSES)
def test_loss_of_a_batch_is_the_mean_of_its_samples(loss):
    restored, sharp = batch(0), batch(1)
    restored[2] *= 5  # one sample unlike the others

    single = torch.stack([loss(restored[i : i + 1], sharp[i : i + 1]) for i in range(4)])
    assert single.std() > 0.1
    torch.testing.assert_close(loss(restored, sharp), single.mean(), atol=SPECTRUM, rtol=0)


@pytest.mark.parametrize("loss", LOSSES)
def test_loss_does_not_depend_on_which_picture_comes_first(loss):
    both = loss(batch(0), batch(1)), loss(batch(1), batch(0))
    torch.testing.assert_close(*both, atol=SPECTRUM, rtol=0)


def test_log_mse_is_psnr_up_to_a_factor():
    sharp = torch.zeros(1, 3, 4, 4, dtype=torch.float64)

    loss = log_mse(sharp + 0.1, sharp, floor=0.0).item()

    psnr = -10 * math.log10(0.1**2)
    assert loss == pytest.approx(-psnr * math.log(10) / 10)


def test_logarithmic_losses_hear_each_sample_alike():
    # Halving the error of the mildly blurred sample earns as much as halving the other's.
    sharp = torch.zeros(2, 3, 8, 8, dtype=torch.float64)
    error = batch(1, (1, 3, 8, 8)).double()
    both = torch.cat([error * 0.01, error])
    halves = [torch.cat([error * 0.005, error]), torch.cat([error * 0.01, error * 0.5])]

    for loss, gain in ((log_mse, math.log(4) / 2), (log_frequency, math.log(2) / 2)):
        earned = [loss(both, sharp, floor=0) - loss(half, sharp, floor=0) for half in halves]
        assert [value.item() for value in earned] == pytest.approx([gain, gain], abs=2 * SPECTRUM)


@pytest.mark.parametrize("loss", [log_mse, log_frequency])
def test_below_the_floor_nothing_is_left_to_gain(loss):
    sharp = torch.zeros(1, 3, 8, 8, dtype=torch.float64)

    assert loss(sharp, sharp, floor=1e-4).item() == pytest.approx(math.log(1e-4))
    assert loss(sharp + 1e-9, sharp, floor=1e-4).item() == pytest.approx(math.log(1e-4), abs=1e-4)


def test_the_logarithm_of_features_is_taken_of_each_sample():
    def features(photos):
        return 3 * photos

    restored, sharp = batch(0), batch(1)
    each = [perceptual(features, restored[i : i + 1], sharp[i : i + 1]) for i in range(4)]

    found = log_perceptual(features, restored, sharp, floor=0.2).item()

    assert found == pytest.approx(sum(math.log(x.item() + 0.2) for x in each) / 4, rel=1e-5)
