"""Put plug-ins into editors' folders and take them away; files of others stay as they are."""

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from unblur._version import __version__
from unblur.errors import OptionError, TargetError
from unblur.imaging.files import replace_file
from unblur.tasks.plugins.kinds import PLUGINS, Plugin, own_command
from unblur.tasks.plugins.places import Machine, Place

NOTES: Final = "unblur-plugin.json"
"""Beside a plug-in: what was put there, so that nothing else is replaced or removed."""


@dataclass(frozen=True, kw_only=True)
class State:
    """A plug-in in one place."""

    plugin: Plugin
    place: Place
    version: str | None
    """Which version of unblur has put it there; None if it is not there."""

    @property
    def folder(self) -> Path:
        """The plug-in's own folder."""
        return self.place.folder / self.plugin.folder


def states(machine: Machine | None = None) -> list[State]:
    """Every plug-in, in every place where an editor looks for it."""
    machine = machine or Machine()
    return [
        _state(plugin, place) for plugin in PLUGINS.values() for place in plugin.places(machine)
    ]


def install(
    name: str,
    *,
    to: Path | None = None,
    overwrite: bool = False,
    machine: Machine | None = None,
) -> list[State]:
    """Put a plug-in where its editor looks for it; an older one of unblur's is replaced.

    Args:
        name: A key of `PLUGINS`.
        to: The folder to put it into, in place of those that are found.
        overwrite: Replace files of these names that unblur has not put there, too.
        machine: Where to look.

    Raises:
        OptionError: If there is no plug-in of that name, or no place for it.
        TargetError: If a file of another is in its place, or it cannot be written.
    """
    plugin = _plugin(name)
    contents = plugin.contents(own_command())
    places = _places(plugin, to, machine)
    for place in places:  # before anything is written
        noted = _noted(_notes(plugin, place))
        for path, content in contents.items():
            target = place.folder / path
            if not overwrite and target.exists() and not _is_ours(target, path, content, noted):
                raise TargetError(
                    f"{target}: is there already, and is not what unblur has put there; "
                    "--overwrite replaces it"
                )
    return [_put(plugin, place, contents) for place in places]


def remove(name: str, *, to: Path | None = None, machine: Machine | None = None) -> list[State]:
    """Take a plug-in away from where it was put.

    Args:
        name: A key of `PLUGINS`.
        to: The folder that it was put into, in place of those that are found.
        machine: Where to look.

    Raises:
        OptionError: If there is no plug-in of that name, or it is nowhere.
        TargetError: If a file of it was changed, or cannot be removed.
    """
    plugin = _plugin(name)
    found = [_state(plugin, place) for place in _places(plugin, to, machine)]
    there = [state for state in found if state.version is not None]
    if not there:
        looked = ", ".join(str(state.folder) for state in found)
        raise OptionError(f"the plug-in {name} is not installed; looked at {looked}")
    for state in there:
        for path, digest in _noted(_notes(plugin, state.place)).items():
            target = state.place.folder / path
            if target.exists() and _digest(target.read_bytes()) != digest:
                raise TargetError(
                    f"{target}: was changed since unblur has put it there; remove it yourself"
                )
    for state in there:
        _take_away(state)
    return there


def _plugin(name: str) -> Plugin:
    if name not in PLUGINS:
        raise OptionError(f"no plug-in {name!r}; there are: {', '.join(PLUGINS)}")
    return PLUGINS[name]


def _places(plugin: Plugin, to: Path | None, machine: Machine | None) -> list[Place]:
    if to is not None:
        if not to.is_dir():
            raise OptionError(f"{to}: no such folder; --to names {plugin.place_is}")
        return [Place(folder=to, editor=str(to))]
    places = plugin.places(machine or Machine())
    if not places:
        editor = "GIMP 3" if plugin.name == "gimp" else "darktable"
        raise OptionError(
            f"no folder of {editor} was found; start it once, which makes one, or name "
            f"{plugin.place_is} by --to"
        )
    return places


def _state(plugin: Plugin, place: Place) -> State:
    try:
        notes = json.loads(_notes(plugin, place).read_text(encoding="utf-8"))
        version = str(notes["version"])
    except (OSError, ValueError, KeyError, TypeError):
        version = None
    return State(plugin=plugin, place=place, version=version)


def _notes(plugin: Plugin, place: Place) -> Path:
    return place.folder / plugin.folder / NOTES


def _noted(notes: Path) -> dict[str, str]:
    """Digests of what was put there, by path."""
    try:
        digests = json.loads(notes.read_text(encoding="utf-8"))["files"]
        return {str(path): str(digest) for path, digest in digests.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _is_ours(target: Path, path: str, content: bytes, noted: Mapping[str, str]) -> bool:
    try:
        there = target.read_bytes()
    except OSError:
        return False
    return there == content or noted.get(path) == _digest(there)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _put(plugin: Plugin, place: Place, contents: Mapping[str, bytes]) -> State:
    for path, content in contents.items():
        target = place.folder / path
        _write(target, content)
        if path in plugin.programs:
            target.chmod(target.stat().st_mode | 0o111)
    notes = {
        "plugin": plugin.name,
        "version": __version__,
        "command": own_command(),
        "files": {path: _digest(content) for path, content in contents.items()},
    }
    _write(_notes(plugin, place), json.dumps(notes, indent=1).encode())
    if plugin.line is not None:
        name, line = plugin.line
        said = _content(place.folder / name)
        if line.encode() not in said.splitlines():
            end = b"" if not said or said.endswith(b"\n") else b"\n"
            _write(place.folder / name, said + end + line.encode() + b"\n")
    return _state(plugin, place)


def _take_away(state: State) -> None:
    plugin, place = state.plugin, state.place
    if plugin.line is not None:
        name, line = plugin.line
        said = _content(place.folder / name)
        lines = said.splitlines(keepends=True)
        kept = b"".join(x for x in lines if x.rstrip(b"\r\n") != line.encode())
        if kept != said:
            _write(place.folder / name, kept)
    try:
        for path in _noted(_notes(plugin, place)):
            (place.folder / path).unlink(missing_ok=True)
        _notes(plugin, place).unlink()
        # Python keeps there what it has made of the plug-in's files.
        shutil.rmtree(state.folder / "__pycache__", ignore_errors=True)
        if not any(state.folder.iterdir()):
            state.folder.rmdir()
    except OSError as error:
        raise TargetError(
            f"{state.folder}: cannot be removed ({error.strerror or error})"
        ) from error


def _content(file: Path) -> bytes:
    """What is in a file of the user; nothing if there is none."""
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise TargetError(f"{file}: cannot be read ({error.strerror or error})") from error


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TargetError(f"{path.parent}: cannot be made ({error.strerror or error})") from error
    with replace_file(path, overwrite=True) as temporary:
        temporary.write_bytes(content)
