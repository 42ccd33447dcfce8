import numpy as np
import pytest
import torch

from unblur.errors import OptionError
from unblur.tasks.train.supervised import DeblurModule, TrainOptions


@pytest.fixture(scope="module")
def batch():
    rng = np.random.default_rng(0)
    sharp = torch.from_numpy(rng.random((2, 3, 32, 32), np.float32))
    # One sample is far off, the other nearly right.
    blurred = sharp + torch.tensor([0.3, 0.01]).view(2, 1, 1, 1)
    return blurred, sharp


def pull(loss, batch, **options):
    """How strongly each sample pulls at what the network adds to it."""
    module = DeblurModule(TrainOptions(loss=loss, frequency_weight=0.0, **options), [])
    module.log = module.log_dict = lambda *_, **__: None
    added = []

    def generator(blurred):
        added.append(torch.zeros_like(blurred, requires_grad=True))
        return blurred + added[0]

    module.generator.forward = generator
    module.training_step(batch, 0).backward()
    return added[0].grad.abs().sum(dim=(1, 2, 3)).tolist()


def test_logarithms_hear_the_mild_sample_and_a_plain_mean_both_alike(batch):
    hopeless, mild = pull("log", batch)
    assert mild > 2 * hopeless

    hopeless, mild = pull("charbonnier", batch)
    assert mild == pytest.approx(hopeless, rel=0.02)


def test_a_lower_floor_stresses_the_mild_sample(batch):
    (hopeless, mild), (hopeless_then, mild_then) = (
        pull("log", batch, loss_floor=floor) for floor in (3e-4, 1e-5)
    )
    assert mild_then / hopeless_then > 2 * mild / hopeless


def test_spectra_count_by_their_weight(batch):
    losses = []
    for weight in (0.0, 0.1, 0.2):
        module = DeblurModule(TrainOptions(frequency_weight=weight), [])
        module.log = module.log_dict = lambda *_, **__: None
        losses.append(module.training_step(batch, 0).item())

    assert losses[2] - losses[1] == pytest.approx(losses[1] - losses[0], rel=1e-3)
    assert losses[1] != losses[0]


class Halved(torch.nn.Module):
    """Features that are easily known: the picture at half of its size."""

    def forward(self, photos):
        return torch.nn.functional.avg_pool2d(photos, 2)


def test_features_count_by_their_weight_from_the_share_of_the_run_that_is_named(batch):
    losses = {}
    for weight, done in ((0.0, 9), (0.5, 4), (0.5, 5), (1.0, 9)):
        options = TrainOptions(steps=10, perceptual=weight, perceptual_from=0.5)
        module = DeblurModule(options, [], Halved())
        module.log = module.log_dict = lambda *_, **__: None
        module.done = done
        losses[weight, done] = module.training_step(batch, 0).item()

    assert losses[0.5, 4] == losses[0.0, 9]
    added = losses[0.5, 5] - losses[0.0, 9]
    assert added != 0
    assert losses[1.0, 9] - losses[0.0, 9] == pytest.approx(2 * added, rel=1e-3)


def test_dropout_is_the_recipes(batch):
    for share, alike in ((0.0, True), (0.5, False)):
        module = DeblurModule(TrainOptions(model="deblurgan-16", dropout=share), [])
        with torch.no_grad():
            first, second = (module.generator(batch[0]) for _ in range(2))
        assert torch.equal(first, second) == alike


@pytest.mark.parametrize(
    "wrong", [{"perceptual": -0.1}, {"perceptual_from": 1.5}, {"dropout": 1.0}]
)
def test_values_out_of_range_are_named(wrong):
    with pytest.raises(OptionError, match=next(iter(wrong))):
        TrainOptions(**wrong)
