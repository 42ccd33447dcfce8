import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unblur.errors import OptionError
from unblur.imaging.blur.kernels import least_canvas_px, random_kernels, trajectory_kernels
from unblur.imaging.blur.trajectories import PRESETS, random_trajectories

few_examples = settings(max_examples=15, deadline=None)
seeds = st.integers(0, 2**32 - 1)
presets = st.sampled_from(sorted(PRESETS))


def rng(seed=0):
    return np.random.default_rng(seed)


def centroids(kernels):
    """Columns x and y, in pixels from the upper left pixel."""
    y, x = np.indices(kernels.shape[1:])
    kernels = kernels.astype(np.float64)
    return np.stack([(kernels * x).sum((1, 2)), (kernels * y).sum((1, 2))], axis=1)


# --- kernels from trajectories


def test_points_are_spread_over_their_four_nearest_pixels():
    # Two points 0.25 px left and right of the centre: 3/4 each on the centre, 1/4 beside it.
    path = np.array([[[-0.25, 0.0], [0.25, 0.0]]])
    kernel = trajectory_kernels(path, canvas_px=3)[0]
    np.testing.assert_allclose(kernel, [[0, 0, 0], [0.125, 0.75, 0.125], [0, 0, 0]])

    # Points off the grid in both directions: the product of the weights in x and y.
    path = np.array([[[-0.5, -0.25], [0.5, 0.25]]])
    kernel = trajectory_kernels(path, canvas_px=3)[0]
    upper, lower = [0.0625, 0.0625, 0], [0, 0.0625, 0.0625]
    np.testing.assert_allclose(kernel, [upper, [0.1875, 0.375, 0.1875], lower])


def test_columns_of_a_kernel_are_x_and_rows_are_y():
    path = np.array([[[0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [4.0, 8.0]]])  # mean (1, 2)

    kernel = trajectory_kernels(path, canvas_px=13)[0]

    assert kernel[6 - 2, 6 - 1] == pytest.approx(0.75)
    assert kernel[6 + 6, 6 + 3] == pytest.approx(0.25)


def test_only_the_shape_of_a_path_matters():
    paths = random_trajectories(2, rng=rng(), length_px=40, samples=300)

    kernels = trajectory_kernels(paths, canvas_px=41)

    moved = trajectory_kernels(paths + np.array([1000.25, -300.5]), canvas_px=41)
    np.testing.assert_allclose(kernels, moved, atol=1e-7)


def straight_path(length_px):
    """Step to the right by 1/8 px: without rounding, so that the mean is the very middle."""
    x = np.arange(8 * length_px + 1) / 8
    return np.stack([x, np.zeros_like(x)], axis=1)[None]


def test_a_path_that_fills_the_canvas_to_its_edge_loses_nothing():
    kernel = trajectory_kernels(straight_path(20), canvas_px=21)[0]

    # 8 points a pixel, and 1 + 7/8 + ... + 1/8 at the two ends, which clipping would lose.
    expected = np.r_[4.5, np.full(19, 8), 4.5] / 161
    np.testing.assert_allclose(kernel[10], expected, atol=1e-7)
    assert kernel.sum(dtype=np.float64) == pytest.approx(1, abs=1e-6)


def test_a_path_that_does_not_fit_names_the_size_that_would():
    straight = straight_path(60)

    with pytest.raises(OptionError, match="needs a kernel of 61 px, got canvas_px=31"):
        trajectory_kernels(straight, canvas_px=31)

    with pytest.raises(OptionError, match="needs a kernel of 61 px, got canvas_px=59"):
        trajectory_kernels(straight, canvas_px=59)
    assert trajectory_kernels(straight, canvas_px=61).shape == (1, 61, 61)


def test_the_size_named_fits_every_path_of_the_batch():
    paths = random_trajectories(10, rng=rng(), length_px=80, samples=400)

    with pytest.raises(OptionError, match="needs a kernel of") as caught:
        trajectory_kernels(paths, canvas_px=5)

    needed = int(re.search(r"of (\d+) px", str(caught.value))[1])
    assert trajectory_kernels(paths, canvas_px=needed).shape == (10, needed, needed)
    with pytest.raises(OptionError, match=f"needs a kernel of {needed} px"):
        trajectory_kernels(paths, canvas_px=needed - 2)


@few_examples
@given(
    seed=seeds,
    preset=presets,
    length_px=st.floats(0.1, 300),
    centred=st.booleans(),
    count=st.integers(1, 4),
)
def test_the_least_canvas_is_the_smallest_that_works(seed, preset, length_px, centred, count):
    paths = random_trajectories(
        count, rng=rng(seed), length_px=length_px, samples=300, preset=preset
    )

    side = least_canvas_px(paths, centred=centred)

    assert side % 2 == 1
    kernels = trajectory_kernels(paths, canvas_px=max(side, 3), centred=centred)
    roomy = trajectory_kernels(paths, canvas_px=max(side, 3) + 8, centred=centred)
    np.testing.assert_allclose(np.pad(kernels, ((0, 0), (4, 4), (4, 4))), roomy, atol=1e-7)
    if side >= 5:  # a canvas has 3 px at least
        said = f"needs a kernel of {side} px, got canvas_px={side - 2}"
        with pytest.raises(OptionError, match=said):
            trajectory_kernels(paths, canvas_px=side - 2, centred=centred)


def test_the_least_canvas_of_a_point_is_one_pixel_and_of_a_straight_path_its_length():
    assert least_canvas_px(np.zeros((1, 5, 2))) == 1
    assert least_canvas_px(straight_path(20)) == 21
    assert least_canvas_px(straight_path(20), centred=False) == 41
    assert least_canvas_px(np.concatenate([straight_path(20), straight_path(20) * 2])) == 41


def test_a_path_can_start_at_the_centre_instead():
    kernel = trajectory_kernels(straight_path(20), canvas_px=41, centred=False)[0]

    expected = np.r_[4.5, np.full(19, 8), 4.5] / 161
    np.testing.assert_allclose(kernel[20, 20:], expected, atol=1e-7)


def test_many_paths_are_turned_into_the_kernels_of_each():
    paths = random_trajectories(70, rng=rng(), length_px=40, samples=200)

    together = trajectory_kernels(paths, canvas_px=41)

    each = np.concatenate([trajectory_kernels(path[None], canvas_px=41) for path in paths])
    np.testing.assert_array_equal(together, each)


@pytest.mark.parametrize("canvas_px", [1, 0, -64])
def test_a_canvas_without_room_is_refused(canvas_px):
    with pytest.raises(OptionError, match=f"canvas_px must be at least 2, got {canvas_px}"):
        trajectory_kernels(straight_path(1), canvas_px=canvas_px)


@pytest.mark.parametrize(
    "canvas_px",
    [1, 0, -64],
)
def test_a_canvas_without_room_for_random_kernels_is_refused(canvas_px):
    with pytest.raises(OptionError, match=f"canvas_px must be at least 2, got {canvas_px}"):
        random_kernels(1, rng=rng(), canvas_px=canvas_px)


def test_paths_that_are_not_numbers_are_refused():
    with pytest.raises(OptionError, match="needs a kernel of nan px"):
        trajectory_kernels(np.full((1, 10, 2), np.nan))


# --- random kernels


@few_examples
@given(
    seed=seeds,
    length_px=st.floats(0.1, 60),
    canvas_px=st.integers(63, 90),
    preset=presets,
    samples=st.integers(2, 400),
)
def test_kernels_keep_brightness_and_do_not_move_the_picture(
    seed, length_px, canvas_px, preset, samples
):
    kernels = random_kernels(
        4,
        rng=rng(seed),
        length_px=length_px,
        canvas_px=canvas_px,
        preset=preset,
        samples=samples,
    )

    side = canvas_px + 1 - canvas_px % 2
    assert kernels.dtype == np.float32
    assert kernels.shape == (4, side, side)
    assert kernels.min() >= 0
    np.testing.assert_allclose(kernels.sum((1, 2), dtype=np.float64), 1, atol=1e-6)
    np.testing.assert_allclose(centroids(kernels), side // 2, atol=1e-4)


@few_examples
@given(
    seed=seeds,
    preset=presets,
    exposure=st.lists(st.floats(1e-3, 1), min_size=1, max_size=4).map(tuple),
)
def test_kernels_are_centred_whatever_part_of_the_path_is_exposed(seed, preset, exposure):
    kernels = random_kernels(3, rng=rng(seed), exposure=exposure, preset=preset, samples=500)

    assert kernels.min() >= 0
    np.testing.assert_allclose(kernels.sum((1, 2), dtype=np.float64), 1, atol=1e-6)
    np.testing.assert_allclose(centroids(kernels), 32, atol=1e-4)


def test_equal_states_give_equal_kernels_and_other_states_other_kernels():
    one, same, other = (random_kernels(3, rng=rng(s), samples=200) for s in (1, 1, 2))

    np.testing.assert_array_equal(one, same)
    assert abs(one - other).max() > 0.01


def test_a_shorter_exposure_leaves_a_smaller_kernel():
    y, x = np.indices((65, 65)) - 32
    radius_px = [
        np.sqrt((random_kernels(40, rng=rng(), exposure=(share,)) * (x**2 + y**2)).sum((1, 2)))
        for share in (0.05, 0.3, 1.0)
    ]

    # Means: 1.0, 3.5 and 5.7 px.
    assert 2 * radius_px[0].mean() < radius_px[1].mean() < 0.8 * radius_px[2].mean()


def test_an_exposure_uses_that_share_of_the_path():
    # No part of the exposed path is further from another than its own length: 0.1 * 60 px.
    kernels = random_kernels(40, rng=rng(), exposure=(0.1,), length_px=60)

    for kernel in kernels:
        assert np.ptp(np.argwhere(kernel), axis=0).max() <= 6 + 1
    assert max(np.ptp(np.argwhere(kernel), axis=0).max() for kernel in kernels) >= 5


def test_the_exposure_begins_with_the_path():
    kernels = random_kernels(5, rng=rng(), samples=300, exposure=(0.2,))

    paths = random_trajectories(5, rng=rng(), samples=300)
    np.testing.assert_array_equal(kernels, trajectory_kernels(paths[:, :60]))


def test_each_kernel_gets_one_of_the_exposures():
    # The exposure is drawn after the paths, so these three share their paths.
    short = random_kernels(40, rng=rng(), exposure=(0.1,), samples=200)
    long = random_kernels(40, rng=rng(), exposure=(1.0,), samples=200)
    mixed = random_kernels(40, rng=rng(), exposure=(0.1, 1.0), samples=200)

    is_short = (mixed == short).all(axis=(1, 2))
    is_long = (mixed == long).all(axis=(1, 2))
    assert (is_short ^ is_long).all()
    assert 8 < is_short.sum() < 32


def test_lengths_stay_with_their_kernels_when_exposures_are_mixed():
    lengths = np.tile([2.0, 60.0], 20)

    kernels = random_kernels(40, rng=rng(), length_px=lengths, exposure=(0.8, 1.0))

    extent_px = np.array([np.ptp(np.argwhere(kernel), axis=0).max() for kernel in kernels])
    assert extent_px[::2].max() <= 3
    assert extent_px[1::2].min() > 3


def test_no_kernels_are_an_empty_stack():
    assert random_kernels(0, rng=rng(), canvas_px=32).shape == (0, 33, 33)


@pytest.mark.parametrize("exposure", [(), (0.0,), (0.5, 1.5), (-0.1,), (float("nan"),)])
def test_exposures_outside_0_to_1_are_refused(exposure):
    with pytest.raises(OptionError, match=re.escape(f"fractions in (0, 1], got {exposure}")):
        random_kernels(1, rng=rng(), exposure=exposure)


def test_a_canvas_too_small_for_random_kernels_names_both_sizes():
    with pytest.raises(OptionError, match=r"needs a kernel of \d+ px, got canvas_px=8"):
        random_kernels(5, rng=rng(), canvas_px=8)
