import numpy as np
import pytest
from skimage.transform import resize

from unblur.errors import OptionError
from unblur.imaging.video.flow import step_px
from video_files import pan


@pytest.mark.parametrize("step", [1, 2, 6, 15])
def test_of_a_pan_it_is_the_pan(step):
    before, after = pan(2, step, height=200, width=300)

    assert step_px(before, after) == pytest.approx(step, rel=0.12)
    assert step_px(after, before) == pytest.approx(step, rel=0.12)


def test_nothing_moves_in_a_still():
    frame = pan(1)[0]

    assert step_px(frame, frame) == 0


def test_what_covers_a_tenth_of_the_picture_counts():
    frame = pan(1, height=200, width=300)[0]
    moved = frame.copy()
    moved[50:150, 100:160] = frame[50:150, 96:156]

    assert step_px(frame, moved) == pytest.approx(4, rel=0.15)


def test_large_frames_are_measured_in_their_own_pixels():
    before, after = (
        (resize(frame, (800, 1440)) * 255).astype(np.uint8)
        for frame in pan(2, 2, height=200, width=360)
    )

    assert step_px(before, after) == pytest.approx(8, rel=0.1)


def test_16_bits_are_measured_as_8():
    eight = pan(2, 3)

    sixteen = [frame.astype(np.uint16) * 257 for frame in eight]
    assert step_px(*sixteen) == pytest.approx(step_px(*eight), rel=0.02)


def test_a_cut_is_a_long_step():
    before, after = pan(1)[0], pan(80, 3)[79]

    assert step_px(before, after[::-1]) > 5


@pytest.mark.parametrize("size", [(1, 1), (5, 90), (11, 11), (2000, 4)])
def test_tiny_and_narrow_frames_are_measured_too(size):
    frame = np.zeros((*size, 3), np.uint8)

    assert step_px(frame, frame) == 0


def test_frames_of_two_sizes_are_refused():
    with pytest.raises(OptionError, match="one shape"):
        step_px(np.zeros((20, 20, 3), np.uint8), np.zeros((20, 21, 3), np.uint8))
