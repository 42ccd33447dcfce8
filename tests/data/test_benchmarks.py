import re

import numpy as np
import pytest
from scipy.io import savemat

from photo_sets import save_pair
from unblur.data.benchmarks import (
    choose_cases,
    find_restored,
    gopro_cases,
    kohler_cases,
    pair_cases,
)
from unblur.data.matlab import read_frames
from unblur.errors import DataError, OptionError


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def names(found):
    return [case.name for case in found.cases]


# --- GoPro


@pytest.fixture
def gopro(tmp_path):
    for sequence in ("GOPR0384_11_00", "GOPR0410_11_00"):
        for number in (1, 2, 10):
            save_pair(tmp_path / "GOPRO_Large/test" / sequence, f"{number:06}")
    save_pair(tmp_path / "GOPRO_Large/train/GOPR0372_07_00", "000047")
    return tmp_path / "GOPRO_Large"


def test_gopro_is_its_test_pairs_by_sequence_and_number(gopro):
    found = gopro_cases(gopro)

    expected = [f"{s}/{n:06}" for s in ("GOPR0384_11_00", "GOPR0410_11_00") for n in (1, 2, 10)]
    assert names(found) == expected
    case = found.cases[0]
    assert case.blurred == gopro / "test/GOPR0384_11_00/blur/000001.png"
    assert case.sharp == (gopro / "test/GOPR0384_11_00/sharp/000001.png",)
    assert found.notes == ("6 pairs; the published test set has 1111",)


def test_cases_have_the_same_names_from_the_set_and_from_its_test_folder(gopro):
    assert names(gopro_cases(gopro)) == names(gopro_cases(gopro / "test"))


def test_gopros_gamma_folder_is_taken_when_asked_for(gopro):
    save_pair(gopro / "test/GOPR0384_11_00", "000001", blur="blur_gamma")

    (case,) = gopro_cases(gopro, gamma=True).cases
    assert case.blurred.parent.name == "blur_gamma"


@pytest.mark.parametrize("make", [False, True], ids=["missing", "empty"])
def test_a_set_that_is_not_there_says_where_it_is_to_be_had_and_how_it_looks(tmp_path, make):
    folder = tmp_path / "GOPRO_Large"
    if make:
        folder.mkdir()

    with pytest.raises(DataError, match=r"seungjunnah\.github\.io/.*/gopro.*<sequence>/blur/"):
        gopro_cases(folder)
    with pytest.raises(DataError, match=r"benchmark4camerashake.*Blurry<image>_<trajectory>\.png"):
        kohler_cases(folder)


def test_gopro_without_its_test_pairs_is_refused_not_compared_on_what_it_trains_on(tmp_path):
    save_pair(tmp_path / "train/GOPR0372_07_00", "000047")

    with pytest.raises(DataError, match="has train/ but no test/"):
        gopro_cases(tmp_path)


# --- pairs


def test_a_missing_partner_is_a_case_with_an_error_and_an_unused_one_a_note(tmp_path):
    save_pair(tmp_path, "a")
    (save_pair(tmp_path, "b").sharp).unlink()
    save_pair(tmp_path, "c").blurred.unlink()

    found = pair_cases(tmp_path)

    assert names(found) == ["a", "b"]
    assert found.cases[0].error is None
    assert f"has no sharp partner {tmp_path / 'sharp' / 'b'}.*" in found.cases[1].error
    assert found.notes == (
        f"sharp photos without a blurred one, not used: 1 ({tmp_path / 'sharp' / 'c.png'})",
    )


# --- Köhler


@pytest.fixture
def kohler(tmp_path):
    for trajectory in (1, 3, 12):
        touch(tmp_path / f"Blurry1_{trajectory}.png")
        for number in (1, 2, 10, 29, 30, 31):
            touch(tmp_path / f"truth/GroundTruth1_{trajectory}_{number}.jpg")
    return tmp_path


def test_kohlers_frames_are_in_order_and_the_one_it_has_not_got_is_left_out(kohler):
    found = kohler_cases(kohler)

    assert names(found) == ["1_1", "1_3", "1_12"]
    frames = [[int(path.stem.split("_")[-1]) for path in case.sharp] for case in found.cases]
    assert frames == [[1, 2, 10, 29, 30, 31], [1, 2, 10, 29, 31], [1, 2, 10, 29, 30, 31]]
    assert found.notes == (
        "3 photos; the published set has 48",
        "1_1: 6 frames; the published set has 199",
        "1_3: 5 frames; the published set has 198",
        "1_12: 6 frames; the published set has 198",
    )


def test_a_photo_of_kohlers_without_frames_is_a_case_with_an_error(kohler):
    touch(kohler / "Blurry4_2.png")

    assert (
        kohler_cases(kohler)
        .cases[-1]
        .error.endswith("no frames GroundTruth4_2.mat or GroundTruth4_2_*")
    )


@pytest.fixture
def packed(tmp_path):
    """The layout as published: a MATLAB file for each photo, here of few and tiny frames."""
    rng = np.random.default_rng(1)
    frames = {}
    for trajectory, count in ((1, 199), (3, 199), (12, 5)):
        touch(tmp_path / f"BlurryImages/Blurry1_{trajectory}.png")
        frames[trajectory] = rng.integers(0, 256, (4, 5, 3, count), np.uint8)
        path = tmp_path / f"GroundTruth1_{trajectory}.mat"
        savemat(path, {"GroundTruth": frames[trajectory]}, do_compression=trajectory != 3)
    return tmp_path, frames


def test_kohlers_mat_files_give_the_frames_that_the_official_script_takes(packed):
    folder, frames = packed
    first, third, last = kohler_cases(folder).cases

    places = {1: range(199), 3: [*range(29), *range(30, 198)], 12: range(5)}
    for case, trajectory in ((first, 1), (third, 3), (last, 12)):
        assert case.sharp == (folder / f"GroundTruth1_{trajectory}.mat",)
        got = [pixels for _, pixels in case.frames()]
        assert len(got) == len(places[trajectory])
        for pixels, place in zip(got, places[trajectory], strict=True):
            np.testing.assert_array_equal(pixels * 255, frames[trajectory][..., place])
    np.testing.assert_array_equal(third.frame(29) * 255, frames[3][..., 30])
    assert kohler_cases(folder).notes == (
        "3 photos; the published set has 48",
        "1_12: 5 frames; the published set has 198",
    )


def test_pictures_are_taken_before_a_mat_file(packed):
    folder, _ = packed
    touch(folder / "GroundTruth1_1_1.png")

    assert kohler_cases(folder).cases[0].sharp == (folder / "GroundTruth1_1_1.png",)


def test_mat_files_that_cannot_be_read_say_what_would_work(packed):
    folder, _ = packed
    hdf5 = b"MATLAB 7.3 MAT-file, Platform: GLNXA64, Created on: Thu Jan 1".ljust(116)
    hdf5 += bytes(8) + (0x0200).to_bytes(2, "little") + b"IM" + bytes(384) + b"\x89HDF\r\n\x1a\n"
    for content, why in (
        (hdf5, r"of version 7\.3 \(HDF5\).* save\('GroundTruth1_1\.mat', 'GroundTruth', '-v7'\)"),
        (hdf5[:60], r"of version 7\.3 \(HDF5\)"),
        (b"not a file of MATLAB's" * 20, "is damaged or no MATLAB file"),
        ((folder / "GroundTruth1_1.mat").read_bytes()[:400], "is damaged or no MATLAB file"),
    ):
        (folder / "GroundTruth1_1.mat").write_bytes(content)
        case = kohler_cases(folder).cases[0]
        with pytest.raises(DataError, match=why):
            raise DataError(case.error) if case.error else read_frames(case.sharp[0], [0])


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"frames": np.zeros((4, 5, 3, 2), np.uint8)}, "holds frames; expected a variable Ground"),
        ({"GroundTruth": np.zeros((4, 5, 3), np.uint8)}, "is of 4 x 5 x 3; expected .*x frames"),
        ({"GroundTruth": np.zeros((4, 5, 3, 2))}, "is of float64; expected .*uint8"),
    ],
)
def test_a_mat_file_of_other_things_is_told(packed, values, why):
    folder, _ = packed
    savemat(folder / "GroundTruth1_1.mat", values)

    with pytest.raises(DataError, match=why):
        read_frames(folder / "GroundTruth1_1.mat", [0])


# --- which, and what others made of them


def test_a_limit_draws_the_same_cases_for_the_same_seed_in_order(gopro):
    cases = gopro_cases(gopro).cases

    drawn = [choose_cases(cases, 3, seed) for seed in (0, 0, 1, 2, 3)]
    assert drawn[0] == drawn[1]
    assert len(set(drawn)) > 1
    for choice in drawn:
        assert list(choice) == sorted(choice, key=cases.index)
        assert len(set(choice)) == 3
    assert choose_cases(cases, 100, 0) == choose_cases(cases, None, 0) == cases
    with pytest.raises(OptionError, match="got 0 and 0"):
        choose_cases(cases, 0, 0)


def test_files_of_others_are_found_by_the_cases_names(gopro, tmp_path):
    cases = gopro_cases(gopro).cases
    theirs = tmp_path / "theirs"
    first = touch(theirs / f"{cases[0].name}.png")
    second = touch(theirs / cases[1].name.replace("/0", "/blur/0")).with_suffix(".jpg")
    touch(second)
    touch(theirs / "000010.png")  # both sequences have one

    assert find_restored(theirs, cases) == {cases[0].name: first, cases[1].name: second}
    assert find_restored(theirs, cases[2:3]) == {cases[2].name: theirs / "000010.png"}


def test_names_as_unblur_restore_gives_them_and_as_kohlers_script_wants_them(kohler, tmp_path):
    theirs = tmp_path / "theirs"
    cases = kohler_cases(kohler).cases
    expected = {
        "1_1": touch(theirs / "Muller1_1.png"),
        "1_12": touch(theirs / "Blurry1_12.unblurred.png"),
    }
    touch(theirs / "Muller11_3.png")  # not 1_3

    assert find_restored(theirs, cases) == expected


def test_a_folder_without_files_for_the_cases_is_refused_with_an_example(gopro, tmp_path):
    cases = gopro_cases(gopro).cases
    (tmp_path / "empty").mkdir()

    with pytest.raises(DataError, match=re.escape(f"expected {cases[0].name}.png")):
        find_restored(tmp_path / "empty", cases)
    with pytest.raises(DataError, match="is not a folder"):
        find_restored(tmp_path / "none", cases)
