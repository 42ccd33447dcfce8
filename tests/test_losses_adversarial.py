import pytest
import torch

from rounding import sums_bound
from unblur.losses import (
    gradient_penalty,
    l1,
    mse,
    perceptual,
    relativistic_ls_critic,
    relativistic_ls_generator,
    total_variation,
    wgan_critic,
    wgan_generator,
)


def batch(seed, *shape, dtype=torch.float64):
    return torch.rand(shape or (4, 3, 6, 5), generator=numbers(seed), dtype=dtype)


def numbers(seed=0):
    return torch.Generator().manual_seed(seed)


def linear(weights):
    """A critic whose gradient is the same everywhere."""
    return lambda photos: (photos * weights).flatten(start_dim=1).sum(dim=1)


def test_gradient_penalty_of_a_linear_critic_is_known():
    weights = batch(2, 3, 6, 5)

    penalty = gradient_penalty(linear(weights), batch(0), batch(1), alpha=numbers())

    assert penalty.item() == pytest.approx((weights.norm() - 1).item() ** 2)
    # The authors' code takes the norm over channels, pixel by pixel.
    pixel_by_pixel = (weights.norm(dim=0) - 1).square().mean().item()
    assert penalty.item() != pytest.approx(pixel_by_pixel, rel=0.5)


def test_gradient_penalty_is_the_mean_of_the_samples():
    # The gradient of a sum of squares is twice the point where it is taken.
    real, fake, alpha = batch(0), batch(1), torch.tensor([0.0, 1.0, 0.5, 0.25]).double()

    penalty = gradient_penalty(lambda x: x.square().sum(dim=(1, 2, 3)), real, fake, alpha=alpha)

    share = alpha.view(4, 1, 1, 1)
    norms = (2 * (share * real + (1 - share) * fake)).flatten(start_dim=1).norm(dim=1)
    assert norms.std() > 0.1
    assert penalty.item() == pytest.approx((norms - 1).square().mean().item())


def test_gradient_penalty_of_a_map_is_that_of_its_mean():
    weights = batch(2, 3, 6, 5)
    scores = linear(weights)

    def to_map(photos):
        return scores(photos).view(-1, 1, 1, 1) * torch.ones(1, 1, 7, 9)

    penalties = [
        gradient_penalty(critic, batch(0), batch(1), alpha=numbers()) for critic in (scores, to_map)
    ]
    assert penalties[0].item() == pytest.approx(penalties[1].item())


def test_alpha_is_drawn_once_a_sample():
    points = []

    def critic(photos):
        points.append(photos.detach())
        return photos.sum(dim=(1, 2, 3))

    gradient_penalty(critic, torch.ones(4, 3, 6, 5), torch.zeros(4, 3, 6, 5), alpha=numbers())

    drawn = points[0].flatten(start_dim=1)
    assert torch.equal(drawn, drawn[:, :1].expand_as(drawn))
    torch.testing.assert_close(drawn[:, 0], torch.rand(4, generator=numbers()))
    assert len(set(drawn[:, 0].tolist())) == 4


def test_gradient_penalty_teaches_the_critic_and_not_the_generator():
    weights = batch(2, 3, 6, 5).requires_grad_()
    restored = batch(1).requires_grad_()

    gradient_penalty(linear(weights), batch(0), restored, alpha=numbers()).backward()

    # d/dw (|w| - 1)^2 = 2 (|w| - 1) w / |w|
    expected = 2 * (weights.norm() - 1) * weights / weights.norm()
    torch.testing.assert_close(weights.grad, expected.detach())
    assert restored.grad is None


def test_gradient_penalty_of_a_constant_critic_is_one():
    weights = torch.zeros(3, 6, 5, dtype=torch.float64, requires_grad=True)

    penalty = gradient_penalty(linear(weights), batch(0), batch(1), alpha=numbers())
    penalty.backward()

    assert penalty.item() == 1
    assert weights.grad.isfinite().all()


def test_wasserstein_losses_are_means_of_scores():
    real, fake = batch(0, 4, 1, 5, 5), batch(1, 4, 1, 5, 5) - 3

    assert wgan_critic(real, real).item() == 0
    assert wgan_critic(real, fake).item() == pytest.approx((fake.mean() - real.mean()).item())
    assert wgan_critic(real, fake) < 0  # the critic tells them apart
    assert wgan_generator(fake).item() == pytest.approx(-fake.mean().item())


def test_relativistic_losses_of_equal_scores_are_two():
    scores = torch.full((3, 1, 4, 4), 7.5, dtype=torch.float64)

    assert relativistic_ls_critic(scores, scores).item() == 2
    assert relativistic_ls_generator(scores, scores).item() == 2


@pytest.mark.parametrize("offset", [0.0, -40.0])
def test_relativistic_losses_look_at_differences_only(offset):
    real = torch.full((2, 1, 3, 3), 5.0 + offset, dtype=torch.float64)

    # One more than the fakes is all that the critic wants; the generator wants the reverse.
    assert relativistic_ls_critic(real, real - 1).item() == 0
    assert relativistic_ls_generator(real, real + 1).item() == 0
    # d = real - fake: (d - 1)^2 + (-d + 1)^2, and the same with d + 1.
    assert relativistic_ls_critic(real, real - 3).item() == pytest.approx(2 * 2**2)
    assert relativistic_ls_generator(real, real - 3).item() == pytest.approx(2 * 4**2)


def test_relativistic_losses_compare_with_the_mean_of_the_others():
    real = torch.tensor([0.0, 2.0], dtype=torch.float64)
    fake = torch.tensor([-1.0, 1.0], dtype=torch.float64)

    # Means 1 and 0: ((0-0-1)^2 + (2-0-1)^2) / 2 + ((-1-1+1)^2 + (1-1+1)^2) / 2
    assert relativistic_ls_critic(real, fake).item() == pytest.approx(1 + 1)
    # ((0-0+1)^2 + (2-0+1)^2) / 2 + ((-1-1-1)^2 + (1-1-1)^2) / 2
    assert relativistic_ls_generator(real, fake).item() == pytest.approx(5 + 5)


def test_perceptual_loss_is_the_mean_squared_difference_of_features():
    def features(photos):
        return torch.stack([photos.sum(dim=1), 10 * photos[:, 0]], dim=1)

    restored, sharp = batch(0), batch(1)

    difference = restored - sharp
    expected = (difference.sum(dim=1).square() + (10 * difference[:, 0]).square()).mean() / 2
    assert perceptual(features, restored, sharp).item() == pytest.approx(expected.item())


def test_perceptual_loss_teaches_the_restored_side_only():
    restored, sharp = batch(0).requires_grad_(), batch(1).requires_grad_()

    perceptual(lambda photos: photos**2, restored, sharp).backward()

    assert restored.grad.any()
    assert sharp.grad is None


def squares(restored, sharp):
    return perceptual(lambda photos: photos**2, restored, sharp)


@pytest.mark.parametrize("loss", [l1, mse, squares, lambda a, _: total_variation(a)])
def test_loss_of_a_batch_is_the_mean_of_its_samples(loss):
    restored, sharp = batch(0), batch(1)
    restored[2] *= 5  # one sample unlike the others

    single = torch.stack([loss(restored[i : i + 1], sharp[i : i + 1]) for i in range(4)])

    assert single.std() > 0.1
    torch.testing.assert_close(loss(restored, sharp), single.mean())


def test_pixel_losses_of_a_constant_difference():
    sharp = batch(0)

    assert l1(sharp - 0.25, sharp).item() == pytest.approx(0.25)
    assert mse(sharp - 0.25, sharp).item() == pytest.approx(0.25**2)


@pytest.mark.parametrize(("down", "right"), [(0.0, 0.0), (0.5, 0.0), (0.0, -0.25), (0.5, 0.25)])
def test_total_variation_of_a_ramp_is_its_slope(down, right):
    rows, columns = torch.arange(6).view(1, 1, 6, 1), torch.arange(5).view(1, 1, 1, 5)

    loss = total_variation((down * rows + right * columns).double())

    assert loss.item() == pytest.approx(abs(down) + abs(right))


def test_losses_of_half_precision_are_taken_in_single_precision():
    real, fake = (batch(seed, dtype=torch.float32).bfloat16() for seed in (0, 1))
    weights = batch(2, 3, 6, 5, dtype=torch.float32).bfloat16()
    losses = {
        "l1": l1(fake, real),
        "mse": mse(fake, real),
        "total variation": total_variation(fake),
        "perceptual": squares(fake, real),
        "critic": wgan_critic(real, fake),
        "generator": wgan_generator(fake),
        "relativistic critic": relativistic_ls_critic(real, fake),
        "relativistic generator": relativistic_ls_generator(real, fake),
        "penalty": gradient_penalty(linear(weights), real, fake, alpha=numbers()),
    }

    assert {name for name, loss in losses.items() if loss.dtype != torch.float32} == set()
    assert {name for name, loss in losses.items() if not loss.isfinite()} == set()
    bound = sums_bound(360, values=1)  # of 360 squares in single precision; bf16 would be 1e-2
    assert losses["mse"].item() == pytest.approx(
        mse(fake.double(), real.double()).item(), rel=bound
    )
