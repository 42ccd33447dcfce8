"""`unblur plugins`: editors' plug-ins are put where the editors look for them."""

from pathlib import Path
from typing import Annotated

import typer

from unblur.cli.terminal import say

app = typer.Typer(rich_markup_mode=None)

_Name = Annotated[str, typer.Argument(metavar="NAME", help="gimp, darktable or darktable-network.")]
_To = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="In place of the folders that are found: GIMP's folder plug-ins, darktable's "
        "configuration folder, darktable's folder models.",
    ),
]
_Json = Annotated[bool, typer.Option("--json", help="Print one JSON object a place.")]


@app.callback(invoke_without_command=True)
def plugins(context: typer.Context, as_json: _Json = False) -> None:
    """Plug-ins for GIMP and darktable: list, install, remove."""
    if context.invoked_subcommand is None:
        _list(as_json=as_json)


@app.command("list")
def list_plugins(as_json: _Json = False) -> None:
    """List the plug-ins, and where each is or could be."""
    _list(as_json=as_json)


@app.command()
def install(
    name: _Name,
    to: _To = None,
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite", help="Replace files of these names that are not unblur's."),
    ] = False,
) -> None:
    """Put a plug-in into the folders of its editor; it calls this very unblur.

    Nothing is installed into the editor's own Python. Do it again after unblur was moved or
    updated.
    """
    from unblur.tasks.plugins.install import install as run

    states = run(name, to=to, overwrite=overwrite)
    for state in states:
        say(f"{state.place.editor}: {state.folder}")
    say(states[0].plugin.then)


@app.command()
def remove(name: _Name, to: _To = None) -> None:
    """Take a plug-in away again."""
    from unblur.tasks.plugins.install import remove as run

    for state in run(name, to=to):
        say(f"removed {state.folder}")


def _list(*, as_json: bool) -> None:
    from unblur.tasks.plugins.install import states
    from unblur.tasks.plugins.kinds import PLUGINS

    found = states()
    if as_json:
        import json

        for state in found:
            said = {
                "name": state.plugin.name,
                "editor": state.place.editor,
                "folder": str(state.folder),
                "version": state.version,
            }
            say(json.dumps(said))
        return
    for plugin in PLUGINS.values():
        say(f"{plugin.name}: {plugin.what}")
        there = [state for state in found if state.plugin is plugin]
        for state in there:
            version = state.version
            how = "not installed" if version is None else f"installed, of unblur {version}"
            say(f"  {how}: {state.folder}")
        if not there:
            say("  its editor was not found; --to names a folder")
