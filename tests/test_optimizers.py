import copy

import pytest
import torch

from unblur.models import build_model
from unblur.optimizers import Muon, orthogonal

ADAM = {"betas": (0.9, 0.99), "weight_decay": 1e-4}


@pytest.mark.parametrize("shape", [(16, 40), (40, 16), (24, 24)])
@pytest.mark.parametrize("half", [False, True])
def test_a_matrix_is_made_orthogonal(shape, half):
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)

    found = orthogonal(matrix, half=half)

    values = torch.linalg.svdvals(found)
    assert found.dtype == matrix.dtype
    assert values.min() > 0.5
    assert values.max() < 1.3
    cosine = (found * (left @ right)).sum() / found.norm() / (left @ right).norm()
    assert cosine > 0.95


def test_inner_convolutions_take_its_steps_and_the_rest_those_of_adamw():
    network = build_model("deblurgan-32")

    optimizer = Muon(network, rate=1e-3, muon_rate=4e-3, half=False, **ADAM)

    by_adam, forward, turned = optimizer.param_groups
    assert [group["lr"] for group in optimizer.param_groups] == [1e-3, 4e-3, 4e-3]
    assert [group.get("turned") for group in optimizer.param_groups] == [None, False, True]
    assert len(forward["params"]) == 2 + 2 * 9  # the way down, and two in each block
    assert len(turned["params"]) == 2  # the way up
    shapes = {tuple(each.shape) for each in by_adam["params"] if each.ndim == 4}
    assert shapes == {(32, 3, 7, 7), (3, 32, 7, 7)}
    counted = sum(len(group["params"]) for group in optimizer.param_groups)
    assert counted == len(list(network.parameters()))


def test_steps_are_as_large_as_those_of_adamw():
    network = torch.nn.Conv2d(32, 48, 3, bias=False)
    before = network.weight.detach().clone()
    optimizer = Muon(network, rate=1e-3, muon_rate=1e-3, half=False, **ADAM)

    network(torch.randn(2, 32, 9, 9, generator=torch.Generator().manual_seed(1))).square().mean(
    ).backward()  # fmt: skip
    optimizer.step()

    size = (network.weight - before).square().mean().sqrt()
    assert 0.1e-3 < size < 0.3e-3  # a fifth of its rate, as AdamW's are in the long run


@pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="this PyTorch has none to compare to")
def test_a_matrix_goes_where_pytorchs_own_muon_takes_it():
    own = torch.nn.Conv2d(24, 40, 1, bias=False)
    first = own.weight.detach().flatten(1).clone()
    theirs = torch.nn.Parameter(first.clone())
    optimizer = Muon(own, rate=1e-3, muon_rate=2e-2, half=True, **ADAM)
    other = torch.optim.Muon(
        [theirs], lr=2e-2, weight_decay=0.01, momentum=0.95, adjust_lr_fn="match_rms_adamw"
    )
    generator = torch.Generator().manual_seed(1)

    for _ in range(5):
        gradient = torch.randn(40, 24, generator=generator)
        own.weight.grad, theirs.grad = gradient.view(40, 24, 1, 1).clone(), gradient.clone()
        optimizer.step()
        other.step()

    apart = (theirs - own.weight.flatten(1)).norm()
    assert apart < 0.03 * (theirs - first).norm()  # bf16 has three digits


def test_it_learns_and_goes_on_from_where_it_was():
    torch.manual_seed(1)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 16, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.ConvTranspose2d(16, 20, 2, stride=2),
        torch.nn.Conv2d(20, 3, 3, padding=1),
    )
    seen, wanted = torch.rand(4, 3, 8, 8), torch.rand(4, 3, 16, 16)
    optimizer = Muon(network, rate=1e-2, muon_rate=2e-2, half=False, **ADAM)

    def update(network, optimizer):
        optimizer.zero_grad()
        loss = (network(seen) - wanted).square().mean()
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    losses = [update(network, optimizer) for _ in range(40)]
    other = copy.deepcopy(network)
    resumed = Muon(other, rate=1e-2, muon_rate=2e-2, half=False, **ADAM)
    resumed.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    update(network, optimizer)
    update(other, resumed)

    assert losses[-1] < 0.5 * losses[0]
    for one, two in zip(network.parameters(), other.parameters(), strict=True):
        assert torch.equal(one, two)
