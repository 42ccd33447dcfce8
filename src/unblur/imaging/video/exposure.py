"""What a sensor collects while it is exposed for as long as several frames take."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.errors import OptionError
from unblur.imaging.light import linear_to_srgb, srgb_to_linear
from unblur.imaging.video.frames import Pixels

Float32 = NDArray[np.float32]

GAMMAS: Final = ("2.2", "srgb", "none")
_EXPONENT: Final = 2.2


def expose(frames: Sequence[Pixels], *, gamma: str = "2.2") -> Float32:
    """Mean of the light of frames, encoded as they are: ``g(1/n sum of g^-1(frame))``.

    Args:
        frames: Each (H, W, 3), uint8 or uint16, display-encoded.
        gamma: The curve g of the display: ``2.2``, ``srgb``, or ``none``, which averages the
            encoded values.

    Returns:
        (H, W, 3) in [0, 1], display-encoded.

    Raises:
        OptionError: If there are no frames, or the curve is none of these.

    References:
        Nah et al., Deep Multi-scale Convolutional Neural Network for Dynamic Scene Deblurring,
        CVPR 2017, eq. 1 and 2.
    """
    if gamma not in GAMMAS:
        raise OptionError(f"gamma must be one of {', '.join(GAMMAS)}, got {gamma!r}")
    if not frames:
        raise OptionError("frames must hold one at least, got none")
    light = np.zeros(frames[0].shape, np.float32)
    for frame in frames:
        light += _light(gamma, frame.dtype.itemsize)[frame]
    return _encode(light / np.float32(len(frames)), gamma)


@lru_cache
def _light(gamma: str, bytes_each: int) -> Float32:
    """The light of every value that an integer of so many bytes can have: a table is fast."""
    values = np.linspace(0, 1, 256**bytes_each, dtype=np.float32)
    if gamma == "srgb":
        return srgb_to_linear(values)
    return values if gamma == "none" else values ** np.float32(_EXPONENT)


def _encode(light: Float32, gamma: str) -> Float32:
    if gamma == "srgb":
        return linear_to_srgb(light)
    encoded = light if gamma == "none" else light ** np.float32(1 / _EXPONENT)
    return np.clip(encoded, 0, 1)
