import multiprocessing
import operator
import re
import sys
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest
import skimage.data

from photo_sets import cut_short, save, save_frames, ways
from unblur.data.averaged import AveragedFrames
from unblur.errors import DataError, MissingExtraError, OptionError
from unblur.imaging.light import linear_to_srgb, srgb_to_linear


def averaged(folders, *, crop_px=32, seed=1, count=1000, frames=(5, 9), **options):
    return AveragedFrames(
        folders, crop_px=crop_px, seed=seed, count=count, frames=frames, **options
    )


def window(pairs, index):
    """Numbers, in the names of files, of the frames behind a pair."""
    first, last = re.fullmatch(r".*f(\d+)\.png to f(\d+)\.png", pairs.describe(index)).groups()
    return range(int(first), int(last) + 1)


def assert_equal_pairs(first, second):
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.fixture(scope="module")
def panned(tmp_path_factory):
    folder = tmp_path_factory.mktemp("frames")
    return folder, save_frames(folder)


@pytest.mark.parametrize(
    ("gamma", "decode", "encode"),
    [
        ("2.2", lambda x: x**2.2, lambda x: x ** (1 / 2.2)),
        ("srgb", srgb_to_linear, linear_to_srgb),
        ("none", lambda x: x, lambda x: x),
    ],
)
def test_blur_is_the_mean_light_of_the_frames_named_and_sharp_their_middle(
    panned, gamma, decode, encode
):
    folder, frames = panned
    pairs = averaged(folder, crop_px=48, gamma=gamma)

    for i in range(8):
        numbers = window(pairs, i)
        light = decode(frames[[n - 1 for n in numbers]].astype(np.float32) / 255)
        expected = np.round(encode(light.mean(axis=0)) * 255).transpose(2, 0, 1)
        sharp = frames[numbers[len(numbers) // 2] - 1].transpose(2, 0, 1)
        # Crops are as high as the frames; one of eight ways and 17 places is the right one.
        got = [np.round(picture * 255) for picture in pairs[i]]
        for way in range(8):
            for left in range(17):
                cut = slice(left, left + 48)
                if np.array_equal(ways(sharp[:, :, cut])[way], got[1]):
                    break
            else:
                continue
            break
        else:
            pytest.fail("the sharp crop is not the middle frame's")
        # One code: rounding of float32 may fall to either side.
        assert np.abs(ways(expected[:, :, cut])[way] - got[0]).max() <= 1


def test_both_pictures_are_planes_in_range(panned):
    for picture in averaged(panned[0])[3]:
        assert picture.shape == (3, 32, 32)
        assert picture.dtype == np.float32
        assert picture.flags.c_contiguous
        assert 0 <= picture.min() < picture.max() <= 1


def test_what_does_not_move_stays_sharp(tmp_path):
    save_frames(tmp_path, 12, step=0)
    pairs = averaged(tmp_path)

    for i in range(6):
        assert_equal_pairs(pairs[i][:1], pairs[i][1:])


def test_frames_are_consecutive_in_natural_order_and_all_odd_numbers_come(panned):
    # By their names alone f10 would follow f1.
    pairs = averaged(panned[0], frames=(4, 10))
    windows = [window(pairs, i) for i in range(300)]

    assert {len(numbers) for numbers in windows} == {5, 7, 9}
    assert {numbers[0] for numbers in windows} == set(range(1, 27))
    assert {numbers[-1] for numbers in windows} == set(range(5, 31))


def test_sequences_are_found_in_folders_of_folders_and_never_mixed(tmp_path):
    save_frames(tmp_path / "a" / "GOPR1", 10, first=100)
    save_frames(tmp_path / "a" / "GOPR2", 30, first=200)
    save_frames(tmp_path / "b", 10, first=300)
    pairs = averaged([tmp_path / "a", tmp_path / "b"])

    starts = [window(pairs, i) for i in range(400)]

    hundreds = [(numbers[0] // 100, numbers[-1] // 100) for numbers in starts]
    assert set(hundreds) == {(1, 1), (2, 2), (3, 3)}
    assert {len(numbers) for numbers in starts} == {5, 7, 9}
    assert hundreds.count((2, 2)) > 200  # each window as likely: most are in the longest
    assert len(averaged(tmp_path).sequences) == 3


def test_a_folder_linked_into_itself_is_read_once(tmp_path):
    save_frames(tmp_path, 10)
    (tmp_path / "again").symlink_to(tmp_path, target_is_directory=True)

    assert len(averaged(tmp_path).sequences) == 1


def test_parts_of_a_sequence_share_no_frame(panned):
    training = averaged(panned[0], part=(0.0, 0.66))
    validation = averaged(panned[0], part=(0.66, 1.0))

    frames = [{n for i in range(200) for n in window(x, i)} for x in (training, validation)]

    assert frames == [set(range(1, 21)), set(range(21, 31))]


def test_windows_with_long_steps_are_not_used(tmp_path):
    # The camera stands still, jumps by 12 px between frames 12 and 13, and stands still again.
    photo = skimage.data.astronaut()[:96]
    for number in range(1, 25):
        left = 12 * (number > 12)
        save(photo[:, 60 + left : 188 + left], tmp_path / f"f{number}.png")

    def across(pairs):
        windows = [window(pairs, i) for i in range(60)]
        return sum(12 in numbers and 13 in numbers for numbers in windows)

    calm = averaged(tmp_path, max_step_px=2.0)
    assert across(averaged(tmp_path)) > 10
    assert across(calm) == 0
    assert_equal_pairs(calm[3], averaged(tmp_path, max_step_px=2.0)[3])
    every = averaged(tmp_path, max_step_px=2.0, frames=(23, 23))
    with pytest.raises(DataError, match="has a step longer than 2 px; allow more by max_step_px"):
        every[0]
    assert "max_step_px" in every.describe(0)


def test_a_pair_depends_on_seed_and_index_alone(panned):
    pairs = averaged(panned[0])
    forwards = {i: pairs[i] for i in (0, 5, 999)}

    for i in (999, 5, 0):
        assert_equal_pairs(pairs[i], forwards[i])
        assert_equal_pairs(averaged(panned[0], count=5000)[i], forwards[i])
        assert not np.array_equal(averaged(panned[0], seed=2)[i][0], forwards[i][0])


def test_a_pair_is_the_same_in_another_process(panned):
    context = multiprocessing.get_context("spawn")
    pairs = averaged(panned[0])
    with ProcessPoolExecutor(1, mp_context=context) as process:
        there = process.submit(operator.getitem, pairs, 7).result(timeout=60)

    assert_equal_pairs(there, pairs[7])


# --- errors


def test_a_frame_of_another_size_is_refused_by_name(tmp_path):
    save_frames(tmp_path, 5)
    save(skimage.data.coffee()[:40, :64], tmp_path / "f4.png")

    # Steps are measured between neighbours; without that the first frame gives the size.
    for options, other in [({}, "f1.png"), ({"max_step_px": 50.0}, "f3.png")]:
        message = f"{tmp_path / 'f4.png'} is 64x40 px, {tmp_path / other} is 64x48 px"
        with pytest.raises(DataError, match=re.escape(message)):
            averaged(tmp_path, frames=(5, 5), **options)[0]


def test_a_frame_that_cannot_be_read_is_refused_by_name(tmp_path):
    save_frames(tmp_path, 5)
    cut_short(tmp_path / "f3.png")
    pairs = averaged(tmp_path, frames=(5, 5), max_step_px=50.0)

    with pytest.raises(DataError, match=f"^{re.escape(str(tmp_path / 'f3.png'))}: "):
        pairs[0]
    assert "f3.png" in pairs.describe(0)


def test_frames_smaller_than_a_crop_are_refused(panned):
    with pytest.raises(DataError, match=r"f\d+.png is 64x48 px, smaller than a crop of 49 px"):
        averaged(panned[0], crop_px=49)[0]


def test_too_few_frames_are_refused_with_their_number(panned):
    folder, _ = panned

    with pytest.raises(DataError, match=re.escape(f"{folder}: 30 frames are too few for windows")):
        averaged(folder, frames=(5, 31))
    with pytest.raises(DataError, match="8 frames are too few for windows of 9"):
        averaged(folder, part=(0.75, 1.0))


def test_folders_without_frames_are_refused(tmp_path):
    with pytest.raises(DataError, match="missing is not a folder; expected one with frames"):
        averaged(tmp_path / "missing")
    with pytest.raises(DataError, match="holds no photos, nor do the folders in it"):
        averaged(tmp_path)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"crop_px": 15}, "crop_px must be at least 16, got 15"),
        ({"count": -1}, "seed and count must not be negative, got 1 and -1"),
        ({"frames": (0, 5)}, "frames must go from 1 or more up to no less, got 0..5"),
        ({"frames": (7, 5)}, "frames must go from 1 or more up to no less, got 7..5"),
        ({"frames": (6, 6)}, "frames must have an odd number, for a middle one, got 6"),
        ({"gamma": "2.4"}, "gamma must be one of 2.2, srgb, none, got '2.4'"),
        ({"max_step_px": 0}, "max_step_px must be positive and finite, got 0"),
        ({"part": (0.5, 0.5)}, "part needs 0 <= from < to <= 1, got [0.5, 0.5]"),
        ({"part": (0.5, 1.5)}, "part needs 0 <= from < to <= 1, got [0.5, 1.5]"),
    ],
)
def test_an_option_out_of_range_is_named_with_its_value(panned, option, message):
    with pytest.raises(OptionError, match=re.escape(message)):
        averaged(panned[0], **option)


def test_steps_cannot_be_measured_without_opencv(panned, monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)  # what import finds where it is not installed

    with pytest.raises(MissingExtraError, match=r"pip install .*\[video\]"):
        averaged(panned[0], max_step_px=2.0)
    assert averaged(panned[0])[0][0].shape == (3, 32, 32)
