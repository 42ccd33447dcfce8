"""What a worker does with one photo: fetch, restore, put; nothing here knows Ray."""

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

from unblur.engines import heard_of_devices
from unblur.errors import MissingExtraError, OptionError, UnblurError, is_disk_full
from unblur.tasks.batch.files import BatchRun
from unblur.tasks.batch.sources import Job
from unblur.tasks.restore.names import target_name
from unblur.tasks.restore.options import NETWORK_METHODS, RestoreOptions
from unblur.tasks.restore.restorer import Restorer
from unblur.tasks.scale.listing import left_out_for
from unblur.tasks.scale.luggage import folder_on_this_machine, sha256, unpack
from unblur.tasks.scale.options import (
    DONE,
    FAILED,
    LEFT_OUT,
    Item,
    Known,
    LocalTroubleError,
    Outcome,
)
from unblur.tasks.scale.store import Store

_EXISTS: Final = "exists; --overwrite replaces it"


class Worker:
    """Holds the network; restores one photo after the other, from several threads.

    Args:
        options: How to restore.
        files: Content of the files that the options name, by name of the option.
        source: URL of the folder of photos.
        target: URL of the folder of results.
        waiting: Folder below the latter for files in the making.
        overwrite: Replace targets that exist.
        marker: A file in the folder of results, by which a machine sees that it is the same one.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - all that is sent to another machine
        self,
        options: RestoreOptions,
        files: Mapping[str, tuple[str, bytes]],
        source: str,
        target: str,
        waiting: str,
        overwrite: bool,
        marker: str | None = None,
    ) -> None:
        self._given = (options, files)
        self._names = (source, target)
        self._marker = marker
        self._waiting = waiting
        self._overwrite = overwrite
        self._large = threading.Lock()
        self._own = threading.local()

    def hello(self) -> dict[str, str]:
        """Open the network.

        Returns:
            What it runs on: ``engine`` and ``node``; a ``warning`` if another device was asked
            for.

        Raises:
            UnblurError: If it cannot be opened here, or the folder of results is another one here.
            LocalTroubleError: If this machine's disk is full.
        """
        if self._marker is not None and not Path(self._marker).exists():
            raise OptionError(
                f"{self._names[1]}: on {platform.node()} this is another folder than where the run "
                "was started; share it between all machines, by NFS for example, or name a store"
            )
        try:
            self._folder = folder_on_this_machine()
        except OSError as error:  # nor is there room where else Python looks
            raise LocalTroubleError(f"{platform.node()}: {error.strerror or error}") from error
        try:
            return self._open()
        except MissingExtraError as error:  # Ray cannot send it
            raise OptionError(f"{platform.node()}: {error}") from error
        except OSError as error:
            self.close()
            if not is_disk_full(error):
                raise
            raise self._no_space() from error

    def _no_space(self) -> LocalTroubleError:
        return LocalTroubleError(f"{platform.node()}: {self._folder.parent}: no space left")

    def _open(self) -> dict[str, str]:
        self._source, self._target = map(Store, self._names)
        options, files = self._given
        self._options = unpack(options, files, self._folder)
        with heard_of_devices() as said:
            restorer = Restorer.open(self._options)
        self._runs = {
            overwrite: BatchRun(restorer, overwrite=overwrite, work=None)
            for overwrite in {True, self._overwrite}
        }
        self._engine = options.method
        if options.method in NETWORK_METHODS:
            engine = restorer.engine
            kind, _, _ = engine.device.partition(":")
            on = "" if kind == "cpu" else f" on {kind}"
            self._engine = f"{engine.name} {engine.precision}{on}"
        greeting = {"engine": self._engine, "node": platform.node(), "pid": str(os.getpid())}
        return greeting | ({"warning": said[0]} if said else {})

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
            if is_disk_full(error):
                raise self._no_space() from error
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
            if there and known.is_of(item) and known.same_work:
                return self._as_known(item, known, known.sha256)
        if item.clash:
            outcome = left_out_for(item)
            return replace(outcome, fresh=known is None or known.reason != outcome.reason)
        source = self._get(item)
        digest = sha256(source)
        target = target_name(source)
        key = posixpath.join(posixpath.dirname(item.key), target)
        if target in item.taken:
            return self._left_out(item, f"another photo of this name is written to {target}")
        size = self._target.size(key)
        if size is None or self._overwrite:
            outcome = self._write(item, source, key)
        elif known is None or known.status == FAILED or not (known.target or known.is_same(digest)):
            outcome = self._compare(item, source, key, size)
        elif known.target and known.is_same(digest) and known.target_bytes == size:
            outcome = self._as_known(item, known, digest)
        else:
            outcome = self._left_out(item, f"{self._target.shown(key)}: {_EXISTS}")
        return replace(outcome, source_sha256=digest)

    def _as_known(self, item: Item, known: Known, digest: str) -> Outcome:
        """It is done; a row says so again where the last one does not, or only touched photos."""
        return Outcome(
            source=item.key,
            status=DONE,
            target=known.target,
            source_sha256=digest,
            target_bytes=known.target_bytes,
            target_sha256=known.target_sha256,
            fresh=known.status != DONE or (known.bytes, known.stamp) != (item.bytes, item.stamp),
        )

    def _left_out(self, item: Item, reason: str) -> Outcome:
        known = item.known
        same = known is not None and (known.status, known.reason) == (LEFT_OUT, reason)
        return Outcome(source=item.key, status=LEFT_OUT, reason=reason, fresh=not same)

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
        return self._left_out(item, f"{self._target.shown(key)}: {_EXISTS}")

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
                target_sha256=sha256(path),
            )
        if path.is_relative_to(self._folder) and is_disk_full(result.cause):
            raise self._no_space() from result.cause
        error = error.replace(str(source), self._source.shown(item.key))
        error = error.replace(str(path), self._target.shown(key))
        return Outcome(source=item.key, status=FAILED, reason=error)

    def _content(self, key: str) -> str:
        if self._target.local is not None:
            return sha256(self._target.local / key)
        path = self._stage("compared") / "target"
        self._target.fetch(key, path)
        return sha256(path)

    def _stage(self, what: str) -> Path:
        """An empty folder on this machine, one for each thread."""
        folder = self._folder / f"{threading.get_ident()}-{what}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return folder
