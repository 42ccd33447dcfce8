"""A folder for files in the making on the machine of a worker, and what killed ones left there."""

import os
import platform
import re
import shutil
import tempfile
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Final

_NAME: Final = re.compile(r"unblur-scale-([0-9a-f]{8})-([0-9]+)-.*")


def folder_on_this_machine() -> Path:
    """A new folder among the temporary ones; those of processes that are gone are removed.

    Raises:
        OSError: If none can be made.
    """
    machine = f"{zlib.crc32(platform.node().encode()):08x}"
    top = Path(tempfile.gettempdir())
    for other in top.iterdir():
        found = _NAME.fullmatch(other.name)
        # The processes of another machine, or container, that has this folder cannot be asked.
        if found is not None and found[1] == machine and not _alive(int(found[2])):
            shutil.rmtree(other, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"unblur-scale-{machine}-{os.getpid()}-"))


def _alive(pid: int) -> bool:
    with suppress(PermissionError):
        try:
            os.kill(pid, 0)
        except (ProcessLookupError, OverflowError):
            return False
    return True
