"""The files that options name, sent along to machines that do not have them."""

import hashlib
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path

from unblur.tasks.restore import RestoreOptions
from unblur.tasks.scale_store import Store


def pack(options: RestoreOptions) -> dict[str, tuple[str, bytes]]:
    """The files that options name, so that other machines need not have them.

    Raises:
        PhotoError: If one cannot be read.
    """
    files = {}
    for field in fields(options):
        value = getattr(options, field.name)
        if field.name == "model" and options.method == "network" and value.endswith(".onnx"):
            value = Path(value)
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
