"""How far and along which direction a picture is blurred, from how its pixels differ by distance.

The mean square of the difference of two pixels grows with their distance. In sharp photos it grows
about as the distance does; over less than the length of a blur, with the square of it. So its
slopes, direction by direction, tell the variance of the kernel along each direction. The constants
were fitted to photos with known blur (`benchmarks/diagnose.py --fit`); without
`--fit` that prints what they are worth.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

_STEPS: Final = ((0, 1), (-1, 2), (-1, 1), (-2, 1), (-1, 0), (-2, -1), (-1, -1), (-1, -2))
"""Rows and columns of a step in each direction, counter-clockwise from the right."""
ANGLES: Final = np.array([np.arctan2(-down, right) for down, right in _STEPS])
"""Directions of the steps in radians, counter-clockwise from the right, (8,)."""
_RADII_PX: Final = np.array([2.3, 4.0, 7.0, 12.0, 20.0, 32.0])
_REACH_PX: Final = 33.0
_SPACING: Final = 1.28
"""Between one distance that is measured and the next; those in between are interpolated."""
_LEAST: Final = 1e-9
_LEFT_OF_NOISE: Final = 0.15
_DETAIL: Final = (1.5 / 255) ** 2
"""Mean square difference over 12 px below which a picture shows nothing to judge."""
_LONGEST: Final = float(np.log1p(60))

# fmt: off
_MODEL: Final = (
    4.921,
    4.92, -2.685, 7.1, -0.04323, 3.009,
    1.02, -5.909, 5.533, -3.873, 1.14,
    4.024, 0.7087, 6.153, 0.1149, 2.485,
    -0.697, -4.954, -1.887, -1.771, -0.02671,
    -2.345, -0.2075, 2.16, -0.195,
)
# fmt: on
_LENGTH: Final = (0.7001, 0.7711, 1.674, -0.0427, -0.2807, -0.2575)
_WIDTH: Final = (0.7259, 0.7347, 0.1491, -0.01232, -0.3852, -0.1126)
_SURE: Final = (2.681, 2.139)


@dataclass(frozen=True, kw_only=True)
class SpectralBlur:
    """What a picture's blur looks like.

    Attributes:
        length_px: Extent along the dominant direction: the length of a straight path whose blur
            has the same variance; blur longer than about 25 px is taken for shorter.
        width_px: The same across it.
        angle_deg: The dominant direction, in [0, 180): 0 horizontal, counter-clockwise.
        certainty: Chance that the direction is right within 15 degrees, in [0, 1].
    """

    length_px: float
    width_px: float
    angle_deg: float
    certainty: float


def difference_structure(brightness: Float32) -> Float64:
    """Mean squares of differences by direction and distance.

    Args:
        brightness: (H, W), at least 64 px a side for all distances to be measured.

    Returns:
        (8, 7): eight directions; six distances from 2.3 to 32 px, and the single step.
    """
    height, width = brightness.shape
    found = np.full((len(_STEPS), len(_RADII_PX) + 1), _LEAST)
    for index, (down, right) in enumerate(_STEPS):
        step_px = float(np.hypot(down, right))
        lags = sorted({round(_SPACING**power / step_px) for power in range(16)} - {0})
        radii, energies = [], []
        for lag in lags:
            rows, columns = -lag * down, lag * right
            if lag * step_px > _REACH_PX * _SPACING or rows >= height or abs(columns) >= width:
                break
            near = brightness[rows:, max(-columns, 0) : width - max(columns, 0)]
            far = brightness[: height - rows, max(columns, 0) : width - max(-columns, 0)]
            difference = (far - near).ravel()
            radii.append(lag * step_px)
            energies.append(float(difference @ difference) / max(difference.size, 1) + _LEAST)
        if radii:
            logs = np.interp(np.log(_RADII_PX), np.log(radii), np.log(energies))
            found[index] = [*np.exp(logs), energies[0]]
    return found


def noise_energy(structures: Float64) -> float:
    """What noise adds to every mean square, from the smoothest of (N, 8, 7) structures."""
    # Where all is smooth, energy grows with the square of the distance: what does not is noise.
    squared = _RADII_PX[0] ** 2
    one, far = structures[:, ::4, -1], structures[:, ::4, 0]
    smooth = np.maximum((squared * one - far) / (squared - 1), 0).min(axis=1)
    return float(np.percentile(smooth, 10))


def fine_growth(before: Float64, after: Float64, noise: float) -> Float64:
    """Natural logarithm of how many times (8, 7) structures grew at 2.3 px, by direction: (8,)."""
    old, new = (
        np.maximum(structure - noise, _LEFT_OF_NOISE * structure)[:, 0]
        for structure in (before, after)
    )
    grown: Float64 = np.log(new / old)
    return grown


def has_detail(structure: Float64, noise: float) -> bool:
    """Whether a picture of this (8, 7) structure shows enough to judge its blur by."""
    return bool(structure[:, 3].mean() - noise > _DETAIL + noise)


def spectral_blur(structure: Float64, noise: float) -> SpectralBlur:
    """The blur that a structure tells of.

    Args:
        structure: (8, 7) from :func:`difference_structure`, of one part of a photo or the mean
            of several.
        noise: From :func:`noise_energy`.
    """
    logs = blur_features(structure, noise) @ np.array(_MODEL)
    level, cosine, sine = harmonics(logs)
    swing = float(np.hypot(cosine, sine))
    length, width = (
        float(np.expm1(np.clip(shape_features(level, swing) @ np.array(found), 0, _LONGEST)))
        for found in (_LENGTH, _WIDTH)
    )
    return SpectralBlur(
        length_px=length,
        width_px=min(width, length),
        angle_deg=float(np.degrees(np.arctan2(sine, cosine) / 2) % 180),
        certainty=float(1 / (1 + np.exp(-(_SURE[0] + _SURE[1] * np.log(swing + 1e-3))))),
    )


def blur_features(structure: Float64, noise: float) -> Float64:
    """What the model looks at, (8, 25): for every direction its slopes and the mean of all."""
    clean = np.log(np.maximum(structure - noise, _LEFT_OF_NOISE * structure)[:, :-1])
    slopes = np.diff(clean, axis=1) - 1
    mean = np.broadcast_to(slopes.mean(axis=0), slopes.shape)
    levels = (clean - clean.mean(axis=0))[:, :3]
    ones = np.ones((len(_STEPS), 1))
    grain = np.full_like(ones, np.log(noise * 255**2 + 0.1))
    return np.concatenate([ones, slopes, mean, slopes**2, mean**2, levels, grain], axis=1)


def shape_features(level: float, swing: float) -> Float64:
    """What length and width are computed from, (6,); both as the logarithm of px and one more."""
    return np.array([1.0, level, swing, level**2, level * swing, swing**2])


def harmonics(logs: Float64) -> Float64:
    """Mean of (8,) values by direction, and the cosine and sine of twice the angle in them."""
    turns = np.stack([np.ones_like(ANGLES), np.cos(2 * ANGLES), np.sin(2 * ANGLES)], axis=1)
    fitted: Float64 = np.linalg.lstsq(turns, logs, rcond=None)[0]
    return fitted
