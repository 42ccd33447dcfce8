"""What no search for a blur can make anything of: nothing fails, nothing is spoiled."""

import numpy as np
import pytest
import skimage.data
from PIL import Image, ImageDraw

from unblur import Photo, RestoreOptions, Restorer, psnr, restore
from unblur.errors import UnblurError

ASTRONAUT = skimage.data.astronaut()[:240, 100:340].astype(np.float32) / np.float32(255)


def even(value):
    return np.full((128, 128, 3), value, np.float32)


def noise():
    return np.random.default_rng(0).random((128, 160, 3)).astype(np.float32)


def text():
    page = Image.new("L", (240, 160), 255)
    draw = ImageDraw.Draw(page)
    for line in range(8):
        draw.text((8, 6 + 19 * line), "The quick brown fox jumps over the dog 01", fill=0)
    return np.repeat(np.asarray(page, np.float32)[..., None] / 255, 3, axis=2)


def night():
    rng = np.random.default_rng(0)
    pixels = np.full((160, 240, 3), 4 / 255, np.float32)
    for row, column in zip(rng.integers(6, 154, 20), rng.integers(6, 234, 20), strict=True):
        pixels[row - 2 : row + 3, column - 2 : column + 3] = 1
    dark = pixels + rng.normal(0, 2 / 255, pixels.shape).astype(np.float32)
    return np.clip(dark, 0, 1)


def black_borders():
    pixels = ASTRONAUT.copy()
    pixels[:40] = pixels[-40:] = 0
    pixels[:, :30] = 0
    return pixels


def grey():
    return np.repeat(ASTRONAUT.mean(axis=2, keepdims=True), 3, axis=2)


def tiny(height, width):
    return ASTRONAUT[:height, :width].copy()


SHARP = {
    "black": even(0.0),
    "even": even(0.5),
    "noise": noise(),
    "text": text(),
    "night": night(),
    "black borders": black_borders(),
    "grey": grey(),
    **{f"{h}x{w}": tiny(h, w) for h, w in ((1, 1), (1, 64), (2, 3), (7, 9), (33, 64), (64, 64))},
}


@pytest.fixture(scope="module")
def restorers():
    """By their number of threads."""
    options = {"method": "auto", "engine": "onnx", "precision": "fp32"}
    return {n: Restorer.open(RestoreOptions(threads=n, **options)) for n in (1, 2)}


@pytest.mark.parametrize("name", SHARP)
def test_what_is_sharp_or_holds_nothing_stays_and_threads_change_no_byte(restorers, name):
    pixels = SHARP[name]

    one, two = (restorers[n].restore(Photo(pixels=pixels)).pixels for n in (1, 2))

    assert one.shape == pixels.shape
    assert np.isfinite(one).all()
    assert np.array_equal(one, pixels) or psnr(one, pixels) > 40
    assert one.tobytes() == two.tobytes()


def test_16_bits_go_in_and_out():
    pixels = np.rint(ASTRONAUT * 65535).astype(np.uint16)

    restored = restore(pixels, engine="onnx")

    assert (restored.dtype, restored.shape) == (np.uint16, pixels.shape)
    assert psnr(restored / 65535, ASTRONAUT) > 40


@pytest.mark.parametrize(
    "pixels",
    [even(np.nan), np.zeros((0, 5, 3), np.float32), np.zeros((5, 5, 2), np.float32)],
    ids=["NaN", "no rows", "two channels"],
)
def test_what_is_no_photo_is_refused_in_a_sentence(pixels):
    with pytest.raises(UnblurError, match=r"^\S.{20,}"):
        restore(pixels)
