import itertools
import json
import pickle

import numpy as np
import pytest

from unblur.data.kernels.tries import TriedCrops, TriedOptions, list_tries, split_tries
from unblur.errors import DataError, OptionError
from unblur.imaging.deblur.known.guide import beside_guide

OPTIONS = TriedOptions(crop_px=16)
GAINS = {"helpful": [2.0, -4.0], "harmful": [-9.0], "without": []}


def save_try(folder, name, gains, *, side=40, photo=None, kind="shake", **more):
    """A try of noise whose guides are of one value each: 10, 20, ..."""
    rng = np.random.default_rng(len(name))
    guides = [np.full((side, side, 4), 10 * (i + 1), np.uint8) for i in range(len(gains))]
    facts = {
        "photo": photo or f"{name}.jpg",
        "kind": kind,
        "size": [side, side],
        "found": 1 if gains else 0,
        "blurred": 20.0,
        "guides": [20 + gain for gain in gains],
        **more,
    }
    np.savez(
        folder / f"{name}.npz",
        blurred=rng.integers(0, 255, (side, side, 3), np.uint8),
        sharp=rng.integers(0, 255, (side, side, 3), np.uint8),
        guides=np.array(guides, np.uint8).reshape(len(gains), side, side, 4),
        done=np.array(json.dumps(facts)),
    )


@pytest.fixture
def folder(tmp_path):
    for name, gains in GAINS.items():
        save_try(tmp_path, name, gains)
    return tmp_path


def test_pairs_depend_on_seed_and_number_alone(folder):
    crops = TriedCrops(list_tries(folder), OPTIONS, seed=3, count=40)
    copy = pickle.loads(pickle.dumps(crops))

    assert len(crops) == 40
    for index in (7, 0, 39):
        seen, truth = crops[index]
        assert seen.shape == (7, 16, 16)
        assert truth.shape == (3, 16, 16)
        assert seen.dtype == truth.dtype == np.float32
        assert all(map(np.array_equal, copy[index], (seen, truth)))
    with pytest.raises(IndexError):
        crops[40]


def test_crops_are_cut_alike_and_guides_stand_beside_them(folder):
    only = [each for each in list_tries(folder) if each.path.stem == "helpful"]
    options = TriedOptions(crop_px=40, without_share=1e-9, harmful_share=1e-9)
    crops = TriedCrops(only, options, seed=1, count=4)
    held = np.load(folder / "helpful.npz")
    blurred, sharp = (held[x].astype(np.float32) / np.float32(255) for x in ("blurred", "sharp"))
    guide = held["guides"][0].astype(np.float32) / np.float32(255)

    seen, truth = crops[0]

    wanted = beside_guide(blurred, guide), sharp
    found = (seen.transpose(1, 2, 0), truth.transpose(1, 2, 0))
    ways = [
        [
            np.rot90((x[:, ::-1] if flip else x)[..., order[: x.shape[2]]], turns)
            for x, order in zip(wanted, ([*c, *(3 + i for i in c), 6], c), strict=True)
        ]
        for flip in (0, 1)
        for turns in range(4)
        for c in map(list, itertools.permutations(range(3)))
    ]
    assert any(all(map(np.array_equal, way, found)) for way in ways)


def test_harmful_guides_are_seen_seldom_and_tries_without_any_less(folder):
    options = TriedOptions(crop_px=16, without_share=0.1, unguided_share=0.2, harmful_share=0.1)
    crops = TriedCrops(list_tries(folder), options, seed=0, count=2000)

    drawn = [crops._draw(index)[0].path.stem for index in range(2000)]

    share = {name: drawn.count(name) / 2000 for name in GAINS}
    # One in 1, one in 2 and one in 5 of those drawn: 1 : 0.5 : 0.2, within 4 standard deviations
    assert share["helpful"] == pytest.approx(1 / 1.7, abs=0.045)
    assert share["harmful"] == pytest.approx(0.5 / 1.7, abs=0.041)
    assert share["without"] == pytest.approx(0.2 / 1.7, abs=0.029)


def test_photos_that_validate_are_not_trained_on(tmp_path):
    for number in range(9):
        save_try(tmp_path, f"try-{number}", [1.0], photo=f"photo-{number % 3}.jpg")

    train, kept = split_tries(list_tries(tmp_path), held_out=1)

    assert {x.photo for x in train} & {x.photo for x in kept} == set()
    assert (len(train), len(kept)) == (6, 3)
    with pytest.raises(DataError, match="too few to keep 3 out"):
        split_tries(list_tries(tmp_path), held_out=3)


def test_what_is_no_try_is_named(folder, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(DataError, match="unblur data kernels"):
        list_tries(empty)

    (folder / "torn.npz").write_bytes((folder / "helpful.npz").read_bytes()[:300])
    with pytest.raises(DataError, match=r"torn\.npz is damaged"):
        list_tries(folder)

    (folder / "torn.npz").unlink()
    np.savez(folder / "other.npz", done=np.array("{}"))
    with pytest.raises(DataError, match=r"other\.npz is not a try"):
        list_tries(folder)


def test_small_tries_are_left_out_and_none_is_an_error(folder):
    save_try(folder, "small", [1.0], side=12)
    crops = TriedCrops(list_tries(folder), OPTIONS, seed=1, count=5)
    assert {each.path.stem for each in crops.tries} == set(GAINS)

    with pytest.raises(DataError, match="no tries of at least 64 px"):
        TriedCrops(list_tries(folder), TriedOptions(crop_px=64), seed=1, count=5)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"crop_px": 8}, "crop_px must be at least 16"),
        ({"without_share": 0.0}, "without_share must be in"),
        ({"harmful_share": 2.0}, "harmful_share must be in"),
        ({"harmful_db": -1.0}, "harmful_db must not be negative"),
    ],
)
def test_options_are_checked(wrong, why):
    with pytest.raises(OptionError, match=why):
        TriedOptions(**wrong)


def test_photos_out_of_focus_are_left_out(folder, tmp_path_factory):
    save_try(folder, "soft", [1.0], kind="out of focus")
    only = tmp_path_factory.mktemp("only")
    save_try(only, "soft", [1.0], kind="out of focus")

    assert {each.path.stem for each in list_tries(folder)} == set(GAINS)
    with pytest.raises(DataError, match="only tries of photos out of focus"):
        list_tries(only)


def test_tries_for_the_other_network_are_refused(folder, tmp_path_factory):
    save_try(folder, "of the second", [1.0], second=True)
    only = tmp_path_factory.mktemp("only")
    save_try(only, "of the second", [1.0], second=True)

    assert [each.second for each in list_tries(only, second=True)] == [True]
    with pytest.raises(DataError, match=r"of the second\.npz was made with --second"):
        list_tries(folder)
    with pytest.raises(DataError, match=r"harmful\.npz was made without --second"):
        list_tries(folder, second=True)
