"""A pool of Ray actors that survives their deaths; no photo is lost with one, or kills for ever.

Why not Ray Data: docs/adr/0008-actors-not-ray-data.md.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

from unblur.engines import warn_once
from unblur.errors import UnblurError
from unblur.tasks.scale.options import (
    FAILED,
    ClusterError,
    Item,
    LocalTroubleError,
    Outcome,
    ScaleOptions,
)

_TICK_SECONDS: Final = 1.0
_GOODBYE_SECONDS: Final = 5.0
_REST_SECONDS: Final = 60.0
"""A worker on a machine in trouble gets no work for so long, if there is another."""
_MOST_ASIDE: Final = 1000
"""Outcomes that need no worker are passed on when there are so many, lest they fill memory."""


@dataclass(eq=False)
class _Task:
    item: Item
    attempt: int
    alone: bool
    started: float = field(default_factory=time.monotonic)


@dataclass(eq=False)
class _Actor:
    handle: Any
    greeting: Any
    """A promise of what the worker says when it has opened the network."""
    since: float = field(default_factory=time.monotonic)
    ready: bool = False
    rests_until: float = 0.0
    tasks: dict[Any, _Task] = field(default_factory=dict)

    @property
    def has_one_to_itself(self) -> bool:
        return any(task.alone for task in self.tasks.values())


class Pool:
    """Sends photos to actors, few at a time, and starts new actors in place of dead ones.

    Args:
        ray: The module, connected.
        make: Makes the handle of a new actor with the methods of
            :class:`unblur.tasks.scale.worker.Worker`.
        workers: How many.
        options: What is done when something goes wrong.
    """

    def __init__(
        self, ray: Any, make: Callable[[], Any], *, workers: int, options: ScaleOptions
    ) -> None:
        self._ray = ray
        self._make = make
        self._options = options
        self._again: deque[_Task] = deque()
        self._aside: list[Outcome] = []
        self._actors = [self._new() for _ in range(workers)]
        self._answered = time.monotonic()
        self.deaths = 0
        """Of workers, so far."""
        self.engine: str | None = None
        """What all workers run the network with; known before the first outcome."""

    def run(self, items: Iterator[Item | Outcome]) -> Iterator[Outcome | None]:
        """Outcomes in the order in which they come; None when nothing came for a while.

        Args:
            items: What to do, taken when there is a worker for it; outcomes are passed on.

        Raises:
            ClusterError: If no worker answers for long, or they run on different engines.
            UnblurError: If a worker cannot open the network.
        """
        left = True
        while left or self._again or any(x.tasks for x in self._actors):
            left = self._fill(items if left else iter(())) and left
            yield from self._aside
            came = bool(self._aside)
            self._aside.clear()
            for outcome in self._collect(wait=not came):
                came = True
                yield outcome
            if not came:
                yield None

    def close(self) -> None:
        """End all workers; what they have not told is not done."""
        goodbyes = [x.handle.close.remote() for x in self._actors if x.ready]
        if goodbyes:
            self._ray.wait(goodbyes, num_returns=len(goodbyes), timeout=_GOODBYE_SECONDS)
        for actor in self._actors:
            self._ray.kill(actor.handle)

    def _new(self) -> _Actor:
        handle = self._make()
        return _Actor(handle=handle, greeting=handle.hello.remote())

    def _fill(self, items: Iterator[Item | Outcome]) -> bool:
        """Give every worker as much as it may have; False when there are no more items."""
        awake = self._awake()
        for actor in [x for x in awake if not x.tasks]:
            if self._again:
                self._send(actor, self._again.popleft())
        ready = [x for x in awake if not x.has_one_to_itself]
        if self._again and ready:
            ready.pop(0)  # comes to rest, for the next that needs a worker to itself
        for _ in range(self._options.photos_at_once):
            for actor in ready:
                if len(actor.tasks) < self._options.photos_at_once:
                    item = self._next(items)
                    if item is None:
                        return len(self._aside) >= _MOST_ASIDE
                    self._send(actor, _Task(item=item, attempt=1, alone=False))
        return True

    def _awake(self) -> list[_Actor]:
        """All but those on full disks, which give photos back at once and would get most.

        Where there are no others, those have to do, but not while another may still start: all
        attempts of a photo would be over before it has.
        """
        now = time.monotonic()
        ready = [x for x in self._actors if x.ready]
        awake = [x for x in ready if x.rests_until < now]
        latest = now - self._options.start_seconds
        if awake or any(not x.ready and x.since > latest for x in self._actors):
            return awake
        return ready

    def _next(self, items: Iterator[Item | Outcome]) -> Item | None:
        while len(self._aside) < _MOST_ASIDE:
            found = next(items, None)
            if not isinstance(found, Outcome):
                return found
            self._aside.append(found)
        return None

    def _send(self, actor: _Actor, task: _Task) -> None:
        task.started = time.monotonic()
        actor.tasks[actor.handle.restore.remote(task.item)] = task

    def _collect(self, *, wait: bool) -> Iterator[Outcome]:
        waited = {ref: actor for actor in self._actors for ref in actor.tasks}
        waited |= {x.greeting: x for x in self._actors if not x.ready}
        refs = list(waited)
        if not refs:
            return
        timeout = _TICK_SECONDS if wait else 0
        done, _ = self._ray.wait(refs, num_returns=1, timeout=timeout)
        if done:
            done, _ = self._ray.wait(refs, num_returns=len(refs), timeout=0)
        for ref in done:
            actor = waited[ref]
            if actor not in self._actors:
                continue  # it has died, and what it had is with others
            if ref is actor.greeting:
                self._greet(actor)
            else:
                yield from self._take(actor, ref)
        yield from self._end_the_stuck()
        if any(x.ready for x in self._actors):
            self._answered = time.monotonic()
        elif time.monotonic() - self._answered > self._options.start_seconds:
            raise ClusterError(
                f"no worker has answered for {self._options.start_seconds:.0f} s, {self.deaths} "
                "have died; is the cluster busy with other work, or its memory too small?"
            )

    def _greet(self, actor: _Actor) -> None:
        try:
            said = self._ray.get(actor.greeting)
        except self._ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, UnblurError):
                raise error.cause from None
            if isinstance(error.cause, LocalTroubleError):
                self._let_go(actor, error.cause)
                return
            raise ClusterError(f"a worker cannot start: {error.cause!r}") from error
        except self._ray.exceptions.RayError:
            self._replace(actor)
            return
        engine = said["engine"]
        if self.engine not in {None, engine}:
            raise ClusterError(
                f"workers run on different engines, {self.engine} and {engine}, whose pixels "
                "differ; name one that all machines have: --engine, --precision, --device"
            )
        self.engine = engine
        if "warning" in said:
            warn_once(said["warning"])  # of a device; hundreds of workers say the same
        actor.ready = True

    def _let_go(self, actor: _Actor, trouble: LocalTroubleError) -> None:
        """Do without a worker that cannot start on its machine; another would not, either."""
        self._ray.kill(actor.handle)
        self._actors.remove(actor)
        if not self._actors:
            raise ClusterError(f"no worker can start: {trouble}")

    def _take(self, actor: _Actor, ref: Any) -> Iterator[Outcome]:
        try:
            outcome = self._ray.get(ref)
        except self._ray.exceptions.RayTaskError as error:
            task = actor.tasks.pop(ref)
            if isinstance(error.cause, LocalTroubleError):
                actor.rests_until = time.monotonic() + _REST_SECONDS
            yield from self._once_more(task, str(error.cause))
        except self._ray.exceptions.RayError:
            yield from self._bury(actor, "its worker died while it was restored")
        else:
            task = actor.tasks.pop(ref)
            yield replace(outcome, attempts=task.attempt)

    def _bury(self, actor: _Actor, why: str) -> Iterator[Outcome]:
        """A worker is dead, or as good as that: its photos go to others."""
        tasks = list(actor.tasks.values())
        self._replace(actor)
        for task in tasks:
            yield from self._once_more(task, why)

    def _replace(self, actor: _Actor) -> None:
        # One that Ray has lost sight of may live, and must not write any more.
        self._ray.kill(actor.handle)
        self.deaths += 1
        self._actors[self._actors.index(actor)] = self._new()

    def _once_more(self, task: _Task, why: str) -> Iterator[Outcome]:
        if task.attempt < self._options.attempts:
            self._again.append(_Task(item=task.item, attempt=task.attempt + 1, alone=True))
            return
        times = f", {task.attempt} times" if task.attempt > 1 else ""
        yield Outcome(
            source=task.item.key,
            status=FAILED,
            reason=f"{task.item.key}: {why}{times}",
            source_bytes=task.item.bytes,
            source_stamp=task.item.stamp,
            attempts=task.attempt,
        )

    def _end_the_stuck(self) -> Iterator[Outcome]:
        latest = time.monotonic() - self._options.photo_seconds
        for actor in list(self._actors):
            if any(task.started < latest for task in actor.tasks.values()):
                seconds = self._options.photo_seconds
                yield from self._bury(actor, f"took longer than {seconds:g} s")
