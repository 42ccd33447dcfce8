"""Which photos are meant, and where each restored one goes."""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from unblur.errors import OptionError
from unblur.imaging.files import BEFORE_AFTER, RESULTS, derived_name
from unblur.imaging.photo.photo import WRITABLE
from unblur.imaging.photo.sniff import HEIF_ENDINGS, RAW_ENDINGS, known_formats
from unblur.tasks.batch.entries import is_photo, is_result, place_of, real_path, results_of
from unblur.tasks.restore.names import target_name

_NOT_WRITTEN: Final = frozenset(
    {".gif", ".bmp", ".jp2", ".jxl", ".psd", *HEIF_ENDINGS, *RAW_ENDINGS}
)
_MAGIC: Final = frozenset("*?[")


@dataclass(frozen=True, kw_only=True)
class Source:
    """A photo to restore."""

    path: Path
    within: Path = Path()
    """The folder that it lies in, relative to the folder that was named; mirrored in the output."""
    results: Path | None = None
    """Where results go unless that is said; None: beside it, as it was not found in a folder."""
    named: bool = False
    """It was named itself; not found in a folder, by a pattern or in a list."""
    error: str | None = None
    """Why it cannot be restored, if that is known: a folder that cannot be listed."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """A photo, and where the restored one goes."""

    source: Path
    target: Path
    preview: Path | None = None
    error: str | None = None
    renamed: bool = False
    """Another photo has its name but for the ending, so that its target says the format, too."""


def find_sources(
    names: Iterable[Path],
    *,
    recursive: bool = False,
    out: Path | None = None,
    listed: Iterable[Path] = (),
    left_out: list[Path] | None = None,
) -> list[Source]:
    """Photos as they were named; of a folder, those in it but for earlier results.

    A folder ``holiday-unblurred`` that is named together with ``holiday`` has its results, and is
    left out.

    Hidden files and folders within a folder that is named are left out; so is ``out``. Links to
    folders are not followed there, so that no loop has no end.

    Args:
        names: Photos, folders, or patterns such as ``holiday/*.jpg`` and ``**/*.png``. A file
            with ``*?[`` in its name comes before the pattern.
        recursive: Take folders within folders, too.
        out: Where results go.
        listed: Photos and folders of a list, which are no patterns.
        left_out: If it is given, what of folders is no photo is added, and, unless ``recursive``,
            the folders within, but for those of earlier results.

    Returns:
        Each photo once, however often it was named.

    Raises:
        OptionError: If a folder has no photos or cannot be listed, or nothing fits a pattern.

    Examples:
        >>> from pathlib import Path
        >>> from unblur import find_sources
        >>> [str(source.path) for source in find_sources([Path("photo.jpg"), Path("*.jpg")])]
        ['photo.jpg']
    """
    others = [] if left_out is None else left_out
    meant: list[tuple[Path, bool]] = []
    for name in names:
        if _MAGIC & set(str(name)) and not os.path.lexists(name):
            meant += [(path, False) for path in _matches(name)]
        else:
            meant.append((name, True))
    meant += [(name, False) for name in listed]
    results = {real_path(results_of(path)) for path, _ in meant if path.is_dir()}
    found: list[Source] = []
    for path, named in meant:
        if not path.is_dir():
            found.append(Source(path=path, named=named))
        elif real_path(path) not in results:
            found += _named(path, recursive, out, others)
    places = {real_path(path) for path, _ in meant}
    others[:] = [path for path in others if real_path(path) not in places]
    once: dict[Path, Source] = {}
    for source in found:
        once.setdefault(place_of(source.path), source)
    return list(once.values())


def list_sources(names: Sequence[Path]) -> list[Path]:
    """The paths that :func:`find_sources` finds.

    Raises:
        OptionError: As there.
    """
    return [source.path for source in find_sources(names)]


def plan_jobs(
    sources: Sequence[Source],
    out: Path | None = None,
    *,
    preview: bool = False,
    is_folder: bool = False,
) -> list[Job]:
    """Decide where each restored photo goes.

    A source that is where another one's result goes is an earlier result, and left out.

    Args:
        sources: From :func:`find_sources`.
        out: A file for one photo, a folder for any number; None puts each beside its source, and
            those of a folder ``holiday`` into ``holiday-unblurred`` beside it.
        preview: Also plan ``photo.before-after.jpg`` beside each target; for ``out.png`` that
            was named itself ``out.before-after.jpg``.
        is_folder: ``out`` is to be a folder, whatever its name looks like.

    Returns:
        The jobs, in the order of the sources.

    Raises:
        OptionError: If several photos would go to one file, its format cannot be written, or its
            ending is not known.

    Examples:
        >>> from pathlib import Path
        >>> from unblur import find_sources, plan_jobs
        >>> (job,) = plan_jobs(find_sources([Path("photo.jpg")]), Path("sharp"))
        >>> str(job.target)
        'sharp/photo.unblurred.jpg'
    """
    is_folder = is_folder or (out is not None and out.is_dir())
    if out is not None and not is_folder:
        _check_ending(out, sources)
    single = out is not None and out.suffix.lower() in WRITABLE and not is_folder
    if single and len(sources) != 1:
        raise OptionError(f"{len(sources)} photos do not fit in one file; make {out} a folder")
    targets = [
        out if single and out is not None else _folder_for(s, out) / target_name(s.path)
        for s in sources
    ]
    renamed = _shared(sources, targets)
    for place in renamed:
        name = target_name(sources[place].path, say_format=True)
        targets[place] = targets[place].with_name(name)
    places = {place_of(target) for target in targets} if len(sources) > 1 else set()
    pairs = [
        (place, source, target)
        for place, (source, target) in enumerate(zip(sources, targets, strict=True))
        if place_of(source.path) not in places
    ]
    _check_distinct([(s.path, target) for _, s, target in pairs if s.error is None])
    jobs: list[Job] = []
    taken: set[Path] = set()
    for place, source, target in pairs:
        shown = target if single else source.path
        picture = _preview_of(shown, target, taken) if preview else None
        job = Job(source=source.path, target=target, preview=picture, error=source.error)
        jobs.append(replace(job, renamed=place in renamed))
    return jobs


def _shared(sources: Sequence[Source], targets: Sequence[Path]) -> set[int]:
    """Places of sources that cannot keep their ending and would be written where others are."""
    found: dict[str, list[int]] = {}
    for place, target in enumerate(targets):
        found.setdefault(os.path.normcase(place_of(target)), []).append(place)
    return {
        place
        for places in found.values()
        if len(places) > 1
        for place in places
        if sources[place].path.suffix.lower() not in WRITABLE
    }


def _folder_for(source: Source, out: Path | None) -> Path:
    if out is not None:
        return out / source.within
    return source.path.parent if source.results is None else source.results / source.within


def _check_ending(out: Path, sources: Sequence[Source]) -> None:
    """Refuse a file that cannot be written, and what looks like a slip in its ending."""
    ending = out.suffix.lower()
    if ending in _NOT_WRITTEN:
        raise OptionError(f"{out}: cannot write '{out.suffix}'; use {' '.join(WRITABLE)}")
    one_file = len(sources) == 1 and sources[0].named
    if one_file and re.fullmatch(r"\.\w+", ending) and ending not in WRITABLE:
        fitting = get_close_matches(ending, WRITABLE, n=1) or WRITABLE
        raise OptionError(
            f"{out}: '{out.suffix}' is no ending of a photo; use {' '.join(fitting)}, "
            f"or {out}{os.sep} for a folder"
        )


def _check_distinct(pairs: Sequence[tuple[Path, Path]]) -> None:
    first: dict[str, Path] = {}
    clashes: list[str] = []
    for source, target in pairs:
        other = first.setdefault(os.path.normcase(place_of(target)), source)
        if other is not source:
            clashes.append(f"{other} and {source} would both be written to {target}")
    if clashes:
        more = f", and {len(clashes) - 1} more such" if len(clashes) > 1 else ""
        raise OptionError(f"{clashes[0]}{more}; restore them one by one, or into two folders")


def _preview_of(source: Path, target: Path, taken: set[Path]) -> Path:
    """``photo.before-after.jpg`` beside a target; of namesakes, all but one say their format."""
    preview = target.with_name(derived_name(source.stem, f"{BEFORE_AFTER}.jpg"))
    if preview in taken:
        preview = target.with_name(derived_name(source.name, f"{BEFORE_AFTER}.jpg"))
    taken.add(preview)
    return preview


def _matches(pattern: Path) -> list[Path]:
    """The photos and folders that fit; hidden ones and earlier results do not."""
    parts = pattern.parts
    fixed = next(i for i, part in enumerate(parts) if _MAGIC & set(part))
    base = Path(*parts[:fixed])
    try:
        fitting = sorted(base.glob(str(Path(*parts[fixed:]))))
    except (ValueError, NotImplementedError, OSError) as error:
        raise OptionError(f"{pattern}: is not a pattern that can be used ({error})") from error
    fitting = [
        path
        for path in fitting
        if not any(part.startswith(".") for part in path.relative_to(base).parts)
        and (is_photo(path) or (path.is_dir() and "**" not in parts))
    ]
    if not fitting:
        raise OptionError(f"{pattern}: no photo fits this pattern ({known_formats()})")
    return fitting


def _named(folder: Path, recursive: bool, out: Path | None, left_out: list[Path]) -> list[Source]:
    try:
        next(folder.iterdir(), None)
    except OSError as error:
        raise OptionError(f"{folder}: cannot be listed ({error.strerror})") from error
    found = list(
        _walk(folder, Path(), recursive, None if out is None else real_path(out), left_out)
    )
    if not found:
        hint = "" if recursive else "; --recursive looks in the folders within"
        raise OptionError(f"{folder}: no photos in this folder ({known_formats()}){hint}")
    return found


def _walk(
    top: Path, within: Path, recursive: bool, out: Path | None, left_out: list[Path]
) -> Iterator[Source]:
    """Photos of one folder, then those of the folders in it."""
    folder = top / within
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        yield Source(path=folder, error=f"{folder}: cannot be listed ({error.strerror})")
        return
    results = results_of(top)
    for path in entries:
        if is_photo(path):
            yield Source(path=path, within=within, results=results)
        elif not path.name.startswith(".") and not is_result(path) and path.is_file():
            left_out.append(path)
    for path in entries:
        if path.name.startswith(".") or path.is_symlink() or not path.is_dir():
            continue
        if out is not None and path.resolve() == out:
            continue
        if recursive:
            yield from _walk(top, within / path.name, recursive, out, left_out)
        elif not path.name.endswith(RESULTS):
            left_out.append(path)
