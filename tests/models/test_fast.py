import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from rounding import network_bound
from unblur.errors import OptionError
from unblur.models import MODELS, build_model


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the pictures are small: more threads would only wait
    yield
    torch.set_num_threads(threads)


every_model = pytest.mark.parametrize("name", sorted(n for n in MODELS if n.startswith("fast")))


def pictures(*shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


def with_strong_weights(name):
    """Build a network that changes the picture by about as much as there is in it."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = build_model(name)
        for module in net.modules():
            if isinstance(module, torch.nn.Conv2d):
                torch.nn.init.kaiming_normal_(module.weight, nonlinearity="linear")
                torch.nn.init.normal_(module.bias, std=0.1)
        for module in net.modules():
            if hasattr(module, "second"):  # the residual branches add up: keep each small
                module.second.weight.data *= 0.3
    return net.requires_grad_(False)


@every_model
def test_network_is_small_enough_for_ordinary_cpus(name):
    net = build_model(name)

    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        net(pictures(1, 3, 64, 64))
    macs = counter.get_total_flops() / 2 * (256 / 64) ** 2  # convolutions cost by the pixel

    # At half resolution: 3,643,948 parameters, 3.22 GMAC; at a quarter: 4,450,480 and 3.44.
    assert sum(p.numel() for p in net.parameters()) <= 6e6
    assert 1e8 < macs <= 4e9


@every_model
def test_table_says_which_sides_the_network_takes(name):
    assert MODELS[name].multiple_of == build_model(name).multiple_of


@every_model
@pytest.mark.parametrize("shape", [(1, 3, 16, 16), (2, 3, 16, 48), (1, 3, 80, 32)])
def test_result_has_the_shape_of_the_picture(name, shape):
    with torch.no_grad():
        restored = build_model(name)(pictures(*shape))

    assert restored.shape == shape
    assert restored.dtype == torch.float32


@every_model
def test_untrained_network_hardly_changes_the_picture(name):
    blurred = pictures(1, 3, 64, 64)

    with torch.no_grad():
        restored = build_model(name)(blurred)

    # The weights of the last layer deviate by 1e-3: the largest change is about 0.02.
    assert 0 < (restored - blurred).abs().max() < 0.05


@every_model
def test_every_weight_learns(name):
    net = build_model(name)

    net(pictures(1, 3, 48, 48)).square().mean().backward()

    without = [key for key, p in net.named_parameters() if not p.grad.any()]
    assert not without


@every_model
def test_detail_passes_by_the_coarse_levels(name):
    # All that comes up from below is switched off; what the skips carry is left.
    net = with_strong_weights(name)
    for weights in net.up.parameters():
        weights.zero_()
    blurred = pictures(2, 3, 32, 16)

    change = net(blurred) - blurred

    assert (change[0] - change[1]).abs().max() > 0.1


@every_model
def test_pictures_of_a_batch_do_not_mix(name):
    net = with_strong_weights(name)
    blurred = pictures(3, 3, 32, 16)

    together = net(blurred)
    one_by_one = torch.cat([net(blurred[i : i + 1]) for i in range(3)])

    # A batch may be added up in another order than one picture; others would show by 1e-1.
    bound = network_bound(net, one_by_one)
    torch.testing.assert_close(together, one_by_one, atol=bound, rtol=0)


@every_model
@pytest.mark.parametrize("size", [(8, 16), (16, 20), (24, 16), (64, 40), (17, 16), (90, 96)])
def test_sides_that_are_not_multiples_are_refused(name, size):
    with pytest.raises(RuntimeError):
        build_model(name)(torch.zeros(1, 3, *size))


# Long strips in both directions tell as much as a square, and cost far less.


def strip(along, length_px, width_px):
    return pictures(1, 3, *((length_px, width_px) if along == "rows" else (width_px, length_px)))


def cut(batch, along, start, stop):
    return batch[:, :, start:stop] if along == "rows" else batch[..., start:stop]


@every_model
@pytest.mark.parametrize("along", ["rows", "columns"])
def test_middle_of_a_tile_equals_that_of_the_whole(name, along):
    net = with_strong_weights(name)
    spec = MODELS[name]
    margin = -(-spec.receptive_field_px // 2 // spec.multiple_of) * spec.multiple_of
    start, stop = 96, 96 + margin + 64 + margin
    whole = strip(along, stop + 128, 32)

    restored = cut(net(whole), along, start, stop)
    tile = net(cut(whole, along, start, stop))

    middle = margin, margin + 64
    assert (restored - cut(whole, along, start, stop)).abs().max() > 0.5  # no near-identity
    # Sums may be added in another order, no more; a margin too small would show by 1e-2.
    torch.testing.assert_close(
        cut(tile, along, *middle),
        cut(restored, along, *middle),
        atol=network_bound(net, restored),
        rtol=0,
    )
    # Without surroundings it does not: the margin is what makes tiles exact.
    assert (cut(tile, along, 0, 16) - cut(restored, along, 0, 16)).abs().max() > 1e-2


def window_px(net, along, length_px):
    """Measure the widest stretch of input pixels on which one output pixel depends."""
    blurred = torch.ones_like(strip(along, length_px, 16), dtype=torch.float64).requires_grad_()
    restored = net(blurred)
    widest = 0
    # It depends on the place among the folds, the same for both pixels of a pair: all fold by 2.
    for place in range(0, net.multiple_of, 2):
        at = length_px // 2 + place
        pixels = cut(restored, along, at, at + 1)
        (gradient,) = torch.autograd.grad(pixels.sum(), blurred, retain_graph=True)
        used = gradient.sum(dim=(0, 1, 3) if along == "rows" else (0, 1, 2)).nonzero()
        widest = max(widest, int(used.max() - used.min()) + 1)
    return widest


@every_model
def test_one_pixel_sees_at_least_128_px_and_no_more_than_the_table_says(name):
    net = build_model(name).double().requires_grad_(False)
    for weights in net.parameters():  # positive weights on a positive input: nothing cancels
        weights.fill_(1 / weights[0].numel() if weights.ndim > 1 else 0)

    rows, columns = (window_px(net, along, 640) for along in ("rows", "columns"))

    # At half resolution: 396 px, at most 203 to one side; at a quarter: 488 px, at most 247.
    assert rows == columns
    stated = MODELS[name].receptive_field_px
    assert 128 <= rows <= stated < 640 - 2 * net.multiple_of


def test_unknown_model_is_refused_with_the_known_ones():
    with pytest.raises(OptionError, match=r"unknown model 'fats'; known: .*fast"):
        build_model("fats")
