import numpy as np

from unblur.imaging.measure.detail import choose_region


def test_the_region_is_where_the_detail_is_and_no_light_is_clipped():
    plane = np.full((200, 300), 0.2, np.float32)
    plane[80:120, 200:240] += np.random.default_rng(1).random((40, 40), np.float32) * 0.1
    clipped = np.zeros(plane.shape, bool)
    clipped[:, :100] = True
    plane[:, :100] = np.random.default_rng(2).random((200, 100), np.float32)

    rows, columns = choose_region(plane, clipped, 64)

    assert rows.start <= 80
    assert rows.stop >= 112
    assert columns.start >= 176
