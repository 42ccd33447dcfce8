import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage import data
from skimage.registration import phase_cross_correlation

from rounding import sums_bound, transform_bound
from unblur.errors import OptionError
from unblur.imaging.blur.blur import blur
from unblur.imaging.blur.convolution import convolve
from unblur.imaging.blur.kernels import random_kernels, trajectory_kernels
from unblur.imaging.blur.motion import (
    KINDS,
    MovingObject,
    Roll,
    Shake,
    as_motion,
    random_mask,
    random_motion,
)
from unblur.imaging.blur.trajectories import PRESETS, random_trajectories
from unblur.imaging.light import srgb_to_linear

few_examples = settings(max_examples=8, deadline=None)
seeds = st.integers(0, 2**32 - 1)
presets = st.sampled_from(sorted(PRESETS))
HEIGHT, WIDTH = 161, 183


def rng(seed=0):
    return np.random.default_rng(seed)


def draw(kind, seed=0, **more):
    return random_motion(kind, rng=rng(seed), **{"height": HEIGHT, "width": WIDTH, **more})


@pytest.fixture(scope="module")
def light():
    """Cut out part of a real photo, in linear light, (161, 183, 3)."""
    return srgb_to_linear(data.astronaut()[60 : 60 + HEIGHT, 150 : 150 + WIDTH] / 255)


@pytest.fixture(scope="module")
def kernel():
    """Draw a shake of about 30 px, without symmetry."""
    return random_kernels(1, rng=rng(), exposure=(1.0,))[0]


def interior(picture, px=40):
    return picture[px:-px, px:-px]


def point_of_light(x, y, height=HEIGHT, width=WIDTH):
    night = np.zeros((height, width, 3), np.float32)
    night[y, x] = 1
    return night


def pasted(kernel, x, y):
    """Put a kernel where a point of light was; what falls beyond the edges is lost."""
    reach = len(kernel) // 2
    canvas = np.zeros((HEIGHT + 2 * reach, WIDTH + 2 * reach))
    canvas[y : y + len(kernel), x : x + len(kernel)] = kernel
    return canvas[reach : reach + HEIGHT, reach : reach + WIDTH]


# --- roll


def carried(poses, centre, places):
    """Where each pose takes each place, by complex numbers; (poses, places)."""
    places = np.array(places) @ [1, 1j] - complex(*centre)
    turned = np.exp(1j * poses[:, 2:]) * places
    return turned + poses[:, :1] + 1j * poses[:, 1:2] + complex(*centre)


def without_angles(seed, length_px, preset):
    roll = draw("rotation", seed, length_px=length_px, preset=preset)
    return Roll(poses=roll.poses * [1, 1, 0], centre=roll.centre)


@few_examples
@given(seed=seeds, preset=presets, length_px=st.floats(0.5, 40))
def test_a_roll_without_angles_is_a_convolution_with_the_kernel_of_the_poses_it_takes(
    light, seed, preset, length_px
):
    roll = without_angles(seed, length_px, preset)

    # A bilinear warp is the convolution with a point spread over four pixels, without rounding.
    taken = trajectory_kernels(roll._sampled(HEIGHT, WIDTH)[None, :, :2], centred=False)[0]
    expected = convolve(light, taken)
    np.testing.assert_allclose(interior(roll.apply(light)), interior(expected), atol=1e-5)


@few_examples
@given(seed=seeds, preset=presets, length_px=st.floats(20, 40))
def test_the_poses_that_a_roll_takes_stand_for_all(light, seed, preset, length_px):
    roll = without_angles(seed, length_px, preset)

    # The middle of a part of 1 px for its mean is the midpoint rule. Between pixels the photo is
    # linear, so it errs by an eighth of the change of slope at a pixel, if one lies within: on
    # this photo 0.008 at the root of the mean square, 0.16 at the hardest edge. The errors of 20
    # parts and more have either sign, and few of them meet that edge: of 480 rolls the median has
    # 4e-4 and 4e-3, the worst 8e-4 and 9e-3.
    expected = convolve(light, trajectory_kernels(roll.poses[None, :, :2], centred=False)[0])
    difference = interior(roll.apply(light) - expected)
    assert np.sqrt((difference**2).mean()) < 1.5e-3
    assert abs(difference).max() < 2e-2


@few_examples
@given(
    right=st.floats(-9, 9),
    down=st.floats(-9, 9),
    turn=st.floats(-0.15, 0.15),
    x=st.floats(-50, 250),
    y=st.floats(-50, 250),
)
def test_a_roll_of_one_pose_is_the_photo_in_that_pose(light, right, down, turn, x, y):
    roll = Roll(poses=np.array([[right, down, turn]]), centre=(x, y))

    turned = roll.apply(light)

    # Where what is seen at each pixel was in the sharp photo: turned back about the centre.
    rows, columns = np.indices((HEIGHT, WIDTH))
    seen = (columns - x - right + 1j * (rows - y - down)) * np.exp(-1j * turn)
    places = seen.imag + y, seen.real + x
    inside = ndimage.binary_erosion(
        (places[0] > 0) & (places[0] < HEIGHT - 1) & (places[1] > 0) & (places[1] < WIDTH - 1)
    )
    for channel in range(3):
        expected = ndimage.map_coordinates(light[..., channel], places, np.float64, order=1)
        np.testing.assert_allclose(turned[inside, channel], expected[inside], atol=1e-5)


def test_beyond_the_edges_a_turned_photo_is_mirrored(light):
    roll = Roll(poses=np.array([[11.5, -7.25, 0.2]]), centre=(30.0, 150.0))

    rows, columns = np.indices((HEIGHT, WIDTH))
    seen = (columns - 41.5 + 1j * (rows - 142.75)) * np.exp(-0.2j)
    places = seen.imag + 150, seen.real + 30
    assert min(place.min() for place in places) < -10
    expected = ndimage.map_coordinates(light[..., 1], places, np.float64, order=1, mode="mirror")
    np.testing.assert_allclose(roll.apply(light)[..., 1], expected, atol=1e-5)


@few_examples
@given(
    seed=seeds,
    preset=presets,
    length_px=st.floats(0.1, 300),
    size=st.tuples(st.integers(1, 2000), st.integers(1, 2000)),
    exposure=st.floats(0.001, 1),
    samples=st.sampled_from([2, 30, 2000]),
)
def test_no_pixel_moves_more_than_1_px_between_two_poses(
    seed, preset, length_px, size, exposure, samples
):
    height, width = size
    roll = draw(
        "rotation",
        seed,
        height=height,
        width=width,
        length_px=length_px,
        preset=preset,
        exposure=exposure,
        samples=samples,
    )

    poses = roll._sampled(height, width)

    xs, ys = np.linspace(0, width - 1, 9), np.linspace(0, height - 1, 9)  # corners included
    stations = carried(poses, roll.centre, [(x, y) for x in xs for y in ys])
    assert abs(np.diff(stations, axis=0)).max(initial=0) <= 1 + 1e-9
    # Nor is it farther from where it is first and last seen to the ends of the exposure.
    ends = carried(roll.poses[[0, -1]], roll.centre, [(x, y) for x in xs for y in ys])
    assert abs(ends - stations[[0, -1]]).max() <= 0.5 + 1e-9


def test_poses_are_as_few_as_that_takes():
    # A shift of 12 px in any number of steps: 12 poses, at the middles of its pixels.
    for points in (2, 13, 2000):
        poses = np.zeros((points, 3))
        poses[:, 0] = np.linspace(0, 12, points)
        sampled = Roll(poses=poses, centre=(0.0, 0.0))._sampled(50, 70)
        assert 12 <= len(sampled) <= 13
        np.testing.assert_allclose(
            sampled[:, 0], 12 * (np.arange(len(sampled)) + 0.5) / len(sampled)
        )


@pytest.mark.parametrize("seed", range(2))
def test_local_kernels_are_what_points_of_light_become(seed):
    roll = draw("rotation", seed, length_px=40)

    kernels = roll.kernels(HEIGHT, WIDTH)

    assert kernels.shape[:2] == (3, 3)
    assert len(kernels[0, 0]) < HEIGHT // 2  # so that the nine do not meet
    night, expected = np.zeros((HEIGHT, WIDTH, 3), np.float32), np.zeros((HEIGHT, WIDTH))
    for row, y in enumerate((0, HEIGHT // 2, HEIGHT - 1)):
        for column, x in enumerate((0, WIDTH // 2, WIDTH - 1)):
            night[y, x] = 1
            expected += pasted(kernels[row, column], x, y)
    seen = roll.apply(night)[..., 0]
    # Their peaks are of 0.04 to 0.2.
    np.testing.assert_allclose(seen, expected, atol=1e-2)
    assert seen.sum() == pytest.approx(expected.sum(), rel=0.01)
    assert abs(seen - expected[::-1]).max() > 0.03
    assert abs(seen - expected[:, ::-1]).max() > 0.03


def test_local_kernels_differ_from_corner_to_corner():
    kernels = draw("rotation", length_px=60).kernels(HEIGHT, WIDTH)

    corners = [kernels[row, column] for row in (0, 2) for column in (0, 2)]
    for i, one in enumerate(corners):
        for other in corners[:i]:
            assert abs(one - other).sum() > 0.5  # of at most 2, if they had nothing in common


@few_examples
@given(seed=seeds, preset=presets, exposure=st.floats(0.05, 1))
def test_nine_kernels_keep_brightness_and_hardly_move_the_picture(seed, preset, exposure):
    roll = draw("rotation", seed, preset=preset, exposure=exposure)

    kernels = roll.kernels(HEIGHT, WIDTH)

    assert kernels.dtype == np.float32
    assert kernels.shape[2] == kernels.shape[3]
    assert kernels.shape[3] % 2 == 1
    assert kernels.min() >= 0
    np.testing.assert_allclose(kernels.sum((2, 3), dtype=np.float64), 1, atol=1e-6)
    # The mean pose is no motion. What is left is of the second order in the angle: a turn of a
    # moves what is r away by r a, nearly at a right angle to the radius, and by r a^2 / 2 along it.
    down, right = np.indices(kernels.shape[2:]) - len(kernels[0, 0]) // 2
    drift = np.hypot((kernels * right).sum((2, 3)), (kernels * down).sum((2, 3)))
    farthest = np.hypot(HEIGHT, WIDTH)
    assert drift.max() < farthest * (roll.poses[:, 2] ** 2).mean() / 2 + 1e-3


def test_a_roll_keeps_a_constant_photo():
    grey = np.full((HEIGHT, WIDTH, 3), 0.6, np.float32)

    # A mean of so many poses, each between four pixels.
    roll = draw("rotation", length_px=50)
    bound = sums_bound(4, len(roll._sampled(HEIGHT, WIDTH)), values=grey)
    np.testing.assert_allclose(roll.apply(grey), grey, rtol=0, atol=bound)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(2))
def test_the_blurred_photo_stays_aligned_with_the_sharp_one(kind, seed):
    photo = (data.astronaut()[:300, 100:420] / 255).astype(np.float32)
    blurred = blur(photo, draw(kind, seed, height=300, width=320))

    middle = slice(80, 220), slice(80, 240)
    shift, *_ = phase_cross_correlation(
        photo[middle].mean(axis=2),
        blurred[middle].mean(axis=2),
        upsample_factor=20,
        normalization=None,
    )
    assert abs(shift).max() <= 0.5


@pytest.mark.parametrize("seed", range(2))
def test_seen_from_a_crop_the_blur_is_that_of_the_whole(light, seed):
    roll = draw("rotation", seed, length_px=40)
    left, top, side = 21, 13, 140
    part = slice(top, top + side), slice(left, left + side)

    alone = roll.seen_from(left, top).apply(light[part])

    # Smaller photos take fewer poses: as for the roll without angles, 1e-3 on the whole.
    difference = interior(alone - roll.apply(light)[part])
    assert np.sqrt((difference**2).mean()) < 1.5e-3
    assert abs(difference).max() < 2e-2
    shifted = interior(np.roll(alone, 1, axis=1) - roll.apply(light)[part])
    assert np.sqrt((shifted**2).mean()) > 5e-3  # one pixel off would show


def test_seen_from_itself_a_roll_is_the_same(light):
    roll = draw("rotation", length_px=20)

    np.testing.assert_array_equal(roll.seen_from(0, 0).apply(light), roll.apply(light))
    assert roll.seen_from(10, -4).centre == (roll.centre[0] - 10, roll.centre[1] + 4)


def test_the_camera_rolls_as_far_in_angle_as_it_shifts_behind_a_28_mm_lens():
    # The picture is 36 mm wide and 28 mm from the lens: turning by 28/36 of its width in pixels.
    roll = draw("rotation", 5, length_px=60, height=300, width=720)

    source = rng(5)
    shift, turn = (random_trajectories(1, rng=source, length_px=60)[0] for _ in range(2))
    expected = np.column_stack([shift, turn[:, 0] / (720 * 28 / 36)])
    np.testing.assert_allclose(roll.poses, expected - expected.mean(axis=0), atol=1e-12)
    assert 0 <= roll.centre[0] <= 720
    assert 0 <= roll.centre[1] <= 300


# --- shake


def test_a_shake_is_a_convolution_with_its_kernel(light, kernel):
    shake = Shake(kernel=kernel)

    np.testing.assert_array_equal(shake.apply(light), convolve(light, kernel))
    np.testing.assert_array_equal(shake.kernels(HEIGHT, WIDTH), kernel)


@few_examples
@given(seed=seeds, preset=presets, length_px=st.floats(0.5, 400), exposure=st.floats(0.01, 1))
def test_a_random_shake_has_a_kernel_of_the_exposed_part_of_its_path(
    seed, preset, length_px, exposure
):
    shake = draw("shake", seed, length_px=length_px, exposure=exposure, preset=preset, samples=300)

    path = random_trajectories(1, rng=rng(seed), length_px=length_px, samples=300, preset=preset)
    side = int(length_px) + 9 | 1
    expected = trajectory_kernels(path[:, : max(2, round(300 * exposure))], canvas_px=side)[0]
    border = (side - len(shake.kernel)) // 2
    np.testing.assert_allclose(np.pad(shake.kernel, border), expected, atol=1e-7)
    edges = shake.kernel[[0, -1]].sum() + shake.kernel[:, [0, -1]].sum()
    assert edges > 0  # no empty border is left


def test_a_kernel_is_a_shake_and_other_motions_stay_what_they_are(kernel):
    np.testing.assert_array_equal(as_motion(kernel).kernels(9, 9), kernel)
    roll = draw("rotation")
    assert as_motion(roll) is roll

    with pytest.raises(OptionError, match="sum to 1"):
        as_motion(2 * kernel)


# --- moving object


@few_examples
@given(seed=seeds, length_px=st.floats(1, 60))
def test_nothing_changes_where_the_object_does_not_come(light, seed, length_px):
    thing = draw("object", seed, length_px=length_px)

    moved = thing.apply(light)

    # Its mirror image beyond the edges comes in from there, too.
    far = ndimage.maximum_filter(thing.mask, len(thing.kernel), mode="mirror") == 0
    bound = transform_bound(light) + transform_bound(thing.mask)  # both are convolved
    np.testing.assert_allclose(moved[far], light[far], rtol=0, atol=bound)
    if far.any() and length_px > 10:
        assert abs(moved - light)[~far].max() > 0.01


@few_examples
@given(seed=seeds, length_px=st.floats(1, 60), value=st.floats(0, 1))
def test_an_object_on_a_background_of_its_colour_cannot_be_seen(seed, length_px, value):
    grey = np.full((HEIGHT, WIDTH, 3), value, np.float32)

    moved = draw("object", seed, length_px=length_px).apply(grey)

    # The object is convolved, and its mask times the grey; and numbers near zero lose digits.
    bound = 2 * transform_bound(grey) + np.finfo(np.float32).tiny
    np.testing.assert_allclose(moved, grey, rtol=0, atol=bound)


def test_a_point_of_light_on_the_object_becomes_the_kernel(kernel):
    mask = np.zeros((HEIGHT, WIDTH), np.float32)
    mask[5:-5, 5:-5] = 1
    thing = MovingObject(kernel=kernel, mask=mask)

    seen = thing.apply(point_of_light(90, 77))

    for channel in range(3):
        expected = pasted(kernel, 90, 77)
        np.testing.assert_allclose(seen[..., channel], expected, atol=transform_bound(mask))
    np.testing.assert_array_equal(thing.kernels(HEIGHT, WIDTH), kernel)


def test_an_object_smears_its_outline_over_what_is_behind_it():
    # A white disc on black: what is seen of it is the share of the time that it was there.
    rows, columns = np.indices((HEIGHT, WIDTH))
    mask = (np.hypot(rows - 80, columns - 90) < 30).astype(np.float32)
    straight = np.zeros((21, 21), np.float32)
    straight[10, 5:16] = 1 / 11  # five pixels to the left and to the right
    night = np.zeros((HEIGHT, WIDTH, 3), np.float32)

    seen = MovingObject(kernel=straight, mask=mask).apply(night + mask[..., None])

    cover = ndimage.convolve(mask.astype(np.float64), straight)
    expected = cover + (1 - cover) * mask  # the background is the sharp photo, with the disc
    # Object and mask are convolved. A step of the smear is 1/11.
    np.testing.assert_allclose(seen[..., 0], expected, rtol=0, atol=2 * transform_bound(mask))
    assert 0.2 < seen[80, 90 + 32, 0] < 0.5


def test_a_mask_of_another_size_is_refused_with_both(light, kernel):
    thing = MovingObject(kernel=kernel, mask=np.ones((HEIGHT, WIDTH - 1), np.float32))

    said = "the mask is for (161, 182), the photo is (161, 183)"
    with pytest.raises(OptionError, match=re.escape(said)):
        thing.apply(light)


def test_objects_have_momentum_whatever_the_preset():
    jittery, smooth = (draw("object", 3, preset=preset) for preset in ("authors", "paper"))

    np.testing.assert_array_equal(jittery.kernel, smooth.kernel)
    np.testing.assert_array_equal(jittery.mask, smooth.mask)


@settings(max_examples=60, deadline=None)
@given(seed=seeds, height=st.integers(24, 300), width=st.integers(24, 300))
def test_a_mask_is_one_soft_shape_of_a_tenth_to_half_of_the_shorter_side_squared(
    seed, height, width
):
    mask = random_mask(height, width, rng=rng(seed))

    assert mask.shape == (height, width)
    assert mask.dtype == np.float32
    assert (mask.min(), mask.max()) == (0, 1)
    assert 0.1 < mask.sum() / min(height, width) ** 2 < 0.55
    assert ndimage.label(mask > 0.5)[1] == 1
    # The outline is soft: it rises from 0 to 1 over some 3 px, so no two neighbours are 1 apart.
    assert max(abs(np.diff(mask, axis=axis)).max() for axis in (0, 1)) < 0.75


def test_masks_of_one_state_are_equal_and_of_others_differ():
    one, same, other = (random_mask(90, 120, rng=rng(s)) for s in (1, 1, 2))

    np.testing.assert_array_equal(one, same)
    assert abs(one - other).mean() > 0.05


# --- drawing motions


def arrays(motion):
    return {
        name: np.asarray(getattr(motion, name))
        for name in ("kernel", "mask", "poses", "centre")
        if hasattr(motion, name)
    }


@few_examples
@given(seed=seeds, kind=st.sampled_from(KINDS), preset=presets)
def test_equal_states_give_equal_motions_and_other_states_other_motions(seed, kind, preset):
    one, same, other = (
        arrays(draw(kind, s, preset=preset, samples=200)) for s in (seed, seed, seed + 1)
    )

    assert one.keys() == same.keys()
    for name, values in one.items():
        np.testing.assert_array_equal(values, same[name])
        assert not np.array_equal(values, other[name])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"exposure": 0.0}, "exposure must be in (0, 1], got 0.0"),
        ({"exposure": 1.5}, "exposure must be in (0, 1], got 1.5"),
        ({"exposure": -0.1}, "exposure must be in (0, 1], got -0.1"),
        ({"exposure": float("nan")}, "exposure must be in (0, 1], got nan"),
        ({"length_px": 0}, "length_px must be positive and finite, got 0"),
        ({"length_px": float("inf")}, "length_px must be positive and finite, got inf"),
        ({"samples": 1}, "samples must be at least 2, got 1"),
    ],
)
def test_an_argument_out_of_range_is_named_with_its_value(kind, arguments, said):
    with pytest.raises(OptionError, match=re.escape(said)):
        draw(kind, **arguments)


def test_an_unknown_kind_is_refused_with_those_known():
    with pytest.raises(OptionError, match="unknown kind 'zoom'; known: shake, rotation, object"):
        draw("zoom")


@pytest.mark.parametrize(
    "kind",
    [
        "shake",
        "rotation",
        "object",
    ],
)
def test_an_unknown_preset_is_refused_with_those_known(kind):
    with pytest.raises(OptionError, match="unknown preset 'thesis'; known: authors, paper"):
        draw(kind, preset="thesis")
