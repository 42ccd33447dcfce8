"""`unblur models`."""

from typing import Annotated

import typer

from unblur.cli.terminal import say


def models(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a model.")] = False,
) -> None:
    """List the networks that come with the package."""
    from dataclasses import asdict

    from unblur.weights import WEIGHTS, find_network

    if as_json:
        import json

        for name, weights in WEIGHTS.items():
            size = find_network(name).stat().st_size
            say(json.dumps({"name": name, "bytes": size, **asdict(weights)}))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("name", "MB", "licence", "trained on", "figures", "date", box=None)
    for name, weights in WEIGHTS.items():
        megabytes = f"{find_network(name).stat().st_size / 1e6:.1f}"
        row = (megabytes, weights.license, weights.trained_on, weights.figures, weights.date)
        table.add_row(name, *row)
    Console().print(table)
