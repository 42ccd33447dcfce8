import json

import numpy as np
import pytest
import skimage.data

from shaken_photo import shaken as shake
from shaken_photo import sharp_coffee
from unblur import (
    Photo,
    RestoreOptions,
    Restorer,
    blur,
    estimate_blur,
    psnr,
    random_kernels,
    read_photo,
    restore,
    write_photo,
)
from unblur.errors import OptionError
from unblur.imaging.deblur.blind import BlurSearch, FoundKernel
from unblur.imaging.deblur.kernel_support import kernel_extent
from unblur.imaging.tiles import ArrayPicture
from unblur.tasks.methods import shrink as shrinking
from unblur.tasks.methods.choosing import choose, judge
from unblur.tasks.methods.choosing.choose import best_kernel
from unblur.tasks.methods.choosing.lights import Lights
from unblur.tasks.methods.shrink import enlarged, shrunk_picture
from unblur.tasks.progress.stages import WORDS, heard

ENGINE = {"engine": "onnx"}


@pytest.fixture(scope="module")
def shaken():
    """A blurred and a sharp photo, (224, 224, 3) in [0, 1]."""
    sharp = sharp_coffee()
    return shake(sharp, seed=4, length_px=45)[0], sharp


def test_a_shake_is_found_undone_and_named(shaken):
    seen, sharp = shaken

    found = Restorer.open(RestoreOptions(method="blind", **ENGINE)).restore(Photo(pixels=seen))
    network = Restorer.open(RestoreOptions(method="network", **ENGINE)).restore(Photo(pixels=seen))

    assert psnr(found.pixels, sharp) > psnr(seen, sharp) + 0.6
    assert len(found.notes) == 1
    assert found.notes[0].startswith("shake of ")
    assert found.notes[0].endswith(" px found and undone")
    assert network.notes == ()


def test_where_another_motion_blurred_a_photo_the_network_stands_in():
    sharp = skimage.data.coffee()[40:360, 60:540].astype(np.float32) / np.float32(255)
    rng = np.random.default_rng(4)
    kernels = random_kernels(8, rng=rng, length_px=45, exposure=(1.0,))
    left, right = np.s_[:, :270], np.s_[:, 330:]
    seen = blur(sharp, kernels[0])
    seen[:, 300:] = blur(sharp, kernels[5])[:, 300:]
    seen = np.rint(255 * (seen + rng.normal(0, 0.5 / 255, seen.shape)).clip(0, 1)) / 255
    seen = seen.astype(np.float32)

    found = Restorer.open(RestoreOptions(method="auto", **ENGINE)).restore(Photo(pixels=seen))
    network = Restorer.open(RestoreOptions(method="network", **ENGINE)).restore_pixels(seen)

    assert found.notes[0].endswith(" px found and undone in parts of the photo")
    gains = [psnr(found.pixels[x], sharp[x]) - psnr(network[x], sharp[x]) for x in (left, right)]
    # Undone everywhere, the right part loses 1.9 dB against the network.
    assert gains[0] > 0.7
    assert gains[1] > -0.6


def test_a_thing_that_moved_by_itself_in_a_large_photo_is_undone_where_it_is():
    photo = skimage.data.astronaut().astype(np.float32) / 255
    sharp = np.pad(photo, ((0, 498), (0, 528), (0, 0)), mode="symmetric")
    rows, columns = np.mgrid[:1010, :1040]
    distance = np.hypot(rows - 420, columns - 420)
    inside = np.clip((330 - distance) / 3, 0, 1)[..., None].astype(np.float32)
    rng = np.random.default_rng(2)
    kernel = np.zeros((19, 19), np.float32)
    kernel[np.arange(19), 7 + np.arange(19) // 4] = 1 / 19
    seen = sharp + inside * (blur(sharp, kernel) - sharp)
    seen = np.rint(255 * (seen + rng.normal(0, 0.5 / 255, seen.shape)).clip(0, 1)) / 255
    seen = seen.astype(np.float32)

    stages = []
    with heard(lambda stage, _: stages.append(stage)):
        found = Restorer.open(RestoreOptions(method="auto", **ENGINE)).restore(Photo(pixels=seen))
    network = Restorer.open(RestoreOptions(method="network", **ENGINE)).restore_pixels(seen)

    assert found.notes[0].startswith(("shake of 18 px", "shake of 19 px", "shake of 20 px"))
    assert found.notes[0].endswith(" px found and undone in parts of the photo")
    thing, still = distance < 330, distance > 530
    gains = [psnr(x[None, thing], sharp[None, thing]) for x in (found.pixels, network, seen)]
    assert gains[0] > gains[1] + 0.5 > gains[2] + 0.5
    assert psnr(found.pixels[None, still], seen[None, still]) > 40
    assert stages == sorted(stages, key=list(WORDS).index)


@pytest.mark.parametrize(
    ("photo", "least"), [(skimage.data.chelsea, 4.0), (skimage.data.astronaut, 6.0)]
)
def test_a_short_shake_is_undone_in_all_of_the_photo(photo, least):
    sharp = photo()[:288, 100:420].astype(np.float32) / np.float32(255)
    rng = np.random.default_rng(2)
    kernel = random_kernels(1, rng=rng, length_px=60, exposure=(0.15,))[0]
    seen = blur(sharp, kernel, noise_sigma=1 / 255, rng=rng)

    found = Restorer.open(RestoreOptions(method="auto", **ENGINE)).restore(Photo(pixels=seen))

    assert found.notes[0].endswith(" px found and undone")
    # The network alone gains about 2 dB; half trusted, the cat gained 2.5.
    assert psnr(found.pixels, sharp) > psnr(seen, sharp) + least


def test_of_two_kernels_alike_the_one_of_light_is_taken_sooner_in_colour(monkeypatch, astronaut):
    method = Restorer.open(RestoreOptions(method="auto", **ENGINE)).method
    kernel = np.full((3, 3), 1 / 9, np.float32)
    found = [FoundKernel(kernel=kernel, linear_light=light) for light in (True, False)]
    monkeypatch.setattr(choose, "measure_kernels", lambda *args, **options: [{}, {}])
    monkeypatch.setattr(choose, "predicted_gains", lambda *args: [-1.0, -0.5])
    search = BlurSearch(region=(slice(None), slice(None)), noise=0.0, kernels=found)
    part = astronaut[:96, :96]
    grey = np.repeat(part.mean(axis=2, keepdims=True), 3, axis=2)

    of_colour, of_grey = (
        best_kernel(Lights.of(x), search, method.network, method.guided)[0] for x in (part, grey)
    )

    assert of_colour.linear_light
    assert not of_grey.linear_light


@pytest.mark.parametrize("make", [np.zeros, np.ones], ids=["black", "white"])
def test_what_cannot_be_judged_is_what_the_network_makes_of_it(make):
    pixels = make((80, 72, 3), np.float32)

    judged = Restorer.open(RestoreOptions(method="auto", **ENGINE)).restore(Photo(pixels=pixels))

    expected = Restorer.open(RestoreOptions(method="network", **ENGINE)).restore_pixels(pixels)
    assert judged.pixels.tobytes() == expected.tobytes()
    assert judged.notes[0].endswith("network")


def test_small_photos_go_to_the_network(astronaut):
    said = []
    restorer = Restorer.open(RestoreOptions(method="auto", **ENGINE))

    restored = restorer.restore_pixels(astronaut[:63, :80], tell=said.append)

    assert [found.sentence for found in said] == ["too small: network"]
    expected = Restorer.open(RestoreOptions(method="network", **ENGINE)).restore_pixels(
        astronaut[:63, :80]
    )
    assert restored.tobytes() == expected.tobytes()


def test_a_large_photo_is_worked_on_smaller_and_tiles_fit_without_seams(monkeypatch, shaken):
    seen, _ = shaken
    large = np.repeat(np.repeat(seen, 2, axis=0), 2, axis=1)[:447, :445]
    monkeypatch.setattr(shrinking, "_MOST_PX", 224 * 224)
    small, shrink = shrunk_picture(ArrayPicture(large))
    assert (shrink, small.shape) == (2, (223, 222, 3))
    assert np.abs(small - seen[:223, :222]).max() < 1e-3

    change = small - small.mean()
    whole = enlarged(change, 2, (slice(0, 447), slice(0, 445)))
    part = enlarged(change, 2, (slice(100, 300), slice(33, 445)))

    assert whole.shape == (447, 445, 3)
    assert part.tobytes() == np.ascontiguousarray(whole[100:300, 33:445]).tobytes()


def test_the_command_and_python_look_for_the_shake_alike(run, shaken, tmp_path):
    write_photo(Photo(pixels=shaken[0]), tmp_path / "shaken.png")

    done = run("restore", "shaken.png", "--json", "--engine", "onnx", "--method", "auto")
    first = (tmp_path / "shaken.unblurred.png").read_bytes()
    again = restore(tmp_path / "shaken.png", engine="onnx", method="auto", overwrite=True)

    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    said = json.loads(line)
    assert "px found and undone" in said["notes"][0]
    found = estimate_blur(shaken[0], options=RestoreOptions(**ENGINE))
    assert said["blur"] == found.facts()
    assert said["blur"]["taken"] is True
    assert 0 < said["blur"]["confidence"] <= 1
    assert said["blur"]["length_px"] == pytest.approx(found.length_px, abs=0.05)
    assert again.read_bytes() == first
    restored = read_photo(again).pixels
    assert psnr(restored, shaken[1]) > psnr(shaken[0], shaken[1]) + 0.6


def test_a_kernel_belongs_to_a_method_that_takes_one(tmp_path):
    with pytest.raises(OptionError, match=r"a kernel needs .*; auto takes none"):
        RestoreOptions(method="auto", kernel=tmp_path / "kernel.npy")


def test_the_length_is_that_along_the_path():
    kernel = np.zeros((21, 21), np.float32)
    kernel[np.arange(5, 16), np.arange(5, 16)] = 1 / 11

    assert kernel_extent(kernel)[0] == pytest.approx(10 * 2**0.5 + 1)


def test_a_judge_is_the_more_sure_the_more_kernels_agree():
    """The coefficients come from a file that a calibration writes: are they sane?"""
    fitted = judge.coefficients()
    means = fitted["mean"][: len(fitted["names"])]
    usual = dict(
        zip(
            fitted["names"],
            np.where(fitted["logarithmic"], np.exp(means), means),
            strict=True,
        )
    )
    both = [{**usual, "agreement": value, "like_network": value} for value in (0.3, 0.9)]
    low, high = judge.predicted_gains(both, both)

    assert low < high
    assert low < judge.caution_db()
    assert judge.caution_db() > 0
