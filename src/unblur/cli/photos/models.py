"""`unblur models`: which networks there are; others' are added and removed."""

from pathlib import Path
from typing import Annotated

import typer

from unblur.cli import flags
from unblur.cli.terminal import say

app = typer.Typer(rich_markup_mode=None)

_Json = Annotated[bool, typer.Option("--json", help="Print one JSON object a model.")]


@app.callback(invoke_without_command=True)
def models(context: typer.Context, as_json: _Json = False) -> None:
    """List networks; add and remove those of others."""
    if context.invoked_subcommand is None:
        _list(as_json=as_json)


@app.command("list")
def list_models(as_json: _Json = False) -> None:
    """List the networks that come with the package and those that were added."""
    _list(as_json=as_json)


@app.command()
def add(  # noqa: PLR0913, PLR0917 - the flags of a command
    network: Annotated[
        Path, typer.Argument(metavar="FILE", help="An ONNX file that maps a picture to a picture.")
    ],
    name: Annotated[str, typer.Option(help="What `--model` is to call it.")],
    range_: Annotated[
        str | None,
        typer.Option("--range", help="Of its values: 0..1, -1..1 or 0..255; not given: tried."),
    ] = None,
    multiple: Annotated[
        int | None, typer.Option(help="Sides must be multiples of this; not given: tried.")
    ] = None,
    output: Annotated[
        str | None, typer.Option(help="The output that is the restored picture; not given: tried.")
    ] = None,
    order: Annotated[str, typer.Option(help="Of its colours: rgb or bgr.")] = "rgb",
    receptive_field: Annotated[
        int | None,
        typer.Option(metavar="PX", help="Side of what one pixel depends on; not given: measured."),
    ] = None,
    license_: Annotated[str, typer.Option("--license", help="Of the weights.")] = "not stated",
    overwrite: Annotated[bool, flags.replacing("a model of that name")] = False,
) -> None:
    """Add a network of others under a name; says what was found out about it.

    It is copied to the user's folder, with its SHA-256: UNBLUR_DATA, or unblur in XDG_DATA_HOME or
    ~/.local/share.
    """
    from unblur.tasks.foreign.keep import add as run
    from unblur.tasks.foreign.probe import Stated

    stated = Stated(
        range=range_, multiple=multiple, output=output, order=order, receptive_field=receptive_field
    )
    added = run(network, name, stated, license=license_, overwrite=overwrite)
    for line in added.report:
        say(f"  {line}")
    say(f"{added.kept.name}: {added.kept.file}, SHA-256 {added.kept.sha256}")
    say(f"Try it with `unblur restore PHOTO --model {added.kept.name}`")


@app.command()
def remove(name: Annotated[str, typer.Argument(help="A model that was added.")]) -> None:
    """Remove a network that was added."""
    from unblur.tasks.foreign.keep import remove as run

    run(name)
    say(f"removed {name}")


def _list(*, as_json: bool) -> None:
    from dataclasses import asdict

    from unblur.weights import WEIGHTS, find_network, kept_networks

    kept = kept_networks()
    if as_json:
        import json

        for name, weights in WEIGHTS.items():
            size = find_network(name).stat().st_size
            say(json.dumps({"name": name, "bytes": size, **asdict(weights)}))
        for added in kept.values():
            said = {**asdict(added), "file": str(added.file), "facts": dict(added.facts)}
            say(json.dumps(said))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("name", "MB", "licence", "trained on", "figures", "date", box=None)
    for name, weights in WEIGHTS.items():
        megabytes = f"{find_network(name).stat().st_size / 1e6:.1f}"
        row = (megabytes, weights.license, weights.trained_on, weights.figures, weights.date)
        table.add_row(name, *row)
    for added in kept.values():
        there = f"{added.file.stat().st_size / 1e6:.1f}" if added.file.is_file() else "gone"
        facts = added.facts
        seen = f"others': {facts.get('unblur.source', 'unknown')}"
        how = f"multiples of {facts.get('unblur.multiple_of')}, tiles {facts.get('unblur.tiling')}"
        if "unblur.range" in facts:
            how = f"values {facts['unblur.range']}, {how}"
        table.add_row(added.name, there, added.license, seen, how, added.date)
    Console().print(table)
