"""Networks of others: of every kind that unblur runs, and those that it refuses in one line."""

import numpy as np
import pytest
import skimage.data

import foreign_networks
from unblur import psnr
from unblur.engines import OnnxEngine, OpenVinoEngine
from unblur.errors import NetworkError, OptionError
from unblur.tasks.batch.ledger import describe_work
from unblur.tasks.foreign.keep import ready
from unblur.tasks.foreign.probe import Stated, probe
from unblur.tasks.restore.options import RestoreOptions
from unblur.tasks.restore.restorer import Restorer


@pytest.fixture(scope="module")
def photo():
    return skimage.data.astronaut()[:203, :170].astype(np.float32) / 255


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    monkeypatch.setenv("UNBLUR_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


def made(kind, folder, **options):
    return getattr(foreign_networks, kind)(folder / f"{kind}.onnx", **options)


def restored(path, pixels, **more):
    options = {"method": "network", "engine": "onnx", "precision": "fp32", "guard": False, **more}
    return Restorer.open(RestoreOptions(model=str(path), **options)).restore_pixels(pixels)


def sharpened(pixels, side=5, strength=0.6):
    """What the networks of the tests compute, within the picture."""
    whole = np.pad(pixels, ((side // 2,) * 2, (side // 2,) * 2, (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(whole, (side, side), (0, 1))
    return pixels + np.float32(strength) * (pixels - windows.mean((-1, -2)))


@pytest.mark.parametrize(
    ("kind", "seen", "atol"),
    [
        ("plain", "(B, 3, H, W) of float, any sides", 1e-5),
        ("bytes_range", "values 0..255 (seen:", 0.5 / 255 + 1e-5),
        ("channels_last", "(B, H, W, 3) of float, any sides", 1e-5),
        ("fixed_size", "of 96 x 96 px and no other size", 1e-5),
        ("half_numbers", "of float16, any sides", 4e-3),
        ("byte_numbers", "of uint8, any sides", 1.7 / 255),
        ("several_outputs", "output 'Conv2' of 3", 1e-5),
        ("bytes_in_shares_out", "values 0..255 in, 0..1 out (bytes;", 1.7 / 255),
        ("shares_in_bytes_out", "values 0..1 in, 0..255 out (seen:", 0.5 / 255 + 1e-5),
    ],
)
def test_whatever_a_network_takes_and_gives_a_photo_is_restored_by_it(
    kind, seen, atol, tmp_path, photo
):
    path = made(kind, tmp_path)

    report = "; ".join(probe(path, Stated(), facts={}).report)

    assert seen in report
    # Of one size only, the last tiles are filled by mirroring, where the test sees black.
    inside = np.s_[:-2, :-2] if kind == "fixed_size" else np.s_[:, :]
    expected = sharpened(photo).clip(0, 1)[inside]
    assert np.abs(expected - photo[inside]).max() > 0.2
    for tile in ("auto", 192):
        got = restored(path, photo, tile=tile)[inside]
        np.testing.assert_allclose(got, expected, atol=atol, rtol=0)
    openvino = restored(path, photo, engine="openvino")[inside]
    np.testing.assert_allclose(openvino, expected, atol=max(atol, 1e-4), rtol=0)


def test_sides_that_must_be_multiples_are_found_and_tiles_fit_them(tmp_path, photo):
    path = made("multiples", tmp_path)

    found = probe(path, Stated(), facts={})

    assert found.multiple_of == 16
    assert "multiples of 16 (the least that ran)" in found.report[0]
    whole = restored(path, photo, tile="off")
    assert psnr(whole, photo) < 40
    assert psnr(restored(path, photo, tile=192), whole) > 80


def test_a_range_that_nothing_tells_is_assumed_and_can_be_stated(tmp_path, photo):
    path = made("signed_range", tmp_path)
    assumed = probe(made("plain", tmp_path), Stated(), facts={})
    assert assumed.adaptation.range == "0..1"
    assert "values 0..1 (assumed: nothing tells it" in assumed.report[1]

    found = probe(path, Stated(range="-1..1"), facts={})

    assert found.adaptation.range == "-1..1"
    assert found.report[1].startswith("values -1..1 (as stated")
    file = tmp_path / "adapted.onnx"
    file.write_bytes(found.model)
    dark = photo < 0.5
    change = np.abs(restored(file, photo) - photo)
    assert change[dark].max() > 0.1  # as the network does below 0
    assert change[photo > 0.51].max() < 1e-5


def test_a_network_that_ruins_pictures_is_told(tmp_path):
    found = probe(made("darkening", tmp_path), Stated(), facts={})

    (line,) = (line for line in found.report if "gets worse by" in line)
    assert "--range and --order say what it takes" in line
    fine = probe(made("plain", tmp_path), Stated(), facts={})
    assert not any("gets worse by" in line for line in fine.report)


def test_the_receptive_field_is_measured(tmp_path):
    net = foreign_networks.Foreign()
    x = "image"
    for _ in range(3):
        x = net.sharpened(x, strength=0.8)
    net.give(x)

    sight = probe(net.save(tmp_path / "net.onnx"), Stated(), facts={}).sight

    assert sight.tiling == "exact"
    assert 13 <= sight.receptive_field_px <= 13 + 6


def test_means_over_the_whole_picture_are_found_and_it_is_restored_layer_by_layer(tmp_path, photo):
    path = made("with_means", tmp_path)

    found = probe(path, Stated(), facts={})

    assert found.sight.tiling == "global"
    assert "layer by layer" in found.report[-1]
    uneven = photo.copy()
    uneven[:100] *= 0.3
    for engine in ("onnx", "openvino"):
        whole = restored(path, uneven, tile="off", engine=engine)
        halves = [restored(path, part, tile="off") for part in (uneven[:100], uneven[100:])]
        assert psnr(np.concatenate(halves), whole) < 40  # what each by itself would give
        assert psnr(restored(path, uneven, tile=64, engine=engine), whole) > 60


def test_what_cannot_be_cut_into_layers_is_tiled_and_says_so(tmp_path):
    found = probe(made("with_largest", tmp_path), Stated(), facts={})

    assert found.sight.tiling == "near"
    assert "cannot be cut into layers" in found.report[-1]


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("grey", r"takes \['b', 1, 'h', 'w'\]: expected pictures of 3 colours"),
        ("larger", "2 times its size: expected a picture of the same size"),
        ("classes", "gives 1 x 3 x 1 x 1 for a picture of"),
        ("noise", r"gives no picture of what it is shown.*--range"),
        ("without a batch", r"gives 3 x .*: expected a picture of the same size, \(B, 3, H, W\)"),
        ("video", r"takes \['b', 't', 3, 'h', 'w'\]: expected a batch of pictures"),
        ("several at once", "4 pictures at once: expected one, or any number"),
        ("shapeless", "does not say the shape of what it takes: .*export it with shapes"),
        ("two inputs", r"takes 2 inputs \(image, sigma\): expected one, a picture"),
        ("integers", "image holds int32; known: float, uint8, float16, double"),
        ("old", "in version 5 of ONNX's operators: expected 7 or newer; onnx.version_converter"),
        ("new", r"in version 999 of ONNX's operators: ONNX Runtime \S+ knows up to \d+; export"),
        (
            "unknown operator",
            r"cannot be run by ONNX Runtime \d\S+: .*DeformableConvolution",
        ),
        ("text", "is not a network: expected an ONNX file; Failed to load model because protobuf"),
    ],
)
def test_what_does_not_restore_pictures_is_refused_in_one_line(kind, message, tmp_path):
    path = foreign_networks.refused(tmp_path / "net.onnx", kind)

    with pytest.raises(NetworkError, match=message) as refusal:
        Restorer.open(RestoreOptions(model=str(path)))
    assert "\n" not in str(refusal.value)


def test_weights_beside_the_file_come_with_it(tmp_path, photo):
    path = made("plain", tmp_path, beside=True)
    assert (tmp_path / "plain.onnx.data").stat().st_size > 500
    expected = sharpened(photo).clip(0, 1)

    np.testing.assert_allclose(restored(path, photo), expected, atol=1e-5, rtol=0)

    (tmp_path / "plain.onnx.data").unlink()
    with pytest.raises(NetworkError, match="must lie beside the network file"):
        probe(path, Stated(), facts={})


def test_weights_beside_the_file_that_changed_are_another_network(tmp_path, photo):
    path = made("plain", tmp_path, beside=True)
    data = tmp_path / "plain.onnx.data"
    first, work = ready(path), describe_work(RestoreOptions(model=str(path)))
    network = path.read_bytes()
    weights = np.frombuffer(data.read_bytes(), np.float32)

    data.write_bytes((weights * np.float32(0.5)).tobytes())

    assert path.read_bytes() == network
    assert ready(path) != first
    assert describe_work(RestoreOptions(model=str(path))) != work
    darker = restored(path, photo)
    np.testing.assert_allclose(darker, (sharpened(photo) / 2).clip(0, 1), atol=1e-5, rtol=0)
    data.write_bytes(data.read_bytes()[:100])
    with pytest.raises(
        NetworkError, match=r"onnx\.data: the network's weights are cut short \(100 of"
    ):
        ready(path)


def test_colours_can_be_stated_to_be_in_the_other_order(tmp_path, photo):
    net = foreign_networks.Foreign()
    net.give(net.node("Mul", "image", net.constant([[[1.0]], [[1.0]], [[0.5]]])))
    found = probe(net.save(tmp_path / "net.onnx"), Stated(order="bgr"), facts={})
    file = tmp_path / "adapted.onnx"
    file.write_bytes(found.model)
    batch = np.ascontiguousarray(photo.transpose(2, 0, 1)[None])

    for engine in (OnnxEngine(file), OpenVinoEngine(file, precision="fp32")):
        halved = engine.run(batch)

        np.testing.assert_allclose(halved[0, 0], batch[0, 0] / 2, atol=1e-6)
        np.testing.assert_allclose(halved[0, 1:], batch[0, 1:], atol=1e-6)


def test_what_is_stated_is_checked(tmp_path):
    with pytest.raises(
        OptionError, match=r"unknown range '0\.\.2'; known: 0\.\.1, -1\.\.1, 0\.\.255"
    ):
        Stated(range="0..2")
    with pytest.raises(OptionError, match="multiple must be 1 or more, got 0"):
        Stated(multiple=0)
    with pytest.raises(OptionError, match="has no output 'mask'; it has Conv0"):
        probe(made("plain", tmp_path), Stated(output="mask"), facts={})
    path = made("multiples", tmp_path)
    with pytest.raises(NetworkError, match=r"multiples\.onnx: "):
        probe(path, Stated(multiple=8), facts={})


def test_a_file_is_looked_at_once_and_again_when_it_changes(tmp_path, data, photo):
    path = made("plain", tmp_path)

    first = ready(path)

    assert first.parent == data / "probed"
    written = first.stat().st_mtime_ns
    assert ready(path) == first
    assert first.stat().st_mtime_ns == written
    made("several_outputs", tmp_path).replace(path)
    assert ready(path) != first
    assert len(list((data / "probed").iterdir())) == 2


def test_where_nothing_can_be_kept_it_restores_all_the_same(tmp_path, data, photo):
    data.write_text("a file where the folder should be")

    sharper = restored(made("plain", tmp_path), photo)

    np.testing.assert_allclose(sharper, sharpened(photo).clip(0, 1), atol=1e-5, rtol=0)


def test_a_network_of_one_size_says_so_when_all_is_wanted_at_once(tmp_path, photo):
    with pytest.raises(OptionError, match="sees 96 x 96 px at once, and no more; tile=auto"):
        restored(made("fixed_size", tmp_path), photo, tile="off")
