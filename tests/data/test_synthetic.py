import multiprocessing
import operator
import re
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import pyvips
from skimage import data

from unblur.data.synthetic import SyntheticOptions, SyntheticPairs
from unblur.errors import DataError, OptionError
from unblur.metrics import psnr

SMALL = SyntheticOptions(crop_px=32)
CLEAN = SyntheticOptions(crop_px=48, noise_max=0, jpeg_share=0, softness_px=0)
"""Nothing but blur."""
MOVING = replace(SMALL, rotation_share=0.3, object_share=0.3)
"""Pairs of all kinds."""


def save(pixels, path):
    pyvips.Image.new_from_array(np.ascontiguousarray(pixels)).write_to_file(str(path))
    return path


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    return [
        save(data.astronaut()[:300, :400], folder / "colour.png"),
        save(data.coffee(), folder / "lossy.jpg"),
        save(data.camera()[:260, :240], folder / "grey.png"),
    ]


def make(photos, options=SMALL, *, seed=1, count=1000, early=0):
    return SyntheticPairs(photos, options, seed=seed, count=count, early=early)


def upright(planes):
    return planes.transpose(1, 2, 0)


def assert_equal_pairs(first, second):
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


# --- the same pair everywhere

# Indices in three blocks of kernels, which are 64 to a block.
INDICES = [0, 1, 63, 64, 65, 130, 2]


def test_a_pair_does_not_depend_on_what_was_asked_for_before(photos):
    pairs = make(photos)
    forwards = {i: pairs[i] for i in INDICES}

    for i in reversed(INDICES):
        assert_equal_pairs(pairs[i], forwards[i])


def test_a_pair_is_the_same_from_a_fresh_set(photos):
    pairs = make(photos)
    for i in INDICES:
        assert_equal_pairs(make(photos)[i], pairs[i])


def test_a_pair_does_not_depend_on_the_length_of_the_set(photos):
    assert_equal_pairs(make(photos, count=10)[7], make(photos, count=10_000)[7])


def test_a_pair_is_the_same_in_another_process(photos):
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as process:
        there = [process.submit(operator.getitem, make(photos), i) for i in (65, 3)]

        for future, i in zip(there, (65, 3), strict=True):
            assert_equal_pairs(future.result(timeout=60), make(photos)[i])


def test_pairs_of_all_kinds_are_the_same_in_any_order_and_from_a_fresh_set(photos):
    pairs = make(photos, MOVING)
    forwards = {i: pairs[i] for i in range(8)}

    for i in reversed(range(8)):
        assert_equal_pairs(pairs[i], forwards[i])
        assert_equal_pairs(make(photos, MOVING)[i], forwards[i])


@pytest.mark.filterwarnings("ignore")  # PyTorch's hints
def test_pairs_of_all_kinds_are_the_same_from_any_number_of_workers(photos):
    from torch.utils.data import DataLoader

    pairs = make(photos, MOVING, count=8)
    # As in training: libvips does not survive a fork.
    parallel = DataLoader(pairs, batch_size=2, num_workers=2, multiprocessing_context="spawn")
    alone = DataLoader(pairs, batch_size=2, num_workers=0)

    batches = list(alone)
    assert len(batches) == 4
    for i, (one, other) in enumerate(zip(batches, parallel, strict=True)):
        assert_equal_pairs(one, other)
        for place in range(2):
            assert_equal_pairs([side[place].numpy() for side in one], pairs[2 * i + place])


@pytest.mark.parametrize(("rotation", "objects"), [(0.0, 0.0), (0.4, 0.0), (0.0, 0.4), (0.2, 0.2)])
def test_shares_of_rolls_and_objects_change_so_many_pairs_and_no_others(photos, rotation, objects):
    options = replace(SMALL, rotation_share=rotation, object_share=objects)
    mixed, shaken = make(photos, options), make(photos)

    # The others have the same noise, too, and have been through the same JPEG.
    changed = sum(not all(map(np.array_equal, mixed[i], shaken[i])) for i in range(40))

    if rotation + objects == 0:
        assert changed == 0
    else:
        assert 6 < changed < 26  # 40 draws at 0.4: 16 with a deviation of 3.1


def test_other_indices_and_seeds_give_other_pairs(photos):
    pairs = [*(make(photos)[i] for i in range(6)), *(make(photos, seed=s)[0] for s in (2, 3))]

    for i, (_, sharp) in enumerate(pairs):
        assert not any(np.array_equal(sharp, other) for _, other in pairs[:i])


def test_other_indices_and_seeds_give_other_kernels(tmp_path):
    # A photo that fits the crop exactly, so that nothing but the kernel changes the score.
    photo = save(data.astronaut()[:96, 150:246], tmp_path / "exact.png")
    options = replace(CLEAN, crop_px=96, sharp_share=0, linear_share=0)
    pairs = [make([photo], options, seed=1)[i] for i in (0, 1, 64, 65, 128)]
    pairs += [make([photo], options, seed=seed)[0] for seed in (2, 3, 4)]

    scores = [psnr(*map(upright, pair)) for pair in pairs]
    assert len(set(np.round(scores, 4))) == len(pairs)


# --- what a pair is


@pytest.mark.parametrize("crop_px", [16, 33, 192])
def test_both_pictures_are_planes_of_the_size_asked_for(photos, crop_px):
    pairs = make(photos, SyntheticOptions(crop_px=crop_px))

    for i in range(8):
        for picture in pairs[i]:
            assert picture.shape == (3, crop_px, crop_px)
            assert picture.dtype == np.float32
            assert picture.flags.c_contiguous
            assert picture.min() >= 0
            assert picture.max() <= 1


def test_early_pairs_have_their_own_size_and_change_no_later_ones(photos):
    options = SyntheticOptions(crop_px=48, early_crop_px=20)
    pairs = make(photos, options, early=3)

    sizes = [picture.shape for i in range(6) for picture in pairs[i]]

    assert sizes == 6 * [(3, 20, 20)] + 6 * [(3, 48, 48)]
    assert_equal_pairs(pairs[3], make(photos, options)[3])


def test_blurred_pictures_hold_codes_of_8_bits(photos):
    pairs = make(photos, replace(SMALL, noise_max=0.1))

    for i in range(8):
        codes = pairs[i][0] * 255
        np.testing.assert_allclose(codes, np.round(codes), atol=1e-4)


def test_pixels_keep_their_range_and_colours(tmp_path):
    orange = np.full((90, 90, 3), (250, 120, 10), np.uint8)
    pairs = make([save(orange, tmp_path / "orange.png")], CLEAN)

    for blurred, sharp in (pairs[i] for i in range(4)):
        for picture in (blurred, sharp):
            expected = np.broadcast_to(np.array([[[250]], [[120]], [[10]]]) / 255, picture.shape)
            np.testing.assert_allclose(picture, expected, atol=1e-6)


def test_blurred_and_sharp_picture_show_the_same_in_the_same_place(photos):
    # A kernel that moved the picture, or a flip of only one of the two, would score lower.
    pairs = make(photos[:2], replace(CLEAN, sharp_share=0))

    for i in range(12):
        blurred, sharp = map(upright, pairs[i])
        others = [np.rot90(sharp, turns) for turns in (1, 2, 3)]
        others += [sharp[::-1], sharp[:, ::-1]]
        assert psnr(blurred, sharp) > max(psnr(blurred, other) for other in others)


def test_crops_are_flipped_and_turned_all_eight_ways(tmp_path):
    # Four flat quarters; the blur is off.
    quarters = np.kron(np.array([[10, 90], [170, 250]], np.uint8), np.ones((32, 32), np.uint8))
    options = replace(CLEAN, crop_px=64, sharp_share=1)
    pairs = make([save(np.dstack([quarters] * 3), tmp_path / "quarters.png")], options)

    ways = {tuple(pairs[i][1][0, 8::48, 8::48].ravel().round(2)) for i in range(80)}

    assert len(ways) == 8


def test_every_photo_is_used(tmp_path):
    codes = (9, 99, 199)
    pairs = make([save(np.full((80, 80, 3), c, np.uint8), tmp_path / f"{c}.png") for c in codes])

    used = [round(float(pairs[i][1].mean() * 255)) for i in range(60)]

    assert set(used) == set(codes)
    assert min(used.count(code) for code in codes) > 8


def test_crops_come_from_all_over_the_photo(tmp_path):
    # Brightness tells the column, and crops are 107 to 192 of 1020 columns wide.
    ramp = np.arange(1020) // 4
    ramp = np.broadcast_to(ramp.astype(np.uint8)[None, :, None], (200, 1020, 3))
    pairs = make([save(ramp, tmp_path / "ramp.png")])

    means = np.array([pairs[i][1].mean() * 255 for i in range(40)])

    assert means.min() < 60
    assert means.max() > 195
    assert means.std() > 40


# --- options


@pytest.mark.parametrize(("share", "least", "most"), [(0.0, 0, 0), (0.3, 20, 46), (1.0, 100, 100)])
def test_the_share_asked_for_is_left_sharp(photos, share, least, most):
    # 100 draws at 0.3: 30 with a deviation of 4.6.
    pairs = make(photos, replace(CLEAN, crop_px=32, sharp_share=share))

    untouched = [
        abs(blurred - sharp).max() < 1e-6 for blurred, sharp in (pairs[i] for i in range(100))
    ]

    assert least <= sum(untouched) <= most


def test_noise_is_uniform_up_to_the_most_asked_for(tmp_path):
    grey = save(np.full((80, 80, 3), 128, np.uint8), tmp_path / "grey.png")
    pairs = make([grey], replace(CLEAN, sharp_share=0, noise_max=0.1))

    sigmas = np.array([(pairs[i][0] - pairs[i][1]).std() for i in range(40)])

    assert sigmas.max() < 0.105
    assert 0.035 < sigmas.mean() < 0.065


def test_half_of_the_sharp_inputs_are_clean(tmp_path):
    grey = save(np.full((80, 80, 3), 128, np.uint8), tmp_path / "grey.png")
    pairs = make([grey], replace(CLEAN, sharp_share=1, noise_max=0.2))

    clean = [np.array_equal(*pairs[i]) for i in range(60)]

    assert 17 < sum(clean) < 43


def test_the_camera_rolls_in_the_share_asked_for(tmp_path):
    # Points of light, 32 px apart: a shake smears all alike, a roll each in its own way.
    points = np.zeros((300, 300, 3), np.uint8)
    points[::32, ::32] = 255
    file = [save(points, tmp_path / "points.png")]
    options = replace(CLEAN, crop_px=96, scale=(1, 1), length_px=(30, 30), sharp_share=0)
    options = replace(options, exposure=(1.0,), linear_share=1.0)

    def differences(share):
        pairs = make(file, replace(options, rotation_share=share))
        for blurred, sharp in (pairs[i] for i in range(6)):
            places = [(y, x) for y, x in np.argwhere(sharp[0]) if {y, x} <= {*range(4, 92)}]
            smears = [blurred[0, y - 4 : y + 5, x - 4 : x + 5] for y, x in places]
            yield max(abs(smear - smears[0]).max() for smear in smears)

    assert max(differences(0.0)) < 2 / 255
    assert min(differences(1.0)) > 5 / 255


def test_objects_move_before_a_sharp_background(photos):
    options = replace(CLEAN, crop_px=96, sharp_share=0, length_px=(20.0, 20.0))

    def untouched(share):
        pairs = make(photos[:1], replace(options, object_share=share))
        return np.array([(abs(np.subtract(*pairs[i])) < 1e-6).all(axis=0).mean() for i in range(8)])

    assert untouched(0.0).max() < 0.3  # where the photo is flat
    assert untouched(1.0).min() > 0.3
    assert untouched(1.0).max() < 0.97


def test_light_or_encoded_values_are_blurred_in_the_share_asked_for(tmp_path):
    # Fine stripes of black and white: their mean is 128 encoded, 188 in light.
    stripes = np.zeros((400, 400, 3), np.uint8)
    stripes[(np.indices((400, 400)).sum(axis=0) // 2) % 2 == 0] = 255
    file = [save(stripes, tmp_path / "stripes.png")]
    options = replace(CLEAN, crop_px=200, scale=(1, 1), sharp_share=0)

    def brighter(share):
        pairs = make(file, replace(options, linear_share=share))
        return np.array(
            [blurred.mean() - sharp.mean() for blurred, sharp in (pairs[i] for i in range(6))]
        )

    np.testing.assert_allclose(brighter(0.0), 0, atol=0.01)
    assert brighter(1.0).min() > 0.05


def test_jpeg_leaves_its_traces_in_the_share_asked_for(photos):
    def differences(share):
        options = replace(CLEAN, sharp_share=1, jpeg_share=share)
        pairs = make(photos, options)
        return [abs(blurred - sharp).max() for blurred, sharp in (pairs[i] for i in range(30))]

    assert max(differences(0.0)) < 1e-6
    assert min(differences(1.0)) > 1e-6
    assert max(differences(1.0)) < 0.5
    assert 8 < sum(d > 1e-6 for d in differences(0.5)) < 22


def test_longer_paths_blur_more(photos):
    def loss(length_px):
        pairs = make(photos, replace(CLEAN, sharp_share=0, length_px=(length_px, length_px)))
        return np.mean([psnr(*map(upright, pairs[i])) for i in range(20)])

    assert loss(3) > loss(20) + 2 > loss(150) + 4


def test_half_of_the_kernels_come_from_paths_of_the_greatest_length(photos):
    mixed, longest = (
        make(photos, replace(CLEAN, sharp_share=0, length_px=(low, 150))) for low in (3, 150)
    )

    same = [np.array_equal(mixed[i][0], longest[i][0]) for i in range(40)]

    assert sum(same) == 20


def test_photos_are_shrunk_by_a_factor_in_the_range_asked_for(tmp_path):
    # A ramp of one code a pixel: after shrinking by s neighbours differ by 1/s codes.
    ramp = np.broadcast_to(np.arange(250, dtype=np.uint8)[:, None, None], (250, 250, 3))
    pairs = make([save(ramp, tmp_path / "ramp.png")], replace(CLEAN, scale=(0.4, 0.8)))

    slopes = []
    for i in range(30):
        sharp = pairs[i][1][0] * 255
        slopes.append(max(np.ptp(sharp, axis=0).max(), np.ptp(sharp, axis=1).max()) / 47)

    assert min(slopes) > 1 / 0.8 - 0.05
    assert max(slopes) < 1 / 0.4 + 0.05
    assert max(slopes) - min(slopes) > 0.5


def test_a_photo_that_just_fits_is_used_whole(tmp_path):
    exact = save(data.astronaut()[100:148, 100:148], tmp_path / "exact.png")
    pairs = make([exact], replace(CLEAN, sharp_share=1))

    whole = data.astronaut()[100:148, 100:148].astype(np.float32) / 255
    ways = [np.rot90(x, turns) for x in (whole, whole[:, ::-1]) for turns in range(4)]
    for i in range(5):
        sharp = upright(pairs[i][1])
        assert any(np.allclose(sharp, way, atol=1e-6) for way in ways)


def test_transparent_and_grey_photos_become_three_channels(tmp_path):
    colour = np.full((90, 90, 3), (250, 120, 10), np.uint8)
    opaque = np.full((90, 90), 255, np.uint8)
    files = [
        (save(np.dstack([colour, opaque]), tmp_path / "transparent.png"), (250, 120, 10)),
        (save(np.full((90, 90), 77, np.uint8), tmp_path / "grey.png"), (77, 77, 77)),
    ]

    for file, codes in files:
        _, sharp = make([file])[0]
        assert sharp.shape == (3, 32, 32)
        np.testing.assert_allclose(sharp.mean(axis=(1, 2)) * 255, codes, atol=1e-3)


def test_photos_of_16_bits_become_8_bits_not_clipped(tmp_path):
    deep = np.full((90, 90, 3), (250 * 257, 120 * 257, 10 * 257), np.uint16)
    image = pyvips.Image.new_from_array(deep).copy(interpretation="rgb16")
    image.write_to_file(str(tmp_path / "deep.png"))

    _, sharp = make([tmp_path / "deep.png"])[0]

    np.testing.assert_allclose(sharp.mean(axis=(1, 2)) * 255, (250, 120, 10), atol=1e-3)


# --- errors


def test_no_photos_are_refused():
    with pytest.raises(DataError, match="no photos"):
        make([])


def test_a_photo_smaller_than_the_crop_is_named_with_its_size(tmp_path):
    small = save(data.astronaut()[:31, :50], tmp_path / "small.png")

    message = f"{small} is 50x31 px, smaller than a crop of 32 px"
    with pytest.raises(DataError, match=re.escape(message)):
        make([small])[0]


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"crop_px": 15}, "crop_px must be at least 16, got 15"),
        ({"early_crop_px": 15}, "early_crop_px must be at least 16, got 15"),
        ({"scale": (0.0, 0.5)}, "scale needs 0 < low <= high, got [0.0, 0.5]"),
        ({"scale": (0.9, 0.5)}, "scale needs 0 < low <= high, got [0.9, 0.5]"),
        ({"length_px": (-1, 5)}, "length_px needs 0 < low <= high, got [-1, 5]"),
        ({"sharp_share": 1.1}, "sharp_share must be in [0, 1], got 1.1"),
        ({"rotation_share": -0.1}, "rotation_share must be in [0, 1], got -0.1"),
        ({"object_share": 1.5}, "object_share must be in [0, 1], got 1.5"),
        ({"rotation_share": float("nan")}, "rotation_share must be in [0, 1], got nan"),
        ({"linear_share": -0.1}, "linear_share must be in [0, 1], got -0.1"),
        ({"jpeg_share": 2}, "jpeg_share must be in [0, 1], got 2"),
    ],
)
def test_an_option_out_of_range_is_named_with_its_value(option, message):
    with pytest.raises(OptionError, match=re.escape(message)):
        SyntheticOptions(**option)


def test_shares_that_sum_to_more_than_1_are_refused():
    with pytest.raises(OptionError, match="share"):
        SyntheticOptions(sharp_share=0.5, rotation_share=0.5, object_share=0.5)


def test_shares_that_sum_to_1_are_taken():
    SyntheticOptions(sharp_share=0.33, rotation_share=0.56, object_share=0.11)


def test_the_set_reports_the_length_asked_for(photos):
    assert len(make(photos, count=123)) == 123


def test_half_of_the_photos_are_softened_and_none_darkened(tmp_path):
    grain = np.random.default_rng(0).integers(60, 200, (96, 96, 3), np.uint8)
    file = [save(grain, tmp_path / "grain.png")]
    options = replace(CLEAN, sharp_share=1.0, scale=(1.0, 1.0), softness_px=1.0)
    pairs = make(file, options)

    spread = np.array([pairs[i][1].std() for i in range(60)])
    means = np.array([pairs[i][1].mean() for i in range(60)])

    untouched = spread > 0.9 * (grain / 255).std()
    assert 15 < untouched.sum() < 50
    assert spread.min() < 0.4 * spread.max()
    np.testing.assert_allclose(means, (grain / 255).mean(), atol=0.01)


def test_colour_is_taken_away_from_a_share_of_the_photos(photos):
    pairs = make(photos[:1], replace(CLEAN, grey_share=0.3))
    grey = [all(np.ptp(planes, axis=0).max() < 1e-6 for planes in pairs[i]) for i in range(100)]

    assert 15 < sum(grey) < 45


def test_what_is_out_of_focus_stays_so_in_the_sharp_partner(photos):
    plain = make(photos[:1], replace(CLEAN, sharp_share=1))
    soft = make(photos[:1], replace(CLEAN, sharp_share=1, defocus_share=0.5))
    less = 0
    for i in range(40):
        blurred, sharp = soft[i]
        np.testing.assert_allclose(blurred, sharp, atol=0.51 / 255)
        less += detail(sharp) < 0.97 * detail(plain[i][1])
    assert 8 < less < 32


def detail(planes):
    """The same however the planes are turned."""
    return np.abs(np.diff(planes, axis=1)).mean() + np.abs(np.diff(planes, axis=2)).mean()


def test_softness_is_checked():
    with pytest.raises(OptionError, match="softness_px"):
        SyntheticOptions(softness_px=-1)


def test_paths_grow_among_the_early_pairs(tmp_path):
    point = np.zeros((200, 200, 3), np.uint8)
    point[::40, ::40] = 255
    file = [save(point, tmp_path / "points.png")]
    options = replace(
        CLEAN, crop_px=48, early_crop_px=48, scale=(1.0, 1.0), sharp_share=0.0, linear_share=0.0
    )
    pairs = SyntheticPairs(file, options, seed=0, count=20_000, early=10_000)

    def smear(start):  # the mean share of pixels that the points are spread over
        return np.mean([(pairs[start + i][0].sum(axis=0) > 0.02).mean() for i in range(40)])

    first, middle, last = smear(0), smear(5000), smear(12_000)
    assert 1.5 * first < middle < last
    alone = SyntheticPairs(file, options, seed=0, count=20_000, early=10_000)
    np.testing.assert_array_equal(alone[5043][0], pairs[5043][0])  # whatever was asked before


def test_exposures_are_checked():
    with pytest.raises(OptionError, match="exposure needs fractions"):
        SyntheticOptions(exposure=(0.1, 0.1, 0.1, 0.5, 1.5))
