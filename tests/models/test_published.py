"""Others' networks: weights of the published names, shapes and numbers."""

import math

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - as everywhere

import published_layouts
from unblur.models.published import published_names, recognise

GOPRO = ((1, 1, 1, 28), 1, (1, 1, 1, 1))


def module_of(layout):
    name, spec = recognise(layout)
    with torch.device("meta"):
        return name, spec.build()


@pytest.mark.parametrize(
    ("layout", "name", "millions"),
    [
        (published_layouts.nafnet(32, *GOPRO), "nafnet-32", 17.1),
        (published_layouts.nafnet(64, *GOPRO), "nafnet-64", 67.9),
        (published_layouts.mimo_unet(8), "mimo-unet", 6.8),
        (published_layouts.mimo_unet(20), "mimo-unet-plus", 16.1),
        (published_layouts.mprnet(), "mprnet", 20.1),
        (published_layouts.restormer(), "restormer", 26.1),
        (published_layouts.restormer(biased=False), "restormer-bias-free", 26.1),
    ],
)
def test_a_published_state_dict_is_recognised_and_has_the_published_number_of_weights(
    layout, name, millions
):
    found, module = module_of(layout)

    assert found == name
    assert {key: tuple(values.shape) for key, values in module.state_dict().items()} == layout
    count = sum(parameter.numel() for parameter in module.parameters())
    assert round(count / 1e6, 1) == millions


def test_deblurgan_v2_leaves_out_what_is_there_twice_and_what_nothing_is_made_of():
    layout = published_layouts.deblurgan_v2()
    found, module = module_of(layout)

    assert found == "deblurgan-v2-mobilenet"
    needed = {new: shape for key, shape in layout.items() if (new := published_names(key))}
    assert {key: tuple(values.shape) for key, values in module.state_dict().items()} == needed
    once = [
        math.prod(shape)
        for key, shape in layout.items()
        if ".enc" not in key and "running" not in key and "tracked" not in key
    ]
    assert round(sum(once) / 1e6, 1) == 3.3  # as published, all of MobileNetV2 counted


@pytest.mark.parametrize(
    ("layout", "name"),
    [
        (published_layouts.nafnet(8, (2, 1), 3, (1, 2)), "nafnet-8-2.1-3-1.2"),
        (published_layouts.mimo_unet(2, 16), "mimo-unet-2-16"),
        (published_layouts.mprnet(8, 4, 4, 1, 4), "mprnet-8.4.4.1.4"),
        (published_layouts.restormer(8, (1, 2, 1, 1), 1), "restormer-8-1.2.1.1-1"),
        (published_layouts.deblurgan_v2(8, 16), "deblurgan-v2-mobilenet-8-16"),
    ],
)
def test_other_configurations_are_read_off_the_shapes(layout, name):
    found, module = module_of(layout)

    assert found == name
    needed = {new: shape for key, shape in layout.items() if (new := published_names(key))}
    assert {key: tuple(values.shape) for key, values in module.state_dict().items()} == needed


def test_other_weights_are_not_recognised():
    assert recognise({"head.weight": (64, 3, 7, 7)}) is None
    assert recognise({"middle_blks.0.conv1.weight": (64, 32, 1, 1)}) is None


def random_state(layout):
    rng = torch.Generator().manual_seed(0)
    return {key: 0.3 * torch.randn(shape, generator=rng) for key, shape in layout.items()}


def loaded(layout):
    state = random_state(layout)
    module = recognise(layout)[1].build()
    module.load_state_dict({new: x for key, x in state.items() if (new := published_names(key))})
    return state, module.eval()


def picture(height, width):
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(1))


def test_nafnet_computes_what_the_paper_says():
    """Fig. 2 and eqs. 3 to 6: written once more, as plain functions of the state dict."""
    layout = published_layouts.nafnet(4, (1, 1), 1, (1, 1))
    state, module = loaded(layout)

    def conv(name, x, **more):
        return F.conv2d(x, state[f"{name}.weight"], state.get(f"{name}.bias"), **more)

    def norm(name, x):
        weight, bias = state[f"{name}.weight"], state[f"{name}.bias"]
        x = F.layer_norm(x.permute(0, 2, 3, 1), weight.shape, weight, bias, eps=1e-6)
        return x.permute(0, 3, 1, 2)

    def gate(x):
        return x[:, : x.shape[1] // 2] * x[:, x.shape[1] // 2 :]

    def block(name, x):
        y = conv(f"{name}.conv1", norm(f"{name}.norm1", x))
        y = gate(conv(f"{name}.conv2", y, padding=1, groups=y.shape[1]))
        y = y * conv(f"{name}.sca.1", F.adaptive_avg_pool2d(y, 1))
        x = x + conv(f"{name}.conv3", y) * state[f"{name}.beta"]
        y = gate(conv(f"{name}.conv4", norm(f"{name}.norm2", x)))
        return x + conv(f"{name}.conv5", y) * state[f"{name}.gamma"]

    blurred = picture(16, 24)
    first = block("encoders.0.0", conv("intro", blurred, padding=1))
    second = block("encoders.1.0", conv("downs.0", first, stride=2))
    x = block("middle_blks.0", conv("downs.1", second, stride=2))
    x = block("decoders.0.0", F.pixel_shuffle(conv("ups.0.0", x), 2) + second)
    x = block("decoders.1.0", F.pixel_shuffle(conv("ups.1.0", x), 2) + first)
    expected = conv("ending", x, padding=1) + blurred

    with torch.no_grad():
        torch.testing.assert_close(module(blurred), expected, atol=1e-4, rtol=1e-4)
    assert (expected - blurred).abs().max() > 0.1


def test_restormers_attention_is_between_channels_over_the_whole_picture():
    """Eq. 1 of the paper, head by head."""
    module = loaded(published_layouts.restormer(8, (1, 1, 1, 1), 1))[1]
    attention = module.get_submodule("encoder_level2.0.attn")
    x = torch.randn(1, 16, 6, 5, generator=torch.Generator().manual_seed(2))

    with torch.no_grad():
        query, key, value = attention.qkv_dwconv(attention.qkv(x)).flatten(2)[0].split(16)
        heads = []
        for head in range(2):
            part = slice(8 * head, 8 * head + 8)
            q, k = (each[part] / each[part].norm(dim=1, keepdim=True) for each in (query, key))
            weights = torch.softmax(attention.temperature[head] * (q @ k.T), dim=1)
            heads.append(weights @ value[part])
        expected = attention.project_out(torch.cat(heads).reshape(1, 16, 6, 5))

        torch.testing.assert_close(attention(x), expected, atol=1e-5, rtol=1e-5)


def test_a_restormer_without_biases_keeps_the_mean():
    norm = loaded(published_layouts.restormer(8, (1, 1, 1, 1), 1, biased=False))[1].latent[0].norm1
    x = torch.randn(1, 64, 2, 2, generator=torch.Generator().manual_seed(3)) + 5

    with torch.no_grad():
        scaled = x / torch.sqrt(x.var(1, unbiased=False, keepdim=True) + 1e-5)
        torch.testing.assert_close(norm(x), scaled * norm.body.weight[:, None, None])


def test_mprnet_looks_at_quarters_first_and_mimo_unet_at_three_sizes():
    module = loaded(published_layouts.mprnet(8, 4, 4, 1, 4))[1]
    blurred = picture(32, 48)
    seen = []
    module.stage1_encoder.register_forward_pre_hook(lambda _, x: seen.append(tuple(x[0].shape)))
    with torch.no_grad():
        restored = module(blurred)
    assert seen == [(1, 8, 16, 24)] * 4
    assert restored.shape == blurred.shape

    module = loaded(published_layouts.mimo_unet(1, 16))[1]
    for which in (1, 2):
        shallow = module.get_submodule(f"SCM{which}")
        shallow.register_forward_pre_hook(lambda _, x: seen.append(tuple(x[0].shape)))
    with torch.no_grad():
        module(blurred)
    assert sorted(seen[4:]) == [(1, 3, 8, 12), (1, 3, 16, 24)]


@pytest.mark.parametrize("blocks", [1, 2])
def test_what_mimo_unet_depends_on_is_no_wider_than_stated(blocks):
    layout = published_layouts.mimo_unet(blocks, 16)
    spec = recognise(layout)[1]
    module = loaded(layout)[1]
    side = 4 * (spec.receptive_field_px // 4 + 3)
    blurred = picture(side, side).requires_grad_()

    module(blurred)[0, :, side // 2, side // 2].sum().backward()

    rows = torch.nonzero(blurred.grad.abs().sum((0, 1, 3))).ravel()
    width = int(rows[-1] - rows[0]) + 1
    assert 0.7 * spec.receptive_field_px < width <= spec.receptive_field_px
