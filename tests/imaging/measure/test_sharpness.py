import numpy as np
import pytest
import skimage.data

from unblur import blur
from unblur.imaging.blur.kernels import trajectory_kernels
from unblur.imaging.measure.sharpness import (
    curvature,
    difference_energies,
    luma,
    ramp,
    spread,
    steepness,
)
from unblur.imaging.measure.spectrum import (
    difference_structure,
    has_detail,
    noise_energy,
    spectral_blur,
)

GRATING_PX = 12


def photo(name="camera"):
    pixels = np.atleast_3d(getattr(skimage.data, name)())[:384, :384]
    return np.broadcast_to(pixels, (*pixels.shape[:2], 3)).astype(np.float32) / 255


def straight(length_px, angle_deg):
    along = np.linspace(-length_px / 2, length_px / 2, 1000)
    angle = np.radians(angle_deg)
    path = np.stack([along * np.cos(angle), -along * np.sin(angle)], axis=1)
    return trajectory_kernels(path[None])[0]


def estimate(pixels):
    parts = [
        pixels[top : top + 128, left : left + 128] for top in (0, 128, 256) for left in (0, 128)
    ]
    structures = np.stack([difference_structure(luma(part)) for part in parts])
    return spectral_blur(structures.mean(axis=0), noise_energy(structures))


def test_energies_are_the_mean_squares_of_differences():
    rows, columns = np.mgrid[:80, :72].astype(np.float32)

    energies = difference_energies(0.01 * columns + 0.02 * rows)

    assert energies.shape == (3, 3, 3, 4)
    along = np.array([0.01, 0.01 - 0.02, 0.02, 0.01 + 0.02])
    for index, lag in enumerate((1, 2, 4)):
        assert energies[:, :, index] == pytest.approx(
            np.broadcast_to((lag * along) ** 2, (3, 3, 4)), rel=1e-2
        )


@pytest.mark.parametrize(("direction", "angle_deg"), enumerate((0, 45, 90, 135)))
def test_directions_are_what_their_angles_say(direction, angle_deg):
    angle = np.radians(angle_deg)
    down, right = np.mgrid[:128, :128]
    # Waves along the direction: largest differences that way, none across.
    waves = np.sin(2 * np.pi * (right * np.cos(angle) - down * np.sin(angle)) / GRATING_PX)

    energies = difference_energies(waves.astype(np.float32))[1, 1, 0]

    assert energies.argmin() == (direction + 2) % 4
    assert energies[(direction + 2) % 4] < 1e-6


def test_curvature_and_steepness_rise_with_blur_and_noise_leaves_curvature_alone():
    rng = np.random.default_rng(1)
    sharp = photo("coins")
    shaken = blur(sharp, straight(15, 0))
    noisy = shaken + rng.normal(0, 4 / 255, shaken.shape).astype(np.float32)

    medians = [
        [
            np.median(measure(spread(difference_energies(luma(x)), 2))[..., 0])
            for measure in (curvature, steepness)
        ]
        for x in (sharp, shaken, noisy)
    ]

    assert medians[0][0] < 2
    assert medians[1][0] > 3
    assert medians[0][1] < 2.5
    assert medians[1][1] > 3.5
    assert medians[2][0] > 3
    assert medians[2][1] < 3


def test_where_there_is_nothing_to_measure_all_counts_as_smooth():
    energies = difference_energies(np.full((64, 64), 0.5, np.float32))

    assert curvature(energies) == pytest.approx(4)
    assert steepness(energies) == pytest.approx(4)


def test_ramp_and_spread_keep_within_bounds():
    values = np.array([-1, 0, 1, 2, 3, 9], np.float32)

    assert ramp(values, 1, 3) == pytest.approx([0, 0, 0, 0.5, 1, 1])
    assert spread(np.ones((5, 1), np.float32), 3) == pytest.approx(1)
    spot = np.zeros((5, 5), np.float32)
    spot[2, 2] = 16
    assert spread(spot)[1:4, 1:4] == pytest.approx(np.outer([1, 2, 1], [1, 2, 1]))


@pytest.mark.parametrize("angle", [0, 20, 45, 70, 90, 120, 160])
def test_the_direction_of_straight_blur_is_found(angle):
    rng = np.random.default_rng(angle)

    found = estimate(blur(photo(), straight(14, angle), noise_sigma=1 / 255, rng=rng))

    assert abs((found.angle_deg - angle + 90) % 180 - 90) < 10
    assert found.certainty > 0.7
    assert found.length_px > 2 * found.width_px


def test_longer_blur_is_found_to_be_longer_and_a_sharp_photo_to_be_sharp():
    rng = np.random.default_rng(0)

    lengths = [
        estimate(
            blur(photo("chelsea"), straight(length, 30), noise_sigma=1 / 255, rng=rng)
        ).length_px
        for length in (3, 6, 12, 24)
    ]

    assert lengths == sorted(lengths)
    for found, true in zip(lengths, (3, 6, 12, 24), strict=True):
        assert 0.5 * true < found < 2.1 * true
    assert estimate(photo("chelsea")).length_px < 4


def test_blur_alike_in_all_directions_has_no_sure_one():
    down, right = np.mgrid[-6:7, -6:7]
    disc = (np.hypot(down, right) <= 5.5).astype(np.float32)

    found = estimate(blur(photo(), disc / disc.sum()))

    assert found.width_px > 0.75 * found.length_px > 4
    assert found.certainty < 0.5


@pytest.mark.parametrize("sigma", [1, 3, 6])
def test_noise_is_measured_in_a_photo(sigma):
    rng = np.random.default_rng(sigma)
    shaken = blur(photo(), straight(15, 60))
    noisy = shaken + rng.normal(0, sigma / 255, (384, 384, 1)).astype(np.float32)
    parts = [noisy[top : top + 96, left : left + 96] for top in (0, 96, 192) for left in (0, 96)]

    energy = noise_energy(np.stack([difference_structure(luma(part)) for part in parts]))

    assert np.sqrt(energy / 2) * 255 == pytest.approx(sigma, rel=0.25)


def test_noise_alone_is_no_detail():
    rng = np.random.default_rng(5)
    flat = 0.5 + rng.normal(0, 5 / 255, (192, 192)).astype(np.float32)
    noise = noise_energy(difference_structure(flat)[None])

    assert not has_detail(difference_structure(flat), noise)
    assert has_detail(difference_structure(luma(photo())), noise)
