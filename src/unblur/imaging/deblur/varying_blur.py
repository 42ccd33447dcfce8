"""A blur that is one kernel in each of several overlapping windows, and its adjoint."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.devices import cores
from unblur.imaging.fourier import transforms

Float32 = NDArray[np.float32]

_OVERLAP: Final = 0.5
_AROUND_PX: Final = 16
"""Beyond what a kernel reaches, around a window that is deconvolved."""


@dataclass(frozen=True)
class Place:
    """Rows and columns of a window."""

    rows: slice
    columns: slice

    def grown(self, by_px: int, shape: tuple[int, ...]) -> tuple[slice, slice]:
        """With so much more on each side, as far as the photo goes."""
        rows, columns = (
            slice(max(0, part.start - by_px), min(side, part.stop + by_px))
            for part, side in zip((self.rows, self.columns), shape, strict=True)
        )
        return rows, columns

    def inside(self, part: tuple[slice, slice]) -> tuple[slice, slice]:
        """Where it is in a larger part of the photo."""
        rows, columns = (
            slice(own.start - larger.start, own.stop - larger.start)
            for own, larger in zip((self.rows, self.columns), part, strict=True)
        )
        return rows, columns


@dataclass(frozen=True, eq=False)
class Window:
    """A window and its kernel: (K, K), K odd, of sum 1."""

    place: Place
    kernel: Float32


class VaryingBlur:
    """Blurs planes of one shape, and applies the adjoint.

    What lies beyond the edges of the photo is part of the plane that is blurred: it has
    ``reach_px`` more pixels on each side.

    Args:
        windows: They cover the photo; where they overlap they fade into each other.
        shape: Height and width of the photo, in px.
    """

    def __init__(self, windows: Sequence[Window], shape: tuple[int, ...]) -> None:
        self.windows = tuple(windows)
        self.shape = shape
        self.reach_px = max(len(window.kernel) // 2 for window in windows)
        weights = [_hill(window.place) for window in windows]
        total = np.zeros(shape, np.float32)
        for window, weight in zip(windows, weights, strict=True):
            total[window.place.rows, window.place.columns] += weight
        self._parts = []
        fft = transforms()
        for window, weight in zip(windows, weights, strict=True):
            place = window.place
            sides = [s.stop - s.start + 2 * self.reach_px for s in (place.rows, place.columns)]
            size = [fft.next_fast_len(side, real=True) for side in sides]
            spectrum = fft.rfft2(_placed(window.kernel, size), s=size)
            share = weight / total[place.rows, place.columns]
            self._parts.append((place, size, spectrum, share))

    @classmethod
    def everywhere(cls, kernel: Float32, shape: tuple[int, ...]) -> "VaryingBlur":
        """The same kernel in all of a photo."""
        place = Place(slice(0, shape[0]), slice(0, shape[1]))
        return cls((Window(place, kernel),), shape)

    def extend(self, plane: Float32) -> Float32:
        """Mirror an (H, W) plane beyond its edges, as far as the blur reaches."""
        return np.pad(plane, self.reach_px, mode="symmetric" if min(plane.shape) < self.reach_px + 1
                      else "reflect")  # fmt: skip

    def forward(self, plane: Float32) -> Float32:
        """Blur an (H, W) plane, mirrored, or one that :meth:`extend` has made larger."""
        if plane.shape == self.shape:
            plane = self.extend(plane)
        fft, reach = transforms(), self.reach_px
        blurred = np.zeros(self.shape, np.float32)
        for place, size, spectrum, share in self._parts:
            part = plane[_wider(place.rows, reach), _wider(place.columns, reach)]
            full = fft.irfft2(fft.rfft2(part, s=size) * spectrum, s=size)
            height, width = share.shape
            blurred[place.rows, place.columns] += (
                share * full[reach : reach + height, reach : reach + width]
            )
        return blurred

    def adjoint(self, plane: Float32) -> Float32:
        """The transpose of :meth:`forward` on an extended plane.

        Args:
            plane: (H, W).

        Returns:
            ``reach_px`` larger on each side.
        """
        fft, reach = transforms(), self.reach_px
        spread = np.zeros([side + 2 * reach for side in self.shape], np.float32)
        for place, size, spectrum, share in self._parts:
            height, width = share.shape
            part = np.zeros(size, np.float32)
            part[reach : reach + height, reach : reach + width] = (
                share * plane[place.rows, place.columns]
            )
            full = fft.irfft2(fft.rfft2(part) * spectrum.conj(), s=size)
            spread[_wider(place.rows, reach), _wider(place.columns, reach)] += full[
                : height + 2 * reach, : width + 2 * reach
            ]
        return spread


def plan_windows(shape: tuple[int, ...], side_px: int) -> list[Place]:
    """Windows of about a side, half over each other; one for a photo that is hardly larger.

    Args:
        shape: Height and width of the photo.
        side_px: Of a window, at least.
    """
    along = []
    for whole in shape:
        count = max(1, int((whole / side_px - 1) / (1 - _OVERLAP)) + 1)
        side = whole if count == 1 else side_px
        starts = np.rint(np.linspace(0, whole - side, count)).astype(int)
        along.append([slice(int(start), int(start) + side) for start in starts])
    return [Place(rows, columns) for rows in along[0] for columns in along[1]]


def faded(places: Sequence[Place], values: Sequence[float], shape: tuple[int, ...]) -> Float32:
    """A plane of a value in each window, which fade into each other where windows overlap.

    Args:
        places: They cover the plane.
        values: One for each.
        shape: Height and width of the plane.
    """
    plane, total = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    for place, value in zip(places, values, strict=True):
        weight = _hill(place)
        plane[place.rows, place.columns] += np.float32(value) * weight
        total[place.rows, place.columns] += weight
    return plane / total


def assembled(
    windows: Sequence[Window],
    planes: Float32,
    make: Callable[[Float32, Float32], Float32],
    *,
    threads: int = 0,
) -> Float32:
    """Make something of each window of a photo with its kernel; they fade into each other.

    Args:
        windows: They cover the photo.
        planes: (H, W) or (H, W, C).
        make: Is given a window of the planes and some of what is around it, and the kernel; makes
            an array of as many rows and columns.
        threads: To work with; 0 takes one per core. The result does not depend on it.

    Returns:
        (H, W, ...).
    """

    def made(window: Window) -> Float32:
        margin = len(window.kernel) // 2 + _AROUND_PX
        part = window.place.grown(margin, planes.shape[:2])
        whole = make(np.ascontiguousarray(planes[part]), window.kernel)
        return whole[window.place.inside(part)]

    with ThreadPoolExecutor(threads or cores()) as pool:
        parts = pool.map(made, windows)
        if len(windows) == 1:
            return next(parts)
        total = np.zeros(planes.shape[:2], np.float32)
        joined: Float32 | None = None
        for window, part in zip(windows, parts, strict=True):
            own = (window.place.rows, window.place.columns)
            weight = _hill(window.place)
            total[own] += weight
            if joined is None:
                joined = np.zeros((*total.shape, *part.shape[2:]), np.float32)
            joined[own] += part * weight.reshape(weight.shape + (1,) * (part.ndim - 2))
    assert joined is not None
    joined /= total.reshape(total.shape + (1,) * (joined.ndim - 2))
    return joined


def nearest_kernel(windows: Sequence[Window], place: Place) -> Float32:
    """The kernel of the window whose middle is nearest to that of a place."""

    def distance(window: Window) -> int:
        pairs = ((window.place.rows, place.rows), (window.place.columns, place.columns))
        return sum(abs(a.start + a.stop - b.start - b.stop) ** 2 for a, b in pairs)

    return min(windows, key=distance).kernel


def _hill(place: Place) -> Float32:
    """Highest in the middle of a window, falling to nearly nothing at its borders."""
    sides = []
    for part in (place.rows, place.columns):
        count = part.stop - part.start
        sides.append(np.sin(np.pi * (np.arange(count) + 0.5) / count) ** 2 + 1e-3)
    hill: Float32 = np.outer(*sides).astype(np.float32)
    return hill


def _wider(part: slice, reach: int) -> slice:
    """The same part, and its surroundings, in an extended plane."""
    return slice(part.start, part.stop + 2 * reach)


def _placed(kernel: Float32, size: list[int]) -> Float32:
    reach = len(kernel) // 2
    placed = np.zeros(size, np.float32)
    placed[: len(kernel), : len(kernel)] = kernel
    return np.roll(placed, (-reach, -reach), axis=(0, 1))
