import numpy as np
import pytest
import torch

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
