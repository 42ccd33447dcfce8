"""What a worker does with one photo: fetch, restore, put; nothing here knows Ray."""

import errno
import hashlib
import os
import platform
import posixpath
import shutil
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from unblur.errors import UnblurError
from unblur.tasks.batch_run import BatchRun
from unblur.tasks.restore import RestoreOptions, Restorer
from unblur.tasks.scale_files import unpack
from unblur.tasks.scale_folder import folder_on_this_machine
from unblur.tasks.scale_options import DONE, FAILED, LEFT_OUT, Item, Outcome
from unblur.tasks.scale_store import Store
from unblur.tasks.sources import Job, target_name

_EXISTS: Final = "exists; --overwrite replaces it"


class LocalTroubleError(Exception):
    """This machine cannot go on with a photo; another may."""


class Worker:
    """Holds the network; restores one photo after the other, from several threads.

    Args:
        options: How to restore.
        files: Content of the files that the options name, by name of the option.
        source: URL of the folder of photos.
        target: URL of the folder of results.
        waiting: Folder below the latter for files in the making.
        overwrite: Replace targets that exist.
    """

    def __init__(
        self,
        options: RestoreOptions,
        files: Mapping[str, tuple[str, bytes]],
        source: str,
        target: str,
        waiting: str,
        overwrite: bool,
    ) -> None:
        self._given = (options, files)
        self._source, self._target = Store(source), Store(target)
        self._waiting = waiting
        self._overwrite = overwrite
        self._large = threading.Lock()
        self._own = threading.local()

    def hello(self) -> dict[str, str]:
        """Open the network.

        Returns:
            What it runs on: ``engine`` and ``node``.

        Raises:
            UnblurError: If it cannot be opened here.
        """
        self._folder = folder_on_this_machine()
        options, files = self._given
        self._options = unpack(options, files, self._folder)
        restorer = Restorer.open(self._options)
        self._runs = {
            overwrite: BatchRun(restorer, self._options, overwrite=overwrite, work=None)
            for overwrite in {True, self._overwrite}
        }
        self._engine = options.method
        if options.method == "network":
            self._engine = f"{restorer.engine.name} {restorer.engine.precision}"
        return {"engine": self._engine, "node": platform.node(), "pid": str(os.getpid())}

    def close(self) -> None:
        """Remove what is kept on this machine."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def restore(self, item: Item) -> Outcome:
        """Restore one photo, unless it is done.

        Raises:
            LocalTroubleError: If this machine's disk is full.
        """
        started = time.perf_counter()
        try:
            outcome = self._restore(item)
        except UnblurError as error:
            outcome = Outcome(source=item.key, status=FAILED, reason=str(error))
        except OSError as error:
            if error.errno in {errno.ENOSPC, errno.EDQUOT}:
                raise LocalTroubleError(f"{self._folder}: no space left") from error
            why = error.strerror or error
            shown = self._source.shown(item.key)
            outcome = Outcome(source=item.key, status=FAILED, reason=f"{shown}: {why}")
        return replace(
            outcome,
            seconds=time.perf_counter() - started,
            source_bytes=item.bytes,
            source_stamp=item.stamp,
            node=platform.node(),
            engine=self._engine,
        )

    def _restore(self, item: Item) -> Outcome:
        known = item.known
        if known is not None and known.target and not self._overwrite:
            there = self._target.size(known.target) == known.target_bytes
            unchanged = (known.bytes, known.stamp) == (item.bytes, item.stamp)
            if there and unchanged and known.same_work:
                return Outcome(source=item.key, status=DONE, target=known.target, fresh=False)
        source = self._get(item)
        digest = _sha256(source)
        target = target_name(source)
        key = posixpath.join(posixpath.dirname(item.key), target)
        if target in item.taken:
            return Outcome(
                source=item.key,
                status=LEFT_OUT,
                reason=f"another photo of this name is written to {target}",
            )
        size = self._target.size(key)
        foreign = Outcome(
            source=item.key, status=LEFT_OUT, reason=f"{self._target.shown(key)}: {_EXISTS}"
        )
        if size is None or self._overwrite:
            outcome = self._write(item, source, key)
        elif known is None or known.status == FAILED:
            outcome = self._compare(item, source, key, size)
        elif known.same_work and known.sha256 == digest and known.target_bytes == size:
            outcome = replace(  # the source was only touched
                foreign,
                status=DONE,
                reason="",
                target=key,
                target_bytes=size,
                target_sha256=known.target_sha256,
            )
        else:
            outcome = replace(foreign, fresh=known.reason != foreign.reason)
        return replace(outcome, source_sha256=digest)

    def _get(self, item: Item) -> Path:
        if self._source.local is not None:
            return self._source.local / item.key
        name = posixpath.basename(item.key)
        path = self._stage("source") / name
        self._source.fetch(item.key, path, expected_bytes=item.bytes)
        return path

    def _write(self, item: Item, source: Path, key: str) -> Outcome:
        """Restore to the target, which is not there or may be replaced."""
        if self._target.local is None:
            staged = self._stage("target") / posixpath.basename(key)
            outcome = self._run(item, source, staged, key, overwrite=True)
            if outcome.status == DONE:
                self._target.put(staged, key, waiting=self._waiting)
            return outcome
        target = self._target.local / key
        outcome = self._run(item, source, target, key, overwrite=self._overwrite)
        if outcome.status == FAILED and not self._overwrite:
            size = self._target.size(key)
            if size is not None:  # the last breath of a killed run has written it meanwhile
                return self._compare(item, source, key, size)
        return outcome

    def _compare(self, item: Item, source: Path, key: str, size: int) -> Outcome:
        """Of a target that no row of the manifest tells of: did a killed run write it?"""
        staged = self._stage("target") / posixpath.basename(key)
        outcome = self._run(item, source, staged, key, overwrite=True)
        if outcome.status == FAILED:
            return outcome
        if outcome.target_bytes == size and outcome.target_sha256 == self._content(key):
            return outcome
        reason = f"{self._target.shown(key)}: {_EXISTS}"
        return Outcome(source=item.key, status=LEFT_OUT, reason=reason)

    def _run(self, item: Item, source: Path, path: Path, key: str, *, overwrite: bool) -> Outcome:
        run = self._runs[overwrite]
        job = Job(source=source, target=path)
        if run.is_large(job):
            with self._large:  # so that memory stays bounded
                result = run.one(job, alone=True)
        else:
            result = run.one(job)
        assert result is not None  # nobody stops this run
        error = result.error
        if error is None:
            return Outcome(
                source=item.key,
                status=DONE,
                target=key,
                reason="; ".join(result.notes),
                target_bytes=path.stat().st_size,
                target_sha256=_sha256(path),
            )
        if path.is_relative_to(self._folder) and "space" in error:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        error = error.replace(str(source), self._source.shown(item.key))
        error = error.replace(str(path), self._target.shown(key))
        return Outcome(source=item.key, status=FAILED, reason=error)

    def _content(self, key: str) -> str:
        if self._target.local is not None:
            return _sha256(self._target.local / key)
        path = self._stage("compared") / "target"
        self._target.fetch(key, path)
        return _sha256(path)

    def _stage(self, what: str) -> Path:
        """An empty folder on this machine, one for each thread."""
        folder = self._folder / f"{threading.get_ident()}-{what}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return folder


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
