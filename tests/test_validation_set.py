import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import skimage.data

from photo_sets import save, save_frames
from unblur.errors import DataError
from unblur.imaging.blur.blur import blur
from unblur.imaging.photo.photo import read_photo
from unblur.metrics import psnr
from validation_large import KINDS, large_pairs
from validation_pairs import held_out_photos, is_held_out, levin_kernel, levin_pairs, moved
from validation_set import Folders, build, read_part

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


def files_of(folder):
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def call(script, *arguments):
    command = [sys.executable, str(BENCHMARKS / script), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("originals") / "photos"
    for at, photo in enumerate((skimage.data.coffee(), skimage.data.chelsea())):
        for left in (0, 100):
            save(photo[:240, left : left + 240], folder / f"photo{at}-{left}.png")
    return folder


def save_levin(folder, kernel, *, turned=False):
    """A photo that a known kernel shook, and moved by 2 px down and 1 px left."""
    sharp = skimage.data.camera()[100:260, 180:340]
    pixels = np.repeat(sharp[..., None], 3, axis=2).astype(np.float32) / 255
    shaken = blur(pixels, kernel.astype(np.float32) / kernel.sum(), linear_light=False)
    shaken = np.roll(shaken, (2, -1), axis=(0, 1))
    save(np.rint(shaken[..., 0] * 255).astype(np.uint8), folder / "im1_kernel1_img.png")
    save(sharp, folder / "gt" / "im1.png")
    save(kernel[::-1, ::-1] if turned else kernel, folder / "gt" / "kernel1.png")


@pytest.fixture(scope="module")
def levin(tmp_path_factory):
    folder = tmp_path_factory.mktemp("originals") / "levin"
    kernel = np.zeros((9, 9), np.uint8)
    kernel[4, 2:7] = 255
    save_levin(folder, kernel)
    return folder


@pytest.fixture(scope="module")
def frames(tmp_path_factory):
    folder = tmp_path_factory.mktemp("originals") / "frames"
    save_frames(folder, 90)
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory, photos, levin, frames):
    out = tmp_path_factory.mktemp("built") / "set"
    became = dict(build(out, Folders(photos=photos, frames=frames, levin=levin)))
    return out, became


def test_all_parts_have_pairs_and_hashes_that_are_right(whole, photos):
    out, became = whole
    chosen = len(held_out_photos(photos))
    windows = len(read_part(out / "c-frames"))

    assert (chosen, windows) == (3, 5)
    counts = [int(words.split()[0]) for words in became.values()]
    assert counts == [chosen, chosen, windows, 1, chosen, chosen]
    for part in became:
        made = read_part(out / part)
        pictures = {name for one in made.values() for name in one["files"]}
        assert pictures == set(files_of(out / part)) - {"manifest.json"}


def test_the_same_folders_give_the_same_bytes(whole, photos, levin, frames, tmp_path):
    list(build(tmp_path / "again", Folders(photos=photos, frames=frames, levin=levin)))

    assert files_of(tmp_path / "again") == files_of(whole[0])


def test_large_photos_are_made_as_a_phone_makes_them(tmp_path):
    wide = skimage.data.coffee()[:, :560]
    lit = np.tile(np.where(wide > 250, 255, wide), (1, 2, 1))
    for at in range(6):
        save(np.roll(lit, 100 * at, axis=1), tmp_path / f"photo{at}.png")
    chosen = [path for at in range(6) if (path := tmp_path / f"photo{at}.png").exists()]

    made = dict(large_pairs(chosen, megapixels=0.2))
    again = dict(large_pairs(chosen[:1], megapixels=0.2))

    assert [done["kind"] for *_, done in made.values()] == list(KINDS)
    for blurred, sharp, done in made.values():
        assert sharp.shape == blurred.shape
        assert sharp.shape[0] * sharp.shape[1] == pytest.approx(200_000, rel=0.01)
        assert 10 < psnr(blurred, sharp) < 40
        assert 80 <= done["jpeg"] <= 95
    assert sum(done["denoised"] for *_, done in made.values()) == 3
    np.testing.assert_array_equal(again["photo0"][0], made["photo0"][0])


def test_of_small_photos_no_large_ones_are_made(photos):
    with pytest.raises(DataError, match="none is 1000 px or more"):
        list(large_pairs(held_out_photos(photos)))


def test_parts_without_a_folder_are_left_out_and_named(levin, tmp_path):
    became = dict(build(tmp_path, Folders(levin=levin)))

    assert sorted(path.name for path in tmp_path.iterdir()) == ["d-levin"]
    assert became["a-shake"] == "left out, as --photos names no folder"
    assert became["c-frames"] == "left out, as --frames names no folder"


def test_a_part_that_is_there_stays(levin, tmp_path):
    (tmp_path / "d-levin").mkdir()

    became = dict(build(tmp_path, Folders(levin=levin)))

    assert became["d-levin"] == "is there already and stays as it is"
    assert list((tmp_path / "d-levin").iterdir()) == []


def test_a_part_that_fails_leaves_nothing(levin, tmp_path):
    (levin.parent / "broken" / "gt").mkdir(parents=True)
    (levin.parent / "broken" / "im1_kernel1_img.png").write_bytes(b"no picture")

    done = call("validation_set.py", tmp_path / "out", "--levin", levin.parent / "broken")

    assert done.returncode == 2
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1
    assert list((tmp_path / "out").iterdir()) == []


def test_a_file_that_has_changed_is_noticed(levin, tmp_path):
    list(build(tmp_path, Folders(levin=levin)))
    changed = tmp_path / "d-levin" / "blur" / "im1_kernel1.png"
    changed.write_bytes(changed.read_bytes() + b"more")

    with pytest.raises(DataError, match=r"im1_kernel1\.png has changed since it was made"):
        read_part(tmp_path / "d-levin")


def test_sharp_photos_of_levin_are_moved_to_the_blurred_ones(levin):
    [(name, (blurred, sharp, done))] = levin_pairs(levin)
    original = read_photo(levin / "gt" / "im1.png").pixels.astype(np.float32)

    assert name == "im1_kernel1"
    assert done["shift_px"] == (2, -1)
    assert psnr(sharp, original[10:-14, 13:-11]) > 45
    assert psnr(blurred, sharp) > psnr(blurred, original[12:-12, 12:-12]) + 1


@pytest.mark.parametrize("turned", [False, True])
def test_the_kernel_is_turned_if_that_explains_the_photo(tmp_path, turned):
    kernel = np.zeros((9, 9), np.uint8)
    kernel[1:8, 4] = (255, 200, 150, 100, 60, 30, 10)
    kernel[7, 4:8] = 90
    save_levin(tmp_path, kernel, turned=turned)

    [(name, (_, sharp, done))] = levin_pairs(tmp_path)

    assert done["kernel_turned"] is turned
    original = read_photo(tmp_path / "gt" / "im1.png").pixels.astype(np.float32)
    # The shake is centred: what it moves the photo by, as a whole, is part of the shift.
    mass = kernel / kernel.sum()
    away = np.arange(9) - 4
    expected = (2 + float(mass.sum(1) @ away), -1 + float(mass.sum(0) @ away))
    assert done["shift_px"] == pytest.approx(expected, abs=0.25)
    inside = (slice(12, -12),) * 2
    assert psnr(sharp, moved(original, expected)[inside]) > 38
    found = levin_kernel(tmp_path, name, turned=turned)
    np.testing.assert_allclose(found, mass, rtol=1e-6)  # a float32 sum of 49 values


def test_a_shift_by_whole_px_is_exact_and_back_by_parts_nearly_so():
    pixels = skimage.data.coffee()[:128, :128].astype(np.float32) / 255
    inside = (slice(16, -16),) * 2

    there = moved(pixels, (3, -2))
    back = moved(moved(pixels, (0.25, -0.75)), (-0.25, 0.75))

    np.testing.assert_allclose(there[inside], np.roll(pixels, (3, -2), (0, 1))[inside], atol=1e-5)
    assert psnr(back[inside], pixels[inside]) > 38


def test_averages_are_of_the_last_third_only(whole):
    done = read_part(whole[0] / "c-frames")

    assert min(one["first_frame"] for one in done.values()) == 60
    assert all(5 <= one["frames"] <= 25 for one in done.values())


def test_sharp_photos_are_not_blurred_and_every_other_one_is_as_it_came(whole, photos):
    out, _ = whole
    for name, one in read_part(out / "e-sharp").items():
        blurred, sharp = one["files"].values()
        assert blurred == sharp
        came = read_photo(photos / f"{name}.png").pixels
        is_whole = read_photo(out / "e-sharp" / "sharp" / f"{name}.png").pixels.shape == came.shape
        assert is_whole == (one["kind"] == "as it came")


def test_motion_is_centred_and_blurs(whole):
    out, _ = whole
    for part in ("a-shake", "b-roll-and-objects"):
        for name, one in read_part(out / part).items():
            blurred, sharp = (
                read_photo(out / part / kind / f"{name}.png").pixels for kind in ("blur", "sharp")
            )
            assert 14 < psnr(blurred, sharp) < 45, (part, name, one)


def test_photos_for_validation_are_named_by_a_rule_and_a_list():
    names = (BENCHMARKS / "validation_photos.txt").read_text(encoding="utf-8").split()

    assert len(names) == len(set(names)) >= 120
    assert all(is_held_out(name) for name in names)
    others = [f"{number:06d}.jpg" for number in range(1000)]
    assert 400 < sum(map(is_held_out, others)) < 600


def test_the_table_says_what_happened_in_every_part(whole):
    out, became = whole

    done = call("validation.py", out, "--model", "unsharp-mask", "--limit", "1")

    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split(",")[0] for line in done.stdout.splitlines() if ", dB" in line] == [*became]
    rows = [line.split() for line in done.stdout.splitlines() if line.startswith("unsharp-mask")]
    assert len(rows) == 6
    gain, worst = float(rows[0][3]), float(rows[0][5])
    assert gain == worst  # there is one photo
    name = rows[0][6]
    blurred, sharp = (
        read_photo(out / "a-shake" / kind / f"{name}.png").pixels for kind in ("blur", "sharp")
    )
    assert float(rows[0][1]) - gain == pytest.approx(psnr(blurred, sharp), abs=0.011)


def test_a_set_of_another_version_is_refused(levin, tmp_path):
    list(build(tmp_path, Folders(levin=levin)))
    manifest = tmp_path / "d-levin" / "manifest.json"
    record = json.loads(manifest.read_text()) | {"version": "0"}
    manifest.write_text(json.dumps(record))

    done = call("validation.py", tmp_path)

    assert (done.returncode, done.stdout.count("PSNR")) == (2, 0)
    assert "is of version 0, expected 2; build it anew" in done.stderr
