"""What commands share: the progress bar."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Advance(Protocol):
    """Moves a progress bar on."""

    def __call__(self, items: int = 1) -> None:
        """By so many items."""


@contextmanager
def progress(what: str, total: int | None, *, hidden: bool = False) -> Iterator[Advance]:
    """A progress bar on stderr for more than one item, if somebody is there to see it.

    Args:
        what: The word before the bar.
        total: Number of items; None if it is not known.
        hidden: Draw none.
    """
    if (total is not None and total < 2) or hidden or not sys.stderr.isatty():  # noqa: PLR2004
        yield lambda items=1: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda items=1: bar.advance(task, items)
