"""`unblur restore`."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unblur.cli.reporting import Tally, entry, report_file
from unblur.cli.terminal import counted, progress, say
from unblur.errors import OptionError

if TYPE_CHECKING:
    from unblur.tasks.restore.restorer import Restorer


def restore(  # noqa: PLR0913, PLR0917 - the flags of a command
    photos: Annotated[
        list[Path],
        typer.Argument(
            metavar="PHOTO...",
            help="Photos, folders, patterns such as 'holiday/*.jpg', or - for a list on stdin, "
            "one path a line or NUL between them.",
        ),
    ],
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            "-o",
            metavar="PATH",
            help="File or folder for the results (a / at its end says folder); not given: beside "
            "each photo.",
        ),
    ] = None,
    recursive: Annotated[
        bool,
        typer.Option("--recursive", "-r", help="Folders within folders, too; -o mirrors them."),
    ] = False,
    model: Annotated[str, typer.Option(help="A name from `unblur models`, or FILE.onnx.")] = "fast",
    method: Annotated[
        str | None,
        typer.Option(
            help="auto: find the shake and undo it, if that can be trusted, else network; network, "
            "several times as fast; blind: undo what was found in any case; to undo a known blur: "
            "wiener, unsupervised-wiener, richardson-lucy; or unsharp-mask. Default: auto, with "
            "--kernel richardson-lucy."
        ),
    ] = None,
    kernel: Annotated[
        Path | None, typer.Option(metavar="PSF", help="The known blur: its picture, or .npy.")
    ] = None,
    reference: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A second shot of the scene, to take detail from."),
    ] = None,
    reference_is: Annotated[str, typer.Option(help="sharp, or noisy: a short exposure.")] = "sharp",
    strength: Annotated[
        float, typer.Option(help="0 leaves the photo as it is, 1 restores it in full.")
    ] = 1.0,
    crop: Annotated[
        str | None, typer.Option(metavar="X,Y,W,H", help="Restore and write this part only.")
    ] = None,
    mask: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Restore where this picture is white only.")
    ] = None,
    guard: Annotated[
        bool, typer.Option("--guard/--no-guard", help="Leave alone what is sharp already.")
    ] = True,
    engine: Annotated[str, typer.Option(help="auto, onnx, openvino or torch.")] = "auto",
    precision: Annotated[str, typer.Option(help="auto, fp32 or bf16.")] = "auto",
    threads: Annotated[int, typer.Option(help="Threads in all; 0: one per core.")] = 0,
    tile: Annotated[
        str, typer.Option(metavar="auto|off|N", help="Side in px of the parts of a large photo.")
    ] = "auto",
    workers: Annotated[
        int, typer.Option(help="Photos to work on at the same time; 0 chooses.")
    ] = 0,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace results that exist, and do all anew.")
    ] = False,
    preview: Annotated[
        bool,
        typer.Option(
            "--preview",
            help="Also write PHOTO.before-after.jpg; with --reference PHOTO.confidence.png.",
        ),
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE.jsonl", help="Write what --json prints, and totals, to a file."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object a photo, and nothing else.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Say which engine was chosen, and why.")
    ] = False,
    max_megapixels: Annotated[
        float, typer.Option(help="Refuse larger photos before they are decoded.")
    ] = 200.0,
) -> None:
    """Restore motion-blurred photos; their metadata is kept.

    EXIF, colour profile, alpha and bit depth, that is. Writes photo.unblurred.jpg beside
    photo.jpg. A batch that was stopped goes on where it was when the same command is given again.
    Exit status: 0 all restored, 1 some failed, 2 wrong use.
    """
    from contextlib import closing

    from unblur.tasks.batch import files as batch
    from unblur.tasks.restore.options import RestoreOptions
    from unblur.tasks.restore.restorer import Restorer

    options = RestoreOptions(
        model=model,
        method=method or ("auto" if kernel is None else "richardson-lucy"),
        kernel=kernel,
        reference=reference,
        reference_is=reference_is,
        engine=engine,
        precision=precision,
        threads=threads,
        tile=int(tile) if tile.isdecimal() else tile,
        strength=strength,
        guard=guard,
        crop=_box(crop),
        mask=mask,
        max_megapixels=max_megapixels,
    )
    target = None if out is None else Path(out)
    is_folder = out is not None and out.endswith(("/", os.sep))
    names = [name for name in photos if str(name) != "-"]
    listed = batch.read_names(sys.stdin.buffer.read()) if len(names) < len(photos) else ()
    sources = batch.find_sources(names, recursive=recursive, out=target, listed=listed)
    jobs = batch.plan_jobs(sources, target, preview=preview, is_folder=is_folder)
    workers = batch.choose_workers(workers, len(jobs))
    tally = Tally(total=len(jobs), as_json=as_json, quiet=quiet, verbose=verbose)
    with report_file(report, overwrite=overwrite) as lines:
        restorer = Restorer.open(options, streams=workers)
        if verbose:
            _explain(restorer, workers)
        results = batch.restore_files(
            jobs,
            restorer,
            options,
            overwrite=overwrite,
            # One photo that was named by itself leaves nothing but its result.
            record=len(sources) > 1 or not sources[0].named,
            workers=workers,
        )
        hidden = as_json or quiet
        interrupted = True
        try:
            with (
                closing(results),
                progress("restoring", len(jobs), hidden=hidden, unit="photos") as advance,
            ):
                for result in results:
                    lines.write(entry(result))
                    tally.add(result)
                    advance(leave_out=result.skipped)
            interrupted = False
        finally:
            lines.write(tally.totals(interrupted=interrupted))
            tally.print_sum(interrupted=interrupted)
    raise typer.Exit(code=1 if tally.errors else 0)


def _box(text: str | None) -> tuple[int, int, int, int] | None:
    if text is None:
        return None
    parts = text.split(",")
    try:
        left, top, width, height = map(int, parts)
    except ValueError as error:
        raise OptionError(f"--crop needs X,Y,WIDTH,HEIGHT in px, got {text!r}") from error
    return left, top, width, height


def _explain(restorer: "Restorer", workers: int) -> None:
    from unblur.tasks.restore.options import NETWORK_METHODS

    if restorer.options.method in NETWORK_METHODS:
        engine = restorer.engine
        say(f"unblur: engine {engine.name}, {engine.precision}: {engine.why}", err=True)
    else:
        say(f"unblur: {restorer.options.method}, without a network", err=True)
    say(f"unblur: {counted(workers, 'photo')} at a time", err=True)
