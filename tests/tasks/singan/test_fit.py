import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from safetensors.torch import load_file, save_file

from rounding import network_bound
from unblur.errors import NetworkError, OptionError, PhotoError, TargetError, TrainingError
from unblur.imaging.measure.patch_statistics import patch_distance
from unblur.imaging.photo.photo import Photo, read_photo, write_photo
from unblur.imaging.pyramid import resize
from unblur.metrics import psnr
from unblur.tasks.singan.file import read_scene
from unblur.tasks.singan.fit import fit
from unblur.tasks.singan.options import fast_options
from unblur.tasks.singan.use import SinGANRestoreOptions, reconstruct, restore_pixels, sample

QUICK = fast_options(
    scales=3,
    max_size_px=48,
    coarse_scales=1,
    coarse_iterations=24,
    iterations=12,
    crop_px=32,
    pool=4,
    seed=1,
)


@pytest.fixture(scope="module")
def sharp(tmp_path_factory):
    path = tmp_path_factory.mktemp("photo") / "coffee.png"
    pixels = skimage.data.coffee().astype(np.float32) / 255
    write_photo(Photo(pixels=resize(pixels, 200, 300)), path)
    return path


def fit_for(coarse_iterations, iterations, sharp, folder):
    """Fit as users do, at a size that does not take long."""
    options = fast_options(
        scales=3,
        max_size_px=48,
        coarse_scales=1,
        coarse_iterations=coarse_iterations,
        iterations=iterations,
    )
    reports = []
    fit(sharp, folder / "a.singan", options, progress=folder / "a.png", report=reports.append)
    return folder, reports


@pytest.fixture(scope="module")
def fitted(sharp, tmp_path_factory):
    """For long enough to know the scene."""
    return fit_for(100, 30, sharp, tmp_path_factory.mktemp("fitted"))


def reconstructed(fitted, sharp):
    """How well, by the fit's own last report."""
    folder, reports = fitted
    assert [(report.scale, report.scales) for report in reports] == [(1, 3), (2, 3), (3, 3)]
    photo = resize(read_photo(sharp).pixels, 32, 48)
    # The report was made before the last scale's weights were written, in the same precision.
    found = psnr(reconstruct(read_scene(folder / "a.singan")), photo)
    assert found == pytest.approx(reports[-1].psnr, abs=0.5)
    return found


def test_the_photo_is_reconstructed_better_than_most_photos_resemble_each_other(fitted, sharp):
    assert reconstructed(fitted, sharp) >= 25


@pytest.mark.thorough
def test_the_photo_is_reconstructed_at_30_db(sharp, tmp_path):
    assert reconstructed(fit_for(500, 150, sharp, tmp_path), sharp) >= 30


def test_samples_differ_from_each_other_and_keep_the_patches(fitted, sharp):
    scene = read_scene(fitted[0] / "a.singan")
    samples = sample(scene, count=3, seed=5)
    photo = resize(read_photo(sharp).pixels, 32, 48)
    names = ("astronaut", "rocket", "hubble_deep_field")
    others = [
        resize(getattr(skimage.data, name)().astype(np.float32) / 255, 32, 48) for name in names
    ]
    for index, picture in enumerate(samples):
        assert psnr(picture, samples[index - 1]) < 30
        assert patch_distance(picture, photo) < min(map(partial(patch_distance, picture), others))
    again = sample(scene, count=3, seed=5)
    assert all(np.array_equal(a, b) for a, b in zip(samples, again, strict=True))
    assert sample(scene, size=(50, 20))[0].shape == (50, 20, 3)


def test_progress_shows_a_column_for_each_scale(fitted):
    picture = read_photo(fitted[0] / "a.png").pixels
    assert picture.shape[1] > 2.5 * picture.shape[0] / 3
    assert picture.std() > 0.1


@pytest.mark.parametrize("start", ["shrink-first", "grow"])
@pytest.mark.parametrize("size", [(32, 48), (51, 33)])
def test_a_blurred_photo_is_restored_in_its_own_size_and_place(fitted, sharp, start, size):
    scene = read_scene(fitted[0] / "a.singan")
    blurred = resize(resize(read_photo(sharp).pixels, 20, 30), *size)
    restored = restore_pixels(scene, blurred, SinGANRestoreOptions(start=start, steps=2))
    assert restored.shape == blurred.shape
    assert 20 < psnr(restored, blurred) < 60
    # Moved by a pixel either way it fits worse: it lies where it lay.
    for shift in (-1, 1):
        for axis in (0, 1):
            moved = np.roll(restored, shift, axis=axis)[2:-2, 2:-2]
            assert psnr(moved, blurred[2:-2, 2:-2]) < psnr(restored, blurred)


def test_bands_of_rows_give_the_whole_pictures_pixels(fitted, monkeypatch):
    scene = read_scene(fitted[0] / "a.singan")
    blurred = np.random.default_rng(0).random((40, 30, 3), np.float32)
    whole = restore_pixels(scene, blurred)
    monkeypatch.setattr("unblur.tasks.singan.use._BAND_PX", 200)
    # A band may be added up in another order than the whole, by layers of 27 and 288 terms.
    bound = network_bound(scene.gan.generators[-1], whole)
    assert np.allclose(restore_pixels(scene, blurred), whole, atol=bound, rtol=0)


@pytest.fixture(scope="module")
def whole(sharp, tmp_path_factory):
    """The file of a fit that nothing stopped."""
    path = tmp_path_factory.mktemp("whole") / "whole.singan"
    fit(sharp, path, QUICK)
    return path


def test_resuming_at_any_point_gives_the_same_bytes(sharp, whole, tmp_path):
    again = tmp_path / "again.singan"
    fit(sharp, again, QUICK)
    assert whole.read_bytes() == again.read_bytes()

    class StopError(Exception):
        pass

    for stop in (1, 2):
        parts = tmp_path / f"parts{stop}.singan"

        def halt(report, stop=stop):
            if report.scale == stop:
                raise StopError

        with pytest.raises(StopError):
            fit(sharp, parts, QUICK, report=halt)
        assert read_scene(parts).fitted == stop
        fit(sharp, parts, QUICK, resume=True)
        assert parts.read_bytes() == whole.read_bytes()


def test_a_run_killed_within_a_scale_goes_on_from_its_last_write(sharp, whole, tmp_path):
    killed = tmp_path / "killed.singan"
    script = (
        "import os, sys; from pathlib import Path; import unblur.tasks.singan.fit as task\n"
        "from unblur.tasks.singan.options import SinGANOptions\n"
        "write, writes = task.write_scene, []\n"
        "def kill(*a, **k):\n"
        "    write(*a, **k); writes.append(1)\n"
        "    if len(writes) == 3: os.kill(os.getpid(), 9)\n"
        "task.write_scene = kill\n"
        f"options = SinGANOptions.from_dict({QUICK.as_dict()!r})\n"
        "task.fit(Path(sys.argv[1]), Path(sys.argv[2]), options, save_minutes=0)\n"
    )
    ended = subprocess.run([sys.executable, "-c", script, sharp, killed], check=False)
    assert ended.returncode == -9
    scene = read_scene(killed)
    # Three chunks of the first scale, 10 + 10 + 4 iterations; its end has not been written.
    assert (scene.fitted, int(scene.progress["iteration"])) == (0, 24)
    fit(sharp, killed, QUICK, resume=True)
    assert killed.read_bytes() == whole.read_bytes()


def test_an_unfinished_scene_says_how_far_it_is(sharp, tmp_path):
    path = tmp_path / "part.singan"

    def stop(report):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(sharp, path, QUICK, report=stop)
    with pytest.raises(NetworkError, match="only 1 of 3 scales"):
        restore_pixels(read_scene(path), np.zeros((40, 40, 3), np.float32))


def test_another_photo_or_other_options_are_not_resumed(sharp, whole, tmp_path):
    path = Path(shutil.copy(whole, tmp_path))
    with pytest.raises(TargetError, match="--resume"):
        fit(sharp, path, QUICK)
    other = fast_options(**{**QUICK.as_dict(), "learning_rate": 1e-3})
    with pytest.raises(OptionError, match=r"learning_rate was 0\.0005, is 0\.001"):
        fit(sharp, path, other, resume=True)
    turned = tmp_path / "turned.png"
    write_photo(Photo(pixels=np.ascontiguousarray(read_photo(sharp).pixels[::-1])), turned)
    with pytest.raises(OptionError, match="another photo"):
        fit(turned, path, QUICK, resume=True)


def test_grey_and_16_bit_photos_are_learnt(tmp_path):
    grey = skimage.data.camera().astype(np.float32)[:64, :64, None].repeat(3, axis=2) / 255
    write_photo(Photo(pixels=grey, grey=True, bits=16), tmp_path / "grey.png")
    options = fast_options(scales=2, max_size_px=32, coarse_scales=0, iterations=2)
    scene = fit(tmp_path / "grey.png", tmp_path / "grey.singan", options)
    assert scene.done


def test_a_photo_too_small_or_missing_is_named(tmp_path):
    small = tmp_path / "small.png"
    write_photo(Photo(pixels=np.zeros((31, 200, 3), np.float32)), small)
    with pytest.raises(OptionError, match=r"200x31 px; .* at least 32"):
        fit(small, tmp_path / "a.singan", QUICK)
    with pytest.raises(PhotoError):
        fit(tmp_path / "none.png", tmp_path / "a.singan", QUICK)
    assert not (tmp_path / "a.singan").exists()


def test_cut_foreign_and_newer_files_are_told_apart(fitted, tmp_path):
    good = fitted[0] / "a.singan"
    path = tmp_path / "b.singan"
    path.write_bytes(good.read_bytes()[:-100])
    with pytest.raises(NetworkError, match="only a part"):
        read_scene(path)
    path.write_bytes(b"not a model")
    with pytest.raises(NetworkError, match=r"not a \.singan file"):
        read_scene(path)
    tensors = load_file(good)
    save_file(tensors, path, metadata={"unblur-singan": '{"version": "9"}'})
    with pytest.raises(NetworkError, match="version 9, this unblur reads version 1"):
        read_scene(path)
    save_file(tensors, path, metadata={"format": "pt"})
    with pytest.raises(NetworkError, match="another safetensors file"):
        read_scene(path)
    with pytest.raises(NetworkError, match="singan fit"):
        read_scene(tmp_path / "none.singan")


def test_a_loss_that_is_not_finite_names_scale_and_iteration(sharp, tmp_path):
    options = fast_options(**{**QUICK.as_dict(), "learning_rate": 1e30})
    with pytest.raises(TrainingError, match="scale 0, iteration"):
        fit(sharp, tmp_path / "a.singan", options)


@pytest.mark.skipif(sys.platform != "linux", reason="limits memory as Linux does")
def test_too_little_memory_names_the_scale_and_a_size_that_fits(sharp, tmp_path):
    big = tmp_path / "big.png"
    write_photo(Photo(pixels=resize(read_photo(sharp).pixels, 1000, 1500)), big)
    script = (
        "import resource, sys; from pathlib import Path\n"
        "import torch; torch.set_num_threads(1)\n"
        "from unblur.tasks.singan.fit import fit\n"
        "from unblur.tasks.singan.options import SinGANOptions\n"
        "from unblur.errors import TrainingError\n"
        "options = SinGANOptions(scales=3, max_size_px=1500, iterations=1)\n"
        "def limit(report):\n"
        "    if report.scale > 1: return\n"
        "    pages = int(Path('/proc/self/statm').read_text().split()[0])\n"
        "    most = pages * resource.getpagesize() + 200_000_000\n"
        "    resource.setrlimit(resource.RLIMIT_AS, (most, most))\n"
        "try:\n"
        "    fit(Path(sys.argv[1]), Path(sys.argv[2]), options, report=limit)\n"
        "except TrainingError as error:\n"
        "    print(error)\n"
    )
    arguments = [sys.executable, "-c", script, big, tmp_path / "a.singan"]
    ended = subprocess.run(arguments, check=False, capture_output=True, text=True)
    assert "does not fit in memory" in ended.stdout, ended.stderr
    assert "--max-size" in ended.stdout
