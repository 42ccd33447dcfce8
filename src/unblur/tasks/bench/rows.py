"""The rows of a benchmark in a file: what was scored is not scored again."""

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Generic, NotRequired, TypedDict, TypeVar, cast

from unblur._version import __version__
from unblur.data.benchmarks import Case
from unblur.errors import TargetError
from unblur.tasks.bench.methods import BenchMethod
from unblur.tasks.bench.options import BenchOptions
from unblur.tasks.json_lines import Entry, JsonLines, file_state


class Line(TypedDict):
    """What a method did to a photo, as a line of JSON says it; either ``error`` or the rest."""

    image: str
    """The name of the case."""
    method: str
    key: str
    """What :func:`row_key` makes of case, method and rules."""
    error: NotRequired[str]
    size: NotRequired[list[int]]
    """Width and height in px."""
    seconds: NotRequired[float | None]


class Scored(TypedDict, total=False):
    """What one photo came to by one method, or why it failed."""

    error: str
    seconds: float | None
    scores: dict[str, float]
    """One score for each metric, by its name."""
    detail: list[float]
    """Of the blurred photo and the sharp one; in the row of the blurred input alone."""
    notes: list[str]
    frame: int
    """Of Köhler's set: the number of the frame that fits best, of how many, and where."""
    frames: int
    shift: list[int]


class Row(Line):
    """A row of a benchmark."""

    scores: NotRequired[dict[str, float]]
    detail: NotRequired[list[float]]
    notes: NotRequired[list[str]]
    frame: NotRequired[int]
    frames: NotRequired[int]
    shift: NotRequired[list[int]]


AnyLine = TypeVar("AnyLine", bound=Line)

NAME: Final = "rows.jsonl"
INFINITE: Final = "infinity"
"""For a PSNR of equal pictures: JSON has no such number."""


def row_key(case: Case, method: BenchMethod, options: BenchOptions) -> str:
    """What tells a row from one that other files, weights or rules would give."""
    files = [case.blurred, *case.sharp]
    if method.files is not None and case.name in method.files:
        files.append(method.files[case.name])
    facts = {
        "version": __version__,
        "case": case.name,
        "files": [file_state(path) for path in files],
        "method": [method.name, dict(method.facts)],
        "rules": [options.benchmark, options.protocol, list(options.scored)],
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:24]


class RowFile(Generic[AnyLine]):
    """The file ``rows.jsonl`` of a report; torn and foreign lines are passed over.

    Args:
        folder: Of the report; it exists.

    Raises:
        TargetError: If the file is there and cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self._lines = JsonLines(folder / NAME)
        self._rows: dict[str, AnyLine] = {}
        for line in self._lines.found:
            try:
                row = cast(AnyLine, from_json(line))
                # What failed is tried again: the disk may have been full, a file missing.
                if "error" not in row:
                    self._rows[row["key"]] = row
            except (TypeError, KeyError, AttributeError):
                continue

    def find(self, keys: Mapping[str, str]) -> dict[str, AnyLine]:
        """The rows that are known, by method."""
        return {name: self._rows[key] for name, key in keys.items() if key in self._rows}

    def add(self, rows: Sequence[AnyLine]) -> None:
        """Append rows.

        Raises:
            TargetError: If the file cannot be written.
        """
        try:
            self._lines.append(*map(to_json, rows))
        except OSError as error:
            raise TargetError(
                f"{self._lines.path}: cannot be written ({error.strerror})"
            ) from error


def to_json(row: Line) -> Entry:
    """A row with an infinite PSNR in words."""
    return _scores(row, lambda value: INFINITE if value == math.inf else value)


def from_json(row: Entry) -> Entry:
    """A row as it was before :func:`to_json`."""
    return _scores(row, lambda value: math.inf if value == INFINITE else value)


def _scores(row: Entry, change: Callable[[Any], Any]) -> Entry:
    if "scores" not in row:
        return row
    return {**row, "scores": {name: change(value) for name, value in row["scores"].items()}}
