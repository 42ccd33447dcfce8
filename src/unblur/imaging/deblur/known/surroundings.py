"""What may lie beyond the edges of a blurred photo."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.imaging.fourier import forward, halved, inverse, roughness, squared

Complex64 = NDArray[np.complex64]
Float32 = NDArray[np.float32]

_PAD_KERNELS: Final = 2
_PAD_PX: Final = 32
"""Surroundings made up on each side: so many sides of the kernel, and so many pixels more."""
_OUTERMOST: Final = np.float32(0.2)
"""Where the surroundings end they are middle grey, whatever the photo: tiles get the same."""
_FILL_STEPS: Final = 12
_FILL_BALANCE: Final = 0.3
"""Smooth enough that few steps converge."""
_HALF_STEPS: Final = 16
_FULL_STEPS: Final = 5
_BALANCE: Final = 0.08
"""Of :class:`Surroundings`: most steps are made at half the size, where they cost a quarter."""


def surround(plane: Float32, kernel: Float32) -> tuple[Float32, tuple[slice, slice]]:
    """Make up what lies beyond the edges, such that it ends where it begins and fits the blur.

    A mirrored surrounding is no blurred picture: its restoration rings far into the photo. Here
    the surrounding is what the kernel makes of a smooth restoration of the whole, again and again
    (Reeves 2005), with Nesterov's momentum.

    Returns:
        The larger picture, of sides that transform fast, and where the photo is in it.
    """
    from scipy import fft

    pads, sides = [], []
    for side, reach in zip(plane.shape, kernel.shape, strict=True):
        before = _PAD_KERNELS * reach + _PAD_PX
        sides.append(int(fft.next_fast_len(side + 2 * before, real=True)))
        pads.append((before, sides[-1] - side - before))
    size = (sides[0], sides[1])
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
    at = (inside[0], inside[1])
    return _steps(filled, plane, at, again, _FILL_STEPS), at


def _taper(before: int, after: int, total: int) -> Float32:
    """1 in the photo and the inner half of its surroundings, falling to 0 at the outer ends."""
    place = np.arange(total, dtype=np.float32)
    fraction = np.minimum((place + 1) * 2 / before, (total - place) * 2 / after).clip(0, 1)
    smooth: Float32 = fraction**2 * (3 - 2 * fraction)
    return smooth


class Surroundings:
    """Makes surroundings of photos of one size such that one kernel can have blurred the whole.

    Mirrored surroundings are no blurred picture, and a few steps of deconvolution do not make them
    one: ripples as wide as the kernel stay along the edges. These are what the kernel makes of a
    smooth restoration of the whole, again and again, with Nesterov's momentum: first at half the
    size.

    Args:
        blur: Transform of the kernel, on a plane of ``size``.
        size: Rows and columns, even.
        inside: Where the photo is in it; both slices start at even places.

    References:
        Reeves, *Fast image restoration without boundary artifacts*, IEEE TIP 14(10), 2005.
    """

    def __init__(self, blur: Complex64, size: tuple[int, int], inside: tuple[slice, slice]) -> None:
        self._size, self._inside = size, inside
        self._half = (size[0] // 2, size[1] // 2)
        self._within = (
            slice(inside[0].start // 2, inside[0].stop // 2),
            slice(inside[1].start // 2, inside[1].stop // 2),
        )
        self._again = _again(blur, size)
        self._again_at_half = _again(halved(blur, size), self._half)

    def fitted(self, plane: Float32) -> Float32:
        """A plane of ``size`` with other surroundings; what is inside stays as it is."""
        lower = halved(forward(plane, self._size), self._size)
        small = np.asarray(inverse(lower, self._half) / 4, np.float32)
        fitted = _steps(small, small[self._within], self._within, self._again_at_half, _HALF_STEPS)
        change = np.zeros((self._size[0], self._size[1] // 2 + 1), np.complex64)
        spectrum = forward(fitted - small, self._half) * 4
        rows = self._half[0] // 2
        change[:rows, : spectrum.shape[1]] = spectrum[:rows]
        change[-rows:, : spectrum.shape[1]] = spectrum[-rows:]
        known = plane[self._inside]
        larger = plane + inverse(change, self._size)
        larger[self._inside] = known
        return _steps(larger, known, self._inside, self._again, _FULL_STEPS)


def _again(blur: Complex64, size: tuple[int, int]) -> Float32:
    """What a smooth restoration, blurred again, keeps of each frequency."""
    energy = squared(blur)
    return np.asarray(energy / (energy + np.float32(_BALANCE) * roughness(size)), np.float32)


def _steps(
    filled: Float32, known: Float32, inside: tuple[slice, slice], again: Float32, steps: int
) -> Float32:
    """What a smooth restoration, blurred again, makes of surroundings, so often; with momentum."""
    rows, columns = filled.shape
    previous = filled
    for step in range(steps):
        ahead = filled + np.float32(step / (step + 3)) * (filled - previous)
        previous = filled
        spectrum = forward(ahead, (rows, columns)) * again
        filled = np.asarray(inverse(spectrum, (rows, columns)), np.float32)
        filled[inside] = known
    return filled
