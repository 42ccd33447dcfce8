"""`unblur restore` and `unblur models`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unblur.cli.terminal import progress

if TYPE_CHECKING:
    from unblur.tasks.batch import Restored


def restore(  # noqa: PLR0913, PLR0917 - the flags of a command
    photos: Annotated[
        list[Path],
        typer.Argument(metavar="PHOTO...", help="Photos, or folders: the photos right in them."),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", help="File or folder for the results; not given: beside each photo."
        ),
    ] = None,
    model: Annotated[str, typer.Option(help="A name from `unblur models`, or FILE.onnx.")] = "fast",
    engine: Annotated[str, typer.Option(help="auto, onnx, openvino or torch.")] = "auto",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace results that exist.")
    ] = False,
    preview: Annotated[
        bool, typer.Option("--preview", help="Also write PHOTO.before-after.jpg.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object a photo, and nothing else.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")] = False,
    max_megapixels: Annotated[
        float, typer.Option(help="Refuse larger photos before they are decoded.")
    ] = 200.0,
) -> None:
    """Restore motion-blurred photos; EXIF, colour profile, alpha and bit depth are kept.

    Writes photo.unblurred.jpg beside photo.jpg. Exit status: 0 all restored, 1 some failed,
    2 wrong use.
    """
    from unblur.tasks import batch
    from unblur.tasks.restore import RestoreOptions, Restorer

    options = RestoreOptions(model=model, engine=engine, max_megapixels=max_megapixels)
    sources = batch.list_sources(photos)
    targets = batch.plan_targets(sources, out)
    restorer = Restorer.open(options)
    results = batch.restore_files(
        sources, targets, restorer, options, overwrite=overwrite, preview=preview
    )
    failures = 0
    with progress("restoring", len(sources), hidden=as_json or quiet) as advance:
        for result in results:
            failures += result.error is not None
            _report(result, as_json=as_json, quiet=quiet)
            advance()
    if failures and len(sources) > 1:
        typer.echo(f"unblur: {failures} of {len(sources)} photos failed", err=True)
    raise typer.Exit(code=1 if failures else 0)


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
            typer.echo(json.dumps({"name": name, "bytes": size, **asdict(weights)}))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("name", "MB", "licence", "trained on", "figures", "date", box=None)
    for name, weights in WEIGHTS.items():
        megabytes = f"{find_network(name).stat().st_size / 1e6:.1f}"
        row = (megabytes, weights.license, weights.trained_on, weights.figures, weights.date)
        table.add_row(name, *row)
    Console().print(table)


def _report(result: "Restored", *, as_json: bool, quiet: bool) -> None:
    if as_json:
        import json

        typer.echo(
            json.dumps(
                {
                    "source": str(result.source),
                    "target": None if result.error else str(result.target),
                    "preview": str(result.preview) if result.preview else None,
                    "seconds": round(result.seconds, 3),
                    "notes": list(result.notes),
                    "error": result.error,
                }
            )
        )
    elif result.error is not None:
        typer.echo(f"unblur: {result.error}", err=True)
    elif not quiet:
        notes = f" ({'; '.join(result.notes)})" if result.notes else ""
        typer.echo(f"{result.source} -> {result.target}  {result.seconds:.2f} s{notes}")
