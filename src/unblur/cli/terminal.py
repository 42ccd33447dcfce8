"""What commands share: lines, and the progress bar."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from rich.progress import Progress, Task
    from rich.text import Text


_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""What a terminal would obey, if it were in the name of a file; all but tabs and ends of lines."""


class Advance(Protocol):
    """Moves a progress bar on."""

    def __call__(self, items: int = 1, *, leave_out: bool = False) -> None:
        """By so many items; or leaves them out of the total, and of rate and time left."""


def say(text: str, *, err: bool = False) -> None:
    """Print a line; above the progress bar if there is one, and whatever is in a file's name.

    Codes that a terminal would obey are printed as numbers, ESC as ``x1b`` after a backslash.

    Args:
        text: One line or several.
        err: Print to stderr.
    """
    stream = sys.stderr if err else sys.stdout
    encoding = stream.encoding or "utf-8"
    # Names that are not text in this locale hold surrogates, which no stream takes.
    text = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    text = _CONTROLS.sub(lambda found: f"\\x{ord(found[0]):02x}", text)
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")
    stream.flush()


def complain(error: object) -> None:
    """Print what went wrong, to stderr."""
    say(f"unblur: {in_flags(error)}", err=True)


def warn_in_one_line() -> None:
    """From now on print a warning about a device as complaints are; others stay as they are."""
    import warnings

    from unblur.errors import hear_of_devices

    if warnings.showwarning.__module__ != hear_of_devices.__module__:
        hear_of_devices(complain)


def in_flags(error: object) -> str:
    """What an error of the library says to those who use commands."""
    return getattr(error, "in_flags", None) or str(error)


def counted(number: int, what: str, many: str | None = None) -> str:
    """``1 pair``, ``2 pairs``; ``1 try``, ``2 tries``, if that is how it goes."""
    return f"{number} {what if number == 1 else many or f'{what}s'}"


@contextmanager
def progress(
    what: str, total: int | None, *, hidden: bool = False, unit: str | None = None
) -> Iterator[Advance]:
    """A progress bar on stderr for more than one item, if somebody is there to see it.

    Args:
        what: The word before the bar.
        total: Number of items; None if it is not known.
        hidden: Draw none.
        unit: Also show how many of these are done, and how many in a second.
    """
    if (total is not None and total < 2) or hidden or not sys.stderr.isatty():  # noqa: PLR2004
        yield lambda items=1, leave_out=False: None
        return

    with _bar(unit) as bar:
        task = bar.add_task(what, total=total)

        def advance(items: int = 1, *, leave_out: bool = False) -> None:
            left = bar.tasks[task].total
            if leave_out and left is not None:
                bar.update(task, total=left - items)
            else:
                bar.advance(task, items)

        yield advance


def _bar(unit: str | None) -> "Progress":
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, ProgressColumn, TimeRemainingColumn
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: "Task") -> "Text":
            rate = task.finished_speed or task.speed
            return Text("" if rate is None else f"{rate:.{1 if rate < 100 else 0}f} {unit}/s")  # noqa: PLR2004

    columns = list(Progress.get_default_columns())
    if unit is not None:
        columns[-1:] = [MofNCompleteColumn(), Rate(), TimeRemainingColumn()]
    return Progress(
        *columns,
        console=Console(stderr=True),
        transient=True,
        # Lines of a command go above the bar on a terminal, and where they belong elsewhere.
        redirect_stdout=sys.stdout.isatty(),
    )
