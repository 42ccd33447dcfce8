"""How long photos take here, told before they are restored, and learnt from those that were."""

from typing import Final

_START_S: Final = 0.3
"""What any photo takes, in units of work: a megapixel of the search is one."""
_SEARCHED_MP: Final = 3.2
"""Larger photos are looked at, and worked on, at a fraction of their size."""
_BEYOND: Final = 0.25
"""What a megapixel beyond that takes: it is read, enlarged and written."""
_FIRST_S: Final = {"auto": 8.0, "network": 1.5, "unsharp-mask": 1.0, "reference": 8.0}
"""Seconds for a unit of work, on two cores, until something has been restored here."""
_NEWEST: Final = 0.5
"""What the last photo counts, against all before it."""


class Pace:
    """Seconds that photos take, by the way of restoring."""

    def __init__(self) -> None:
        self._seconds = dict(_FIRST_S)

    def expected_s(self, way: str, megapixels: float) -> float:
        """How long a photo will take, in seconds.

        Args:
            way: ``auto``, ``network``, ``unsharp-mask`` or ``reference``.
            megapixels: Of the photo.
        """
        return self._seconds[way] * _work(megapixels)

    def learn(self, way: str, megapixels: float, seconds: float) -> None:
        """Hear how long a photo took."""
        before = self._seconds[way]
        self._seconds[way] = before + _NEWEST * (seconds / _work(megapixels) - before)


def _work(megapixels: float) -> float:
    return _START_S + min(megapixels, _SEARCHED_MP) + _BEYOND * max(0.0, megapixels - _SEARCHED_MP)
