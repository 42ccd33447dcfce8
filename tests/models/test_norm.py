import pytest
import torch

from rounding import unit_roundoff
from unblur.models.norm import InstanceNorm


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # there is little to compute: more threads would only wait
    yield
    torch.set_num_threads(threads)


CHANNELS_LAST = torch.channels_last
every_layout = pytest.mark.parametrize(
    ("batch", "layout"),
    [(1, torch.contiguous_format), (3, torch.contiguous_format), (1, CHANNELS_LAST),
     (3, CHANNELS_LAST), (2, "neither")],
)  # fmt: skip


def values(batch, layout, *, dtype=torch.float64, shape=(4, 5, 6)):
    x = torch.randn((batch, *shape), generator=torch.Generator().manual_seed(0), dtype=dtype)
    return arranged(x, layout)


def arranged(x, layout):
    if layout == "neither":
        return x.transpose(2, 3).contiguous().transpose(2, 3)
    return x.contiguous(memory_format=layout)


def definition(x):
    mean = x.mean(dim=(2, 3), keepdim=True)
    variance = (x - mean).square().mean(dim=(2, 3), keepdim=True)
    return (x - mean) / torch.sqrt(variance + 1e-5)


@every_layout
def test_every_road_computes_the_definition(batch, layout):
    x = values(batch, layout)
    x[:, 1] = 0.003 * x[:, 1] + 2  # so even that epsilon shows

    torch.testing.assert_close(InstanceNorm()(x), definition(x), atol=1e-12, rtol=1e-12)


@every_layout
def test_single_precision_is_good_to_six_digits(batch, layout):
    x = values(batch, layout, dtype=torch.float32, shape=(4, 300, 256)) + 1

    result = InstanceNorm()(x)

    # Values of up to 6 become up to 5: 11 roundings for the product and what is added to it, 4
    # times 5 for the scale, and 7 for a mean that is added up in pairs; in turn it would be 1e-3.
    bound = (6 + 5 + 4 * 5 + 7) * unit_roundoff()
    torch.testing.assert_close(result.double(), definition(x.double()), atol=bound, rtol=0)


@every_layout
def test_gradients_of_first_and_second_order_are_right(batch, layout):
    def normalise(x):
        return InstanceNorm()(arranged(x, layout))

    x = values(batch, layout, shape=(2, 2, 3)).contiguous().requires_grad_()

    assert torch.autograd.gradcheck(normalise, x)
    assert torch.autograd.gradgradcheck(normalise, x)


@pytest.mark.parametrize("layout", [torch.contiguous_format, CHANNELS_LAST])
@pytest.mark.parametrize("batch", [1, 3])
def test_the_layout_of_half_precision_in_memory_stays(batch, layout):
    result = InstanceNorm()(values(batch, layout).bfloat16())

    assert result.is_contiguous(memory_format=layout)


@every_layout
def test_half_precision_stays_close(batch, layout):
    x = values(batch, layout, shape=(4, 300, 256)).bfloat16()

    result = InstanceNorm()(x)

    # 8 binary digits, of values up to 5 and of the statistics.
    assert result.dtype == torch.bfloat16
    assert (result.double() - definition(x.double())).abs().max() < 0.05


@every_layout
def test_samples_do_not_mix_and_eval_changes_nothing(batch, layout):
    x = values(batch, layout)
    x *= torch.arange(1, batch + 1).view(-1, 1, 1, 1)

    alone = torch.cat([InstanceNorm()(x[i : i + 1]) for i in range(batch)])

    torch.testing.assert_close(InstanceNorm()(x), alone, atol=1e-12, rtol=0)
    torch.testing.assert_close(InstanceNorm().eval()(x), alone, atol=1e-12, rtol=0)


def test_there_is_nothing_to_save():
    assert not InstanceNorm().state_dict()
