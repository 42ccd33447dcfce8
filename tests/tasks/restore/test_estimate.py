import numpy as np
import pytest

from shaken_photo import shaken as shake
from shaken_photo import sharp_coffee
from unblur import (
    Photo,
    RestoreOptions,
    deconvolve,
    estimate_blur,
    psnr,
    read_kernel,
    write_photo,
)
from unblur.errors import OptionError
from unblur.imaging.deblur.kernel_support import agreement, kernel_extent

OPTIONS = RestoreOptions(engine="onnx", method="auto")


@pytest.fixture(scope="module")
def shaken():
    """A blurred photo, (224, 224, 3) in [0, 1], and its kernel."""
    seen, (kernel,) = shake(sharp_coffee(), seed=4, length_px=45)
    return seen, kernel


def test_the_kernel_its_length_and_a_sentence_are_told(shaken):
    seen, kernel = shaken

    found = estimate_blur(seen, options=OPTIONS)

    assert agreement(found.kernel, kernel) > 0.85
    assert found.length_px == pytest.approx(kernel_extent(kernel)[0], rel=0.4)
    assert 0 <= found.angle_deg < 180
    assert found.linear_light
    assert np.isfinite(found.gain_db)


def test_undoing_the_kernel_that_is_found_gains():
    sharp = sharp_coffee()
    seen, _ = shake(sharp, seed=4, length_px=45)

    undone = deconvolve(seen, "richardson-lucy", estimate_blur(seen, options=OPTIONS).kernel)

    assert psnr(undone, sharp) > psnr(seen, sharp) + 2  # 4.1 was found


def test_files_photos_and_pixels_give_the_same(shaken, tmp_path):
    write_photo(Photo(pixels=shaken[0]), tmp_path / "shaken.png")

    by_file = estimate_blur(tmp_path / "shaken.png", options=OPTIONS)
    by_photo = estimate_blur(
        Photo(pixels=shaken[0]), options=RestoreOptions(method="network", engine="onnx")
    )

    assert by_file.kernel.tobytes() == by_photo.kernel.tobytes()
    assert by_file.gain_db == by_photo.gain_db


def test_broken_pixels_are_refused():
    with pytest.raises(OptionError, match="NaN"):
        estimate_blur(np.full((80, 80, 3), np.nan, np.float32), options=OPTIONS)


def test_the_command_writes_what_restoring_reads(run, shaken, tmp_path):
    write_photo(Photo(pixels=shaken[0]), tmp_path / "shaken.png")

    done = run("kernel", "shaken.png", "-o", "kernel.png")
    again = run("kernel", "shaken.png", "-o", "kernel.png")

    assert done.returncode == 0, done.stderr
    assert "shake of " in done.stdout
    assert "expected gain" in done.stdout
    assert " dB over the network: " in done.stdout
    assert agreement(read_kernel(tmp_path / "kernel.png"), shaken[1]) > 0.85
    assert again.returncode == 2
    assert "exists" in again.stderr


def test_the_command_says_why_there_is_no_kernel(run, tmp_path):
    write_photo(Photo(pixels=np.full((80, 80, 3), 0.5, np.float32)), tmp_path / "flat.png")

    done = run("kernel", "flat.png", "-o", "kernel.npy")
    windows = run("kernel", "flat.png", "-o", "kernel.npy", "--windows")

    assert "no kernel (nothing to find a shake by)" in done.stderr
    assert not (tmp_path / "kernel.npy").exists()
    assert "--windows needs a second shot" in windows.stderr
