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
_NOT_WRITTEN: Final = frozenset({".gif", ".bmp", ".heic", ".heif", ".jp2", ".jxl", ".psd", ".dng"})
_EIGHT_BIT: Final = frozenset({".jpg", ".jpeg", ".webp"})


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
    return list(dict.fromkeys(sources))  # one that is named twice is restored once


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
        OptionError: If several photos would go to one file, or its format cannot be written.
    """
    if out is not None and out.suffix.lower() in _NOT_WRITTEN and not out.is_dir():
        raise OptionError(f"{out}: cannot write '{out.suffix}'; use {' '.join(WRITABLE)}")
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


def _plan_previews(sources: Sequence[Path], targets: Sequence[Path]) -> list[Path]:
    """``photo.before-after.jpg`` beside each target; of namesakes, all but one say their format."""
    previews: list[Path] = []
    for source, target in zip(sources, targets, strict=True):
        preview = target.with_name(f"{source.stem}{_PREVIEW}.jpg")
        if preview in previews:
            preview = target.with_name(f"{source.name}{_PREVIEW}.jpg")
        previews.append(preview)
    return previews


def _losses(photo: Photo, target: Path) -> tuple[str, ...]:
    """What the format of the target cannot hold of a photo."""
    suffix = target.suffix.lower()
    losses = []
    if photo.alpha is not None and suffix in {".jpg", ".jpeg"}:
        losses.append("alpha left out: JPEG has none")
    if photo.bits > 8 and suffix in _EIGHT_BIT:  # noqa: PLR2004
        losses.append(f"{photo.bits} bits became 8: {suffix} has no more")
    return tuple(losses)


def restore_file(
    source: Path,
    restorer: Restorer,
    options: RestoreOptions,
    *,
    target: Path | None = None,
    overwrite: bool = False,
    preview: Path | None = None,
) -> Restored:
    """Restore one file.

    Args:
        source: The photo.
        restorer: The open network.
        options: Its options.
        target: Where to write; not given: beside the source, as ``photo.unblurred.jpg``.
        overwrite: Replace files that exist.
        preview: Where to write before and after side by side, if anywhere.

    Raises:
        PhotoError: If it cannot be read.
        TargetError: If the target exists, is the source, or cannot be written.
    """
    target = target or plan_targets([source], None)[0]
    started = time.perf_counter()
    for path in filter(None, (target, preview)):
        _check_target(path, source, overwrite=overwrite)
    photo = read_photo(source, max_megapixels=options.max_megapixels)
    restored = restorer.restore(photo)
    write_photo(restored, target, overwrite=overwrite)
    if preview is not None:
        # A JPEG has at most 65,535 px a side; panoramas are thinned out, for the preview only.
        step = -(-max(photo.pixels.shape) // _PREVIEW_SIDE_PX)
        halves = (x.pixels[::step, ::step].astype("float32") for x in (photo, restored))
        pixels = before_after(*halves)
        metadata = replace(photo.metadata, exif=None, xmp=None)
        side_by_side = Photo(pixels=pixels, metadata=metadata, grey=photo.grey)
        write_photo(side_by_side, preview, overwrite=overwrite)
    seconds = time.perf_counter() - started
    notes = (*photo.notes, *_losses(photo, target))
    return Restored(source=source, target=target, preview=preview, seconds=seconds, notes=notes)


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
    previews = _plan_previews(sources, targets) if preview else [None] * len(sources)
    for source, target, picture in zip(sources, targets, previews, strict=True):
        started = time.perf_counter()
        try:
            _make_folder(target.parent)
            yield restore_file(
                source, restorer, options, target=target, overwrite=overwrite, preview=picture
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
