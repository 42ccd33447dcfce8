"""What is being done with a photo, for whoever shows that: the page, a line on a terminal.

Ways of restoring call :func:`doing`. Who wants to know calls them within :func:`heard`, in the same
thread; nobody else hears of it, and it costs nothing then.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, Literal, TypeAlias

Stage: TypeAlias = Literal[
    "open",
    "look",
    "read",
    "search",
    "weigh",
    "follow",
    "undo",
    "clean",
    "reference",
    "restore",
    "frames",
    "write",
    "show",
]
WORDS: Final[dict[Stage, str]] = {
    "open": "getting ready",
    "look": "looking at it",
    "read": "reading it",
    "search": "looking for the shake",
    "weigh": "weighing what was found",
    "follow": "following the shake",
    "undo": "undoing it",
    "clean": "cleaning up",
    "reference": "taking detail from the second shot",
    "restore": "restoring it",
    "frames": "restoring it",
    "write": "writing the file",
    "show": "preparing the view",
}
"""Each stage in words that need no explanation, in the order in which they come."""
Hear = Callable[[Stage, float | None], None]

_hears: ContextVar[Hear | None] = ContextVar("hears", default=None)


@contextmanager
def heard(hear: Hear, *, others_too: bool = False) -> Iterator[None]:
    """Hear of the stages of what is done within, by this thread.

    Args:
        hear: Gets each stage when it begins; then, if it tells so much, which share of it is done.
            What it raises ends the work.
        others_too: Whoever heard before goes on hearing, after this one.

    Examples:
        >>> from unblur.tasks.progress.stages import doing, heard
        >>> with heard(lambda stage, share: print(stage, share)):
        ...     doing("search")
        ...     doing("restore", 0.5)
        search None
        restore 0.5
    """
    others = _hears.get() if others_too else None

    def tell_all(stage: Stage, share: float | None) -> None:
        hear(stage, share)
        if others is not None:
            others(stage, share)

    token = _hears.set(tell_all)
    try:
        yield
    finally:
        _hears.reset(token)


@contextmanager
def timed() -> Iterator[dict[Stage, float]]:
    """Note how long the stages of what is done within take; others go on hearing of them.

    Yields:
        Seconds by stage, in order; the last one's are there afterwards.
    """
    seconds: dict[Stage, float] = {}
    now: Stage | None = None
    since = 0.0

    def hear(stage: Stage | None, share: float | None = None) -> None:
        nonlocal now, since
        at = time.monotonic()
        if now is not None:
            seconds[now] = seconds.get(now, 0.0) + at - since
        now, since = stage, at

    try:
        with heard(hear, others_too=True):
            yield seconds
    finally:
        hear(None)


@contextmanager
def unheard() -> Iterator[None]:
    """Keep to oneself what ways of restoring say that are only a part of this one."""
    with heard(lambda stage, share: None):
        yield


def doing(stage: Stage, share: float | None = None) -> None:
    """Say what is being done now.

    Args:
        stage: The same one again if it goes on.
        share: So much of it is done, 0 to 1; None if that is not known.
    """
    hear = _hears.get()
    if hear is not None:
        hear(stage, share)
