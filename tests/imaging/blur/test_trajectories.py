import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import algorithm1
from unblur.errors import OptionError
from unblur.imaging.blur import trajectories as module
from unblur.imaging.blur.kernels import random_kernels, trajectory_kernels
from unblur.imaging.blur.trajectories import PRESETS, draw_numbers, random_trajectories

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


@few_examples
@given(seed=seeds, length_px=st.floats(0.1, 500), preset=presets, samples=st.integers(2, 300))
def test_every_path_has_the_length_asked_for_at_constant_speed(seed, length_px, preset, samples):
    paths = random_trajectories(
        3, rng=rng(seed), length_px=length_px, samples=samples, preset=preset
    )

    assert paths.shape == (3, samples, 2)
    np.testing.assert_array_equal(paths[:, 0], 0)
    np.testing.assert_allclose(steps(paths), length_px / (samples - 1), rtol=1e-9)


@few_examples
@given(
    seed=seeds,
    lengths=st.lists(st.floats(1e-3, 1e4), min_size=1, max_size=6),
    preset=presets,
    samples=st.integers(2, 300),
)
def test_each_path_can_have_its_own_length(seed, lengths, preset, samples):
    paths = random_trajectories(
        len(lengths), rng=rng(seed), length_px=np.array(lengths), samples=samples, preset=preset
    )

    np.testing.assert_allclose(steps(paths).sum(axis=1), lengths, rtol=1e-6)


@few_examples
@given(seed=seeds, preset=presets, length_px=st.floats(0.1, 500))
def test_one_length_for_all_is_the_same_length_for_each(seed, preset, length_px):
    one, each = (
        random_trajectories(3, rng=rng(seed), length_px=px, samples=60, preset=preset)
        for px in (length_px, np.full(3, length_px))
    )

    np.testing.assert_array_equal(one, each)


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


@few_examples
@given(seed=seeds, preset=presets)
def test_equal_states_give_equal_paths_and_other_states_other_paths(seed, preset):
    one, same, other = (
        random_trajectories(2, rng=rng(s), samples=50, preset=preset)
        for s in (seed, seed, seed + 1)
    )

    np.testing.assert_array_equal(one, same)
    assert abs(one - other).max() > 1e-3


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


# --- beside Algorithm 1 written down step by step

LENGTHS = np.array([10.0, 25.0, 40.0, 60.0, 60.0, 100.0, 7.0, 60.0])


def transcribed(drawn, lengths, samples):
    """Play the batched code's numbers back to the transcription; (N, M) complex."""
    return np.array(
        [
            algorithm1.trajectory(
                algorithm1.play_back(drawn, i), samples=samples, length_px=length_px
            )
            for i, length_px in enumerate(lengths)
        ]
    )


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_batched_paths_and_kernels_equal_the_transcription_of_algorithm_1(preset):
    drawn = draw_numbers(len(LENGTHS), rng(3), 1500, PRESETS[preset])
    assert drawn.turns  # otherwise no about-face is compared; choose another seed

    paths = random_trajectories(
        len(LENGTHS), rng=rng(3), length_px=LENGTHS, samples=1500, preset=preset
    )

    expected = transcribed(drawn, LENGTHS, 1500)
    np.testing.assert_allclose(paths[..., 0], expected.real, rtol=0, atol=1e-9)
    np.testing.assert_allclose(paths[..., 1], expected.imag, rtol=0, atol=1e-9)
    kernels = trajectory_kernels(paths, canvas_px=101)
    plain = np.stack([algorithm1.kernel(path, 101) for path in expected])
    np.testing.assert_allclose(kernels, plain, rtol=0, atol=1e-6)


@few_examples
@given(
    seed=seeds, preset=presets, length_px=st.floats(0.1, 100), fraction=st.sampled_from((0.1, 1))
)
def test_any_exposed_part_of_a_path_leaves_the_kernel_of_the_transcription(
    seed, preset, length_px, fraction
):
    drawn = draw_numbers(2, rng(seed), 200, PRESETS[preset])
    shown = max(2, round(200 * fraction))

    kernels = random_kernels(
        2,
        rng=rng(seed),
        canvas_px=101,
        length_px=length_px,
        exposure=(fraction,),
        samples=200,
        preset=preset,
    )

    expected = transcribed(drawn, [length_px] * 2, 200)[:, :shown]
    plain = np.stack([algorithm1.kernel(path, 101) for path in expected])
    np.testing.assert_allclose(kernels, plain, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("preset", "anxiety", "gaussian_max"),
    [("authors", (0.003, 0.005, 0.007, 0.008, 0.009, 0.01), 10.0), ("paper", (0.001,), 0.7)],
)
def test_numbers_are_drawn_in_the_ranges_that_their_makers_set(preset, anxiety, gaussian_max):
    drawn = draw_numbers(500, rng(), 20, PRESETS[preset])

    assert set(drawn.anxiety) == set(anxiety)
    tops = {"gaussian": gaussian_max, "impulse": 0.2, "inertia": 0.7, "heading": 1.0, "chance": 1.0}
    for name, top in tops.items():
        numbers = getattr(drawn, name)
        assert numbers.min() >= 0
        assert 0.98 * top < numbers.max() <= top
        assert numbers.mean() == pytest.approx(top / 2, rel=0.1)
    assert drawn.jitter.std() == pytest.approx(1, rel=0.02)


def test_angles_of_about_faces_are_uniform_over_one_radian():
    drawn = draw_numbers(400, rng(), 2000, PRESETS["authors"])

    angles = np.concatenate(list(drawn.turns.values()))
    assert angles.min() == pytest.approx(-0.5, abs=1e-3)
    assert angles.max() == pytest.approx(0.5, abs=1e-3)
    assert angles.mean() == pytest.approx(0, abs=0.01)


# --- errors


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"count": -1}, "count must not be negative, got -1"),
        ({"length_px": 0}, "length_px must be positive and finite, got 0"),
        ({"length_px": -3.0}, "length_px must be positive and finite, got -3.0"),
        ({"length_px": np.inf}, "length_px must be positive and finite, got inf"),
        ({"length_px": np.nan}, "length_px must be positive and finite, got nan"),
        ({"length_px": np.array([5.0, -1.0])}, "length_px must be positive and finite"),
        ({"length_px": np.array([5.0, np.nan])}, "length_px must be positive and finite"),
        ({"length_px": np.ones(3)}, "length_px must be one number or 2, got shape (3,)"),
        ({"length_px": np.ones((2, 1))}, "length_px must be one number or 2, got shape (2, 1)"),
        ({"samples": 1}, "samples must be at least 2, got 1"),
        ({"samples": -5}, "samples must be at least 2, got -5"),
        ({"preset": "thesis"}, "unknown preset 'thesis'; known: authors, paper"),
    ],
)
@pytest.mark.parametrize("draw", [random_trajectories, random_kernels])
def test_a_bad_argument_is_named_with_its_value(draw, arguments, message):
    with pytest.raises(OptionError, match=re.escape(message)):
        draw(**{"count": 2, "rng": rng(), **arguments})
