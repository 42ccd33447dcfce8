"""The record of what is done in a folder: a batch that was stopped goes on where it was.

Before a photo is begun, a line says so; when it is written, another. A run that is killed between
the two leaves the first alone: the target is then the result if it is not what was there before.
"""

import hashlib
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from unblur.engines.adapt import network_digest
from unblur.errors import PhotoError, TargetError, is_disk_full
from unblur.tasks.json_lines import JsonLines, file_state
from unblur.tasks.restore.options import NETWORK_METHODS, RestoreOptions
from unblur.weights import KERNEL_WEIGHTS, WEIGHTS, find_network

Record = dict[str, Any]

NAME: Final = ".unblur.jsonl"
_SAME_PIXELS: Final = frozenset({"model", "threads", "max_megapixels"})
"""Options that change no pixels, or, as for the model, whose file is looked at."""

_NETWORKS: Final = frozenset({"model", "guided"})
"""Keys of a record that say which network files were used; the others are options."""


@dataclass(kw_only=True)
class _Begun:
    """A photo that was begun, as a line says it; what follows from another line is beside that."""

    target: str
    source: str
    source_bytes: int
    source_mtime_ns: int
    source_sha256: str
    work: Record
    before: list[int] | None
    """State of the target before it was written: see :func:`file_state`."""
    bytes: int | None = None
    """Size of the result, once that is written."""

    def is_result(self, target: Path) -> bool:
        """Whether what is there now came of it."""
        state = file_state(target)
        if state is None:
            return False
        return state != self.before if self.bytes is None else state[0] == self.bytes

    def as_line(self) -> Record:
        """The line that says it."""
        return {name: getattr(self, name) for name in _BEGUN}

    @classmethod
    def of_line(cls, line: Record) -> "_Begun":
        """What a line says that has all of it."""
        return cls(**{name: line[name] for name in _BEGUN})


_BEGUN: Final = tuple(x.name for x in fields(_Begun) if x.name != "bytes")


def describe_work(options: RestoreOptions) -> Record:
    """What decides, beside the source, how a result looks.

    Returns:
        SHA-256 of the files that the options name, and the options that are not the default.

    Raises:
        NetworkError: If the model is unknown.
        PhotoError: If the kernel or the mask cannot be read.
    """
    work: Record = {}
    for field in fields(options):
        value = getattr(options, field.name)
        if field.name not in _SAME_PIXELS and value != field.default:
            if isinstance(value, Path):
                value = _sha256(value)
            work[field.name] = list(value) if isinstance(value, tuple) else value
    if options.method in NETWORK_METHODS:
        known = WEIGHTS.get(options.model)
        work["model"] = known.sha256 if known else network_digest(find_network(options.model))
    if options.finds_blur:
        work["guided"] = [weights.sha256 for weights in KERNEL_WEIGHTS.values()]
    return work


class Ledger:
    """What is done in one folder of results; may be used from several threads.

    Lines that are torn or foreign are passed over: their photos are not known, nothing else.

    Args:
        folder: Of the results; it exists.
        work: From :func:`describe_work`.

    Raises:
        TargetError: If there is a record that cannot be read.
    """

    def __init__(self, folder: Path, work: Record) -> None:
        self.path = folder / NAME
        self._work = work
        self._lines = JsonLines(self.path)
        self._records = _known(self._lines.found)

    def is_done(self, source: Path, target: Path, preview: Path | None = None) -> bool:
        """Whether this very photo was restored in this very way, and the result is there."""
        known = self._made_of(source, target)
        if known is None or known.work != self._work:
            return False
        return preview is None or preview.exists()

    def made_otherwise(self, source: Path, target: Path) -> str | None:
        """How a result differs that came of this very photo, but is not what is asked for now.

        To be asked where :meth:`is_done` says no.

        Returns:
            ``with other options``, ``by other networks`` or ``without a preview``; None if the
            record does not know what is there, or not as this photo's result.
        """
        known = self._made_of(source, target)
        if known is None:
            return None
        if known.work == self._work:
            return "without a preview"
        before, now = (
            {key: value for key, value in work.items() if key not in _NETWORKS}
            for work in (known.work, self._work)
        )
        # Options decide which networks there are, so that those are the news only by themselves.
        return "by other networks" if before == now else "with other options"

    def _made_of(self, source: Path, target: Path) -> _Begun | None:
        """What is known of a target, if that is there and came of the photo as it is now."""
        known = self._records.get(target.name)
        if known is None or not known.is_result(target):
            return None
        try:
            now = source.stat()
            if now.st_size != known.source_bytes:
                return None
            same_file = known.source == _relative(source, self.path.parent)
            if same_file and now.st_mtime_ns == known.source_mtime_ns:
                return known
            return known if _sha256(source) == known.source_sha256 else None
        except OSError:
            return None

    def is_ours(self, target: Path) -> bool:
        """Whether a killed run wrote this target, and did not come to what follows."""
        known = self._records.get(target.name)
        return known is not None and known.bytes is None and known.is_result(target)

    def begin(self, source: Path, target: Path) -> None:
        """Note that a result is about to be written.

        Raises:
            PhotoError: If the source cannot be read.
            TargetError: If the record cannot be written.
        """
        now, digest = _look(source)
        begun = _Begun(
            target=target.name,
            source=_relative(source, self.path.parent),
            source_bytes=now.st_size,
            source_mtime_ns=now.st_mtime_ns,
            source_sha256=digest,
            work=self._work,
            before=file_state(target),
        )
        try:
            self._lines.append(begun.as_line())
        except OSError as error:
            # Where a line cannot be added, a photo cannot either, but for a record of others.
            what = self.path if self.path.exists() and not is_disk_full(error) else target
            raise TargetError(f"{what}: cannot be written ({error.strerror})") from error
        self._records[target.name] = begun

    def finish(self, target: Path) -> None:
        """Note that a result is written, whole."""
        # If this fails, the first line is enough to find the result.
        with suppress(OSError):
            size = self._records[target.name].bytes = target.stat().st_size
            self._lines.append({"target": target.name, "bytes": size})

    def give_up(self, target: Path) -> None:
        """Note that nothing was written."""
        known = self._records.get(target.name)
        if known is None or known.bytes is not None or known.is_result(target):
            return
        with suppress(OSError):
            self._lines.append({"target": target.name, "failed": True})
        self._records.pop(target.name, None)


def _known(lines: Iterable[Record]) -> dict[str, _Begun]:
    records: dict[str, _Begun] = {}
    for line in lines:
        with suppress(TypeError, KeyError, AttributeError):
            name = line["target"]
            if line.keys() >= {*_BEGUN}:
                records[name] = _Begun.of_line(line)
            elif "bytes" in line:
                records[name].bytes = line["bytes"]
            else:
                records.pop(name)
    return records


def _relative(source: Path, folder: Path) -> str:
    try:
        return os.path.relpath(source, folder)
    except ValueError:  # another drive
        return str(source.absolute())


def _sha256(path: Path) -> str:
    return _look(path)[1]


def _look(path: Path) -> tuple[os.stat_result, str]:
    try:
        with path.open("rb") as stream:
            found = os.fstat(stream.fileno())
            return found, hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise PhotoError(f"{path}: cannot be opened ({why})") from error
