import numpy as np
import pytest
import skimage.data

from unblur import Photo, read_photo, write_photo
from unblur.imaging.pyramid import resize


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    pixels = resize(skimage.data.coffee().astype(np.float32) / 255, 60, 90)
    write_photo(Photo(pixels=pixels), folder / "sharp.png")
    write_photo(
        Photo(pixels=resize(resize(pixels, 20, 30), 60, 90), bits=16), folder / "blurred.png"
    )
    return folder


@pytest.fixture
def scene(run, photos, tmp_path):
    small = ("--scales", "2", "--max-size", "40", "--iterations", "3")
    return run("singan", "fit", photos / "sharp.png", "-o", "a.singan", *small)


def test_a_scene_is_fitted_restored_and_sampled(run, photos, tmp_path, scene):
    assert (scene.returncode, scene.stderr) == (0, "")
    lines = scene.stdout.splitlines()
    assert lines[0].startswith("scale 1/2, 38x25 px: ")
    assert lines[1].startswith("scale 2/2, 40x27 px: ")
    assert "dB" in lines[1]
    assert read_photo(tmp_path / "a.png").pixels.std() > 0.1

    blurred = photos / "blurred.png"
    before = blurred.read_bytes()
    arguments = ("--model", "a.singan", "-o", "out.png", "--preview", "pair.jpg")
    done = run("singan", "restore", blurred, *arguments, "--steps", "1")
    assert (done.returncode, done.stdout, done.stderr) == (0, "out.png\n", "")
    restored = read_photo(tmp_path / "out.png")
    assert (restored.pixels.shape, restored.bits) == ((60, 90, 3), 16)
    assert read_photo(tmp_path / "pair.jpg").pixels.shape[1] > 180
    assert blurred.read_bytes() == before
    again = run("singan", "restore", blurred, *arguments)
    assert again.returncode == 2
    assert "exists; --overwrite" in again.stderr

    arguments = ("--model", "a.singan", "-o", "drawn", "--count", "2", "--size", "50x30")
    done = run("singan", "sample", *arguments)
    assert done.returncode == 0
    assert done.stdout.count("distance of its patches") == 2
    drawn = [read_photo(tmp_path / "drawn" / f"sample-00{n}.png").pixels for n in (0, 1)]
    assert drawn[0].shape == (30, 50, 3)
    assert not np.array_equal(*drawn)


def test_what_is_wrong_is_said_in_one_line(run, photos, tmp_path, scene):
    sharp, blurred = photos / "sharp.png", photos / "blurred.png"
    wrong = {
        ("fit", sharp, "-o", "a.singan"): "--resume goes on with it",
        ("fit", sharp, "-o", "b.singan", "--scales", "0"): "scales must be at least 1, got 0",
        ("fit", sharp, "-o", "b.singan", "--max-size", "9"): "max_size_px must be at least 25",
        ("fit", sharp, "-o", sharp.with_suffix(".singan")): "would be overwritten",
        ("restore", blurred, "--model", "none.singan", "-o", "c.png"): "no such file",
        ("restore", blurred, "--model", sharp, "-o", "c.png"): "not a .singan file",
        ("restore", blurred, "--model", "a.singan", "-o", blurred): "is the source itself",
        (
            "restore",
            blurred,
            "--model",
            "a.singan",
            "-o",
            "c.png",
            "--start",
            "up",
        ): "known: shrink",
        ("restore", blurred, "--model", "a.singan", "-o", "c.png", "--steps", "0"): "from 1 to 20",
        ("sample", "--model", "a.singan", "-o", "d", "--size", "big"): "WIDTHxHEIGHT",
    }
    for arguments, message in wrong.items():
        done = run("singan", *arguments)
        assert done.returncode == 2, arguments
        assert message in done.stderr, arguments
        assert done.stderr.count("\n") == 1, arguments
    assert not (tmp_path / "c.png").exists()
