"""Tiles against the whole for an exact network; crop, strength, mask."""

import numpy as np
import pytest
import skimage.data

from rounding import network_bound
from unblur import Photo, write_photo
from unblur.errors import OptionError
from unblur.models import build_model
from unblur.tasks.restore.options import RestoreOptions
from unblur.tasks.restore.restorer import Restorer


@pytest.fixture(scope="module")
def photo():
    """470 x 760 px, sharp on the left, smeared on the right."""
    sharp = np.tile(skimage.data.astronaut(), (1, 2, 1))[30:500, 200:960].astype(np.float32) / 255
    photo = np.mean([np.roll(sharp, shift, 1) for shift in range(-5, 6)], axis=0, dtype=np.float32)
    photo[:, :380] = sharp[:, :380]
    return photo


def options(**more):
    return RestoreOptions(**{"method": "network", "engine": "onnx", "guard": False, **more})


@pytest.mark.parametrize(
    ("turned", "height", "tile", "guard"),
    [(False, 220, 700, True), (False, 190, 560, False), (True, 190, 599, True)],
)
def test_tiles_of_an_exact_network_give_the_pixels_of_the_whole(photo, turned, height, tile, guard):
    picture = photo[:height].swapaxes(0, 1) if turned else photo[:height]
    whole = Restorer.open(options(tile="off", guard=guard)).restore_pixels(picture)

    tiled = Restorer.open(options(tile=tile, guard=guard)).restore_pixels(picture)

    # A tile may be added up in another order than the whole; a seam would be 5e-3.
    assert np.abs(tiled - whole).max() < network_bound(build_model("fast"), whole)
    assert np.abs(whole - picture).max() > 0.1  # the network does something


@pytest.mark.parametrize("guard", [False, True])
def test_a_crop_is_that_part_of_the_whole_result(photo, guard):
    whole = Restorer.open(options(guard=guard)).restore_pixels(photo)
    alpha = np.arange(470 * 760, dtype=np.uint16).reshape(470, 760)

    cropped = Restorer.open(options(crop=(601, 277, 130, 55), guard=guard)).restore(
        Photo(pixels=photo, alpha=alpha)
    )

    bound = network_bound(build_model("fast"), whole)  # as for tiles
    assert np.abs(cropped.pixels - whole[277:332, 601:731]).max() < bound
    np.testing.assert_array_equal(cropped.alpha, alpha[277:332, 601:731])


def test_a_crop_outside_the_picture_is_refused(photo):
    with pytest.raises(OptionError, match=r"740,0,100,10.*does not lie in.*760 x 470"):
        Restorer.open(options(crop=(740, 0, 100, 10))).restore_pixels(photo)


def test_strength_blends_with_the_original(photo):
    picture = photo[:200, :200]
    full, half, none = (
        Restorer.open(options(strength=s)).restore_pixels(picture) for s in (1.0, 0.5, 0.0)
    )

    np.testing.assert_array_equal(none, picture)
    np.testing.assert_allclose(half, (full + picture) / 2, atol=1e-6)


def test_a_mask_restores_where_it_is_white_only(photo, tmp_path):
    picture = photo[:200, :200]
    white = np.zeros((200, 200, 3), np.float32)
    white[:, 100:] = 1
    write_photo(Photo(pixels=white, grey=True), tmp_path / "mask.png")
    full = Restorer.open(options()).restore_pixels(picture)

    masked = Restorer.open(options(mask=tmp_path / "mask.png")).restore_pixels(picture)

    np.testing.assert_array_equal(masked[:, :100], picture[:, :100])
    np.testing.assert_allclose(masked[:, 120:], full[:, 120:], atol=1e-6)
    share = ((masked - picture) / np.where(full == picture, 1, full - picture))[:, 100:120]
    assert (np.diff(np.median(share, axis=(0, 2))) > -0.02).all()  # it rises inwards


def test_a_mask_of_another_size_or_without_white_is_refused(photo, tmp_path):
    mask = tmp_path / "mask.png"
    write_photo(Photo(pixels=np.ones((50, 60, 3), np.float32)), mask)
    with pytest.raises(OptionError, match=r"mask\.png is 60 x 50 px and the picture 200 x 100"):
        Restorer.open(options(mask=mask)).restore_pixels(photo[:100, :200])

    write_photo(Photo(pixels=np.zeros((50, 60, 3), np.float32)), mask, overwrite=True)
    with pytest.raises(OptionError, match="black all over"):
        Restorer.open(options(mask=mask))
