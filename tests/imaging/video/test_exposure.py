import numpy as np
import pytest

from rounding import transform_bound
from unblur.errors import OptionError
from unblur.imaging.blur.convolution import convolve
from unblur.imaging.light import linear_to_srgb, srgb_to_linear
from unblur.imaging.video.exposure import GAMMAS, expose
from video_files import pan

CURVES = {
    "2.2": (lambda v: v**2.2, lambda light: light ** (1 / 2.2)),
    "srgb": (srgb_to_linear, linear_to_srgb),
    "none": (lambda v: v, lambda light: light),
}


@pytest.mark.parametrize("gamma", GAMMAS)
@pytest.mark.parametrize("size", [1, 5, 9])
def test_a_pan_of_a_pixel_a_frame_is_a_box_in_linear_light(gamma, size):
    frames = pan(size)
    decode, encode = CURVES[gamma]
    box = np.zeros((size, size), np.float32)
    box[size // 2] = 1 / size
    middle = frames[size // 2].astype(np.float32) / 255

    blurred = expose(frames, gamma=gamma)

    # A transform errs by 5e-6 of light, which the curves enlarge without end near black.
    light, error = convolve(decode(middle), box), transform_bound(decode(middle))
    least, most = (encode(np.clip(light + e, 0, 1)) for e in (-error, error))
    inside = (slice(None), slice(size, -size))
    assert (least - 1e-6 <= blurred)[inside].all()
    assert (blurred <= most + 1e-6)[inside].all()
    assert np.median((most - least)[inside]) < 1e-4
    assert blurred.dtype == np.float32


@pytest.mark.parametrize("gamma", GAMMAS)
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_what_is_constant_stays_as_it_is(gamma, kind):
    top = np.iinfo(kind).max
    every = np.arange(top + 1, dtype=kind).reshape(16, -1, 1).repeat(3, axis=2)

    blurred = expose([every] * 25, gamma=gamma)

    assert np.array_equal(np.rint(blurred * top), every)


def test_light_adds_up_not_its_code():
    black, white = (np.full((1, 1, 3), value, np.uint8) for value in (0, 255))

    assert expose([black, white], gamma="none")[0, 0, 0] == pytest.approx(0.5)
    assert expose([black, white])[0, 0, 0] == pytest.approx(0.5 ** (1 / 2.2))
    assert expose([black, white], gamma="srgb")[0, 0, 0] == pytest.approx(0.7354, abs=1e-4)


def test_wrong_use_is_an_error():
    with pytest.raises(OptionError, match="one at least"):
        expose([])
    with pytest.raises(OptionError, match=r"2\.2, srgb, none, got '1\.8'"):
        expose(pan(1), gamma="1.8")
