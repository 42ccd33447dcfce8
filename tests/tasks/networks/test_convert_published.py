"""State dicts as others publish them become network files that restore photos of any size."""

import numpy as np
import pytest
import skimage.data
import torch

import published_layouts
from unblur import psnr
from unblur.engines import TorchEngine
from unblur.errors import NetworkError
from unblur.models.published import published_names, recognise
from unblur.tasks.networks.convert import convert
from unblur.tasks.restore.options import RestoreOptions
from unblur.tasks.restore.restorer import Restorer

LAYOUTS = {
    "nafnet": published_layouts.nafnet(8, (1, 1), 1, (1, 1)),
    "mimo-unet": published_layouts.mimo_unet(1, 8),
    "deblurgan-v2": published_layouts.deblurgan_v2(8, 16),
    "mprnet": published_layouts.mprnet(8, 4, 4, 1, 4),
    "restormer": published_layouts.restormer(8, (1, 1, 1, 1), 1),
}
QUICK = ("nafnet", "mimo-unet")


def random_state(name):
    """Weights that keep what comes out near what goes in, as trained ones do."""
    rng = torch.Generator().manual_seed(0)
    state = {}
    for key, shape in LAYOUTS[name].items():
        spread = 1 / max(1, np.prod(shape[1:])) ** 0.5
        state[key] = spread * torch.randn(shape, generator=rng)
        if key.endswith("weight") and len(shape) == 1:
            state[key] = torch.ones(shape)
        if key.endswith("bias"):
            state[key] *= 0.1
    return state


FAR = {"deblurgan-v2": 42, "mprnet": 18, "restormer": 20}
"""Not near enough: 45 dB are wanted of layers in bands, 30 of tiles. Use `--tile off`."""


@pytest.fixture(scope="module")
def photo():
    return skimage.data.astronaut()[:300, :170].astype(np.float32) / 255


def restored(path, pixels, **more):
    options = {"method": "network", "engine": "onnx", "precision": "fp32", "guard": False, **more}
    return Restorer.open(RestoreOptions(model=str(path), **options)).restore_pixels(pixels)


@pytest.mark.parametrize(
    "name",
    [x if x in QUICK else pytest.param(x, marks=pytest.mark.thorough) for x in LAYOUTS],
)
def test_a_published_state_dict_becomes_a_network_file(name, tmp_path, photo):
    state = random_state(name)
    path = tmp_path / "published.pth"
    torch.save({"params": {f"module.{key}": x for key, x in state.items()}, "epoch": 3}, path)

    made = convert(path, tmp_path / "net.onnx", license="CC0", half=False)

    expected_name, spec = recognise(LAYOUTS[name])
    assert made.model == expected_name
    module = spec.build()
    module.load_state_dict({new: x for key, x in state.items() if (new := published_names(key))})
    small = photo[:96, :128]
    batch = np.ascontiguousarray(small.transpose(2, 0, 1)[None])
    expected = TorchEngine(module).run(batch)[0].transpose(1, 2, 0).clip(0, 1)
    assert np.abs(expected - small).max() > 0.01
    for engine in ("onnx", "torch"):
        assert psnr(restored(made.path, small, engine=engine), expected) > 60
    if name in FAR:
        pytest.xfail(f"with random weights tiles are {FAR[name]} dB from the whole photo")
    whole = restored(made.path, photo, tile="off")
    tiled = restored(made.path, photo, tile=spec.receptive_field_px + 5 * spec.multiple_of)
    if spec.tiling == "global":
        tiled = restored(made.path, photo, tile=64)
    assert psnr(tiled, whole) > (30 if spec.tiling == "near" else 45)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda s: {k: x for k, x in s.items() if k != "ending.bias"},
            "ending.bias, which is miss",
        ),
        (
            lambda s: s | {"extra.weight": torch.zeros(1)},
            "it needs no extra.weight, which is there",
        ),
        (lambda s: s | {"intro.bias": torch.full((8,), torch.nan)}, "intro.bias is not finite"),
    ],
)
def test_what_is_missing_left_over_or_broken_is_named(change, message, tmp_path):
    path = tmp_path / "published.pth"
    torch.save(change(random_state("nafnet")), path)

    with pytest.raises(NetworkError, match=message):
        convert(path, tmp_path / "net.onnx", license="CC0")
    assert not (tmp_path / "net.onnx").exists()


def test_of_an_unknown_state_dict_it_says_what_it_takes(tmp_path):
    path = tmp_path / "published.pth"
    torch.save({"conv.weight": torch.zeros(3, 3, 3, 3)}, path)

    with pytest.raises(NetworkError, match=r"of others' networks it takes .*NAFNet and Restormer"):
        convert(path, tmp_path / "net.onnx", license="CC0")
