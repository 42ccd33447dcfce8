"""Look at every file of a data set before a training does, hours into it."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np

from unblur import checks
from unblur.data.averaged import list_sequences
from unblur.data.pair_layouts import find_sides
from unblur.data.pair_places import PairPlace
from unblur.data.pairs import Pair, PairSurvey, pair_folders, survey_pairs
from unblur.data.problems import (
    Kind,
    Problem,
    Size,
    check_fits,
    check_frames,
    check_length,
    check_pair,
)
from unblur.errors import DataError
from unblur.tasks.datasets.look import Looked, are_frames, look_at

LAYOUTS: Final = ("pairs", "photos", "frames")


@dataclass(frozen=True, kw_only=True)
class CheckOptions:
    """What a data set is meant to be, and be good for."""

    crop_px: int = 256
    """Side of the crops that training takes from it."""
    layout: str | None = None
    """One of :data:`LAYOUTS`; None looks for itself."""
    gamma: bool = False
    """Of pairs take ``blur_gamma/`` in place of ``blur/``."""
    split: str | None = None
    """Of pairs look at those below ``train/`` or ``test/`` only."""
    largest_window: int = 25
    """Frames that a sequence must have at least."""

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            OptionError: If a value is out of range.
        """
        checks.one_of(self, layout=LAYOUTS)
        checks.at_least(1, self, "crop_px", "largest_window")


@dataclass(frozen=True, kw_only=True)
class Listing:
    """The files of a data set, by name, before any is opened."""

    folder: Path
    layout: str | None
    """"pairs", "gopro", "photos" or "frames"; None where the pixels have to tell."""
    files: tuple[Path, ...]
    pairs: tuple[Pair, ...] = ()
    sequences: tuple[tuple[Path, ...], ...] = ()
    """The files folder by folder, in natural order; none of a data set of pairs."""
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class DataReport:
    """What a data set is, and what is wrong with it."""

    folder: Path
    layout: str
    """"pairs", "gopro" (pairs in sequences), "photos" or "frames"."""
    files: int
    pairs: int
    """With both files there; 0 where the layout is not one of pairs."""
    sequences: int
    """Folders of frames, or of pairs in GoPro's layout; 0 elsewhere."""
    smallest: tuple[int, int] | None
    """Width and height of the photo with the fewest pixels; None if none can be read."""
    median: tuple[int, int] | None
    largest: tuple[int, int] | None
    problems: tuple[Problem, ...]
    """All that training would stumble over, or learn wrong things from."""
    notes: tuple[str, ...]
    """What one should know all the same."""


def check_data(folder: Path | PairPlace, options: CheckOptions | None = None) -> DataReport:
    """Look at every file of a data set.

    Args:
        folder: Of sharp photos, pairs or frames; or where else pairs are.
        options: What it should be good for.

    Returns:
        A report with all problems; see :func:`list_data`, :func:`report_on` and
        :func:`unblur.tasks.datasets.look.look_at` for one step after the other.

    Raises:
        DataError: If the folder is none, or has no photos at all.
        OptionError: If the split is unknown.
    """
    options = options or CheckOptions()
    listing = list_data(folder, options)
    return report_on(listing, list(look_at(listing.files)), options)


def list_data(folder: Path | PairPlace, options: CheckOptions) -> Listing:
    """Find the files and what tells their layout by names alone.

    Raises:
        DataError: If the folder is none, or has no photos at all.
        OptionError: If the split is unknown.
    """
    if isinstance(folder, PairPlace):
        if folder.folder is None or folder.listed is not None:
            return _of_pairs(folder.root, folder.survey(gamma=options.gamma), "pairs")
        folder = folder.folder
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder; expected one with photos, pairs or frames")
    split = options.split
    looks_paired = split is not None or any(
        pair_folders(folder, gamma=gamma) or find_sides(folder, gamma=gamma)
        for gamma in (False, True)
    )
    if options.layout == "pairs" or (options.layout is None and looks_paired):
        survey = survey_pairs(folder, gamma=options.gamma, split=split)
        homes = pair_folders(folder, gamma=options.gamma, split=split)
        flat = homes == [folder] or (not homes and len(survey.sides) == 1)
        return _of_pairs(folder, survey, "pairs" if flat else "gopro")
    sequences = tuple(list_sequences(folder))
    files = [path for sequence in sequences for path in sequence]
    return Listing(folder=folder, layout=options.layout, files=tuple(files), sequences=sequences)


def _of_pairs(folder: Path, survey: PairSurvey, layout: str) -> Listing:
    files = [path for pair in survey.pairs for path in (pair.blurred, pair.sharp)]
    files += [problem.path for problem in survey.problems] + list(survey.unused)
    notes: tuple[str, ...] = ()
    if survey.unused:
        count, first = len(survey.unused), survey.unused[0]
        notes = (f"sharp photos without a blurred one, not used: {count}, first {first}",)
    return Listing(
        folder=folder,
        layout=layout,
        files=tuple(dict.fromkeys(files)),
        pairs=survey.pairs,
        problems=survey.problems,
        notes=notes,
    )


def report_on(listing: Listing, looked: Sequence[Looked], options: CheckOptions) -> DataReport:
    """Put together what has been found.

    Args:
        listing: From :func:`list_data`.
        looked: All results of :func:`unblur.tasks.datasets.look.look_at`.
        options: Those of the listing.
    """
    found = {item.path: item for item in looked}
    layout = listing.layout or ("frames" if are_frames(listing.sequences, found) else "photos")
    problems = list(listing.problems)
    for item in looked:
        if item.error is not None:
            problems.append(Problem(path=item.path, kind="unreadable", why=item.error))
    sizes = {path: item.size for path, item in found.items() if item.size is not None}
    if layout == "frames":
        for sequence in listing.sequences:
            problems += _check_sequence(sequence, sizes, options.largest_window)
    for pair in listing.pairs:
        if pair.blurred in sizes and pair.sharp in sizes:
            both = sizes[pair.blurred], sizes[pair.sharp]
            problems += _caught("size", check_pair, pair.blurred, both[0], pair.sharp, both[1])
    for path, size in sizes.items():
        problems += _caught("small", check_fits, path, size, options.crop_px)
    ordered = sorted(((width, height) for height, width in sizes.values()), key=np.prod)
    sequences = len(listing.sequences) if layout == "frames" else 0
    if layout == "gopro":
        sequences = len({pair.blurred.parent for pair in listing.pairs})
    return DataReport(
        folder=listing.folder,
        layout=layout,
        files=len(listing.files),
        pairs=len(listing.pairs),
        sequences=sequences,
        smallest=ordered[0] if ordered else None,
        median=ordered[len(ordered) // 2] if ordered else None,
        largest=ordered[-1] if ordered else None,
        problems=tuple(problems),
        notes=listing.notes,
    )


def _check_sequence(
    sequence: tuple[Path, ...], sizes: dict[Path, Size], least: int
) -> list[Problem]:
    """Too few frames, frames missing in between, frames of another size than the most."""
    problems = _caught("sequence", check_length, sequence[0].parent, len(sequence), least)
    numbers = [re.findall(r"[0-9]+", path.stem)[-1:] for path in sequence]
    if all(numbers):
        steps = [int(b[0]) - int(a[0]) for a, b in pairwise(numbers)]
        usual = max(1, Counter(steps).most_common(1)[0][0]) if steps else 1
        for step, (before, after) in zip(steps, pairwise(sequence), strict=True):
            if step > usual:
                why = (
                    f"{before} is followed by {after.name}: frames are missing, and averages "
                    "across the gap show ghosts; put them back or split the sequence there"
                )
                problems.append(Problem(path=after, kind="sequence", why=why))
    known = [path for path in sequence if path in sizes]
    if known:
        most = Counter(sizes[path] for path in known).most_common(1)[0][0]
        first = next(path for path in known if sizes[path] == most)
        for path in known:
            problems += _caught("size", check_frames, first, most, path, sizes[path], path=path)
    return problems


def _caught(
    kind: Kind, check: Callable[..., None], *about: Any, path: Path | None = None
) -> list[Problem]:
    """The problem that a check finds, if it does."""
    try:
        check(*about)
    except DataError as error:
        return [Problem(path=path or about[0], kind=kind, why=str(error))]
    return []
