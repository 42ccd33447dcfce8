import math

import pytest
import torch
from torch import nn

import deblurgan_reference as plain
from unblur.errors import OptionError, TrainingError
from unblur.models.critic import PatchCritic
from unblur.models.deblurgan import DeblurGenerator
from unblur.tasks.train.adversarial import AdversarialLossOptions, AdversarialOptions, Game


def features():
    """Convolutions with a ReLU: any will do, so that they are the same on both sides."""
    torch.manual_seed(5)
    return nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU()).double().requires_grad_(False)


@pytest.fixture
def sides():
    """Our networks and the transcription's, with the same weights, in float64."""
    torch.manual_seed(3)
    ours = DeblurGenerator(channels=8, blocks=2, dropout=0.0).double(), PatchCritic().double()
    theirs = plain.generator(channels=8, blocks=2).double(), plain.critic().double()
    for mine, other in zip(ours, theirs, strict=True):
        for weight, value in zip(other.parameters(), mine.parameters(), strict=True):
            # Larger than the first weights, so that no gradient is nearly zero.
            value.data = 3 * torch.randn_like(value) / math.sqrt(value[0].numel())
            weight.data = value.data.clone()
    return ours, theirs


@pytest.fixture
def batch():
    torch.manual_seed(4)
    return torch.rand(2, 3, 32, 36).double(), torch.rand(2, 3, 32, 36).double()


def test_gradients_of_a_step_equal_the_transcription_of_the_paper(sides, batch):
    (generator, critic), (their_generator, their_critic) = sides
    blurred, sharp = batch
    vgg = features()
    game = Game(AdversarialLossOptions(), [critic], vgg)
    alpha = torch.tensor([0.3, 0.8]).double()

    restored = generator(blurred)
    game.critic_loss(sharp, restored, alpha=alpha)[0].backward()
    their_restored = plain.restore(their_generator, 2 * blurred - 1)
    plain.critic_loss(their_critic, 2 * sharp - 1, their_restored, alpha).backward()
    for mine, other in zip(critic.parameters(), their_critic.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, other.grad, rtol=1e-9, atol=1e-12)

    critic.zero_grad()
    game.generator_loss(sharp, restored)[0].backward()
    plain.generator_loss(
        their_critic, lambda x: vgg((x + 1) / 2), 2 * sharp - 1, their_restored
    ).backward()
    for mine, other in zip(generator.parameters(), their_generator.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, other.grad, rtol=1e-8, atol=1e-10)
        assert mine.grad.abs().max() > 0 or mine.dim() == 1


def test_five_updates_equal_the_transcription_of_the_paper(sides, batch):
    ours, theirs = sides
    blurred, sharp = batch
    vgg = features()
    alphas = torch.rand((5, 2), generator=torch.Generator().manual_seed(1)).double()
    optimizers = tuple(torch.optim.Adam(x.parameters(), 1e-4, (0.5, 0.999)) for x in ours)
    game = Game(AdversarialLossOptions(), [ours[1]], vgg)
    logs = game.play(ours[0], optimizers, [(blurred, sharp)], alphas)

    expected = plain.update(
        theirs,
        [torch.optim.Adam(x.parameters(), 1e-4, (0.5, 0.999)) for x in theirs],
        lambda x: vgg((x + 1) / 2),
        2 * blurred - 1,
        2 * sharp - 1,
        alphas,
    )

    assert (logs["critic/loss"].item(), logs["generator/loss"].item()) == pytest.approx(expected)
    for mine, other in zip(ours, theirs, strict=True):
        for weight, value in zip(mine.parameters(), other.parameters(), strict=True):
            # Adam divides by the size of a gradient: where it is zero, up to rounding, what is
            # left is noise of the size of a step. The biases before a norm are such weights.
            if weight.dim() > 1:
                torch.testing.assert_close(weight, value, rtol=1e-6, atol=1e-7)


def test_accumulated_turns_equal_one_large_batch(batch):
    def after(turns):
        torch.manual_seed(3)
        generator, critic = DeblurGenerator(channels=4, blocks=1, dropout=0.0), PatchCritic()
        generator, critic = generator.double(), critic.double()
        optimizers = tuple(torch.optim.SGD(x.parameters(), 1e-3) for x in (generator, critic))
        alphas = torch.rand((2, 2), generator=torch.Generator().manual_seed(1)).double()
        Game(AdversarialLossOptions(), [critic], features()).play(
            generator, optimizers, turns, alphas
        )
        return [*generator.parameters(), *critic.parameters()]

    halves = list(zip(*(x.split(1) for x in batch), strict=True))

    for one, two in zip(after([batch]), after(halves), strict=True):
        torch.testing.assert_close(one, two, rtol=1e-9, atol=1e-12)


def test_a_loss_that_is_not_finite_stops_before_any_update(batch):
    torch.manual_seed(3)
    generator, critic = DeblurGenerator(channels=4, blocks=1).double(), PatchCritic().double()
    optimizers = tuple(torch.optim.SGD(x.parameters(), 1e-3) for x in (generator, critic))
    before = [weight.clone() for weight in critic.parameters()]
    game = Game(AdversarialLossOptions(), [critic], features())
    blurred, sharp = batch
    sharp[1, 0, 3, 3] = float("nan")

    with pytest.raises(TrainingError, match=r"the loss is nan \(critic/loss"):
        game.play(generator, optimizers, [(blurred, sharp)], torch.rand(1, 2).double())

    for weight, value in zip(critic.parameters(), before, strict=True):
        assert torch.equal(weight, value)


def test_the_relativistic_game_plays_with_two_critics(batch):
    from unblur.models.critic import GlobalCritic

    torch.manual_seed(3)
    generator = DeblurGenerator(channels=4, blocks=1, dropout=0.0).double()
    critics = nn.ModuleList([PatchCritic(), GlobalCritic()]).double()
    options = AdversarialLossOptions(
        game="relativistic-ls",
        adversarial=0.01,
        perceptual=0.0,
        pixel=0.5,
        pixel_kind="l1",
        total_variation=0.1,
        global_critic=True,
    )
    optimizers = tuple(torch.optim.Adam(x.parameters(), 1e-3) for x in (generator, critics))
    game = Game(options, list(critics), None)
    alphas = torch.rand(1, 2).double()
    first = game.play(generator, optimizers, [batch], alphas)
    for _ in range(6):
        last = game.play(generator, optimizers, [batch], alphas)

    assert last["critic/loss"] < first["critic/loss"]
    assert set(last) >= {"generator/pixel", "generator/total_variation", "critic/gap"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"game": "gan"},
        {"pixel_kind": "l3"},
        {"penalty": -1.0},
        {"perceptual": float("nan")},
    ],
)
def test_wrong_losses_are_refused(wrong):
    with pytest.raises(OptionError, match=f"loss.{next(iter(wrong))}"):
        AdversarialLossOptions(**wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"model": "nothing"},
        {"critic_steps": 0},
        {"accumulate": 0},
        {"learning_rate": 0.0},
        {"dropout": 1.0},
        {"precision": "int8"},
    ],
)
def test_wrong_options_are_refused(wrong):
    with pytest.raises(OptionError, match=next(iter(wrong))):
        AdversarialOptions(**wrong)
