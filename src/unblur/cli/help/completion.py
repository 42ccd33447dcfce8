"""`unblur completion`: scripts for shells, and the values that they offer.

A shell that completes runs ``unblur`` with ``_UNBLUR_COMPLETE`` set, at every press of the key:
nothing heavy may be loaded then. So the values stand here once more; a test compares them.
"""

from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Annotated, Any, Final

import typer

VARIABLE: Final = "_UNBLUR_COMPLETE"
VALUES: Final = {
    "--codec": ("auto", "h264", "h265", "vp9", "ffv1"),
    "--engine": ("auto", "onnx", "openvino", "torch"),
    "--method": (
        *("auto", "network", "blind", "wiener", "unsupervised-wiener", "richardson-lucy"),
        "unsharp-mask",
    ),
    "--metric": ("psnr", "ssim", "ms_ssim", "cw_ssim"),
    "--model": ("fast", "fast-gan"),
    "--precision": ("auto", "fp32", "bf16"),
    "--preset": ("authors", "paper"),
    "--protocol": ("standard", "deblurgan", "singan"),
    "--reference-is": ("sharp", "noisy"),
    "--tile": ("auto", "off"),
}
"""What to offer for an option, in every command that has it and says nothing else."""
_FILES_ONLY: Final = {("singan restore", "--model"), ("singan sample", "--model")}
"""Commands that mean something else by an option; empty offers leave it to the shell: files."""


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
    from typer._completion_shared import get_completion_script

    typer.echo(get_completion_script(prog_name="unblur", complete_var=VARIABLE, shell=shell.value))


def answer(app: typer.Typer) -> None:
    """Answer a shell that completes, and exit.

    Args:
        app: All commands.
    """
    from typer._completion_classes import completion_init

    completion_init()  # typer itself does so only if it adds options of its own to the program
    command: Any = typer.main.get_command(app)
    for path, owner, parameter in parameters(command):
        values = offered(path, parameter)
        if parameter.param_type_name == "argument":  # the first may name a command within
            values = values or getattr(owner, "within", ())
        if values:
            # How a parameter keeps `autocompletion=...`, in every version of typer.
            parameter._custom_shell_complete = _completer(values)
    command(prog_name="unblur", complete_var=VARIABLE)


def offered(path: str, parameter: Any) -> tuple[str, ...]:
    """The values of an option of a command; empty if none are known.

    Args:
        path: The command without the program, such as ``bench gopro``.
        parameter: One of its parameters.
    """
    for name in parameter.opts:
        if (path, name) not in _FILES_ONLY and name in VALUES:
            return VALUES[name]
    return ()


def parameters(command: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """All parameters of a command and of those within: the command's path, the command, it."""
    for parameter in command.params:
        yield path, command, parameter
    for name, inner in getattr(command, "commands", {}).items():
        if not inner.hidden:
            yield from parameters(inner, f"{path} {name}".strip())
            for within in getattr(inner, "within", ()):
                yield from parameters(command.commands[within], f"{path} {name} {within}".strip())


def _completer(values: tuple[str, ...]) -> Callable[[Any, Any, str], list[str]]:
    return lambda context, parameter, typed: [x for x in values if x.startswith(typed)]
