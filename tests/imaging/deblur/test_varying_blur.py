import numpy as np
import pytest

from unblur.imaging.deblur.varying_blur import (
    Place,
    Window,
    assembled,
    faded,
    nearest_kernel,
    plan_windows,
)


@pytest.mark.parametrize("shape", [(90, 70), (300, 500), (512, 200)])
def test_a_value_that_is_the_same_everywhere_stays(shape):
    places = plan_windows(shape, 128)

    plane = faded(places, [0.3] * len(places), shape)

    assert plane.shape == shape
    assert np.abs(plane - 0.3).max() < 1e-6  # a sum of weights by itself: float32


def test_values_fade_into_each_other_between_the_middles_of_windows():
    places = plan_windows((100, 400), 100)
    middles = [(place.columns.start + place.columns.stop) // 2 for place in places]

    plane = faded(places, [float(middle > 200) for middle in middles], (100, 400))

    assert plane[50, 20] == 0
    assert plane[50, 380] == 1
    assert (np.diff(plane[50]) > -1e-6).all()
    assert np.abs(np.diff(plane[50])).max() < 0.05


def as_it_is(part, kernel):
    return part


def points(places):
    return [Window(place, np.ones((1, 1), np.float32)) for place in places]


@pytest.mark.parametrize("shape", [(90, 170), (90, 170, 4)])
def test_windows_are_put_together_again(shape):
    planes = np.random.default_rng(0).random(shape, np.float32)

    whole = assembled(points(plan_windows(shape[:2], 60)), planes, as_it_is)

    assert np.abs(whole - planes).max() < 1e-6  # weights by their sum: float32
    (one,) = points(plan_windows(shape[:2], 200))
    assert np.array_equal(assembled([one], planes, as_it_is), planes)


def test_a_window_is_made_with_its_own_kernel_and_with_what_is_around_it():
    places = plan_windows((100, 400), 100)
    windows = [Window(x, np.full((3, 3), x.columns.start, np.float32)) for x in places]
    seen = []

    def make(part, kernel):
        seen.append((part.shape, float(kernel[0, 0])))
        return np.full(part.shape, kernel[0, 0])

    joined = assembled(windows, np.zeros((100, 400), np.float32), make, threads=1)

    assert joined[50, 0] == 0
    assert joined[50, 399] == pytest.approx(300, abs=1)
    assert {start for _, start in seen} == {float(x.columns.start) for x in places}
    assert all(height == 100 and width > 100 for (height, width), _ in seen)


def test_the_nearest_window_is_found():
    windows = [
        Window(Place(slice(0, 10), slice(left, left + 10)), np.full((1, 1), left))
        for left in (0, 10, 20)
    ]

    assert nearest_kernel(windows, Place(slice(3, 5), slice(12, 16)))[0, 0] == 10
