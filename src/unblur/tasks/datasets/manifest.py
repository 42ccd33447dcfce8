"""The record of a data set: one JSON object a line, written after the files that it names."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from unblur.errors import OptionError, TargetError

Record = dict[str, Any]

NAME: Final = "manifest.jsonl"


class Manifest:
    """What is done in a folder. A line cut short by a crash is dropped, its pair made again.

    Args:
        folder: The data set; made if it is not there.

    Raises:
        TargetError: If the folder cannot be made or written, or holds pairs of another source.
        OptionError: If its manifest is not one.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        parts = (folder / part for part in ("blur", "sharp"))
        if any(part.is_dir() for part in parts) and not self.path.exists():
            raise TargetError(f"{folder}: has pairs but no {NAME}; choose another folder for -o")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self.path.touch()
            self.records = read_manifest(self.path)
            self._drop_torn_line()
        except OSError as error:
            raise TargetError(f"{folder}: cannot be written ({error.strerror})") from error

    def check(self, record: Record, *, same: tuple[str, ...]) -> None:
        """Check that a pair of this name, if there is one, was made alike.

        Args:
            record: A record with ``name``.
            same: The keys that decide how a pair looks.

        Raises:
            OptionError: If it was made with other values of these keys.
        """
        known = self.records.get(record["name"], record)
        for key in same:
            old, new = known.get(key), record[key]
            if old == new:
                continue
            if isinstance(old, dict) and isinstance(new, dict):
                key = next(k for k in new if old.get(k) != new[k])  # noqa: PLW2901
                old, new = old.get(key), new[key]
            raise OptionError(
                f"{self.path.parent} holds {record['name']} made with {key}={old}, asked for "
                f"{new}; choose another folder for -o"
            )

    def has(self, name: str) -> bool:
        """Whether a pair is recorded and all of its files are there."""
        known = self.records.get(name)
        if known is None:
            return False
        files: Mapping[str, str] = known["files"]
        return all((self.path.parent / file).is_file() for file in files.values())

    def add(self, record: Record) -> None:
        """Append a record.

        Raises:
            TargetError: If it cannot be written.
        """
        try:
            with self.path.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(record) + "\n")
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            raise TargetError(f"{self.path}: cannot be written ({error.strerror})") from error
        self.records[record["name"]] = record

    def _drop_torn_line(self) -> None:
        data = self.path.read_bytes()
        whole = data.rfind(b"\n") + 1
        if whole != len(data):
            os.truncate(self.path, whole)


def read_manifest(path: Path) -> dict[str, Record]:
    """Records by name, the last of each name; what follows the last line's end is left out.

    Raises:
        OptionError: If the file cannot be read or is not a manifest.
    """
    try:
        data = path.read_bytes()
        lines = data[: data.rfind(b"\n") + 1].decode("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not text"
        raise OptionError(f"{path}: cannot be read ({why})") from error
    records: dict[str, Record] = {}
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
            records[record["name"]] = record
        except (ValueError, TypeError, KeyError) as error:
            raise OptionError(f"{path}, line {number}: is not a record of a pair") from error
    return records
