import pytest
import torch

from authors_generator import random_authors_generator
from rounding import network_bound
from unblur.errors import OptionError
from unblur.models import MODELS, build_model, check_trainable, deblurgan, model_facts
from unblur.models.deblurgan import DeblurGenerator, Dropout
from unblur.models.norm import InstanceNorm


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the pictures are small: more threads would only wait
    yield
    torch.set_num_threads(threads)


def pictures(*shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


def small(**options):
    """Build a narrow network with weights that change the picture."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = DeblurGenerator(channels=4, blocks=2, **options)
        for parameter in net.parameters():
            torch.nn.init.normal_(parameter, std=0.1)
    return net.requires_grad_(False)


def test_the_generator_has_as_many_weights_as_published():
    assert sum(p.numel() for p in build_model("deblurgan").parameters()) == 11_378_179


def test_the_narrow_variant_is_a_quarter_of_it():
    count = sum(p.numel() for p in build_model("deblurgan-32").parameters())

    assert count == pytest.approx(11_378_179 / 4, rel=0.01)


def test_an_earlier_name_is_still_understood_and_no_longer_written():
    assert MODELS["deblurgan-narrow"] is MODELS["deblurgan-32"]
    assert "deblurgan-narrow" not in list(MODELS)
    assert model_facts("deblurgan-narrow") == model_facts("deblurgan-32")
    check_trainable("deblurgan-narrow")
    with pytest.raises(OptionError, match="deblurgan-32"):
        build_model("deblurgan-31")


@pytest.mark.parametrize("name", ["deblurgan", "deblurgan-32"])
def test_table_says_how_to_feed_it(name):
    spec = MODELS[name]

    assert spec.multiple_of == build_model(name).multiple_of == 4
    assert spec.tiling == "global"
    assert spec.source == "kupyn2018"


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_it_computes_what_the_published_list_of_layers_does(layout):
    theirs = random_authors_generator(64)
    ours = build_model("deblurgan").eval()
    with torch.no_grad():
        for mine, yours in zip(ours.parameters(), theirs.parameters(), strict=True):
            mine.copy_(yours)
    blurred = pictures(2, 3, 32, 48)

    with torch.no_grad():
        restored = ours(blurred.contiguous(memory_format=layout))

    expected = (theirs(2 * blurred - 1) + 1) / 2
    assert (expected - blurred).abs().max() > 0.3  # the weights do something
    # 24 layers in float32: about 1e-4. Ten times the epsilon of the norms would be 5e-4.
    torch.testing.assert_close(restored, expected, atol=network_bound(ours, expected), rtol=0)


def test_first_weights_are_drawn_with_a_deviation_of_a_fiftieth():
    for name, values in build_model("deblurgan").named_parameters():
        if name.endswith("bias"):
            assert not values.any()
        else:
            assert values.std().item() == pytest.approx(0.02, rel=0.05)
            assert abs(values.mean().item()) < 1e-3


@pytest.mark.parametrize("size", [(5, 5), (5, 64), (6, 9), (8, 8), (31, 33), (64, 40)])
def test_any_sides_come_back_as_they_were(size):
    restored = small().eval()(pictures(2, 3, *size))

    assert restored.shape == (2, 3, *size)
    assert 0 <= restored.min() < restored.max() <= 1


@pytest.mark.parametrize("size", [(30, 41), (5, 6)])
def test_sides_that_are_not_multiples_of_4_are_mirrored_up(size):
    net = small().eval()
    blurred = pictures(1, 3, *size)
    right, below = -size[1] % 4, -size[0] % 4
    mirrored = torch.cat([blurred, blurred[..., -1 - right : -1].flip(-1)], dim=-1)
    mirrored = torch.cat([mirrored, mirrored[..., -1 - below : -1, :].flip(-2)], dim=-2)

    torch.testing.assert_close(net(blurred), net(mirrored)[..., : size[0], : size[1]])


@pytest.mark.parametrize("size", [(4, 64), (64, 3), (1, 1)])
def test_sides_too_short_to_be_mirrored_are_refused_by_name(size):
    with pytest.raises(OptionError, match=f"at least 5 px, got {size[1]} x {size[0]}"):
        small()(pictures(1, 3, *size))


def test_the_network_learns_what_to_add_and_stays_in_range():
    net = small().eval()
    net.tail.weight.zero_()
    blurred = pictures(1, 3, 16, 16)

    for bias, expected in ((0.0, blurred), (20.0, (blurred + 0.5).clamp(max=1))):
        net.tail.bias.fill_(bias)
        torch.testing.assert_close(net(blurred), expected)


def test_every_weight_learns():
    net = small().requires_grad_(True).eval()

    net(pictures(1, 3, 16, 16)).square().mean().backward()

    # A bias before a normalisation does nothing; the published network has them all the same.
    weights = [key for key, p in net.named_parameters() if p.ndim > 1] + ["tail.bias"]
    assert not [key for key in weights if not net.get_parameter(key).grad.any()]


def test_pictures_of_a_batch_do_not_mix():
    net = small().eval()
    blurred = pictures(3, 3, 16, 24)

    one_by_one = torch.cat([net(blurred[i : i + 1]) for i in range(3)])

    # A batch may be added up in another order than one picture; others would show by 1e-2.
    bound = network_bound(net, one_by_one)
    torch.testing.assert_close(net(blurred), one_by_one, atol=bound, rtol=0)


def test_a_photo_is_restored_the_same_way_twice():
    net = small().eval()
    blurred = pictures(1, 3, 16, 16)

    assert torch.equal(net(blurred), net(blurred))


@pytest.mark.parametrize("options", [{"stochastic": True}, {}])
def test_dropout_changes_the_result_while_training_and_if_asked_for_later(options):
    net = small(**options)
    net.train(not options)
    blurred = pictures(1, 3, 16, 16)

    with torch.random.fork_rng():
        torch.manual_seed(1)
        first, second = net(blurred), net(blurred)
        torch.manual_seed(1)
        again = net(blurred)

    assert torch.equal(first, again)
    assert not torch.equal(first, second)


def test_no_dropout_is_no_dropout():
    net = small(dropout=0.0).train()
    blurred = pictures(1, 3, 16, 16)

    assert torch.equal(net(blurred), net(blurred))
    assert torch.equal(net(blurred), net.eval()(blurred))


def test_a_recipe_can_set_dropout_afterwards():
    net = small().train()
    blurred = pictures(1, 3, 16, 16)
    for module in net.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0

    assert torch.equal(net(blurred), net.eval()(blurred))


@pytest.mark.parametrize("share", [0.2, 0.5])
def test_dropout_drops_the_share_it_is_told_to(share):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        kept = Dropout(share, always=True).eval()(torch.ones(100_000))

    assert (kept == 0).float().mean().item() == pytest.approx(share, abs=0.01)
    assert kept.mean().item() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_mixed_precision_gives_nearly_the_same_picture(layout):
    net = small().eval()
    blurred = pictures(1, 3, 32, 32).contiguous(memory_format=layout)

    with torch.autocast("cpu", torch.bfloat16):
        restored = net(blurred)

    # 9 layers round weights and values to 8 digits: 2^-9 of up to 5, times the root of 18.
    assert restored.dtype == torch.float32
    assert 0 < (restored - net(blurred)).abs().max() < 0.1


@pytest.mark.parametrize(
    "options", [{"channels": 0}, {"blocks": 0}, {"dropout": 1.0}, {"dropout": -0.1}]
)
def test_options_out_of_range_are_refused(options):
    with pytest.raises(OptionError, match=next(iter(options))):
        DeblurGenerator(**options)


class Nothing(torch.nn.Module):
    def forward(self, x):
        return x


def window_px(net, along, length_px):
    """Measure the widest stretch of input pixels on which one output pixel depends."""
    shape = (length_px, 8) if along == "rows" else (8, length_px)
    blurred = torch.full((1, 3, *shape), 0.75, dtype=torch.float64, requires_grad=True)
    restored = net(blurred).sum(dim=(0, 1, 3) if along == "rows" else (0, 1, 2))
    widest = 0
    for place in range(4):  # among the strides
        (gradient,) = torch.autograd.grad(
            restored[length_px // 2 + place], blurred, retain_graph=True
        )
        used = gradient.sum(dim=(0, 1, 3) if along == "rows" else (0, 1, 2)).nonzero()
        widest = max(widest, int(used.max() - used.min()) + 1)
    return widest


@pytest.mark.parametrize("along", ["rows", "columns"])
def test_the_convolutions_see_as_far_as_the_table_says(along):
    net = DeblurGenerator(channels=1).double().requires_grad_(False).eval()
    for module in net.modules():
        if isinstance(getattr(module, "norm", None), InstanceNorm):
            module.norm = Nothing()
    for name, weights in net.named_parameters():
        # Positive weights on a positive input, so that nothing cancels; small ones where the
        # branches add up, so that nothing saturates.
        weights.fill_((0.1 if "block" in name or "tail" in name else 1) / weights[0].numel())

    assert window_px(net, along, 400) == MODELS["deblurgan"].receptive_field_px


def test_with_the_normalisation_one_pixel_sees_everything():
    net = small().eval()
    blurred = pictures(1, 3, 8, 600)
    changed = blurred.clone()
    changed[..., -50:] = 0

    difference = (net(blurred) - net(changed)).abs()

    assert difference[..., :50].max() > 1e-3


def test_autocast_mirrors_in_half_precision_as_in_single():
    x = pictures(1, 4, 9, 10).to(torch.bfloat16)

    with torch.autocast("cpu", torch.bfloat16):
        mirrored = deblurgan._mirror(x, 3)

    assert mirrored.dtype == torch.bfloat16
    assert torch.equal(mirrored.float(), deblurgan._mirror(x.float(), 3))
