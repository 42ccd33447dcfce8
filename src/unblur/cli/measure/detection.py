"""`unblur bench detection`: does a detector see more after restoring."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unblur import choices
from unblur.cli import flags
from unblur.cli.reporting import compare
from unblur.cli.terminal import say

if TYPE_CHECKING:
    from unblur.tasks.detection.run import DetectionOptions


def detection(  # noqa: PLR0913, PLR0917 - the flags of a command
    folder: Annotated[Path, typer.Argument(metavar="PAIRS", help="With blur/ and sharp/.")],
    detector: Annotated[
        Path, typer.Option(metavar="FILE", help="YOLOX, YOLOv5, YOLOv8 or NanoDet as ONNX.")
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", help="Folder for the report and pictures; a stopped run goes on."
        ),
    ],
    model: Annotated[
        list[str] | None,
        flags.named(
            choices.MODELS,
            metavar="NAME|FILE",
            said="A network, or unsharp-mask, unsupervised-wiener, richardson-lucy; several "
            "times. Not given: fast, unless --restored is. The blurred input is always there.",
        ),
    ] = None,
    restored: Annotated[
        list[Path] | None,
        typer.Option(metavar="DIR", help="Files that another program wrote; several times."),
    ] = None,
    layout: Annotated[
        str,
        typer.Option(
            help="Of the output: yolox, yolov5, yolov8, nanodet, yolov10, rtdetr; auto: what the "
            "file says, or its shape.",
        ),
    ] = "auto",
    score: Annotated[float, typer.Option(help="What a detection needs at least.")] = 0.5,
    overlap: Annotated[
        float, typer.Option(help="Intersection over union that makes two boxes the same.")
    ] = 0.5,
    pictures: Annotated[int, typer.Option(help="Photos to draw with their boxes.")] = 4,
    limit: flags.Limit = None,
    seed: flags.SeedOfLimit = 0,
    guard: Annotated[
        bool,
        typer.Option("--guard/--no-guard", help="Networks keep the original where it was sharp."),
    ] = True,
    engine: Annotated[
        str,
        flags.named(
            choices.ENGINES, said=f"Of restoring networks: {flags.listed(choices.ENGINES)}."
        ),
    ] = "auto",
    precision: flags.Precision = "auto",
    device: flags.Device = "auto",
) -> None:
    """What a detector finds. Exit status: 0 done, 1 some photos failed, 2 wrong use."""
    from unblur.tasks.detection.run import DetectionOptions

    models = model if model is not None else [] if restored else ["fast"]
    options = DetectionOptions(
        detector=detector,
        layout=layout,
        models=tuple(models),
        restored=tuple(restored or ()),
        score=score,
        overlap=overlap,
        pictures=pictures,
        limit=limit,
        seed=seed,
        guard=guard,
        engine=engine,
        precision=precision,
        device=device,
    )
    _compare(folder, out, options)


def _compare(folder: Path, out: Path, options: "DetectionOptions") -> None:
    from unblur.tasks.detection.report import counts_words, table, write_report
    from unblur.tasks.detection.run import DetectionBench
    from unblur.tasks.restore.file import make_folder

    task = DetectionBench(folder, options)
    make_folder(out)
    rows = compare(task.run(out), len(task.cases), "detecting")
    report = write_report(task, rows, out)
    for note in report.notes:
        say(f"unblur: {note}", err=True)
    say("\n".join(table(report)))
    say(counts_words(report))
    say(f"{out / 'report.md'}")
    raise typer.Exit(code=1 if any("error" in row for row in rows) else 0)
