"""A miniature of Köhler's set: a camera that moves over a print, so that all is known.

The print is a mean and two waves in each direction, with whole periods in a photo, so that every
sum over a photo has a closed form. Frame j is taken from (dx_j, dy_j) px further on, all within
half a pixel; the mean square of what two photos differ by is the sum of
amplitude^2 (1 - cos(2 pi waves way / side)) over the waves.
"""

import shutil

import numpy as np
import pytest
import skimage.data
from scipy.io import savemat

from photo_sets import save
from unblur.errors import OptionError
from unblur.imaging.photo.photo import read_photo
from unblur.metrics import psnr
from unblur.tasks.bench.kohler import BestMatch, Frame
from unblur.tasks.bench.run import Bench, BenchOptions

SIDE, MEAN = 192, 124.0
ACROSS = {1: 50.0, 24: 22.0}
"""Amplitude by number of waves in a photo."""
DOWN = {1: 30.0, 20: 16.0}
NOISE = 3.0
FRAMES = 20
RIGHT = 3
"""Index of the frame that the restored photo shows."""
STEPS = np.arange(FRAMES)
PATH = np.stack([0.024 * STEPS, 0.23 * (1 + np.sin(STEPS / 3))], axis=1)
"""dx, dy of each frame, px."""
TURN = 2 * np.pi / SIDE


def taken_from(dx, dy):
    y, x = np.mgrid[:SIDE, :SIDE]
    plane = np.full((SIDE, SIDE), MEAN)
    for place, waves in ((x + dx, ACROSS), (y + dy, DOWN)):
        plane += sum(size * np.cos(TURN * number * place) for number, size in waves.items())
    return np.repeat(plane[..., None], 3, axis=2)


def difference(dx, dy):
    """Mean square of what two photos differ by, taken from places so far apart."""
    return sum(
        size**2 * (1 - np.cos(TURN * number * way))
        for way, waves in ((dx, ACROSS), (dy, DOWN))
        for number, size in waves.items()
    )


def frames():
    return [as_photo(taken_from(*place)) for place in PATH]


def as_photo(values):
    return (np.round(values) / 255).astype(np.float32)


def best_match(restored, frames):
    best = BestMatch(restored)
    for pixels in frames:
        best.add(Frame(pixels))
    return best.result()


def checkerboard():
    return NOISE * (1 - 2 * (np.indices((SIDE, SIDE)).sum(axis=0) % 2))[..., None]


def restored_photo():
    """What the camera saw in one place, and an error that is orthogonal to all that it saw."""
    return taken_from(*PATH[RIGHT]) + checkerboard()


def decibels(mean_square):
    return 10 * np.log10(255**2 / mean_square)


POWER = MEAN**2 + sum(size**2 for waves in (ACROSS, DOWN) for size in waves.values()) / 2
# The best scale of x + e for e orthogonal to x leaves |x|^2 |e|^2 / (|x|^2 + |e|^2).
ANSWER = decibels(POWER * NOISE**2 / (POWER + NOISE**2))


def test_the_best_match_is_the_known_answer():
    match = best_match(as_photo(restored_photo()), frames())

    assert match.frame == RIGHT
    assert match.shift == (0, 0)
    assert match.frames == FRAMES
    # 8 bits: both are rounded, which adds 1/12 to each mean square.
    assert match.scores["psnr"] == pytest.approx(ANSWER, abs=0.02)
    assert match.scores["psnr_rgb"] == pytest.approx(match.scores["psnr"], abs=1e-9)


def test_brightness_is_free():
    darker = as_photo(0.5 * restored_photo())

    # Half the codes, so that rounding counts four times.
    expected = decibels(POWER * (NOISE**2 + 4 / 12) / (POWER + NOISE**2 + 4 / 12))
    assert best_match(darker, frames()).scores["psnr"] == pytest.approx(expected, abs=0.12)
    assert psnr(darker, frames()[RIGHT]) < 15


def test_the_middle_frame_alone_gives_a_wrong_answer():
    photo, middle = as_photo(restored_photo()), FRAMES // 2

    wrong = psnr(photo, frames()[middle])
    differ = difference(*(PATH[middle] - PATH[RIGHT]))
    assert wrong == pytest.approx(decibels(differ + NOISE**2), abs=0.1)
    assert wrong < ANSWER - 2.5


def test_without_registration_a_photo_that_was_moved_gets_a_wrong_answer():
    down, right = 3, -2
    moved = taken_from(PATH[RIGHT][0] - right, PATH[RIGHT][1] - down)
    photo, frame = as_photo(moved + checkerboard()), frames()[RIGHT]

    match = best_match(photo, [frame])

    assert match.shift == (-down, -right)
    differ = difference(right, down)
    assert psnr(photo, frame) == pytest.approx(decibels(differ + NOISE**2), abs=0.05)
    assert psnr(photo, frame) < match.scores["psnr"] - 3
    # As the script has it, the scale is found before the photo is moved, so that it is too small,
    # and the black border counts as alike.
    scale = (POWER - differ / 2) / (POWER + NOISE**2)
    overlap = (SIDE - abs(down)) * (SIDE - abs(right)) / SIDE**2
    left = overlap * ((1 - scale) ** 2 * POWER + scale**2 * NOISE**2)
    assert match.scores["psnr"] == pytest.approx(decibels(left), abs=0.1)


def test_a_real_photo_moved_by_whole_pixels_is_found():
    photo = skimage.data.coffee()[:300, :320].astype(np.float32) / 255
    path = [(20 + 2 * j, 30 + j) for j in range(8)]
    seen = [photo[top : top + 200, left : left + 220].copy() for top, left in path]
    restored = np.zeros_like(seen[5])
    restored[4:, :-6] = 0.8 * seen[5][:-4, 6:]

    alone = best_match(restored, [seen[5]])
    assert alone.shift == (-4, 6)
    assert alone.scores["psnr"] > 25
    assert psnr(restored, seen[5]) < 18


def test_a_black_photo_and_frames_of_another_size_are_told():
    black = np.zeros((40, 50, 3), np.float32)

    assert best_match(black, [black + 0.5]).scores["psnr"] == pytest.approx(decibels(128**2))
    assert "ms_ssim" not in best_match(black, [black]).scores
    with pytest.raises(OptionError, match=r"\(40, 50, 3\) and \(41, 50, 3\)"):
        best_match(black, [np.zeros((41, 50, 3), np.float32)])
    with pytest.raises(OptionError, match="no frames"):
        best_match(black, [])


@pytest.fixture
def miniature(tmp_path):
    """The layout of the set: photos, frames in folders, and what another program restored."""
    for trajectory in (1, 3):
        order = STEPS if trajectory == 1 else STEPS[::-1]
        folder = tmp_path / "kohler" / f"GroundTruth1_{trajectory}"
        for number, index in enumerate(order, 1):
            frame = np.round(taken_from(*PATH[index])).astype(np.uint8)
            save(frame, folder / f"GroundTruth1_{trajectory}_{number}.png")
        blurred = np.mean([taken_from(*place) for place in PATH], axis=0)
        name = f"Blurry1_{trajectory}.png"
        save(np.round(blurred).astype(np.uint8), tmp_path / "kohler/BlurryImages" / name)
        restored = np.round(restored_photo()).astype(np.uint8)
        save(restored, tmp_path / "theirs" / f"Muller1_{trajectory}.png")
    return tmp_path


def pack(folder):
    """The frames as published: a MATLAB file for each photo in place of pictures."""
    for truth in folder.glob("GroundTruth*"):
        paths = sorted(truth.iterdir(), key=lambda path: int(path.stem.rsplit("_", 1)[1]))
        frames = [np.round(read_photo(path).pixels * 255).astype(np.uint8) for path in paths]
        savemat(folder / f"{truth.name}.mat", {"GroundTruth": np.stack(frames, axis=3)})
        shutil.rmtree(truth)


def test_frames_in_mat_files_get_the_same_scores(miniature, tmp_path):
    options = BenchOptions(benchmark="kohler", models=(), restored=(miniature / "theirs",))
    rows = [row for x in Bench(miniature / "kohler", options).run() for row in x]
    pack(miniature / "kohler")

    bench = Bench(miniature / "kohler", options)
    packed = [row for x in bench.run() for row in x]

    numbers = [[(r["image"], r["method"], r["scores"], r["frame"]) for r in x]
               for x in (rows, packed)]  # fmt: skip
    assert numbers[0] == numbers[1]
    shown = bench.pictures(packed[1])[2]
    np.testing.assert_array_equal(shown, frames()[RIGHT])


def test_bench_scores_the_layout_by_the_rule(miniature):
    options = BenchOptions(benchmark="kohler", models=(), restored=(miniature / "theirs",))
    bench = Bench(miniature / "kohler", options)

    rows = [row for of_case in bench.run() for row in of_case]

    assert [(row["image"], row["method"]) for row in rows] == [
        ("1_1", "blurred"), ("1_1", "theirs"), ("1_3", "blurred"), ("1_3", "theirs"),
    ]  # fmt: skip
    theirs = [row for row in rows if row["method"] == "theirs"]
    assert [row["frame"] for row in theirs] == [RIGHT, FRAMES - 1 - RIGHT]
    for row in theirs:
        assert row["scores"]["psnr"] == pytest.approx(ANSWER, abs=0.02)
        assert set(row["scores"]) == {"psnr", "ms_ssim", "psnr_rgb"}
    assert rows[0]["scores"]["psnr"] > psnr(
        as_photo(np.mean([taken_from(*place) for place in PATH], axis=0)), frames()[0]
    )
    assert "1_1: 20 frames; the published set has 199" in bench.notes
    assert "1_3: 20 frames; the published set has 198" in bench.notes
