"""Whether two shots of a scene agree, one of them blurred, and which is the sharper one."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.imaging.light import linear_to_srgb, srgb_to_linear
from unblur.imaging.measure.sharpness import luma
from unblur.imaging.register.warping import correlate, opencv

Float32 = NDArray[np.float32]
Bool = NDArray[np.bool_]

_TRUST_PX: Final = (3.0, 0.006)
"""Agreement is looked at in so large a place: px, and a share of the long side."""
_LUMA_NOISE: Final = 0.447
"""Sum of the squares of the weights of luma: what it leaves of the square of noise."""
_CELL_PX: Final = 24
_TOLERATED: Final = 2 / 255
_TOLERATED_CONTRAST: Final = 0.28
"""Share of the blurred contrast that may be missed."""


def reblur(pixels: Float32, kernel: Float32, *, light: bool) -> Float32:
    """Blur (H, W, 3) sRGB-encoded pixels by a kernel of any size, mirrored at the edges."""
    flipped = kernel[::-1, ::-1]
    if light:
        return linear_to_srgb(correlate(srgb_to_linear(pixels), flipped))
    return np.clip(correlate(pixels, flipped), 0, 1)


def trust(blurred: Float32, reference: Float32, covered: Bool, kernel: Float32) -> Float32:
    """How far a registered reference, blurred alike, agrees with the blurred photo.

    The squares of what is left are compared with those of noise and of the blurred contrast
    around; light and encoded values are blurred, and the better one counts.

    Args:
        blurred: (H, W, 3) sRGB-encoded in [0, 1].
        reference: The same shape and range, exposure matched.
        covered: (H, W): where it reaches.
        kernel: (K, K), K odd, non-negative, of sum 1.

    Returns:
        (H, W) in [0, 1], smooth; 0 where the reference does not reach.

    Raises:
        MissingExtraError: If OpenCV is not installed.
    """
    cv2 = opencv()
    size_px = max(_TRUST_PX[0], _TRUST_PX[1] * max(covered.shape))
    kernel = kernel.astype(np.float32) / np.float32(kernel.sum())
    reach = correlate(covered.astype(np.float32), kernel[::-1, ::-1])
    # Where it does not reach the photo itself stands in, so that the edge blurs as it should.
    filled = np.where(covered[..., None], reference, blurred)
    seen = (covered & (reach > 0.5)).astype(np.float32)  # noqa: PLR2004

    def around(values: Float32) -> Float32:
        total = cv2.GaussianBlur(values * seen, (0, 0), size_px)
        mean: Float32 = total / np.maximum(cv2.GaussianBlur(seen, (0, 0), size_px), 1e-3)
        return mean

    tried = []
    for light in (True, False):
        again = reblur(filled, kernel, light=light)
        left = around(((blurred - again) ** 2).mean(axis=2))
        tried.append((float(np.median(left[seen > 0])) if seen.any() else 0.0, left, again))
    _, left, again = min(tried, key=lambda each: each[0])
    contrast = (again - cv2.GaussianBlur(again, (0, 0), 3 * size_px)) ** 2
    contrast = cv2.GaussianBlur(contrast.mean(axis=2), (0, 0), 2 * size_px)
    noise = noise_level(blurred) ** 2 + noise_level(reference) ** 2 * float((kernel**2).sum())
    usual = 2 * noise + _TOLERATED**2 + _TOLERATED_CONTRAST**2 * contrast
    rise = np.clip((left / usual - 0.5) / 1.5, 0, 1)
    agrees = 1 - rise * rise * (3 - 2 * rise)
    # Fade out before the edge of what is covered.
    inner = cv2.GaussianBlur(covered.astype(np.float32), (0, 0), size_px)
    fade = np.clip(2 * inner - 1, 0, 1) * covered
    return np.asarray(cv2.GaussianBlur(agrees, (0, 0), size_px / 2) * fade, np.float32)


def detail_left(
    blurred: Float32, reference: Float32, covered: Bool, kernel: Float32
) -> tuple[float, float]:
    """What is left of a reference's finest differences: by the kernel, and in the blurred photo.

    What noise adds to them is taken off.

    Args:
        blurred: (H, W, 3).
        reference: (H, W, 3), registered.
        covered: (H, W): where it reaches.
        kernel: (K, K), of sum 1.

    Returns:
        Shares of the reference's: 1 where nothing is blurred.
    """
    inner = correlate(covered.astype(np.float32), np.full((5, 5), 1 / 25, np.float32)) > 0.99  # noqa: PLR2004
    if not inner.any():
        return 1.0, 1.0
    noises = [_LUMA_NOISE * noise_level(pixels) ** 2 for pixels in (reference, blurred)]
    sharp = luma(reference)
    again = correlate(sharp, kernel[::-1, ::-1])
    noises.insert(1, noises[0] * _steepness(np.pad(kernel, 1)).sum())
    energies = [
        max(float(_steepness(plane)[inner].mean()) - float(noise), 0.0)
        for plane, noise in zip((sharp, again, luma(blurred)), noises, strict=True)
    ]
    if energies[0] <= 0:
        return 1.0, 1.0
    by_kernel, in_blurred = (float(np.sqrt(each / energies[0])) for each in energies[1:])
    return by_kernel, in_blurred


def _steepness(plane: Float32) -> Float32:
    down, right = np.gradient(plane)
    return np.asarray(down**2 + right**2, np.float32)


def noise_level(pixels: Float32) -> float:
    """Standard deviation of the noise of (H, W, 3) pixels, where there is least detail."""
    corners = pixels[1:, 1:] - pixels[1:, :-1] - pixels[:-1, 1:] + pixels[:-1, :-1]
    rows, columns = (side // _CELL_PX for side in corners.shape[:2])
    if not rows or not columns:
        return 0.0
    cells = np.abs(corners[: rows * _CELL_PX, : columns * _CELL_PX])
    cells = cells.reshape(rows, _CELL_PX, columns, _CELL_PX, -1).swapaxes(1, 2)
    spreads = np.median(cells.reshape(rows * columns, -1), axis=1) * (1.4826 / 2)
    spreads = spreads[spreads > 0]  # clipped cells have no noise to show
    return float(np.quantile(spreads, 0.2)) if spreads.size else 0.0
