"""The private folder of a server, and what killed servers left."""

import os
import re
import secrets
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

_NAME: Final = re.compile(r"unblur-serve-[0-9a-f]{16}")
_LOCK: Final = "lock"
_STARTING_SECONDS: Final = 60.0
"""A folder without a lock may belong to a server that starts just now."""


class ServerFolder:
    """A new folder that only this user can read; it is locked as long as this process lives.

    The system frees the lock of a process however that ends, so that a later server can tell
    which folders are nobody's: numbers of processes are used again, and containers share them.

    Args:
        top: Where to make it; not given: the system's temporary folder.

    Raises:
        OSError: If it cannot be made.
    """

    def __init__(self, top: Path | None = None) -> None:
        self.removed = remove_abandoned(top)
        """How many folders of killed servers were removed."""
        self.path = (top or Path(tempfile.gettempdir())) / f"unblur-serve-{secrets.token_hex(8)}"
        self.path.mkdir(mode=0o700)
        self._lock = (self.path / _LOCK).open("wb")
        _take(self._lock)
        self.jobs = self.path / "jobs"
        self.uploads = self.path / "uploads"
        self.scratch = self.path / "scratch"
        for folder in (self.jobs, self.uploads, self.scratch):
            folder.mkdir(mode=0o700)

    def sweep_uploads(self, older_s: float) -> int:
        """Remove what was uploaded and never used.

        Args:
            older_s: Leave alone what is younger, in seconds.

        Returns:
            How many files were removed.
        """
        removed = 0
        for file in [*self.uploads.rglob("*"), *self.scratch.rglob("*")]:
            with suppress(OSError):
                if file.is_file() and time.time() - file.stat().st_mtime > older_s:
                    file.unlink()
                    removed += 1
        for place in sorted(self.uploads.rglob("*"), reverse=True):
            with suppress(OSError):  # not empty, or used this moment
                if time.time() - place.stat().st_mtime > older_s:
                    place.rmdir()
        return removed

    def free_bytes(self) -> int:
        """Space that is left on its disk."""
        return shutil.disk_usage(self.path).free

    def close(self) -> None:
        """Remove the folder with all that is in it."""
        self._lock.close()
        shutil.rmtree(self.path, ignore_errors=True)


def remove_abandoned(top: Path | None = None) -> int:
    """Remove the folders of servers of this user that were killed.

    Args:
        top: Where to look; not given: in the system's temporary folder.

    Returns:
        How many were removed.
    """
    removed = 0
    with suppress(OSError), os.scandir(top or tempfile.gettempdir()) as entries:
        for entry in entries:
            if _NAME.fullmatch(entry.name) is None or not entry.is_dir(follow_symlinks=False):
                continue
            with suppress(OSError):
                if _is_abandoned(Path(entry.path)):
                    shutil.rmtree(entry.path)
                    removed += 1
    return removed


def _is_abandoned(folder: Path) -> bool:
    status = folder.stat()
    if hasattr(os, "getuid") and status.st_uid != os.getuid():
        return False
    try:
        lock = (folder / _LOCK).open("r+b")
    except FileNotFoundError:
        return time.time() - status.st_mtime > _STARTING_SECONDS
    with lock:
        if time.time() - (folder / _LOCK).stat().st_mtime < 1:
            return False  # made a moment ago, and perhaps not locked yet
        try:
            _take(lock)
        except OSError:
            return False
    return True


def _take(lock: IO[bytes]) -> None:
    """Lock an open file until this process ends.

    Raises:
        OSError: If another process has it.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        msvcrt.locking(lock.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        return
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
