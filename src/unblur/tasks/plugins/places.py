"""Where editors look for plug-ins, on each system; one that was never started has no place."""

import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

_GIMP: Final = re.compile(r"3\.(\d+)")
_FLATPAKS: Final = ".var/app"


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What decides where an editor keeps its files; this machine if nothing else is said."""

    system: str = sys.platform
    """As `sys.platform` says: ``linux``, ``darwin``, ``win32``."""
    home: Path = field(default_factory=Path.home)
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)

    def folder(self, variable: str, otherwise: str) -> Path:
        """The folder that a variable of the environment names, or one in the user's own."""
        return Path(self.environment.get(variable) or self.home / otherwise)


@dataclass(frozen=True, kw_only=True)
class Place:
    """A folder into which a plug-in can be put."""

    folder: Path
    editor: str
    """Which editor looks there: ``GIMP 3.0``, ``GIMP 3.0 (Flatpak)``."""


def of_gimp(machine: Machine) -> list[Place]:
    """The folder ``plug-ins`` of the newest GIMP 3, of each way in which it is installed."""
    if named := machine.environment.get("GIMP3_DIRECTORY"):
        return [Place(folder=Path(named) / "plug-ins", editor="GIMP 3")]
    places = []
    for above, how in _gimp_folders(machine):
        versions = {}
        for folder in above.glob("GIMP/3.*"):
            number = _GIMP.fullmatch(folder.name)
            if number and folder.is_dir():
                versions[int(number[1])] = folder
        if versions:
            newest = versions[max(versions)]
            places.append(Place(folder=newest / "plug-ins", editor=f"GIMP {newest.name}{how}"))
    return places


def _gimp_folders(machine: Machine) -> Iterator[tuple[Path, str]]:
    if machine.system == "win32":
        yield machine.folder("APPDATA", "AppData/Roaming"), ""
    elif machine.system == "darwin":
        yield machine.home / "Library" / "Application Support", ""
    else:
        yield machine.folder("XDG_CONFIG_HOME", ".config"), ""
        yield machine.home / _FLATPAKS / "org.gimp.GIMP" / "config", " (Flatpak)"
        yield machine.home / "snap" / "gimp" / "current" / ".config", " (Snap)"


def of_darktable(machine: Machine) -> list[Place]:
    """The folders in which darktable keeps its settings, and its Lua scripts."""
    return [
        Place(folder=config, editor=f"darktable{how}")
        for config, _data, how in _darktable_folders(machine)
        if config.is_dir()
    ]


def of_darktable_networks(machine: Machine) -> list[Place]:
    """The folders in which darktable keeps networks; it makes them when it first needs them."""
    return [
        Place(folder=data / "models", editor=f"darktable{how}")
        for config, data, how in _darktable_folders(machine)
        if config.is_dir() or data.is_dir()
    ]


def _darktable_folders(machine: Machine) -> Iterator[tuple[Path, Path, str]]:
    name = "darktable"
    if machine.system == "win32":
        local = machine.folder("LOCALAPPDATA", "AppData/Local") / name
        yield local, local, ""
        return
    # On macOS as well: darktable keeps to the folders of Linux there.
    config = machine.folder("XDG_CONFIG_HOME", ".config") / name
    yield config, machine.folder("XDG_DATA_HOME", ".local/share") / name, ""
    if machine.system != "darwin":
        sandbox = machine.home / _FLATPAKS / "org.darktable.Darktable"
        yield sandbox / "config" / name, sandbox / "data" / name, " (Flatpak)"
