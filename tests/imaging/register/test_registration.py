from dataclasses import replace

import cv2
import numpy as np
import pytest
import skimage.data

from registration import errors_px, shots
from unblur.errors import OptionError, RegistrationError
from unblur.imaging.blur.blur import blur
from unblur.imaging.blur.kernels import random_kernels
from unblur.imaging.light import linear_to_srgb, srgb_to_linear
from unblur.imaging.register.registration import confidence_after, register
from unblur.metrics import psnr


def photo(name="coffee", rows=slice(40, 300), columns=slice(120, 440)):
    return getattr(skimage.data, name)()[rows, columns].astype(np.float32) / 255


def scaled(pixels, width, height):
    how = cv2.INTER_AREA if width < pixels.shape[1] else cv2.INTER_CUBIC
    matrix = np.diag([width / pixels.shape[1], height / pixels.shape[0], 1.0])
    matrix[:2, 2] = (matrix.diagonal()[:2] - 1) / 2
    return np.clip(cv2.resize(pixels, (width, height), interpolation=how), 0, 1), matrix


@pytest.fixture(scope="module")
def pair():
    return photo(), *shots(photo(), np.random.default_rng(3))


@pytest.fixture(scope="module")
def registered(pair):
    _, blurred, reference, _ = pair
    return register(blurred, reference)


def test_a_second_shot_is_found_to_a_fraction_of_a_pixel(pair, registered):
    sharp, blurred, _, truth = pair

    errors = errors_px(registered.homography, truth, sharp.shape)
    assert errors.max() < 0.25
    assert errors.mean() < 0.12
    assert registered.matches > 25
    assert registered.reference.dtype == registered.confidence.dtype == np.float32
    sure = registered.confidence > 0.9
    assert sure.mean() > 0.6
    found = psnr(registered.reference[sure][None], sharp[sure][None])
    assert found > psnr(blurred[sure][None], sharp[sure][None]) + 8


def test_nothing_is_claimed_where_the_reference_does_not_reach(registered):
    outside = ~registered.covered

    assert 0.02 < outside.mean() < 0.4
    assert not registered.reference[outside].any()
    assert not registered.confidence[outside].any()
    assert registered.confidence.min() >= 0
    assert registered.confidence.max() <= 1


@pytest.mark.parametrize(
    ("light", "gain"), [(True, 0.85), pytest.param(False, 1.15, marks=pytest.mark.thorough)]
)
def test_a_gain_without_clipping_is_undone_to_a_grey_level(light, gain):
    sharp = photo() * np.float32(0.85)
    kernel = random_kernels(1, rng=np.random.default_rng(8), exposure=(0.5,))[0]
    blurred = blur(sharp, kernel, linear_light=light)
    reference = linear_to_srgb(srgb_to_linear(sharp) * gain) if light else sharp * gain

    result = register(blurred, reference.astype(np.float32))

    inner = (slice(20, -20), slice(20, -20))
    means = np.abs((result.reference - sharp)[inner].mean(axis=(0, 1)))
    assert means.max() < 1 / 255


@pytest.mark.parametrize(
    ("turns", "times"), [(1, 2), pytest.param(2, 0.5, marks=pytest.mark.thorough)]
)
def test_a_turned_reference_of_another_size_fits(pair, turns, times):
    sharp, blurred, reference, truth = pair
    for _ in range(turns):
        width = reference.shape[1]
        reference = np.rot90(reference)
        truth = np.array([[0, 1, 0], [-1, 0, width - 1], [0, 0, 1.0]]) @ truth
    rows, columns = (round(side * times) for side in reference.shape[:2])
    reference, matrix = scaled(np.ascontiguousarray(reference), columns, rows)

    result = register(blurred, reference)

    assert np.median(errors_px(result.homography, matrix @ truth, sharp.shape)) < 0.3


def test_a_grey_reference_gets_the_colours_of_the_photo(pair):
    sharp, blurred, reference, truth = pair
    grey = np.repeat(reference.mean(axis=2, keepdims=True), 3, axis=2)

    result = register(blurred, grey)

    assert errors_px(result.homography, truth, sharp.shape).max() < 0.3
    inner = result.covered
    found = psnr(result.reference[inner][None], sharp[inner][None])
    assert found > psnr(blurred[inner][None], sharp[inner][None]) + 2


def test_a_noisy_reference_is_found_and_keeps_its_noise():
    sharp = photo()
    blurred, reference, truth = shots(sharp, np.random.default_rng(3), noise=25 / 255)

    result = register(blurred, reference, noisy=True)

    assert errors_px(result.homography, truth, sharp.shape).mean() < 0.4
    assert 15 / 255 < (result.reference - sharp)[result.covered].std() < 40 / 255


def test_what_moved_is_not_trusted(pair):
    sharp, blurred, reference, truth = pair
    moved = reference.copy()
    here = (slice(90, 150), slice(120, 180))
    moved[here] = photo("chelsea", slice(100, 160), slice(100, 160))

    result = register(blurred, moved)

    assert errors_px(result.homography, truth, sharp.shape).max() < 0.4
    middle = np.linalg.inv(truth) @ np.array([150, 120, 1])
    column, row = np.rint(middle[:2] / middle[2]).astype(int)
    assert result.confidence[row - 15 : row + 15, column - 15 : column + 15].mean() < 0.2
    assert np.median(result.confidence[result.covered]) > 0.6


def test_the_true_kernel_is_trusted_and_a_wrong_one_is_not(pair, registered):
    _, blurred, _, _ = pair
    rng = np.random.default_rng(3)
    true = random_kernels(1, rng=rng)[0]  # what `shots` drew first
    wrong = random_kernels(1, rng=np.random.default_rng(77), exposure=(1.0,))[0]

    by_true, by_wrong = (
        confidence_after(blurred, registered, kernel)[registered.covered].mean()
        for kernel in (true, wrong)
    )
    assert by_true > 0.8
    assert by_wrong < by_true - 0.2


def test_the_confidence_knows_no_kernel_larger_than_the_photo(pair, registered):
    _, blurred, _, _ = pair
    point = np.zeros((701, 701), np.float32)
    point[350, 350] = 1

    found = confidence_after(blurred, replace(registered), point)

    assert found.shape == blurred.shape[:2]
    assert np.isfinite(found).all()


def test_small_parallax_is_followed():
    sharp = photo()
    kernel = random_kernels(1, rng=np.random.default_rng(4), exposure=(0.1,))[0]
    blurred = blur(sharp, kernel)
    rows, columns = np.indices(sharp.shape[:2], np.float32)
    bump = 3 * np.exp(-(((columns - 160) / 50) ** 2) - ((rows - 130) / 50) ** 2)
    reference = cv2.remap(
        sharp, columns + bump.astype(np.float32), rows, cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REFLECT_101,
    )  # fmt: skip

    result = register(blurred, np.clip(reference, 0, 1))

    here = (slice(90, 170), slice(120, 200))
    found = psnr(result.reference[here], sharp[here])
    assert found > psnr(reference[here], sharp[here]) + 2


WRONG = {
    "same scene": lambda sharp, blurred: photo("astronaut", slice(0, 260), slice(80, 400)),
    "mirrored": lambda sharp, blurred: sharp[:, ::-1],
    "no sharper": lambda sharp, blurred: blurred,
    "too small": lambda sharp, blurred: scaled(sharp, 46, 34)[0],
    "too dark": lambda sharp, blurred: sharp * 0,
    "flat": lambda sharp, blurred: sharp * 0 + 0.5,
    "times the size": lambda sharp, blurred: scaled(sharp, 1440, 1170)[0],
}


@pytest.mark.parametrize("reason", WRONG)
def test_what_does_not_fit_is_refused_with_the_reason(pair, reason):
    sharp, blurred, _, _ = pair
    wrong = np.ascontiguousarray(WRONG[reason](sharp, blurred), np.float32)

    with pytest.raises(RegistrationError, match=reason) as caught:
        register(blurred, wrong)
    assert "\n" not in str(caught.value)


def test_a_copy_with_new_noise_is_no_sharper(pair):
    _, blurred, _, _ = pair
    noise = np.random.default_rng(1).normal(0, 3 / 255, blurred.shape)

    with pytest.raises(RegistrationError, match="no sharper"):
        register(blurred, np.clip(blurred + noise, 0, 1).astype(np.float32))


def test_wrong_arrays_are_named():
    sharp = photo()

    with pytest.raises(OptionError, match="reference must be of shape"):
        register(sharp, sharp[..., 0])
    with pytest.raises(OptionError, match="finite"):
        register(sharp, np.full_like(sharp, np.nan))
    with pytest.raises(RegistrationError, match="blurred photo is too small"):
        register(sharp[:20], sharp)
