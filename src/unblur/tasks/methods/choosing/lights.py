"""Lights in a photo: what their trails tell of its blur, and what the judge makes of that."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.imaging.deblur.blind import FoundKernel
from unblur.imaging.deblur.trails import Trail, count_alike, find_trails, trail_kernels, without

Float32 = NDArray[np.float32]

_TRAILS: Final = (0, 1, 3)
_TOLD_DB: Final = (-1.0, 0.0, 1.0)
"""A kernel that can have drawn none of several trails is hardly right, one that can have drawn so
many is: it is expected to gain so much less, or more (ADR 0009)."""
_NEVER_DB: Final = -99.0


@dataclass(frozen=True, eq=False)
class Lights:
    """Lights of a photo.

    Attributes:
        trails: What a shake may have made of them.
        told: Kernels that several of them tell of.
        dark: (H, W, 3) the photo to look for its blur in: without the lights, where they tell it.
        alone: Kernels of encoded values are not asked, whatever the trails tell.
    """

    trails: Sequence[Trail]
    told: Sequence[Float32]
    dark: Float32
    alone: bool = False

    @classmethod
    def of(cls, pixels: Float32, *, alone: bool = False) -> "Lights":
        """Those of (H, W, 3) pixels, sRGB-encoded in [0, 1]."""
        trails = find_trails(pixels)
        told = trail_kernels(trails)
        return cls(trails, told, without(pixels, trails) if told else pixels, alone)

    def more_db(self, found: FoundKernel) -> float:
        """How much more than the judge says a kernel is expected to gain, by what the trails tell.

        What outshines a photo was light: where trails tell the kernel, none of encoded values is
        asked.
        """
        if not found.linear_light and (self.told or self.alone):
            return _NEVER_DB
        if not self.told:
            return 0.0
        drawn = count_alike(self.trails, found.kernel, _TRAILS[-1])
        return float(np.interp(drawn, _TRAILS, _TOLD_DB))

    def promised(self, kernels: Sequence[FoundKernel], gains: Sequence[float]) -> list[float]:
        """What kernels are expected to gain, in dB, by the judge and by the trails."""
        return [gain + self.more_db(each) for gain, each in zip(gains, kernels, strict=True)]
