"""Large photos from file to file: the bytes of restoring in memory, tiled, whatever the road."""

from dataclasses import replace

import numpy as np
import pytest
import skimage.data

from icc_profiles import profile
from pillow_files import exif_block
from rounding import sums_bound
from small_network import sharpening_network
from unblur import Photo, restore
from unblur.errors import OptionError, PhotoError, TargetError
from unblur.imaging.measure.guard import guard_weight
from unblur.imaging.photo.photo import read_photo, write_photo
from unblur.tasks.batch.files import find_sources, plan_jobs, restore_file, restore_files
from unblur.tasks.restore import onlookers
from unblur.tasks.restore.file import is_large
from unblur.tasks.restore.options import RestoreOptions
from unblur.tasks.restore.restorer import Restorer
from unblur.tasks.restore.streamed import restore_streamed


@pytest.fixture(scope="module")
def pixels():
    """530 x 700 px, sharp on the left, smeared on the right."""
    sharp = np.tile(skimage.data.astronaut(), (2, 2, 1))[100:630, 200:900].astype(np.float32) / 255
    smeared = np.mean([np.roll(sharp, shift, 1) for shift in range(-5, 6)], axis=0)
    smeared[:, :350] = sharp[:, :350]
    return smeared.astype(np.float32)


@pytest.fixture(scope="module")
def folder(pixels, tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    alpha = np.arange(530 * 700, dtype=np.uint16).reshape(530, 700)
    colour = Photo(pixels=pixels)
    write_photo(colour, folder / "plain.jpg")
    write_photo(replace(colour, bits=16, alpha=alpha), folder / "deep.tif")
    write_photo(replace(colour, grey=True, alpha=alpha.astype(np.uint8)), folder / "grey.png")
    white = np.zeros((530, 700, 3), np.float32)
    white[100:400, 200:600] = 1
    write_photo(Photo(pixels=white, grey=True), folder / "mask.png")
    from PIL import Image

    turned = Image.fromarray(np.rint(pixels * 255).astype(np.uint8)).rotate(90, expand=True)
    turned.save(folder / "turned.jpg", exif=exif_block(6), icc_profile=profile("Display P3"))
    return folder


@pytest.fixture(scope="module")
def options(tmp_path_factory):
    network = sharpening_network(tmp_path_factory.mktemp("net") / "sharpening.onnx")

    def make(**more):
        return RestoreOptions(**{"model": str(network), "engine": "onnx", "tile": 160, **more})

    return make


@pytest.fixture
def all_large(monkeypatch):
    monkeypatch.setattr("unblur.tasks.restore.file._LARGE_MEGAPIXELS", 0.01)


@pytest.mark.parametrize(
    ("name", "suffix", "more"),
    [
        ("plain.jpg", ".jpg", {}),
        ("plain.jpg", ".png", {"crop": (130, 77, 401, 333)}),
        ("deep.tif", ".tif", {"strength": 0.7}),
        ("deep.tif", ".png", {"crop": (1, 2, 3, 4)}),
        ("grey.png", ".png", {"guard": False}),
        ("turned.jpg", ".jpg", {}),
        ("deep.tif", ".tif", {"mask": "mask.png"}),
        ("plain.jpg", ".webp", {"method": "unsharp-mask"}),
    ],
)
def test_a_streamed_photo_is_that_of_memory_to_the_last_byte(
    name, suffix, more, folder, tmp_path, options
):
    if "mask" in more:
        more = {"mask": folder / more["mask"]}
    restorer = Restorer.open(options(**more))
    restored = restorer.restore(read_photo(folder / name))
    write_photo(restored, tmp_path / f"whole{suffix}")

    restore_streamed(folder / name, tmp_path / f"stream{suffix}", restorer)

    data = (tmp_path / f"stream{suffix}").read_bytes()
    assert data == (tmp_path / f"whole{suffix}").read_bytes()
    left, top, width, height = more.get("crop", (0, 0, 700, 530))
    assert read_photo(data).pixels.shape == (height, width, 3)
    original = read_photo(folder / name).pixels[top : top + height, left : left + width]
    if width > 3:
        assert np.abs(restored.pixels - original).max() > 0.05  # something was done


@pytest.mark.parametrize("crop", [None, (201, 133, 380, 190)])
@pytest.mark.parametrize("tile", [100, 333, "auto"])
def test_tiles_are_guarded_like_the_whole(tile, crop, pixels, options):
    unguarded = Restorer.open(options(guard=False, tile="off")).restore_pixels(pixels)
    weight = guard_weight(pixels, unguarded)
    assert (weight[:, :250] < 0.9).any()
    assert (weight[:, 450:] > 0.9).any()

    restored = Restorer.open(options(tile=tile, crop=crop)).restore_pixels(pixels)

    expected = pixels + weight[..., None] * (unguarded - pixels)
    left, top, width, height = crop or (0, 0, 700, 530)
    # 75 products, which add up to 4 times the photo before their signs: 2e-5.
    np.testing.assert_allclose(
        restored,
        expected[top : top + height, left : left + width],
        rtol=0,
        atol=sums_bound(75, values=4 * pixels),
    )


def test_every_road_to_a_large_photo_writes_the_same_file(folder, tmp_path, all_large, options):
    chosen = options()
    restorer = Restorer.open(chosen, streams=2)
    source = folder / "plain.jpg"
    write_photo(restorer.restore(read_photo(source)), tmp_path / "memory.jpg")
    expected = (tmp_path / "memory.jpg").read_bytes()

    one = restore_file(source, restorer, target=tmp_path / "one.jpg")
    (tmp_path / "copy.jpg").write_bytes(source.read_bytes())
    result = restore(tmp_path / "copy.jpg", options=chosen)
    for workers in (1, 2):
        jobs = plan_jobs(find_sources([source, folder / "deep.tif"]), tmp_path / str(workers))
        results = list(restore_files(jobs, restorer, workers=workers))
        assert [x.error for x in results] == [None, None]

    for path in (one.target, result, tmp_path / "1/plain.unblurred.jpg"):
        assert path.read_bytes() == expected
    assert (tmp_path / "2/plain.unblurred.jpg").read_bytes() == expected
    assert len(list((tmp_path / "2").iterdir())) == 2


@pytest.mark.parametrize("streamed", [True, False])
def test_a_large_photo_gets_a_reduced_preview(
    streamed, folder, pixels, tmp_path, monkeypatch, options
):
    monkeypatch.setattr("unblur.tasks.restore.file._LARGE_MEGAPIXELS", 0.01 if streamed else 1)
    monkeypatch.setattr(onlookers, "_SIDE_PX", 300)
    chosen = options(crop=(30, 40, 601, 401))
    target, preview = tmp_path / "t.png", tmp_path / "preview.png"

    restore_file(folder / "plain.jpg", Restorer.open(chosen), target=target, preview=preview)

    shown = read_photo(preview).pixels
    assert shown.shape == (133, 2 * 200 + 4, 3)  # a third
    for columns, whole in (
        (slice(0, 200), read_photo(folder / "plain.jpg").pixels[40:441, 30:631]),
        (slice(204, 404), read_photo(target).pixels),
    ):
        thirds = whole[:399, :600].reshape(133, 3, 200, 3, 3).mean(axis=(1, 3))
        assert np.abs(shown[:, columns] - thirds)[20:].max() < 1 / 254


def test_a_ribbon_gets_a_preview(tmp_path, monkeypatch, all_large):
    monkeypatch.setattr(onlookers, "_SIDE_PX", 100)
    ribbon = np.full((3, 4000, 3), 0.5, np.float32)
    write_photo(Photo(pixels=ribbon), tmp_path / "ribbon.png")
    chosen = RestoreOptions(method="unsharp-mask")

    restore_file(tmp_path / "ribbon.png", Restorer.open(chosen), preview=tmp_path / "p.png")

    assert read_photo(tmp_path / "p.png").pixels.shape[0] == 64  # enlarged for the label


def test_losses_of_a_format_are_said(folder, tmp_path, all_large):
    chosen = RestoreOptions(method="unsharp-mask")

    done = restore_file(folder / "deep.tif", Restorer.open(chosen), target=tmp_path / "x.jpg")

    assert done.notes == ("alpha left out: JPEG has none", "16 bits became 8: jpeg has no more")


@pytest.mark.parametrize(("crop", "tile"), [((690, 0, 20, 20), 512), (None, 7)])
def test_what_does_not_fit_is_an_error_and_leaves_nothing(
    crop, tile, folder, tmp_path, all_large, options
):
    chosen = options(crop=crop, tile=tile)

    with pytest.raises(OptionError):
        restore_file(folder / "plain.jpg", Restorer.open(chosen), target=tmp_path / "x.png")

    assert list(tmp_path.iterdir()) == []


def test_a_target_that_exists_is_left_alone(folder, tmp_path, all_large, options):
    chosen = options()
    (tmp_path / "x.png").write_bytes(b"precious")

    with pytest.raises(TargetError, match="--overwrite"):
        restore_file(folder / "grey.png", Restorer.open(chosen), target=tmp_path / "x.png")


@pytest.mark.parametrize("name", ["missing.jpg", "folder.jpg", "text.jpg"])
def test_what_cannot_be_read_is_not_large_and_an_error_of_its_own(name, tmp_path):
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "text.jpg").write_text("no photo")
    chosen = RestoreOptions(method="unsharp-mask")

    assert not is_large(tmp_path / name)
    with pytest.raises(PhotoError, match=name):
        restore_file(tmp_path / name, Restorer.open(chosen), target=tmp_path / "x.png")


def test_photos_are_large_from_six_megapixels_on(tmp_path):
    for width, large in ((2000, False), (2001, True)):
        path = tmp_path / f"{width}[2].png"
        write_photo(Photo(pixels=np.zeros((3000, width, 3), np.float32)), path)
        assert is_large(path) is large
