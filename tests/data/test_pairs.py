import multiprocessing
import operator
import pickle
import re
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest
import pyvips
import skimage.data

from photo_sets import cut_short, save, save_pair, ways
from unblur.data.pairs import Pair, PairedCrops, list_pairs, survey_pairs
from unblur.errors import DataError, OptionError


def crops(pairs, *, crop_px=32, seed=1, count=1000, scale=(1, 1)):
    return PairedCrops(pairs, crop_px=crop_px, seed=seed, count=count, scale=scale)


def assert_equal_pairs(first, second):
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.fixture
def pairs(tmp_path):
    return [save_pair(tmp_path, name) for name in ("a", "b", "c")]


# --- finding pairs


def test_pairs_match_by_name_whatever_their_endings_and_come_in_natural_order(tmp_path):
    made = [
        save_pair(tmp_path, "2", blurred="jpg"),
        save_pair(tmp_path, "10", sharp="webp"),
        save_pair(tmp_path, "x-000"),
    ]
    (tmp_path / "manifest.jsonl").touch()  # as `unblur blur` leaves
    (tmp_path / "blur" / "._2.jpg").touch()  # as macOS leaves
    save(np.zeros((9, 9), np.uint8), tmp_path / "kernels" / "2.png")

    assert list_pairs(tmp_path) == made


def test_sequences_of_gopro_are_found_in_natural_order(tmp_path):
    second = save_pair(tmp_path / "GOPR10", "000001")
    first = [save_pair(tmp_path / "GOPR2", name) for name in ("000009", "000011")]
    (tmp_path / "notes").mkdir()

    assert list_pairs(tmp_path) == [*first, second]


@pytest.mark.parametrize("gamma", [False, True])
def test_gopro_has_two_kinds_of_blur(tmp_path, gamma):
    by_name = {
        name: save_pair(tmp_path / "GOPR1", "1", blur=name) for name in ("blur", "blur_gamma")
    }

    assert list_pairs(tmp_path, gamma=gamma) == [by_name["blur_gamma" if gamma else "blur"]]


def test_only_the_split_asked_for_is_found_and_two_are_not_mixed(tmp_path):
    by_split = {name: save_pair(tmp_path / name / "GOPR1", "1") for name in ("train", "test")}

    for name, pair in by_split.items():
        assert list_pairs(tmp_path, split=name) == [pair]
        assert list_pairs(tmp_path / name) == [pair]
    with pytest.raises(DataError, match="has train/ and test/; name one of them"):
        list_pairs(tmp_path)
    with pytest.raises(OptionError, match="split must be one of train, test, got 'val'"):
        list_pairs(tmp_path, split="val")


def test_a_split_that_is_alone_needs_no_name(tmp_path):
    pair = save_pair(tmp_path / "train" / "GOPR1", "1")

    assert list_pairs(tmp_path) == [pair]


def test_blurred_photos_without_a_partner_are_refused_by_name(tmp_path, pairs):
    pairs[0].sharp.unlink()
    pairs[2].sharp.unlink()

    message = f"{pairs[0].blurred} has no sharp partner {tmp_path / 'sharp' / 'a'}.* (and 1 more"
    with pytest.raises(DataError, match=re.escape(message)):
        list_pairs(tmp_path)


def test_photos_that_share_a_name_are_refused(tmp_path, pairs):
    twin = save(skimage.data.coffee()[:60, :80], tmp_path / "sharp" / "b.jpg")

    with pytest.raises(DataError, match=re.escape(f"{twin} and {pairs[1].sharp} share a name")):
        list_pairs(tmp_path)


def test_sharp_photos_that_nothing_is_blurred_of_are_left_out(tmp_path, pairs):
    pairs[0].blurred.unlink()

    assert list_pairs(tmp_path) == pairs[1:]
    assert survey_pairs(tmp_path).unused == (pairs[0].sharp,)


def test_a_folder_without_sharp_photos_is_refused_for_its_blurred_ones(tmp_path):
    pair = save_pair(tmp_path, "a")
    pair.sharp.unlink()
    pair.sharp.parent.rmdir()

    with pytest.raises(DataError, match=re.escape(f"{pair.blurred} has no sharp partner")):
        list_pairs(tmp_path)


def test_folders_without_pairs_are_refused_with_what_is_expected(tmp_path):
    with pytest.raises(DataError, match="missing is not a folder"):
        list_pairs(tmp_path / "missing")
    with pytest.raises(DataError, match=re.escape("no pairs with blur/; expected blur/ and sharp")):
        list_pairs(tmp_path)
    (tmp_path / "blur").mkdir()
    with pytest.raises(DataError, match="no photos in"):
        list_pairs(tmp_path)
    with pytest.raises(DataError, match="has no pairs with blur_gamma/; it has blur/ instead"):
        list_pairs(tmp_path, gamma=True)


# --- crops


def test_crops_are_planes_of_one_place_in_both_photos(pairs):
    found = set()
    for blurred, sharp in (crops(pairs)[i] for i in range(30)):
        for picture in (blurred, sharp):
            assert picture.shape == (3, 32, 32)
            assert picture.dtype == np.float32
            assert picture.flags.c_contiguous
        codes = np.round(sharp * 255)
        np.testing.assert_array_equal(np.round(blurred * 255), codes // 2)
        found.add(codes.tobytes())
    assert len(found) == 30


def test_crops_come_from_everywhere_turned_all_eight_ways(tmp_path):
    # The codes of a pixel are its place.
    place = np.dstack([*np.indices((40, 50)), np.zeros((40, 50))]).astype(np.uint8)
    pair = Pair(blurred=save(place, tmp_path / "a.png"), sharp=save(place, tmp_path / "b.png"))
    here, corners, turns = crops([pair], crop_px=38), set(), set()

    for i in range(400):
        codes = np.round(here[i][0] * 255).astype(int)
        top, left = codes[0].min(), codes[1].min()
        corners.add((int(top), int(left)))
        turns.add((*codes[:2, 0, 0] - (top, left), *codes[:2, 0, -1] - (top, left)))
        cut = place[top : top + 38, left : left + 38].transpose(2, 0, 1)
        assert any(np.array_equal(codes, way) for way in ways(cut))

    assert corners == {(top, left) for top in range(3) for left in range(13)}
    assert len(turns) == 8


def test_a_pair_depends_on_seed_and_index_alone(pairs):
    here = crops(pairs, scale=(0.6, 1))
    forwards = {i: here[i] for i in (0, 5, 999)}

    for i in (999, 5, 0):
        assert_equal_pairs(here[i], forwards[i])
        assert_equal_pairs(crops(pairs, scale=(0.6, 1), count=5000)[i], forwards[i])
        other = crops(pairs, scale=(0.6, 1), seed=2)[i]
        assert not np.array_equal(other[0], forwards[i][0])


def test_a_pair_is_the_same_in_another_process(pairs):
    context = multiprocessing.get_context("spawn")
    here = crops(pairs, scale=(0.5, 0.9))
    with ProcessPoolExecutor(1, mp_context=context) as process:
        there = process.submit(operator.getitem, here, 7).result(timeout=60)

    assert_equal_pairs(there, here[7])


def test_decoded_photos_are_not_sent_to_other_processes(pairs):
    here = crops(pairs)
    fresh = len(pickle.dumps(here))
    for i in range(20):
        here[i]

    assert len(pickle.dumps(here)) == fresh


def test_photos_are_read_once(pairs):
    here = crops(pairs)
    before = [here[i] for i in range(30)]
    for pair in pairs:
        pair.blurred.unlink()
        pair.sharp.unlink()

    for i, pair in enumerate(before):
        assert_equal_pairs(here[i], pair)


def test_half_size_is_what_resizing_the_whole_photos_gives(tmp_path):
    pair = save_pair(tmp_path, "half", size=(120, 90))
    here = crops([pair], crop_px=32, scale=(0.5, 0.5))

    for i in range(6):
        for path, crop in zip((pair.blurred, pair.sharp), here[i], strict=True):
            half = pyvips.Image.new_from_file(str(path)).resize(0.5).numpy()
            windows = np.lib.stride_tricks.sliding_window_view(half, (32, 32), axis=(0, 1))
            codes = np.round(crop * 255).astype(np.uint8)
            assert any((windows == way).all(axis=(2, 3, 4)).any() for way in ways(codes))


def test_the_size_is_drawn_from_its_range_but_a_crop_always_fits(tmp_path):
    # A ramp of one code a pixel: after shrinking by s neighbours differ by 1/s codes.
    ramp = np.broadcast_to(np.arange(250, dtype=np.uint8)[:, None, None], (250, 250, 3))
    pair = Pair(blurred=save(ramp, tmp_path / "a.png"), sharp=save(ramp, tmp_path / "b.png"))

    def slopes(crop_px, scale):
        here = crops([pair], crop_px=crop_px, scale=scale)
        sharp = [here[i][1][0] * 255 for i in range(30)]
        return [
            max(np.ptp(x, axis=0).max(), np.ptp(x, axis=1).max()) / (crop_px - 1) for x in sharp
        ]

    drawn = slopes(48, (0.4, 0.8))
    assert 1 / 0.8 - 0.05 < min(drawn) < 1.5
    assert 2 < max(drawn) < 1 / 0.4 + 0.05
    np.testing.assert_allclose(slopes(200, (0.4, 0.4)), 250 / 200, atol=0.03)


def test_both_files_behind_a_pair_are_named(pairs):
    here = crops(pairs)

    for i in range(10):
        named = [pair for pair in pairs if here.describe(i) == f"{pair.blurred} and {pair.sharp}"]
        assert len(named) == 1
        # The pair that is named is the one that is cut.
        assert_equal_pairs(crops(named * 3)[i], here[i])


# --- errors


def test_sizes_that_differ_are_refused_with_both_files(tmp_path):
    pair = save_pair(tmp_path, "a")
    save(skimage.data.coffee()[:50, :70], pair.sharp)

    message = f"{pair.blurred} is 80x60 px, its sharp partner {pair.sharp} is 70x50 px"
    with pytest.raises(DataError, match=re.escape(message)):
        crops([pair])[0]


def test_a_photo_smaller_than_a_crop_is_refused_with_its_size(tmp_path):
    pair = save_pair(tmp_path, "a", size=(31, 80))

    message = f"{pair.blurred} is 80x31 px, smaller than a crop of 32 px"
    with pytest.raises(DataError, match=re.escape(message)):
        crops([pair])[0]


def test_a_photo_that_cannot_be_read_is_named(tmp_path):
    pair = save_pair(tmp_path, "a")
    cut_short(pair.sharp)

    with pytest.raises(DataError, match=f"^{re.escape(str(pair.sharp))}: .*; leave the pair out$"):
        crops([pair])[0]


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"crop_px": 15}, "crop_px must be at least 16, got 15"),
        ({"seed": -1}, "seed and count must not be negative, got -1 and 1000"),
        ({"scale": (0, 1)}, "scale needs 0 < low <= high <= 1, got [0, 1]"),
        ({"scale": (0.9, 0.5)}, "scale needs 0 < low <= high <= 1, got [0.9, 0.5]"),
        ({"scale": (1, 1.1)}, "scale needs 0 < low <= high <= 1, got [1, 1.1]"),
    ],
)
def test_an_option_out_of_range_is_named_with_its_value(pairs, option, message):
    with pytest.raises(OptionError, match=re.escape(message)):
        crops(pairs, **option)


def test_no_pairs_and_indices_out_of_range_are_refused(pairs):
    with pytest.raises(DataError, match="no pairs"):
        crops([])
    assert len(crops(pairs, count=3)) == 3
    assert len(list(crops(pairs, count=3))) == 3
    for index in (-1, 3):
        with pytest.raises(IndexError, match=f"pair {index} of 3"):
            crops(pairs, count=3)[index]
