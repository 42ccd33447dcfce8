"""Where the photos of data sets lie as they are downloaded: which folders belong together.

References:
    GoPro: Nah et al., CVPR 2017. HIDE: Shen et al., ICCV 2019. REDS: Nah et al., CVPRW 2019.
    RealBlur: Rim et al., ECCV 2020. ``input/`` and ``target/``: MPRNet, Zamir et al., CVPR 2021.
    ``A/`` and ``B/``: pix2pix, Isola et al., CVPR 2017, and DeblurGAN.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from unblur.data.crops import photo_files, sorted_paths
from unblur.data.problems import Problem

LAYOUTS: Final = (
    "blur/ and sharp/ (or gt/), blurred/ and sharp/, input/ and target/, lq/ and gt/, A/ and B/, "
    "val_blur/ and val_sharp/, or GT/ beside folders of photos of the same names"
)
_BLURRED: Final = frozenset(
    {"blur", "blurred", "blurry", "input", "inputs", "inputc", "lq", "source", "degraded"}
)
_SHARP: Final = frozenset(
    {"sharp", "gt", "target", "targets", "targetc", "hq", "groundtruth", "truth", "clean", "clear"}
)
_LETTERS: Final = ("a", "b")
_RESULTS: Final = frozenset({"deblurred", "unblurred", "restored", "output", "out", "result"})
_LAST: Final = frozenset({"m", "f", "s"})
"""Motion, focus, sharp: the ends of names in the blur data set of Kaggle."""
_GAMMA: Final = "gamma"
_MOST_DEPTH: Final = 5


class Sides(NamedTuple):
    """Two folders whose photos are pairs."""

    blurred: Path
    sharp: Path


def words_of(name: str) -> list[str]:
    """The parts of a file's or folder's name, in small letters."""
    return [word for word in re.split(r"[\s_.\-]+", name.lower()) if word]


def is_blurred(path: Path) -> bool | None:
    """Whether a path says that a photo is blurred, or sharp; None if it says nothing."""
    for part in reversed(path.parts):
        words = set(words_of(part))
        if bool(words & _BLURRED) != bool(words & _SHARP):
            return bool(words & _BLURRED)
    return None


def plain_name(name: str) -> str:
    """A name without what only says which side of a pair it is: ``blur_1`` and ``gt_1`` are ``1``.

    Args:
        name: Of a file, without folders and ending; ``1_deblurred`` and ``1_IPHONE_M``, too.
    """
    words = words_of(name)
    if len(words) > 1 and words[-1] in _LAST:
        words.pop()
    kept = [word for word in words if word not in _BLURRED | _SHARP | _RESULTS]
    return "_".join(kept or words)


def find_sides(root: Path, *, gamma: bool = False) -> list[Sides]:
    """Folders of pairs below a folder, by their names.

    Args:
        root: A folder that exists.
        gamma: Take ``blur_gamma/`` in place of ``blur/``.

    Returns:
        In natural order; empty if no names say that photos are pairs.

    Raises:
        DataError: If a folder cannot be listed.
    """
    sides = _below(root, _MOST_DEPTH, gamma)
    return sides or ([] if gamma else _beside_truth(root))


def partner_of(blurred: Path) -> Path | None:
    """The folder of sharp photos beside a folder of blurred ones, if names say which."""
    beside = [path for path in sorted_paths(blurred.parent) if path.is_dir()]
    gamma = _GAMMA in words_of(blurred.name)
    return next((x.sharp for x in _siblings(beside, gamma) if x.blurred == blurred), None)


def match_sides(
    sides: Sides, problems: list[Problem]
) -> tuple[list[tuple[Path, Path]], list[Path]]:
    """Pairs of photos in two folders, and in the folders in them.

    Names match as they are; those that do not match without what says which side they are of;
    and those of other folders by the last part of their names, if that is there once.

    Args:
        sides: The folders.
        problems: Blurred photos without a partner, or with two, are added.

    Returns:
        Blurred and sharp photos, and sharp ones that are left.
    """
    blurred = _named(photos_below(sides.blurred), sides.blurred, problems)
    there = photos_below(sides.sharp) if sides.sharp.is_dir() else []
    sharp = _named(there, sides.sharp, problems)
    matched = match_names(list(blurred), list(sharp))
    pairs = []
    for name, path in blurred.items():
        if (partner := matched.get(name)) is not None:
            pairs.append((path, sharp[partner]))
            continue
        why = f"{path} has no sharp partner {sides.sharp / name}.*"
        problems.append(Problem(path=path, kind="partner", why=why))
    taken = set(matched.values())
    return pairs, [path for name, path in sharp.items() if name not in taken]


def match_names(names: Sequence[str], others: Sequence[str]) -> dict[str, str]:
    """Which name of the others belongs to each; a name that is not sure is left out.

    Args:
        names: Relative paths without endings.
        others: As well.
    """
    matched = {name: name for name in set(names) & set(others)}
    for plain in (_plain_path, lambda name: plain_name(name.rsplit("/", 1)[-1])):
        left = _once(plain, (name for name in names if name not in matched))
        taken = set(matched.values())
        there = _once(plain, (name for name in others if name not in taken))
        matched |= {name: there[key] for key, name in left.items() if key in there}
    return matched


def photos_below(folder: Path) -> list[Path]:
    """Photos in a folder and in those within, in natural order.

    Raises:
        DataError: If a folder cannot be listed.
    """
    found = photo_files(folder)
    for inside in sorted_paths(folder):
        if inside.is_dir():
            found += photos_below(inside)
    return found


def _plain_path(name: str) -> str:
    *folders, last = name.split("/")
    return "/".join([*folders, plain_name(last)])


def _once(plain: Callable[[str], str], names: Iterable[str]) -> dict[str, str]:
    """Names by what they are plainly, but for those that others are as well."""
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(plain(name), []).append(name)
    return {key: same[0] for key, same in found.items() if len(same) == 1}


def _named(paths: Sequence[Path], folder: Path, problems: list[Problem]) -> dict[str, Path]:
    """Paths by name without ending; of two that share one the second is a problem."""
    named: dict[str, Path] = {}
    for path in paths:
        first = named.setdefault(path.relative_to(folder).with_suffix("").as_posix(), path)
        if first is not path:
            why = f"{first} and {path} share a name, so that their partner is not clear; remove one"
            problems.append(Problem(path=path, kind="partner", why=why))
    return named


def _below(folder: Path, depth: int, gamma: bool) -> list[Sides]:
    inside = [path for path in sorted_paths(folder) if path.is_dir()]
    here = _siblings(inside, gamma)
    taken = {path for sides in here for path in sides}
    deeper = []
    if depth:
        deeper = [x for path in inside if path not in taken for x in _below(path, depth - 1, gamma)]
    return [*here, *deeper]


def _siblings(folders: Sequence[Path], gamma: bool) -> list[Sides]:
    """Folders beside each other that are the two sides of pairs."""
    by_name = {path.name.lower(): path for path in folders}
    if not gamma and all(letter in by_name for letter in _LETTERS):
        return [Sides(*(by_name[letter] for letter in _LETTERS))]
    sharp = {_without(path, _SHARP): path for path in folders if _says(path, _SHARP, _BLURRED)}
    blurred = [
        path
        for path in folders
        if _says(path, _BLURRED, _SHARP) and (_GAMMA in words_of(path.name)) == gamma
    ]
    left_out = _BLURRED | {_GAMMA}
    found = [
        Sides(path, sharp[key]) for path in blurred if (key := _without(path, left_out)) in sharp
    ]
    # `motion_blurred` beside `sharp`: but not `val_blur_jpeg` where `val_blur` has the partner.
    if not found and len(sharp) == 1 and len(blurred) == 1:
        found = [Sides(blurred[0], next(iter(sharp.values())))]
    return found


def _beside_truth(root: Path) -> list[Sides]:
    """HIDE's layout: one folder of sharp photos, and blurred ones of their names elsewhere."""
    inside = [path for path in sorted_paths(root) if path.is_dir()]
    truths = [path for path in inside if _says(path, _SHARP, _BLURRED)]
    if len(truths) != 1:
        return []
    names = {path.stem for path in photos_below(truths[0])}
    homes: dict[Path, None] = {}
    for folder in inside:
        if folder != truths[0]:
            for path in photos_below(folder):
                if path.stem in names:
                    homes.setdefault(path.parent)
    return [Sides(home, truths[0]) for home in homes]


def _says(path: Path, words: frozenset[str], others: frozenset[str]) -> bool:
    said = set(words_of(path.name))
    return bool(said & words) and not said & others


def _without(path: Path, words: frozenset[str]) -> tuple[str, ...]:
    return tuple(word for word in words_of(path.name) if word not in words)
