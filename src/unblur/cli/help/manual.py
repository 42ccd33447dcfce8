"""`unblur man`: the manual page, from what the commands' help says."""

import re
from collections.abc import Iterator
from typing import Any, Final

import typer

_SPECIAL: Final = {
    "\\": r"\e",
    "-": r"\-",  # a minus that can be copied; a plain one is typeset as a hyphen
    "'": r"\(aq",
    "`": r"\(ga",
    "^": r"\(ha",
    "~": r"\(ti",
}
_LAST_ASCII: Final = 126
_TYPE: Final = re.compile(r"<(?:list\[)?(\w+)(?: range)?\]?>")
"""What newer versions of typer show for an option without a metavar."""


def man(context: typer.Context) -> None:
    """Print the manual page of all commands.

    unblur man > unblur.1; man ./unblur.1
    """
    from unblur._version import __version__

    command: Any = context.find_root().command
    typer.echo("\n".join(write_manual(command, version=__version__)))


def write_manual(command: Any, *, version: str) -> Iterator[str]:
    """Write the manual page of a program.

    Args:
        command: The program, as typer builds it.
        version: Of the program.

    Yields:
        Lines of roff with the macros of ``man``, ASCII only.
    """
    summary, *more = _paragraphs(command.help)
    yield f'.TH UNBLUR 1 "" "unblur {roff(version)}" "User Commands"'
    yield ".SH NAME"
    yield rf"unblur \- {roff(_uncapitalised(summary).rstrip('.'))}"
    yield ".SH SYNOPSIS"
    yield r"\fBunblur\fR \fICOMMAND\fR [\fIOPTION\fR...] [\fIARGUMENT\fR...]"
    yield ".SH DESCRIPTION"
    for paragraph in (summary, *more):
        yield from (".PP", *_text(paragraph))
    yield ".SH OPTIONS"
    context = command.make_context("unblur", [], resilient_parsing=True)
    yield from _parameters(command, context)
    yield ".SH COMMANDS"
    yield from _commands(command, context)
    yield ".SH EXIT STATUS"
    for status, meaning in (
        ("0", "All was done."),
        ("1", "Some of it failed, as lines on stderr say."),
        ("2", "Wrong use, or an extra that this needs is not installed; nothing was done."),
        ("130", "Interrupted with Ctrl-C."),
    ):
        yield from (".TP", rf"\fB{status}\fR", roff(meaning))


def roff(text: str) -> str:
    """Escape text; what is not ASCII becomes the name of its character."""
    escaped = "".join(
        _SPECIAL.get(sign, sign) if ord(sign) <= _LAST_ASCII else f"\\[u{ord(sign):04X}]"
        for sign in text
    )
    return rf"\&{escaped}" if escaped.startswith(".") else escaped


def _commands(group: Any, context: Any) -> Iterator[str]:
    for name, command in group.commands.items():
        if command.hidden:
            continue
        inner = _context(command, name, context)
        if getattr(command, "commands", None):
            yield from _commands(command, inner)
            continue
        yield from _command(command, inner)
        for within in getattr(command, "within", ()):
            other = group.commands[within]
            yield from _command(other, _context(other, f"{name} {within}", context))


def _context(command: Any, name: str, parent: Any) -> Any:
    return command.make_context(
        name, [], parent=parent, resilient_parsing=True, ignore_unknown_options=True
    )


def _command(command: Any, context: Any) -> Iterator[str]:
    yield f'.SS "{roff(context.command_path)}"'
    yield rf"\fB{roff(context.command_path)}\fR {_usage(command)}"
    for paragraph in _paragraphs(command.help):
        yield from (".PP", *_text(paragraph))
    yield from _parameters(command, context)


def _usage(command: Any) -> str:
    arguments = (_placeholder(x) for x in command.params if x.param_type_name == "argument")
    return " ".join([r"[\fIOPTION\fR...]", *(rf"\fI{roff(name)}\fR" for name in arguments)])


def _parameters(command: Any, context: Any) -> Iterator[str]:
    """A list of arguments and options."""
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is None:  # hidden
            continue
        if parameter.name == "help" and context.parent is not None:
            continue  # once, for all commands
        names, said = record
        yield ".TP"
        if parameter.param_type_name == "argument":
            yield rf"\fI{roff(_placeholder(parameter))}\fR"
        else:
            yield _names(_TYPE.sub(lambda found: found[1].upper(), names))
        yield from _text(said) if said else (r"\&",)


def _placeholder(argument: Any) -> str:
    """What stands for an argument; typer's own help adds brackets and types to it."""
    return str(argument.metavar or argument.name.upper())


def _names(names: str) -> str:
    """``-o, --out PATH``: flags in bold, what stands for a value in italics."""
    parts = re.split(r"(,? +(?:/ )?)", names)
    return "".join(
        roff(part)
        if not part.strip(" ,/")
        else rf"\f{'B' if part.startswith('-') else 'I'}{roff(part)}\fR"
        for part in parts
    )


def _paragraphs(text: str | None) -> list[str]:
    return [" ".join(part.split()) for part in re.split(r"\n\s*\n", (text or "").strip())]


def _text(text: str) -> Iterator[str]:
    """Lines of a paragraph; a new sentence begins on a new line, which troff spaces."""
    for sentence in re.split(r"(?<=[.;]) +", " ".join(text.split())):
        yield roff(sentence)


def _uncapitalised(text: str) -> str:
    return text[:1].lower() + text[1:]
