"""Find small bright things that stand alone on darker ground: a shake drew its path with them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.imaging.deblur.kernel_support import dilated
from unblur.imaging.light import linear_to_srgb, srgb_to_linear
from unblur.imaging.measure.detail import Region

Float32 = NDArray[np.float32]
Bool = NDArray[np.bool_]

_AT_LIMIT: Final = 0.95
"""Light from which on the sensor may have been at its limit."""
_LIT: Final = 0.15
_FAINT: Final = 0.06
"""Light above the ground: of a trail's brightest place, and where it ends."""
_LEAST_PX: Final = 5
_MOST_SHARE: Final = 1 / 4
"""Of the photo's shorter side."""
_RING_PX: Final = 5
_INNER_PX: Final = 2
"""A trail ends within the latter; the rest of the former around it is ground."""
_ALONE: Final = (0.25, 0.06)
"""Shares of a trail's brightness that the ground may differ by, at most and on average."""
_GROUND_PX: Final = 66
_SHRINK: Final = 4
_FILL_PX: Final = (8, 4, 2, 1, 1, 1, 1, 1, 1)


@dataclass(frozen=True, eq=False)
class Trail:
    """What a shake made of a light.

    Attributes:
        place: Rows and columns of the photo, with some ground around.
        mask: (h, w), where it is.
        over: (h, w, 3), its light above that of the ground; 0 where it is not.
        channel: The one in which it is least at the sensor's limit.
        full: (h, w), where it is at that limit there.
    """

    place: Region
    mask: Bool
    over: Float32
    channel: int
    full: Bool

    @property
    def seen(self) -> Float32:
        """(h, w) light above that of the ground, in that channel."""
        return self.over[..., self.channel]


def find_trails(pixels: Float32) -> list[Trail]:
    """Find lights that a shake may have drawn its path with.

    Args:
        pixels: (H, W, 3) sRGB-encoded in [0, 1].

    Returns:
        Those that touch neither each other nor anything else that is bright.
    """
    from scipy import ndimage

    light = srgb_to_linear(pixels)
    brightest = light.max(axis=2)
    if brightest.max() < _LIT:
        return []
    over = brightest - _ground(brightest)
    labels, _ = ndimage.label(over > _FAINT, np.ones((3, 3)))
    found = []
    most = min(over.shape) * _MOST_SHARE
    for number, place in enumerate(ndimage.find_objects(labels), start=1):
        sides = [part.stop - part.start for part in place]
        if max(sides) < _LEAST_PX or max(sides) > most or over[place].max() < _LIT:
            continue
        around = (
            slice(place[0].start - _RING_PX, place[0].stop + _RING_PX),
            slice(place[1].start - _RING_PX, place[1].stop + _RING_PX),
        )
        inside = all(
            part.start >= 0 and part.stop <= side
            for part, side in zip(around, over.shape, strict=True)
        )
        if inside and (trail := _alone(around, labels[around] == number, over, light)):
            found.append(trail)
    return found


def _ground(brightest: Float32) -> Float32:
    """What is bright over a wide part around each pixel."""
    from scipy import ndimage

    height, width = brightest.shape
    padded = np.pad(brightest, [(0, -height % _SHRINK), (0, -width % _SHRINK)], mode="edge")
    rows, columns = (side // _SHRINK for side in padded.shape)
    # The least of each square: what is left of a trail there is less than the trail.
    small = padded.reshape(rows, _SHRINK, columns, _SHRINK).min(axis=(1, 3))
    ground = ndimage.median_filter(small, _GROUND_PX // _SHRINK)
    wide: Float32 = np.kron(ground, np.ones((_SHRINK, _SHRINK), np.float32))
    return wide[:height, :width]


def _alone(place: Region, mask: Bool, over: Float32, light: Float32) -> Trail | None:
    """The trail of a mask, if there is nothing but ground around it."""
    grown = dilated(mask, _INNER_PX)
    ring = dilated(grown, _RING_PX - _INNER_PX) & ~grown
    peak = float(over[place][mask].max())
    around = over[place][ring]
    at_most, on_average = _ALONE
    if np.abs(around).max() > at_most * peak or around.std() > on_average * peak:
        return None
    part = light[place]
    above = np.maximum(part - np.median(part[ring], axis=0), 0) * grown[..., None]
    full = (part >= _AT_LIMIT) & grown[..., None]
    # Of channels that are at their limit as often, the brighter one has less noise.
    order = np.lexsort((-above.sum(axis=(0, 1)), full.sum(axis=(0, 1))))
    channel = int(order[0])
    return Trail(place, grown, above.astype(np.float32), channel, full[..., channel])


def without(pixels: Float32, trails: Sequence[Trail]) -> Float32:
    """A photo with the ground in the place of its trails.

    Args:
        pixels: (H, W, 3) sRGB-encoded in [0, 1].
        trails: Of the photo.
    """
    from scipy import ndimage

    if not trails:
        return pixels
    light = srgb_to_linear(pixels)
    lit = np.zeros(light.shape[:2], bool)
    for trail in trails:
        lit[trail.place] |= trail.mask
    for trail in trails:
        part, inside = light[trail.place], lit[trail.place]
        nearest = ndimage.distance_transform_edt(
            inside, return_distances=False, return_indices=True
        )
        filled = part[tuple(nearest)]
        for reach in _FILL_PX:  # smooth, and at its border what is there
            smooth = ndimage.gaussian_filter(filled, (reach, reach, 0), mode="nearest")
            filled = np.where(inside[..., None], smooth, part)
        light[trail.place] = filled
    dark = pixels.copy()
    dark[lit] = linear_to_srgb(light[lit])
    return dark
