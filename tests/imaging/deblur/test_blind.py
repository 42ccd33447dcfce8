import subprocess
import sys

import numpy as np
import pytest

from shaken_photo import shaken, sharp_coffee
from unblur.errors import OptionError
from unblur.imaging.deblur.blind import FoundKernel, beyond_the_canvas, search_blur
from unblur.imaging.deblur.kernel_search import Search, centred, cleaned, search_kernel
from unblur.imaging.deblur.kernel_support import agreement, connected, dilated
from unblur.imaging.deblur.signals import running
from unblur.imaging.light import srgb_to_linear
from unblur.tasks.methods.choosing.judge import measure_kernels


@pytest.fixture(scope="module")
def coffee():
    return sharp_coffee()


def measured(pixels, found, threads=0):
    """Signals of all kernels, where a network would change nothing but a little."""
    part = np.ascontiguousarray(pixels[found.region], np.float32)
    changed = np.clip(part * 1.02 - 0.01, 0, 1)
    return measure_kernels(part, found.kernels, changed, noise=found.noise, threads=threads)


def test_the_kernel_is_found_from_the_photo_alone(coffee):
    seen, (kernel,) = shaken(coffee)

    found = search_blur(seen)

    alike = [agreement(each.kernel, kernel) for each in found.kernels]
    point = np.zeros_like(kernel)
    point[len(point) // 2, len(point) // 2] = 1
    assert max(alike) > 0.85  # 0.98 was found
    assert agreement(point, kernel) < 0.7  # what no search at all would get
    for each in found.kernels:
        assert each.kernel.min() >= 0
        assert each.kernel.sum() == pytest.approx(1, abs=1e-5)
        assert 0 <= each.agreement <= 1 + 1e-6
        assert 0 <= each.other_light <= 1 + 1e-6
    for signals in measured(seen, found):
        assert all(np.isfinite(value) for value in signals.values())


def test_any_number_of_threads_finds_the_same_bytes(coffee):
    seen, _ = shaken(coffee[:80, :80], 2)

    first, second = (search_blur(seen, threads=threads) for threads in (1, 3))

    for one, other in zip(first.kernels, second.kernels, strict=True):
        assert one.kernel.tobytes() == other.kernel.tobytes()
        assert (one.linear_light, one.agreement) == (other.linear_light, other.agreement)
        assert (one.search, one.other_light) == (other.search, other.other_light)
    assert measured(coffee[:80, :80], first, 1) == measured(coffee[:80, :80], second, 3)


@pytest.mark.parametrize(
    "make",
    [
        lambda rng: np.full((72, 72, 3), 0.5, np.float32),
        lambda rng: np.zeros((64, 80, 3), np.float32),
        lambda rng: np.ones((80, 64, 3), np.float32),
        lambda rng: rng.random((72, 72, 3), np.float32),
        lambda rng: np.tile(np.eye(72, dtype=np.float32)[..., None], (1, 1, 3)),
    ],
    ids=["flat", "black", "white", "noise", "a line"],
)
def test_what_has_no_blur_to_find_gives_finite_kernels_or_none(make):
    pixels = make(np.random.default_rng(1))
    found = search_blur(pixels)

    for each in found.kernels:
        assert np.isfinite(each.kernel).all()
        assert each.kernel.sum() == pytest.approx(1, abs=1e-5)
    for signals in measured(pixels, found):
        assert all(np.isfinite(value) for value in signals.values())


def test_small_and_broken_photos_are_refused_with_a_reason():
    with pytest.raises(OptionError, match="64 px a side at least, got 63x80x3"):
        search_blur(np.zeros((63, 80, 3), np.float32))
    broken = np.full((80, 80, 3), 0.5, np.float32)
    broken[3, 4, 1] = np.nan
    with pytest.raises(OptionError, match="NaN"):
        search_blur(broken)


def test_no_extra_is_needed():
    code = (
        "import sys\n"
        "for name in ('cv2', 'skimage', 'torch'): sys.modules[name] = None\n"
        "import numpy as np\n"
        "from unblur.imaging.deblur.blind import FoundKernel, beyond_the_canvas, search_blur\n"
        "picture = np.random.default_rng(1).random((64, 64, 3), np.float32)\n"
        "print(len(search_blur(picture).kernels) > 0)\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (done.stdout, done.stderr) == ("True\n", "")


def test_a_search_never_leaves_its_canvas(coffee):
    seen, _ = shaken(coffee[:128, :128], 5, length_px=60)
    plane = srgb_to_linear(seen).mean(axis=2)

    kernel = search_kernel(plane, seen.max(axis=2) > 2, Search(canvas_px=17, edge_weight=1e-3))

    assert len(kernel) <= 17
    assert len(kernel) % 2 == 1


def test_parts_are_told_apart_and_grown():
    mask = np.zeros((9, 9), bool)
    mask[1, 1] = mask[2, 2] = mask[3, 1] = True  # joined by corners
    mask[7, 7] = True

    labels = connected(mask)

    assert labels[1, 1] == labels[2, 2] == labels[3, 1] != labels[7, 7]
    assert (labels > 0).tolist() == mask.tolist()
    assert np.argwhere(dilated(mask, 1))[-1].tolist() == [8, 8]
    assert dilated(mask, 1)[6:, 6:].all()


def test_cleaning_takes_faint_and_stray_parts_and_centring_moves_by_whole_pixels():
    kernel = np.zeros((9, 9), np.float32)
    kernel[1, 1:4] = 0.3
    kernel[1, 4] = 0.02
    kernel[8, 8] = 0.08

    kept = cleaned(kernel, 0.12)
    middle = centred(kept)

    assert np.flatnonzero(kept).tolist() == [10, 11, 12]
    assert kept.sum() == pytest.approx(1)
    assert np.argwhere(middle).tolist() == [[4, 3], [4, 4], [4, 5]]


@pytest.mark.parametrize("span", [3, 5, 9, 11])
def test_running_extremes_are_those_of_a_plain_loop(span):
    plane = np.random.default_rng(span).random((13, 17), np.float32)
    reach = span // 2
    expected = [
        [
            plane[max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1].max()
            for x in range(17)
        ]
        for y in range(13)
    ]

    assert running(plane, span, np.maximum).tolist() == np.array(expected).tolist()


def path(length_px, *, light=True, halved=True, down=0):
    """A kernel of a straight path of constant speed."""
    kernel = np.zeros((101, 101), np.float32)
    first = 50 - length_px // 2
    kernel[50 + down, first : first + length_px] = 1 / length_px
    return FoundKernel(kernel=kernel, linear_light=light, drawn=True, halved=halved)


def test_a_long_path_that_half_size_is_sure_of_counts_alone():
    short = [path(25, light=light, halved=False) for light in (True, False)]
    long = [path(60), path(62, light=False)]

    assert beyond_the_canvas([*short, *long]) == long
    assert beyond_the_canvas(short) == []
    assert beyond_the_canvas([*short, path(32), path(32, light=False)]) == []  # there is room
    assert beyond_the_canvas([*short, path(80), path(44, light=False)]) == []  # not sure
