"""Give a shot the exposure and the colours of a blurred one of the same scene."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.imaging.light import linear_to_srgb, srgb_to_linear
from unblur.imaging.register.agreement import reblur
from unblur.imaging.register.warping import correlate, tukey

Float32 = NDArray[np.float32]
Bool = NDArray[np.bool_]

_ENOUGH_PX: Final = 300_000
_WINDOWS: Final = 3
"""Of a larger photo so many windows each way are looked at."""
_STEPS: Final = 6
_NUDGE: Final = np.float32(1e-2)
_CLIPPED: Final = (0.008, 0.99)
_LEAST_PIXELS: Final = 500
"""So many must be neither clipped nor outside, or nothing is changed."""
_BOUND: Final = 0.05
_GAIN: Final = (0.05, 20.0)
_OFFSET: Final = 0.3


@dataclass(frozen=True, eq=False)
class Curve:
    """A gain and an offset for each channel.

    Attributes:
        gain: (3,).
        offset: (3,).
        linear_light: They change light, as a longer exposure does; False: encoded values, as
            most editors do.
        misfit: Weighted mean of the absolute differences that are left, sRGB-encoded.
    """

    gain: Float32
    offset: Float32
    linear_light: bool
    misfit: float = np.inf

    def apply(self, pixels: Float32) -> Float32:
        """Change (..., 3) sRGB-encoded pixels; what leaves [0, 1] is clipped."""
        if self.linear_light:
            return linear_to_srgb(srgb_to_linear(pixels) * self.gain + self.offset)
        return np.asarray(np.clip(pixels * self.gain + self.offset, 0, 1), np.float32)


def match_colours(
    blurred: Float32,
    reference: Float32,
    covered: Bool,
    kernel: Float32,
    *,
    blurred_light: bool = True,
) -> Curve:
    """Find the curve that makes a reference, blurred alike, look like the blurred photo.

    What moved, is clipped or lies outside is left out.

    Args:
        blurred: (H, W, 3) sRGB-encoded in [0, 1].
        reference: Resampled to the same grid, same range.
        covered: (H, W): where it reaches.
        kernel: (K, K), of sum 1: what blurs it alike.
        blurred_light: The kernel blurs light; False: encoded values.

    Raises:
        MissingExtraError: If OpenCV is not installed.
    """
    usable = covered & (reference.max(axis=2) < _CLIPPED[1]) & (blurred.max(axis=2) < _CLIPPED[1])
    usable &= blurred.max(axis=2) > _CLIPPED[0]
    spread = ((kernel > 0) / np.float32((kernel > 0).sum())).astype(np.float32)
    usable = correlate(usable.astype(np.float32), spread[::-1, ::-1]) > 0.995  # noqa: PLR2004
    windows = _windows(usable)
    same = Curve(np.ones(3, np.float32), np.zeros(3, np.float32), True)
    parts = [(blurred[here], reference[here], usable[here]) for here in windows]
    curves = [
        _fit(parts, kernel, linear_light=light, blurred_light=blurred_light)
        for light in (True, False)
    ]
    best = min(curves, key=lambda curve: curve.misfit)
    return best if np.isfinite(best.misfit) else same


def _windows(usable: Bool) -> list[tuple[slice, slice]]:
    """The whole, or windows spread over it that hold enough pixels together."""
    if usable.size <= _ENOUGH_PX:
        return [(slice(None), slice(None))]
    share = np.sqrt(_ENOUGH_PX / usable.size) / _WINDOWS
    slices = []
    for side in usable.shape:
        length = max(1, int(side * share))
        starts = np.linspace(0, side - length, _WINDOWS).astype(int)
        slices.append([slice(start, start + length) for start in starts])
    return [(rows, columns) for rows in slices[0] for columns in slices[1]]


def _fit(
    parts: list[tuple[Float32, Float32, Bool]],
    kernel: Float32,
    *,
    linear_light: bool,
    blurred_light: bool,
) -> Curve:
    """Gauss and Newton, each channel by itself, with weights that leave out what moved."""
    reach = len(kernel) // 2
    kept = []
    for _, theirs, usable in parts:
        whole = np.zeros_like(usable)  # a window knows nothing of what is around it
        inner = tuple(slice(reach, side - reach) for side in usable.shape)
        whole[inner] = usable[inner]
        kept.append((theirs, usable if len(parts) == 1 else whole))
    ours = np.concatenate([b[use] for (b, _, _), (_, use) in zip(parts, kept, strict=True)])
    gain, offset = np.ones(3, np.float32), np.zeros(3, np.float32)
    if len(ours) < _LEAST_PIXELS:
        return Curve(gain, offset, linear_light)

    def seen(gain: Float32, offset: Float32) -> Float32:
        curve = Curve(gain, offset, linear_light)
        return np.concatenate(
            [reblur(curve.apply(theirs), kernel, light=blurred_light)[use] for theirs, use in kept]
        )

    now = seen(gain, offset)
    slopes = [
        (seen(gain + _NUDGE, offset) - now) / _NUDGE,
        (seen(gain, offset + _NUDGE / 10) - now) / (_NUDGE / 10),
    ]
    for _ in range(_STEPS):
        left = ours - now
        for channel in range(3):
            weight = tukey(left[:, channel], np.ones(len(left), bool))
            slope = np.stack([each[:, channel] for each in slopes]).astype(np.float64)
            weighted = slope * weight
            normal = weighted @ slope.T
            normal += np.eye(2) * (1e-6 * np.trace(normal) + 1e-12)
            step = np.linalg.solve(normal, weighted @ left[:, channel])
            gain[channel] = np.clip(gain[channel] + step[0], *_GAIN)
            offset[channel] = np.clip(offset[channel] + step[1], -_OFFSET, _OFFSET)
        now = seen(gain, offset)
    # One bound for both curves, or the one that leaves more out would seem better.
    misfit = float(np.minimum(np.abs(ours - now), _BOUND).mean())
    return Curve(gain, offset, linear_light, misfit)
