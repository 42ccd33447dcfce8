"""Stops from outside: Ctrl-C, SIGTERM, and the time that a start of a run was given."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, Final

_STOPPING: Final = (signal.SIGINT, signal.SIGTERM)


class HaltedError(BaseException):
    """A second signal: the loop is left at once, in the middle of an update perhaps."""


class Stop:
    """Whether a run is to stop before its last step: for a signal, or because its time is over.

    A signal is only noted. The loop looks at it between two updates, where nothing is half done.

    Args:
        minutes: Time from now on; None if there is no limit.
    """

    def __init__(self, minutes: float | None) -> None:
        self.signal: int | None = None
        """The first that came, None so far."""
        self.tell: Callable[[str], None] = lambda _: None
        """Called with a line when it comes."""
        self._end = float("inf") if minutes is None else time.monotonic() + 60 * minutes
        self._before: dict[signal.Signals, Any] = {}

    @property
    def late(self) -> bool:
        """Whether the time is over."""
        return time.monotonic() >= self._end

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Note signals, but not those that this process is to ignore, as a shell's ``&`` wants."""
        if threading.current_thread() is threading.main_thread():
            found = {number: signal.getsignal(number) for number in _STOPPING}
            self._before = {
                number: handler
                for number, handler in found.items()
                if handler not in {signal.SIG_IGN, None}
            }
        self.listen()
        try:
            yield
        finally:
            for number, handler in self._before.items():
                signal.signal(number, handler)

    def listen(self) -> None:
        """Listen again: Lightning puts handlers of its own in place when it starts."""
        for number in self._before:
            signal.signal(number, self._note)

    def _note(self, number: int, _: FrameType | None) -> None:
        if self.signal is not None:
            raise HaltedError
        self.signal = number
        with suppress(RuntimeError):  # the signal came while a line was being written
            self.tell("finishing this update, then saving; once more stops at once")


def outlive_signals(_: int) -> None:
    """Ctrl-C and SIGTERM reach workers, too: the training process finishes, then ends them."""
    for number in _STOPPING:
        signal.signal(number, signal.SIG_IGN)
