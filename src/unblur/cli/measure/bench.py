"""`unblur bench`: how good is it, by which rules."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

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
_Models = Annotated[
    list[str] | None,
    typer.Option(
        "--model",
        "--method",
        metavar="NAME|FILE",
        help="A network, or unsharp-mask, unsupervised-wiener, richardson-lucy, singan, "
        "singan-grow; several times. Not given: fast, unless --restored is. The blurred input is "
        "always there.",
    ),
]
_Restored = Annotated[
    list[Path] | None,
    typer.Option(metavar="DIR", help="Score files that another program wrote; several times."),
]
_Limit = Annotated[int | None, typer.Option(help="So many photos, drawn at random.")]
_Seed = Annotated[int, typer.Option(help="Decides which photos --limit draws.")]
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
_Engine = Annotated[str, typer.Option(help="auto, onnx, openvino or torch.")]
_Precision = Annotated[str, typer.Option(help="auto, fp32 or bf16.")]
_Workers = Annotated[int, typer.Option(help="Photos at the same time; 0: one a core.")]
_Metrics = Annotated[
    list[str] | None,
    typer.Option("--metric", help="psnr, ssim, ms_ssim or cw_ssim; several times."),
]


@app.callback()
def bench() -> None:
    """Compare ways of restoring, by rules that have a name."""


@app.command()
def gopro(  # noqa: PLR0913, PLR0917 - the flags of a command
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="GOPRO_Large, or its test.")],
    out: _Out,
    protocol: Annotated[str, typer.Option(help="standard, deblurgan or singan.")] = "standard",
    model: _Models = None,
    restored: _Restored = None,
    metric: _Metrics = None,
    limit: _Limit = None,
    seed: _Seed = 0,
    gamma: Annotated[bool, typer.Option("--gamma", help="blur_gamma/, not blur/.")] = False,
    guard: _Guard = "off",
    official: _Official = False,
    iterations: _Iterations = None,
    engine: _Engine = "auto",
    precision: _Precision = "auto",
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
        workers=workers,
    )
    _run(folder, out, options)


@app.command()
def kohler(  # noqa: PLR0913, PLR0917 - the flags of a command
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="With Blurry*_* and GroundTruth*.")],
    out: _Out,
    model: _Models = None,
    restored: _Restored = None,
    limit: _Limit = None,
    seed: _Seed = 0,
    guard: _Guard = "off",
    engine: _Engine = "auto",
    precision: _Precision = "auto",
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
    sharp: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Sharp photos of the same names.")
    ] = None,
    listed: Annotated[
        Path | None,
        typer.Option(
            "--list",
            metavar="FILE",
            help="Pairs, two paths a line, relative to DIR or, without it, to the list.",
        ),
    ] = None,
    model: _Models = None,
    restored: _Restored = None,
    metric: _Metrics = None,
    limit: _Limit = None,
    seed: _Seed = 0,
    guard: _Guard = "off",
    official: _Official = False,
    iterations: _Iterations = None,
    engine: _Engine = "auto",
    precision: _Precision = "auto",
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
        workers=workers,
    )
    _run(folder, out, options)


@app.command()
def speed(  # noqa: PLR0913, PLR0917 - the flags of a command
    model: Annotated[list[str] | None, typer.Option(help="A network; several times.")] = None,
    size: Annotated[str, typer.Option(metavar="WxH", help="Of the photo, in px.")] = "1280x720",
    runs: Annotated[int, typer.Option(help="Timed runs; the median counts.")] = 5,
    engine: _Engine = "auto",
    precision: _Precision = "auto",
    reference: Annotated[
        bool, typer.Option("--reference/--no-reference", help="Beside DeblurGAN in PyTorch.")
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
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
    for note in report["notes"]:
        say(f"unblur: {note}", err=True)
    say("\n".join(table(report)))
    say(f"{out / 'report.html'}")
    raise typer.Exit(code=1 if any("error" in row for row in rows) else 0)
