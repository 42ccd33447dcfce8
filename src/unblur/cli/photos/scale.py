"""`unblur scale` and `unblur scale plan`: more photos than one machine restores."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from unblur import choices
from unblur.cli import flags
from unblur.cli.terminal import progress, say

if TYPE_CHECKING:
    from unblur.tasks.scale.run import Outcome

WITHIN: Final = ("plan",)
_SCREENFUL: Final = 20


def scale(  # noqa: PLR0913, PLR0917 - the flags of a command
    source: Annotated[
        str,
        typer.Argument(
            metavar="SRC",
            help="Folder of photos, or its URL: s3://, gs://, ...",
            autocompletion=flags.among(WITHIN),
        ),
    ],
    target: Annotated[
        str, typer.Argument(metavar="DST", help="Folder for the results, or its URL.")
    ],
    address: Annotated[
        str | None,
        typer.Option(help="Of a Ray cluster; not given: one is started on this machine."),
    ] = None,
    workers: Annotated[
        int, typer.Option(help="Processes that hold the network; 0: as many as fit.")
    ] = 0,
    cpus: Annotated[float, typer.Option(help="Logical CPUs of each worker.")] = 1.0,
    gpus: Annotated[float, typer.Option(help="GPUs of each worker; a fraction shares one.")] = 0.0,
    photos_at_once: Annotated[
        int, typer.Option(help="Of each worker: some are read or written while one is restored.")
    ] = 2,
    manifest: Annotated[
        str | None,
        typer.Option(metavar="DIR|URL", help="The record; default: DST/unblur-manifest."),
    ] = None,
    model: flags.Model = "fast",
    method: Annotated[
        str,
        flags.named(
            choices.METHODS,
            said="As for `unblur restore`: auto; network, several times as fast; blind.",
        ),
    ] = "auto",
    strength: Annotated[
        float, flags.strength("0 leaves photos as they are, 1 restores them in full")
    ] = 1.0,
    guard: flags.Guard = True,
    engine: flags.Engine = "auto",
    precision: flags.Precision = "auto",
    device: flags.Device = "auto",
    tile: flags.Tile = "auto",
    overwrite: flags.ReplaceResults = False,
    as_json: flags.JsonOfEach = False,
    quiet: flags.Quiet = False,
    max_megapixels: flags.MaxMegapixels = 200.0,
) -> None:
    """Restore a folder of any number of photos on a Ray cluster.

    Folders within are included; needs the extra `scale`. The bytes are those of `unblur restore`. A
    run that ended in whatever way goes on where it was when the same command is given again; the
    manifest says what became of each photo. Exit status: 0 all restored or left out, 1 some failed,
    2 wrong use.
    """
    from contextlib import closing

    from unblur.tasks.restore.options import RestoreOptions
    from unblur.tasks.scale.run import ScaleOptions, restore_everywhere

    options = RestoreOptions(
        model=model,
        method=method,
        strength=strength,
        guard=guard,
        engine=engine,
        precision=precision,
        device=device,
        tile=int(tile) if tile.isdecimal() else tile,
        max_megapixels=max_megapixels,
    )
    how = ScaleOptions(
        address=address,
        workers=workers,
        cpus=cpus,
        gpus=gpus,
        photos_at_once=photos_at_once,
        manifest=manifest,
        overwrite=overwrite,
    )
    tally = _Tally(as_json=as_json, quiet=quiet)
    outcomes = restore_everywhere(source, target, options, how)
    try:
        with (
            closing(outcomes),
            progress("restoring", None, hidden=as_json or quiet, unit="photos") as advance,
        ):
            for outcome in outcomes:
                tally.add(outcome)
                advance()
    finally:
        tally.print_sum()
    raise typer.Exit(code=1 if tally.failed else 0)


class _Tally:
    """Counts outcomes and prints them."""

    def __init__(self, *, as_json: bool, quiet: bool) -> None:
        import time

        self.as_json, self.quiet = as_json, quiet
        self.restored = self.skipped = self.left_out = self.failed = 0
        self._clock = time.perf_counter
        self._started = self._clock()

    @property
    def seen(self) -> int:
        """How many there were."""
        return self.restored + self.skipped + self.left_out + self.failed

    def add(self, outcome: "Outcome") -> None:
        """Count one, and print what went wrong."""
        if outcome.status == "failed":
            self.failed += 1
            if not self.as_json and self.failed <= _SCREENFUL:
                say(f"unblur: {outcome.reason}", err=True)
        elif outcome.status == "left out":
            self.left_out += 1
            if not self.as_json and not self.quiet and self.left_out <= _SCREENFUL:
                say(f"unblur: left out: {outcome.source}: {outcome.reason}", err=True)
        elif outcome.fresh:
            self.restored += 1
        else:
            self.skipped += 1
        if self.as_json:
            import json
            from dataclasses import asdict

            say(json.dumps(asdict(outcome)))

    def print_sum(self) -> None:
        """Say what became of all; nothing if nothing came, as an error says why."""
        if self.as_json or not self.seen:
            return
        if max(self.failed, self.left_out) > _SCREENFUL:
            say("unblur: the manifest has all that failed or was left out", err=True)
        if not self.quiet:
            seconds = self._clock() - self._started
            rate = f" ({self.restored / seconds:.3g} photos/s)" if self.restored else ""
            counts = [f"{self.restored} restored"]
            counts += [f"{self.skipped} done already"] if self.skipped else []
            counts += [f"{self.left_out} left out"] if self.left_out else []
            counts += [f"{self.failed} failed"] if self.failed else []
            say(f"{', '.join(counts)} in {seconds:.3g} s{rate}")


def plan(  # noqa: PLR0913, PLR0917 - the flags of a command
    photos: Annotated[float, typer.Option(help="How many, 1e7 for ten million.")],
    megapixels: Annotated[float, typer.Option(help="Of one photo.")] = 12.0,
    device: flags.Device = "cpu",
    model: flags.Model = "fast",
    speed: Annotated[
        Path | None,
        typer.Option(metavar="FILE.json", help="From `unblur bench speed --json` elsewhere."),
    ] = None,
    machines: Annotated[
        int | None, typer.Option(help="As this one; how long do they take?")
    ] = None,
    hours: Annotated[
        float | None, typer.Option(help="To be done then; how many machines does it take?")
    ] = None,
    price: Annotated[float | None, typer.Option(help="Of a machine for an hour.")] = None,
    share: Annotated[
        float, typer.Option(help="Of the speed measured that many workers reach.")
    ] = 0.85,
    again: Annotated[
        float, typer.Option(help="Share of the work done twice, as workers die.")
    ] = 0.02,
    megabytes: Annotated[
        float | None, typer.Option(help="Of one file; default: 0.4 a megapixel.")
    ] = None,
    as_json: flags.OneJson = False,
) -> None:
    """Estimate time, machines and cost of an archive.

    From the speed that is measured here, or given.
    """
    from unblur.tasks.scale.plan import PlanOptions, estimate, formula, measure_speed, read_speed

    options = PlanOptions(
        photos=photos,
        megapixels=megapixels,
        machines=machines,
        hours=hours,
        price=price,
        share=share,
        again=again,
        megabytes=megabytes,
    )
    measured = (
        read_speed(speed)
        if speed is not None
        else measure_speed(megapixels, device=device, model=model)
    )
    found = estimate(options, measured)
    if as_json:
        import json
        from dataclasses import asdict

        say(json.dumps(asdict(found) | {"formula": formula(options, found)}))
    else:
        say("\n".join(formula(options, found)))
