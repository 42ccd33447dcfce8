import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unblur.errors import OptionError
from unblur.imaging import trajectories as module
from unblur.imaging.kernels import random_kernels, trajectory_kernels
from unblur.imaging.trajectories import PRESETS, random_trajectories

few_examples = settings(max_examples=15, deadline=None)
seeds = st.integers(0, 2**32 - 1)
presets = st.sampled_from(sorted(PRESETS))


def rng(seed=0):
    return np.random.default_rng(seed)


def steps(paths):
    return np.linalg.norm(np.diff(paths, axis=1), axis=2)


def cosines_of_turns(paths):
    velocity = np.diff(paths, axis=1)
    velocity /= np.linalg.norm(velocity, axis=2, keepdims=True)
    return (velocity[:, 1:] * velocity[:, :-1]).sum(axis=2)


def centroids(kernels):
    """Columns x and y, in pixels from the upper left pixel."""
    y, x = np.indices(kernels.shape[1:])
    kernels = kernels.astype(np.float64)
    return np.stack([(kernels * x).sum((1, 2)), (kernels * y).sum((1, 2))], axis=1)


# --- trajectories


@few_examples
@given(seed=seeds, length_px=st.floats(0.1, 500), preset=presets, samples=st.integers(2, 300))
def test_every_path_has_the_length_asked_for_at_constant_speed(seed, length_px, preset, samples):
    paths = random_trajectories(
        3, rng=rng(seed), length_px=length_px, samples=samples, preset=preset
    )

    assert paths.shape == (3, samples, 2)
    np.testing.assert_array_equal(paths[:, 0], 0)
    np.testing.assert_allclose(steps(paths), length_px / (samples - 1), rtol=1e-9)


def test_each_path_can_have_its_own_length():
    lengths = np.array([1.0, 20.0, 300.0])

    paths = random_trajectories(3, rng=rng(), length_px=lengths, samples=50)

    np.testing.assert_allclose(steps(paths).sum(axis=1), lengths)


def test_a_longer_path_is_not_a_magnified_short_one():
    # The pull back towards the start is proportional to the distance in pixels, so long paths
    # curl up: 0.34 of the length from start to end for 5 px, 0.11 for 60 px, 0.04 for 500 px.
    spans = [
        np.linalg.norm(random_trajectories(50, rng=rng(), length_px=px)[:, -1], axis=1).mean() / px
        for px in (5, 60, 500)
    ]

    assert spans[0] > 2 * spans[1] > 4 * spans[2]


@pytest.mark.parametrize("seed", range(3))
def test_paths_are_pulled_back_towards_their_start(seed):
    # Mean distance from start to end over 60 paths of 60 px, seeds 0 to 2: 5.8 to 6.4 px.
    # With the sign of the pull flipped: 54.3 to 55.3 px; without the pull: 32.2 to 37.9 px.
    ends = random_trajectories(60, rng=rng(seed), length_px=60)[:, -1]

    assert np.linalg.norm(ends, axis=1).mean() < 15


def test_paths_set_out_in_all_directions():
    first = random_trajectories(400, rng=rng(), samples=10)[:, 1]

    quadrants = (first > 0) @ [1, 2]
    assert np.bincount(quadrants, minlength=4).min() > 70


def test_the_camera_is_now_and_then_thrown_into_reverse():
    # The chance in each of 1998 turns is pb * ps with means 0.1 and 0.007: 1.4 for each path.
    turns = cosines_of_turns(random_trajectories(200, rng=rng()))

    about_faces = turns[turns < 0]
    assert 0.9 < len(about_faces) / 200 < 2.1
    # v + 2 v exp(i (pi + u)), |u| < 0.5, is at most 52 degrees off the reverse, plus jitter.
    assert about_faces.max() < np.cos(np.pi - 1.1)


def test_the_preset_of_the_paper_jitters_far_less_than_the_authors_code():
    # Median turn from step to step: 0.0004 rad (paper), 0.019 rad (authors).
    turns = {}
    for preset in PRESETS:
        cosines = cosines_of_turns(random_trajectories(50, rng=rng(), preset=preset))
        turns[preset] = np.median(np.arccos(np.clip(cosines, -1, 1)))

    assert turns["paper"] < 0.001
    assert turns["authors"] > 0.01


def test_equal_states_give_equal_paths_and_other_states_other_paths():
    one, same, other = (random_trajectories(2, rng=rng(s), samples=50) for s in (1, 1, 2))

    np.testing.assert_array_equal(one, same)
    assert abs(one - other).max() > 1


def test_paths_of_one_batch_differ():
    ends = random_trajectories(20, rng=rng(), samples=50)[:, -1]

    assert len(np.unique(ends.round(6), axis=0)) == 20


def test_a_big_batch_is_its_chunks_one_after_the_other(monkeypatch):
    lengths = np.arange(1.0, 11.0)
    monkeypatch.setattr(module, "_TOGETHER", 4)
    together = random_trajectories(10, rng=rng(), length_px=lengths, samples=80)

    source = rng()
    parts = [
        random_trajectories(len(part), rng=source, length_px=part, samples=80)
        for part in (lengths[:4], lengths[4:8], lengths[8:])
    ]
    np.testing.assert_array_equal(together, np.concatenate(parts))


ANXIETY = {"authors": (0.003, 0.005, 0.007, 0.008, 0.009, 0.01), "paper": (0.001,)}
GAUSSIAN_MAX = {"authors": 10.0, "paper": 0.7}


def plain_algorithm_1(lengths_px, *, rng, samples, preset):
    """Algorithm 1 as printed, one path and one step at a time, with the pull subtracted.

    The random numbers are drawn in the order in which the batched code draws them.
    """
    count, moves = len(lengths_px), samples - 1
    ps = rng.choice(ANXIETY[preset], count)
    pg = rng.uniform(0, GAUSSIAN_MAX[preset], count)
    pb = rng.uniform(0, 0.2, count)
    inertia = rng.uniform(0, 0.7, count)
    phi = rng.uniform(0, 2 * np.pi, count)
    normal = rng.standard_normal((moves, count, 2))
    chance = rng.uniform(size=(moves, count))
    about_face = chance < pb * ps
    angle = np.zeros((moves, count))
    for t in range(moves):
        if about_face[t].any():
            angle[t] = np.pi + (rng.uniform(0, 1, count) - 0.5)

    paths = np.zeros((count, samples, 2))
    for i, length_px in enumerate(lengths_px):
        step = length_px / moves
        v = np.exp(1j * phi[i]) * step
        x = 0j
        for t in range(moves):
            jerk = 2 * v * np.exp(1j * angle[t, i]) if about_face[t, i] else 0
            noise = complex(*normal[t, i])
            v = v + jerk + ps[i] * (pg[i] * noise - inertia[i] * x) * step
            v = v / abs(v) * step
            x = x + v
            paths[i, t + 1] = x.real, x.imag
    return paths, about_face


@pytest.mark.parametrize("preset", ["authors", "paper"])
def test_batched_paths_equal_a_plain_transcription_of_algorithm_1(preset):
    lengths = np.array([10.0, 25.0, 40.0, 60.0, 60.0, 100.0, 7.0, 60.0])
    expected, about_face = plain_algorithm_1(lengths, rng=rng(3), samples=1500, preset=preset)
    assert about_face.any()  # otherwise the branch is not compared; choose another seed

    paths = random_trajectories(8, rng=rng(3), length_px=lengths, samples=1500, preset=preset)

    np.testing.assert_allclose(paths, expected, atol=1e-8)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"count": -1}, "count must not be negative, got -1"),
        ({"length_px": 0}, "length_px must be positive and finite, got 0"),
        ({"length_px": -3.0}, "length_px must be positive and finite, got -3.0"),
        ({"length_px": np.inf}, "length_px must be positive and finite, got inf"),
        ({"length_px": np.nan}, "length_px must be positive and finite, got nan"),
        ({"length_px": np.array([5.0, -1.0])}, "length_px must be positive and finite"),
        ({"samples": 1}, "samples must be at least 2, got 1"),
        ({"preset": "thesis"}, "unknown preset 'thesis'; known: authors, paper"),
    ],
)
@pytest.mark.parametrize("draw", [random_trajectories, random_kernels])
def test_a_bad_argument_is_named_with_its_value(draw, arguments, message):
    with pytest.raises(OptionError, match=re.escape(message)):
        draw(**{"count": 2, "rng": rng(), **arguments})


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


def test_kernels_are_centred_whatever_part_of_the_path_is_exposed():
    kernels = random_kernels(30, rng=rng(), exposure=(0.03, 0.4))

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
