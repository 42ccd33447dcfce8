"""Several data sets as one, each with its share."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from unblur.data.crops import Float32, check_index
from unblur.errors import OptionError


class PairSet(Protocol):
    """An indexable set of (blurred, sharp) crops."""

    def __len__(self) -> int:
        """The number of pairs."""
        ...

    def __getitem__(self, index: int) -> tuple[Float32, Float32]:
        """Pair ``index``: two (3, crop, crop) arrays in [0, 1]."""
        ...

    def describe(self, index: int) -> str:
        """The files behind pair ``index``."""
        ...


class Mixture:
    """Pair ``i`` is pair ``i`` of one of several sets, drawn by their weights.

    Args:
        sources: The sets, each of ``count`` pairs or more.
        weights: One for each: with 2 and 1, two pairs of three come from the first.
        seed: Which set pair ``i`` is from depends on the seed and ``i`` alone. In a mixture of
            mixtures each needs its own.
        count: Length to report.

    Raises:
        OptionError: If there are no sources, a weight is missing or not positive, or a source
            is too short.

    References:
        DeblurGAN, section 6 (the model Comb: synthetic and real pairs 2 : 1).
    """

    def __init__(
        self, sources: Sequence[PairSet], weights: Sequence[float], *, seed: int, count: int
    ) -> None:
        if not sources or len(sources) != len(weights):
            raise OptionError(
                f"a mixture needs sources and a weight for each, got {len(sources)} sources and "
                f"{len(weights)} weights"
            )
        if not all(0 < weight < float("inf") for weight in weights):
            raise OptionError(f"weights must be positive and finite, got {list(weights)}")
        if seed < 0 or count < 0:
            raise OptionError(f"seed and count must not be negative, got {seed} and {count}")
        shortest = min(map(len, sources))
        if shortest < count:
            raise OptionError(f"every source must have {count} pairs, one has {shortest}")
        self.sources = list(sources)
        self.seed = seed
        self.count = count
        self._ends = np.cumsum(weights) / np.sum(weights)

    def __len__(self) -> int:
        """The number of pairs."""
        return self.count

    def __getitem__(self, index: int) -> tuple[Float32, Float32]:
        """Pair ``index`` of the source that it is drawn from.

        Raises:
            IndexError: If the index is outside [0, count).
            DataError: If the source cannot make it.
        """
        return self._source(index)[index]

    def describe(self, index: int) -> str:
        """The files behind pair ``index``."""
        return self._source(index).describe(index)

    def _source(self, index: int) -> PairSet:
        check_index(index, self.count)
        # The third number keeps the draw apart from those that the sources make with theirs.
        draw = np.random.default_rng([self.seed, index, 7]).uniform()
        place = int(np.searchsorted(self._ends[:-1], draw, side="right"))
        return self.sources[place]
