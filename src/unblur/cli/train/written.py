"""What the commands say that write a data set, one item after the other."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from unblur.cli.terminal import counted, progress, say


class Written(Protocol):
    """What became of one item."""

    @property
    def there(self) -> bool:
        """It had been made before."""

    @property
    def error(self) -> str | None:
        """Why it was not made."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """In which words; ``quiet``: of errors only."""

    verb: str
    one: str
    many: str
    quiet: bool


def tell_written(results: Iterable[Written], total: int, out: Path, told: Told) -> int:
    """Say what is written, and of each error; the exit status."""
    made = there = failed = 0
    with progress(told.verb, total, hidden=told.quiet) as advance:
        for result in results:
            if result.error is not None:
                failed += 1
                say(f"unblur: {result.error}", err=True)
            else:
                there += result.there
                made += not result.there
            advance()
    if not told.quiet:
        before = f", {there} {'was' if there == 1 else 'were'} there" if there else ""
        say(f"{counted(made, told.one, told.many)} written to {out}{before}")
    if failed:
        of = counted(total, told.one, told.many)
        say(f"unblur: {failed} of {of} failed", err=True)
    return 1 if failed else 0
