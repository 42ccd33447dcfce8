import collections

import pytest
import torch
from safetensors.torch import save_file

from authors_generator import AuthorsGenerator, random_authors_generator
from rounding import network_bound
from unblur.errors import NetworkError
from unblur.models import build_model
from unblur.tasks.networks.convert import from_authors
from unblur.tasks.networks.weights_file import build_generator, read_tensors


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the pictures are small: more threads would only wait
    yield
    torch.set_num_threads(threads)


def saved(state, folder, **options):
    path = folder / "latest_net_G.pth"
    torch.save(state, path, **options)
    return path


def converted(path):
    return build_generator(from_authors(read_tensors(path), path), path)


def pictures(*shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


def agrees(ours, theirs):
    blurred = pictures(1, 3, 24, 32)
    with torch.no_grad():
        restored = ours.eval()(blurred)
    expected = (theirs(2 * blurred - 1) + 1) / 2
    assert (expected - blurred).abs().max() > 0.3  # the weights do something
    # 24 layers, added up in another order: 1e-4.
    torch.testing.assert_close(restored, expected, atol=network_bound(ours, expected), rtol=0)


@pytest.mark.parametrize(
    ("channels", "name", "dropout"),
    [
        (64, "deblurgan", True),
        (32, "deblurgan-32", True),
        (32, "deblurgan-32", False),
        (16, "deblurgan-16", True),
    ],
)
def test_their_weights_give_their_pictures(tmp_path, channels, name, dropout):
    theirs = random_authors_generator(channels, dropout=dropout)
    second = 6 if dropout else 5
    assert f"model.18.conv_block.{second}.weight" in theirs.state_dict()

    model, ours = converted(saved(theirs.state_dict(), tmp_path))

    assert model == name
    agrees(ours, theirs)


def test_what_old_and_parallel_versions_of_pytorch_write_is_taken_too(tmp_path):
    theirs = random_authors_generator(32)
    state = collections.OrderedDict()
    for key, value in theirs.state_dict().items():
        state[f"module.{key}"] = value
        if value.ndim == 1 and not key.startswith("model.26"):  # normalised layers
            layer, _, _ = key.rpartition(".")
            place = layer.split(".")
            after = ".".join(["module", *place[:-1], str(int(place[-1]) + 1)])
            state[f"{after}.running_mean"] = torch.ones_like(value)
            state[f"{after}.running_var"] = torch.ones_like(value)
            state[f"{after}.num_batches_tracked"] = torch.tensor(7)

    path = saved(state, tmp_path, _use_new_zipfile_serialization=False)

    agrees(converted(path)[1], theirs)


def test_convolutions_that_share_their_weights_stay_equal(tmp_path):
    # Their code puts one and the same layer into both places of a block.
    theirs = random_authors_generator(32)
    for block in theirs.model[10:19]:
        block.conv_block[6] = block.conv_block[1]

    _, ours = converted(saved(theirs.state_dict(), tmp_path))

    assert torch.equal(ours.blocks[4].first.weight, ours.blocks[4].second.weight)
    agrees(ours, theirs)


def test_our_own_weights_are_recognised(tmp_path):
    for name in ("fast", "fast-half", "deblurgan-32"):
        state = build_model(name).state_dict()
        save_file(state, tmp_path / "generator.safetensors")

        for path in (saved(state, tmp_path), tmp_path / "generator.safetensors"):
            model, module = build_generator(read_tensors(path), path)

            assert model == name
            for key, value in module.state_dict().items():
                assert torch.equal(value, state[key])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"convolutions": 1}, "model.10 has one convolution. A slip of operator precedence"),
        ({"norm": torch.nn.BatchNorm2d}, "learned scales .*batch normalisation"),
        ({"blocks": 6}, "does not hold the weights of .*deblurgan needs blocks.6"),
        ({"channels": 24}, r"deblurgan needs head.weight of \[64, 3, 7, 7\], got \[24, 3, 7, 7\]"),
    ],
)
def test_another_network_of_theirs_is_refused_with_the_reason(tmp_path, options, message):
    theirs = AuthorsGenerator(**{"channels": 64, **options})

    with pytest.raises(NetworkError, match=message):
        converted(saved(theirs.state_dict(), tmp_path))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: {k: v for k, v in s.items() if "bias" not in k}, "has no model.1.bias"),
        (lambda s: s | {"model.30.weight": torch.zeros(1, 1, 1, 1)}, "has model.30.weight, which"),
        (
            lambda s: {k.replace("conv_block.1", "conv_block.0"): v for k, v in s.items()},
            r"model.10 has convolutions at \[0, 6\]",
        ),
        (lambda s: {"model.1.weight": s["model.1.weight"]}, "has no model.1.bias"),
    ],
)
def test_weights_that_are_not_the_published_generator_are_refused(tmp_path, change, message):
    state = change(random_authors_generator(32).state_dict())

    with pytest.raises(NetworkError, match=message):
        converted(saved(state, tmp_path))


class Trap:
    def __reduce__(self):
        return pytest.fail, ("the file was run",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"weight": Trap()}, "is not a file of weights"),
        (torch.nn.Linear(2, 2), "is not a file of weights"),
        ({"epoch": 3, "weight": torch.zeros(2)}, "other things than tensors .'epoch'"),
        ([torch.zeros(2)], "holds no tensors by name, got a list"),
        ({}, "holds no tensors by name"),
    ],
)
def test_files_of_anything_but_tensors_are_refused_unrun(tmp_path, content, message):
    with pytest.raises(NetworkError, match=message):
        read_tensors(saved(content, tmp_path))


@pytest.mark.parametrize("name", ["none.pth", "none.safetensors"])
def test_a_missing_file_is_named(tmp_path, name):
    with pytest.raises(NetworkError, match=f"{name}: no such file"):
        read_tensors(tmp_path / name)


@pytest.mark.parametrize("name", ["photo.pth", "photo.safetensors"])
def test_a_photo_is_not_a_file_of_weights(photo, tmp_path, name):
    path = photo.rename(tmp_path / name)

    with pytest.raises(NetworkError, match=r"photo\..* is not a "):
        read_tensors(path)


def test_the_named_model_must_fit(tmp_path):
    state = build_model("fast-half").state_dict()

    with pytest.raises(NetworkError, match="does not hold the weights of fast: fast needs"):
        build_generator(state, tmp_path / "generator.safetensors", model="fast")
    with pytest.raises(NetworkError, match="unknown model 'fats'; known: fast"):
        build_generator(state, tmp_path / "generator.safetensors", model="fats")


def test_weights_that_are_not_finite_are_refused(tmp_path):
    state = build_model("fast-half").state_dict()
    state["head.bias"][3] = torch.inf

    with pytest.raises(NetworkError, match=r"head\.bias is not finite"):
        build_generator(state, tmp_path / "generator.safetensors")


def test_building_takes_no_random_numbers(tmp_path):
    state = build_model("fast-half").state_dict()
    before = torch.random.get_rng_state()

    build_generator(state, tmp_path / "generator.safetensors")

    assert torch.equal(torch.random.get_rng_state(), before)
