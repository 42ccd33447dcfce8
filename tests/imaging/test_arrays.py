import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unblur.imaging.arrays import from_batch, to_batch

SIZES = [(1, 1), (3, 700), (17, 33), (64, 64)]


def picture(height, width):
    return np.random.default_rng(0).random((height, width, 3), dtype=np.float32)


def mirrored(length, side):
    """Where each of ``length`` samples comes from: 0 1 2 3 2 1 0 1 ... for a side of 4."""
    if side == 1:
        return np.zeros(length, int)
    place = np.arange(length) % (2 * side - 2)
    return np.minimum(place, 2 * side - 2 - place)


@pytest.mark.parametrize("multiple_of", [1, 4, 16])
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_a_photo_survives_the_way_to_a_batch_and_back(height, width, multiple_of):
    pixels = picture(height, width)

    batch = to_batch(pixels, multiple_of=multiple_of)
    back = from_batch(batch, height=height, width=width)

    np.testing.assert_array_equal(back, pixels)
    assert back.dtype == np.float32
    assert back.flags.c_contiguous


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [(1, 1, (16, 16)), (3, 700, (16, 704)), (17, 33, (32, 48)), (64, 64, (64, 64))],
)
def test_sides_grow_to_the_next_multiple_and_no_further(height, width, expected):
    batch = to_batch(picture(height, width), multiple_of=16)

    assert batch.shape == (1, 3, *expected)
    assert batch.dtype == np.float32
    assert batch.flags.c_contiguous


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_nothing_is_added_unless_asked_for(height, width):
    pixels = picture(height, width)

    np.testing.assert_array_equal(to_batch(pixels)[0], pixels.transpose(2, 0, 1))


def test_short_sides_grow_to_the_least_length_at_a_multiple():
    assert to_batch(picture(3, 700), multiple_of=16, least_px=100).shape == (1, 3, 112, 704)
    assert to_batch(picture(3, 700), least_px=100).shape == (1, 3, 100, 700)
    assert to_batch(picture(30, 20), multiple_of=8, least_px=24).shape == (1, 3, 32, 24)


@settings(max_examples=25, deadline=None)
@given(
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    multiple_of=st.integers(1, 40),
    least_px=st.integers(1, 90),
)
def test_what_is_added_is_mirrored_to_the_right_and_below(height, width, multiple_of, least_px):
    pixels = picture(height, width)

    batch = to_batch(pixels, multiple_of=multiple_of, least_px=least_px)

    rows, columns = batch.shape[2:]
    for length, side in ((rows, height), (columns, width)):
        assert length % multiple_of == 0
        assert max(side, least_px) <= length < max(side, least_px) + multiple_of
    expected = pixels[mirrored(rows, height)][:, mirrored(columns, width)]
    np.testing.assert_array_equal(batch[0], expected.transpose(2, 0, 1))
