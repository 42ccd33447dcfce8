import numpy as np
import pytest

from unblur.imaging.light import CameraCurve, linear_to_srgb, srgb_to_linear

VALUES = np.linspace(0, 1, 256, dtype=np.float32)


def test_light_and_back():
    np.testing.assert_allclose(linear_to_srgb(srgb_to_linear(VALUES)), VALUES, atol=2e-6)


def test_no_contrast_changes_nothing():
    curve = CameraCurve()

    assert curve.undone(VALUES) is VALUES
    assert curve.applied(VALUES) is VALUES


@pytest.mark.parametrize("strength", [0.25, 0.5, 1.0])
def test_contrast_is_undone_and_applied_again(strength):
    curve = CameraCurve(strength)
    photo = np.random.default_rng(1).random((5, 7, 3), dtype=np.float32)

    undone = curve.undone(photo)

    assert undone.dtype == np.float32
    assert undone.shape == photo.shape
    np.testing.assert_allclose(curve.applied(undone), photo, atol=1e-4)


def test_more_strength_is_more_contrast_and_black_and_white_stay():
    at = np.array([0.0, 0.05, 0.7, 1.0], np.float32)
    weak, strong = (CameraCurve(strength).applied(at) for strength in (0.5, 1.0))

    np.testing.assert_allclose(strong[[0, 3]], [0, 1], atol=1e-6)
    assert strong[1] < weak[1] < at[1]
    assert strong[2] > weak[2] > at[2]
    assert (np.diff(CameraCurve(1.0).applied(VALUES)) > 0).all()


def test_all_of_it_is_about_what_raw_converters_apply():
    light = np.array([0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9], np.float32)
    by_default = [0.063, 0.176, 0.37, 0.53, 0.74, 0.87, 0.965]

    applied = srgb_to_linear(CameraCurve(1.0).applied(linear_to_srgb(light)))

    np.testing.assert_allclose(applied, by_default, atol=0.02)
