"""The commands: options in, one task, lines on the terminal."""

import os
import sys
from typing import Annotated, Final

import typer

from unblur.cli.commands import Program
from unblur.cli.terminal import complain, warn_in_one_line
from unblur.errors import UnblurError

COMPLETES: Final = "_UNBLUR_COMPLETE"
"""A shell that completes runs the program with this variable set."""
_INTERRUPTED: Final = 130

# With Rich markup on, typer takes "[...]" in a help text for a style and swallows it.
app = typer.Typer(
    cls=Program,
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


def main() -> None:
    """Run the command line; an expected error is one line on stderr and exit status 2."""
    warn_in_one_line()
    try:
        if COMPLETES in os.environ:
            from unblur.cli.help.completion import answer

            answer(app)
        app()
    except UnblurError as error:
        complain(error)
        sys.exit(2)
    except SystemExit as stop:
        if stop.code == _INTERRUPTED:  # typer has turned Ctrl-C into this, without a word
            typer.echo("unblur: interrupted", err=True)
        raise
