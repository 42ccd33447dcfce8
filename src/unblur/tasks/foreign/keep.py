"""Keep networks of others in the user's folder, and make any network file ready to run."""

import atexit
import hashlib
import json
import re
import shutil
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from unblur.choices import CLASSICAL as METHODS
from unblur.engines.adapt import network_digest, read_facts, read_model
from unblur.errors import NetworkError, OptionError, TargetError
from unblur.imaging.files import replace_file
from unblur.tasks.foreign.probe import Stated, probe
from unblur.weights import KERNEL_WEIGHTS, WEIGHTS, KeptNetwork, kept_networks, user_folder

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._+-]{0,63}")
_TAKEN: Final = frozenset(
    {*WEIGHTS, *KERNEL_WEIGHTS, *METHODS, "auto", "blind", "network", "blurred", "singan"}
)
_NEEDED: Final = ("unblur.multiple_of", "unblur.receptive_field_px")
NOT_STATED: Final = "not stated"


@dataclass(frozen=True, kw_only=True)
class Added:
    """A network that is kept now, and what was found out about it."""

    kept: KeptNetwork
    report: tuple[str, ...]


def ready(path: Path) -> Path:
    """A file that engines run: the file itself, or one that was made of a network of others.

    That one is made once and kept in the user's folder, by the content of the file; where nothing
    can be written there, among the temporary files, anew each time.

    Args:
        path: A network file.

    Raises:
        NetworkError: If it is no network that maps a picture to one of its size.
    """
    facts = read_facts(path)
    if all(name in facts for name in _NEEDED):
        return path
    origin = _origin(path)
    known = origin["unblur.source_sha256"]
    made = user_folder() / "probed" / f"{known}.onnx"
    if made.is_file() and read_facts(made).get("unblur.source_sha256") == known:
        return made
    probed = probe(path, Stated(), facts=origin)
    try:
        _write(made, probed.model)
    except TargetError:
        folder = tempfile.mkdtemp(prefix="unblur-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        made = Path(folder) / made.name
        _write(made, probed.model)
    return made


def add(path: Path, name: str, stated: Stated, *, license: str, overwrite: bool) -> Added:
    """Keep a network under a name, by which ``--model`` and all else take it.

    Args:
        path: An ONNX file.
        name: Small letters, digits, ``.``, ``_``, ``+`` and ``-``.
        stated: What need not be found out.
        license: Of the weights, as their authors state it.
        overwrite: Replace a network of that name.

    Raises:
        OptionError: If the name will not do, or is taken.
        NetworkError: If it is no network that maps a picture to one of its size.
        TargetError: If the user's folder cannot be written.
    """
    if not _NAME.fullmatch(name) or name.endswith(".onnx"):
        raise OptionError(
            "a name is small letters, digits, '.', '_', '+' and '-', and does not end in .onnx; "
            f"got {name!r}"
        )
    if name in _TAKEN:
        raise OptionError(f"{name!r} is a name of unblur's own; take another")
    if name in kept_networks() and not overwrite:
        raise OptionError(f"there is a model {name!r} already; --overwrite replaces it")
    if path.suffix.lower() != ".onnx" or not path.is_file():
        raise NetworkError(
            f"{path}: no such network file; it must be an .onnx file (unblur convert makes one of "
            "a state dict)"
        )
    facts = read_facts(path)
    if all(key in facts for key in _NEEDED):
        model = read_model(path)
        report: tuple[str, ...] = ("written by unblur: nothing is to be found out",)
        facts = {**facts, **_origin(path)}
    else:
        probed = probe(path, stated, facts=_origin(path))
        model, report = probed.model, probed.report
    file = user_folder() / "models" / f"{name}.onnx"
    _write(file, model)
    facts = {**facts, **read_facts(file)}
    said = license if license != NOT_STATED else facts.get("unblur.license", NOT_STATED)
    notes = {
        "sha256": hashlib.sha256(model).hexdigest(),
        "license": said,
        "date": datetime.now(tz=UTC).date().isoformat(),
        "facts": facts,
    }
    _write(file.with_suffix(".json"), json.dumps(notes, indent=1).encode())
    return Added(kept=kept_networks()[name], report=report)


def remove(name: str) -> None:
    """Remove a network that was added.

    Raises:
        OptionError: If there is none of that name.
        TargetError: If it cannot be removed.
    """
    kept = kept_networks()
    if name not in kept:
        known = ", ".join(kept) or "none"
        raise OptionError(f"no model {name!r} was added; added: {known}")
    file = kept[name].file
    try:
        file.with_suffix(".json").unlink(missing_ok=True)
        file.unlink(missing_ok=True)
    except OSError as error:
        raise TargetError(f"{file}: cannot be removed ({error.strerror or error})") from error


def _origin(path: Path) -> dict[str, str]:
    return {"unblur.source": path.name, "unblur.source_sha256": network_digest(path)}


def _write(path: Path, content: bytes) -> None:
    """A file whole, or none."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replace_file(path, overwrite=True) as part:
            part.write_bytes(content)
    except (OSError, TargetError) as error:
        why = getattr(error, "strerror", None) or error
        raise TargetError(
            f"{path}: cannot be written ({why}); UNBLUR_DATA names another folder"
        ) from error
