import pytest
import torch

from unblur.models.singan import (
    LAYERS,
    MARGIN_PX,
    ScaleCritic,
    ScaleGenerator,
    SinGAN,
    channels_at,
    initialise,
    padded,
)


def fresh(network, seed=0):
    initialise(network, torch.Generator().manual_seed(seed))
    return network.eval()


def weights(network):
    return sum(weight.numel() for weight in network.parameters())


def test_the_width_doubles_every_four_scales_up_to_128_channels():
    assert [channels_at(scale) for scale in range(14)] == [32] * 4 + [64] * 4 + [128] * 6


@pytest.mark.parametrize(
    ("channels", "expected"),
    # By hand: (27c + c), three times (9cc + c), four times 2c, then 9c * out + out.
    [(32, (29_763, 29_185)), (64, (114_819, 113_665)), (128, (450_819, 448_513))],
)
def test_the_number_of_weights_is_the_published_one(channels, expected):
    assert (weights(ScaleGenerator(channels)), weights(ScaleCritic(channels))) == expected


@pytest.mark.parametrize("network", [ScaleGenerator(32), ScaleCritic(32)])
def test_a_result_depends_on_11_by_11_pixels(network):
    fresh(network)
    pictures = torch.rand(1, 3, 41, 41, generator=torch.Generator().manual_seed(1))
    pictures.requires_grad_()
    if isinstance(network, ScaleGenerator):
        still = torch.zeros(1, 3, 31, 31)
        result = network(pictures, still)
    else:
        result = network(pictures)
    assert result.shape[-2:] == (31, 31)
    (seen,) = torch.autograd.grad(result[0, 0, 15, 15], pictures)
    rows, columns = torch.nonzero(seen.abs().sum(dim=(0, 1)), as_tuple=True)
    assert 1 + 2 * LAYERS == 11
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (15, 25, 15, 25)


def test_a_generator_adds_to_the_picture_so_far_and_nothing_beyond_tanh():
    generator = fresh(ScaleGenerator(32))
    picture = torch.rand(1, 3, 20, 30, generator=torch.Generator().manual_seed(2)) * 2 - 1
    added = generator(padded(picture), picture) - picture
    assert added.shape == picture.shape
    assert 0 < added.abs().max() < 1
    with torch.no_grad():
        for weight in generator.body[-1].parameters():
            weight.zero_()
    assert torch.equal(generator(padded(picture), picture), picture)


def test_padding_is_what_the_convolutions_take_away():
    pictures = torch.ones(1, 3, 4, 6)
    assert padded(pictures).shape == (1, 3, 4 + 2 * MARGIN_PX, 6 + 2 * MARGIN_PX)
    assert padded(pictures).sum() == pictures.sum()


def test_first_weights_follow_the_published_law():
    generator = fresh(ScaleGenerator(128))
    wide, norm = generator.body[3], generator.body[1]
    assert float(wide.weight.detach().std()) == pytest.approx(0.02, rel=0.01)
    assert abs(float(wide.weight.detach().mean())) < 1e-4
    assert float(norm.weight.detach().mean()) == pytest.approx(1, abs=0.01)
    assert float(norm.weight.detach().std()) == pytest.approx(0.02, rel=0.25)
    assert float(norm.bias.detach().abs().max()) == 0
    again = fresh(ScaleGenerator(128))
    assert torch.equal(again.body[3].weight, wide.weight)


def test_without_noise_above_the_coarsest_scale_a_sample_is_the_reconstruction():
    gan = fresh(SinGAN([(8, 12), (12, 18), (16, 24)]))
    gan.amplitudes[0] = 1
    rng = torch.Generator().manual_seed(3)
    gan.noise.copy_(torch.randn(1, 1, 8, 12, generator=rng))
    # The same numbers again, as the noise of a sample; the amplitudes above are still zero.
    sample = gan.sample(3, 1, torch.Generator().manual_seed(3))
    assert torch.equal(sample, gan.reconstruct(3))
    gan.amplitudes[1:] = 0.1
    assert not torch.equal(gan.sample(3, 1, torch.Generator().manual_seed(3)), gan.reconstruct(3))


def test_samples_of_any_size_are_drawn():
    gan = fresh(SinGAN([(8, 12), (16, 24)]))
    sizes = [(10, 30), (20, 60)]
    assert gan.sample(2, 3, torch.Generator(), sizes).shape == (3, 3, 20, 60)
