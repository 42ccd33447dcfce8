"""Files that appear whole or not at all, and what those that unblur makes are called."""

import os
import platform
import re
import secrets
import shutil
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from unblur.errors import TargetError, UnblurError, exists_already

RESTORED: Final = ".unblurred"
"""Before the ending of a restored file: ``photo.unblurred.jpg``."""
RESULTS: Final = "-unblurred"
"""After the name of a folder: ``holiday-unblurred`` beside it has the results."""
BEFORE_AFTER: Final = ".before-after"
"""Before the ending of a picture to look at."""
VIDEO_ENDINGS: Final = frozenset({".mp4", ".mov", ".mkv", ".avi", ".webm", ".m4v"})
"""Of files that are sent to `unblur video` instead."""
_LONGEST: Final = 255
"""Bytes of a name on Linux; of characters elsewhere, which are no more."""
_NAME: Final = re.compile(r"\.unblur-([0-9a-f]{8})-([0-9]{1,10})-([0-9a-f]{8})-[0-9a-f]{8}\.tmp")
_RUN: Final = secrets.token_hex(4)
_STALE_SECONDS: Final = 86_400.0
"""A file of another machine that nobody has written to for so long is nobody's."""


def derived_name(stem: str, added: str) -> str:
    """The name of a file that is made of another: ``photo`` and ``.unblurred.jpg``.

    A name that would be too long is shortened before what is added, and gets a number that
    depends on the whole of it, so that two long names remain two.

    Args:
        stem: Of the source.
        added: Follows it, with the ending.
    """
    room = _LONGEST - len(os.fsencode(added))
    whole = os.fsencode(stem)
    if len(whole) <= room:
        return stem + added
    mark = f"~{zlib.crc32(whole):08x}"
    cut = stem
    while len(os.fsencode(cut)) > room - len(mark):
        cut = cut[:-1]
    return cut + mark + added


@contextmanager
def replace_file(target: str | os.PathLike[str], *, overwrite: bool = False) -> Iterator[Path]:
    """Give the path of an empty temporary file that takes the target's place at the end.

    The temporary file lies in the folder of the target, under a name that says which process
    writes it (:func:`temporary_beside`). An exception in the block removes it.

    Args:
        target: Path of the file to write; where it is a symbolic link, what that points to.
        overwrite: Replace a file that exists; its permissions stay.

    Yields:
        The path of the temporary file.

    Raises:
        TargetError: If the target exists and ``overwrite`` is False, is a folder, lies in none,
            or it cannot be written; of an `OSError` in the block, too.
    """
    path = Path(target)
    if path.is_dir() or not path.parent.is_dir():
        which = "is a folder" if path.is_dir() else f"there is no folder {path.parent}"
        raise TargetError(f"{path}: {which}; name a file in a folder that exists")
    if path.exists() and not overwrite:
        raise exists_already(path)
    final = path.resolve()
    temporary = temporary_beside(final)
    try:
        temporary.open("xb").close()
        yield temporary
        if overwrite:
            if final.exists():
                shutil.copymode(final, temporary)
            temporary.replace(final)
        else:
            _rename_to_new(temporary, final)
    except UnblurError:
        raise
    except FileExistsError as error:
        raise exists_already(path) from error
    except OSError as error:
        raise TargetError(f"{path}: cannot be written ({error.strerror})") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _rename_to_new(temporary: Path, final: Path) -> None:
    """Give a file its name unless that is taken, even by another process just now."""
    try:
        final.hardlink_to(temporary)
    except FileExistsError:
        raise
    except OSError as error:  # a file system without hard links, such as exFAT
        if final.exists():
            raise FileExistsError(final) from error
        temporary.replace(final)


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
