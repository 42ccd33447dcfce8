import hashlib
import http.server
import threading

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from safetensors.torch import save_file

from rounding import sums_bound
from unblur.errors import NetworkError
from unblur.models import vgg
from unblur.models.vgg import load_vgg

NAMES = ["conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1", "conv3_2", "conv3_3"]
WIDTHS = [3, 64, 64, 128, 128, 256, 256, 256]
INDICES = [0, 2, 5, 7, 10, 12, 14]  # of convolutions in torchvision's list: 2, 2, 4 and pooling


@pytest.fixture(scope="module")
def weights():
    """Random weights that keep the size of activations, by layer."""
    numbers = torch.Generator().manual_seed(0)
    sizes = list(zip(WIDTHS[1:], WIDTHS, strict=False))
    return [
        (torch.randn(after, before, 3, 3, generator=numbers) * (2 / before / 9) ** 0.5,
         torch.randn(after, generator=numbers) * 0.1)
        for after, before in sizes
    ]  # fmt: skip


def photos():
    return torch.rand((2, 3, 20, 27), generator=torch.Generator().manual_seed(1))


def features(x, weights, *, relu=True):
    """Plain VGG19 up to conv3_3, of what the first layer is to see."""
    for index, (kernel, bias) in enumerate(weights):
        if index in (2, 4):
            x = F.max_pool2d(F.relu(x), 2)
        elif index:
            x = F.relu(x)
        x = F.conv2d(x, kernel, bias, padding=1)
    return F.relu(x) if relu else x


def normalised(x):
    mean, deviation = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])
    return (x - mean.view(3, 1, 1)) / deviation.view(3, 1, 1)


def assert_equal_but_for_rounding(got, expected):
    # Seven convolutions of 9 terms a channel: 1e-4. A digit wrong in a mean would be 1e-2.
    bound = sums_bound(*(9 * width for width in WIDTHS[:-1]), values=expected)
    torch.testing.assert_close(got, expected, atol=bound, rtol=0)


@pytest.fixture
def published(weights, tmp_path, monkeypatch):
    """A file as torchvision's, with later layers that nobody needs."""
    state = {
        "classifier.0.weight": torch.zeros(2, 2),
        "features.16.weight": torch.zeros(4, 4, 3, 3),
    }
    for index, (kernel, bias) in zip(INDICES, weights, strict=True):
        state |= {f"features.{index}.weight": kernel, f"features.{index}.bias": bias}
    path = tmp_path / "vgg19-dcbb9e9d.pth"
    torch.save(state, path)
    monkeypatch.setattr(vgg, "_PUBLISHED_SHA256", hashlib.sha256(path.read_bytes()).hexdigest()[:8])
    return path


def original(weights, path, **changed):
    state = {}
    for name, (kernel, bias) in zip(NAMES, weights, strict=True):
        state |= {f"{name}.weight": kernel, f"{name}.bias": bias}
    save_file({k: v for k, v in (state | changed).items() if v is not None}, path)
    return path


def test_published_weights_see_normalised_photos(published, weights):
    got = load_vgg(published)(photos())

    assert got.shape == (2, 256, 5, 6)
    assert got.std() > 0.1
    assert_equal_but_for_rounding(got, features(normalised(photos()), weights))


def test_original_weights_see_photos_of_0_to_255(weights, tmp_path):
    got = load_vgg(original(weights, tmp_path / "vgg.safetensors"))(photos())

    seen = 255 * photos() - torch.tensor([123.68, 116.779, 103.939]).view(3, 1, 1)
    assert_equal_but_for_rounding(got, features(seen, weights) / 58)


def test_features_come_before_the_activation_if_asked_for(published, weights):
    got = load_vgg(published, before_relu=True)(photos())

    assert got.min() < 0
    assert_equal_but_for_rounding(got, features(normalised(photos()), weights, relu=False))


def test_photos_are_fed_as_the_authors_of_deblurgan_do_if_asked_for(published, weights, tmp_path):
    signed = features(2 * photos() - 1, weights, relu=False)
    got = load_vgg(published, before_relu=True, normalise=False)(photos())
    torch.testing.assert_close(got, signed)

    # The original weights see values 58 times as large, and give features as much larger.
    got = load_vgg(
        original(weights, tmp_path / "vgg.safetensors"), before_relu=True, normalise=False
    )(photos())
    expected = features(58 * (2 * photos() - 1), weights, relu=False) / 58
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-5)


def test_features_are_frozen_but_pass_gradients_on(published):
    net = load_vgg(published)
    restored = photos().requires_grad_()

    net(restored).mean().backward()

    assert not any(p.requires_grad for p in net.parameters())
    assert restored.grad.abs().max() > 0


def test_loading_takes_no_random_numbers(published):
    before = torch.random.get_rng_state()

    load_vgg(published)

    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("name", ["none.pth", "none.safetensors", "vgg.zip"])
def test_a_missing_file_is_an_error_that_says_what_would_work(tmp_path, name):
    with pytest.raises(NetworkError, match=rf"{name}: no such file.*--vgg FILE"):
        load_vgg(tmp_path / name)


def test_a_file_of_another_kind_is_refused(tmp_path):
    (tmp_path / "vgg.zip").write_bytes(b"PK")

    with pytest.raises(NetworkError, match=r"neither a \.pth nor a \.safetensors"):
        load_vgg(tmp_path / "vgg.zip")


def test_a_published_file_that_was_changed_is_refused(published):
    with published.open("ab") as file:
        file.write(b"!")
    found = hashlib.sha256(published.read_bytes()).hexdigest()

    with pytest.raises(NetworkError, match=f"its SHA-256 is {found}, expected one that begins"):
        load_vgg(published)


def test_only_the_true_published_file_will_do(tmp_path):
    (tmp_path / "vgg19-dcbb9e9d.pth").write_bytes(b"another")

    with pytest.raises(NetworkError, match=r"begins with dcbb9e9d.*https://download\.pytorch\.org"):
        load_vgg(tmp_path / "vgg19-dcbb9e9d.pth")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"conv2_1.bias": None}, "has no conv2_1.bias"),
        ({"conv1_1.weight": torch.zeros(64, 1, 3, 3)}, r"must be \[64, 3, 3, 3\], got \[64, 1,"),
        ({"conv3_3.bias": torch.full((256,), torch.nan)}, "conv3_3.bias is not finite"),
    ],
)
def test_weights_that_do_not_fit_are_named(weights, tmp_path, changed, message):
    path = original(weights, tmp_path / "vgg.safetensors", **changed)

    with pytest.raises(NetworkError, match=message):
        load_vgg(path)


def test_a_damaged_safetensors_file_is_refused(tmp_path):
    (tmp_path / "vgg.safetensors").write_bytes(b"no tensors in here")

    with pytest.raises(NetworkError, match="not a safetensors file"):
        load_vgg(tmp_path / "vgg.safetensors")


@pytest.fixture
def served(published, tmp_path, monkeypatch):
    """The published file on a web server of this machine, an empty cache, and the requests."""
    requests = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=tmp_path)

        def log_message(self, *_):
            requests.append(self.path)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    monkeypatch.setattr(vgg, "_URL", f"http://127.0.0.1:{server.server_port}/{published.name}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    yield requests
    server.shutdown()
    server.server_close()


def cached(tmp_path):
    return sorted(path.name for path in (tmp_path / "cache" / "unblur").iterdir())


def test_the_published_file_is_fetched_once(served, weights, tmp_path):
    first, second = load_vgg(), load_vgg()

    assert len(served) == 1
    assert cached(tmp_path) == ["vgg19-dcbb9e9d.pth"]
    for net in (first, second):
        assert_equal_but_for_rounding(net(photos()), features(normalised(photos()), weights))


def test_a_damaged_download_leaves_nothing_behind(served, published, tmp_path):
    published.write_bytes(published.read_bytes()[:-1000])

    with pytest.raises(NetworkError, match=r"what http.* sent is damaged.*--vgg FILE"):
        load_vgg()

    assert len(served) == 1
    assert cached(tmp_path) == []


def test_a_download_that_fails_says_where_to_put_the_file(served, published, tmp_path):
    published.unlink()

    with pytest.raises(NetworkError, match=r"404.*copy it to .*cache/unblur/vgg19.*--vgg FILE"):
        load_vgg()

    assert cached(tmp_path) == []
