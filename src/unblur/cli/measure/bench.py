"""`unblur bench`: how good is it, by which rules."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unblur import choices
from unblur.cli import flags
from unblur.cli.measure import detection
from unblur.cli.reporting import compare
from unblur.cli.terminal import say

if TYPE_CHECKING:
    from unblur.tasks.bench.run import BenchOptions

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

_Out = Annotated[
    Path,
    typer.Option(
        "--out", "-o", help="Folder for report.json, report.md, report.html; a stopped run goes on."
    ),
]
_Restored = Annotated[
    list[Path] | None,
    typer.Option(metavar="DIR", help="Score files that another program wrote; several times."),
]
_Guard = Annotated[
    str,
    typer.Option(
        metavar="off|on|both",
        help="Off: what a network makes of a photo, as papers print it; on: what `unblur restore` "
        "gives, which keeps the original where it was sharp; both: a row each.",
    ),
]
_Official = Annotated[
    bool, typer.Option("--official", help="SinGAN: the published schedule, hours a photo.")
]
_Iterations = Annotated[
    int | None, typer.Option(help="SinGAN: of each scale; not given: the schedule's.")
]
_Workers = Annotated[int, typer.Option(help="Photos at the same time; 0: one a core.")]
_Metrics = Annotated[
    list[str] | None,
    flags.named(
        choices.METRICS, "--metric", said=f"{flags.listed(choices.METRICS)}; several times."
    ),
]


@app.callback()
def bench() -> None:
    """Compare ways of restoring, by rules that have a name."""


@app.command()
def gopro(  # noqa: PLR0913, PLR0917 - the flags of a command
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="GOPRO_Large, or its test.")],
    out: _Out,
    protocol: Annotated[str, flags.named(choices.PROTOCOLS)] = "standard",
    model: flags.Models = None,
    restored: _Restored = None,
    metric: _Metrics = None,
    limit: flags.Limit = None,
    seed: flags.SeedOfLimit = 0,
    gamma: Annotated[bool, typer.Option("--gamma", help="blur_gamma/, not blur/.")] = False,
    guard: _Guard = "off",
    official: _Official = False,
    iterations: _Iterations = None,
    engine: flags.Engine = "auto",
    precision: flags.Precision = "auto",
    device: flags.Device = "auto",
    workers: _Workers = 0,
) -> None:
    """GoPro's test set. Exit status: 0 done, 1 some photos failed, 2 wrong use.

    `--method singan --limit 100` is the experiment of the paper on SinGAN: each scene is learnt
    from its sharp photo, then its blurred one is restored. Killed, the same command goes on.
    """
    from unblur.tasks.bench.options import BenchOptions

    options = BenchOptions(
        benchmark="gopro",
        protocol=protocol,
        models=_names(model, restored),
        restored=tuple(restored or ()),
        metrics=tuple(metric or ()),
        limit=limit,
        seed=seed,
        gamma=gamma,
        guard=guard,
        official=official,
        iterations=iterations,
        engine=engine,
        precision=precision,
        device=device,
        workers=workers,
    )
    _run(folder, out, options)


@app.command()
def kohler(  # noqa: PLR0913, PLR0917 - the flags of a command
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="With Blurry*_* and GroundTruth*.")],
    out: _Out,
    model: flags.Models = None,
    restored: _Restored = None,
    limit: flags.Limit = None,
    seed: flags.SeedOfLimit = 0,
    guard: _Guard = "off",
    engine: flags.Engine = "auto",
    precision: flags.Precision = "auto",
    device: flags.Device = "auto",
    workers: _Workers = 0,
) -> None:
    """Köhler's set, best match over all frames. Exit status: 0 done, 1 some failed, 2 wrong use."""
    from unblur.tasks.bench.options import BenchOptions

    options = BenchOptions(
        benchmark="kohler",
        models=_names(model, restored),
        restored=tuple(restored or ()),
        limit=limit,
        seed=seed,
        guard=guard,
        engine=engine,
        precision=precision,
        device=device,
        workers=workers,
    )
    _run(folder, out, options)


@app.command()
def pairs(  # noqa: PLR0913, PLR0917 - the flags of a command
    out: _Out,
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="DIR",
            help="With blur/ and sharp/, or a data set as it is downloaded (GoPro, REDS, HIDE, "
            "RealBlur, input/ and target/, A/ and B/).",
        ),
    ] = None,
    blurred: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Blurred photos, in place of DIR.")
    ] = None,
    sharp: flags.SharpFolder = None,
    listed: Annotated[
        Path | None,
        typer.Option(
            "--list",
            metavar="FILE",
            help="Pairs, two paths a line, relative to DIR or, without it, to the list.",
        ),
    ] = None,
    model: flags.Models = None,
    restored: _Restored = None,
    metric: _Metrics = None,
    limit: flags.Limit = None,
    seed: flags.SeedOfLimit = 0,
    guard: _Guard = "off",
    official: _Official = False,
    iterations: _Iterations = None,
    engine: flags.Engine = "auto",
    precision: flags.Precision = "auto",
    device: flags.Device = "auto",
    workers: _Workers = 0,
) -> None:
    """Any folder of pairs. Exit status: 0 done, 1 some photos failed, 2 wrong use."""
    from unblur.tasks.bench.options import BenchOptions

    options = BenchOptions(
        blurred=blurred,
        sharp=sharp,
        listed=listed,
        models=_names(model, restored),
        restored=tuple(restored or ()),
        metrics=tuple(metric or ()),
        limit=limit,
        seed=seed,
        guard=guard,
        official=official,
        iterations=iterations,
        engine=engine,
        precision=precision,
        device=device,
        workers=workers,
    )
    _run(folder, out, options)


@app.command()
def speed(  # noqa: PLR0913, PLR0917 - the flags of a command
    model: Annotated[
        list[str] | None, flags.named(choices.MODELS, said="A network; several times.")
    ] = None,
    size: Annotated[str, typer.Option(metavar="WxH", help="Of the photo, in px.")] = "1280x720",
    runs: Annotated[int, typer.Option(help="Timed runs; the median counts.")] = 5,
    engine: flags.Engine = "auto",
    precision: flags.Precision = "auto",
    device: flags.Device = "auto",
    reference: Annotated[
        bool, typer.Option("--reference/--no-reference", help="Beside DeblurGAN in PyTorch.")
    ] = True,
    as_json: flags.OneJson = False,
) -> None:
    """Seconds a photo, beside the paper's generator.

    Both in the same process.
    """
    from dataclasses import asdict

    from unblur.devices import describe_machine
    from unblur.tasks.bench.speed import SpeedOptions, as_table, measure, parse_size

    width, height = parse_size(size)
    options = SpeedOptions(
        models=tuple(model or ("fast",)),
        width_px=width,
        height_px=height,
        runs=runs,
        engine=engine,
        precision=precision,
        device=device,
        reference=reference,
    )
    rows = measure(options)
    machine = describe_machine()
    if as_json:
        import json

        say(json.dumps({"machine": machine, "rows": [asdict(row) for row in rows]}))
        return
    say("\n".join(as_table(rows)))
    say(", ".join(f"{key} {value}" for key, value in machine.items()))


app.command()(detection.detection)


def _names(model: list[str] | None, restored: list[Path] | None) -> tuple[str, ...]:
    if model is None:
        return () if restored else ("fast",)
    return tuple(model)


def _run(folder: Path | None, out: Path, options: "BenchOptions") -> None:
    """Run a benchmark, write its report, and print its table."""
    from unblur.tasks.bench.report import as_report, table, write_report
    from unblur.tasks.bench.run import Bench
    from unblur.tasks.restore.file import make_folder

    task = Bench(folder, options)
    make_folder(out)
    rows = compare(task.run(out), len(task.cases), "comparing")
    report = as_report(task, rows)
    write_report(task, rows, out)
    for note in report.notes:
        say(f"unblur: {note}", err=True)
    say("\n".join(table(report)))
    say(f"{out / 'report.html'}")
    raise typer.Exit(code=1 if any("error" in row for row in rows) else 0)
