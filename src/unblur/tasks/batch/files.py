"""Restore many files: several at once, on past a bad one, not again what is done."""

from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from unblur.devices import cores
from unblur.errors import OptionError
from unblur.tasks.batch.entries import read_names
from unblur.tasks.batch.run import BatchRun
from unblur.tasks.batch.sources import (
    Job,
    Source,
    find_sources,
    list_sources,
    plan_jobs,
)
from unblur.tasks.restore.file import Restored, restore_file
from unblur.tasks.restore.restorer import Restorer

__all__ = [
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


def _run(jobs: Sequence[Job], run: BatchRun, workers: int) -> Generator[Restored, None, None]:
    if workers == 1:
        for job in jobs:
            yield from filter(None, [run.one(job, alone=run.is_large(job))])
        return
    pool = ThreadPoolExecutor(workers, thread_name_prefix="unblur")
    waiting: deque[Future[Restored | None]] = deque()
    try:
        for job in jobs:
            if run.is_large(job):
                yield from _results(waiting)
                yield from filter(None, [run.one(job, alone=True)])
            else:
                waiting.append(pool.submit(run.one, job))
                yield from _results(waiting, leave=2 * workers - 1)
        yield from _results(waiting)
    except KeyboardInterrupt:
        run.stop.set()
        pool.shutdown(cancel_futures=True)
        yield from _results(deque(x for x in waiting if not x.cancelled()))
        raise
    finally:
        run.stop.set()
        pool.shutdown(cancel_futures=True)


def _results(waiting: "deque[Future[Restored | None]]", *, leave: int = 0) -> Iterator[Restored]:
    while len(waiting) > leave:
        result = waiting[0].result()
        waiting.popleft()  # not before: Ctrl-C may come while it is waited for
        if result is not None:
            yield result
