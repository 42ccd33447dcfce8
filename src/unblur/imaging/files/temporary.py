"""Names of files in the making, and what a killed run left of them."""

import os
import platform
import re
import secrets
import sys
import time
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Final

_NAME: Final = re.compile(r"\.unblur-([0-9a-f]{8})-([0-9]{1,10})-([0-9a-f]{8})-[0-9a-f]{8}\.tmp")
_RUN: Final = secrets.token_hex(4)
_STALE_SECONDS: Final = 86_400.0
"""A file of another machine that nobody has written to for so long is nobody's."""


def temporary_beside(final: Path) -> Path:
    """A name to write a file under until it is whole; it says which process is writing.

    Args:
        final: The name that it gets then.

    Returns:
        A new hidden name in the same folder.
    """
    token = secrets.token_hex(4)
    return final.with_name(f".unblur-{_machine()}-{os.getpid()}-{_RUN}-{token}.tmp")


def remove_leftovers(folder: Path) -> int:
    """Remove files in the making whose process is gone; those of a living one stay.

    Args:
        folder: Where to look; not in folders within. One that cannot be listed is left alone.

    Returns:
        How many were removed.
    """
    removed = 0
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            found = _NAME.fullmatch(entry.name)
            if found is None:
                continue
            with suppress(OSError):  # another run may have been quicker
                if _abandoned(entry, machine=found[1], pid=int(found[2]), run=found[3]):
                    Path(entry.path).unlink()
                    removed += 1
    return removed


def _abandoned(entry: "os.DirEntry[str]", *, machine: str, pid: int, run: str) -> bool:
    if machine != _machine():  # a shared folder: its processes cannot be asked
        return time.time() - entry.stat().st_mtime > _STALE_SECONDS
    if pid == os.getpid():  # in a container every run may have the same number
        return run != _RUN
    return not _alive(pid)


def _alive(pid: int) -> bool:
    if sys.platform == "win32":
        return False  # a file that is open cannot be removed there, so none needs to be asked
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _machine() -> str:
    return f"{zlib.crc32(platform.node().encode()):08x}"
