"""The commands: options in, one task, lines on the terminal."""

import os
import sys
from typing import Annotated, Final

import typer

from unblur.cli.help import completion, doctor, manual
from unblur.cli.measure import bench, score
from unblur.cli.photos import diagnose, kernel, models, restore, scale, serve, singan, video
from unblur.cli.terminal import complain
from unblur.cli.train import average, data, networks, synthesis, train
from unblur.errors import UnblurError

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
        from unblur._version import __version__

        typer.echo(f"unblur {__version__}")
        raise typer.Exit


@app.callback()
def unblur(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Restore photographs spoiled by motion blur."""


app.command()(restore.restore)
app.command("video")(video.video)
app.command()(diagnose.diagnose)
app.command()(synthesis.blur)
app.command()(average.average)
app.command()(synthesis.kernels)
app.command()(kernel.kernel)
app.command()(train.train)
app.command()(networks.export)
app.command()(networks.convert)
app.command()(score.score)
app.command()(scale.scale)
app.command()(scale.plan)
app.command()(serve.serve)
app.command()(doctor.doctor)
app.command()(completion.completion)
app.command()(manual.man)
app.add_typer(models.app, name="models")
app.add_typer(bench.app, name="bench")
app.add_typer(data.app, name="data")
app.add_typer(singan.app, name="singan")


def main() -> None:
    """Run the command line; an expected error is one line on stderr and exit status 2."""
    try:
        if completion.VARIABLE in os.environ:
            completion.answer(app)
        app()
    except UnblurError as error:
        complain(error)
        sys.exit(2)
    except SystemExit as stop:
        if stop.code == _INTERRUPTED:  # typer has turned Ctrl-C into this, without a word
            typer.echo("unblur: interrupted", err=True)
        raise
