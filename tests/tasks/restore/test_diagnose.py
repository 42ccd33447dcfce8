from dataclasses import FrozenInstanceError

import numpy as np
import pytest
import skimage.data

from unblur import Photo, blur
from unblur.errors import OptionError
from unblur.imaging.blur.kernels import trajectory_kernels
from unblur.tasks.restore.diagnose import diagnose, draw_diagnosis
from unblur.tasks.restore.options import RestoreOptions
from unblur.tasks.restore.restorer import shared_restorer


@pytest.fixture(scope="module")
def restorer():
    return shared_restorer(RestoreOptions(method="network", engine="onnx"))


@pytest.fixture(scope="module")
def sharp():
    return np.repeat(skimage.data.camera()[..., None], 3, axis=2).astype(np.float32) / 255


def shake(pixels, length_px, angle_deg):
    along = np.linspace(-length_px / 2, length_px / 2, 1000)
    angle = np.radians(angle_deg)
    path = np.stack([along * np.cos(angle), -along * np.sin(angle)], axis=1)
    kernel = trajectory_kernels(path[None])[0]
    return blur(pixels, kernel, noise_sigma=1 / 255, rng=np.random.default_rng(1))


def test_a_sharp_photo_is_sharp_and_not_worth_restoring(sharp, restorer):
    found = diagnose(sharp, restorer)

    assert found.verdict == "sharp"
    assert not found.directed
    assert found.helps is False
    assert found.gain_db < 0.3


def test_a_shaken_photo_is_worth_restoring_and_its_direction_is_known(sharp, restorer):
    found = diagnose(Photo(pixels=shake(sharp, 6, 35)), restorer)

    assert found.verdict in {"slightly blurred", "clearly blurred"}
    assert found.directed
    assert abs(found.blur.angle_deg - 35) < 10
    assert found.helps
    assert found.gain_db > 0.5


def test_verdicts_rise_with_the_length(sharp):
    verdicts = [diagnose(shake(sharp, length, 110)).verdict for length in (5, 12, 35)]

    assert verdicts[0] in {"slightly blurred", "clearly blurred"}
    assert verdicts[1] in {"clearly blurred", "heavily blurred"}
    assert verdicts[2] == "heavily blurred"


def test_without_a_network_no_gain_is_predicted(sharp):
    found = diagnose(sharp)

    assert found.gain_db is None
    assert found.helps is None


def test_parts_cover_the_photo_and_a_blurred_half_is_found(sharp):
    half = sharp.copy()
    half[:, 256:] = shake(sharp, 20, 0)[:, 256:]

    found = diagnose(half)

    assert sum(cell.width * cell.height for cell in found.cells) == half.shape[0] * half.shape[1]
    left, right = (
        [c.blur.length_px for c in found.cells if c.blur and (c.left >= 256) == side]
        for side in (False, True)
    )
    assert np.median(left) < np.median(right) / 2


def test_a_flat_photo_gives_nothing_to_judge_by(restorer):
    found = diagnose(np.full((128, 128, 3), 0.5, np.float32), restorer)

    assert found.verdict == "nothing to judge by"
    assert (found.blur, found.gain_db, found.varies) == (None, None, False)
    drawn, _ = draw_diagnosis(np.full((128, 128, 3), 0.5, np.float32), found)
    assert np.ptp(drawn) == 0


def test_the_picture_shows_strokes_along_the_blur(sharp):
    shaken = shake(sharp, 15, 90)

    drawn, times = draw_diagnosis(shaken, diagnose(shaken))

    assert drawn.shape == shaken.shape
    assert drawn.min() >= 0
    assert drawn.max() <= 1
    assert times >= 1
    yellow = (drawn[..., 0] > 0.9) & (drawn[..., 2] < 0.3)
    assert yellow.any()
    # Upright strokes: yellow runs are longer down than across.
    down, across = (np.abs(np.diff(yellow.astype(int), axis=axis)).sum() for axis in (0, 1))
    assert down < across / 2


def test_a_photo_too_small_is_an_error():
    with pytest.raises(OptionError, match="needs 64 px a side, got 63x200"):
        diagnose(np.zeros((200, 63, 3), np.float32))


def test_a_diagnosis_cannot_be_changed_and_repeats(sharp):
    first = diagnose(sharp)

    assert first == diagnose(sharp)
    with pytest.raises(FrozenInstanceError):
        first.verdict = "perfect"


@pytest.mark.parametrize("kind", ["zoom", "roll"])
def test_a_zoom_and_a_roll_have_a_direction_that_varies(sharp, kind):
    moved = [turned(sharp, kind, 0.06 * along) for along in np.linspace(-0.5, 0.5, 25)]

    found = diagnose(np.mean(moved, axis=0, dtype=np.float32))
    shaken = diagnose(shake(sharp, 12, 35))

    assert found.turns
    assert not found.directed
    assert shaken.directed
    assert not shaken.turns


def turned(pixels, kind, amount):
    """A photo in the middle of which the camera has zoomed or rolled a little."""
    from scipy.ndimage import affine_transform

    cosine, sine = np.cos(amount), np.sin(amount)
    matrix = np.eye(2) * (1 + amount)
    if kind == "roll":
        matrix = np.array([[cosine, -sine], [sine, cosine]])
    middle = np.array(pixels.shape[:2]) / 2
    start = middle - matrix @ middle
    plane = affine_transform(pixels[..., 0], matrix, start, order=1, mode="nearest")
    return np.repeat(plane[..., None], 3, axis=2)
