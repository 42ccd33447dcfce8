"""`unblur blur average`: real motion blur from fast video."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unblur.cli import flags
from unblur.cli.terminal import counted, progress, say

if TYPE_CHECKING:
    from unblur.tasks.datasets.average import Summary


def average(  # noqa: PLR0913, PLR0917 - the flags of a command
    video: Annotated[
        Path, typer.Argument(metavar="VIDEO|FOLDER", help="A video, or a folder of its frames.")
    ],
    out: flags.DataSet,
    frames: Annotated[
        str,
        typer.Option(
            metavar="A..B", help="Frames that are averaged: an odd number from A to B, or just A."
        ),
    ] = "5..25",
    stride: Annotated[
        int | None,
        typer.Option(help="Frames from one start to the next; not given: no overlap, no rest."),
    ] = None,
    gamma: Annotated[
        str, typer.Option(help="Curve of the video: 2.2, srgb, or none to average stored values.")
    ] = "2.2",
    fps: Annotated[
        float | None, typer.Option(help="Frames a second; not given: what the video says.")
    ] = None,
    max_step_px: Annotated[
        float, typer.Option(help="Skip what moves further from one frame to the next.")
    ] = 2.0,
    seed: flags.SeedOfFiles = 0,
    quiet: flags.Quiet = False,
) -> None:
    """Average frames of a fast video: pairs with real motion blur.

    The video should have 120 frames a second or more. Writes blur/, sharp/ (the middle frames) and
    manifest.jsonl; needs the extra `video`. An interrupted run continues where it stopped. Exit
    status: 0 pairs are there, 1 no window gave one, 2 wrong use.
    """
    from unblur.imaging.video.frames import Unreadable
    from unblur.imaging.video.read import open_frames
    from unblur.tasks.datasets.average import Summary
    from unblur.tasks.datasets.average import average as run
    from unblur.tasks.datasets.windows import AverageOptions

    options = AverageOptions(
        frames=_range(frames),
        stride=stride,
        gamma=gamma,
        fps=fps,
        max_step_px=max_step_px,
        seed=seed,
    )
    source = open_frames(video)
    if not quiet:
        for note in source.notes:
            say(f"unblur: {video}: {note}", err=True)
    seen = 0
    with progress("averaging", source.count, hidden=quiet) as advance:
        for result in run(source, out, options):
            if isinstance(result, Unreadable):
                say(f"unblur: {result.why}", err=True)
            elif isinstance(result, Summary):
                summary = result
            else:
                advance(max(0, result.window.end - seen))
                seen = max(seen, result.window.end)
    _report(summary, out, max_step_px=max_step_px, quiet=quiet)
    raise typer.Exit(code=0 if summary.made + summary.there else 1)


def _report(summary: "Summary", out: Path, *, max_step_px: float, quiet: bool) -> None:
    empty = summary.made + summary.there == 0
    if not quiet:
        parts = [f"{counted(summary.made, 'pair')} written to {out}"]
        if summary.there:
            parts.append(f"{summary.there} {'was' if summary.there == 1 else 'were'} there")
        if summary.skipped:
            parts.append(
                f"{counted(summary.skipped, 'window')} skipped for steps over {max_step_px:g} px"
            )
        if summary.cut:
            parts.append(f"{counted(summary.cut, 'window')} cut by frames that cannot be read")
        if summary.longest_step_px is not None:
            parts.append(f"longest step {summary.longest_step_px:.1f} px")
        say(", ".join(parts))
    if empty or not quiet:
        for warning in summary.warnings:
            say(f"unblur: WARNING: {warning}", err=True)


def _range(text: str) -> tuple[int, int]:
    import re

    from unblur.errors import OptionError

    found = re.fullmatch(r"([0-9]{1,6})(?:\.\.([0-9]{1,6}))?", text)
    if found is None:
        raise OptionError(f"--frames needs a range such as 5..25, or a number, got {text!r}")
    return int(found[1]), int(found[2] or found[1])
