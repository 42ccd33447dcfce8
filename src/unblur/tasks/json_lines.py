"""A record of JSON lines that several runs may append to, and any of them may be killed."""

import errno
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any, Final

from unblur.errors import TargetError

Entry = Mapping[str, Any]

_SYNC_SECONDS: Final = 1.0


class JsonLines:
    """The lines of a file, and those that are added; may be used from several threads.

    Lines that are torn or foreign are passed over.

    Args:
        path: The file; it need not be there, its folder must.

    Raises:
        TargetError: If it is there and cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = Lock()
        self._synced = time.monotonic()
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            data = b""
        except OSError as error:
            raise TargetError(f"{path}: cannot be read ({error.strerror})") from error
        self._torn = data[-1:] not in {b"", b"\n"}
        self.found: list[dict[str, Any]] = []
        """What the file held at first."""
        for line in data.split(b"\n"):
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if isinstance(entry, dict):
                self.found.append(entry)

    def append(self, *entries: Entry) -> None:
        """Add lines.

        Raises:
            OSError: If they cannot be written.
        """
        lines = b"".join(json.dumps(entry, allow_nan=False).encode() + b"\n" for entry in entries)
        with self._lock, self.path.open("ab", buffering=0) as stream:
            # One write is one whole line, also while another run appends to the same file.
            if self._torn:
                lines = b"\n" + lines
            self._torn = True
            if stream.write(lines) != len(lines):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self._torn = False
            # Without this a kill costs nothing, but a power failure the last lines.
            if time.monotonic() - self._synced > _SYNC_SECONDS:
                os.fsync(stream.fileno())
                self._synced = time.monotonic()


def file_state(path: Path) -> list[int] | None:
    """What tells a file from the one that replaces it: size and time; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return [found.st_size, found.st_mtime_ns]
