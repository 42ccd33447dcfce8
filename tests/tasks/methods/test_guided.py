import numpy as np
import pytest

from shaken_photo import shaken as shake
from shaken_photo import sharp_coffee
from unblur import RestoreOptions, Restorer, psnr
from unblur.engines import OnnxEngine
from unblur.errors import NetworkError
from unblur.imaging.deblur.known.guide import deconvolved_guide
from unblur.imaging.deblur.varying_blur import Window, plan_windows
from unblur.tasks.methods import guided
from unblur.tasks.methods.guided import GuidedNetwork
from unblur.weights import find_network


@pytest.fixture(scope="module")
def network():
    return GuidedNetwork(OnnxEngine(find_network("guided"), threads=1))


@pytest.fixture(scope="module")
def both():
    return GuidedNetwork.bundled(lambda file: OnnxEngine(file, threads=1))


@pytest.fixture(scope="module")
def shaken():
    """A blurred and a sharp photo, (224, 224, 3) in [0, 1], the kernel, and a wrong one."""
    sharp = sharp_coffee()
    seen, (right, wrong) = shake(sharp, length_px=40, noise=1, kernels=2)
    return seen, sharp, right, wrong


def guide(seen, kernel):
    return deconvolved_guide(seen, kernel, linear_light=True, noise=1 / 255)


def test_the_true_kernel_is_used_and_a_wrong_one_does_little_harm(network, shaken):
    seen, sharp, right, wrong = shaken
    guides = [None, guide(seen, right), guide(seen, wrong)]

    without, with_right, with_wrong = (
        psnr(np.clip(network.restore(seen, each)[..., :3], 0, 1), sharp) for each in guides
    )

    assert with_right > without + 2
    assert psnr(guides[2][..., :3], sharp) < psnr(seen, sharp) - 10
    assert with_wrong > psnr(seen, sharp)


def test_a_wrong_kernel_is_expected_to_be_further_off(network, shaken):
    seen, _, right, wrong = shaken

    with_right, with_wrong = (
        network.restore(seen, guide(seen, each))[..., 3].mean() for each in (right, wrong)
    )

    assert with_right < with_wrong - 0.1  # natural logarithms; 0.28 was found


def test_the_photo_tells_more_than_the_network_trusts_itself_to_draw(network, shaken):
    seen, sharp, right, _ = shaken

    alone = np.clip(network.restore(seen, guide(seen, right))[..., :3], 0, 1)
    undone = network.undo(seen, right, linear_light=True, noise=1 / 255)

    assert psnr(undone, sharp) > psnr(alone, sharp) + 0.5
    assert undone.min() >= 0
    assert undone.max() <= 1


def test_the_second_network_makes_more_of_what_photo_and_first_say(network, both, shaken):
    seen, sharp, right, wrong = shaken

    for kernel, more in ((right, 0.1), (wrong, 0)):
        once, twice = (
            psnr(each.undo(seen, kernel, linear_light=True, noise=1 / 255), sharp)
            for each in (network, both)
        )
        assert twice > once + more


def test_the_second_network_is_shown_what_the_first_and_the_photo_make(network, both, shaken):
    seen, _, right, _ = shaken

    shown = both.guide_of_second(seen, right, linear_light=True, noise=1 / 255)

    once = network.undo(seen, right, linear_light=True, noise=1 / 255)
    first = np.clip(network.restore(seen, guide(seen, right))[..., :3], 0, 1)
    np.testing.assert_allclose(shown[..., :3], once, atol=1e-5)
    np.testing.assert_allclose(shown[..., 3], first.mean(axis=2), atol=1e-5)


def test_windows_with_one_kernel_are_like_that_kernel_everywhere(both, shaken):
    seen, _, right, wrong = shaken
    windows = [Window(place, right) for place in plan_windows(seen.shape[:2], 140)]

    whole = both.undo(seen, right, linear_light=True, noise=1 / 255)
    by_window = both.undo(seen, wrong, windows, linear_light=True, noise=1 / 255)

    assert len(windows) == 4
    assert psnr(by_window, whole) > 45  # each window makes up its own surroundings


def test_tiles_give_the_pixels_of_the_whole(network, shaken, monkeypatch):
    seen, _, right, _ = shaken
    large = np.tile(seen[:, :96], (3, 1, 1))
    beside = guide(large, right)

    whole = network.restore(large, beside)
    monkeypatch.setattr(guided, "WHOLE_PX", 1)
    monkeypatch.setattr(guided, "TILE_PX", 512)
    tiled = network.restore(large, beside)

    np.testing.assert_allclose(tiled, whole, atol=1e-5)


def test_networks_are_not_taken_for_one_another():
    with pytest.raises(NetworkError, match=r"guided, got fast"):
        GuidedNetwork(OnnxEngine(find_network("fast"), threads=1))
    with pytest.raises(NetworkError, match=r"guided, got edges"):
        GuidedNetwork(*(OnnxEngine(find_network(name), threads=1) for name in ("guided", "edges")))
    with pytest.raises(NetworkError, match="method auto or blind"):
        Restorer.open(RestoreOptions(model="guided", engine="onnx"))
