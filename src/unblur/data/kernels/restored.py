"""Planes of shaken photos beside what was restored of them, for networks that trace a kernel."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.data.crops import as_floats, check_index
from unblur.data.kernels.tries import Try, TryCache, read_arrays
from unblur.errors import DataError, OptionError
from unblur.imaging.deblur.learned_search import ROUND_PX, shown_pictures, shown_planes, to_middle

Float32 = NDArray[np.float32]

_NEAR: Final = 24
"""The kernels of a batch are of so many whose sizes are next to each other."""


@dataclass(frozen=True, kw_only=True)
class RestoredOptions:
    """Which planes are seen; the table ``[data]`` of a recipe."""

    plane_px: tuple[int, ...] = (256, 320)
    """Most that the sides of the square planes measure; one is drawn for each batch."""
    least_agreement: float = 0.5
    """Kernels that are less like the true one are left out."""
    most_px: int = 75
    """So are those whose canvas is larger."""

    def __post_init__(self) -> None:
        """Check ranges."""
        if not self.plane_px or min(self.plane_px) < 64:  # noqa: PLR2004
            raise OptionError(f"plane_px must be sides of 64 px and more, got {self.plane_px}")
        if not 0 <= self.least_agreement < 1:
            raise OptionError(f"least_agreement must be in [0, 1), got {self.least_agreement}")
        if self.most_px < 5:  # noqa: PLR2004
            raise OptionError(f"most_px must be at least 5, got {self.most_px}")


@dataclass(frozen=True, kw_only=True, eq=False)
class FoundInTry:
    """A kernel that was found in a try, and the true one."""

    tried: Try
    number: int
    kernel: Float32
    truth: Float32

    @property
    def side(self) -> int:
        """Of a canvas for both."""
        return max(len(self.kernel) + 2 * ROUND_PX, len(self.truth))

    def on_canvas(self, side: int) -> Float32:
        """Both, (2, side, side), each in the middle; what does not fit is cut off."""
        return np.stack([_on_canvas(each, side) for each in (self.kernel, self.truth)])


class RestoredPlanes:
    """An endless, indexable set of planes with two restorations of each, and of kernels.

    Args:
        tries: Made for the second network, some of them with kernels that were found.
        options: Which are seen.
        seed: Plane ``i`` depends on the seed, ``i``, ``together`` and the files alone.
        count: Length to report; any index below it is valid.
        together: So many after each other have planes and canvases of one size.

    Raises:
        DataError: If no try has a kernel that was found and is nearly right.
    """

    def __init__(
        self,
        tries: Sequence[Try],
        options: RestoredOptions,
        *,
        seed: int,
        count: int,
        together: int,
    ) -> None:
        self.options = options
        self.seed, self.count, self.together = seed, count, together
        found = [each for tried in tries for each in _found(tried, options)]
        if not found:
            raise DataError(
                "no try holds a kernel that was found and is nearly right; make some with a search"
            )
        self.found = sorted(found, key=lambda each: each.side)
        self._pixels = TryCache()

    def __len__(self) -> int:
        """The number of planes."""
        return self.count

    def __getitem__(self, index: int) -> tuple[Float32, Float32]:
        """Plane ``index``: (3, N, N), as :func:`shown_pictures` gives it; and (2, K, K), kernels.

        Of the latter the first was found, the second is true; K is odd.

        Raises:
            IndexError: If the index is outside [0, count).
            DataError: If a file is damaged.
        """
        picked, plane_px, canvas = self._batch(index)
        own = picked[index % self.together]
        rng = np.random.default_rng([self.seed, index])
        rows, columns = (
            slice(at, at + plane_px)
            for at in (int(rng.integers(0, whole - plane_px + 1)) for whole in own.tried.size)
        )
        seen = self._seen(own, rows, columns)
        kernels = own.on_canvas(canvas)
        turns, flip = int(rng.integers(4)), int(rng.choice([1, -1]))
        seen, kernels = (np.rot90(x[..., ::flip], turns, (1, 2)) for x in (seen, kernels))
        return np.ascontiguousarray(seen), np.ascontiguousarray(kernels)

    def describe(self, index: int) -> str:
        """The file behind plane ``index``."""
        picked, _, _ = self._batch(index)
        return str(picked[index % self.together].tried.path)

    def whole(self, found: FoundInTry) -> tuple[Float32, Float32]:
        """All of one of :attr:`found`, as it is: (3, h, w) and (2, K, K)."""
        return self._seen(found, slice(None), slice(None)), found.on_canvas(found.side)

    def _seen(self, found: FoundInTry, rows: slice, columns: slice) -> Float32:
        pixels = self._pixels[found.tried.path]
        light = found.tried.lights[found.number]
        guide = as_floats(pixels.guides[found.number][rows, columns])
        blurred = as_floats(pixels.blurred[rows, columns])
        plane, *restored = shown_planes(blurred, guide, linear_light=light)
        return shown_pictures(plane, restored)

    def _batch(self, index: int) -> tuple[list[FoundInTry], int, int]:
        """What is seen together, the side of the planes, that of the canvas."""
        check_index(index, self.count)
        rng = np.random.default_rng([self.seed, index // self.together, 1])
        first = int(rng.integers(max(1, len(self.found) - _NEAR + 1)))
        near = self.found[first : first + _NEAR]
        picked = [near[i] for i in rng.integers(len(near), size=self.together)]
        least = min(min(each.tried.size) for each in picked)
        plane_px = min(least, int(rng.choice(self.options.plane_px)))
        return picked, plane_px, max(each.side for each in picked)


def _on_canvas(kernel: Float32, side: int) -> Float32:
    more = (side - len(kernel)) // 2
    if more >= 0:
        return np.pad(kernel, more)
    inside = kernel[-more:more, -more:more]
    cut: Float32 = inside / inside.sum()
    return cut


def _found(tried: Try, options: RestoredOptions) -> list[FoundInTry]:
    right = [i for i, alike in enumerate(tried.alike) if alike >= options.least_agreement]
    if not right:
        return []
    arrays = read_arrays(tried.path, ("truth", *(f"kernel_{i}" for i in right)))
    truth = arrays["truth"]
    every = [
        FoundInTry(
            tried=tried,
            number=i,
            kernel=to_middle(arrays[f"kernel_{i}"]),
            truth=truth,
        )
        for i in right
    ]
    return [each for each in every if each.side <= options.most_px]
