"""Restore many files: several at once, on past a bad one, not again what is done."""

import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from threading import Event, Lock
from typing import TYPE_CHECKING, Final

from unblur.devices import cores
from unblur.errors import OptionError, UnblurError, is_disk_full
from unblur.imaging.files import remove_leftovers
from unblur.tasks.batch.crew import Crew, Outcome
from unblur.tasks.batch.entries import read_names
from unblur.tasks.batch.sources import (
    Job,
    Source,
    find_sources,
    list_sources,
    plan_jobs,
)
from unblur.tasks.progress.stages import Stage, heard
from unblur.tasks.restore.file import (
    Restored,
    check_paths,
    check_space,
    is_large,
    make_folder,
    restore_file,
)
from unblur.tasks.restore.restorer import Restorer

if TYPE_CHECKING:
    from unblur.tasks.batch.ledger import Ledger, Record

__all__ = [
    "BatchRun",
    "Job",
    "Restored",
    "Source",
    "choose_workers",
    "find_sources",
    "list_sources",
    "plan_jobs",
    "read_names",
    "restore_file",
    "restore_files",
]

_MOST_WORKERS: Final = 8


def choose_workers(workers: int, photos: int) -> int:
    """How many photos to work on at the same time.

    Args:
        workers: What was asked for; 0 for as many as there are cores, 8 at most.
        photos: How many there are.

    Raises:
        OptionError: If ``workers`` is negative.
    """
    if workers < 0:
        raise OptionError(f"workers must not be negative, got {workers}; 0 chooses")
    return max(1, min(workers or min(cores(), _MOST_WORKERS), photos))


def restore_files(
    jobs: Sequence[Job],
    restorer: Restorer,
    *,
    overwrite: bool = False,
    record: bool = False,
    workers: int = 1,
) -> Generator[Restored, None, None]:
    """Restore files; one that fails is a result, not an exception.

    Several threads each take a photo from file to file, so that decoding, the network and
    encoding overlap. Large photos are restored alone, so that memory stays bounded. The files
    are the same for any number of workers. Temporary files of killed runs are removed.

    Args:
        jobs: From :func:`plan_jobs`; folders that are missing are made.
        restorer: The open network; for several workers, open it with as many ``streams``.
        overwrite: Replace targets that exist, and do all anew.
        record: Keep a record of what is done in each folder of targets, and skip what an earlier
            run has restored from the same photo in the same way (see
            :mod:`unblur.tasks.batch.ledger`).
        workers: Photos to work on at the same time.

    Returns:
        One result for each job, in order, while they are made. After Ctrl-C: those that were
        finished, and then ``KeyboardInterrupt``.

    Raises:
        OptionError: If ``workers`` is less than 1.
        NetworkError: If the model is unknown.
        PhotoError: If the kernel or the mask cannot be read.

    Examples:
        >>> from pathlib import Path
        >>> from unblur import Restorer, find_sources, plan_jobs, restore_files
        >>> jobs = plan_jobs(find_sources([Path("photo.jpg")]), Path("restored"))
        >>> for done in restore_files(jobs, Restorer()):
        ...     print(done.target, done.error)
        restored/photo.unblurred.jpg None
    """
    if workers < 1:
        raise OptionError(f"workers must be 1 or more, got {workers}")
    work = None
    if record:
        from unblur.tasks.batch.ledger import describe_work

        work = describe_work(restorer.options)
    run = BatchRun(restorer, overwrite=overwrite, work=work)
    return _run(jobs, run, workers)


def _run(jobs: Sequence[Job], run: "BatchRun", workers: int) -> Generator[Restored, None, None]:
    if workers == 1:
        for job in jobs:
            yield from filter(None, [run.one(job, alone=run.is_large(job))])
        return
    crew = Crew(run.one, workers)
    waiting: deque[Outcome[Job, Restored | None]] = deque()
    try:
        for job in jobs:
            if run.is_large(job):
                yield from _results(waiting)
                yield from filter(None, [run.one(job, alone=True)])
            else:
                waiting.append(crew.submit(job))
                yield from _results(waiting, leave=2 * workers - 1)
        yield from _results(waiting)
    except KeyboardInterrupt:
        run.stop.set()
        yield from _results(waiting)
        raise
    finally:
        run.stop.set()
        crew.leave()


def _results(
    waiting: "deque[Outcome[Job, Restored | None]]", *, leave: int = 0
) -> Iterator[Restored]:
    while len(waiting) > leave:
        result = waiting[0].result()
        waiting.popleft()  # not before: Ctrl-C may come while it is waited for
        if result is not None:
            yield result


class _Stopped(Exception):  # noqa: N818 - not an error
    """The user has had enough."""


class BatchRun:
    """What the threads of one batch share, and what each does with a photo.

    Args:
        restorer: The open network.
        overwrite: Replace targets that exist, and do all anew.
        work: From :func:`unblur.tasks.batch.ledger.describe_work`; None keeps no record.
    """

    def __init__(self, restorer: Restorer, *, overwrite: bool, work: "Record | None") -> None:
        self.overwrite = overwrite
        self.stop = Event()
        """Set it, and every thread ends before the next step."""
        self._work = work
        self._restorer = restorer
        self._unshared: Restorer | None = restorer if restorer.streams == 1 else None
        self._lock = Lock()
        self._ledgers: dict[Path, Ledger | None] = {}
        self._full = False

    def is_large(self, job: Job) -> bool:
        """Whether a photo is restored alone."""
        return job.error is None and is_large(job.source)

    def one(self, job: Job, *, alone: bool = False) -> Restored | None:
        """The result for one photo; None if the run was stopped before it was finished.

        Args:
            job: What to do.
            alone: It is large, and nothing else runs now: it has all cores and the memory.
        """
        if self.stop.is_set():
            return None
        started = time.perf_counter()
        cause: Exception
        try:
            if job.error is not None:
                return Restored(source=job.source, target=job.target, error=job.error)
            ledger = self._enter(job.target.parent)
            with heard(self._go_on, others_too=True):
                if ledger is None:
                    return self._restore(job, alone=alone, overwrite=self.overwrite)
                return self._resume(job, ledger, alone=alone)
        except UnblurError as error:
            cause, why = error, str(error)
            self._full |= is_disk_full(error)
        except OSError as error:  # a name that is too long, a folder that may not be entered
            cause, why = error, f"{error.filename or job.target}: {error.strerror or error}"
        except MemoryError as error:
            cause, why = error, f"{job.source}: too large for the memory of this machine"
        except _Stopped:
            return None
        seconds = time.perf_counter() - started
        return Restored(
            source=job.source, target=job.target, seconds=seconds, error=why, cause=cause
        )

    def _go_on(self, stage: Stage, share: float | None) -> None:
        """End what a thread does where its next stage begins, if the batch was stopped."""
        if self.stop.is_set():
            raise _Stopped

    def _enter(self, folder: Path) -> "Ledger | None":
        """Make a folder of targets, clean it up and read its record, the first time."""
        with self._lock:
            if folder not in self._ledgers:
                make_folder(folder)
                remove_leftovers(folder)
                self._ledgers[folder] = None if self._work is None else _ledger(folder, self._work)
            return self._ledgers[folder]

    def _resume(self, job: Job, ledger: "Ledger", *, alone: bool) -> Restored:
        source, target = job.source, job.target
        overwrite = self.overwrite
        if not overwrite:
            if ledger.is_done(source, target, job.preview):
                return Restored(source=source, target=target, preview=job.preview, skipped=True)
            overwrite = ledger.is_ours(target)
            if not overwrite and (how := ledger.made_otherwise(source, target)) is not None:
                return Restored(source=source, target=target, skipped=True, otherwise=how)
        check_paths(source, target, job.preview, overwrite=overwrite, in_batch=True)
        ledger.begin(source, target)
        try:
            restored = self._restore(job, alone=alone, overwrite=overwrite)
        except BaseException:
            ledger.give_up(target)
            raise
        ledger.finish(target)
        return restored

    def _restore(self, job: Job, *, alone: bool, overwrite: bool) -> Restored:
        source, target, preview = job.source, job.target, job.preview
        if self._full:
            check_space(source, target)
        restorer = self._restorer
        if alone:
            if self._unshared is None:
                self._unshared = Restorer.open(restorer.options)
            restorer = self._unshared
        return restore_file(source, restorer, target=target, overwrite=overwrite, preview=preview)


def _ledger(folder: Path, work: "Record") -> "Ledger":
    from unblur.tasks.batch.ledger import Ledger  # a photo by itself has none

    return Ledger(folder, work)
