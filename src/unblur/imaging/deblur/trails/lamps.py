"""What lights were before a shake drew its path with them, and the path itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.imaging.deblur.kernel_search import centred
from unblur.imaging.deblur.trails.find import Trail
from unblur.imaging.fourier import centre_of_mass, forward, good_size, inverse, kernel_spectrum
from unblur.imaging.light import linear_to_srgb, srgb_to_linear
from unblur.imaging.measure.detail import Region

Float32 = NDArray[np.float32]

_STEPS: Final = 40
_STEPS_TO_COMPARE: Final = 25
_MISFIT: Final = 0.15
"""Of a trail's own size: a kernel that leaves more of it unexplained did not draw it."""
_WIDE: Final = (0.5, 2.0)
"""A lamp is narrower than the path: radii in px, a share of the path's and so much more."""
_CLIPPED_SHARE: Final = 0.1
_FLOOR: Final = np.float32(1e-4)
_COMPARED: Final = 8
"""So many trails, those that are least at the sensor's limit, tell the path."""
_LEAST_ALIKE: Final = 2


@dataclass(frozen=True, eq=False)
class Lamp:
    """A light as it was.

    Attributes:
        trail: What became of it.
        place: Rows and columns of the photo.
        light: (h, w, 3), above that of the ground; more than 1 where it outshone the sensor.
    """

    trail: Trail
    place: Region
    light: Float32


def lamp_of(trail: Trail, kernel: Float32, shape: tuple[int, ...]) -> Lamp | None:
    """The lamp that a kernel drew a trail with.

    Args:
        trail: Of a photo.
        kernel: (K, K), K odd, of sum 1.
        shape: Height and width of the photo.

    Returns:
        None if nothing that is narrower than the path can have drawn it, unless it outshone the
        sensor: then it may be of any size, as no deconvolution but this one knows of that.
    """
    lamp, misfit, narrow = _undrawn(trail, kernel, _STEPS)
    clipped = trail.full.sum() > _CLIPPED_SHARE * trail.mask.sum()
    if misfit > _MISFIT or not (narrow or clipped):
        return None
    reach = len(kernel) // 2
    at, cut = [], []
    for part, side in zip(trail.place, shape, strict=False):
        first, last = part.start - reach, part.stop + reach
        at.append(slice(max(0, first), min(side, last)))
        cut.append(slice(max(0, -first), last - first - max(0, last - side)))
    # One shape for all channels: where they were at their limit, colours went.
    colour = trail.over.sum(axis=(0, 1)) / max(float(trail.seen.sum()), 1e-9)
    light: Float32 = lamp[cut[0], cut[1], None] * colour.astype(np.float32)
    return Lamp(trail, (at[0], at[1]), light)


def drawn_by(trails: Sequence[Trail], kernel: Float32, shape: tuple[int, ...]) -> list[Lamp]:
    """The lamps of all trails that a kernel can have drawn; see :func:`lamp_of`."""
    lamps = (lamp_of(trail, kernel, shape) for trail in trails)
    return [lamp for lamp in lamps if lamp is not None]


def lit(pixels: Float32, lamps: Sequence[Lamp]) -> Float32:
    """A photo with lamps in it: (H, W, 3) sRGB-encoded, clipped to [0, 1] where they shine."""
    shining = pixels.copy() if lamps else pixels
    for lamp in lamps:
        light = srgb_to_linear(np.clip(shining[lamp.place], 0, 1)) + lamp.light
        there = lamp.light.max(axis=2) > _FLOOR
        shining[lamp.place][there] = linear_to_srgb(light)[there]
    return shining


def count_alike(trails: Sequence[Trail], kernel: Float32, most: int) -> int:
    """How many trails, up to so many, a kernel can have drawn with lamps narrower than itself."""
    alike = (trail for trail in trails if _is_alike(trail, kernel))
    return sum(1 for _ in islice(alike, most))


def trail_kernels(trails: Sequence[Trail]) -> list[Float32]:
    """Paths that at least two of a photo's trails tell of: none, one or two kernels.

    First the one that explains most of the trails, then the narrowest one. Each is a trail of a
    lamp that is a little larger than a point, so the true path is a little sharper.

    Args:
        trails: Of a photo.
    """
    clearest = sorted(trails, key=lambda trail: int(trail.full.sum()))[:_COMPARED]
    told = []
    for trail in clearest:
        kernel = _as_kernel(trail.seen)
        alike = count_alike(clearest, kernel, len(clearest))
        if alike >= _LEAST_ALIKE:
            told.append((alike, int(trail.full.sum()), _radius(kernel), kernel))
    if not told:
        return []
    most = min(told, key=lambda each: (-each[0], each[1], each[2]))
    narrowest = min(told, key=lambda each: (each[1], each[2]))
    return [most[3]] if most is narrowest else [most[3], narrowest[3]]


def _as_kernel(plane: Float32) -> Float32:
    side = max(plane.shape) + 2 | 1
    kernel = np.zeros((side, side), np.float32)
    top, left = ((side - length) // 2 for length in plane.shape)
    kernel[top : top + plane.shape[0], left : left + plane.shape[1]] = plane
    return centred(kernel / kernel.sum())


def _is_alike(trail: Trail, kernel: Float32) -> bool:
    _, misfit, narrow = _undrawn(trail, kernel, _STEPS_TO_COMPARE)
    return misfit <= _MISFIT and narrow


def _undrawn(trail: Trail, kernel: Float32, steps: int) -> tuple[Float32, float, bool]:
    """What a kernel drew a trail with.

    Returns:
        That, ``len(kernel) // 2`` larger on each side than the trail; the share of the trail that
        it does not explain; and whether it is narrower than the path.

    References:
        Whyte, Sivic & Zisserman, *Deblurring shaken and partially saturated images*, IJCV 2014:
        Richardson and Lucy's steps, where a sensor at its limit says only that there was as much.
    """
    reach = len(kernel) // 2
    rows, columns = (side + 2 * reach for side in trail.seen.shape)
    size = (good_size(rows + 2 * reach), good_size(columns + 2 * reach))
    blur = kernel_spectrum(kernel, size)
    at = (slice(reach, rows - reach), slice(reach, columns - reach))
    wide, full = np.zeros(size, np.float32), np.zeros(size, bool)
    wide[at], full[at] = trail.seen, trail.full

    def drawn(lamp: Float32) -> Float32:
        return np.asarray(inverse(forward(lamp, size) * blur, size), np.float32)

    def back(plane: Float32) -> Float32:
        return np.asarray(inverse(forward(plane, size) * blur.conj(), size), np.float32)

    lamp = np.maximum(back(wide), _FLOOR / 100)
    for _ in range(steps):
        again = np.maximum(drawn(lamp), _FLOOR)
        ratio = np.where(full & (again > wide), 1, (wide + _FLOOR) / (again + _FLOOR))
        lamp = lamp * np.maximum(back(ratio), 0)
    again = drawn(lamp)
    left = np.where(full, np.minimum(again, wide), again) - wide
    misfit = float(np.sqrt((left**2).sum() / (wide**2).sum()))
    lamp = lamp[:rows, :columns]
    share, more = _WIDE
    narrow = _radius(lamp / lamp.sum()) <= share * _radius(kernel) + more
    return lamp, misfit, narrow


def _radius(mass: Float32) -> float:
    """Of the gyration of a plane of sum 1, in px."""
    rows, columns = (np.arange(side, dtype=np.float64) for side in mass.shape)
    down, right = centre_of_mass(mass)
    return float(
        np.sqrt(mass.sum(axis=1) @ (rows - down) ** 2 + mass.sum(axis=0) @ (columns - right) ** 2)
    )
