"""The sizes of a pyramid of pictures, and its pictures."""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.errors import OptionError

Float32 = NDArray[np.float32]

MOST_SCALES: Final = 24


def pyramid_sizes(
    height: int, width: int, *, scales: int = 8, max_size_px: int = 250, min_size_px: int = 25
) -> list[tuple[int, int]]:
    """Sizes of the pictures of a pyramid, coarsest first.

    The coarsest has a short side of ``min_size_px``, the finest a long side of ``max_size_px``
    or the picture's own, and all steps between them have the same factor. A long narrow picture
    whose finest short side is below ``min_size_px`` gets as many pictures of one size.

    Args:
        height: Of the picture, in px.
        width: Of the picture, in px.
        scales: How many; 1 is the finest alone.
        max_size_px: Long side of the finest; a smaller picture is not enlarged.
        min_size_px: Short side of the coarsest.

    Returns:
        (height, width) of each.

    Raises:
        OptionError: If the number of scales or the sizes make no pyramid.

    References:
        Shaham et al., *SinGAN*, ICCV 2019, section 2; their code's ``adjust_scales2image``.
    """
    if not 1 <= scales <= MOST_SCALES:
        raise OptionError(f"a pyramid has 1 to {MOST_SCALES} scales, got {scales}")
    if not 0 < min_size_px <= max_size_px:
        raise OptionError(
            f"the coarsest side ({min_size_px} px) must be positive and not above the finest "
            f"({max_size_px} px)"
        )
    shrink = min(1.0, max_size_px / max(height, width))
    finest = max(1, round(height * shrink)), max(1, round(width * shrink))
    factor = step_factor(finest, scales=scales, min_size_px=min_size_px)
    shares = [factor ** (scales - 1 - scale) for scale in range(scales - 1)]
    return [*((_ceil(finest[0] * share), _ceil(finest[1] * share)) for share in shares), finest]


def _ceil(side: float) -> int:
    # The coarsest side is a whole number up to rounding, which differs from processor to processor.
    return math.ceil(side - 1e-6)


def step_factor(finest: tuple[int, int], *, scales: int, min_size_px: int = 25) -> float:
    """Size of a picture of a pyramid relative to the next finer one, at most 1."""
    if scales == 1:
        return 1.0
    share = min(1.0, min_size_px / min(finest))
    return float(share ** (1 / (scales - 1)))


def resize(pixels: Float32, height: int, width: int) -> Float32:
    """Resize a photo, without aliasing when it gets smaller.

    Args:
        pixels: (H, W, 3).
        height: Of the result, in px.
        width: Of the result, in px.

    Returns:
        (height, width, 3), clipped to [0, 1].
    """
    import pyvips

    if pixels.shape[:2] == (height, width):
        return pixels
    image = pyvips.Image.new_from_array(np.ascontiguousarray(pixels, dtype=np.float32))
    image = image.resize(width / pixels.shape[1], vscale=height / pixels.shape[0], kernel="cubic")
    resized = np.asarray(image.numpy(), np.float32)
    if resized.shape[:2] != (height, width):  # vips rounds sizes in its own way
        resized = np.pad(resized, ((0, 1), (0, 1), (0, 0)), mode="edge")[:height, :width]
    return np.clip(resized, 0, 1)


def resize_plane(plane: Float32, rows: int, columns: int) -> Float32:
    """Resize a plane of any values by cubics, without aliasing when it gets smaller.

    Sums of a few taps, in an order that no number of threads changes.

    Args:
        plane: (H, W).
        rows: Of the result.
        columns: Of the result.
    """
    for axis, side in enumerate((rows, columns)):
        if plane.shape[axis] != side:
            plane = _resize_axis(plane, side, axis)
    return plane


def _resize_axis(plane: Float32, side: int, axis: int) -> Float32:
    length = plane.shape[axis]
    stretch = max(1.0, length / side)
    centres = (np.arange(side) + 0.5) * length / side - 0.5
    first = np.floor(centres - 2 * stretch).astype(int) + 1
    taps = [first + tap for tap in range(math.ceil(4 * stretch))]
    weights = [_cubic((place - centres) / stretch) for place in taps]
    total = np.sum(weights, axis=0)
    shape = (-1, 1) if axis == 0 else (1, -1)
    resized: Float32 | None = None
    for place, weight in zip(taps, weights, strict=True):
        part = np.take(plane, np.clip(place, 0, length - 1), axis)
        part *= (weight / total).astype(np.float32).reshape(shape)
        resized = part if resized is None else resized + part
    assert resized is not None
    return resized


def _cubic(away: NDArray[np.float64]) -> NDArray[np.float64]:
    """Keys's cubic with a = -1/2."""
    away = np.abs(away)
    near = (1.5 * away - 2.5) * away**2 + 1
    far = ((-0.5 * away + 2.5) * away - 4) * away + 2
    return np.where(away < 1, near, np.where(away < 2, far, 0))  # noqa: PLR2004
