import numpy as np
import pytest

from unblur.imaging.deblur.varying_blur import faded, plan_windows


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
