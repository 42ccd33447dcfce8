import pytest
import torch
from torch import nn

from rounding import network_bound
from unblur.losses import gradient_penalty
from unblur.models.critic import Critic, GlobalCritic, PatchCritic


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the crops are small: more threads would only wait
    yield
    torch.set_num_threads(threads)


def photos(*shape, dtype=torch.float32):
    return torch.rand(shape, generator=torch.Generator().manual_seed(0), dtype=dtype)


def randomise(critic, std=0.1):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for parameter in critic.parameters():
            nn.init.normal_(parameter, std=std)
    return critic


def reference(*strides):
    """The same as one list of layers, on photos in [-1, 1]."""
    layers, width = [], 3
    for index, stride in enumerate(strides):
        last = index == len(strides) - 1
        after = 1 if last else min(64 * 2**index, 512)
        layers.append(nn.Conv2d(width, after, 4, stride, padding=2))
        layers += [] if index == 0 or last else [nn.InstanceNorm2d(after)]
        layers += [] if last else [nn.LeakyReLU(0.2)]
        width = after
    return nn.Sequential(*layers)


@pytest.mark.parametrize(
    ("kind", "strides", "count"),
    [(PatchCritic, (2, 2, 2, 1, 1), 2_764_737), (GlobalCritic, (2,) * 5 + (1, 1), 11_154_369)],
)
def test_it_computes_what_the_list_of_layers_does(kind, strides, count):
    critic, layers = randomise(kind()), reference(*strides)
    for theirs, ours in zip(layers.parameters(), critic.parameters(), strict=True):
        theirs.data = ours.data

    with torch.no_grad():
        scores = critic(photos(2, 3, 64, 72))
        expected = layers(2 * photos(2, 3, 64, 72) - 1)

    assert sum(p.numel() for p in critic.parameters()) == count
    assert expected.abs().max() > 1  # neither sigmoid nor tanh
    # Sums of 16 terms a channel, of scores of that size: another layer would change all of them.
    torch.testing.assert_close(scores, expected, atol=network_bound(critic, expected), rtol=0)


def window(critic, side_px):
    """Sides of what the score in the middle of the map depends on."""
    critic.norm = nn.Identity()
    batch = photos(1, 3, side_px, side_px).requires_grad_()
    scores = critic(batch)
    scores[0, 0, scores.shape[2] // 2, scores.shape[3] // 2].backward()
    used = batch.grad[0].abs().sum(dim=0).nonzero()
    return (used.max(dim=0).values - used.min(dim=0).values + 1).tolist()


def test_a_score_of_the_patch_critic_is_about_70_px():
    assert window(randomise(PatchCritic()), 160) == [70, 70]


def test_the_score_in_the_middle_of_the_global_critic_is_about_the_whole_crop():
    assert window(randomise(GlobalCritic()), 256) == [256, 256]


@pytest.mark.parametrize("kind", [PatchCritic, GlobalCritic])
def test_no_crop_is_too_small(kind):
    with torch.no_grad():
        for size in ((2, 2), (5, 31), (48, 48)):
            assert kind()(photos(2, 3, *size)).isfinite().all()


def test_samples_do_not_mix():
    critic, batch = randomise(PatchCritic()), photos(3, 3, 32, 32)
    batch[1] *= 0.1

    with torch.no_grad():
        one_by_one = torch.cat([critic(batch[i : i + 1]) for i in range(3)])
        # A batch may be added up in another order than one sample.
        bound = network_bound(critic, one_by_one)
        torch.testing.assert_close(critic(batch), one_by_one, atol=bound, rtol=0)


def test_first_weights_are_drawn_with_a_deviation_of_a_fiftieth():
    for name, values in PatchCritic().named_parameters():
        if name.endswith("bias"):
            assert not values.any()
        else:
            assert values.std().item() == pytest.approx(0.02, rel=0.05)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("batch", [1, 2])
def test_gradients_of_the_penalty_are_right(layout, batch):
    critic = randomise(Critic(strided=2, channels=2).double(), std=0.5)
    real = photos(batch, 3, 9, 8, dtype=torch.float64).contiguous(memory_format=layout)
    fake, alpha = real.flip(-1) ** 2, torch.linspace(0.3, 0.6, batch, dtype=torch.float64)
    weights = [layer.weight for layer in critic.layers]

    def penalty(*_):
        return gradient_penalty(critic, real, fake, alpha=alpha)

    assert penalty() > 1e-3
    assert torch.autograd.gradcheck(penalty, weights, fast_mode=True)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_mixed_precision_trains_too(layout):
    critic = randomise(PatchCritic(), std=0.02)
    real, fake = (x.contiguous(memory_format=layout) for x in photos(2, 2, 3, 48, 48))

    with torch.autocast("cpu", torch.bfloat16):
        loss = gradient_penalty(critic, real, fake, alpha=torch.tensor([0.2, 0.8]))
        loss = loss + critic(fake).float().mean()
    loss.backward()

    weights = [key for key, p in critic.named_parameters() if p.ndim > 1]
    assert not [key for key in weights if not critic.get_parameter(key).grad.any()]
    assert all(p.grad.isfinite().all() for p in critic.parameters() if p.grad is not None)
