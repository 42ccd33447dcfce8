"""Work that overlaps: a thread that makes things ahead, and one that puts them away behind."""

import _thread
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Lock
from types import TracebackType
from typing import Any, Generic, TypeVar

T = TypeVar("T")

_POLL_SECONDS = 0.1


class _Thread(ABC, Generic[T]):
    """A thread with a bounded queue; leaving the block stops it and waits for it.

    Ctrl-C may come at any point of the thread that uses it. So that one takes no lock that Python
    code gives back, as `queue.Queue`, `threading.Event` and `threading.Thread` do:
    it would keep it.

    Args:
        size: Items that wait at most.
    """

    def __init__(self, size: int) -> None:
        self._items: SimpleQueue[T] = SimpleQueue()
        self._places: SimpleQueue[None] = SimpleQueue()
        for _ in range(size):
            self._places.put(None)
        self._gate: SimpleQueue[None] = SimpleQueue()
        self._open = False
        self._stopped = False
        self._error: BaseException | None = None
        self._done = False
        self._until_done = Lock()
        self._until_done.acquire()

    def __enter__(self) -> Any:
        """Start the thread."""
        try:
            # Whether it has started cannot be told if Ctrl-C comes meanwhile: so it touches nothing
            # until it is let.
            _thread.start_new_thread(self._run, ())
            self._open = True
            self._gate.put(None)
        except BaseException:
            if self._open:
                self.__exit__(None, None, None)
            self._stopped = True
            self._gate.put(None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        """Stop it, and wait until it has stopped."""
        self._stopped = True
        self._gate.put(None)
        while not self._done:
            with suppress(KeyboardInterrupt):  # what it works on must not be closed under it
                self._until_done.acquire(timeout=_POLL_SECONDS)

    def _run(self) -> None:
        self._gate.get()
        try:
            if not self._stopped:
                self._work()
        except BaseException as caught:
            self._error = caught
        finally:
            self._done = True
            self._until_done.release()

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
                item = self._items.get(timeout=_POLL_SECONDS)
            except Empty:
                if self._done and self._items.empty():
                    if self._error is not None:
                        raise self._error from None
                    return
                continue
            self._places.put(None)
            yield item

    def _work(self) -> None:
        for item in self._source:
            while not self._stopped:
                with suppress(Empty):
                    self._places.get(timeout=_POLL_SECONDS)
                    self._items.put(item)
                    break
            if self._stopped:
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
        self._full = False

    def put(self, item: T) -> None:
        """Hand over an item; waits while too many wait."""
        while True:
            if self._error is not None:
                raise self._error
            with suppress(Empty):
                self._places.get(timeout=_POLL_SECONDS)
                self._items.put(item)
                return

    def finish(self) -> None:
        """Wait until all items have been taken."""
        self._full = True
        while not self._done:
            self._until_done.acquire(timeout=_POLL_SECONDS)
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        while not self._stopped:
            try:
                item = self._items.get(timeout=_POLL_SECONDS)
            except Empty:
                if self._full and self._items.empty():  # one may have come just now
                    return
                continue
            self._places.put(None)
            self._take(item)
