import io
import re
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter
from skimage import data
from skimage.registration import phase_cross_correlation

from unblur.errors import MissingExtraError, OptionError, PhotoError
from unblur.imaging.blur.blur import blur
from unblur.imaging.blur.convolution import trim_kernel
from unblur.imaging.blur.kernels import random_kernels
from unblur.imaging.deblur.classical import (
    METHODS,
    DeconvolutionOptions,
    context_px,
    deconvolve,
    estimate_balance,
    read_kernel,
)
from unblur.imaging.photo.photo import Photo, write_photo
from unblur.metrics import psnr
from unblur.tasks.datasets.pair_files import kernel_picture, save_array

WITH_KERNEL = ("wiener", "unsupervised-wiener", "richardson-lucy")
WITHOUT = ("unsupervised-wiener", "richardson-lucy", "unsharp-mask")
FEW = DeconvolutionOptions(iterations=5)


@pytest.fixture(scope="module")
def scene():
    """A real photo, (300, 340, 3)."""
    return (data.astronaut()[20:320, 100:440] / 255).astype(np.float32)


@pytest.fixture(scope="module")
def kernel():
    """Draw a shake of about 20 px, without symmetry, odd sides."""
    return random_kernels(1, rng=np.random.default_rng(3), exposure=(1.0,), length_px=40)[0]


@pytest.fixture(scope="module")
def pair(scene, kernel):
    """A blurred photo whose surroundings were real, not mirrored, and the sharp one."""
    blurred = blur(scene, kernel, noise_sigma=1 / 255, rng=np.random.default_rng(0))
    inside = slice(40, -40), slice(40, -40)
    return np.round(blurred[inside] * 255).astype(np.float32) / 255, scene[inside]


@pytest.fixture(scope="module")
def restored(pair, kernel):
    """What each method makes of it with its kernel."""
    return {method: deconvolve(pair[0], method, kernel) for method in WITH_KERNEL}


# --- restoring


@pytest.mark.parametrize("method", WITH_KERNEL)
def test_with_its_kernel_a_photo_comes_closer_to_the_sharp_one(pair, restored, method):
    blurred, sharp = pair

    assert psnr(restored[method], sharp) > psnr(blurred, sharp) + 3


@pytest.mark.parametrize("method", WITH_KERNEL)
def test_the_result_lies_on_the_sharp_photo(pair, restored, method):
    shift, _, _ = phase_cross_correlation(
        pair[1].mean(axis=2), restored[method].mean(axis=2), upsample_factor=100, normalization=None
    )

    assert np.abs(shift).max() < 0.1


@pytest.mark.parametrize("method", WITH_KERNEL)
@pytest.mark.parametrize("shape", [(100, 120), (101, 119)])
def test_a_point_of_light_comes_back_to_its_place(kernel, method, shape):
    rows, columns = np.indices(shape)
    spot = 0.3 + 0.4 * np.exp(-((rows - 50) ** 2 + (columns - 60) ** 2) / 8)
    spot = np.repeat(spot[..., None], 3, axis=2).astype(np.float32)
    assert abs(kernel - kernel[::-1, ::-1]).max() > 0.01  # no symmetry to hide behind

    light = deconvolve(blur(spot, kernel, linear_light=False), method, kernel, linear_light=False)
    light = light[35:66, 45:76, 0] - 0.3

    weight = light.sum()
    assert (light.sum(axis=1) @ np.arange(35, 66)) / weight == pytest.approx(50, abs=0.1)
    assert (light.sum(axis=0) @ np.arange(45, 76)) / weight == pytest.approx(60, abs=0.1)


@pytest.mark.parametrize("method", WITH_KERNEL)
def test_a_kernel_turned_around_does_worse_than_the_true_one(pair, kernel, restored, method):
    blurred, sharp = pair

    turned = deconvolve(blurred, method, kernel[::-1, ::-1])

    assert psnr(turned, sharp) < psnr(restored[method], sharp) - 3


@pytest.mark.parametrize("method", WITH_KERNEL)
def test_no_frame_rings_along_the_edges(pair, restored, method):
    error = np.abs(restored[method] - pair[1]).mean(axis=2)
    middle = error[25:-25, 25:-25].mean()

    for frame in (error[:6], error[-6:], error[:, :6], error[:, -6:]):
        assert frame.mean() < 2.5 * middle


@pytest.mark.parametrize("method", WITHOUT)
def test_without_a_kernel_a_photo_out_of_focus_comes_closer(scene, method):
    soft = gaussian_filter(scene, (2, 2, 0)).astype(np.float32)

    result = deconvolve(soft, method, linear_light=False)

    assert psnr(result, scene) > psnr(soft, scene) + 0.5


def test_a_guess_can_be_wider(scene):
    soft = gaussian_filter(scene, (3, 3, 0)).astype(np.float32)

    wide, narrow = (
        deconvolve(
            soft,
            "richardson-lucy",
            linear_light=False,
            options=DeconvolutionOptions(guess_px=sigma, iterations=20),
        )
        for sigma in (3, 1)
    )

    assert psnr(wide, scene) > psnr(narrow, scene) + 1


def test_light_is_restored_where_light_was_blurred(pair, kernel, restored):
    blurred, sharp = pair

    encoded = deconvolve(blurred, "wiener", kernel, linear_light=False)

    assert psnr(restored["wiener"], sharp) > psnr(encoded, sharp) + 0.5


def test_a_long_and_narrow_kernel_restores_a_photo_moved_sideways(scene):
    line = np.zeros((15, 15), np.float32)
    line[7] = 1 / 15
    blurred = blur(scene, line)

    result = deconvolve(blurred, "richardson-lucy", line[6:9])

    assert psnr(result, scene) > psnr(blurred, scene) + 4


def test_more_iterations_of_richardson_lucy_are_sharper(pair, kernel):
    detail = [
        np.abs(
            np.diff(
                deconvolve(
                    pair[0],
                    "richardson-lucy",
                    kernel,
                    options=DeconvolutionOptions(iterations=count),
                ),
                axis=1,
            )
        ).mean()
        for count in (5, 20, 40)
    ]

    assert all(later > 1.05 * sooner for sooner, later in pairwise(detail))


def test_more_balance_is_smoother(pair, kernel):
    rough, smooth = (
        deconvolve(pair[0], "wiener", kernel, options=DeconvolutionOptions(balance=balance))
        for balance in (1e-3, 1e-1)
    )

    assert np.abs(np.diff(smooth, axis=0)).mean() < 0.8 * np.abs(np.diff(rough, axis=0)).mean()


def test_no_amount_of_unsharp_mask_leaves_the_photo_as_it_is(scene):
    result = deconvolve(scene, "unsharp-mask", options=DeconvolutionOptions(amount=0))

    np.testing.assert_allclose(result, scene, atol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_the_same_arguments_give_the_same_pixels(pair, kernel, method):
    small = pair[0][:90, :110]
    kernel = None if method == "unsharp-mask" else kernel

    first, second = (deconvolve(small, method, kernel, options=FEW) for _ in range(2))

    assert first.dtype == np.float32
    np.testing.assert_array_equal(first, second)


def test_the_photo_given_stays_as_it_was(pair, kernel):
    before = pair[0].copy()

    for method in METHODS:
        deconvolve(before, method, None if method == "unsharp-mask" else kernel, options=FEW)

    np.testing.assert_array_equal(before, pair[0])


@pytest.mark.parametrize("method", METHODS)
def test_a_grey_photo_stays_grey(method, kernel):
    grey = np.repeat((data.camera()[:90, :121, None] / 255).astype(np.float32), 3, axis=2)

    result = deconvolve(grey, method, None if method == "unsharp-mask" else kernel, options=FEW)

    assert result.shape == grey.shape
    np.testing.assert_array_equal(result[..., 0], result[..., 1])
    np.testing.assert_array_equal(result[..., 0], result[..., 2])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("value", [0.0, 0.4, 1.0])
def test_a_photo_of_one_colour_keeps_it(method, kernel, value):
    plain = np.full((80, 90, 3), value, np.float32) * np.float32([1, 0.5, 0.2])

    result = deconvolve(plain, method, None if method == "unsharp-mask" else kernel, options=FEW)

    np.testing.assert_allclose(result, plain, atol=1e-5)


@pytest.mark.parametrize("method", WITHOUT)
@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (5, 2), (33, 64)])
def test_any_size_from_one_pixel_on_works(scene, method, shape):
    result = deconvolve(scene[: shape[0], : shape[1]], method)

    assert result.shape == (*shape, 3)
    assert result.min() >= 0
    assert result.max() <= 1


@pytest.mark.parametrize("method", WITH_KERNEL)
def test_black_and_clipped_parts_stay_in_range(method, kernel):
    night = np.zeros((120, 130, 3), np.float32)
    night[50:60, 40:50] = 1
    night = blur(night, kernel)

    result = deconvolve(night, method, kernel)

    assert np.isfinite(result).all()
    assert result.min() >= 0
    assert result.max() <= 1
    assert result[:10].max() < 0.05


# --- tiles


@pytest.mark.parametrize("method", METHODS)
def test_a_tile_with_its_context_equals_the_whole(method):
    kernel = random_kernels(
        1, rng=np.random.default_rng(1), exposure=(0.5,), length_px=30, samples=500
    )[0]
    sharp = np.tile((data.astronaut() / 255).astype(np.float32), (1, 2, 1))[60:220, :900]
    blurred = blur(sharp, kernel, noise_sigma=1 / 255, rng=np.random.default_rng(1))
    options = DeconvolutionOptions()
    used = None if method == "unsharp-mask" else kernel
    if method == "unsupervised-wiener":
        options = DeconvolutionOptions(balance=estimate_balance(blurred, used))
    context = context_px(method, used, options)
    core = slice(420, 500)

    whole = deconvolve(blurred, method, used, options=options)
    left = 420 - context
    tile = deconvolve(blurred[:, left : 500 + context], method, used, options=options)

    assert 0 < context < 400
    difference = np.abs(tile[:, core.start - left : core.stop - left] - whole[:, core])
    assert difference.max() < 1 / 255


def test_what_an_unknown_balance_means_is_the_estimate(pair, kernel, restored):
    balance = estimate_balance(pair[0], kernel)

    by_hand = deconvolve(pair[0], "wiener", kernel, options=DeconvolutionOptions(balance=balance))

    np.testing.assert_array_equal(by_hand, restored["unsupervised-wiener"])


def test_the_balance_grows_with_noise(scene, kernel):
    clean, noisy = (
        estimate_balance(
            blur(scene, kernel, noise_sigma=sigma, rng=np.random.default_rng(0)), kernel
        )
        for sigma in (1 / 255, 8 / 255)
    )

    assert noisy > 5 * clean


def test_the_balance_of_a_large_photo_is_that_of_a_typical_part(kernel):
    sharp = np.tile((data.astronaut() / 255).astype(np.float32)[100:400], (1, 6, 1))
    blurred = blur(sharp, kernel, noise_sigma=1 / 255, rng=np.random.default_rng(0))
    blurred[:, :1024] = 0.5  # an empty sky must not decide

    balance = estimate_balance(blurred, kernel)

    assert balance == pytest.approx(estimate_balance(blurred[:, 1024:2048], kernel), rel=0.3)


# --- errors


@pytest.mark.parametrize(
    ("method", "kernel", "said"),
    [
        ("wiener", None, "wiener needs a kernel"),
        ("unsharp-mask", np.ones((1, 1)), "unsharp-mask takes no kernel"),
        ("magic", None, "unknown method 'magic'; known: wiener, unsupervised-wiener, richardson"),
        ("wiener", np.full((4, 5), 1 / 20), "two odd sides, got 4x5"),
        ("wiener", np.full(5, 1 / 5), "two odd sides, got 5"),
        ("wiener", np.full((3, 3), 1.0), "non-negative and sum to 1, got sum 9"),
        ("wiener", np.full((3, 3), np.nan), "non-negative and sum to 1, got sum nan"),
        ("wiener", np.full((3, 21), 1 / 63), "kernel of 21x3 px is larger than the photo of 20x30"),
    ],
)
def test_a_method_and_a_kernel_that_do_not_fit_are_refused(method, kernel, said):
    with pytest.raises(OptionError, match=re.escape(said)):
        deconvolve(np.zeros((30, 20, 3), np.float32), method, kernel)


@pytest.mark.parametrize(
    "pixels",
    [np.zeros((4, 4)), np.zeros((4, 4, 1)), np.zeros((0, 4, 3)), np.full((4, 4, 3), np.nan)],
)
def test_what_is_no_photo_is_refused(pixels):
    with pytest.raises(OptionError, match="a photo must be"):
        deconvolve(pixels.astype(np.float32), "unsharp-mask")


@pytest.mark.parametrize(
    ("name", "value"),
    [("balance", 0), ("balance", float("nan")), ("iterations", 0), ("guess_px", 0),
     ("radius_px", 99), ("amount", -1), ("seed", -1)],
)  # fmt: skip
def test_an_option_out_of_range_is_refused(name, value):
    with pytest.raises(OptionError, match=f"{name} must"):
        DeconvolutionOptions(**{name: value})


def test_without_scikit_image_the_extra_is_named(scene, monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage", None)

    with pytest.raises(
        MissingExtraError, match=r"scikit-image is not installed.*pip install .*\[bench\]"
    ):
        deconvolve(scene, "unsharp-mask")


def test_importing_the_module_does_not_import_scikit_image():
    code = "import sys, unblur.imaging.deblur.classical as d; sys.exit('skimage' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# --- kernels from files


def save(values, path, mode=None):
    Image.fromarray(values, mode).save(path)
    return path


def test_the_kernels_of_unblur_blur_are_read_back(kernel, tmp_path):
    save_array(kernel, tmp_path / "kernel.npy")
    write_photo(kernel_picture(kernel), tmp_path / "kernel.png")
    write_photo(kernel_picture(kernel), tmp_path / "kernel.tif")

    expected = trim_kernel(kernel)
    for name, near in (("kernel.npy", 1e-7), ("kernel.png", 1e-5), ("kernel.tif", 1e-5)):
        read = read_kernel(tmp_path / name)
        assert read.dtype == np.float32
        assert read.sum() == pytest.approx(1, abs=1e-5)
        height, width = (len(expected) - side for side in read.shape)
        np.testing.assert_allclose(
            np.pad(read, ((height // 2,) * 2, (width // 2,) * 2)), expected, atol=near
        )


def test_grey_rgb_and_alpha_give_the_same_kernel(tmp_path):
    grey = np.zeros((7, 7), np.uint8)
    grey[3, 1:5] = [40, 80, 120, 160]
    alpha = np.full((7, 7), 9, np.uint8)
    files = [
        save(grey, tmp_path / "grey.png"),
        save(np.stack([grey] * 3, 2), tmp_path / "rgb.png"),
        save(np.stack([grey] * 3 + [alpha], 2), tmp_path / "rgba.png"),
        save(grey.astype(np.uint16) * 257, tmp_path / "deep.png"),
        save(grey, tmp_path / "grey.tiff"),
    ]

    for file in files:
        np.testing.assert_allclose(read_kernel(file), [[0.1, 0.2, 0.3, 0.4, 0]], atol=1e-6)


def test_the_middle_of_the_picture_stays_the_middle(tmp_path):
    values = np.zeros((9, 11))
    values[2, 5] = 3
    values[4, 8] = 1

    np.save(tmp_path / "kernel.npy", values)

    expected = np.zeros((5, 7))
    expected[0, 3], expected[2, 6] = 0.75, 0.25
    np.testing.assert_array_equal(read_kernel(tmp_path / "kernel.npy"), expected)


def test_the_centre_of_an_even_side_is_the_pixel_after_the_middle(tmp_path):
    values = np.zeros((4, 6), np.uint8)
    values[2, 3] = 1  # the centre alone
    np.save(tmp_path / "centre.npy", values)
    values[3, 0] = 1
    np.save(tmp_path / "more.npy", values)

    np.testing.assert_array_equal(read_kernel(tmp_path / "centre.npy"), [[1]])
    expected = np.zeros((3, 7))
    expected[1, 3] = expected[2, 0] = 0.5
    np.testing.assert_array_equal(read_kernel(tmp_path / "more.npy"), expected)


def dots(side):
    values = np.zeros((side, side))
    values[0, 0] = values[-1, -1] = 1
    return values


@pytest.mark.parametrize(
    ("values", "error", "said"),
    [
        (np.zeros((5, 5)), OptionError, "is black"),
        (np.full((5, 5), 0.2), OptionError, "is the same everywhere (0.2)"),
        (np.array([[0, np.nan]]), OptionError, "must be finite"),
        (np.array([[0, np.inf]]), OptionError, "must be finite"),
        (np.array([[1, -0.5]]), OptionError, "must not be negative, got -0.5"),
        (dots(513), OptionError, "a kernel of 513 px, the most are 512"),
        (np.ones((3, 3, 5, 5)), PhotoError, "one array (K, K) of numbers, got float64 of (3, 3,"),
        (np.ones((2, 2), complex), PhotoError, "got complex128"),
        (np.ones((0, 3)), PhotoError, "of (0, 3)"),
    ],
)
def test_an_array_that_is_no_kernel_is_refused_with_its_path(tmp_path, values, error, said):
    path = tmp_path / "kernel.npy"
    np.save(path, values)

    with pytest.raises(error, match=re.escape(f"{path}: ") + ".*" + re.escape(said)):
        read_kernel(path)


def test_a_kernel_of_512_px_is_read(tmp_path):
    np.save(tmp_path / "kernel.npy", dots(512))

    assert read_kernel(tmp_path / "kernel.npy").shape == (513, 513)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("missing.png", None),
        ("missing.npy", None),
        ("text.png", b"this is text"),
        ("text.npy", b"this is text"),
        ("empty.npy", b""),
        ("cut.npy", b"\x93NUMPY\x01\x00v\x00{'descr': '<f8', 'fortran_order': False"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path, name, content):
    if content is not None:
        (tmp_path / name).write_bytes(content)

    with pytest.raises(PhotoError, match=re.escape(name)):
        read_kernel(tmp_path / name)


def test_objects_in_an_array_are_not_unpickled(tmp_path):
    np.save(tmp_path / "objects.npy", np.array([[object]]), allow_pickle=True)

    with pytest.raises(PhotoError, match="cannot be read as a kernel"):
        read_kernel(tmp_path / "objects.npy")


def test_several_arrays_in_one_file_are_refused(tmp_path):
    stream = io.BytesIO()
    np.savez(stream, one=np.ones((3, 3)))
    (tmp_path / "many.npy").write_bytes(stream.getvalue())

    with pytest.raises(PhotoError, match=r"many\.npy: cannot be read .*not one whole array"):
        read_kernel(tmp_path / "many.npy")


def test_a_picture_in_colour_and_a_jpeg_are_refused(tmp_path):
    colour = np.zeros((9, 9, 3), np.uint8)
    colour[4, 4] = [200, 100, 0]
    save(colour, tmp_path / "colour.png")
    save(colour[..., 0], tmp_path / "kernel.jpg")

    with pytest.raises(OptionError, match=r"colour\.png: is in colour"):
        read_kernel(tmp_path / "colour.png")
    with pytest.raises(PhotoError, match=r"a kernel is a PNG, TIFF or \.npy, got JPEG"):
        read_kernel(tmp_path / "kernel.jpg")


def test_a_kernel_file_and_its_photo_come_together(scene, kernel, tmp_path):
    write_photo(kernel_picture(kernel), tmp_path / "kernel.png")
    photo = Photo(pixels=blur(scene, kernel))

    result = deconvolve(photo.pixels, "wiener", read_kernel(tmp_path / "kernel.png"))

    assert psnr(result, scene) > psnr(photo.pixels, scene) + 3
