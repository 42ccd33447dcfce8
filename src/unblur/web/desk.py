"""The desk: take uploads, queue them, have them done one after another, keep results a while."""

import secrets
import shutil
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from unblur.errors import OptionError, TargetError
from unblur.tasks.progress.pace import Pace
from unblur.web.checks import check_order
from unblur.web.folder import ServerFolder
from unblur.web.jobs import Job, Part, Upload, hear, safe_names
from unblur.web.options import BusyError, ServeOptions, Wish
from unblur.web.words import time_words
from unblur.web.worker_process import WorkerProcess

_SPARE_BYTES: Final = 500_000_000
"""Of the disk, not to be filled: a result is about as large as its photo, others write, too."""


class Desk:
    """Takes jobs, and has them done by one worker, in the order of their arrival.

    Args:
        folder: Where uploads and results live.
        options: The limits.
    """

    def __init__(self, folder: ServerFolder, options: ServeOptions) -> None:
        self.folder, self.options = folder, options
        self._jobs: dict[str, Job] = {}
        self._waiting: deque[Job] = deque()
        self._lock = threading.Condition()
        self._closing = False
        self._pace = Pace()
        self._worker = WorkerProcess(folder.scratch, options.device)
        self._worker.start()
        self._threads = [
            threading.Thread(target=work, name=f"unblur-{work.__name__}", daemon=True)
            for work in (self._work, self._sweep)
        ]
        for thread in self._threads:
            thread.start()

    def submit(
        self,
        uploads: Sequence[Upload],
        wish: Wish,
        reference: Upload | None = None,
        *,
        before: tuple[Job, int] | None = None,
    ) -> Job:
        """Take a job.

        Args:
            uploads: Photos, or one video.
            wish: What is to be done.
            reference: A second shot of the scene.
            before: A job that the one photo was part of, and its number there: what was found
                about its blur then holds.

        Returns:
            The job; it waits, or runs already.

        Raises:
            BusyError: If the queue is full.
            OptionError: If there are no photos, too many, or photos with a video.
            MissingExtraError: If the server lacks what is asked for.
            TargetError: If the disk is full.
        """
        video = check_order(uploads, wish, reference, most=self.options.most_photos)
        with self._lock:
            self._check_room()
            job_id = secrets.token_urlsafe(16)
            job = Job(
                id=job_id,
                folder=self.folder.jobs / job_id,
                wish=wish,
                parts=[Part(name=name) for name in safe_names([x.name for x in uploads])],
                video=video,
                reference=safe_names([reference.name])[0] if reference else None,
            )
            try:
                for part in ("in", "out", "show", "found", "reference"):
                    (job.folder / part).mkdir(parents=True, mode=0o700)
                for upload, one in zip(uploads, job.parts, strict=True):
                    _take(upload.path, job.folder / "in" / one.name)
                    one.sent_bytes = upload.path.stat().st_size
                if reference is not None and job.reference is not None:
                    _take(reference.path, job.folder / "reference" / job.reference)
                if before is not None:
                    _know(job, *before)
            except OSError as error:
                shutil.rmtree(job.folder, ignore_errors=True)
                raise TargetError(f"the upload cannot be kept ({error.strerror})") from error
            self._jobs[job_id] = job
            self._waiting.append(job)
            self._lock.notify_all()
            return job

    def again(self, job: Job, index: int, strength: float) -> Job:
        """Take a photo or video of a job once more, with another strength.

        Args:
            job: It has ended.
            index: Number of the photo in it.
            strength: From 0 to 1.

        Returns:
            A job of its own.

        Raises:
            OptionError: If the strength is none, or the photo is not there (any more).
            BusyError: If the queue is full.
            TargetError: If the disk is full.
        """
        wish = replace(job.wish, strength=strength)
        if job.state != "done" or job.parts[index].file is None:
            raise OptionError(f"{job.parts[index].name}: is not restored; restore it first")
        name, reference = job.parts[index].name, None
        if job.reference is not None:
            path = job.folder / "reference" / job.reference
            reference = Upload(name=job.reference, path=path)
        upload = Upload(name=name, path=job.folder / "in" / name)
        return self.submit([upload], wish, reference, before=(job, index))

    def check_room(self) -> None:
        """Say so before an upload is read if it cannot be taken.

        Raises:
            BusyError: If the queue is full.
            TargetError: If the disk is.
        """
        with self._lock:
            self._check_room()

    def get(self, job_id: str) -> Job | None:
        """The job of this name; None if there is none, or no more."""
        return self._jobs.get(job_id)

    def cancel(self, job: Job) -> None:
        """Stop a job and remove its files; one that has ended is forgotten."""
        with self._lock:
            job.stop = True
            if job in self._waiting:
                self._waiting.remove(job)
                self._end(job, "cancelled")
            elif job.ended:
                self._jobs.pop(job.id, None)
                shutil.rmtree(job.folder, ignore_errors=True)

    def position(self, job: Job) -> int:
        """How many jobs are before this one; 0 for one that does not wait."""
        with self._lock, suppress(ValueError):
            return self._waiting.index(job) + any(x.state == "running" for x in self._jobs.values())
        return 0

    def wait(self, job: Job, seconds: float) -> bool:
        """Wait until a job has ended, so long at most; whether it has."""
        with self._lock:
            return self._lock.wait_for(lambda: job.ended, timeout=seconds)

    def close(self) -> None:
        """Stop everything."""
        with self._lock:
            self._closing = True
            for job in self._jobs.values():
                job.stop = True
            self._lock.notify_all()
        for thread in self._threads:
            thread.join(timeout=10)
        self._worker.stop()

    def _check_room(self) -> None:
        if len(self._waiting) >= self.options.queue:
            raise BusyError(
                f"busy: the queue of {self.options.queue} is full; try again in a minute"
            )
        if self.folder.free_bytes() < _SPARE_BYTES:
            raise TargetError("the server's disk is full; try again later")

    def _work(self) -> None:
        while True:
            with self._lock:
                self._lock.wait_for(lambda: self._closing or self._waiting)
                if self._closing:
                    return
                job = self._waiting.popleft()
                job.state = "running"
            outcome = self._worker.run(
                self._order(job),
                lambda event, job=job: hear(job, event, self._pace),  # type: ignore[misc]
                lambda job=job: job.stop,  # type: ignore[misc]
                self.options.time_limit_s,
            )
            if outcome != "finished" and not self._closing:
                self._worker.start()
            with self._lock:
                self._conclude(job, outcome)

    def _order(self, job: Job) -> dict[str, Any]:
        return {
            "folder": str(job.folder),
            "names": [part.name for part in job.parts],
            "video": job.video,
            "reference": job.reference,
            "model": job.wish.model,
            "strength": job.wish.strength,
            "guard": job.wish.guard,
            "reference_is": job.wish.reference_is,
            "device": self.options.device,
            "max_megapixels": self.options.max_megapixels,
        }

    def _conclude(self, job: Job, outcome: str) -> None:
        if outcome == "stopped" or job.stop:
            self._end(job, "cancelled")
        elif outcome == "late":
            limit = time_words(self.options.time_limit_s)
            self._end(job, "failed", f"stopped: it took longer than {limit}, the limit here")
        elif outcome == "ended":
            self._end(job, "failed", "restoring it ended unexpectedly; it may be too large")
        elif all(part.error for part in job.parts):
            self._end(job, "failed", job.parts[0].error if len(job.parts) == 1 else "all failed")
        else:
            self._end(job, "done")

    def _end(self, job: Job, state: str, error: str | None = None) -> None:
        job.state, job.error, job.ended_at = state, error, time.monotonic()
        if state != "done":
            shutil.rmtree(job.folder, ignore_errors=True)
            for part in job.parts:
                part.file = part.before = part.after = part.clip = None
        self._lock.notify_all()

    def _sweep(self) -> None:
        keep = self.options.keep_s
        while True:
            with self._lock:
                if self._lock.wait_for(lambda: self._closing, timeout=min(60.0, keep / 4)):
                    return
                now = time.monotonic()
                old = [x for x in self._jobs.values() if x.ended_at and now - x.ended_at > keep]
                for job in old:
                    del self._jobs[job.id]
            for job in old:
                shutil.rmtree(job.folder, ignore_errors=True)
            # A large photo waits in scratch as long as its job may run.
            self.folder.sweep_uploads(max(keep, self.options.time_limit_s))


def _know(job: Job, before: Job, index: int) -> None:
    """Hand on what was found about the blur of a photo, if that was kept."""
    kept = before.folder / "found" / f"{index}.npz"
    if kept.exists():
        _take(kept, job.folder / "found" / "0.npz")
        job.parts[0].diagnosis = before.parts[index].diagnosis


def _take(upload: Path, target: Path) -> None:
    """A second name for an upload, or a copy where that cannot be; the page may want it again."""
    try:
        target.hardlink_to(upload)
    except OSError:
        shutil.copyfile(upload, target)
