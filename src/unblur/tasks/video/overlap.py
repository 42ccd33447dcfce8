"""Work that overlaps: a thread that makes things ahead, and one that puts them away behind."""

import queue
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from types import TracebackType
from typing import Any, Generic, TypeVar

T = TypeVar("T")

_POLL_SECONDS = 0.1


class _Thread(ABC, Generic[T]):
    """A thread with a bounded queue; leaving the block stops it and waits for it."""

    def __init__(self, size: int) -> None:
        self._queue: queue.Queue[Any] = queue.Queue(size)
        self._stop = threading.Event()
        self._error: BaseException | None = None
        self._done = False
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Any:
        """Start the thread."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        """Stop it, and wait until it has stopped."""
        self._stop.set()
        while self._thread.is_alive():
            with suppress(KeyboardInterrupt):  # what it works on must not be closed under it
                self._thread.join(_POLL_SECONDS)

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as caught:
            self._error = caught
        finally:
            self._done = True

    @abstractmethod
    def _work(self) -> None:
        """What the thread does."""


class Ahead(_Thread[T]):
    """Iterate over something in a thread, so many items ahead.

    An error of the source is raised where the items are taken, in its place.

    Args:
        source: What to iterate over.
        size: Items that wait at most.
    """

    def __init__(self, source: Iterable[T], *, size: int = 2) -> None:
        super().__init__(size)
        self._source = source

    def __iter__(self) -> Iterator[T]:
        """The items in order."""
        while True:
            try:
                yield self._queue.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                if self._done and self._queue.empty():
                    if self._error is not None:
                        raise self._error from None
                    return

    def _work(self) -> None:
        for item in self._source:
            while not self._stop.is_set():
                with suppress(queue.Full):
                    self._queue.put(item, timeout=_POLL_SECONDS)
                    break
            if self._stop.is_set():
                return


class Behind(_Thread[T]):
    """Call a function for one item after the other in a thread.

    Args:
        take: The function. An error of it is raised at the next `put`, or at `finish`.
        size: Items that wait at most.
    """

    def __init__(self, take: Callable[[T], None], *, size: int = 2) -> None:
        super().__init__(size)
        self._take = take
        self._full = threading.Event()

    def put(self, item: T) -> None:
        """Hand over an item; waits while too many wait."""
        while True:
            if self._error is not None:
                raise self._error
            with suppress(queue.Full):
                self._queue.put(item, timeout=_POLL_SECONDS)
                return

    def finish(self) -> None:
        """Wait until all items have been taken."""
        self._full.set()
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        while not self._stop.is_set():
            try:
                item = self._queue.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                if self._full.is_set():
                    return
                continue
            self._take(item)
