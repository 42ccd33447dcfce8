"""The contrast that a camera has added, by what a kernel leaves unexplained without it."""

from collections.abc import Callable
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.imaging.deblur.blind import CLIPPED
from unblur.imaging.deblur.known.natural import Deconvolution
from unblur.imaging.fourier import forward, good_size, inverse, kernel_spectrum
from unblur.imaging.light import CameraCurve, brightness, linear_to_srgb

Float32 = NDArray[np.float32]

_FIRST: Final = 0.5
_LESS_DB: Final = 0.3
"""By so much less has the first strength to leave unexplained; all of the following are asked
then."""
_STRENGTHS: Final = (0.25, 0.5, 0.75, 1.0)
_LEAST_SHARE: Final = 0.2
"""Where more than the rest sees clipped pixels, these count as well."""
_MARGIN_PX: Final = 4
_TINY: Final = 1e-9


def camera_curve(part: Float32, kernel: Float32, *, noise: float) -> CameraCurve:
    """The contrast with which a kernel explains a photo best.

    Light of the right curve is undone and blurred again to what it was, up to noise. Of a wrong
    one edges between bright and dark are of the wrong shape: no picture without negative light is
    blurred to them.

    Args:
        part: (h, w, 3) what was looked at, in [0, 1], as it is stored.
        kernel: What was found in it, if only roughly right; of odd side, sum 1.
        noise: Standard deviation of the photo's noise, of stored values.

    Returns:
        That of strength 0 unless another one explains plainly more.
    """
    left = _unexplained(part, kernel, noise)
    if left(_FIRST, False) >= 10 ** (-_LESS_DB / 20) * left(0.0, False):
        return CameraCurve()
    return CameraCurve(min(_STRENGTHS, key=lambda strength: left(strength, True)))


def _unexplained(part: Float32, kernel: Float32, noise: float) -> Callable[[float, bool], float]:
    """How much of what is stored a kernel leaves unexplained: RMS.

    Returns:
        It, by the strength of the curve. True: with all light as varied as that of sRGB. A prior
        smooths light that varies less more, so that by itself a strong curve leaves the more. That
        is the safe side to ask from whether there is a curve, and the wrong one to ask how strong.
    """
    from scipy import ndimage

    reach = len(kernel) // 2
    rows, columns = part.shape[:2]
    margin = min(reach + _MARGIN_PX, min(rows, columns) // 3)
    inside = (slice(margin, -margin), slice(margin, -margin))
    told = (ndimage.maximum_filter(part.max(axis=2), 2 * reach + 1) <= CLIPPED)[inside]
    if told.mean() < _LEAST_SHARE:
        told = np.ones_like(told)
    undo = Deconvolution(part.shape[:2], kernel, surround=False)
    size = (good_size(rows + 2 * reach), good_size(columns + 2 * reach))
    blur = kernel_spectrum(kernel, size, centred=True)

    @cache
    def light_of(strength: float) -> Float32:
        return brightness(CameraCurve(strength).undone(part), linear_light=True)

    def varied(strength: float) -> float:
        return float(light_of(strength)[inside].std()) + _TINY

    def left(strength: float, alike: bool) -> float:
        curve = CameraCurve(strength)
        light = light_of(strength)
        larger = np.float32(varied(0.0) / varied(strength) if alike else 1)
        undone = np.maximum(undo.plane(larger * light, noise=noise, guessed=True), 0)
        padded = np.pad(undone, reach, mode="edge")
        again: Float32 = inverse(forward(padded, size) * blur, size)
        again = again[reach:, reach:][:rows, :columns]
        planes = (again / larger, light)
        shown, other = (curve.applied(linear_to_srgb(x))[inside][told] for x in planes)
        return float((shown - other).std()) + _TINY

    return left
