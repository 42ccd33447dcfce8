"""Restore files: decide each target, go on past a bad file, write nothing by halves."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from unblur.errors import OptionError, TargetError, UnblurError
from unblur.imaging.photo import READABLE, WRITABLE, Photo, read_photo, write_photo
from unblur.imaging.preview import before_after
from unblur.tasks.restore import RestoreOptions, Restorer

_RESTORED: Final = ".unblurred"
_PREVIEW: Final = ".before-after"
_PREVIEW_SIDE_PX: Final = 16_000


@dataclass(frozen=True, kw_only=True)
class Restored:
    """What became of one photo."""

    source: Path
    target: Path
    """The restored photo; not there if ``error`` is set."""
    preview: Path | None = None
    seconds: float = 0.0
    """Reading, restoring and writing."""
    notes: tuple[str, ...] = ()
    """What the user should know: pages left out, colours converted."""
    error: str | None = None
    """One line, if the photo could not be restored."""


def list_sources(names: Sequence[Path]) -> list[Path]:
    """Photos as they were named; of a folder, those in it but for earlier results.

    Raises:
        OptionError: If a folder has no photos or cannot be listed.
    """
    sources: list[Path] = []
    for name in names:
        if not name.is_dir():
            sources.append(name)
            continue
        try:
            inside = sorted(filter(_is_source, name.iterdir()))
        except OSError as error:
            raise OptionError(f"{name}: cannot be listed ({error.strerror})") from error
        if not inside:
            raise OptionError(f"{name}: no photos in this folder ({', '.join(READABLE)})")
        sources += inside
    return sources


def _is_source(path: Path) -> bool:
    if path.name.startswith(".") or path.stem.endswith((_RESTORED, _PREVIEW)):
        return False
    return path.suffix.lower() in READABLE and path.is_file()


def plan_targets(sources: Sequence[Path], out: Path | None) -> list[Path]:
    """Where each restored photo goes.

    Args:
        sources: The photos.
        out: A file for one photo, a folder for any number; None puts each beside its source.

    Returns:
        The targets, in the order of the sources.

    Raises:
        OptionError: If several photos would go to one file.
    """
    if out is not None and out.suffix.lower() in WRITABLE and not out.is_dir():
        if len(sources) != 1:
            raise OptionError(f"{len(sources)} photos do not fit in one file; make {out} a folder")
        return [out]
    targets = []
    for source in sources:
        # A format that cannot be written, or an unknown ending, becomes PNG: nothing is lost.
        suffix = source.suffix if source.suffix.lower() in WRITABLE else ".png"
        targets.append((out or source.parent) / f"{source.stem}{_RESTORED}{suffix}")
    first: dict[Path, Path] = {}
    for source, target in zip(sources, targets, strict=True):
        if target in first:
            raise OptionError(f"{first[target]} and {source} would both be written to {target}")
        first[target] = source
    return targets


def restore_file(
    source: Path,
    restorer: Restorer,
    options: RestoreOptions,
    *,
    target: Path | None = None,
    overwrite: bool = False,
    preview: bool = False,
) -> Restored:
    """Restore one file.

    Raises:
        PhotoError: If it cannot be read.
        TargetError: If the target exists, is the source, or cannot be written.
    """
    target = target or plan_targets([source], None)[0]
    started = time.perf_counter()
    picture = target.with_name(f"{source.stem}{_PREVIEW}.jpg") if preview else None
    for path in filter(None, (target, picture)):
        _check_target(path, source, overwrite=overwrite)
    photo = read_photo(source, max_megapixels=options.max_megapixels)
    restored = restorer.restore(photo)
    write_photo(restored, target, overwrite=overwrite)
    if picture is not None:
        # A JPEG has at most 65,535 px a side; panoramas are thinned out, for the preview only.
        step = -(-max(photo.pixels.shape) // _PREVIEW_SIDE_PX)
        halves = (x.pixels[::step, ::step].astype("float32") for x in (photo, restored))
        pixels = before_after(*halves)
        metadata = replace(photo.metadata, exif=None, xmp=None)
        side_by_side = Photo(pixels=pixels, metadata=metadata, grey=photo.grey)
        write_photo(side_by_side, picture, overwrite=overwrite)
    seconds = time.perf_counter() - started
    return Restored(
        source=source, target=target, preview=picture, seconds=seconds, notes=photo.notes
    )


def restore_files(
    sources: Sequence[Path],
    targets: Sequence[Path],
    restorer: Restorer,
    options: RestoreOptions,
    *,
    overwrite: bool = False,
    preview: bool = False,
) -> Iterator[Restored]:
    """Restore files one after the other; a file that fails is a result, not an exception.

    Args:
        sources: From :func:`list_sources`.
        targets: From :func:`plan_targets`; folders that are missing are made.
        restorer: The open network.
        options: Its options.
        overwrite: Replace targets that exist.
        preview: Also write ``photo.before-after.jpg`` beside each target.

    Yields:
        One result for each source, in order.
    """
    for source, target in zip(sources, targets, strict=True):
        started = time.perf_counter()
        try:
            _make_folder(target.parent)
            yield restore_file(
                source, restorer, options, target=target, overwrite=overwrite, preview=preview
            )
        except UnblurError as error:
            seconds = time.perf_counter() - started
            yield Restored(source=source, target=target, seconds=seconds, error=str(error))
        except MemoryError:
            why = f"{source}: too large for the memory of this machine"
            yield Restored(source=source, target=target, error=why)


def _check_target(target: Path, source: Path, *, overwrite: bool) -> None:
    """Find out before the work is done, not after."""
    if target.exists() and source.exists() and target.samefile(source):
        raise TargetError(f"{source}: is the source itself, left alone; name another target")
    if target.exists() and not overwrite:
        raise TargetError(f"{target}: exists; --overwrite (overwrite=True) replaces it")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TargetError(f"{folder}: cannot be made ({error.strerror})") from error
