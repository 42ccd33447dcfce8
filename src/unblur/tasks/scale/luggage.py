"""What a worker has with it: the files that options name, and a folder for its own."""

import hashlib
import os
import platform
import re
import shutil
import tempfile
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields, replace
from pathlib import Path
from typing import Final

from unblur.tasks.restore.opening import network_file
from unblur.tasks.restore.options import NETWORK_METHODS, RestoreOptions
from unblur.tasks.scale.store import Store
from unblur.weights import WEIGHTS

_NAME: Final = re.compile(r"unblur-scale-([0-9a-f]{8})-([0-9]+)-.*")


def pack(options: RestoreOptions) -> dict[str, tuple[str, bytes]]:
    """The files that options name, so that other machines need not have them.

    Raises:
        PhotoError: If one cannot be read.
    """
    files = {}
    for field in fields(options):
        value = getattr(options, field.name)
        if field.name == "model" and options.method in NETWORK_METHODS:
            value = value if value in WEIGHTS else network_file(value)
        if isinstance(value, Path):
            files[field.name] = (value.name, Store(str(value.parent)).read(value.name))
    return files


def unpack(
    options: RestoreOptions, files: Mapping[str, tuple[str, bytes]], folder: Path
) -> RestoreOptions:
    """Write those files to a folder, and name them there."""
    changed: dict[str, object] = {}
    for field, (name, data) in files.items():
        path = folder / field / name
        path.parent.mkdir()
        path.write_bytes(data)
        changed[field] = str(path) if field == "model" else path
    return replace(options, **changed)  # type: ignore[arg-type]


def sha256(path: Path) -> str:
    """Of a file's content, in hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


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
