import numpy as np
import pytest

from unblur.imaging.video.paths import moved_groups, path_kernel

SHAPE = (48, 64)


def steps(right, down):
    """The same step everywhere."""
    return np.broadcast_to(np.float32([right, down]), (*SHAPE, 2)).copy()


def places(kernel):
    """Rows and columns about the middle, and how far they spread: mean and extent."""
    reach = len(kernel) // 2
    rows, columns = np.nonzero(kernel)
    mean = [(kernel * (axis - reach)).sum() for axis in np.mgrid[: len(kernel), : len(kernel)]]
    return mean, np.ptp(rows), np.ptp(columns)


def test_a_path_is_as_long_as_its_step_and_stays_about_the_middle():
    kernel = path_kernel(np.float32([12, -6]), np.float32([0, 0]))

    mean, rows, columns = places(kernel)
    assert kernel.sum() == pytest.approx(1)
    assert mean == pytest.approx([0, 0], abs=0.02)
    assert (rows, columns) == (6, 12)
    falling = np.nonzero(kernel.sum(axis=1))[0]
    assert kernel[falling[0]].argmax() > kernel[falling[-1]].argmax()  # up where it goes right


def test_a_bent_path_leaves_the_line_between_its_ends():
    straight, bent = (path_kernel(np.float32([12, 0]), np.float32([0, bend])) for bend in (0, 12))

    assert places(straight)[1] == 0
    assert places(bent)[1] == 3


def test_what_moves_alike_is_one_group_whose_path_is_the_exposed_part():
    (group,) = moved_groups(steps(20, 0), steps(20, 0), 0.5, 4)

    assert np.array_equal(group.weight, np.ones(SHAPE))
    assert places(group.kernel)[1:] == (0, 10)


def test_what_stands_still_beside_what_moves_keeps_a_kernel_of_its_own():
    field = steps(0, 0)
    field[:, 32:] = (16, 0)

    groups = moved_groups(field, field, 1.0, 4)

    weights = np.stack([group.weight for group in groups])
    assert weights.sum(axis=0) == pytest.approx(np.ones(SHAPE))
    still = groups[int(weights[:, 0, 0].argmax())]
    moved = groups[int(weights[:, 0, 40].argmax())]
    assert still.weight[:, :32].min() > 0.99
    assert moved.weight[:, 32:].min() > 0.99
    assert still.kernel.max() > 0.9
    assert places(moved.kernel)[1:] == (0, 16)


def test_equal_steps_give_equal_groups():
    rng = np.random.default_rng(0)
    field = rng.normal(0, 5, (*SHAPE, 2)).astype(np.float32)

    first, second = (moved_groups(field, field, 0.8, 4) for _ in range(2))

    assert len(first) == 4
    for one, other in zip(first, second, strict=True):
        assert one.kernel.tobytes() == other.kernel.tobytes()
        assert one.weight.tobytes() == other.weight.tobytes()
