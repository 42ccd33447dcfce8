"""Networks of others under names of their own: every surface takes them."""

import json

import numpy as np
import pytest
import skimage.data

import foreign_networks
from unblur.errors import NetworkError, OptionError
from unblur.imaging.photo.photo import Photo, read_photo, write_photo
from unblur.tasks.batch.ledger import describe_work
from unblur.tasks.bench.methods import open_methods
from unblur.tasks.bench.options import BenchOptions
from unblur.tasks.foreign.keep import add, remove
from unblur.tasks.foreign.probe import Stated
from unblur.tasks.restore.options import RestoreOptions
from unblur.tasks.scale.luggage import pack, unpack
from unblur.web.options import Wish
from unblur.weights import find_network, is_network, kept_networks, user_folder


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    monkeypatch.setenv("UNBLUR_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def network(tmp_path):
    return foreign_networks.bytes_range(tmp_path / "sharpener.onnx")


def kept(network, name="sharper", **stated):
    return add(network, name, Stated(**stated), license="CC0", overwrite=False)


def test_the_users_folder_is_named_by_the_environment(monkeypatch, tmp_path):
    assert user_folder() == tmp_path / "data"
    monkeypatch.delenv("UNBLUR_DATA")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))
    assert user_folder() == tmp_path / "xdg" / "unblur"
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert user_folder() == tmp_path / ".local" / "share" / "unblur"


def test_a_network_that_was_added_goes_where_unblurs_own_go(network, tmp_path, data):
    added = kept(network)

    assert added.kept.file == data / "models" / "sharper.onnx"
    assert find_network("sharper") == added.kept.file
    assert is_network("sharper")
    assert kept_networks()["sharper"].facts["unblur.source"] == "sharpener.onnx"
    options = RestoreOptions(model="sharper", method="network")
    assert describe_work(options)["model"] == added.kept.sha256
    rows = open_methods(BenchOptions(models=("sharper",), engine="onnx"), ())
    assert [row.name for row in rows] == ["blurred", "sharper"]
    assert rows[1].facts["architecture"] == "sharpener, of others"
    assert Wish(model="sharper").model == "sharper"
    luggage = tmp_path / "elsewhere"
    luggage.mkdir()
    there = unpack(options, pack(options), luggage)
    assert find_network(there.model).read_bytes() == added.kept.file.read_bytes()


def test_a_file_of_others_travels_ready_to_run(network, tmp_path):
    options = RestoreOptions(model=str(network), method="network")

    name, content = pack(options)["model"]

    assert content != network.read_bytes()
    assert b"unblur.multiple_of" in content
    assert name.endswith(".onnx")


def test_a_damaged_network_is_not_run(network):
    file = kept(network).kept.file
    file.write_bytes(file.read_bytes()[:-1])

    with pytest.raises(NetworkError, match=r"is damaged: its SHA-256 .* models remove sharper"):
        find_network("sharper")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("fast", "a name of unblur's own"),
        ("../x", "a name is small letters, digits"),
        ("net.onnx", "does not end in .onnx"),
        ("sharper", "already; --overwrite replaces it"),
    ],
)
def test_names_that_will_not_do_are_refused(network, name, message):
    kept(network)

    with pytest.raises(OptionError, match=message):
        kept(network, name)


def test_what_is_removed_is_gone(network, data):
    kept(network)

    remove("sharper")

    assert list((data / "models").iterdir()) == []
    with pytest.raises(OptionError, match="no model 'sharper' was added; added: none"):
        remove("sharper")
    with pytest.raises(
        NetworkError, match="unknown model 'sharper'; known: fast, fast-gan, deblurgan-32, or"
    ):
        find_network("sharper")


def test_the_commands_add_list_restore_and_remove(network, tmp_path, run):
    done = run("models", "add", network, "--name", "sharper", "--license", "CC0")
    assert done.returncode == 0, done.stderr
    assert "values 0..255 (seen: a blurred picture changes by +" in done.stdout
    assert "SHA-256" in done.stdout

    lines = run("models", "--json").stdout.splitlines()
    names = [json.loads(line)["name"] for line in lines]
    assert names == ["fast", "fast-gan", "deblurgan-32", "sharper"]
    assert "sharper" in run("models", "list").stdout

    pixels = skimage.data.astronaut()[:80, :64].astype(np.float32) / 255
    write_photo(Photo(pixels=pixels), tmp_path / "photo.png")
    done = run("restore", tmp_path / "photo.png", "--model", "sharper", "--no-guard", "-q")
    assert done.returncode == 0, done.stderr
    restored = read_photo(tmp_path / "photo.unblurred.png").pixels
    assert np.abs(np.diff(restored, axis=0)).mean() > 1.2 * np.abs(np.diff(pixels, axis=0)).mean()

    assert run("models", "remove", "sharper").returncode == 0
    done = run("restore", tmp_path / "photo.png", "--model", "sharper")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
