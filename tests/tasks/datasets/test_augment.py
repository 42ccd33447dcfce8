import importlib.util
import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image

from unblur import RandomBlur, Unblur, restore
from unblur.errors import OptionError
from unblur.metrics import psnr
from unblur.tasks.restore.options import RestoreOptions

PHOTO = skimage.data.astronaut()[:128, 100:260]
SHAKE = RandomBlur(length_px=(10, 40), p=1, seed=3)


def variation(pixels):
    return float(np.abs(np.diff(pixels.astype(np.float64), axis=1)).mean())


@pytest.mark.parametrize("kind", ["shake", "rotation", "object", "mixed"])
def test_every_kind_blurs_and_keeps_shape_type_and_brightness(kind):
    blurred = replace(SHAKE, kind=kind, exposure=(1.0,))(PHOTO)

    assert (blurred.shape, blurred.dtype) == (PHOTO.shape, np.uint8)
    assert variation(blurred) < 0.97 * variation(PHOTO)
    # Light is kept; the mean of encoded values rises a little where edges are blurred in it.
    assert abs(blurred.mean() - PHOTO.mean()) < 6


def test_a_picture_gets_the_same_blur_as_array_image_or_tensor():
    floats = PHOTO.astype(np.float32) / 255

    blurred = SHAKE(PHOTO)
    image = SHAKE(Image.fromarray(PHOTO))
    tensor = SHAKE(torch.from_numpy(floats.transpose(2, 0, 1).copy()))

    assert isinstance(image, Image.Image)
    np.testing.assert_array_equal(np.asarray(image), blurred)
    np.testing.assert_array_equal(SHAKE(floats), tensor.permute(1, 2, 0).numpy())
    assert psnr(SHAKE(floats), blurred / np.float32(255)) > 55
    np.testing.assert_array_equal(SHAKE(np.stack([PHOTO, PHOTO[::-1]]))[0], blurred)
    np.testing.assert_array_equal(SHAKE([PHOTO])[0], blurred)


def test_grey_and_alpha_come_back_as_they_were():
    alpha = np.arange(128 * 160, dtype=np.uint16).reshape(128, 160, 1)
    four = np.concatenate([PHOTO.astype(np.uint16) * 257, alpha], axis=2)

    np.testing.assert_array_equal(SHAKE(four)[..., 3:], alpha)
    assert SHAKE(PHOTO[..., 0]).shape == (128, 160)
    noisy = replace(SHAKE, noise_sigma=0.1)(np.full((64, 64), 0.5))
    assert 0.09 < noisy.std() < 0.11


def test_the_seed_and_the_pixels_decide_and_nothing_else():
    other = np.ascontiguousarray(PHOTO[:, ::-1])
    again = pickle.loads(pickle.dumps(SHAKE))

    first = SHAKE(PHOTO)

    np.testing.assert_array_equal(again(PHOTO), first)
    assert (replace(SHAKE, seed=4)(PHOTO) != first).any()
    # Another picture gets another blur, not the same one mirrored.
    assert (SHAKE(other)[:, ::-1] != first).any()
    with ThreadPoolExecutor(4) as pool:
        for blurred in pool.map(SHAKE, [PHOTO] * 8):
            np.testing.assert_array_equal(blurred, first)


# One core is enough to tell.
@pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning")
def test_workers_of_a_data_loader_give_what_one_process_gives():
    planes = torch.from_numpy(PHOTO.transpose(2, 0, 1).copy())
    crops = [planes[:, :96, i : i + 96] for i in range(6)]

    class Crops(torch.utils.data.Dataset):
        def __len__(self):
            return len(crops)

        def __getitem__(self, index):
            return SHAKE(crops[index])

    found = {
        workers: torch.cat(list(torch.utils.data.DataLoader(Crops(), 2, num_workers=workers)))
        for workers in (0, 2)
    }

    assert torch.equal(found[0], found[2])
    assert len({one.numpy().tobytes() for one in found[0]}) == len(crops)


# One core is enough to tell.
@pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning")
def test_without_a_seed_no_two_workers_and_no_two_epochs_blur_alike():
    planes = torch.from_numpy(PHOTO.transpose(2, 0, 1).copy())
    afresh = RandomBlur(length_px=(10, 40), p=1)

    class OnePhoto(torch.utils.data.Dataset):
        def __len__(self):
            return 4

        def __getitem__(self, index):
            return afresh(planes)

    loader = torch.utils.data.DataLoader(OnePhoto(), 1, num_workers=2)

    found = {batch.numpy().tobytes() for _ in range(2) for batch in loader}

    assert len(found) == 8


def test_without_a_seed_or_with_a_generator_each_call_draws_anew():
    afresh = RandomBlur(length_px=(10, 40), p=1)
    assert afresh == replace(SHAKE, seed=None)
    assert (afresh(PHOTO) != afresh(PHOTO)).any()

    rng = np.random.default_rng(1)
    first, second = SHAKE(PHOTO, rng=rng), SHAKE(PHOTO, rng=rng)

    assert (first != second).any()
    np.testing.assert_array_equal(SHAKE(PHOTO, rng=np.random.default_rng(1)), first)


def test_so_many_pictures_are_blurred_as_p_says_and_the_rest_keeps_every_bit():
    some = RandomBlur(length_px=5, p=0.3, seed=1)
    crops = [np.random.default_rng(i).random((16, 16, 3)) for i in range(200)]

    blurred = [some(crop) for crop in crops]

    changed = sum((a != b).any() for a, b in zip(crops, blurred, strict=True))
    assert 40 <= changed <= 80
    assert not (some(crops[0], rng=np.random.default_rng(1), force_apply=True) == crops[0]).all()


def test_called_by_name_it_keeps_what_belongs_to_the_picture():
    mask = np.eye(128, 160)
    boxes = [(1, 2, 3, 4)]
    step = replace(SHAKE)
    step.add_targets({"right": "image", "depth": "mask"})

    out = step(image=PHOTO, mask=mask, bboxes=boxes, right=PHOTO, depth=mask, images=PHOTO[None])

    assert out["mask"] is mask
    assert out["depth"] is mask
    assert out["bboxes"] is boxes
    np.testing.assert_array_equal(out["image"], SHAKE(PHOTO))
    np.testing.assert_array_equal(out["right"], out["image"])
    np.testing.assert_array_equal(out["images"][0], out["image"])
    # What moves with the first picture moves alike, whatever it shows.
    point = np.zeros((128, 160, 3))
    point[64, 80] = 1
    kernels = [step(image=PHOTO, right=np.roll(point, i, 0))["right"] for i in range(2)]
    np.testing.assert_allclose(np.roll(kernels[0], 1, 0), kernels[1], atol=1e-5)


def test_restoring_is_a_step_too():
    step = pickle.loads(
        pickle.dumps(Unblur(options=RestoreOptions(method="network", strength=0.5)))
    )
    mask = np.zeros((128, 160))

    out = step(image=PHOTO, mask=mask)

    np.testing.assert_array_equal(out["image"], step(PHOTO))
    np.testing.assert_array_equal(
        out["image"], restore(PHOTO, options=RestoreOptions(method="network", strength=0.5))
    )
    assert out["mask"] is mask


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"kind": "zoom"}, "shake, rotation, object, mixed"),
        ({"preset": "mine"}, "authors, paper"),
        ({"length_px": (20, 10)}, "length_px"),
        ({"length_px": 0}, "length_px"),
        ({"exposure": ()}, "exposure"),
        ({"noise_sigma": -1}, "noise_sigma"),
        ({"p": 1.5}, "p must be"),
        ({"seed": -1}, "seed"),
    ],
)
def test_options_out_of_range_are_told(options, said):
    with pytest.raises(OptionError, match=said):
        RandomBlur(**options)


def test_wrong_calls_are_told():
    with pytest.raises(OptionError, match="takes paths of up to 29 px"):
        RandomBlur(p=0)(np.zeros((32, 40, 3)))  # told at once, not when chance has it
    with pytest.raises(OptionError, match="got mask"):
        SHAKE(mask=PHOTO)
    with pytest.raises(OptionError, match="got str"):
        SHAKE("photo.jpg")


@pytest.mark.parametrize("kind", ["shake", "rotation", "object"])
def test_the_longest_path_that_is_allowed_fits_into_the_picture(kind):
    tight = RandomBlur(kind=kind, length_px=29, preset="paper", exposure=(1.0,), p=1)
    for seed in range(20):
        assert replace(tight, seed=seed)(np.zeros((32, 40, 3))).shape == (32, 40, 3)


def test_albumentations_takes_the_steps_where_it_is_installed(monkeypatch):
    monkeypatch.setenv("NO_ALBUMENTATIONS_UPDATE", "1")  # it would ask the network else
    if importlib.util.find_spec("albumentations") is None:
        pytest.skip("albumentations is not installed")
    import albumentations as A  # noqa: N812

    mask = (PHOTO[..., 0] > 128).astype(np.uint8)
    boxes = np.array([[10, 10, 50, 60]], np.float32)
    steps = A.Compose(
        [A.HorizontalFlip(p=1), A.OneOf([SHAKE, Unblur()], p=1), SHAKE],
        bbox_params=A.BboxParams(format="pascal_voc", label_fields=["labels"]),
        additional_targets={"right": "image"},
        seed=1,
    )

    out = steps(image=PHOTO, mask=mask, right=PHOTO, bboxes=boxes, labels=[1])

    assert (out["image"].shape, out["image"].dtype) == (PHOTO.shape, np.uint8)
    np.testing.assert_array_equal(out["mask"], mask[:, ::-1])
    np.testing.assert_array_equal(out["right"], out["image"])
    np.testing.assert_allclose(out["bboxes"], [[110, 10, 150, 60]])
    assert variation(out["image"]) < variation(PHOTO)
