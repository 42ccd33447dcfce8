"""What `unblur restore` does once its options are read: plan, restore, tell."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from unblur.cli.flags import STREAM
from unblur.cli.reporting import Report, Tally, entry, say_plan
from unblur.cli.terminal import counted, progress, say
from unblur.errors import OptionError
from unblur.tasks.progress.stages import WORDS, timed

if TYPE_CHECKING:
    from unblur.cli.photos.streams import Piped
    from unblur.tasks.batch.files import Job
    from unblur.tasks.restore.options import RestoreOptions
    from unblur.tasks.restore.restorer import Restorer


@dataclass(frozen=True, kw_only=True)
class Planned:
    """What is to be done."""

    jobs: "Sequence[Job]"
    record: bool
    """Whether a record is kept of what is done."""
    folders: tuple[Path, ...] = ()
    """Folders that results go to because no other was named."""
    left_out: Sequence[Path] = ()
    """Files of folders that are no photos, and folders in them that were not entered."""
    pipe: "Piped | None" = None
    """The photo that comes or goes through a stream."""


@contextmanager
def plan(
    names: Sequence[Path],
    out: str | None,
    *,
    files_from: str | None,
    recursive: bool,
    preview: bool,
) -> Iterator[Planned]:
    """Find the photos, and where each goes.

    Args:
        names: Photos, folders, patterns, or ``-`` alone.
        out: A file, a folder, or ``-``; None: beside what was named.
        files_from: A file that lists more of them; ``-``: standard input does.
        recursive: Take folders within folders, too.
        preview: Also plan pictures of before and after.

    Raises:
        OptionError: If there are none, or they do not fit where they are to go.
    """
    from unblur.tasks.batch import files as batch

    is_folder = out is not None and out.endswith(("/", os.sep))
    if STREAM in {*map(str, names), out}:
        if len(names) != 1 or files_from is not None:
            raise OptionError("- stands for one photo; name no others, and no list, beside it")
        from unblur.cli.photos.streams import piped

        with piped(names[0], out, preview=preview, is_folder=is_folder) as pipe:
            yield Planned(jobs=[pipe.job], record=False, pipe=pipe)
        return
    listed = () if files_from is None else _listed(files_from)
    if not names and not listed:
        raise OptionError("no photo named; name photos, folders or patterns of them")
    target = None if out is None else Path(out)
    others: list[Path] = []
    sources = batch.find_sources(
        names, recursive=recursive, out=target, listed=listed, left_out=others
    )
    found = [] if out is not None else [x.results for x in sources if x.results is not None]
    yield Planned(
        jobs=batch.plan_jobs(sources, target, preview=preview, is_folder=is_folder),
        # One photo that was named by itself leaves nothing but its result.
        record=len(sources) > 1 or not sources[0].named,
        folders=tuple(dict.fromkeys(found)),
        left_out=others,
    )


@contextmanager
def watched(planned: Planned, options: "RestoreOptions", tally: Tally) -> Iterator[None]:
    """Show how far one photo is, as long as nothing is printed; a bar shows how far several are."""
    alone = len(planned.jobs) == 1 and not (tally.as_json or tally.quiet)
    if not (alone and sys.stderr.isatty()):
        yield
        return
    from unblur.cli.photos.watching import watching
    from unblur.tasks.progress.pace import way_of

    way = way_of(options.method, reference=options.reference is not None)
    name = "standard input" if planned.pipe and planned.pipe.from_input else None
    source = planned.jobs[0].source
    with watching(source, way, name=name, before=("open",)) as tally.erase:
        yield


def restore_all(
    planned: Planned,
    options: "RestoreOptions",
    tally: Tally,
    report: Report,
    *,
    workers: int,
    overwrite: bool,
) -> None:
    """Restore what is planned, and tell what becomes of it.

    Args:
        planned: By :func:`plan`.
        options: How to restore.
        tally: Counts and prints.
        report: Where the same is written.
        workers: Photos to work on at the same time; 0 chooses.
        overwrite: Replace results that exist, and do all anew.
    """
    from unblur.tasks.batch import files as batch
    from unblur.tasks.restore.restorer import Restorer

    jobs, pipe = planned.jobs, planned.pipe
    if tally.as_json and pipe is not None and pipe.to_output:
        raise OptionError("--json prints where the photo goes; --report FILE.jsonl writes it")
    if not (tally.as_json or tally.quiet):
        say_plan(jobs, planned.left_out)
    workers = batch.choose_workers(workers, len(jobs))
    tally.total, tally.workers, tally.folders = len(jobs), workers, planned.folders
    tally.err = pipe is not None and pipe.to_output
    restorer = Restorer.open(options, streams=workers)
    if tally.verbose:
        _explain(restorer, workers)
    results = batch.restore_files(
        jobs, restorer, overwrite=overwrite, record=planned.record, workers=workers
    )
    hidden = tally.as_json or tally.quiet
    interrupted = True
    try:
        with (
            closing(results),
            timed() as seconds,
            progress("restoring", len(jobs), hidden=hidden, unit="photos") as advance,
        ):
            for one in results:
                result = one if pipe is None else pipe.hand_over(one)
                report.write(entry(result))
                tally.add(result)
                advance(leave_out=result.skipped)
        interrupted = False
        if tally.verbose and len(jobs) == 1:
            stages = (f"{WORDS[stage]} {took:.2f} s" for stage, took in seconds.items())
            say(f"unblur: {', '.join(stages)}", err=True)
    finally:
        report.write(tally.totals(interrupted=interrupted))
        tally.print_sum(interrupted=interrupted)


def _listed(files_from: str) -> list[Path]:
    from unblur.tasks.batch.files import read_names

    if files_from == STREAM:
        return read_names(sys.stdin.buffer.read())
    try:
        return read_names(Path(files_from).read_bytes(), f"file {files_from}")
    except OSError as error:
        raise OptionError(f"{files_from}: cannot be read ({error.strerror})") from error


def _explain(restorer: "Restorer", workers: int) -> None:
    from unblur.tasks.restore.options import NETWORK_METHODS

    if restorer.options.method in NETWORK_METHODS:
        engine = restorer.engine
        say(f"unblur: engine {engine.name}, {engine.precision}: {engine.why}", err=True)
    else:
        say(f"unblur: {restorer.options.method}, without a network", err=True)
    say(f"unblur: {counted(workers, 'photo')} at a time", err=True)
