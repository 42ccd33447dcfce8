"""Pictures in memory of every mode and type: mapped exactly, or refused in one line."""

from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image

import unblur
from unblur.errors import OptionError
from unblur.imaging.measure.sharpness import luma
from unblur.tasks.restore.pictures import check_picture, map_pixels

# Rounded values may have another likeliest shake; a network has no such choices.
restore = partial(unblur.restore, method="network")


@pytest.fixture(scope="module")
def grey(astronaut):
    """(64, 80) floats in [0, 1]."""
    return luma(astronaut[:64, :80])


@pytest.fixture(scope="module")
def restored(grey):
    return restore(grey)


@pytest.mark.parametrize("mode", ["I;16", "I;16L", "I;16B", "I", "F"])
def test_deep_images_come_back_in_kind(grey, restored, mode):
    values = grey if mode == "F" else np.rint(grey * 65535)
    dtype = {"F": "<f4", "I": "<i4", "I;16B": ">u2"}.get(mode, "<u2")
    image = Image.frombytes(mode, (80, 64), values.astype(dtype).tobytes())
    top = 1 if mode == "F" else 65535

    result = restore(image)

    assert result.mode == mode
    got = np.frombuffer(result.tobytes(), dtype).reshape(64, 80) / top
    assert np.abs(got - restored).max() < 0.002


@pytest.mark.parametrize(
    ("mode", "becomes"),
    [
        *((mode, mode) for mode in ("L", "LA", "La", "RGB", "RGBA", "RGBa", "RGBX")),
        *(("1", "L"), ("P", "RGB"), ("CMYK", "RGB"), ("YCbCr", "RGB"), ("HSV", "RGB")),
        ("LAB", "RGB"),
    ],
)
def test_every_mode_of_bytes(astronaut, mode, becomes):
    image = Image.fromarray(np.rint(astronaut[:64, :80] * 255).astype(np.uint8))
    if mode == "LAB":
        from PIL import ImageCms

        names = [ImageCms.createProfile(name) for name in ("sRGB", "LAB")]
        image = ImageCms.profileToProfile(image, *names, outputMode="LAB")
    elif mode in {"La", "RGBa"}:
        image = image.convert(f"{mode[:-1]}A")
        image.putalpha(200)
        image = image.convert(mode)
    else:
        image = image.convert(mode)

    seen = []
    result = map_pixels(image, lambda pixels: seen.append(pixels) or pixels)

    assert (result.mode, result.size) == (becomes, image.size)
    assert seen[0].dtype == np.float32
    (pixels,) = seen
    colours = len(Image.new(becomes.rstrip("AaX"), (1, 1)).getbands())
    wanted = {"La": "LA", "RGBa": "RGBA"}.get(mode, becomes)
    expected = np.asarray(image.convert(wanted)).reshape(64, 80, -1)[..., :colours]
    np.testing.assert_allclose(
        pixels, np.broadcast_to(expected / np.float32(255), pixels.shape), atol=1e-6
    )
    # Unchanged pixels come back unchanged, alpha and what fills RGBX included.
    again = np.asarray(result.convert(wanted)).astype(int)
    assert np.abs(again - np.asarray(image.convert(wanted))).max() <= (1 if mode[-1] == "a" else 0)


def test_one_transparent_colour_becomes_alpha(grey):
    image = Image.fromarray(np.rint(grey * 255).astype(np.uint8))
    clear = int(np.asarray(image)[3, 4])
    image.info["transparency"] = clear

    result = restore(image)

    assert result.mode == "LA"
    np.testing.assert_array_equal(
        np.asarray(result)[..., 1] == 0, np.asarray(image) == clear, strict=True
    )


def test_the_profile_of_ink_is_not_kept_for_light(astronaut):
    image = Image.fromarray(np.rint(astronaut[:64, :80] * 255).astype(np.uint8)).convert("CMYK")
    image.info |= {"icc_profile": b"of inks", "dpi": (300, 300)}

    assert restore(image).info == {"dpi": (300, 300)}


@pytest.mark.parametrize(
    ("mode", "values", "why"),
    [
        ("F", np.full((64, 64), 200.0), r"in \[0, 1\], got 200 to 200"),
        ("I", np.full((64, 64), 70000), "from 0 to 65535, got 70000 to 70000"),
        ("I", np.full((64, 64), 200), "none over 200.*mode L or I;16"),
    ],
)
def test_values_that_may_mean_anything_are_refused(mode, values, why):
    image = Image.frombytes(mode, (64, 64), values.astype({"F": "f4", "I": "i4"}[mode]).tobytes())
    with pytest.raises(OptionError, match=why):
        restore(image)


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
def test_a_matrix_is_a_picture(grey, restored):
    result = restore(np.matrix(grey))

    assert isinstance(result, np.matrix)
    np.testing.assert_array_equal(np.asarray(result), restored)


@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
def test_a_masked_array_keeps_its_mask_and_what_is_under_it(grey, dtype):
    top = 255 if dtype is np.uint8 else 1
    values = np.rint(grey * top).astype(dtype) if top > 1 else grey
    mask = np.zeros(values.shape, bool)
    mask[10:20, 5:15] = True

    result = restore(np.ma.MaskedArray(values, mask, fill_value=0))

    np.testing.assert_array_equal(result.mask, mask)
    np.testing.assert_array_equal(result.data[mask], values[mask])
    np.testing.assert_array_equal(result.data[~mask], restore(values)[~mask])
    assert result.dtype == dtype


@pytest.mark.parametrize("dtype", [">u2", ">f4", "<f8", "float16"])
def test_either_order_of_bytes(grey, restored, dtype):
    array = np.rint(grey * 65535).astype(dtype) if dtype == ">u2" else grey.astype(dtype)
    top = 65535 if dtype == ">u2" else 1

    result = restore(array)

    assert result.dtype == array.dtype
    assert np.abs(result.astype(float) / top - restored).max() < 0.003


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda x: x.to_sparse(), r"dense, got layout torch.sparse_coo.*to_dense\(\)"),
        (lambda x: x[0].to_sparse_csr(), r"dense, got layout torch.sparse_csr.*to_dense\(\)"),
        (lambda x: x.to("meta"), "meta has a shape but no values"),
        (lambda x: torch.quantize_per_tensor(x, 0.1, 0, torch.quint8), "quantized"),
        (lambda x: x.to(torch.complex64), "floats or uint8.*complex64"),
        (lambda x: x > 0, "floats or uint8.*bool"),
    ],
)
@pytest.mark.filterwarnings("ignore:Sparse CSR:UserWarning")
@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*quantiz.*:UserWarning")
def test_tensors_without_numbers_to_take_are_refused(make, why):
    with pytest.raises(OptionError, match=why):
        check_picture(make(torch.rand(3, 64, 64)))


def test_a_negated_view_is_read_as_what_it_is(grey, restored):
    tensor = torch.complex(torch.zeros(1, 64, 80), -torch.from_numpy(grey)[None]).conj().imag

    np.testing.assert_array_equal(restore(tensor)[0].numpy(), restored)
