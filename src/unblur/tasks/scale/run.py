"""Restore a folder of any number of photos on a Ray cluster; resumable, nothing twice."""

import json
import posixpath
import secrets
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, Final

from unblur.errors import OptionError, PhotoError, TargetError
from unblur.imaging.files import temporary_beside
from unblur.imaging.photo.photo import READABLE
from unblur.tasks.batch.ledger import describe_work
from unblur.tasks.restore.file import make_folder
from unblur.tasks.restore.options import RestoreOptions
from unblur.tasks.scale.cluster import choose_workers, cluster
from unblur.tasks.scale.index import Index
from unblur.tasks.scale.listing import left_out_for, list_photos
from unblur.tasks.scale.luggage import pack
from unblur.tasks.scale.manifest import FOLDER, Manifest
from unblur.tasks.scale.options import (
    DONE,
    FAILED,
    LEFT_OUT,
    ClusterError,
    Item,
    Known,
    Outcome,
    ScaleOptions,
)
from unblur.tasks.scale.pool import Pool
from unblur.tasks.scale.store import Store
from unblur.tasks.scale.worker import Worker

__all__ = [
    "DONE",
    "FAILED",
    "LEFT_OUT",
    "ClusterError",
    "Outcome",
    "ScaleOptions",
    "restore_everywhere",
]

_NOTE: Final = (
    "What became of each photo: columns in part-*.parquet. The last row of a source, in the order "
    "of the parts' names, is what counts. Written by `unblur scale`.\n"
)
_WAITING: Final = f"{FOLDER}/waiting"


def restore_everywhere(
    source: str,
    target: str,
    options: RestoreOptions | None = None,
    scale: ScaleOptions | None = None,
) -> Generator[Outcome, None, None]:
    """Restore all photos below a folder, with the bytes that `restore_file` would write.

    Photos are listed while others are restored; each goes to an actor that holds the network and
    reads and writes by itself. What becomes of each is a row of the manifest, whose parts are
    written beside the results. A run that ended in whatever way goes on where it was when it is
    started again: what the manifest has as done is skipped, and a target that it does not know
    yet is compared with what restoring its photo gives.

    Args:
        source: Folder or URL of the photos; folders within are mirrored.
        target: Folder or URL of the results.
        options: How to restore.
        scale: Where, and how far to go when something fails.

    Yields:
        What became of each photo, in any order; each photo once.

    Raises:
        MissingExtraError: If Ray, pyarrow, fsspec or an engine is not installed.
        OptionError: If the source cannot be listed or has no photos, the workers do not fit the
            cluster, or the results would lie in another folder on each machine.
        ClusterError: If there is no cluster, or it answers no more.
        TargetError: If the manifest cannot be written.
        NetworkError: If the model is unknown.
        PhotoError: If a file that the options name cannot be read.
    """
    options, scale = options or RestoreOptions(), scale or ScaleOptions()
    photos, results = Store(source), Store(target)
    record = Store(scale.manifest or posixpath.join(results.url, FOLDER))
    check_folders(photos, results)
    work = describe_work(options)
    text = json.dumps(work, sort_keys=True)
    common = {"model": str(work.get("model", options.method)), "options": text}
    manifest = Manifest(record, common)
    with closing(Index(record, text)) as index:
        todo = _todo(photos, results, index, scale)
        empty = True
        try:
            for outcome in _outcomes(todo, photos, results, options, scale):
                if isinstance(outcome, Outcome):
                    empty = False
                    if outcome.fresh:
                        manifest.add(outcome)
                    yield outcome
                manifest.flush(older_than_seconds=scale.flush_seconds)
        finally:
            manifest.close()
    if empty:  # nothing else shows a slip in a name: a store lists any folder
        raise OptionError(
            f"{photos.shown('')}: no photos below this folder ({', '.join(READABLE)})"
        )


def _outcomes(
    todo: Iterator[Item | Outcome],
    photos: Store,
    results: Store,
    options: RestoreOptions,
    scale: ScaleOptions,
) -> Iterator[Outcome | None]:
    """All of them; None where none came for a while. Without work no cluster is started."""
    for found in todo:
        if isinstance(found, Outcome):
            yield found
            continue
        with cluster(scale) as ray:
            workers = choose_workers(ray, scale)
            with _marker(results) as marker:
                make = _maker(ray, photos, results, options, scale, marker)
                with closing(Pool(ray, make, workers=workers, options=scale)) as pool:
                    yield from pool.run(chain([found], todo))


@contextmanager
def _marker(results: Store) -> Iterator[Path | None]:
    """A file among the results, by which other machines see that they have the same folder."""
    if results.local is None:
        yield None
        return
    marker = temporary_beside(results.local.absolute() / "shared")
    try:
        yield marker
    finally:
        with suppress(OSError):
            marker.unlink(missing_ok=True)


def check_folders(photos: Store, results: Store) -> None:
    """Find out before anything is started what cannot work, and clear up what a killed run left.

    Raises:
        OptionError: If the photos cannot be listed.
        TargetError: If the folder of results cannot be made, or a store takes nothing.
    """
    try:
        next(iter(photos.entries("")), None)
    except PhotoError as error:
        raise OptionError(str(error)) from error
    if results.local is not None:
        make_folder(results.local)
        return
    results.remove_waiting(_WAITING)
    with tempfile.TemporaryDirectory() as top:
        note = Path(top, "_README.txt")  # readers of Parquet pass over names that begin so
        note.write_text(_NOTE, encoding="utf-8")
        results.put(note, f"{FOLDER}/{note.name}", waiting=_WAITING)


def _todo(
    photos: Store, results: Store, index: Index, scale: ScaleOptions
) -> Iterator[Item | Outcome]:
    """Photos for the workers, and outcomes of those that need none."""
    for found in list_photos(photos, without=below(photos, results)):
        known = index.find(found.source if isinstance(found, Outcome) else found.key)
        if isinstance(found, Outcome):
            yield _fresh(found, known)
        elif known is not None and _is_done(found, known, results, scale):
            yield Outcome(source=found.key, status=DONE, target=known.target, fresh=False)
        elif found.clash and (known is None or not known.target):
            yield _fresh(left_out_for(found), known)
        else:  # of two that clash, one may have been done before the other came: a worker looks
            yield replace(found, known=known)


def _is_done(item: Item, known: Known, results: Store, scale: ScaleOptions) -> bool:
    """Whether that is certain here; of remote results a worker asks the store."""
    sure = (
        results.local is not None
        and not scale.overwrite
        and known.status == DONE
        and known.same_work
        and known.is_of(item)
    )
    with suppress(TargetError):  # a worker meets it again, and it fails that one photo
        return sure and results.size(known.target) == known.target_bytes
    return False


def _fresh(outcome: Outcome, known: Known | None) -> Outcome:
    same = known is not None and (known.status, known.reason) == (outcome.status, outcome.reason)
    return replace(outcome, fresh=not same)


def below(photos: Store, results: Store) -> str | None:
    """Path of the results below the photos, if they are there."""
    if photos.local is not None and results.local is not None:
        top, inner = photos.local.resolve(), results.local.resolve()
        if inner != top and inner.is_relative_to(top):
            return inner.relative_to(top).as_posix()
        return None
    inside = results.url.startswith(photos.url + "/")
    return results.url[len(photos.url) + 1 :] if inside else None


def _maker(
    ray: Any,
    photos: Store,
    results: Store,
    options: RestoreOptions,
    scale: ScaleOptions,
    marker: Path | None,
) -> Callable[[], Any]:
    """What starts one more worker."""
    threads = options.threads or max(1, int(scale.cpus))
    worker = ray.remote(Worker).options(
        num_cpus=scale.cpus,
        num_gpus=scale.gpus,
        # A dead worker is replaced by the pool, which then knows that it is a new one.
        max_restarts=0,
        max_task_retries=0,
        max_concurrency=scale.photos_at_once,
    )
    arguments = (
        replace(options, threads=threads),
        ray.put(pack(options)),
        *(str(x.local.absolute()) if x.local else x.url for x in (photos, results)),
        f"{_WAITING}/{secrets.token_hex(4)}",
        scale.overwrite,
    )

    def make() -> Any:
        there = marker
        if marker is not None:
            try:
                marker.touch()  # each time, lest it looks left behind after a day
            except OSError:  # a full disk, perhaps; then nobody is asked
                there = None
        return worker.remote(*arguments, None if there is None else str(there))

    return make
