import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from unblur import read_photo, restore
from unblur.errors import OptionError, PhotoError, TargetError
from unblur.metrics import psnr
from unblur.tasks.restore.options import RestoreOptions


# The photo at half its size: too sharp to search for a shake, which takes a second each time.
@pytest.fixture(scope="module")
def expected(astronaut):
    return restore(astronaut[:192:2, :160:2])


def test_float_arrays(astronaut, expected):
    assert expected.dtype == np.float32
    assert expected.shape == (96, 80, 3)
    assert 0 < np.abs(expected - astronaut[:192:2, :160:2]).max() < 0.5
    np.testing.assert_array_equal(restore(astronaut[:192:2, :160:2].astype(np.float64)), expected)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_integer_arrays(astronaut, expected, dtype):
    top = np.iinfo(dtype).max
    codes = np.round(astronaut[:192:2, :160:2] * top).astype(dtype)

    restored = restore(codes)

    assert restored.dtype == dtype
    assert np.abs(restored / top - expected).max() <= 1 / top


def test_alpha_and_grey_arrays(astronaut, expected):
    alpha = np.linspace(0, 1, 96 * 80, dtype=np.float32).reshape(96, 80, 1)

    restored = restore(np.concatenate([astronaut[:192:2, :160:2], alpha], axis=2))

    np.testing.assert_array_equal(restored[..., :3], expected)
    np.testing.assert_array_equal(restored[..., 3:], alpha)
    assert restore(astronaut[:192:2, :160:2, 0]).shape == (96, 80)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "CMYK"])
def test_pil_images(astronaut, expected, mode):
    image = Image.fromarray(np.round(astronaut[:192:2, :160:2] * 255).astype(np.uint8))
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
    planes = np.ascontiguousarray(astronaut[:192:2, :160:2].transpose(2, 0, 1))
    tensor = torch.from_numpy(planes).reshape(shape)

    restored = restore(tensor)

    assert (restored.shape, restored.dtype) == (tensor.shape, tensor.dtype)
    flat = restored.reshape(3, 96, 80).permute(1, 2, 0).numpy()
    np.testing.assert_array_equal(flat, expected)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float64, torch.uint8])
def test_tensors_of_other_types_keep_theirs(astronaut, dtype):
    planes = torch.from_numpy(astronaut[:192:2, :160:2].transpose(2, 0, 1).copy())
    top = 255 if dtype is torch.uint8 else 1

    # By the network: rounded values may have another likeliest kernel.
    tensor = (planes * top).round(decimals=0 if top > 1 else 6).to(dtype)
    restored = restore(tensor, method="network")

    assert restored.dtype is dtype
    flat = restored.permute(1, 2, 0).numpy().astype(np.float32) / top
    expected = restore(astronaut[:192:2, :160:2], method="network")
    assert psnr(flat, expected) > 50


def test_batches_are_restored_picture_by_picture(astronaut, expected):
    two = np.stack([astronaut[:192:2, :160:2], astronaut[64::2, 96::2]])
    codes = np.round(two * 255).astype(np.uint8)

    floats = restore(two)
    tensor = restore(torch.from_numpy(two.transpose(0, 3, 1, 2).copy()))

    np.testing.assert_array_equal(floats[0], expected)
    np.testing.assert_array_equal(floats[1], restore(two[1]))
    np.testing.assert_array_equal(tensor.numpy().transpose(0, 2, 3, 1), floats)
    np.testing.assert_array_equal(restore(codes)[1], restore(codes[1]))
    assert restore(codes).dtype == np.uint8
    assert restore(codes[..., :1]).shape == (2, 96, 80, 1)
    assert restore(codes[:0]).shape == (0, 96, 80, 3)


def test_lists_and_tuples_hold_pictures_of_any_kind_and_size(astronaut, expected, photo):
    tensor = torch.from_numpy(astronaut[:192:2, :160:2].transpose(2, 0, 1).copy())
    image = Image.fromarray(np.round(astronaut[:32, :40] * 255).astype(np.uint8))

    array, planes, small, content, path = restore(
        [astronaut[:192:2, :160:2], tensor, image, photo.read_bytes(), photo]
    )

    np.testing.assert_array_equal(array, expected)
    np.testing.assert_array_equal(planes.numpy().transpose(1, 2, 0), expected)
    assert small.size == (40, 32)
    assert content == path.read_bytes()
    assert restore([]) == []
    assert isinstance(restore((image, image)), tuple)


def test_a_photo_that_is_listed_twice_is_restored_once(photo):
    assert restore([str(photo), photo]) == [
        str(photo.with_name("photo.unblurred.jpg")),
        photo.with_name("photo.unblurred.jpg"),
    ]


def test_a_wrong_picture_in_a_list_is_told_before_anything_is_restored(photo, astronaut):
    with pytest.raises(OptionError, match=r"picture 1 of the list: .*\(4, 4, 2\)"):
        restore([photo, np.zeros((4, 4, 2))])
    with pytest.raises(OptionError, match=r"picture 1 of the list: .* got list"):
        restore([photo, [photo]])
    assert not list(photo.parent.glob("*unblurred*"))
    with pytest.raises(PhotoError, match="picture 1 of the list"):
        restore([astronaut[:16, :16], b"no photo"])


def test_photos_of_one_name_in_a_list_are_written_to_two_files(photo):
    files = [photo.with_suffix(ending) for ending in (".gif", ".png")]
    with Image.open(photo) as image:
        for path in files:
            image.save(path)

    names = [path.name for path in restore(files, method="network")]

    assert names == ["photo.gif.unblurred.png", "photo.unblurred.png"]


def test_a_crop_of_a_picture_in_memory_is_refused(astronaut):
    with pytest.raises(OptionError, match="cut the picture"):
        restore(astronaut, options=RestoreOptions(method="network", crop=(0, 0, 8, 8)))


def test_paths_and_bytes(photo):
    target = restore(str(photo))
    content = restore(photo.read_bytes())

    assert target == str(photo.with_name("photo.unblurred.jpg"))
    assert isinstance(restore_again(photo), Path)
    np.testing.assert_array_equal(read_photo(target).pixels, read_photo(content).pixels)


def test_options_are_keywords_beside_the_object_that_holds_all(astronaut):
    pixels = astronaut[:48, :40]
    network = restore(pixels, method="network")
    options = RestoreOptions(method="network", guard=False)

    half = restore(pixels, strength=0.5, method="network")

    np.testing.assert_allclose(half, (pixels + network) / 2, atol=1e-6)
    np.testing.assert_array_equal(restore(pixels, options=options, strength=0.0), pixels)
    np.testing.assert_array_equal(restore(pixels, options=options, guard=True, strength=0.5), half)


def test_files_of_options_may_be_named_by_text(photo, astronaut, tmp_path):
    mask = tmp_path / "mask.png"
    left = np.zeros(astronaut.shape[:2], np.uint8)
    left[:, :40] = 255
    Image.fromarray(left).save(mask)

    restored = restore(astronaut, method="network", mask=str(mask))

    np.testing.assert_array_equal(restored[:, -100:], astronaut[:, -100:])
    assert np.abs(restored[:, :30] - astronaut[:, :30]).max() > 0.001


def test_unknown_options_and_wrong_values_are_told(photo):
    with pytest.raises(TypeError, match="unknown option 'strong'; known: model, method"):
        restore(photo, strong=1)
    with pytest.raises(OptionError, match="strength must be from 0 to 1, got 2"):
        restore(photo, strength=2)
    with pytest.raises(OptionError, match="unknown method 'magic'"):
        restore(photo, options=RestoreOptions(), method="magic")


def test_output_says_where_and_in_which_format(photo, tmp_path):
    network = RestoreOptions(method="network")
    wanted = read_photo(restore(photo.read_bytes(), options=network)).pixels

    named = restore(str(photo), output=tmp_path / "new" / "sharp.jpg", options=network)
    folder = restore(photo, output=f"{tmp_path}/folder/", options=network)
    content = restore(photo.read_bytes(), output=tmp_path / "content.png", options=network)
    whole = restore(read_photo(photo), output=str(tmp_path / "photo.jpg.jpg"), options=network)

    assert named == str(tmp_path / "new" / "sharp.jpg")
    assert folder == tmp_path / "folder" / "photo.unblurred.jpg"
    np.testing.assert_array_equal(read_photo(named).pixels, wanted)
    np.testing.assert_array_equal(read_photo(folder).pixels, wanted)
    assert content == (tmp_path / "content.png").read_bytes()
    assert content.startswith(b"\x89PNG")
    assert psnr(whole.pixels, read_photo(content).pixels) > 55
    np.testing.assert_array_equal(read_photo(tmp_path / "photo.jpg.jpg").pixels, wanted)
    assert restore([photo], output=tmp_path / "many", options=network) == [
        tmp_path / "many" / "photo.unblurred.jpg"
    ]


def test_output_goes_over_nothing_and_only_where_it_makes_sense(photo, astronaut, tmp_path):
    before = photo.read_bytes()
    for picture in (photo, before):
        with pytest.raises(TargetError):
            restore(picture, output=photo, method="network")
    with pytest.raises(TargetError, match="itself"):
        restore(photo, output=photo, method="network", overwrite=True)
    assert photo.read_bytes() == before
    with pytest.raises(OptionError, match="output is for files, their bytes and Photos"):
        restore(astronaut, output="sharp.png")
    with pytest.raises(OptionError, match="picture 1 of the list: output is a folder for paths"):
        restore([photo, before], output=tmp_path / "many")
    with pytest.raises(OptionError, match="output must be a file"):
        restore(before, output=f"{tmp_path}/")
    with pytest.raises(TargetError, match="cannot write"):
        restore(before, output=tmp_path / "sharp.bmp")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photo.jpg"]


def test_open_files_come_back_as_the_bytes_of_files(photo, tmp_path):
    wanted = restore(photo.read_bytes(), method="network")

    with photo.open("rb") as file:
        assert restore(file, method="network") == wanted
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.write(photo, "photo.jpg")
    with zipfile.ZipFile(tmp_path / "photos.zip") as archive, archive.open("photo.jpg") as file:
        assert restore([file], method="network") == [wanted]
    with photo.open(encoding="latin-1") as text, pytest.raises(PhotoError, match="'rb'"):
        restore(text, method="network")
    with pytest.raises(PhotoError, match="the open file cannot be read"):
        restore(file, method="network")  # it is closed


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
        (torch.zeros(4, 4, 3), "channels come first"),
        (torch.zeros(2, 3, 4, 4, dtype=torch.int32), "int32"),
        (torch.full((3, 4, 4), 1.5), "0, 1"),
        (np.zeros((3, 4, 5)), "channels come last"),
        (np.zeros((1, 1, 4, 4, 3)), r"\(1, 1, 4, 4, 3\)"),
        (np.zeros((4, 0), np.uint8), r"\(4, 0\)"),
    ],
)
def test_other_things_are_refused_with_what_was_got(picture, said):
    with pytest.raises(OptionError, match=said):
        restore(picture)
