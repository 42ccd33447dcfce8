"""`unblur data check`: is a data set fit to train on; `unblur data kernels`: make one."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unblur.cli import flags
from unblur.cli.terminal import counted, progress, say

if TYPE_CHECKING:
    from unblur.tasks.datasets.check import DataReport

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def data() -> None:
    """Look after data sets."""


@app.command()
def check(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Sharp photos, pairs, or frames of fast videos.")
    ],
    crop_px: Annotated[int, typer.Option(help="Side of the crops that training takes.")] = 256,
    layout: Annotated[
        str | None, typer.Option(help="pairs, photos or frames; not given: find out.")
    ] = None,
    gamma: Annotated[bool, typer.Option("--gamma", help="GoPro: blur_gamma/, not blur/.")] = False,
    split: Annotated[
        str | None, typer.Option(help="Pairs: below train/ or test/ only; not given: all.")
    ] = None,
    as_json: flags.JsonAlone = False,
) -> None:
    """Look at every file of a data set, before a training does.

    Exit status: 0 fine, 1 problems found (all of them are listed), 2 wrong use.
    """
    from unblur.tasks.datasets.check import CheckOptions, list_data, report_on
    from unblur.tasks.datasets.look import look_at

    options = CheckOptions(crop_px=crop_px, layout=layout, gamma=gamma, split=split)
    listing = list_data(folder, options)
    looked = []
    with progress("checking", len(listing.files), hidden=as_json) as advance:
        for item in look_at(listing.files):
            looked.append(item)
            advance()
    report = report_on(listing, looked, options)
    (_print_json if as_json else _print)(report)
    raise typer.Exit(code=1 if report.problems else 0)


@app.command()
def kernels(  # noqa: PLR0913, PLR0917 - the flags of a command
    photos: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of sharp photos.")],
    out: flags.DataSet,
    count: Annotated[int, typer.Option(help="How many.")] = 1000,
    seed: flags.SeedOfFiles = 1,
    search: Annotated[
        bool,
        typer.Option(
            "--search/--no-search",
            help="Look for the kernels, some ten seconds each, or take the true ones, exact and "
            "disturbed.",
        ),
    ] = True,
    second: Annotated[
        bool,
        typer.Option(
            "--second",
            help="For the recipes guided-second and edges-second: show what the photo and "
            "`guided` say together.",
        ),
    ] = False,
    leave_out: Annotated[
        Path | None,
        typer.Option(metavar="LIST", help="Names of photos not to use, one a line."),
    ] = None,
    threads: Annotated[int, typer.Option(help="0 takes one per core.")] = 0,
    quiet: flags.Quiet = False,
) -> None:
    """Blur photos with kernels, and look for these.

    What `unblur train recipes/guided.toml --tries` learns from: photos, kernels that were found,
    and what these undo. An interrupted run continues where it stopped.
    """
    from unblur.cli.train.written import Told, tell_written
    from unblur.data.photos import leave_out as without
    from unblur.data.photos import list_photos
    from unblur.tasks.datasets.tries import TryOptions, write_tries

    found = list_photos(photos)
    found = found if leave_out is None else without(found, leave_out)
    options = TryOptions(seed=seed, search=search, second=second, threads=threads)
    told = Told(verb="trying", one="try", many="tries", quiet=quiet)
    results = write_tries(found, out, options, count=count)
    raise typer.Exit(code=tell_written(results, count, out, told))


def _print(report: "DataReport") -> None:
    for problem in report.problems:
        say(f"unblur: {problem.why}", err=True)
    say(f"{report.folder}: {_words(report)}")
    for note in report.notes:
        say(note)
    if report.smallest and report.median and report.largest:
        sizes = (report.smallest, report.median, report.largest)
        low, middle, high = (f"{width}x{height}" for width, height in sizes)
        say(f"sizes: smallest {low}, median {middle}, largest {high} px")
    say(f"{counted(len(report.problems), 'problem') if report.problems else 'no problems'}")


def _words(report: "DataReport") -> str:
    sequences = f" in {counted(report.sequences, 'sequence')}"
    return {
        "photos": counted(report.files, "sharp photo"),
        "pairs": counted(report.pairs, "pair"),
        "gopro": counted(report.pairs, "pair") + sequences,
        "frames": counted(report.files, "frame") + sequences,
    }[report.layout]


def _print_json(report: "DataReport") -> None:
    import json
    from dataclasses import asdict

    fields = asdict(report) | {"folder": str(report.folder)}
    fields["problems"] = [
        {"kind": problem.kind, "file": str(problem.path), "why": problem.why}
        for problem in report.problems
    ]
    say(json.dumps(fields))
