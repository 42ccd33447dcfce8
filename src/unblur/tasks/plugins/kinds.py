"""Which plug-ins there are: what is written for each, and what is to be done then."""

import json
import sys
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from string import ascii_letters, digits
from typing import Final

from unblur._version import __version__
from unblur.tasks.plugins.places import (
    Machine,
    Place,
    of_darktable,
    of_darktable_networks,
    of_gimp,
)
from unblur.weights import find_network

_PLAIN: Final = f"{ascii_letters}{digits}/._- ".encode()
_LUA_MARK: Final = "-- unblur plugins install darktable"


@dataclass(frozen=True, kw_only=True)
class Plugin:
    """A plug-in for an editor. Paths are relative to the place that it is put into."""

    name: str
    what: str
    """What it does, in one line."""
    places: Callable[[Machine], list[Place]]
    contents: Callable[[list[str]], Mapping[str, bytes]]
    """Its files, by path, of the command that it is to call, word by word."""
    folder: str
    """Its own folder, which holds all of these, and the notes on them."""
    programs: frozenset[str] = frozenset()
    """Those that the editor starts, which must be executable."""
    line: tuple[str, str] | None = None
    """A file of the user, and the line that is to stand in it."""
    place_is: str
    """What `--to` names."""
    then: str
    """What the user does next."""


def own_command() -> list[str]:
    """The words that start this very installation, whatever the PATH of an editor is."""
    program = Path(sys.argv[0])
    if program.suffix.lower() != ".exe" and program.is_file() and zipfile.is_zipfile(program):
        return [sys.executable, str(program.resolve())]  # one file, made by `make pyz`
    # -P: a folder that an editor starts it in may hold a file unblur.py, as GIMP's does.
    return [sys.executable, "-P", "-m", "unblur"]


def _packaged(folder: str, name: str) -> bytes:
    return files("unblur").joinpath("plugins", folder, name).read_bytes()


def _for_gimp(_command: list[str]) -> dict[str, bytes]:
    names = ("unblur.py", "unblur_command.py")
    return {f"unblur/{name}": _packaged("gimp", name) for name in names}


def _for_darktable(command: list[str]) -> dict[str, bytes]:
    words = ", ".join(_in_lua(word) for word in command)
    return {
        "lua/unblur/unblur.lua": _packaged("darktable", "unblur.lua"),
        "lua/unblur/command.lua": f"return {{ {words} }}\n".encode(),
    }


def _in_lua(word: str) -> str:
    """A string of Lua, in which every byte that is no letter, digit or the like is a number."""
    signs = (chr(x) if x in _PLAIN else f"\\{x:03}" for x in word.encode())
    return f'"{"".join(signs)}"'


def _network_for_darktable(_command: list[str]) -> dict[str, bytes]:
    said = {
        "id": "denoise-unblur",
        "name": "unblur fast",
        "description": "undoes motion blur a little; the script of unblur does more",
        "task": "denoise",
        "arch": "unblur-fast",
        "backend": "onnx",
        "version": ".".join(__version__.split(".")[:2]),
        "tiling": True,
        "num_inputs": 1,
    }
    return {
        "denoise-unblur/config.json": f"{json.dumps(said, indent=2)}\n".encode(),
        "denoise-unblur/model.onnx": find_network("fast").read_bytes(),
    }


PLUGINS: Final = {
    plugin.name: plugin
    for plugin in (
        Plugin(
            name="gimp",
            what="GIMP 3: Filters > Enhance > Unblur",
            places=of_gimp,
            contents=_for_gimp,
            folder="unblur",
            programs=frozenset({"unblur/unblur.py"}),
            place_is="GIMP's folder plug-ins",
            then="Restart GIMP; it is in Filters > Enhance > Unblur (motion blur)",
        ),
        Plugin(
            name="darktable",
            what="darktable: export to `unblur`, result beside the photo and in the collection",
            places=of_darktable,
            contents=_for_darktable,
            folder="lua/unblur",
            line=("luarc", f'require "unblur/unblur" {_LUA_MARK}'),
            place_is="darktable's configuration folder",
            then="Restart darktable; in the module export, choose `unblur` as the target storage",
        ),
        Plugin(
            name="darktable-network",
            what="darktable 5.6 with AI: the network alone, as a model for `denoise`",
            places=of_darktable_networks,
            contents=_network_for_darktable,
            folder="denoise-unblur",
            place_is="darktable's folder models",
            then="Restart darktable; choose it in preferences > AI, use it in neural restore",
        ),
    )
}
