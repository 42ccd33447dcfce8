"""The data sets that the field compares methods on, as people have them on disk."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.data.crops import photo_files, sorted_paths
from unblur.data.matlab import count_frames, read_frames
from unblur.data.pair_layouts import match_names
from unblur.data.pair_places import PairPlace
from unblur.errors import DataError, OptionError
from unblur.imaging.files import RESTORED
from unblur.imaging.photo.photo import WRITABLE, read_photo

GOPRO_HOME: Final = "https://seungjunnah.github.io/Datasets/gopro"
KOHLER_HOME: Final = "https://webdav.tuebingen.mpg.de/pixel/benchmark4camerashake/"
_GOPRO_LAYOUT: Final = "GOPRO_Large/test/<sequence>/blur/*.png and .../sharp/*.png"
_KOHLER_LAYOUT: Final = (
    "Blurry<image>_<trajectory>.png and GroundTruth<image>_<trajectory>.mat (or "
    "GroundTruth<image>_<trajectory>_<frame>.png), in it or in folders of it"
)
GOPRO_PAIRS: Final = 1111
KOHLER_IMAGES: Final = 4
KOHLER_TRAJECTORIES: Final = 12
_USUAL_FRAMES: Final = 199
_OTHER_FRAMES: Final = {
    (2, 11): 200,
    **dict.fromkeys([(1, 10), (1, 12), (2, 10), (3, 7), (3, 12), (4, 12)], 198),
}
_NO_FRAME: Final = {(1, 3): 30}
"""Of image and trajectory: the frame that the published set has not got, which the official
script leaves out."""
_PACKED: Final = {(1, 3): [*range(29), *range(30, 198)]}
"""The same in a ``.mat`` file: the places, from 0, that the official script takes there."""
_BLURRY: Final = re.compile(r"blurry([0-9]+)_([0-9]+)", re.IGNORECASE)
_TRUTH: Final = re.compile(r"groundtruth([0-9]+)_([0-9]+)(?:_([0-9]+))?", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Case:
    """One blurred photo, and what it is compared with."""

    name: str
    """Within the data set, without ending: ``GOPR0384_11_00/000001``."""
    blurred: Path
    sharp: tuple[Path, ...]
    """One photo; of Köhler's set all frames along the trajectory, or the ``.mat`` file that holds
    them; none if they are missing."""
    packed: tuple[int, ...] | None = None
    """The frames that count in a ``.mat`` file, from 0; None if there is no such file."""
    error: str | None = None
    """Why it cannot be scored."""

    def frames(self) -> Iterator[tuple[Path, NDArray[np.float32]]]:
        """What it is compared with, one after the other: files, and pixels, (H, W, 3) in [0, 1].

        Raises:
            PhotoError: If one cannot be read.
            DataError: If a ``.mat`` file cannot.
        """
        if self.packed is None:
            for path in self.sharp:
                yield path, read_photo(path).pixels.astype(np.float32, copy=False)
            return
        for codes in read_frames(self.sharp[0], self.packed):
            yield self.sharp[0], codes.astype(np.float32) / np.float32(255)

    def frame(self, index: int) -> NDArray[np.float32]:
        """One of them, by its place."""
        if self.packed is None:
            return read_photo(self.sharp[index]).pixels.astype(np.float32, copy=False)
        codes = read_frames(self.sharp[0], self.packed[index : index + 1])[0]
        return codes.astype(np.float32) / np.float32(255)


@dataclass(frozen=True, kw_only=True)
class CaseList:
    """The cases of a data set."""

    cases: tuple[Case, ...]
    notes: tuple[str, ...] = ()
    """What is not as it is published, or not used."""


def gopro_cases(folder: Path, *, gamma: bool = False) -> CaseList:
    """The test pairs of GoPro's data set.

    Args:
        folder: ``GOPRO_Large``, its ``test``, or one with folders of sequences.
        gamma: Take ``blur_gamma/`` in place of ``blur/``.

    Raises:
        DataError: If there are none; it says where the data set is to be had.

    References:
        Nah et al., *Deep multi-scale convolutional neural network for dynamic scene
        deblurring*, CVPR 2017.
    """
    _check_folder(folder, GOPRO_HOME, _GOPRO_LAYOUT)
    test = folder / "test"
    if not test.is_dir() and (folder / "train").is_dir():
        raise DataError(f"{folder} has train/ but no test/; {_get_it(GOPRO_HOME, _GOPRO_LAYOUT)}")
    try:
        found = pair_cases(test if test.is_dir() else folder, gamma=gamma)
    except DataError as error:
        raise DataError(f"{error}; {_get_it(GOPRO_HOME, _GOPRO_LAYOUT)}") from error
    notes = list(found.notes)
    if len(found.cases) != GOPRO_PAIRS:
        notes.append(f"{len(found.cases)} pairs; the published test set has {GOPRO_PAIRS}")
    return CaseList(cases=found.cases, notes=tuple(notes))


def pair_cases(place: Path | PairPlace, *, gamma: bool = False) -> CaseList:
    """The pairs of a folder in a layout of pairs, of two folders or of a list.

    A blurred photo without a partner, or with two, is a case with an error.

    Args:
        place: The folder, or where else pairs are.
        gamma: Take ``blur_gamma/`` in place of ``blur/``.

    Raises:
        DataError: If the folder is none, or has nothing in a layout of pairs.
    """
    place = place if isinstance(place, PairPlace) else PairPlace(folder=place)
    survey = place.survey(gamma=gamma)
    paths = [*(pair.blurred for pair in survey.pairs), *(bad.path for bad in survey.problems)]
    named = _names(paths, place.root, [both.blurred for both in survey.sides])
    cases = [
        Case(name=named[pair.blurred], blurred=pair.blurred, sharp=(pair.sharp,))
        for pair in survey.pairs
    ]
    cases += [
        Case(name=named[bad.path], blurred=bad.path, sharp=(), error=bad.why)
        for bad in survey.problems
    ]
    notes = []
    if survey.unused:
        count, names = len(survey.unused), ", ".join(str(path) for path in survey.unused[:3])
        more = ", ..." if count > 3 else ""  # noqa: PLR2004
        notes.append(f"sharp photos without a blurred one, not used: {count} ({names}{more})")
    return CaseList(cases=tuple(cases), notes=tuple(notes))


def kohler_cases(folder: Path) -> CaseList:
    """The photos of Köhler's data set, each with the frames along its trajectory.

    Args:
        folder: With the files somewhere in it; the frames in the 48 ``.mat`` files or as
            pictures, which are taken where there are both.

    Raises:
        DataError: If there are none; it says where the data set is to be had.
        MissingExtraError: If there are ``.mat`` files and SciPy is not installed.

    References:
        Köhler et al., *Recording and playback of camera shake*, ECCV 2012.
    """
    _check_folder(folder, KOHLER_HOME, _KOHLER_LAYOUT)
    blurred: dict[tuple[int, int], Path] = {}
    frames: dict[tuple[int, int], dict[int, Path]] = {}
    packed: dict[tuple[int, int], Path] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() == ".mat" and (found := _TRUTH.fullmatch(path.stem)):
            packed[int(found[1]), int(found[2])] = path
        if path.suffix.lower() not in WRITABLE or path.name.startswith("."):
            continue
        if found := _BLURRY.fullmatch(path.stem):
            blurred[int(found[1]), int(found[2])] = path
        elif (found := _TRUTH.fullmatch(path.stem)) and found[3]:
            frames.setdefault((int(found[1]), int(found[2])), {})[int(found[3])] = path
    if not blurred or not (frames or packed):
        what = "no blurred photos" if not blurred else "no sharp frames"
        raise DataError(
            f"{folder} has {what} of Köhler's set; {_get_it(KOHLER_HOME, _KOHLER_LAYOUT)}"
        )
    cases, notes = [], []
    for key, path in sorted(blurred.items()):
        of_case = {n: p for n, p in sorted(frames.get(key, {}).items()) if _NO_FRAME.get(key) != n}
        name = f"{key[0]}_{key[1]}"
        expected = _OTHER_FRAMES.get(key, _USUAL_FRAMES) - (key in _NO_FRAME)
        if not of_case and key in packed:
            case, expected = _packed_case(name, path, packed[key], key), expected - (key in _PACKED)
        else:
            error = (
                None
                if of_case
                else f"{path} has no frames GroundTruth{name}.mat or GroundTruth{name}_*"
            )
            case = Case(name=name, blurred=path, sharp=tuple(of_case.values()), error=error)
        cases.append(case)
        count = len(case.sharp if case.packed is None else case.packed)
        if count != expected:
            notes.append(f"{name}: {count} frames; the published set has {expected}")
    if len(cases) != KOHLER_IMAGES * KOHLER_TRAJECTORIES:
        notes.insert(0, f"{len(cases)} photos; the published set has 48")
    return CaseList(cases=tuple(cases), notes=tuple(notes))


def _packed_case(name: str, blurred: Path, file: Path, key: tuple[int, int]) -> Case:
    """A photo whose frames are in a ``.mat`` file; one that cannot be read is its error."""
    try:
        count = count_frames(file)
    except DataError as error:
        return Case(name=name, blurred=blurred, sharp=(), packed=(), error=str(error))
    places = [place for place in _PACKED.get(key, range(count)) if place < count]
    return Case(name=name, blurred=blurred, sharp=(file,), packed=tuple(places))


def choose_cases(cases: Sequence[Case], limit: int | None, seed: int) -> tuple[Case, ...]:
    """So many cases, drawn at random, in the order of the data set.

    Raises:
        OptionError: If the limit is not positive or the seed negative.
    """
    if (limit is not None and limit < 1) or seed < 0:
        raise OptionError(f"limit must be at least 1 and seed 0, got {limit} and {seed}")
    if limit is None or limit >= len(cases):
        return tuple(cases)
    chosen = np.random.default_rng(seed).choice(len(cases), limit, replace=False)
    return tuple(cases[index] for index in sorted(chosen))


def find_restored(folder: Path, cases: Sequence[Case]) -> dict[str, Path]:
    """The files that another program wrote for cases, by the names of these.

    Looked for as ``<name>.*``, in a folder ``blur`` beside that, with what is added, and by its
    last part if no other case has that. Of Köhler's ``<image>_<trajectory>`` at the end will do.

    Args:
        folder: Of the files.
        cases: All that are to be found; one that is not is left out.

    Raises:
        DataError: If the folder is none, or has none of them.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder; expected one with restored photos")
    files: dict[str, Path] = {}
    for path in [path for place in _folders(folder) for path in photo_files(place)]:
        name = path.relative_to(folder).with_suffix("").as_posix()
        files.setdefault(name.removesuffix(RESTORED), path)
    lasts = [case.name.rsplit("/", 1)[-1] for case in cases]
    found: dict[str, Path] = {}
    for case, last in zip(cases, lasts, strict=True):
        names = [case.name, f"{case.name[: -len(last)]}blur/{last}"]
        if lasts.count(last) == 1:
            names += [last, f"blur/{last}"]
        if re.fullmatch("[0-9]+_[0-9]+", case.name):
            ends = re.compile(rf"(.*[^0-9])?{case.name}")
            names += [name for name in files if ends.fullmatch(name)]
        if at := next((name for name in names if name in files), None):
            found[case.name] = files[at]
    left = [case.name for case in cases if case.name not in found]
    free = [name for name, path in files.items() if path not in found.values()]
    for name, near in match_names(left, free).items():
        if near.rpartition("/")[0] in {"", name.rpartition("/")[0]}:  # not of another sequence
            found[name] = files[near]
    if not found:
        name = cases[0].name if cases else "name"
        raise DataError(f"{folder} has no restored photo of these cases; expected {name}.png")
    return found


def _folders(folder: Path) -> list[Path]:
    inside = [path for path in sorted_paths(folder) if path.is_dir()]
    return [folder, *(deeper for path in inside for deeper in _folders(path))]


def _names(paths: Sequence[Path], root: Path, homes: Sequence[Path]) -> dict[Path, str]:
    """Names of photos below the folder, without the folder ``blur`` and the ending."""
    beside = Counter(home.parent for home in homes)
    names: dict[Path, str] = {}
    for path in paths:
        home = next((home for home in homes if path.is_relative_to(home)), None)
        above = path.parent if home is None else home.parent
        if home is not None and beside[above] > 1:  # their names would be in several of them
            above = home
        within = path.with_suffix("") if home is None else path.relative_to(home).with_suffix("")
        if home is not None and above != root and above.is_relative_to(root):
            within = above.relative_to(root) / within
        elif home is None and within.is_relative_to(root):
            within = within.relative_to(root)
        names[path] = within.as_posix()
    return names


def _check_folder(folder: Path, home: str, layout: str) -> None:
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder; {_get_it(home, layout)}")


def _get_it(home: str, layout: str) -> str:
    return f"the data set is to be had at {home}, expected layout: {layout}"
