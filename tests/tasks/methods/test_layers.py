"""Networks that normalise by the whole picture: band by band, the same as at once."""

import warnings

import numpy as np
import pytest
import skimage.data
import torch

from authors_generator import biased
from unblur import psnr
from unblur.engines import Graph, OnnxEngine, OpenVinoEngine
from unblur.errors import NetworkError, OptionError
from unblur.imaging.tiles import ArrayPicture
from unblur.models import build_model
from unblur.tasks.methods import layers
from unblur.tasks.methods.layers import LayeredNetwork, plan_bands
from unblur.tasks.networks.export import export
from unblur.tasks.restore.options import RestoreOptions
from unblur.tasks.restore.restorer import Restorer
from unblur.weights import find_network


@pytest.fixture(scope="module")
def photo():
    """A soft sky above, hard letters below: halves that normalise differently."""
    page = np.repeat(skimage.data.page()[:, :256, None], 3, axis=2)
    return np.concatenate([skimage.data.astronaut()[:150, :256], page]).astype(np.float32) / 255


@pytest.fixture(scope="module")
def deblurgan(tmp_path_factory):
    """A narrow DeblurGAN with random weights, which change a photo more than trained ones."""
    path = tmp_path_factory.mktemp("net") / "deblurgan.onnx"
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own
        export(biased(build_model("deblurgan-16")), path, model="deblurgan-16", metadata={})
    return path


def options(**more):
    return RestoreOptions(
        **{"method": "network", "engine": "onnx", "precision": "fp32", "guard": False, **more}
    )


@pytest.mark.parametrize("engine", ["onnx", "openvino"])
def test_a_network_that_sees_the_whole_picture_is_tiled_without_seams(deblurgan, photo, engine):
    more = {"model": str(deblurgan), "engine": engine}
    whole = Restorer.open(options(tile="off", **more)).restore_pixels(photo)

    tiled = Restorer.open(options(tile=100, **more)).restore_pixels(photo)

    assert psnr(photo, whole) < 20  # the network does something
    assert psnr(tiled, whole) > 55
    halves = (photo[:160], photo[160:])
    alone = [Restorer.open(options(tile="off", **more)).restore_pixels(half) for half in halves]
    assert psnr(np.concatenate(alone), whole) < 30  # what each by itself would give
    error = np.abs(np.diff(tiled - whole, axis=0)).mean(axis=(1, 2))
    borders = [inside.stop - 1 for _, inside in plan_bands(344, 256, 1)][:-1]
    assert len(borders) > 3
    assert error[borders].mean() < 1.5 * error.mean()


def test_sides_that_are_no_multiples_are_mirrored_as_in_the_whole(deblurgan, photo):
    odd = photo[:203, :90]
    whole = Restorer.open(options(model=str(deblurgan), tile="off")).restore_pixels(odd)

    tiled = Restorer.open(options(model=str(deblurgan), tile=64)).restore_pixels(odd)

    assert psnr(tiled, whole) > 55


def test_a_crop_is_that_part_of_the_whole_result(deblurgan, photo):
    whole = Restorer.open(options(model=str(deblurgan), tile="off")).restore_pixels(photo)
    more = {"model": str(deblurgan), "crop": (31, 77, 130, 155)}

    cropped = Restorer.open(options(**more)).restore_pixels(photo)

    assert psnr(cropped, whole[77:232, 31:161]) > 55


@pytest.mark.parametrize("keep", [0, 1000])
def test_whatever_is_kept_or_computed_again_the_result_is_the_same(
    deblurgan, photo, keep, monkeypatch
):
    picture = photo[100:228, :64]
    whole = Restorer.open(options(model=str(deblurgan), tile="off")).restore_pixels(picture)
    monkeypatch.setattr(layers, "_KEPT_VALUES", keep)
    network = LayeredNetwork(OnnxEngine(deblurgan), Graph(deblurgan.read_bytes()), multiple_of=4)

    restored = network.restore(ArrayPicture(picture), band_px=1)

    assert psnr(restored.read(slice(0, 128), slice(0, 64)), whole) > 55


def test_bands_cover_all_rows_once_with_surroundings():
    for height in (4, 64, 68, 100, 344, 1000):
        covered = np.zeros(height, int)
        for seen, inside in plan_bands(height, 256, 256 * 64):
            covered[inside] += 1
            assert seen.start % 4 == inside.start % 4 == 0
            assert seen.start == 0 or seen.start <= inside.start - 16
            assert seen.stop == height or seen.stop >= inside.stop + 16
        assert (covered == 1).all()


def test_each_part_takes_what_earlier_ones_made(deblurgan):
    graph = Graph(deblurgan.read_bytes())
    assert len(graph) == 23
    made = {graph.input}
    for norm in range(len(graph)):
        part = graph.part(norm - 1 if norm else None, norm)
        assert set(part.inputs) <= made
        assert part.norms == ((norm - 1,) if norm else ())
        made |= set(part.outputs)
        assert graph.live(norm) <= made
    assert graph.part(22, None).outputs == (graph.output,)


@pytest.mark.parametrize("engine", [OnnxEngine, OpenVinoEngine])
def test_a_part_that_is_no_network_is_refused(deblurgan, engine):
    with pytest.raises(NetworkError, match="cannot be run"):
        engine(deblurgan).open_part(b"nothing")


def test_a_network_without_norms_has_nothing_to_be_cut_at():
    with pytest.raises(NetworkError, match="no instance normalisation"):
        Graph(find_network("fast").read_bytes())


def test_a_damaged_file_is_refused(deblurgan):
    with pytest.raises(NetworkError):
        Graph(deblurgan.read_bytes()[:50_000])


def test_torch_restores_such_networks_at_once_only(deblurgan, photo):
    restorer = Restorer.open(options(model=str(deblurgan), engine="torch", tile=100))

    with pytest.raises(OptionError, match=r"at once only; use tile=off, or the engine onnx"):
        restorer.restore_pixels(photo)


def test_tiny_pictures_are_restored_by_a_network_that_mirrors_its_edges(deblurgan):
    restorer = Restorer.open(options(model=str(deblurgan)))

    for size in ((1, 1), (2, 7), (5, 3)):
        assert restorer.restore_pixels(np.full((*size, 3), 0.5, np.float32)).shape == (*size, 3)
