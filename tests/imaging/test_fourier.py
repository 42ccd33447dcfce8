import numpy as np
import pytest

from unblur.imaging import fourier


def test_sizes_have_no_prime_factor_above_five():
    assert [fourier.good_size(n) for n in (0, 1, 7, 11, 17, 97, 257)] == [
        *(1, 1, 8, 12, 18),
        *(100, 270),
    ]


@pytest.mark.parametrize("centred", [True, False])
def test_a_kernel_off_its_middle_moves_a_picture_unless_its_mass_is_centred(centred):
    kernel = np.zeros((7, 7), np.float32)
    kernel[3, 5] = 1  # two pixels to the right
    plane = np.random.default_rng(1).random((20, 30), np.float32)
    spectrum = fourier.kernel_spectrum(kernel, (20, 30), centred=centred)

    blurred = fourier.inverse(fourier.forward(plane, (20, 30)) * spectrum, (20, 30))

    # Some 30 operations on values up to 1, of 6e-8 each.
    assert np.allclose(blurred, plane if centred else np.roll(plane, 2, 1), atol=2e-6)


@pytest.mark.parametrize("size", [(15, 16), (16, 15)])
def test_the_inverse_gives_the_plane_back(size):
    plane = np.random.default_rng(2).random(size, np.float32)

    again = fourier.inverse(fourier.forward(plane, size), size)

    assert again.dtype == np.float32
    assert np.allclose(again, plane, atol=2e-6)


@pytest.mark.parametrize("size", [(15, 16), (16, 15)])
def test_steps_and_their_adjoint_are_those_of_pixels_that_wrap_around(size):
    plane = np.random.default_rng(2).random(size, np.float32)

    right, down = fourier.steps(plane)
    spectrum = fourier.forward(plane, size) * fourier.roughness(size)

    assert np.allclose(right[:, -1], plane[:, 0] - plane[:, -1])
    assert np.allclose(down[-1], plane[0] - plane[-1])
    # Values up to 8 from some 20 operations, of 6e-8 each.
    twice = fourier.against_steps(right, down)
    assert np.allclose(fourier.inverse(spectrum, size), twice, atol=1e-5)


def test_the_centre_of_mass_counts_from_the_first_pixel():
    kernel = np.zeros((5, 5), np.float32)
    kernel[1, 1] = kernel[1, 4] = 0.5

    assert fourier.centre_of_mass(kernel) == (1, 2.5)


def test_a_plane_is_found_again_from_its_blurred_self_and_its_gradients():
    plane = np.random.default_rng(4).random((15, 16), np.float32)
    kernel = np.array([[0, 1, 0], [1, 2, 1], [0, 1, 0]], np.float32) / 6
    blur = fourier.kernel_spectrum(kernel, plane.shape)
    fit = fourier.GradientFit(blur, fourier.roughness(plane.shape), plane.shape)
    data = blur.conj() * blur * fourier.forward(plane, plane.shape)

    found = fit.spectrum(data, fourier.steps(plane), 0.5)

    # Errors of some 50 operations on values up to 1, of 6e-8 each, grow tenfold at most: the
    # kernel and the gradients together leave no frequency with a share below 0.1.
    assert np.allclose(fourier.inverse(found, plane.shape), plane, atol=5e-5)
