"""Flags that several commands have, each declared once; what takes a name offers the names."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from unblur import choices

STREAM: Final = "-"
"""In place of a path: standard input or standard output."""


def among(names: Sequence[str]) -> Callable[[str], list[str]]:
    """What a shell is offered that completes: the names that begin with what is typed."""

    def offer(incomplete: str) -> list[str]:
        return [name for name in names if name.startswith(incomplete)]

    return offer


def named(names: Sequence[str], *flags: str, said: str | None = None, **more: Any) -> Any:
    """A flag that takes one of some names.

    Args:
        names: What shells offer.
        flags: Not given: the parameter's name.
        said: The help; not given: it lists the names.
        more: For `typer.Option`.
    """
    said = said or f"{listed(names)}."
    return typer.Option(*flags, help=said, autocompletion=among(names), **more)


def listed(names: Sequence[str]) -> str:
    """``one, two or three``."""
    return f"{', '.join(names[:-1])} or {names[-1]}"


def replacing(what: str) -> Any:
    """The flag that lets a command replace what is there."""
    return typer.Option("--overwrite", help=f"Replace {what}.")


def as_json(said: str) -> Any:
    """The flag that makes a command print for programs."""
    return typer.Option("--json", help=said)


def _share(text: str | float) -> float:
    """A share as commands take it: 0.5, or 50%."""
    if not isinstance(text, str):
        return text
    number = text.strip()
    try:
        return float(number[:-1]) / 100 if number.endswith("%") else float(number)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no share; half is 0.5 or 50%") from error


def strength(said: str) -> Any:
    """The flag that says how much of the restored picture is in the result."""
    return typer.Option(parser=_share, metavar="SHARE", help=f"{said}; half is 0.5 or 50%.")


Engine = Annotated[str, named(choices.ENGINES)]
Precision = Annotated[str, named(choices.PRECISIONS)]
Device = Annotated[
    str,
    named(
        choices.DEVICES,
        metavar="auto|cpu|cuda|dml|coreml|N",
        said="What the engines onnx and torch compute on: auto takes a GPU where they have one; N "
        "is its number, cuda:N both. `unblur doctor` lists all.",
    ),
]
Model = Annotated[str, named(choices.MODELS, said="A name from `unblur models`, or FILE.onnx.")]
Tile = Annotated[
    str,
    named(choices.TILES, said="Side in px of the parts of a large photo.", metavar="auto|off|N"),
]
ReferenceIs = Annotated[str, named(choices.REFERENCES, said="sharp, or noisy: a short exposure.")]
Guard = Annotated[
    bool, typer.Option("--guard/--no-guard", help="Leave alone what is sharp already.")
]
MaxMegapixels = Annotated[float, typer.Option(help="Refuse larger photos before they are decoded.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")]
ReplaceResults = Annotated[bool, replacing("results that exist, and do all anew")]
ReplaceFile = Annotated[bool, replacing("a file that exists")]
JsonOfEach = Annotated[bool, as_json("Print one JSON object a photo, and nothing else.")]
JsonAlone = Annotated[bool, as_json("Print one JSON object, and nothing else.")]
OneJson = Annotated[bool, as_json("Print one JSON object.")]
Models = Annotated[
    list[str] | None,
    named(
        choices.MODELS,
        "--model",
        "--method",
        metavar="NAME|FILE",
        said="A network, or unsharp-mask, unsupervised-wiener, richardson-lucy, singan, "
        "singan-grow; several times. Not given: fast, unless --restored is. The blurred input is "
        "always there.",
    ),
]
Limit = Annotated[int | None, typer.Option(help="So many photos, drawn at random.")]
SeedOfLimit = Annotated[int, typer.Option(help="Decides which photos --limit draws.")]
DataSet = Annotated[Path, typer.Option("--out", "-o", help="Folder of the data set.")]
SeedOfFiles = Annotated[int, typer.Option(help="Equal seeds give equal files.")]
LengthPx = Annotated[float, typer.Option(help="Length of the whole path.")]
SharpFolder = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Sharp photos of the same names.")
]
