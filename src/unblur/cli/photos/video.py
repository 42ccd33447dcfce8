"""`unblur video`: restore a video."""

import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from unblur import choices
from unblur.cli import flags
from unblur.cli.terminal import say

if TYPE_CHECKING:
    from unblur.tasks.video.restore import RestoredVideo, VideoStep

    Draw: TypeAlias = Callable[[VideoStep], None]


def video(  # noqa: PLR0913, PLR0917 - the flags of a command
    clip: Annotated[Path, typer.Argument(metavar="CLIP", help="A video.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="File to write; not given: CLIP.unblurred beside it."),
    ] = None,
    method: Annotated[
        str,
        flags.named(
            choices.VIDEO_METHODS,
            said="auto: undo what moved from frame to frame, leave the rest to the network; "
            "network: that alone, several times as fast. With another model than fast: network.",
        ),
    ] = "auto",
    model: flags.Model = "fast",
    engine: flags.Engine = "auto",
    precision: flags.Precision = "auto",
    device: flags.Device = "auto",
    codec: Annotated[
        str,
        flags.named(
            choices.CODECS, said="h264, h265, vp9, ffv1, or auto: what clip and container want."
        ),
    ] = "auto",
    crf: Annotated[
        int | None, typer.Option(help="Quality of the encoder, smaller is better; 0 to 51 or 63.")
    ] = None,
    start: Annotated[float, typer.Option(help="Begin here, seconds.")] = 0.0,
    duration: Annotated[
        float | None, typer.Option(help="Restore so many seconds only, for a try.")
    ] = None,
    strength: Annotated[
        float, flags.strength("Of the restored picture in the result: 0 to 1")
    ] = 1.0,
    overwrite: Annotated[bool, flags.replacing("a result that exists")] = False,
    quiet: flags.Quiet = False,
    as_json: flags.JsonAlone = False,
) -> None:
    """Restore a video; sound and frame times are kept.

    Subtitles, rotation and colours, too. Writes clip.unblurred.mp4 beside clip.mp4; needs the extra
    `video`. Exit status: 0 restored, 1 restored but for frames that cannot be read, 2 failed or
    wrong use.
    """
    from unblur.checks import check_known
    from unblur.tasks.restore.options import RestoreOptions
    from unblur.tasks.restore.restorer import Restorer
    from unblur.tasks.video.restore import RestoredVideo, VideoOptions, restore_video

    check_known("method", method, choices.VIDEO_METHODS)
    options = VideoOptions(codec=codec, crf=crf, start=start, duration=duration, strength=strength)
    restorer = Restorer.open(
        RestoreOptions(
            method=method, model=model, engine=engine, precision=precision, device=device
        )
    )
    steps = restore_video(clip, out, restorer, options, overwrite=overwrite)
    done: RestoredVideo | None = None
    with _progress(hidden=quiet or as_json) as draw, closing(steps):
        for step in steps:
            if isinstance(step, RestoredVideo):
                done = step
            else:
                draw(step)
    assert done is not None
    _report(done, as_json=as_json, quiet=quiet)
    raise typer.Exit(code=1 if done.missing else 0)


def _report(done: "RestoredVideo", *, as_json: bool, quiet: bool) -> None:
    from unblur.imaging.video.frames import plain

    source, target = plain(str(done.source)), plain(str(done.target))
    for why in done.missing:
        say(f"unblur: {source}: {why}", err=True)
    if as_json:
        import json
        from dataclasses import asdict

        say(json.dumps({**asdict(done), "source": source, "target": target}))
    elif not quiet:
        flicker = "" if done.flicker is None else f", flicker {done.flicker:.2f}"
        say(
            f"{source} -> {target}  {done.frames} frames, {done.seconds:.2f} s, "
            f"{done.codec}{flicker}"
        )
        for note in done.notes:
            say(f"unblur: {source}: {note}", err=True)


@contextmanager
def _progress(*, hidden: bool) -> "Iterator[Draw]":
    """A bar on stderr with frames a second and the time left, if somebody is there to see it."""
    if hidden or not sys.stderr.isatty():
        yield lambda step: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("restoring"),
        BarColumn(),
        TextColumn("{task.fields[frames]}  {task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None, frames="", rate="")

        def draw(step: "VideoStep") -> None:
            total = None if step.total is None else max(step.total, step.frames)
            frames = f"{step.frames}" if total is None else f"{step.frames}/{total}"
            speed = bar.tasks[0].speed
            rate = f"{speed:.2f} frames/s" if speed else ""
            bar.update(task, completed=step.frames, total=total, frames=frames, rate=rate)

        yield draw
