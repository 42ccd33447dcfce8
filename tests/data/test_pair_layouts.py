"""Data sets as they are downloaded: miniatures in their very layouts."""

import numpy as np
import pytest
import skimage.data

from photo_sets import save
from unblur.data.benchmarks import find_restored, pair_cases
from unblur.data.pair_layouts import match_names, plain_name
from unblur.data.pair_lists import read_pair_list
from unblur.data.pair_places import PairPlace
from unblur.data.synthetic import SyntheticOptions
from unblur.errors import DataError, OptionError
from unblur.tasks.bench.score import list_scores
from unblur.tasks.datasets.check import CheckOptions, check_data
from unblur.tasks.train.data import MixOptions, TrainingData, training_pairs

PHOTO = skimage.data.astronaut()
REALBLUR = "RealBlur-J_ECC_IMCORR_centroid_itensity_ref"

LAYOUTS = {
    "REDS": [
        (f"val/val_blur/{q:03}/{i:08}.png", f"val/val_sharp/{q:03}/{i:08}.png")
        for q in range(2)
        for i in range(2)
    ],
    "GoPro": [
        (f"test/GOPR0{q}/blur/00000{i}.png", f"test/GOPR0{q}/sharp/00000{i}.png")
        for q in (384, 385)
        for i in (1, 2)
    ],
    "RealBlur": [
        (f"{REALBLUR}/scene00{s}/blur/blur_{i}.png", f"{REALBLUR}/scene00{s}/gt/gt_{i}.png")
        for s in (1, 2)
        for i in (1, 2)
    ],
    "HIDE": [
        ("test/test-close-ups/1fromGOPR0950.png", "GT/1fromGOPR0950.png"),
        ("test/test-close-ups/10fromGOPR0950.png", "GT/10fromGOPR0950.png"),
        ("test/test-long-shot/2fromGOPR0951.png", "GT/2fromGOPR0951.png"),
    ],
    "MPRNet": [
        (f"test/GoPro/input/GOPR-{i}.png", f"test/GoPro/target/GOPR-{i}.png") for i in (1, 2)
    ],
    "A and B": [(f"A/{i}.png", f"B/{i}.jpg") for i in (1, 2)],
    "Kaggle's": [(f"motion_blurred/{i}_M.jpg", f"sharp/{i}_S.jpg") for i in (1, 2)],
    "BasicSR's": [(f"train/blur_crops/{i}.png", f"train/sharp_crops/{i}.png") for i in (1, 2)],
    "lq and gt": [(f"lq/{i}_blur.png", f"gt/{i}.png") for i in (1, 2)],
}


def _write(folder, files):
    """Both photos of every pair, each pair of another part of a photo."""
    for index, (blurred, sharp) in enumerate(files):
        part = PHOTO[40 * index : 40 * index + 36, 100:148]
        save(part // 2, folder / blurred)
        save(part, folder / sharp)


def _found(place):
    cases = pair_cases(place)
    assert not [case.error for case in cases.cases if case.error]
    assert len({case.name for case in cases.cases}) == len(cases.cases)
    return {(case.blurred, case.sharp[0]) for case in cases.cases}


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_data_set_is_read_as_it_is_downloaded(tmp_path, name):
    files = LAYOUTS[name]
    _write(tmp_path, files)

    assert _found(tmp_path) == {(tmp_path / a, tmp_path / b) for a, b in files}
    report = check_data(tmp_path, CheckOptions(crop_px=16))
    assert (report.pairs, report.problems) == (len(files), ())
    pairs, _ = training_pairs(
        TrainingData(pairs=tmp_path),
        MixOptions(synthetic=0, real=1, scale=(1, 1)),
        SyntheticOptions(crop_px=16, ways="none"),
        seed=0,
        count=4,
        held_out=1,
    )
    for blurred, sharp in (pairs[index] for index in range(4)):
        np.testing.assert_allclose(
            blurred, sharp / 2, atol=0.2 if name in {"A and B", "Kaggle's"} else 0.02
        )


def test_others_of_reds_do_not_mix_with_the_one_of_its_name(tmp_path):
    _write(tmp_path, LAYOUTS["REDS"])
    for blurred, _ in LAYOUTS["REDS"]:
        save(PHOTO[:36, :48], tmp_path / blurred.replace("val_blur", "val_blur_jpeg"))

    assert _found(tmp_path) == {(tmp_path / a, tmp_path / b) for a, b in LAYOUTS["REDS"]}


def test_train_and_test_are_not_mixed_in_any_layout(tmp_path):
    for split in ("train", "test"):
        _write(tmp_path / split, [(f"GoPro/input/{split}.png", f"GoPro/target/{split}.png")])

    with pytest.raises(DataError, match="has train/ and test/; name one of them"):
        PairPlace(folder=tmp_path).pairs()
    assert len(PairPlace(folder=tmp_path / "train").pairs()) == 1


@pytest.mark.parametrize("folder", ["", "elsewhere"])
@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("separator", [" ", ", ", "\t"])
def test_a_list_of_pairs_says_which_is_blurred_in_any_order(tmp_path, folder, order, separator):
    files = LAYOUTS["RealBlur"]
    _write(tmp_path / folder, files)
    lines = [separator.join(pair if order else pair[::-1]) for pair in files]
    (tmp_path / "list.txt").write_text("# pairs\n\n" + "\n".join(lines) + "\n")
    place = PairPlace(listed=tmp_path / "list.txt", folder=tmp_path / folder if folder else None)

    assert _found(place) == {(tmp_path / folder / a, tmp_path / folder / b) for a, b in files}


def test_a_list_without_such_words_has_the_blurred_one_first(tmp_path):
    (tmp_path / "list.txt").write_text("a 1.png b 1.png\n2.png 3.png\n")
    save(PHOTO[:36, :48], tmp_path / "a 1.png")
    save(PHOTO[:36, :48], tmp_path / "b 1.png")

    pairs = read_pair_list(tmp_path / "list.txt")

    assert [(a.name, b.name) for a, b in pairs] == [("a 1.png", "b 1.png"), ("2.png", "3.png")]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a.png\n", "line 1: two paths are needed, .* got 'a.png'"),
        ("\n", "is empty; two paths a line"),
        ("no.png none.png\n", "no.png, which is in .*, is not there, nor is any other pair"),
    ],
)
def test_a_list_that_is_none_is_refused(tmp_path, text, why):
    (tmp_path / "list.txt").write_text(text)
    with pytest.raises(DataError, match=why):
        pair_cases(PairPlace(listed=tmp_path / "list.txt"))


def test_what_a_list_lacks_is_a_case_with_an_error(tmp_path):
    _write(tmp_path, [("1.png", "2.png")])
    (tmp_path / "list.txt").write_text("1.png 2.png\n1.png missing.png\n")

    cases = pair_cases(PairPlace(listed=tmp_path / "list.txt")).cases

    assert [case.error is None for case in cases] == [True, False]
    assert "missing.png" in cases[1].error


@pytest.mark.parametrize("ending", ["", "_deblurred", "-restored", ".unblurred", "_blur"])
def test_two_folders_match_without_what_methods_add_to_names(tmp_path, ending):
    files = [(f"ours/s/{i}{ending}.png", f"truth/s/{i}.jpg") for i in (1, 2, 10)]
    _write(tmp_path, files)
    ours, truth = tmp_path / "ours", tmp_path / "truth"

    assert _found(PairPlace(blurred=ours, sharp=truth)) == {
        (tmp_path / a, tmp_path / b) for a, b in files
    }
    scores = list_scores(ours, truth)
    assert {(x.restored, x.sharp) for x in scores} == {
        (tmp_path / a, tmp_path / b) for a, b in files
    }
    cases = pair_cases(PairPlace(blurred=truth, sharp=truth)).cases
    assert set(find_restored(ours, cases)) == {case.name for case in cases}


def test_names_that_fit_several_are_not_guessed():
    assert match_names(["1_blur", "1_blurred"], ["1_gt"]) == {}
    assert match_names(["a/1", "b/1"], ["c/1"]) == {}
    assert match_names(["a/1_blur", "b/1"], ["b/1_gt", "a/1"]) == {
        "a/1_blur": "a/1",
        "b/1": "b/1_gt",
    }
    assert plain_name("blur") == "blur"


@pytest.mark.parametrize(
    "named",
    [
        {},
        {"blurred": "a"},
        {"sharp": "a"},
        {"folder": "a", "blurred": "a", "sharp": "a"},
        {"listed": "a", "blurred": "a", "sharp": "a"},
    ],
)
def test_pairs_are_named_in_one_way(tmp_path, named):
    with pytest.raises(OptionError, match="--blurred and --sharp"):
        PairPlace(**{key: tmp_path / value for key, value in named.items()})


def test_bench_takes_two_folders_or_a_list(tmp_path, run):
    _write(tmp_path, LAYOUTS["RealBlur"])
    scene = tmp_path / REALBLUR / "scene001"
    lines = [f"{sharp} {blurred}" for blurred, sharp in LAYOUTS["RealBlur"]]
    (tmp_path / "list.txt").write_text("\n".join(lines))
    method = ("--method", "unsharp-mask", "-o")

    two = run("bench", "pairs", "--blurred", scene / "blur", "--sharp", scene / "gt", *method, "a")
    listed = run("bench", "pairs", "--list", "list.txt", *method, "b")
    neither = run("bench", "pairs", *method, "c")

    assert two.returncode == listed.returncode == 0, two.stderr + listed.stderr
    assert (tmp_path / "a" / "rows.jsonl").read_text().count('"blurred"') == 2
    assert (tmp_path / "b" / "rows.jsonl").read_text().count('"blurred"') == 4
    assert neither.returncode == 2
    assert "no pairs: name their folder, --blurred and --sharp, or --list" in neither.stderr
