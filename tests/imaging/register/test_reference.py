import numpy as np
import pytest
import skimage.data

from reference_pairs import difference, second_shot, shake, shaken
from unblur import Photo, Restorer, write_photo
from unblur.errors import OptionError, PhotoError
from unblur.imaging.blur.psf import read_kernel
from unblur.imaging.register.reference import restore_with_reference
from unblur.metrics import psnr, ssim
from unblur.tasks.batch.ledger import describe_work
from unblur.tasks.restore.kernel_file import KernelOptions, write_pair_kernel
from unblur.tasks.restore.options import RestoreOptions
from unblur.tasks.restore.second_shot import ReferencedPhoto


@pytest.fixture(scope="module")
def sharp():
    return skimage.data.coffee()[40:300, 120:400].astype(np.float32) / 255


@pytest.fixture(scope="module")
def blurred(sharp):
    return shaken(sharp)


@pytest.fixture(scope="module")
def alone(blurred):
    return Restorer.open(RestoreOptions(method="network", engine="onnx")).restore_pixels(blurred)


@pytest.fixture(scope="module")
def files(sharp, blurred, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pair")
    write_photo(Photo(pixels=blurred), folder / "blurred.png")
    write_photo(Photo(pixels=second_shot(sharp)), folder / "second.png")
    return folder


@pytest.fixture(scope="module")
def found(sharp, blurred, alone):
    return restore_with_reference(blurred, second_shot(sharp), lambda: alone)


def test_a_sharp_second_shot_restores_far_more_than_the_network(found, sharp, blurred, alone):
    assert found.refused is None
    assert psnr(found.pixels, sharp) > psnr(alone, sharp) + 4
    assert psnr(found.pixels, sharp) > psnr(blurred, sharp) + 6
    assert ssim(found.pixels, sharp) > 0.9
    assert difference(found.fit.kernel.kernel, shake()) < 0.15
    assert found.confidence.mean() > 0.6


def test_a_noisy_second_shot_does_so_too(sharp, blurred, alone):
    reference = second_shot(sharp, noise=25 / 255)

    found = restore_with_reference(blurred, reference, lambda: alone, "noisy")

    assert found.refused is None
    registered = found.fit.registration
    denoised = np.where(registered.covered[..., None], registered.reference, alone)
    assert psnr(found.pixels, sharp) > psnr(blurred, sharp) + 4
    assert psnr(found.pixels, sharp) > psnr(denoised, sharp) + 3


def test_a_grey_second_shot_leaves_the_colours(sharp, blurred, alone):
    grey = np.repeat(second_shot(sharp).mean(axis=2, keepdims=True), 3, axis=2)

    found = restore_with_reference(blurred, grey, lambda: alone)

    assert found.refused is None
    assert psnr(found.pixels, sharp) > psnr(alone, sharp) + 1


@pytest.mark.thorough
def test_what_was_not_there_is_not_taken_from_the_reference(sharp, blurred, alone):
    reference = second_shot(sharp)
    reference[150:230, 100:190] = [0.9, 0.1, 0.1]  # a red thing in front

    found = restore_with_reference(blurred, reference, lambda: alone)

    place = (slice(170, 210), slice(120, 170))
    assert found.confidence[place].max() < 0.2
    assert psnr(found.pixels[place], sharp[place]) > psnr(blurred[place], sharp[place])


@pytest.mark.parametrize("kind", ["another", "itself", "small", "black"])
def test_a_reference_that_does_not_fit_changes_nothing(sharp, blurred, alone, kind):
    reference = {
        "another": skimage.data.astronaut().astype(np.float32) / 255,
        "itself": blurred,
        "small": sharp[::10, ::10],
        "black": np.zeros_like(sharp),
    }[kind]

    found = restore_with_reference(blurred, reference, lambda: alone)

    assert found.refused
    assert "\n" not in found.refused
    np.testing.assert_array_equal(found.pixels, alone)
    assert not found.confidence.any()


def test_the_restorer_takes_the_reference_from_its_options_and_crops_and_blends_after(
    files, found, blurred
):
    options = RestoreOptions(
        reference=files / "second.png", engine="onnx", crop=(40, 30, 200, 100), strength=0.5
    )

    restored = Restorer.open(options).restore(Photo(pixels=blurred, bits=16))

    assert isinstance(restored, ReferencedPhoto)
    assert (restored.notes, restored.bits) == ((), 16)
    assert restored.confidence.shape == blurred.shape[:2]
    window = (slice(30, 130), slice(40, 240))
    expected = (found.pixels[window] + blurred[window]) / 2
    np.testing.assert_allclose(restored.pixels, expected, atol=1e-5)


def test_the_note_of_a_restored_photo_names_the_reference_that_was_not_used(files, blurred, alone):
    write_photo(Photo(pixels=np.zeros((50, 60, 3), np.float32)), files / "black.png")
    options = RestoreOptions(method="network", reference=files / "black.png", engine="onnx")

    restored = Restorer.open(options).restore(Photo(pixels=blurred))

    (note,) = restored.notes
    assert note.startswith("black.png not used: ")
    np.testing.assert_array_equal(restored.pixels, alone)


def test_options_that_do_not_go_together_are_refused(files):
    with pytest.raises(OptionError, match="unknown reference_is 'soft'; known: sharp, noisy"):
        RestoreOptions(method="network", reference_is="soft")
    with pytest.raises(OptionError, match="a reference goes with method=auto or network"):
        RestoreOptions(reference=files / "second.png", method="wiener")
    with pytest.raises(OptionError, match="sharp or noisy, got 'soft'"):
        restore_with_reference(*[np.ones((40, 40, 3), np.float32)] * 2, lambda: None, "soft")


def test_a_reference_that_cannot_be_read_is_one_line(files, sharp):
    write_photo(Photo(pixels=sharp[:20]), files / "low.png")
    for name, why in (("none.png", "cannot be opened"), ("low.png", "too small for a reference")):
        with pytest.raises(PhotoError, match=why):
            Restorer.open(RestoreOptions(method="network", reference=files / name))


def test_a_record_of_work_tells_one_reference_from_another(files):
    work = [
        describe_work(RestoreOptions(method="network", reference=files / name))
        for name in ("second.png", "blurred.png")
    ]

    assert len(work[0]["reference"]) == 64
    assert work[0] != work[1] != describe_work(RestoreOptions())


def test_a_kernel_that_is_written_is_read_again(files, tmp_path):
    """As a picture, too: tests/cli/test_reference.py."""
    target = tmp_path / "kernel.npy"

    written = write_pair_kernel(files / "blurred.png", files / "second.png", target)

    assert written.files == (target,)
    again = read_kernel(target)  # without its empty border
    cut = [
        (side - left) // 2
        for side, left in zip(written.kernel.kernel.shape, again.shape, strict=True)
    ]
    expected = np.pad(again, [(each, each) for each in cut])
    np.testing.assert_allclose(expected, written.kernel.kernel, atol=1e-5)


def test_a_kernel_has_options_that_are_checked():
    with pytest.raises(OptionError, match="reference_is"):
        KernelOptions(reference_is="soft")
    with pytest.raises(OptionError, match="max_megapixels"):
        KernelOptions(max_megapixels=0)
