"""What a listing of a folder holds."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_STAMPS: Final = ("ETag", "etag", "md5Hash", "mtime", "last_modified", "LastModified", "created")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A file or folder in a listing."""

    name: str
    is_folder: bool
    bytes: int = 0
    """Size of the file; -1 if the store does not say."""
    stamp: str = ""
    """What changes with the content; empty if the store has nothing of the kind."""
    trouble: str = ""
    """Why it cannot be read, if that is seen already."""


def local_entries(folder: Path) -> Iterator[Entry]:
    """What is in a folder, in the order of names; links to folders are not followed.

    Raises:
        OSError: If it cannot be listed.
    """
    with os.scandir(folder) as found:
        for entry in sorted(found, key=lambda entry: entry.name):
            try:
                state = entry.stat()
            except OSError as error:
                if entry.is_symlink():
                    why = f"is a link that leads nowhere ({error.strerror})"
                    yield Entry(name=entry.name, is_folder=False, trouble=why)
                continue  # or gone since
            if stat.S_ISDIR(state.st_mode):
                # A link to a folder is not followed, so that no loop has no end.
                if not entry.is_symlink():
                    yield Entry(name=entry.name, is_folder=True)
            elif stat.S_ISREG(state.st_mode):
                yield Entry(
                    name=entry.name,
                    is_folder=False,
                    bytes=state.st_size,
                    stamp=str(state.st_mtime_ns),
                )
            else:
                yield Entry(name=entry.name, is_folder=False, trouble="is not a file")


def remote_entry(found: dict[str, Any]) -> Entry:
    """What fsspec says of a file or folder."""
    stamp = next((str(found[key]) for key in _STAMPS if found.get(key)), "")
    name = found["name"].rstrip("/").rpartition("/")[2]
    is_folder = found.get("type") == "directory"
    size = found.get("size")
    return Entry(
        name=name, is_folder=is_folder, bytes=-1 if size is None else int(size), stamp=stamp
    )
