import numpy as np
import pytest

from unblur import Photo
from unblur.tasks.restore.options import RestoreOptions
from unblur.tasks.restore.restorer import Restorer, shared_restorer


@pytest.fixture(scope="module")
def restorer():
    return shared_restorer(RestoreOptions(method="network", engine="onnx"))


def test_only_the_pixels_of_a_photo_change(restorer, astronaut):
    alpha = np.full((256, 256), 7, np.uint8)
    photo = Photo(pixels=astronaut, alpha=alpha, bits=16, quality=93, format="webp")

    restored = restorer.restore(photo)

    assert restored.alpha is alpha
    assert (restored.bits, restored.quality, restored.format) == (16, 93, "webp")
    assert not np.array_equal(restored.pixels, astronaut)


def test_the_picture_does_not_move_or_change_colour(restorer, astronaut):
    restored = restorer.restore_pixels(astronaut)

    assert np.abs(restored.mean(axis=(0, 1)) - astronaut.mean(axis=(0, 1))).max() < 0.005
    score = {
        (dy, dx): np.corrcoef(
            astronaut[8:-8, 8:-8, 1].ravel(),
            np.roll(restored, (dy, dx), (0, 1))[8:-8, 8:-8, 1].ravel(),
        )[0, 1]
        for dy in (-1, 0, 1)
        for dx in (-1, 0, 1)
    }
    assert max(score, key=score.get) == (0, 0)


def test_equal_options_share_one_restorer():
    assert shared_restorer(RestoreOptions()) is shared_restorer(RestoreOptions())


def test_the_same_photo_gives_the_same_bytes(restorer, astronaut):
    first, second = (restorer.restore_pixels(astronaut) for _ in range(2))

    assert first.tobytes() == second.tobytes()


def test_open_without_options_takes_the_default_network():
    assert Restorer.open().engine.metadata["unblur.model"] == "fast"
