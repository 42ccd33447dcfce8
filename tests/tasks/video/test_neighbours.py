import numpy as np
import pytest
import skimage.data

from film_frames import passing
from unblur import RestoreOptions, Restorer
from unblur.metrics import psnr
from unblur.tasks.video.restore import for_film, restored_film

OPTIONS = RestoreOptions(engine="onnx", precision="fp32", threads=1)


@pytest.fixture(scope="module")
def usual():
    return Restorer.open(OPTIONS)


def run(restorer, frames):
    """Restored frames, and what came with them."""
    items = list(restored_film(restorer)(enumerate(frames)))
    assert [item for item, _, _ in items] == list(range(len(frames)))
    return [restored for _, _, restored in items]


@pytest.mark.parametrize("exposed", [0.5, 1.0])
def test_what_moved_from_frame_to_frame_is_undone(usual, exposed):
    blurred, sharp = passing(4, exposed)
    single = for_film(usual)

    alone = [single.restore_pixels(frame) for frame in blurred]
    film = run(usual, blurred)

    for at in (1, 2):
        assert psnr(film[at], sharp[at]) > psnr(alone[at], sharp[at]) + 1
        assert film[at].min() >= 0
        assert film[at].max() <= 1
    for at in (0, 3):  # the first and the last have one neighbour only
        assert film[at].tobytes() == alone[at].tobytes()


def test_a_still_film_is_what_the_network_makes_of_its_frames(usual):
    frame = passing(1, 1.0)[0][0]
    single = for_film(usual)

    for restored in run(usual, [frame] * 3):
        assert restored.tobytes() == single.restore_pixels(frame).tobytes()


def test_another_shot_tells_nothing_of_a_frame(usual):
    before, after = passing(2, 1.0)[0]
    other = skimage.data.chelsea()[20:260, 60:380].astype(np.float32) / np.float32(255)

    film = run(usual, [before, after, other, after])

    single = for_film(usual)
    for restored, frame in zip(film, (before, after, other, after), strict=True):
        assert restored.tobytes() == single.restore_pixels(frame).tobytes()


def test_half_of_the_strength_is_half_of_what_is_undone():
    blurred, _ = passing(3, 1.0)
    half, whole = (
        run(Restorer(options=OPTIONS, strength=strength), blurred)[1] for strength in (0.5, 1.0)
    )

    inside = (whole > 0.02) & (whole < 0.98)
    assert np.abs(half - (whole + blurred[1]) / 2)[inside].max() < 1e-4
    assert np.abs(whole - blurred[1]).mean() > 0.01


def test_what_comes_without_a_frame_keeps_its_place(usual):
    blurred, _ = passing(3, 1.0)
    frames = [None, blurred[0], None, blurred[1], blurred[2], None, None]

    items = list(restored_film(usual)(enumerate(frames)))

    assert [item for item, _, _ in items] == list(range(7))
    assert [rgb is None for _, rgb, _ in items] == [frame is None for frame in frames]
    assert [restored is None for _, _, restored in items] == [frame is None for frame in frames]


def test_frames_too_small_or_grey_are_restored(usual):
    blurred, _ = passing(3, 1.0)
    small = [np.ascontiguousarray(frame[:48, :60]) for frame in blurred]
    grey = [np.repeat(frame.mean(axis=2, keepdims=True), 3, axis=2) for frame in blurred]

    assert [frame.shape for frame in run(usual, small)] == [(48, 60, 3)] * 3
    for frame in run(usual, grey):
        assert np.abs(frame - frame[..., :1]).max() == 0


def test_odd_sizes_that_are_made_smaller_keep_their_shape(usual):
    blurred, sharp = passing(3, 1.0, step_px=40, shape=(241, 315))

    film = run(usual, blurred)

    assert film[1].shape == (241, 315, 3)
    assert psnr(film[1], sharp[1]) > psnr(blurred[1], sharp[1]) + 1
