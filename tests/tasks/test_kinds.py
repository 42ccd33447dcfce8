from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from unblur import read_photo, restore
from unblur.errors import OptionError, TargetError
from unblur.metrics import psnr


@pytest.fixture(scope="module")
def expected(astronaut):
    return restore(astronaut[:96, :80])


def test_float_arrays(astronaut, expected):
    assert expected.dtype == np.float32
    assert expected.shape == (96, 80, 3)
    assert 0 < np.abs(expected - astronaut[:96, :80]).max() < 0.5
    np.testing.assert_array_equal(restore(astronaut[:96, :80].astype(np.float64)), expected)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_integer_arrays(astronaut, expected, dtype):
    top = np.iinfo(dtype).max
    codes = np.round(astronaut[:96, :80] * top).astype(dtype)

    restored = restore(codes)

    assert restored.dtype == dtype
    assert np.abs(restored / top - expected).max() <= 1 / top


def test_alpha_and_grey_arrays(astronaut, expected):
    alpha = np.linspace(0, 1, 96 * 80, dtype=np.float32).reshape(96, 80, 1)

    restored = restore(np.concatenate([astronaut[:96, :80], alpha], axis=2))

    np.testing.assert_array_equal(restored[..., :3], expected)
    np.testing.assert_array_equal(restored[..., 3:], alpha)
    assert restore(astronaut[:96, :80, 0]).shape == (96, 80)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "CMYK"])
def test_pil_images(astronaut, expected, mode):
    image = Image.fromarray(np.round(astronaut[:96, :80] * 255).astype(np.uint8))
    image.info["dpi"] = (300, 300)

    restored = restore(image.convert(mode))

    assert isinstance(restored, Image.Image)
    assert restored.size == (80, 96)
    assert restored.mode == (mode if mode in {"RGB", "RGBA", "L"} else "RGB")
    if mode == "RGB":
        assert restored.info["dpi"] == (300, 300)
        assert psnr(np.asarray(restored).astype(np.float32) / 255, expected) > 50


@pytest.mark.parametrize("shape", [(3, 96, 80), (1, 3, 96, 80)])
def test_torch_tensors(astronaut, expected, shape):
    planes = np.ascontiguousarray(astronaut[:96, :80].transpose(2, 0, 1))
    tensor = torch.from_numpy(planes).reshape(shape)

    restored = restore(tensor)

    assert (restored.shape, restored.dtype) == (tensor.shape, tensor.dtype)
    flat = restored.reshape(3, 96, 80).permute(1, 2, 0).numpy()
    np.testing.assert_array_equal(flat, expected)


def test_paths_and_bytes(photo):
    target = restore(str(photo))
    content = restore(photo.read_bytes())

    assert target == str(photo.with_name("photo.unblurred.jpg"))
    assert isinstance(restore_again(photo), Path)
    np.testing.assert_array_equal(read_photo(target).pixels, read_photo(content).pixels)


def restore_again(photo):
    with pytest.raises(TargetError, match="overwrite=True"):
        restore(photo)
    return restore(photo, overwrite=True)


@pytest.mark.parametrize(
    ("picture", "said"),
    [
        (7, "int"),
        (np.zeros((4, 4, 2)), r"\(4, 4, 2\)"),
        (np.zeros((4, 4, 3), np.int64), "int64"),
        (np.full((4, 4, 3), 2.0), "0, 1"),
        (np.full((4, 4, 3), np.nan), "0, 1"),
        (np.zeros((0, 4, 3), np.uint8), r"\(0, 4, 3\)"),
        (torch.zeros(4, 4, 3), "tensor"),
    ],
)
def test_other_things_are_refused_with_what_was_got(picture, said):
    with pytest.raises(OptionError, match=said):
        restore(picture)
