"""The record of what is done in a folder: a batch that was stopped goes on where it was.

Before a photo is begun, a line says so; when it is written, another. A run that is killed between
the two leaves the first alone: the target is then the result if it is not what was there before.
"""

import errno
import hashlib
import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from threading import Lock
from typing import Any, Final

from unblur.errors import PhotoError, TargetError
from unblur.tasks.restore import RestoreOptions
from unblur.weights import WEIGHTS, find_network

Record = dict[str, Any]

NAME: Final = ".unblur.jsonl"
_SAME_PIXELS: Final = frozenset({"model", "threads", "max_megapixels"})
"""Options that change no pixels, or, as for the model, whose file is looked at."""
_SYNC_SECONDS: Final = 1.0
_KEYS: Final = frozenset(
    {"target", "source", "source_bytes", "source_mtime_ns", "source_sha256", "work", "before"}
)


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
    if options.method == "network":
        known = WEIGHTS.get(options.model)
        work["model"] = known.sha256 if known else _sha256(find_network(options.model))
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
        self._lock = Lock()
        self._synced = time.monotonic()
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            data = b""
        except OSError as error:
            raise TargetError(f"{self.path}: cannot be read ({error.strerror})") from error
        self._torn = data[-1:] not in {b"", b"\n"}
        self._records = _parse(data)

    def is_done(self, source: Path, target: Path, preview: Path | None = None) -> bool:
        """Whether this very photo was restored in this very way, and the result is there."""
        known = self._records.get(target.name)
        if known is None or known["work"] != self._work or not self._is_result(known, target):
            return False
        if preview is not None and not preview.exists():
            return False
        try:
            now = source.stat()
            if now.st_size != known["source_bytes"]:
                return False
            same_file = known["source"] == _relative(source, self.path.parent)
            if same_file and now.st_mtime_ns == known["source_mtime_ns"]:
                return True
            return bool(_sha256(source) == known["source_sha256"])
        except OSError:
            return False

    def is_ours(self, target: Path) -> bool:
        """Whether a killed run wrote this target, and did not come to what follows."""
        known = self._records.get(target.name)
        return known is not None and "bytes" not in known and self._is_result(known, target)

    def begin(self, source: Path, target: Path) -> None:
        """Note that a result is about to be written.

        Raises:
            PhotoError: If the source cannot be read.
            TargetError: If the record cannot be written.
        """
        now, digest = _look(source)
        record: Record = {
            "target": target.name,
            "source": _relative(source, self.path.parent),
            "source_bytes": now.st_size,
            "source_mtime_ns": now.st_mtime_ns,
            "source_sha256": digest,
            "work": self._work,
            "before": _state(target),
        }
        try:
            self._append(record)
        except OSError as error:
            # Where a line cannot be added, a photo cannot either, but for a record of others.
            what = self.path if self.path.exists() and not _is_full(error) else target
            raise TargetError(f"{what}: cannot be written ({error.strerror})") from error
        self._records[target.name] = record

    def finish(self, target: Path) -> None:
        """Note that a result is written, whole."""
        # If this fails, the first line is enough to find the result.
        with suppress(OSError):
            size = self._records[target.name]["bytes"] = target.stat().st_size
            self._append({"target": target.name, "bytes": size})

    def give_up(self, target: Path) -> None:
        """Note that nothing was written."""
        known = self._records.get(target.name)
        if known is None or "bytes" in known or self._is_result(known, target):
            return
        with suppress(OSError):
            self._append({"target": target.name, "failed": True})
        self._records.pop(target.name, None)

    def _is_result(self, known: Record, target: Path) -> bool:
        state = _state(target)
        if state is None:
            return False
        return bool(state[0] == known["bytes"] if "bytes" in known else state != known["before"])

    def _append(self, entry: Mapping[str, Any]) -> None:
        line = json.dumps(entry, separators=(",", ":")).encode() + b"\n"
        with self._lock, self.path.open("ab", buffering=0) as stream:
            # One write is one line, also while another run appends to the same file.
            if self._torn:
                line = b"\n" + line
            self._torn = True
            if stream.write(line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self._torn = False
            # Without this a kill costs nothing, but a power failure the last lines.
            if time.monotonic() - self._synced > _SYNC_SECONDS:
                os.fsync(stream.fileno())
                self._synced = time.monotonic()


def _parse(data: bytes) -> dict[str, Record]:
    records: dict[str, Record] = {}
    for line in data.split(b"\n"):
        try:
            entry = json.loads(line)
            name = entry["target"]
            if entry.keys() >= _KEYS:
                records[name] = entry
            elif "bytes" in entry:
                records[name]["bytes"] = entry["bytes"]
            else:
                records.pop(name)
        except (ValueError, TypeError, KeyError, AttributeError):
            continue
    return records


def _state(path: Path) -> list[int] | None:
    """What tells a file from the one that replaces it; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return [found.st_size, found.st_mtime_ns]


def _relative(source: Path, folder: Path) -> str:
    try:
        return os.path.relpath(source, folder)
    except ValueError:  # another drive
        return str(source.absolute())


def _is_full(error: OSError) -> bool:
    return error.errno in {errno.ENOSPC, errno.EDQUOT}


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
