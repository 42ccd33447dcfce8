import numpy as np
import pytest
import skimage.data

from shaken_photo import shaken, sharp_coffee
from unblur.engines import OnnxEngine
from unblur.errors import NetworkError
from unblur.imaging.blur.blur import blur
from unblur.imaging.deblur.blind import search_blur
from unblur.imaging.deblur.kernel_search import gradients, usable
from unblur.imaging.deblur.kernel_support import agreement, resized
from unblur.imaging.deblur.learned_search import (
    deconvolved,
    fits,
    refine_by_edges,
    refine_by_pictures,
    search_by_edges,
    standard,
)
from unblur.imaging.light import srgb_to_linear
from unblur.imaging.pyramid import resize
from unblur.tasks.methods.edges import EdgesNetwork
from unblur.weights import find_network


@pytest.fixture(scope="module")
def network():
    return EdgesNetwork.bundled(lambda file: OnnxEngine(file, threads=1))


@pytest.fixture(scope="module")
def coffee():
    return sharp_coffee()


def light_of(pixels):
    return srgb_to_linear(pixels).mean(axis=2, dtype=np.float32)


def test_the_true_edges_give_the_true_kernel(coffee):
    sharp = standard(light_of(coffee))
    _, (kernel,) = shaken(coffee)
    kernel = kernel[16:-16, 16:-16] / kernel[16:-16, 16:-16].sum()
    seen = blur(np.repeat(sharp[..., None], 3, axis=2), kernel, linear_light=False)[..., 0]
    used = usable(np.zeros(sharp.shape, bool), len(kernel) // 2)

    fitted = fits(gradients(seen), gradients(sharp), used, len(kernel))

    # The least squares leave the borders out of one side only.
    for each in fitted:
        found = np.maximum(each - 0.05, 0)
        assert agreement(found / found.sum(), kernel) > 0.9
        assert each.max() == 1


def test_the_true_kernel_sharpens_and_more_so_by_the_weaker_prior(coffee):
    seen, (kernel,) = shaken(coffee)
    plane, sharp = standard(light_of(seen)), standard(light_of(coffee))

    weak, strong = deconvolved(plane, kernel)

    inside = (slice(40, -40),) * 2
    before, after = (np.mean((x - sharp)[inside] ** 2) for x in (plane, weak))
    assert after < before / 2
    rough = [np.abs(np.diff(x[inside])).mean() for x in (plane, strong, weak)]
    assert rough == sorted(rough)


@pytest.mark.parametrize("noise", [0.5, 1.0])
def test_edges_that_the_network_draws_give_the_kernel(network, coffee, noise):
    seen, (kernel,) = shaken(coffee, noise=noise)
    plane = light_of(seen)

    found, again = search_by_edges([plane, plane], seen.max(axis=2) > 0.98, network, canvas_px=33)

    assert agreement(found, kernel) > 0.85
    np.testing.assert_allclose(found, again, atol=1e-6)  # planes do not see one another
    assert found.min() >= 0
    assert found.sum() == pytest.approx(1, abs=1e-5)
    assert len(found) % 2 == 1
    assert len(found) <= 33


def test_a_kernel_nearly_right_is_made_better(network, coffee):
    seen, (kernel,) = shaken(coffee)
    rough = kernel + 0.02 * kernel.max() * np.random.default_rng(1).random(kernel.shape)
    rough = (rough / rough.sum()).astype(np.float32)

    found = refine_by_edges(light_of(seen), np.zeros(seen.shape[:2], bool), rough, network)

    assert agreement(found, kernel) > agreement(rough, kernel)


def test_a_kernel_is_made_better_by_what_was_restored_with_it(network, coffee):
    seen, (kernel,) = shaken(coffee)
    plane = light_of(seen)
    rough = np.maximum(kernel - 0.15 * kernel.max(), 0) / 2 + kernel / 2
    rough = np.pad(np.roll(rough, 1, axis=0) + rough, 1)
    rough = (rough / rough.sum()).astype(np.float32)

    found, again = (
        refine_by_pictures(each, [light_of(coffee)] * 2, rough, network.second)
        for each in (plane, plane)
    )

    assert agreement(found, kernel) > agreement(rough, kernel)
    assert found.min() >= 0
    assert found.sum() == pytest.approx(1, abs=1e-5)
    assert found.tobytes() == again.tobytes()


def test_the_searches_by_edges_are_beside_the_others(network, coffee):
    seen, (kernel,) = shaken(coffee)

    found = search_blur(seen, threads=1, networks=network)
    again = search_blur(seen, threads=2, networks=network)

    drawn = [each for each in found.kernels if each.drawn]
    assert {each.linear_light for each in drawn} == {True, False}
    assert not all(each.drawn for each in found.kernels)
    assert not any(each.halved for each in found.kernels)  # of a small photo
    assert max(agreement(each.kernel, kernel) for each in drawn) > 0.85
    same = zip(found.kernels, again.kernels, strict=True)
    assert all(one.kernel.tobytes() == other.kernel.tobytes() for one, other in same)


def test_of_large_photos_one_kernel_more_is_sought_at_half_size_in_each_light(network):
    seen, (kernel,) = shaken(skimage.data.astronaut() / np.float32(255), length_px=90)
    large = resize(seen, 800, 800)  # the kernel is larger than the canvas at full size

    found = search_blur(large, threads=2, networks=network)

    refined = [each for each in found.kernels if each.drawn][-4:]
    assert {(each.linear_light, each.halved) for each in refined} == {
        (light, halved) for light in (True, False) for halved in (True, False)
    }
    true = resized(kernel, 800 / 512)
    assert max(agreement(each.kernel, true) for each in found.kernels if each.halved) > 0.8


def test_where_light_and_encoded_values_agree_no_other_way_is_tried(network):
    seen, (kernel,) = shaken(skimage.data.astronaut() / np.float32(255), length_px=60)

    found = search_blur(resize(seen, 640, 640), threads=2, networks=network)

    drawn = [each for each in found.kernels if each.drawn]
    assert {each.search for each in drawn} == {drawn[0].search, drawn[1].search}
    assert not any(each.halved for each in drawn)
    true = resized(kernel, 640 / 512)
    assert max(agreement(each.kernel, true) for each in drawn) > 0.9


def test_what_is_flat_gives_a_kernel_all_the_same(network):
    flat = np.zeros((64, 70), np.float32)

    (kernel,) = search_by_edges([flat], flat > 1, network, canvas_px=33)

    assert np.isfinite(kernel).all()
    assert kernel.sum() == pytest.approx(1, abs=1e-5)


def test_another_network_is_refused():
    edges, guided = (OnnxEngine(find_network(name), threads=1) for name in ("edges", "guided"))

    with pytest.raises(NetworkError, match="edges, got guided"):
        EdgesNetwork(guided, guided)
    with pytest.raises(NetworkError, match="paths, got guided"):
        EdgesNetwork(edges, guided)
