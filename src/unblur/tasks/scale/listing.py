"""Which photos there are, one after the other; never all of them in memory."""

from collections.abc import Callable, Iterator
from pathlib import PurePosixPath

from unblur.errors import OptionError, PhotoError
from unblur.imaging.files import BEFORE_AFTER, RESTORED, VIDEO_ENDINGS
from unblur.imaging.photo.photo import READABLE, WRITABLE
from unblur.tasks.restore.names import possible_targets
from unblur.tasks.scale.entries import Entry
from unblur.tasks.scale.options import FAILED, LEFT_OUT, Item, Outcome
from unblur.tasks.scale.store import Store


def list_photos(store: Store, *, without: str | None = None) -> Iterator[Item | Outcome]:
    """All photos below a folder, but for hidden ones.

    Of a folder only the names that may clash with one another are held in memory at a time (of a
    local one, and of stores that list at once, all its names). Where two photos would be written
    to one target, the one whose format can be written goes first, then the first by name.

    Args:
        store: Where they are.
        without: A folder to leave out, as a path below: that of the results.

    Yields:
        Photos; and outcomes of what is left out, and of folders that cannot be listed. A photo
        whose target another one has says so by its ``clash``.

    Raises:
        OptionError: If the folder itself cannot be listed.
    """
    folders = [""]
    while folders:
        folder = folders.pop()
        within: list[Entry] = []
        try:
            for group in _groups(_files(store.entries(folder), within)):
                yield from _group(folder, group, store.shown)
        except PhotoError as error:
            if not folder:
                raise OptionError(str(error)) from error
            yield Outcome(source=folder, status=FAILED, reason=str(error))
        keys = []
        for entry in within:
            key = f"{folder}/{entry.name}" if folder else entry.name
            if not entry.name:
                # A store may have `a//b.jpg`; no path says that.
                reason = f"{store.shown(folder)}: a folder in it has no name"
                yield Outcome(source=f"{folder}//", status=FAILED, reason=reason)
            elif not entry.name.startswith(".") and key != without:
                keys.append(key)
        folders.extend(reversed(keys))


def _files(entries: Iterator[Entry], within: list[Entry]) -> Iterator[Entry]:
    """Those that are files; folders, which a store may list between them, go to the list."""
    for entry in entries:
        if entry.is_folder:
            within.append(entry)
        else:
            yield entry


def _groups(files: Iterator[Entry]) -> Iterator[list[Entry]]:
    """Neighbours with the same name up to its first dot; only those may share a target."""
    group: list[Entry] = []
    for file in files:
        if group and group[0].name.partition(".")[0] != file.name.partition(".")[0]:
            yield group
            group = []
        group.append(file)
    if group:
        yield group


def _group(
    folder: str, entries: list[Entry], shown: Callable[[str], str]
) -> Iterator[Item | Outcome]:
    taken: set[str] = set()
    ordered = sorted(entries, key=lambda entry: (not _keeps_ending(entry.name), entry.name))
    for entry in ordered:
        name = PurePosixPath(entry.name)
        key = f"{folder}/{name}" if folder else str(name)
        ending = name.suffix.lower()
        if entry.name.startswith("."):
            continue
        if ending in VIDEO_ENDINGS:
            reason = "is a video; `unblur video` restores it"
            yield _left_out(key, entry, reason)
        elif ending in READABLE:
            if name.stem.endswith((RESTORED, BEFORE_AFTER)):
                yield _left_out(key, entry, "is an earlier result by its name")
                continue
            if entry.trouble:
                reason = f"{shown(key)}: {entry.trouble}"
                yield Outcome(source=key, status=FAILED, reason=reason)
                continue
            targets = set(possible_targets(entry.name))
            yield Item(
                key=key,
                bytes=entry.bytes,
                stamp=entry.stamp,
                taken=tuple(sorted(targets & taken)),
                clash=" or ".join(sorted(targets)) if targets <= taken else "",
            )
            taken |= targets


def left_out_for(item: Item) -> Outcome:
    """What becomes of a photo whose target another one has."""
    return Outcome(
        source=item.key,
        status=LEFT_OUT,
        reason=f"another photo of this name is written to {item.clash}",
        source_bytes=item.bytes,
        source_stamp=item.stamp,
    )


def _keeps_ending(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in WRITABLE


def _left_out(key: str, entry: Entry, reason: str) -> Outcome:
    return Outcome(
        source=key,
        status=LEFT_OUT,
        reason=reason,
        source_bytes=entry.bytes,
        source_stamp=entry.stamp,
    )
