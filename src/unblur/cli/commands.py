"""The commands by name; the file of one is read when somebody asks for that command."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

import typer

from unblur.cli.panels import PanelGroup, panelled


@dataclass(frozen=True)
class Place:
    """Where a command is written, and where it stands in the help.

    Attributes:
        file: Of ``unblur.cli``, with a dot between folder and file.
        name: Of the function, or of the `typer.Typer` of a group, in that file.
        panel: Heads the commands that stand together in the help; None hides the command.
        within: Names of commands that its first word may be.
    """

    file: str
    name: str
    panel: str | None = None
    within: tuple[str, ...] = ()


_PHOTOS: Final = "Photos"
_PAIRS: Final = "Make pairs"
_TRAINING: Final = "Train and compare"
_MACHINES: Final = "Many machines"
_HELP: Final = "Help"

PLACES: Final = {
    "restore": Place("photos.restore", "restore", _PHOTOS),
    "diagnose": Place("photos.diagnose", "diagnose", _PHOTOS),
    "video": Place("photos.video", "video", _PHOTOS),
    "serve": Place("photos.serve", "serve", _PHOTOS),
    "kernel": Place("photos.kernel", "kernel", _PHOTOS),
    "blur": Place("train.synthesis", "blur", _PAIRS, within=("average",)),
    "shakes": Place("train.synthesis", "shakes", _PAIRS),
    "train": Place("train.train", "train", _TRAINING),
    "export": Place("train.networks", "export", _TRAINING),
    "convert": Place("train.networks", "convert", _TRAINING),
    "score": Place("measure.score", "score", _TRAINING),
    "scale": Place("photos.scale", "scale", _MACHINES, within=("plan",)),
    "doctor": Place("help.doctor", "doctor", _HELP),
    "completion": Place("help.completion", "completion", _HELP),
    "man": Place("help.manual", "man", _HELP),
    # What stands within others, and old names.
    "average": Place("train.average", "average"),
    "plan": Place("photos.scale", "plan"),
    "kernels": Place("train.synthesis", "shakes"),
    "singan": Place("photos.singan", "app", _PHOTOS),
    "plugins": Place("help.plugins", "app", _PHOTOS),
    "data": Place("train.data", "app", _PAIRS),
    "models": Place("photos.models", "app", _TRAINING),
    "bench": Place("measure.bench", "app", _TRAINING),
}
"""All commands, in the order of the help."""


class Commands(Mapping[str, Any]):
    """What typer builds of places, each when it is asked for."""

    def __init__(self, places: Mapping[str, Place]) -> None:
        self._places = places
        self._built: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        """The command of a name."""
        if name not in self._built:
            self._built[name] = _build(name, self._places[name])
        return self._built[name]

    def __contains__(self, name: object) -> bool:
        """Whether there is such a command; none is built for that."""
        return name in self._places

    def __iter__(self) -> Iterator[str]:
        """The names, in order."""
        return iter(self._places)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._places)


class Program(PanelGroup):
    """The program: all commands."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.commands: Any = Commands(PLACES)


def _build(name: str, place: Place) -> Any:
    file = import_module(f"unblur.cli.{place.file}")
    written = getattr(file, place.name)
    command: Any
    if isinstance(written, typer.Typer):
        command = typer.main.get_group(written)
    else:
        panels = getattr(file, "PANELS", None)
        kind = panelled(panels, within=place.within) if panels or place.within else None
        alone = typer.Typer(add_completion=False, rich_markup_mode=None)
        alone.command(name, cls=kind)(written)
        command = typer.main.get_command(alone)
    command.name, command.hidden = name, place.panel is None
    command.rich_help_panel = place.panel
    return command
