"""Help in panels, in plain text; commands within commands; a photo in place of a command's name."""

import os
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import PurePath
from typing import Any, ClassVar, Final

from typer.core import TyperCommand, TyperGroup

from unblur.cli.terminal import say

RENAMED: Final = {
    "average": "blur average",
    "kernels": "shakes",
    "plan": "scale plan",
}
"""Old names of commands, which work for one more release, and the new ones."""
_RESTORE: Final = "restore"
_MAGIC: Final = frozenset("*?[")
_ALIKE: Final = 0.7
"""Likeness of two words, 0 to 1, below which one was not meant for the other."""
_CALLED_HERE: Final = {
    "amount": "strength",
    "sharpness": "strength",
    "destination": "out",
    "force": "overwrite",
    "silent": "quiet",
    "network": "model",
    "psf": "kernel",
}
"""What others call an option that is here, too."""


class PanelCommand(TyperCommand):
    """A command whose options stand in panels; it may have other commands within."""

    panels: ClassVar[Mapping[str, str]] = {}
    """The panel of each parameter, by name."""
    within: ClassVar[tuple[str, ...]] = ()
    """Names of commands that its first word may be. They are hidden ones of the same group."""

    def make_context(self, info_name: Any, args: Any, parent: Any = None, **extra: Any) -> Any:
        """The context of this command, or of the one within that the first word names."""
        if parent is not None and args and args[0] in self.within:
            inner = parent.command.commands[args[0]]
            return inner.make_context(f"{info_name} {args[0]}", args[1:], parent, **extra)
        return super().make_context(info_name, args, parent, **extra)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write arguments, options panel by panel, and the commands within."""
        panels: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                argument = parameter.param_type_name == "argument"
                panel = "Arguments" if argument else self.panels.get(parameter.name, "Options")
                panels.setdefault(panel, []).append(record)
        inner = [(name, ctx.parent.command.commands[name]) for name in self.within if ctx.parent]
        panels["Commands"] = [(name, command.get_short_help_str(70)) for name, command in inner]
        _write(panels, formatter)


class PanelGroup(TyperGroup):
    """Commands in panels. A photo in place of a command's name is restored."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands, panel by panel."""
        shown = [(name, command) for name, command in self.commands.items() if not command.hidden]
        limit = formatter.width - 6 - max(len(name) for name, _ in shown)
        panels: dict[str, list[tuple[str, str]]] = {}
        for name, command in shown:
            panel = getattr(command, "rich_help_panel", None)
            panel = panel if isinstance(panel, str) else "Commands"
            panels.setdefault(panel, []).append((name, command.get_short_help_str(limit)))
        widest = max(len(name) for name, _ in shown)
        panels = {
            panel: [(name.ljust(widest), said) for name, said in rows]
            for panel, rows in panels.items()
        }
        _write(panels, formatter)

    def invoke(self, ctx: Any) -> Any:
        """Run a command; for an option that there is not, name the one that was meant, if any."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            # By its name: the class is one of Typer's own copy of Click.
            if type(error).__name__ == "NoSuchOption":
                _hint(error)
            raise

    def parse_args(self, ctx: Any, args: list[str]) -> Any:
        """Read the words of a command line; one that begins with an option of `restore` is its."""
        if args and args[0].startswith("-"):
            restore = self.commands[_RESTORE]
            own, its = (_option_names(each.get_params(ctx)) for each in (self, restore))
            if args[0].partition("=")[0] in its - own:
                args = [_RESTORE, *args]
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that the first word names; `restore` if that is a photo."""
        word = args[0]
        if word not in self.commands and _names_photos(word):
            return _RESTORE, self.commands[_RESTORE], args
        if word in RENAMED and not ctx.resilient_parsing:
            new = RENAMED[word]
            say(
                f"unblur: `unblur {word}` is called `unblur {new}` now; the old name works for one "
                "more release",
                err=True,
            )
        return super().resolve_command(ctx, args)


def panelled(
    panels: Mapping[str, Sequence[str]] | None = None, *, within: Sequence[str] = ()
) -> type[PanelCommand]:
    """A kind of command whose help has panels.

    Args:
        panels: Names of parameters, by panel; the others stand under "Options".
        within: Names of commands that it has within.
    """
    of = {name: panel for panel, names in (panels or {}).items() for name in names}
    return type("PanelledCommand", (PanelCommand,), {"panels": of, "within": tuple(within)})


def _hint(error: Any) -> None:
    """Name options that are spelt, or called elsewhere, nearly like the one that there is not."""
    options = {
        name.lstrip("-"): name
        for parameter in (error.ctx.command.params if error.ctx else ())
        for name in (*parameter.opts, *parameter.secondary_opts)
        if name.startswith("--")
    }
    word = error.option_name.lstrip("-")
    meant = [name for name in options if word and (name.startswith(word) or word.startswith(name))]
    meant += [_CALLED_HERE[word]] if _CALLED_HERE.get(word) in options else []
    meant = meant or get_close_matches(word, options, n=2, cutoff=_ALIKE)
    error.possibilities = sorted(options[name] for name in dict.fromkeys(meant))


def _option_names(parameters: Sequence[Any]) -> set[str]:
    return {name for each in parameters for name in (*each.opts, *each.secondary_opts)}


def _names_photos(word: str) -> bool:
    """Whether a word is a path, a pattern or standard input rather than a slip in a command."""
    if word.startswith("-"):
        return word == "-"
    return bool(PurePath(word).suffix or _MAGIC & set(word) or os.path.lexists(word))


def _write(panels: dict[str, list[tuple[str, str]]], formatter: Any) -> None:
    for panel, rows in panels.items():
        if rows:
            with formatter.section(panel):
                formatter.write_dl(rows)
