import torch

from unblur.imaging.deblur.learned_search import FAINT, RIDGES
from unblur.models import MODELS, build_model


def test_it_begins_by_taking_off_what_is_faint():
    torch.manual_seed(1)
    seen = torch.rand(2, len(RIDGES) + 1, 17, 17)

    with torch.no_grad():
        traced = build_model("paths")(seen)

    assert torch.equal(traced, torch.relu(seen[:, 1:2] - FAINT))


def test_a_kernel_of_any_side_and_what_the_table_says_of_them():
    spec = MODELS["paths"]
    network = build_model("paths")
    torch.nn.init.normal_(network.tail.weight, std=0.1)

    for side in (3, 17, 51):
        traced = network(torch.rand(1, spec.channels[0], side, side))
        assert traced.shape == (1, spec.channels[1], side, side)
        assert traced.min() >= 0


def test_what_is_seen_is_as_far_as_the_table_says():
    network = build_model("paths")
    reach = MODELS["paths"].receptive_field_px // 2
    for parameter in network.parameters():
        torch.nn.init.constant_(parameter, 0.01)
    seen = torch.ones(1, 4, 81, 81, requires_grad=True)

    network(seen)[0, 0, 40, 40].backward()

    rows = seen.grad.abs().sum((0, 1, 3)).nonzero().ravel()
    assert (int(rows.min()), int(rows.max())) == (40 - reach, 40 + reach)
