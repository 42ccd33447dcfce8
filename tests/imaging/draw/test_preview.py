import numpy as np

from unblur.imaging.draw.preview import before_after


def test_halves_are_in_order_and_labelled(astronaut):
    both = before_after(astronaut, 1 - astronaut)

    assert both.shape == (256, 516, 3)
    np.testing.assert_array_equal(both[30:, :256], astronaut[30:])
    np.testing.assert_array_equal(both[30:, 260:], 1 - astronaut[30:])
    assert (both[:10, :36] == 1).all(axis=2).any()  # white dots of the label
    assert not np.array_equal(both[:10, :36], both[:10, 260:296])  # two different words


def test_the_path_that_was_undone_is_shown_in_the_corner(astronaut):
    path = np.zeros((41, 41), np.float32)
    path[20, 15:26] = 1 / 11

    plain, both = before_after(astronaut, astronaut), before_after(astronaut, astronaut, path=path)

    changed = np.argwhere((plain != both).any(axis=2))
    side = 256 - changed[:, 0].min()
    assert 256 // 8 <= side <= 256 // 5
    assert changed[:, 1].min() == 256 - side  # of the first picture
    assert changed[:, 1].max() == 255
    inset = both[-side:, 256 - side : 256, 0]
    row, *_ = np.nonzero((inset == 1).sum(axis=1) > side // 2)[0]
    assert side // 3 < row < 2 * side // 3
    assert ((inset == 1) | (inset == 0) | (inset == np.float32(0.6))).all()


def test_a_path_as_large_as_the_picture_is_shown_smaller():
    path = np.eye(101, dtype=np.float32) / 101
    both = before_after(*np.zeros((2, 64, 96, 3), np.float32), path=path)

    assert both.shape == (64, 196, 3)
    assert both[30:, :96].max() > 0.9


def test_inputs_stay_as_they_are(astronaut):
    before = astronaut.copy()
    before_after(astronaut, astronaut)
    np.testing.assert_array_equal(astronaut, before)


def test_tiny_pictures_are_enlarged():
    both = before_after(np.zeros((1, 3, 3), np.float32), np.ones((1, 3, 3), np.float32))

    assert both.shape == (64, 2 * 192 + 4, 3)
