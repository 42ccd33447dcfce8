"""What the threads of one batch share, and what each does with a photo."""

import time
from pathlib import Path
from threading import Event, Lock
from typing import TYPE_CHECKING

from unblur.errors import UnblurError, is_disk_full
from unblur.imaging.files.temporary import remove_leftovers
from unblur.tasks.batch.sources import Job
from unblur.tasks.progress.stages import Stage, heard
from unblur.tasks.restore.file import (
    Restored,
    check_paths,
    check_space,
    make_folder,
    restore_file,
)
from unblur.tasks.restore.restorer import Restorer
from unblur.tasks.restore.streamed import is_large

if TYPE_CHECKING:
    from unblur.tasks.batch.ledger import Ledger, Record


class _Stopped(Exception):  # noqa: N818 - not an error
    """The user has had enough."""


class BatchRun:
    """One batch.

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
