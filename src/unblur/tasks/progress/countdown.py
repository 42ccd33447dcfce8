"""The time left as people are told it: it counts down, and says no more than is known."""

from collections.abc import Hashable
from typing import Final

_AGAIN: Final = 1.25
"""So many times what was shown, a new stage may make it; less is no reason to say more."""
_LONGER: Final = 2.0
"""So many times what was shown, it may become within a stage that takes longer than thought."""


class Countdown:
    """Makes of estimates, which go up and down, what is shown: it rises seldom, for a reason."""

    def __init__(self) -> None:
        self._shown: float | None = None
        self._at: Hashable = None

    def shown(self, left_s: float | None, at: Hashable) -> float | None:
        """What to show now.

        Args:
            left_s: What is thought now, in seconds; None if nobody knows.
            at: What is being done; where that is new, the estimate may be, too.

        Returns:
            Seconds; None if nobody knows.
        """
        if (
            left_s is None
            or self._shown is None
            or left_s > (_AGAIN if at != self._at else _LONGER) * self._shown
        ):
            self._shown = left_s
        else:
            self._shown = min(self._shown, left_s)
        self._at = at
        return self._shown


def left_words(seconds: float | None) -> str:
    """``about half a minute left``: no more exact than it is; nothing if nobody knows."""
    if seconds is None:
        return ""
    for under, words in (
        (7.0, "a few seconds"),
        (15.0, "about 10 seconds"),
        (25.0, "about 20 seconds"),
        (45.0, "about half a minute"),
        (90.0, "about a minute"),
    ):
        if seconds < under:
            return f"{words} left"
    return f"about {round(seconds / 60)} minutes left"
