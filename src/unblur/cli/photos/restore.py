"""`unblur restore`."""

from pathlib import Path
from typing import Annotated, Final

import typer

from unblur import choices
from unblur.cli import flags
from unblur.cli.reporting import Tally, report_file
from unblur.errors import OptionError

PANELS: Final = {
    "Parts, and what else is known of the blur": (
        *("reference_is", "kernel", "crop", "mask", "guard"),
    ),
    "Lists, reports": ("files_from", "report", "as_json", "verbose"),
    "What computes": (
        *("model", "engine", "precision", "device", "threads", "workers", "tile", "max_megapixels"),
    ),
}
"""What stands in panels of its own in the help."""


def restore(  # noqa: PLR0913, PLR0917 - the flags of a command
    photos: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="PHOTO...",
            help="Photos, folders, patterns such as 'holiday/*.jpg', or - for a photo on standard "
            "input.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            "-o",
            metavar="PATH",
            help="File or folder for the results (a / at its end says folder), or - for standard "
            "output; not given: beside each photo, of a FOLDER into FOLDER-unblurred/.",
        ),
    ] = None,
    recursive: Annotated[
        bool,
        typer.Option("--recursive", "-r", help="Folders within folders, too; results mirror them."),
    ] = False,
    method: Annotated[
        str | None,
        flags.named(
            choices.METHODS,
            said="auto: find the shake and undo it, if that can be trusted, else network; network, "
            "several times as fast; blind: undo what was found in any case; to undo a known blur: "
            "wiener, unsupervised-wiener, richardson-lucy; or unsharp-mask. Default: auto, with "
            "--kernel richardson-lucy.",
        ),
    ] = None,
    strength: Annotated[
        float, flags.strength("0 leaves the photo as it is, 1 restores it in full")
    ] = 1.0,
    reference: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A second shot of the scene, to take detail from."),
    ] = None,
    preview: Annotated[
        bool,
        typer.Option(
            "--preview",
            help="Also write PHOTO.before-after.jpg; with --reference PHOTO.confidence.png.",
        ),
    ] = False,
    overwrite: flags.ReplaceResults = False,
    quiet: flags.Quiet = False,
    reference_is: flags.ReferenceIs = "sharp",
    kernel: Annotated[
        Path | None,
        typer.Option(metavar="PSF", help="The known blur: its picture, or .npy."),
    ] = None,
    crop: Annotated[
        str | None,
        typer.Option(metavar="X,Y,W,H", help="Restore and write this part only."),
    ] = None,
    mask: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Restore where this picture is white only."),
    ] = None,
    guard: flags.Guard = True,
    files_from: Annotated[
        str | None,
        typer.Option(
            "--files-from",
            metavar="FILE|-",
            help="Also take the photos that this file lists, or standard input: one path a line, "
            "or NUL between them.",
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE.jsonl", help="Write what --json prints, and totals, to a file."),
    ] = None,
    as_json: flags.JsonOfEach = False,
    verbose: Annotated[
        bool,
        typer.Option(
            "--verbose",
            "-v",
            help="Say which engine was chosen, and why; of one photo, what each stage took.",
        ),
    ] = False,
    model: flags.Model = "fast",
    engine: flags.Engine = "auto",
    precision: flags.Precision = "auto",
    device: flags.Device = "auto",
    threads: Annotated[int, typer.Option(help="Threads in all; 0: one per core.")] = 0,
    workers: Annotated[
        int,
        typer.Option(help="Photos to work on at the same time; 0 chooses."),
    ] = 0,
    tile: flags.Tile = "auto",
    max_megapixels: flags.MaxMegapixels = 200.0,
) -> None:
    """Restore motion-blurred photos; their metadata is kept.

    EXIF, colour profile, alpha and bit depth, that is. Writes photo.unblurred.jpg beside
    photo.jpg. A batch that was stopped goes on where it was when the same command is given again.
    Exit status: 0 all restored, 1 some failed, 2 wrong use.
    """
    from unblur.tasks.restore.options import RestoreOptions

    options = RestoreOptions(
        model=model,
        method=method or ("auto" if kernel is None else "richardson-lucy"),
        kernel=kernel,
        reference=reference,
        reference_is=reference_is,
        engine=engine,
        precision=precision,
        device=device,
        threads=threads,
        tile=int(tile) if tile.isdecimal() else tile,
        strength=strength,
        guard=guard,
        crop=_box(crop),
        mask=mask,
        max_megapixels=max_megapixels,
    )
    from unblur.cli.photos.running import plan, restore_all, watched

    tally = Tally(as_json=as_json, quiet=quiet, verbose=verbose)
    with (
        report_file(report, overwrite=overwrite) as lines,
        plan(
            photos or [], out, files_from=files_from, recursive=recursive, preview=preview
        ) as planned,
        watched(planned, options, tally),
    ):
        restore_all(planned, options, tally, lines, workers=workers, overwrite=overwrite)
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
