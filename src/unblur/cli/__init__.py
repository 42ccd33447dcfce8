"""The commands: options in, one task, lines on the terminal."""

import os
import sys
from typing import Annotated, Final

import typer

from unblur.cli.help import completion, doctor, manual, plugins
from unblur.cli.measure import bench, score
from unblur.cli.panels import PanelGroup, panelled
from unblur.cli.photos import diagnose, kernel, models, restore, scale, serve, singan, video
from unblur.cli.terminal import complain, warn_in_one_line
from unblur.cli.train import average, data, networks, synthesis, train
from unblur.errors import UnblurError

_INTERRUPTED: Final = 130

# With Rich markup on, typer takes "[...]" in a help text for a style and swallows it.
app = typer.Typer(
    cls=PanelGroup,
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
    """Restore photographs spoiled by motion blur.

    `unblur photo.jpg` does; it is short for `unblur restore photo.jpg`.
    """


_PHOTOS: Final = "Photos"
_PAIRS: Final = "Make pairs"
_TRAINING: Final = "Train and compare"
_MACHINES: Final = "Many machines"
_HELP: Final = "Help"

app.command(cls=panelled(restore.PANELS), rich_help_panel=_PHOTOS)(restore.restore)
app.command(rich_help_panel=_PHOTOS)(diagnose.diagnose)
app.command("video", rich_help_panel=_PHOTOS)(video.video)
app.command(rich_help_panel=_PHOTOS)(serve.serve)
app.command(rich_help_panel=_PHOTOS)(kernel.kernel)
app.add_typer(singan.app, name="singan", rich_help_panel=_PHOTOS)
app.add_typer(plugins.app, name="plugins", rich_help_panel=_PHOTOS)
app.command(cls=panelled(within=synthesis.WITHIN), rich_help_panel=_PAIRS)(synthesis.blur)
app.command("shakes", rich_help_panel=_PAIRS)(synthesis.shakes)
app.add_typer(data.app, name="data", rich_help_panel=_PAIRS)
app.command(rich_help_panel=_TRAINING)(train.train)
app.command(rich_help_panel=_TRAINING)(networks.export)
app.command(rich_help_panel=_TRAINING)(networks.convert)
app.add_typer(models.app, name="models", rich_help_panel=_TRAINING)
app.add_typer(bench.app, name="bench", rich_help_panel=_TRAINING)
app.command(rich_help_panel=_TRAINING)(score.score)
app.command(cls=panelled(within=scale.WITHIN), rich_help_panel=_MACHINES)(scale.scale)
app.command(rich_help_panel=_HELP)(doctor.doctor)
app.command(rich_help_panel=_HELP)(completion.completion)
app.command(rich_help_panel=_HELP)(manual.man)
# What stands within others, and old names.
app.command(hidden=True)(average.average)
app.command(hidden=True)(scale.plan)
app.command("kernels", hidden=True)(synthesis.shakes)


def main() -> None:
    """Run the command line; an expected error is one line on stderr and exit status 2."""
    warn_in_one_line()
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
