"""What commands say of their photos: lines, JSON, a report file, and the sum."""

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from unblur.cli.terminal import complain, counted, progress, say
from unblur.errors import OptionError, TargetError

if TYPE_CHECKING:
    from unblur.tasks.batch.files import Job, Restored
    from unblur.tasks.bench.rows import AnyLine

_SOME: Final = 5
_SCREENFUL: Final = 20
"""After more lines than this an error has scrolled away, and is told again at the end."""


@dataclass
class Tally:
    """Counts results and prints them."""

    total: int = 0
    as_json: bool = False
    quiet: bool = False
    verbose: bool = False
    err: bool = False
    """Say everything on stderr: standard output is the photo's."""
    workers: int = 1
    """How many photos are worked on at the same time."""
    folders: tuple[Path, ...] = ()
    """Folders that results go to because no other was named."""
    erase: Callable[[], None] = lambda: None
    """Takes away what shows how far a photo is, before its line is printed."""
    restored: int = 0
    hardly: int = 0
    """How many of the restored look as they did before."""
    skipped: int = 0
    otherwise: int = 0
    """How many of the skipped have a result that was made in another way."""
    errors: list[str] = field(default_factory=list)
    started: float = field(default_factory=time.perf_counter)

    def add(self, result: "Restored") -> None:
        """Count one result, and print it."""
        self.erase()
        if result.error is not None:
            self.errors.append(error_of(result))
        elif result.skipped:
            self.skipped += 1
            self.otherwise += result.otherwise is not None
        else:
            self.restored += 1
            self.hardly += result.unchanged is not None
        if self.as_json:
            say(json.dumps(entry(result)))
        elif result.error is not None:
            complain(error_of(result))
        elif result.otherwise is not None and not self.quiet:
            line = f"{result.source} -> {result.target}  left as it was: made earlier "
            say(line.replace("\n", "\\n") + result.otherwise)
        elif result.skipped and self.verbose:
            say(f"{result.source} -> {result.target}  done already")
        elif not self.quiet and not result.skipped:
            notes = f" ({'; '.join(result.notes)})" if result.notes else ""
            preview = f", before and after: {result.preview}" if result.preview else ""
            line = f"{result.source} -> {result.target}  {result.seconds:.2f} s{preview}{notes}"
            say(line.replace("\n", "\\n"), err=self.err)

    def totals(self, *, interrupted: bool = False) -> dict[str, Any]:
        """The last line of a report."""
        seconds = time.perf_counter() - self.started
        return {
            "photos": self.total,
            "restored": self.restored,
            "skipped": self.skipped,
            "failed": len(self.errors),
            "seconds": round(seconds, 3),
            "photos_per_second": round(self.restored / seconds, 3),
            "interrupted": interrupted,
        }

    def print_sum(self, *, interrupted: bool = False) -> None:
        """Say what became of several photos."""
        if self.total == 1 and not self.skipped:
            return
        sums = self.totals(interrupted=interrupted)
        if not self.as_json and not self.quiet:
            self._say_more(sums["seconds"])
            parts = [f"{self.restored} restored"]
            same = self.skipped - self.otherwise
            parts += [f"{same} done already"] if same else []
            parts += [f"{self.otherwise} left as made earlier"] if self.otherwise else []
            parts += [f"{len(self.errors)} failed"] if self.errors else []
            where = ", ".join(f"{folder}{os.sep}" for folder in self.folders)
            said = f"{', '.join(parts)} in {_took(sums['seconds'])}"
            say(f"{said}, into {where}" if where else said)
        if self.errors and self.restored + self.skipped + len(self.errors) > _SCREENFUL:
            for error in self.errors:
                complain(error)
        if self.errors and self.total > 1:
            say(f"unblur: {len(self.errors)} of {self.total} photos failed", err=True)
        left = self.total - self.restored - self.skipped - len(self.errors)
        if interrupted and self.total > 1 and not self.quiet:
            say(f"unblur: {left} of {self.total} photos not done", err=True)

    def _say_more(self, seconds: float) -> None:
        """What else is worth knowing of several that were restored."""
        if self.otherwise:
            say("--overwrite makes anew what was left as it was; -o with another folder keeps both")
        if self.restored < 2:  # noqa: PLR2004
            return
        each = f"{_took(seconds / self.restored)} a photo in all"
        if self.workers > 1:
            at_once = f"{self.workers} photos at a time, so the seconds of each overlap with others"
            say(f"{at_once}; {each}")
        else:
            say(each)
        if self.hardly:
            say(f"{self.hardly} of the {self.restored} hardly changed; the reason is behind each")


class Report:
    """A JSON Lines file: one line a photo, the last one totals."""

    def __init__(self, lines: Any = None) -> None:
        self._lines = lines
        self.empty = True

    def write(self, line: dict[str, Any]) -> None:
        """Write one line."""
        self.empty = False
        if self._lines is not None:
            self._lines.write(json.dumps(line) + "\n")


@contextmanager
def report_file(path: Path | None, *, overwrite: bool) -> Iterator[Report]:
    """Open a report, which appears whole when the block is left, however that is.

    Args:
        path: The file; an earlier report is replaced. None writes none.
        overwrite: Replace any file.

    Raises:
        OptionError: If there is a file that is not a report.
        TargetError: If it cannot be written.
    """
    if path is None:
        yield Report()
        return
    if path.is_dir() or (path.exists() and not overwrite and not _is_report(path)):
        raise OptionError(f"{path}: exists and is not a report; name another file for --report")
    from unblur.imaging.files import temporary_beside

    temporary = temporary_beside(path)
    try:
        with temporary.open("x", encoding="utf-8") as lines:
            report = Report(lines)
            try:
                yield report
            finally:
                lines.flush()
                if not report.empty:
                    temporary.replace(path)
    except OSError as error:
        raise TargetError(f"{path}: cannot be written ({error.strerror})") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def say_plan(jobs: "Sequence[Job]", left_out: Sequence[Path]) -> None:
    """Say what of a folder is no photo or not entered, and which results say a format."""
    folders = [path for path in left_out if path.is_dir()]
    if folders:
        said = f"{counted(len(folders), 'folder')} not entered ({folders[0].name}"
        more = ", ..." if len(folders) > 1 else ""
        say(f"unblur: {said}{more}); --recursive restores what is in there, too", err=True)
    others = len(left_out) - len(folders)
    if others:
        endings = sorted(
            {path.suffix.lower() or "no ending" for path in left_out if path not in folders}
        )
        more = ", ..." if len(endings) > _SOME else ""
        files = counted(others, "file")
        which = "is no photo" if others == 1 else "are no photos"
        say(f"unblur: {files} left out, {which} ({', '.join(endings[:_SOME])}{more})", err=True)
    renamed = [job for job in jobs if job.renamed]
    if renamed:
        say(
            f"unblur: {counted(len(renamed), 'photo')} with the name of another: the format is in "
            f"the result's name, as in {renamed[0].target.name}",
            err=True,
        )


def compare(cases: "Iterable[list[AnyLine]]", total: int, what: str) -> "list[AnyLine]":
    """Go through the cases of a benchmark: a progress bar, and a line for each that fails.

    Args:
        cases: The rows of each, one a method.
        total: Number of cases.
        what: The word before the bar.

    Returns:
        All rows.
    """
    rows: list[AnyLine] = []
    with progress(what, total, unit="photos") as advance:
        for of_case in cases:
            rows += of_case
            for row in of_case:
                if "error" in row:
                    say(f"unblur: {row['image']}, {row['method']}: {row['error']}", err=True)
            advance()
    return rows


def entry(result: "Restored") -> dict[str, Any]:
    """What a program wants to know of one photo."""
    return {
        "source": str(result.source),
        "target": None if result.error else str(result.target),
        "preview": str(result.preview) if result.preview else None,
        "seconds": round(result.seconds, 3),
        "blur": None if result.estimate is None else result.estimate.facts(),
        "skipped": result.skipped,
        "made_otherwise": result.otherwise,
        "notes": list(result.notes),
        "error": None if result.error is None else error_of(result),
    }


def error_of(result: "Restored") -> str:
    """Why a photo could not be restored, for those who use commands."""
    return getattr(result.cause, "in_flags", None) or result.error or ""


def _is_report(path: Path) -> bool:
    with suppress(OSError, ValueError, IndexError):
        last = json.loads(path.read_text(encoding="utf-8").splitlines()[-1])
        return isinstance(last, dict) and {"photos", "restored"} <= last.keys()
    return False


def _took(seconds: float) -> str:
    """``0.31 s``, ``47 s``, ``12 min``, ``3.4 h``."""
    if seconds < 100:  # noqa: PLR2004
        count, name = seconds, "s"
    elif seconds < 6000:  # noqa: PLR2004
        count, name = seconds / 60, "min"
    else:
        count, name = seconds / 3600, "h"
    return f"{count:.2g} {name}" if count < 10 else f"{count:.0f} {name}"  # noqa: PLR2004
