"""Score files that exist: a restored photo against the sharp one, or two folders of them."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from unblur.data.crops import photo_files, sorted_paths
from unblur.data.pair_layouts import match_names
from unblur.data.problems import check_pair
from unblur.devices import cores
from unblur.errors import DataError, OptionError, UnblurError
from unblur.imaging.photo.photo import Photo, read_photo
from unblur.metrics import METRICS, check_metrics, score
from unblur.metrics.fidelity import WINDOW
from unblur.metrics.structure import LEAST_SIDE_PX

_LEAST_PX = {"ssim": WINDOW, "ms_ssim": LEAST_SIDE_PX}


@dataclass(frozen=True, kw_only=True)
class Score:
    """The scores of one pair, or why there are none."""

    name: str
    restored: Path | None
    sharp: Path | None
    scores: dict[str, float] = field(default_factory=dict)
    """One score for each metric; one is left out if the photo is too small for it."""
    notes: tuple[str, ...] = ()
    error: str | None = None


def score_files(
    restored: Path,
    sharp: Path,
    *,
    metrics: tuple[str, ...] = METRICS,
    workers: int = 0,
    max_megapixels: float = 200.0,
) -> Iterator[Score]:
    """Score a file, or every file of a folder; a pair that cannot be scored is a result.

    Args:
        restored: A photo, or a folder with folders in it.
        sharp: Of the same kind; files match by their names below the folder, without endings
            and, where they do not match so, without words such as ``deblurred`` and ``gt``.
        metrics: Of :data:`unblur.metrics.METRICS`.
        workers: Pairs to work on at the same time; 0 for as many as there are cores. It changes
            no number.
        max_megapixels: Refuse larger photos.

    Yields:
        One result a pair, and one for each file without a partner, in order of their names.

    Raises:
        DataError: If one is a folder and the other not, or there are no photos.
        OptionError: If a metric is unknown.
    """
    check_metrics(metrics)
    pairs = list_scores(restored, sharp)

    def run(pair: Score) -> Score:
        return score_pair(pair, metrics, max_megapixels=max_megapixels)

    with ThreadPoolExecutor(min(workers or cores(), len(pairs))) as pool:
        yield from pool.map(run, pairs)


def list_scores(restored: Path, sharp: Path) -> list[Score]:
    """The pairs that :func:`score_files` scores, without scores.

    Raises:
        DataError: As there.
    """
    for path in (restored, sharp):
        if not path.exists():
            raise DataError(f"{path}: no such file or folder")
    if restored.is_dir() != sharp.is_dir():
        raise DataError(f"{restored} and {sharp} must be two files or two folders")
    if not restored.is_dir():
        return [Score(name=restored.stem, restored=restored, sharp=sharp)]
    first, second = _by_name(restored), _by_name(sharp)
    matched = match_names(list(first), list(second))
    taken = set(matched.values())
    names = [*first, *(name for name in second if name not in taken)]
    if not names:
        raise DataError(f"{restored} and {sharp} have no photos")
    pairs = []
    for name in names:
        ours, theirs = first.get(name), second.get(matched.get(name, name))
        error = None
        if ours is None or theirs is None:
            error = f"{ours or theirs} has no partner {(sharp if ours else restored) / name}.*"
        pairs.append(Score(name=name, restored=ours, sharp=theirs, error=error))
    return pairs


def score_pair(pair: Score, metrics: tuple[str, ...], *, max_megapixels: float = 200.0) -> Score:
    """The pair with its scores, or with the reason why there are none."""
    if pair.error is not None or pair.restored is None or pair.sharp is None:
        return pair
    paths = pair.restored, pair.sharp
    try:
        first, second = (read_photo(path, max_megapixels=max_megapixels) for path in paths)
        sizes = [photo.pixels.shape[:2] for photo in (first, second)]
        check_pair(paths[0], sizes[0], paths[1], sizes[1])
        fitting, notes = fitting_metrics(metrics, sizes[0])
        scores = score(first.pixels, second.pixels, fitting)
    except UnblurError as error:
        return Score(name=pair.name, restored=paths[0], sharp=paths[1], error=str(error))
    return Score(
        name=pair.name,
        restored=paths[0],
        sharp=paths[1],
        scores=scores,
        notes=(*notes, *pair_notes(first, second)),
    )


def fitting_metrics(
    metrics: tuple[str, ...], size: tuple[int, ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The metrics that a photo of this height and width is large enough for; notes on others."""
    fitting = tuple(name for name in metrics if min(size) >= _LEAST_PX.get(name, 1))
    left_out = [name for name in metrics if name not in fitting]
    notes = tuple(
        f"too small for {name}, which needs sides of {_LEAST_PX[name]} px" for name in left_out
    )
    if not fitting:
        raise OptionError(f"{size[1]}x{size[0]} px: {notes[0]}")
    return fitting, notes


def pair_notes(restored: Photo, sharp: Photo) -> tuple[str, ...]:
    """What one should know of two photos that are compared."""
    notes = []
    if restored.bits != sharp.bits:
        notes.append(f"{restored.bits} bits against {sharp.bits}: both rounded to 8")
    if restored.alpha is not None or sharp.alpha is not None:
        notes.append("opacity is not compared")
    return tuple(notes)


def _by_name(folder: Path) -> dict[str, Path]:
    """Photos in a folder, and in those within, by name without ending; the first of two."""
    found: dict[str, Path] = {}
    for path in photo_files(folder):
        found.setdefault(path.stem, path)
    for inside in sorted_paths(folder):
        if inside.is_dir():
            for name, path in _by_name(inside).items():
                found.setdefault(f"{inside.name}/{name}", path)
    return found
