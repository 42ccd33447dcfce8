"""The commands: options in, one task, lines on the terminal."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from unblur.errors import UnblurError

if TYPE_CHECKING:
    from unblur.tasks.batch import Restored

_INTERRUPTED: Final = 130

# With Rich markup on, typer takes "[...]" in a help text for a style and swallows it.
app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        from unblur import __version__

        typer.echo(f"unblur {__version__}")
        raise typer.Exit


@app.callback()
def unblur(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Restore photographs spoiled by motion blur."""


@app.command()
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
    with _progress(len(sources), hidden=as_json or quiet) as advance:
        for result in results:
            failures += result.error is not None
            _report(result, as_json=as_json, quiet=quiet)
            advance()
    if failures and len(sources) > 1:
        typer.echo(f"unblur: {failures} of {len(sources)} photos failed", err=True)
    raise typer.Exit(code=1 if failures else 0)


@app.command()
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


@app.command()
def train(  # noqa: PLR0913, PLR0917 - the flags of a command
    recipe: Annotated[Path, typer.Argument(help="A TOML file, such as recipes/fast.toml.")],
    data: Annotated[Path, typer.Option(help="Folder of sharp photos.")],
    out: Annotated[Path, typer.Option(help="Folder of the run: checkpoints, logs, weights.")],
    resume: Annotated[bool, typer.Option("--resume", help="Continue an interrupted run.")] = False,
    start_from: Annotated[
        Path | None, typer.Option(help="Begin with another run's weights, .safetensors or .onnx.")
    ] = None,
    steps: Annotated[int | None, typer.Option(help="In place of the recipe's.")] = None,
    seed: Annotated[int | None, typer.Option(help="In place of the recipe's.")] = None,
    minutes: Annotated[
        float | None, typer.Option(help="Stop after this time; --resume goes on.")
    ] = None,
    workers: Annotated[int, typer.Option(help="Processes that make training pairs.")] = 1,
) -> None:
    """Train a network from a recipe; needs the extra `train`."""
    from dataclasses import replace
    from importlib.util import find_spec

    from unblur.errors import MissingExtraError

    if find_spec("lightning") is None:
        raise MissingExtraError("lightning", extra="train")
    _hush_lightning()
    from unblur.tasks.recipe import load_recipe
    from unblur.tasks.train import train as run
    from unblur.tasks.train_module import TrainOptions

    options = load_recipe(recipe, TrainOptions)
    changed = {"steps": steps, "seed": seed}
    options = replace(options, **{k: v for k, v in changed.items() if v is not None})  # type: ignore[arg-type]
    network = run(
        options,
        data=data,
        out=out,
        resume=resume,
        start_from=start_from,
        minutes=minutes,
        workers=workers,
    )
    typer.echo(f"{network}: try it with `unblur restore PHOTO --model {network}`")


def _hush_lightning() -> None:
    """Keep the progress bar and errors, drop the advertising and the hints to developers."""
    import logging
    import warnings

    warnings.filterwarnings("ignore", module="lightning")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)


@contextmanager
def _progress(total: int, *, hidden: bool) -> Iterator[Callable[[], None]]:
    """A progress bar on stderr for more than one photo, if somebody is there to see it."""
    if total < 2 or hidden or not sys.stderr.isatty():  # noqa: PLR2004
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("restoring", total=total)
        yield lambda: bar.advance(task)


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


def main() -> None:
    """Run the command line; an expected error is one line on stderr and exit status 2."""
    try:
        app()
    except UnblurError as error:
        typer.echo(f"unblur: {error}", err=True)
        sys.exit(2)
    except SystemExit as stop:
        if stop.code == _INTERRUPTED:  # typer has turned Ctrl-C into this, without a word
            typer.echo("unblur: interrupted", err=True)
        raise
