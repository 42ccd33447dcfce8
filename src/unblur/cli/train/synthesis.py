"""`unblur blur` and `unblur shakes`: make photos shaken, look at shakes."""

from pathlib import Path
from typing import Annotated, Final

import typer

from unblur import choices
from unblur.cli import flags
from unblur.cli.terminal import counted, say

WITHIN: Final = ("average",)


def blur(  # noqa: PLR0913, PLR0917 - the flags of a command
    out: flags.DataSet,
    photos: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SHARP...",
            help="Sharp photos, or folders: the photos right in them. With --rebuild: names of "
            "pairs; none means all.",
            autocompletion=flags.among(WITHIN),
        ),
    ] = None,
    count: Annotated[int, typer.Option(help="Pairs to make of each photo.")] = 1,
    seed: flags.SeedOfFiles = 0,
    kind: Annotated[
        str,
        typer.Option(
            help="shake: the camera shifts; rotation: it also rolls; object: a part of the photo "
            "moves; mixed: one of these for each pair."
        ),
    ] = "shake",
    preset: Annotated[
        str,
        flags.named(
            choices.PRESETS, said="Constants of the shake: authors (tangles) or paper (arcs)."
        ),
    ] = "authors",
    exposure: Annotated[
        str, typer.Option(help="Fractions of the path that show, one drawn for each pair.")
    ] = "0.1,0.5,1",
    length_px: flags.LengthPx = 60.0,
    noise: Annotated[
        float, typer.Option(metavar="SIGMA", help="Standard deviation of noise; white is 1.")
    ] = 0.0,
    linear_light: Annotated[
        bool,
        typer.Option(
            "--linear-light/--no-linear-light", help="Blur light as sensors do, or stored values."
        ),
    ] = True,
    jpeg: Annotated[
        int | None, typer.Option(metavar="QUALITY", help="Write blurred photos as JPEG, not PNG.")
    ] = None,
    rebuild: Annotated[
        Path | None,
        typer.Option(metavar="MANIFEST", help="Make pairs of this manifest.jsonl once more."),
    ] = None,
    quiet: flags.Quiet = False,
) -> None:
    """Blur sharp photos: pairs to train on, with their kernels.

    Writes blur/, sharp/, kernels/ (.npy and 16-bit PNG) and manifest.jsonl, which holds what it
    takes to make any pair again. An interrupted run continues where it stopped.
    """
    from unblur.cli.train.written import Told, tell_written
    from unblur.errors import OptionError
    from unblur.tasks.batch.files import list_sources
    from unblur.tasks.datasets.blur import BlurOptions, rebuild_pairs, write_pairs
    from unblur.tasks.datasets.manifest import read_manifest

    if rebuild is not None:
        total = len(photos or read_manifest(rebuild))
        results = rebuild_pairs(rebuild, out, names=photos or ())
    elif not photos:
        raise OptionError("no photos named; name sharp photos, or a folder of them")
    else:
        options = BlurOptions(
            seed=seed,
            kind=kind,
            preset=preset,
            exposure=_fractions(exposure),
            length_px=length_px,
            noise_sigma=noise,
            linear_light=linear_light,
            jpeg=jpeg,
        )
        sources = list_sources([Path(name) for name in photos])
        total = len(sources) * count
        results = write_pairs(sources, out, options, count=count)
    told = Told(verb="blurring", one="pair", many="pairs", quiet=quiet)
    raise typer.Exit(code=tell_written(results, total, out, told))


def shakes(  # noqa: PLR0913, PLR0917 - the flags of a command
    count: Annotated[int, typer.Option(help="How many.")] = 16,
    seed: Annotated[int, typer.Option(help="Equal seeds give equal kernels.")] = 1,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Picture to write; none: statistics only.")
    ] = None,
    preset: Annotated[
        str, flags.named(choices.PRESETS, said="authors (tangles) or paper (arcs).")
    ] = "authors",
    exposure: Annotated[str, typer.Option(help="Fractions of the path that show.")] = "0.1,0.5,1",
    length_px: flags.LengthPx = 60.0,
    overwrite: Annotated[bool, flags.replacing("the picture")] = False,
) -> None:
    """Draw random shakes, to look at.

    A sheet of paths and kernels, and their statistics.
    """
    from unblur.tasks.datasets.shakes import ShakeOptions, Shakes

    drawn = Shakes(
        ShakeOptions(
            count=count,
            seed=seed,
            preset=preset,
            exposure=_fractions(exposure),
            length_px=length_px,
        )
    )
    if out is not None:
        drawn.write_sheet(out, overwrite=overwrite)
        say(f"{counted(count, 'shake')} drawn to {out}")
    mean = drawn.statistics()
    say(
        f"{counted(count, 'shake')} ({preset}): mean path {mean.length_px:.1f} px, "
        f"extent {mean.extent_px:.1f} px, end to start {mean.end_to_start_px:.1f} px, "
        f"{mean.straight:.1%} nearly straight"
    )


def _fractions(text: str) -> tuple[float, ...]:
    from unblur.errors import OptionError

    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise OptionError(f"--exposure needs fractions such as 0.1,0.5,1, got {text!r}") from error
