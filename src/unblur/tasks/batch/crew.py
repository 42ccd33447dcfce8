"""Threads for work that the user may break off."""

from collections.abc import Callable
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Outcome(Generic[T, R]):
    """What becomes of one thing that is to be done."""

    def __init__(self, task: T) -> None:
        self.task = task
        self._until_finished = Lock()
        self._until_finished.acquire()
        self._finished = False
        self._value: R
        self._error: BaseException | None = None

    def run(self, work: Callable[[T], R]) -> None:
        """Do it, once."""
        try:
            self._value = work(self.task)
        except BaseException as error:
            self._error = error
        finally:
            self._finished = True
            self._until_finished.release()

    def result(self) -> R:
        """Wait for what comes of it, in one thread; an error of the work is raised."""
        if not self._finished:
            self._until_finished.acquire()  # if Ctrl-C comes now, it is finished for the next call
        if self._error is not None:
            raise self._error
        return self._value


class Crew(Generic[T, R]):
    """Threads that work on what is handed to them, in its order.

    Unlike an executor of `concurrent.futures` they may be used by a thread that Ctrl-C interrupts
    at any point: that one waits with a `Condition`, whose lock it keeps if it is interrupted as it
    takes it, and the thread that has the result waits for it forever. Here it takes nothing but
    locks that are taken or not.

    Args:
        work: What they do.
        threads: How many.
    """

    def __init__(self, work: Callable[[T], R], threads: int) -> None:
        self._work = work
        self._tasks: SimpleQueue[Outcome[T, R] | None] = SimpleQueue()
        self._threads: list[Thread] = []
        for number in range(threads):
            thread = Thread(target=self._run, name=f"unblur_{number}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def submit(self, task: T) -> Outcome[T, R]:
        """Hand over one thing."""
        outcome: Outcome[T, R] = Outcome(task)
        self._tasks.put(outcome)
        return outcome

    def leave(self) -> None:
        """Let the threads end when all is done, and wait until they have."""
        for _ in self._threads:
            self._tasks.put(None)
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while (outcome := self._tasks.get()) is not None:
            outcome.run(self._work)
