import pytest

from unblur import weights
from unblur.errors import NetworkError
from unblur.weights import (
    KERNEL_WEIGHTS,
    WEIGHTS,
    find_network,
    is_network,
    read_state,
)


def test_bundled_files_are_small_and_described():
    for name, published in {**WEIGHTS, **KERNEL_WEIGHTS}.items():
        assert find_network(name).stat().st_size <= 16e6
        assert published.license == "Apache-2.0"
        assert all([published.trained_on, published.figures, published.recipe, published.date])


def test_a_damaged_bundled_file_is_not_run(tmp_path, monkeypatch):
    (tmp_path / "fast.onnx").write_bytes(find_network("fast").read_bytes()[:-1])
    monkeypatch.setattr(weights, "_BUNDLED", tmp_path)

    with pytest.raises(NetworkError, match="SHA-256"):
        find_network("fast")


def test_unknown_names_list_the_known_ones():
    with pytest.raises(NetworkError, match="known: fast"):
        find_network("slow")


def test_weights_are_read_under_the_names_of_the_module():
    from unblur.models import build_model

    state, facts = read_state(find_network("fast"))

    expected = build_model(facts["unblur.model"]).state_dict()
    for name, tensor in expected.items():
        assert state[name].shape == tuple(tensor.shape)
        assert state[name].std() > 0


def test_a_network_is_one_of_the_package_one_that_was_added_or_a_file(tmp_path, monkeypatch):
    monkeypatch.setenv("UNBLUR_DATA", str(tmp_path))

    assert is_network("fast")
    assert is_network(tmp_path / "other.onnx")
    assert is_network("deblurgan-32")
    assert not is_network("deblurgan-16")
    assert not is_network("unsharp-mask")
