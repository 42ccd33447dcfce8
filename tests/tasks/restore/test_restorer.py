import re
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from io import BytesIO
from pathlib import Path
from threading import Lock
from typing import get_type_hints

import numpy as np
import pytest
import torch
from PIL import Image

from unblur import Photo, random_motion, restore
from unblur.errors import OptionError
from unblur.imaging.tiles import TileNeeds
from unblur.tasks.restore.options import PathLike, RestoreKeywords, RestoreOptions
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


@pytest.mark.parametrize("streams", [1, 2])
def test_no_more_threads_restore_than_a_restorer_was_opened_for(astronaut, streams):
    most, now, lock = [], [], Lock()

    class Slow:
        needs = TileNeeds(halo_px=0, grid_px=1, bytes_per_px=1)

        def prepare(self, picture, *, tiled, tell=None):
            with lock:
                now.append(1)
                most.append(len(now))
            return self.run

        def run(self, tile):
            time.sleep(0.02)
            with lock:
                now.pop()
            return astronaut[tile.kept]

    opened = Restorer(Slow(), streams=streams)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(opened.restore_pixels, [astronaut] * 6))

    assert max(most) == streams


def test_equal_options_share_one_restorer():
    assert shared_restorer(RestoreOptions()) is shared_restorer(RestoreOptions())


def test_the_same_photo_gives_the_same_bytes(restorer, astronaut):
    first, second = (restorer.restore_pixels(astronaut) for _ in range(2))

    assert first.tobytes() == second.tobytes()


def test_open_without_options_takes_the_default_network():
    assert Restorer.open().engine.metadata["unblur.model"] == "fast"


def test_it_is_made_by_keywords_and_called_with_any_picture(astronaut, photo):
    half = Restorer(method="network", engine="onnx", strength=0.5)
    codes = np.round(astronaut[:48, :40] * 255).astype(np.uint8)

    assert half.options == RestoreOptions(method="network", engine="onnx", strength=0.5)
    changed = Restorer(options=RestoreOptions(engine="onnx"), method="network", strength=0.5)
    assert changed.options == half.options
    np.testing.assert_array_equal(half(codes), restore(codes, options=half.options))
    np.testing.assert_array_equal(half.restore(codes), half(codes))
    image = half(Image.fromarray(codes))
    np.testing.assert_array_equal(np.asarray(image), half(codes))
    tensor = half.restore(torch.from_numpy(codes.transpose(2, 0, 1).copy()))
    np.testing.assert_array_equal(tensor.permute(1, 2, 0).numpy(), half(codes))
    np.testing.assert_array_equal(
        half(Photo(pixels=astronaut)).pixels, half.restore_pixels(astronaut)
    )
    content = half(photo.read_bytes())
    assert half(BytesIO(photo.read_bytes())) == content
    assert half(photo) == photo.with_name("photo.unblurred.jpg")
    assert half(str(photo.rename(photo.with_name("b.jpg")))) == str(
        photo.with_name("b.unblurred.jpg")
    )


def test_wrong_pictures_and_options_are_told(restorer):
    with pytest.raises(OptionError, match="got list"):
        restorer([np.zeros((8, 8, 3))])
    with pytest.raises(OptionError, match=r"options are given by their name"):
        Restorer(RestoreOptions())
    with pytest.raises(TypeError, match="unknown option 'strong'"):
        Restorer(strong=1)


def test_keywords_are_the_options():
    names = {field.name: field.type for field in fields(RestoreOptions)}
    keywords = get_type_hints(RestoreKeywords)

    assert set(keywords) == set(names)
    hints = get_type_hints(RestoreOptions)
    for name, kind in keywords.items():
        assert kind == (PathLike | None if hints[name] == Path | None else hints[name])


def test_reprs_say_what_matters():
    options = RestoreOptions(strength=0.5, kernel=None, tile=256, method="network", engine="onnx")

    assert eval(repr(options)) == options
    assert repr(RestoreOptions()) == "RestoreOptions()"
    assert repr(options) == (
        "RestoreOptions(method='network', engine='onnx', tile=256, strength=0.5)"
    )
    assert repr(Restorer(options=options, streams=2)) == (
        f"<Restorer {options!r}, streams=2, onnx fp32>"
    )
    photo = Photo(pixels=np.zeros((4, 6, 3)), alpha=np.zeros((4, 6), np.uint8), grey=True)
    assert repr(photo) == "<Photo 6x4 px, 8 bits, grey, alpha, png>"
    rng = np.random.default_rng(1)
    for kind, said in (
        ("shake", r"<Shake, kernel of (\d+)x\1 px>"),
        ("rotation", r"<Roll by \d+\.\d\d degrees about \(-?\d+, -?\d+\), \d+ poses>"),
        ("object", r"<MovingObject in a photo of 64x48 px, kernel of (\d+)x\1 px>"),
    ):
        assert re.fullmatch(said, repr(random_motion(kind, rng=rng, height=48, width=64)))
