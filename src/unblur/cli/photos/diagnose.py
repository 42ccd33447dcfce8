"""`unblur diagnose`: how blurred a photo is, and whether restoring will help."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unblur import choices
from unblur.cli import flags
from unblur.cli.terminal import complain, in_flags, progress, say

if TYPE_CHECKING:
    from collections.abc import Callable

    from unblur.tasks.restore.diagnose import Diagnosis
    from unblur.tasks.restore.restorer import Restorer


def diagnose(  # noqa: PLR0913, PLR0917 - the flags of a command
    photos: Annotated[
        list[Path],
        typer.Argument(metavar="PHOTO...", help="Photos, or folders: the photos right in them."),
    ],
    picture: Annotated[
        Path | None,
        typer.Option(help="Draw the blur of every part of the photo into this file."),
    ] = None,
    model: Annotated[
        str,
        flags.named(choices.MODELS, said="The network that is tried: as for `unblur restore`."),
    ] = "fast",
    method: Annotated[
        str,
        flags.named(
            choices.METHODS,
            said="auto: look for the shake, too, which takes nearly as long as restoring; network: "
            "without, in a second or two.",
        ),
    ] = "auto",
    engine: flags.Engine = "auto",
    device: flags.Device = "auto",
    overwrite: Annotated[bool, flags.replacing("a picture that exists")] = False,
    as_json: flags.JsonOfEach = False,
    max_megapixels: flags.MaxMegapixels = 200.0,
) -> None:
    """Say how blurred photos are, and whether restoring will help.

    Also along which direction, and how sure that is. A shake is looked for as `unblur restore`
    does, which takes about as long as restoring; --method network leaves that out. Exit status: 0
    all diagnosed, 1 some failed, 2 wrong use.
    """
    from unblur.cli.photos.watching import watching
    from unblur.errors import OptionError, UnblurError
    from unblur.tasks.batch.files import list_sources
    from unblur.tasks.restore.options import RestoreOptions
    from unblur.tasks.restore.restorer import Restorer

    options = RestoreOptions(
        method=method, model=model, engine=engine, device=device, max_megapixels=max_megapixels
    )
    sources = list_sources(photos)
    if picture is not None and len(sources) != 1:
        raise OptionError(f"--picture is for one photo, got {len(sources)}")
    if picture is not None and overwrite and picture.exists() and picture.samefile(sources[0]):
        raise OptionError(f"{picture}: is the photo itself; give --picture another name")
    restorer = Restorer.open(options)
    failures = 0
    with progress("diagnosing", len(sources), hidden=as_json) as advance:
        for source in sources:
            try:
                with watching(source, "diagnose", hidden=as_json or len(sources) > 1) as erase:
                    _one(source, restorer, picture, overwrite, as_json, erase)
            except UnblurError as error:
                failures += 1
                _fail(source, error, as_json=as_json)
            advance()
    if failures and len(sources) > 1:
        say(f"unblur: {failures} of {len(sources)} photos failed", err=True)
    raise typer.Exit(code=1 if failures else 0)


def _one(
    source: Path,
    restorer: "Restorer",
    picture: Path | None,
    overwrite: bool,
    as_json: bool,
    erase: "Callable[[], None]",
) -> None:
    from unblur.errors import OptionError, PhotoError
    from unblur.imaging.photo.photo import Photo, read_photo, write_photo
    from unblur.tasks.restore.diagnose import diagnose as run
    from unblur.tasks.restore.diagnose import draw_diagnosis

    photo = read_photo(source, max_megapixels=restorer.options.max_megapixels)
    try:
        found = run(photo, restorer)
    except OptionError as error:
        raise PhotoError(f"{source}: {error}") from error
    erase()
    times = None
    if picture is not None:
        drawn, times = draw_diagnosis(photo.pixels.astype("float32"), found)
        write_photo(Photo(pixels=drawn), picture, overwrite=overwrite)
    if as_json:
        import json

        say(json.dumps(_fields(source, found, picture)))
        return
    say(f"{source}: {_words(found)}")
    if times is not None:
        say(f"{picture}: strokes are {times:.1f} times as long as the blur")


def _words(found: "Diagnosis") -> str:
    """One line: the verdict, its figures, and what to do."""
    from unblur.tasks.restore.diagnose import HIDDEN

    if found.blur is None:
        return found.verdict
    if found.verdict == HIDDEN:
        return f"{HIDDEN}; if it is blurred, a second shot would help (--reference)"
    blur = found.blur
    parts = [found.seems]
    if found.shake is not None and found.shaken:
        parts.append(f"over about {found.shake.way}")
        parts.append(f"{found.shake.confidence:.0%} sure: a shake that can be undone")
    elif found.directed:
        parts.append(f"over about {blur.length_px:.0f} px along {blur.angle_deg:.0f} degrees")
        parts.append(f"direction {blur.certainty:.0%} sure")
    elif found.turns:
        parts.append(f"over about {blur.length_px:.0f} px, its direction varies from part to part")
    elif found.verdict != "sharp":
        parts.append(f"over about {blur.length_px:.0f} px alike in all directions")
        parts.append("out of focus or shaken back and forth")
    if found.varies:
        parts.append("not alike everywhere")
    if found.gain_db is not None:
        parts.append(f"restoring {found.outlook}: {found.gain_db:+.1f} dB predicted")
    return ", ".join(parts)


def _fields(source: Path, found: "Diagnosis", picture: Path | None) -> dict[str, Any]:
    from dataclasses import asdict, replace

    shake = found.shake
    fields = asdict(replace(found, shake=None))
    cells = fields.pop("cells")
    return {
        "source": str(source),
        **_rounded(fields),
        "directed": found.directed,
        "turns": found.turns,
        "helps": found.helps,
        "outlook": found.outlook,
        "shake": None if shake is None else shake.facts(),
        "picture": str(picture) if picture else None,
        "cells": [_rounded(cell) for cell in cells],
        "error": None,
    }


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(inside) for key, inside in value.items()}
    return round(value, 4) if isinstance(value, float) else value


def _fail(source: Path, error: Exception, *, as_json: bool) -> None:
    if as_json:
        import json

        say(json.dumps({"source": str(source), "error": in_flags(error)}))
    else:
        complain(error)
