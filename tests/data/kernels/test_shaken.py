import numpy as np
import pytest
import skimage.data

from photo_sets import save
from unblur.data.kernels.shaken import ShakenOptions, ShakenPlanes
from unblur.errors import DataError, OptionError
from unblur.imaging.fourier import centre_of_mass

SMALL = ShakenOptions(canvas_px=(9, 13), plane_px=(64, 80))


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    pictures = {"coffee": skimage.data.coffee(), "astronaut": skimage.data.astronaut()}
    tiny = {"tiny": skimage.data.astronaut()[:40, :40]}
    return [save(pixels, folder / f"{name}.png") for name, pixels in {**pictures, **tiny}.items()]


def planes(photos, **more):
    more = {"seed": 1, "count": 40, "together": 4, **more}
    return ShakenPlanes(photos, SMALL, **more)


def test_planes_of_a_batch_have_one_size_and_kernels_fit_their_canvas(photos):
    seen = planes(photos)
    assert len(seen) == 40

    sizes = set()
    for first in range(0, 40, 4):
        batch = [seen[index] for index in range(first, first + 4)]
        shapes = {(plane.shape, kernel.shape) for plane, kernel in batch}
        assert len(shapes) == 1
        sizes |= shapes
        for plane, kernel in batch:
            assert plane.dtype == kernel.dtype == np.float32
            assert plane.mean() == pytest.approx(0, abs=1e-3)
            assert plane.std() == pytest.approx(0.25, abs=1e-3)
            assert kernel.min() >= 0
            assert kernel.sum() == pytest.approx(1, abs=1e-5)
            middle = kernel.shape[1] // 2
            assert all(abs(place - middle) <= 0.6 for place in centre_of_mass(kernel[0]))
    assert sizes == {((1, 64, 64), (1, 9, 9)), ((1, 80, 80), (1, 13, 13))}


def test_a_plane_depends_on_seed_and_index_alone(photos):
    one, other = planes(photos), planes(photos)
    other[7]

    assert all(np.array_equal(x, y) for x, y in zip(one[3], other[3], strict=True))
    assert not np.array_equal(one[3][0], planes(photos, seed=2)[3][0])
    with pytest.raises(IndexError):
        one[40]
    assert one.describe(3).endswith(".png")


def test_photos_that_are_too_small_or_empty_are_passed_over(photos, tmp_path):
    grey = save(np.full((200, 200, 3), 128, np.uint8), tmp_path / "grey.png")

    assert planes([grey, photos[0]])[0][0].std() > 0.2
    with pytest.raises(DataError, match=r"no photo has \d+ px a side"):
        planes([grey, photos[2]])[0]
    with pytest.raises(DataError, match="no photos"):
        planes([])


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"canvas_px": (12,), "plane_px": (64,)}, "odd"),
        ({"canvas_px": (9,), "plane_px": (64, 80)}, "for each other"),
        ({"canvas_px": (17,), "plane_px": (64,)}, "four times"),
        ({"light_share": 1.5}, "light_share"),
        ({"scale": 0}, "scale"),
    ],
)
def test_options_are_checked(wrong, why):
    with pytest.raises(OptionError, match=why):
        ShakenOptions(**wrong)
