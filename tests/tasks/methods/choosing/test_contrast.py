import numpy as np
import pytest
import skimage.data

from shaken_photo import sharp_coffee
from unblur import RestoreOptions, Restorer, blur, psnr, random_kernels
from unblur.imaging.light import CameraCurve, linear_to_srgb, srgb_to_linear
from unblur.tasks.methods.choosing import look
from unblur.tasks.methods.choosing.contrast import camera_curve

NOISE = 1 / 255


LIGHT = (0, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9, 1)
STORED = (0, 0.007, 0.026, 0.063, 0.176, 0.28, 0.37, 0.53, 0.645, 0.74, 0.87, 0.965, 1)


def steep(encoded):
    """About what raw converters apply: not quite the curve that is undone."""
    light = srgb_to_linear(np.asarray(encoded, np.float32))
    return linear_to_srgb(np.interp(light, LIGHT, STORED).astype(np.float32))


def shallow(stored):
    """The other way."""
    at = np.linspace(0, 1, 4097)
    return np.interp(stored, steep(at), at).astype(np.float32)


def part_of(picture):
    """Of a photo of scikit-image with black beside white, (256, 256, 3) in [0, 1]."""
    part = getattr(skimage.data, picture)()[:256, 100:356].astype(np.float32) / 255
    return part if part.ndim == 3 else np.repeat(part[..., None], 3, axis=2)


def shaken(sharp, *, contrast, seed=3, length_px=30):
    """The photo as it would have been stored, shaken, 8 bits; and the kernel."""
    rng = np.random.default_rng(seed)
    kernel = random_kernels(1, rng=rng, length_px=length_px, exposure=(1.0,))[0]
    seen = blur(shallow(sharp) if contrast else sharp, kernel)
    seen = (steep(seen) if contrast else seen) + NOISE * rng.standard_normal(seen.shape)
    return np.rint(255 * seen.clip(0, 1)).astype(np.float32) / np.float32(255), kernel


@pytest.mark.parametrize("picture", ["astronaut", "camera", "coins"])
def test_contrast_is_told_from_none(picture):
    sharp = part_of(picture)
    plain, kernel = shaken(sharp, contrast=False)
    contrasty, _ = shaken(sharp, contrast=True)

    assert camera_curve(plain, kernel, noise=NOISE).strength == 0
    assert camera_curve(contrasty, kernel, noise=NOISE).strength > 0


def test_it_is_told_by_a_kernel_that_is_a_little_wrong():
    seen, kernel = shaken(part_of("astronaut"), contrast=True)
    off = 0.75 * kernel + 0.25 * np.roll(kernel, 1, axis=1)

    assert camera_curve(seen, off / off.sum(), noise=NOISE).strength > 0


def test_clipped_light_does_not_pass_for_contrast():
    sharp = np.clip(1.6 * sharp_coffee(), 0, 1)
    seen, kernel = shaken(sharp, contrast=False)
    assert (seen.max(axis=2) >= 0.98).mean() > 0.1

    assert camera_curve(seen, kernel, noise=NOISE).strength == 0


def test_small_parts_and_wide_kernels_are_no_error():
    seen, _ = shaken(sharp_coffee()[:40, :48], contrast=True)
    wide = np.full((45, 45), 1 / 45**2, np.float32)

    assert 0 <= camera_curve(seen, wide, noise=NOISE).strength <= 1
    assert camera_curve(np.zeros_like(seen), wide, noise=0.0).strength == 0


def test_a_shake_is_undone_in_the_light_that_was_shaken(monkeypatch):
    sharp = skimage.data.astronaut()[:320, 80:400].astype(np.float32) / 255
    seen, _ = shaken(sharp, contrast=True, seed=1, length_px=50)
    restorer = Restorer.open(RestoreOptions(method="auto", engine="onnx"))

    restored = restorer.restore_pixels(seen)
    with monkeypatch.context() as patch:
        patch.setattr(look, "camera_curve", lambda *_, **__: CameraCurve())
        # Other pixels, or what was found before would be remembered.
        by_srgb = restorer.restore_pixels(np.maximum(seen, np.float32(1e-5)))

    assert psnr(restored, sharp) > psnr(by_srgb, sharp) + 0.4
    assert psnr(restored, sharp) > psnr(seen, sharp) + 1.4
