"""`unblur completion`: scripts for shells.

A shell that completes runs ``unblur`` at every press of the key: nothing heavy may be loaded then.
Flags say themselves what they offer (:mod:`unblur.cli.flags`).
"""

from enum import StrEnum
from typing import Annotated, Any

import typer

from unblur.cli import COMPLETES


class Shell(StrEnum):
    """Shells that can complete."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def completion(
    shell: Annotated[Shell, typer.Argument(metavar="bash|zsh|fish", help="Which shell.")],
) -> None:
    """Print the script that lets a shell complete what you type.

    Commands, options and the values of options are completed.

    bash, in ~/.bashrc: source <(unblur completion bash)

    zsh, in ~/.zshrc after compinit: source <(unblur completion zsh)

    fish, once: unblur completion fish > ~/.config/fish/completions/unblur.fish
    """
    from typer.completion import get_completion_script  # type: ignore[attr-defined]

    typer.echo(get_completion_script(prog_name="unblur", complete_var=COMPLETES, shell=shell.value))


def answer(app: typer.Typer) -> None:
    """Answer a shell that completes, and exit.

    Args:
        app: All commands.
    """
    from typer.completion import completion_init  # type: ignore[attr-defined]

    completion_init()  # typer itself does so only if it adds options of its own to the program
    command: Any = typer.main.get_command(app)
    command(prog_name="unblur", complete_var=COMPLETES)
