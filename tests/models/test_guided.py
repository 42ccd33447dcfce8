import torch

from unblur.models import MODELS, build_model
from unblur.models.fast import DESIGNS, FastGenerator
from unblur.models.guided import GUIDES, GuidedGenerator


def test_without_guides_it_begins_as_the_network_whose_weights_it_takes():
    torch.manual_seed(1)
    plain, guided = FastGenerator(**DESIGNS["fast"]).eval(), GuidedGenerator().eval()
    guided.load_state_dict(guided.state_dict() | plain.state_dict())
    blurred = torch.rand(2, 3, 32, 48)

    with torch.no_grad():
        out = guided(torch.cat([blurred, torch.zeros(2, GUIDES, 32, 48)], dim=1))
        expected = plain(blurred)

    assert out.shape == (2, 4, 32, 48)
    assert torch.equal(out[:, :3], expected)


def test_guides_change_the_picture_and_the_expected_error():
    torch.manual_seed(1)
    guided = GuidedGenerator().eval()
    seen = torch.rand(1, 3 + GUIDES, 32, 32)

    with torch.no_grad():
        one, other = guided(seen), guided(torch.cat([seen[:, :3], -seen[:, 3:]], dim=1))

    assert not torch.equal(one[:, :3], other[:, :3])
    assert not torch.equal(one[:, 3], other[:, 3])


def test_the_table_says_what_goes_in_and_out():
    spec = MODELS["guided"]

    seen = torch.rand(1, spec.channels[0], spec.multiple_of, spec.multiple_of)

    assert build_model("guided")(seen).shape[1] == spec.channels[1]
