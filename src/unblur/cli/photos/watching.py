"""One line on a terminal while one photo is worked on: what is being done, and the time left."""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from unblur.errors import UnblurError
from unblur.tasks.progress.countdown import Countdown, left_words
from unblur.tasks.progress.pace import STAGES, Course, Pace, Way
from unblur.tasks.progress.stages import WORDS, Stage, heard

if TYPE_CHECKING:
    from rich.live import Live
    from rich.table import Table

_AFTER_S: Final = 1.0
"""Seconds before the line is shown: what ends sooner needs none."""
_SHORT_S: Final = 0.6
"""Seconds more that are waited if all is about to end then."""
_LONGEST_NAME: Final = 30
_LEAST_NAME: Final = 6
_BARS: Final = ((110, 24), (80, 12))
"""From so many columns on, the bar has so many; a narrower terminal has words alone."""
_GAP: Final = 2
_LEFT: Final = len(left_words(30.0))
"""The longest words of the time left: room is kept for them, so that nothing jumps."""


@contextmanager
def watching(
    source: Path,
    way: Way,
    *,
    name: str | None = None,
    before: tuple[Stage, ...] = (),
    hidden: bool = False,
) -> Iterator[Callable[[], None]]:
    """Show on stderr how far a photo is, if it takes a while and somebody is there to see it.

    Args:
        source: The photo; whatever is wrong with it is said elsewhere.
        way: How it is worked on.
        name: What to call it; None: by the name of its file.
        before: Stages before those of the way.
        hidden: Show nothing.

    Yields:
        What takes the line away, before anything else is printed. Leaving does, too.
    """
    if hidden or not sys.stderr.isatty():
        yield lambda: None
        return
    stages = (*before, *STAGES[way])
    line = _Line(name or source.name, Course(Pace(), way, _megapixels(source), stages))
    threading.Thread(target=line.show_later, name="unblur-line", daemon=True).start()
    try:
        with heard(line.hear):
            yield line.erase
    finally:
        line.erase()


class _Line:
    """The line on the terminal, drawn by a thread of its own."""

    def __init__(self, name: str, course: Course) -> None:
        self._name = os.fsencode(name).decode("utf-8", "replace")
        self._course = course
        self._countdown = Countdown()
        course.enter(course.stages[0], time.monotonic())
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._live: Live | None = None

    def hear(self, stage: Stage, share: float | None) -> None:
        """Hear of a stage."""
        self._course.enter(stage, time.monotonic(), share)

    def show_later(self) -> None:
        """Show it once it has taken a while, unless it is over by then."""
        if self._over.wait(_AFTER_S):
            return
        left = self._course.left_s(time.monotonic())
        if left is not None and left < _SHORT_S and self._over.wait(_SHORT_S):
            return
        from rich.console import Console
        from rich.live import Live

        with self._lock:
            if self._over.is_set():
                return
            console = Console(stderr=True)
            self._live = Live(
                get_renderable=lambda: self._drawn(console.width),
                console=console,
                transient=True,
                refresh_per_second=5,
                # Lines of a command go above it on a terminal, and where they belong elsewhere.
                redirect_stdout=sys.stdout.isatty(),
            )
            self._live.start(refresh=True)

    def erase(self) -> None:
        """Take it away for good."""
        self._over.set()
        with self._lock:
            if self._live is not None:
                self._live.stop()
                self._live = None

    def _drawn(self, columns: int) -> "Table":
        from rich.cells import cell_len
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        now, stage = time.monotonic(), self._course.stage
        left = self._course.left_s(now) if self._course.sure else None
        words = WORDS[stage] if stage is not None else "waiting"
        bar = next((wide for least, wide in _BARS if columns >= least), 0)
        rest = _LEFT + (bar + _GAP if bar else 0) + 2 * _GAP
        if columns - rest < cell_len(words):  # no room for the time, then
            bar, rest = 0, _GAP
        table = Table.grid(padding=(0, _GAP, 0, 0))
        row: list[Text | ProgressBar] = [
            Text(_named(self._name, words, columns - rest), no_wrap=True, overflow="ellipsis")
        ]
        if bar:
            row.append(ProgressBar(total=1.0, completed=self._course.share(now), width=bar))
        if rest > _GAP:
            row.append(Text(left_words(self._countdown.shown(left, stage)), no_wrap=True))
        table.add_row(*row)
        return table


def _named(name: str, words: str, columns: int) -> str:
    """What is done with what, in so many columns: the words whole, of the name what fits."""
    from rich.cells import cell_len, chop_cells

    room = min(_LONGEST_NAME, columns - cell_len(words) - len(": "))
    if cell_len(name) <= room:
        return f"{name}: {words}"
    if room < _LEAST_NAME:
        return words
    return f"{chop_cells(name, room - 1)[0]}…: {words}"


def _megapixels(source: Path) -> float:
    """Of a photo whose header can be read; others fail soon."""
    from unblur.imaging.photo.decode import megapixels

    try:
        return megapixels(source)
    except UnblurError:
        return 1.0
