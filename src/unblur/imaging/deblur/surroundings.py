"""What may lie beyond the edges of a blurred photo."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

_PAD_KERNELS: Final = 2
_PAD_PX: Final = 32
"""Surroundings made up on each side: so many sides of the kernel, and so many pixels more."""
_OUTERMOST: Final = np.float32(0.2)
"""Where the surroundings end they are middle grey, whatever the photo: tiles get the same."""
_FILL_STEPS: Final = 12
_FILL_BALANCE: Final = 0.3
"""Smooth enough that few steps converge."""


def surround(plane: Float32, kernel: Float32) -> tuple[Float32, tuple[slice, slice]]:
    """Make up what lies beyond the edges, such that it ends where it begins and fits the blur.

    A mirrored surrounding is no blurred picture: its restoration rings far into the photo. Here
    the surrounding is what the kernel makes of a smooth restoration of the whole, again and again
    (Reeves 2005), with Nesterov's momentum.

    Returns:
        The larger picture, of sides that transform fast, and where the photo is in it.
    """
    from scipy import fft

    pads, size = [], []
    for side, reach in zip(plane.shape, kernel.shape, strict=True):
        before = _PAD_KERNELS * reach + _PAD_PX
        size.append(int(fft.next_fast_len(side + 2 * before, real=True)))
        pads.append((before, size[-1] - side - before))
    inside = tuple(
        slice(before, before + side) for (before, _), side in zip(pads, plane.shape, strict=True)
    )
    rows, columns = (_taper(*pad, total) for pad, total in zip(pads, size, strict=True))
    filled = (np.pad(plane, pads, mode="reflect") - _OUTERMOST) * (
        rows[:, None] * columns
    ) + _OUTERMOST
    laplacian = np.array([[0, -1, 0], [-1, 4, -1], [0, -1, 0]], np.float32)
    blurring, roughness = (np.abs(fft.rfft2(x, s=size)) ** 2 for x in (kernel, laplacian))
    again = blurring / (blurring + np.float32(_FILL_BALANCE) * roughness)
    previous = filled
    for step in range(_FILL_STEPS):
        ahead = filled + np.float32(step / (step + 3)) * (filled - previous)
        previous, filled = filled, fft.irfft2(fft.rfft2(ahead) * again, s=size)
        filled[inside] = plane
    return filled, (inside[0], inside[1])


def _taper(before: int, after: int, total: int) -> Float32:
    """1 in the photo and the inner half of its surroundings, falling to 0 at the outer ends."""
    place = np.arange(total, dtype=np.float32)
    fraction = np.minimum((place + 1) * 2 / before, (total - place) * 2 / after).clip(0, 1)
    smooth: Float32 = fraction**2 * (3 - 2 * fraction)
    return smooth
