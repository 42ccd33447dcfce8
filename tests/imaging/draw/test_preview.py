import numpy as np

from unblur.imaging.draw.preview import before_after


def test_halves_are_in_order_and_labelled(astronaut):
    both = before_after(astronaut, 1 - astronaut)

    assert both.shape == (256, 516, 3)
    np.testing.assert_array_equal(both[30:, :256], astronaut[30:])
    np.testing.assert_array_equal(both[30:, 260:], 1 - astronaut[30:])
    assert (both[:10, :36] == 1).all(axis=2).any()  # white dots of the label
    assert not np.array_equal(both[:10, :36], both[:10, 260:296])  # two different words


def test_inputs_stay_as_they_are(astronaut):
    before = astronaut.copy()
    before_after(astronaut, astronaut)
    np.testing.assert_array_equal(astronaut, before)


def test_tiny_pictures_are_enlarged():
    both = before_after(np.zeros((1, 3, 3), np.float32), np.ones((1, 3, 3), np.float32))

    assert both.shape == (64, 2 * 192 + 4, 3)
