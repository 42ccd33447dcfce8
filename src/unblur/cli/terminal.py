"""What commands share: the progress bar."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress(what: str, total: int, *, hidden: bool = False) -> Iterator[Callable[[], None]]:
    """A progress bar on stderr for more than one item, if somebody is there to see it."""
    if total < 2 or hidden or not sys.stderr.isatty():  # noqa: PLR2004
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda: bar.advance(task)
