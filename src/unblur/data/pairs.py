"""Pairs of photos on disk, blurred and sharp: find them, and cut crops out of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from unblur.data.crops import (
    Codes,
    Float32,
    PhotoCache,
    as_floats,
    check_index,
    check_scale,
    drawn,
    sorted_paths,
    turned,
    wrong_draws,
)
from unblur.data.pair_layouts import LAYOUTS, Sides, find_sides, match_sides, partner_of
from unblur.data.problems import Problem, check_fits, check_pair
from unblur.errors import DataError, OptionError

SPLITS: Final = ("train", "test")
_EXPECTED: Final = (
    "expected blur/ and sharp/ in it, or in folders of sequences as GoPro has them; or "
    f"{LAYOUTS}. Others can be named: --blurred DIR --sharp DIR, or --list FILE"
)


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two files that show the same, to the pixel."""

    blurred: Path
    sharp: Path

    def __str__(self) -> str:
        """Both files."""
        return f"{self.blurred} and {self.sharp}"


@dataclass(frozen=True, kw_only=True)
class PairSurvey:
    """What pairs a folder has, by the names of its files."""

    pairs: tuple[Pair, ...]
    """In natural order of the sequences and of the files in each."""
    problems: tuple[Problem, ...]
    """Blurred photos without a partner, or with two."""
    unused: tuple[Path, ...]
    """Sharp photos without a blurred one."""
    sides: tuple[Sides, ...] = ()
    """The folders that they are in; none of a list."""


def list_pairs(folder: Path, *, gamma: bool = False, split: str | None = None) -> list[Pair]:
    """Find the pairs in a folder; files match by their name without the ending.

    Args:
        folder: With ``blur/`` and ``sharp/`` right in it, or in each of its folders, as in
            GoPro's data set.
        gamma: Take ``blur_gamma/`` in place of ``blur/``.
        split: Look below ``train/`` or ``test/`` only. Without it a folder that has pairs in
            both is refused.

    Returns:
        The pairs, in natural order of sequences and files.

    Raises:
        DataError: If there are no pairs, or a blurred photo has no partner or two.
        OptionError: If the split is another.

    References:
        Nah et al., Deep Multi-scale Convolutional Neural Network for Dynamic Scene Deblurring,
        CVPR 2017 (the layout of GoPro).
    """
    if split is None:
        both = [folder / name for name in SPLITS if _has_pairs(folder / name, gamma)]
        if len(both) == len(SPLITS):
            raise DataError(f"{folder} has train/ and test/; name one of them, not to mix them")
    return without_problems(survey_pairs(folder, gamma=gamma, split=split))


def without_problems(survey: PairSurvey) -> list[Pair]:
    """The pairs, if nothing is wrong with any.

    Raises:
        DataError: Otherwise.
    """
    if survey.problems:
        more = len(survey.problems) - 1
        others = f" (and {more} more such files)" if more else ""
        raise DataError(f"{survey.problems[0].why}{others}")
    return list(survey.pairs)


def survey_pairs(folder: Path, *, gamma: bool = False, split: str | None = None) -> PairSurvey:
    """Find the pairs in a folder and all that is wrong with their names.

    Args:
        folder: As for :func:`list_pairs`.
        gamma: As for :func:`list_pairs`.
        split: As for :func:`list_pairs`; None looks below both.

    Raises:
        DataError: If the folder is none, or has nothing in a layout of pairs.
        OptionError: If the split is another.
    """
    blur = _name(gamma)
    homes = pair_folders(folder, gamma=gamma, split=split)
    where = folder / split if split else folder
    sides = [Sides(home / blur, _sharp_of(home, blur)) for home in homes]
    sides = sides or find_sides(where, gamma=gamma)
    if not sides:
        other = pair_folders(folder, gamma=not gamma, split=split)
        hint = f"; it has {_name(not gamma)}/ instead" if other else ""
        raise DataError(f"{where} has no pairs with {blur}/{hint or f'; {_EXPECTED}'}")
    return survey_sides(folder, sides)


def survey_sides(folder: Path, sides: Sequence[Sides]) -> PairSurvey:
    """Find the pairs in folders that belong together.

    Args:
        folder: What to call them in errors.
        sides: The folders.

    Raises:
        DataError: If there are no photos in them.
    """
    pairs: list[Pair] = []
    problems: list[Problem] = []
    unused: list[list[Path]] = []
    for both in sides:
        found, left = match_sides(both, problems)
        pairs += [Pair(blurred=blurred, sharp=sharp) for blurred, sharp in found]
        unused.append(left)
    if not pairs and not problems:
        raise DataError(f"{folder} has folders for pairs but no photos in {sides[0].blurred}")
    taken = {pair.sharp for pair in pairs}  # by several folders of blurred ones, perhaps
    alone = dict.fromkeys(path for left in unused for path in left if path not in taken)
    return PairSurvey(
        pairs=tuple(pairs), problems=tuple(problems), unused=tuple(alone), sides=tuple(sides)
    )


def _sharp_of(home: Path, blur: str) -> Path:
    """``sharp/``, unless another folder beside ``blur/`` is what belongs to it."""
    usual = home / "sharp"
    return usual if usual.is_dir() else partner_of(home / blur) or usual


def pair_folders(folder: Path, *, gamma: bool = False, split: str | None = None) -> list[Path]:
    """The folder, or those in it, that have photos in ``blur/``; the split as above.

    Raises:
        DataError: If the folder, or its split, is none.
        OptionError: If the split is another.
    """
    if split is not None and split not in SPLITS:
        raise OptionError(f"split must be one of {', '.join(SPLITS)}, got {split!r}")
    root = folder / split if split else folder
    if not root.is_dir():
        raise DataError(f"{root} is not a folder; expected one with blurred and sharp photos")
    roots = [root] if split else [root, *(root / name for name in SPLITS)]
    return list(dict.fromkeys(home for root in roots for home in _homes(root, _name(gamma))))


class PairedCrops:
    """Random crops of pairs of photos; an indexable set that works as a map-style data set.

    Args:
        pairs: From :func:`list_pairs`.
        crop_px: Side of the square crops.
        seed: Pair ``i`` depends on the seed, ``i`` and the files alone.
        count: Length to report; any index below it is valid.
        scale: Range of the size, relative to the files, at which photos are used; DeblurGAN
            takes GoPro's at half their size. Photos are resized by a Lanczos filter before
            they are cropped, but never to less than a crop.
        ways: How crops are flipped and turned, one of :data:`unblur.data.crops.WAYS`.
        epochs: Each pair comes once before any comes again.

    Raises:
        DataError: If there are no pairs.
        OptionError: If a number is out of range.
    """

    def __init__(  # noqa: PLR0913 - what decides a set
        self,
        pairs: Sequence[Pair],
        *,
        crop_px: int,
        seed: int,
        count: int,
        scale: tuple[float, float] = (1.0, 1.0),
        ways: str = "all",
        epochs: bool = False,
    ) -> None:
        if not pairs:
            raise DataError("no pairs of photos to crop")
        if wrong := wrong_draws(crop_px, seed, count):
            raise OptionError(wrong)
        check_scale(scale)
        self.pairs = list(pairs)
        self.crop_px = crop_px
        self.seed = seed
        self.count = count
        self.scale = scale
        self.ways, self.epochs = ways, epochs
        self._photos = PhotoCache(remedy="leave the pair out")

    def __len__(self) -> int:
        """The number of pairs of crops."""
        return self.count

    def __getitem__(self, index: int) -> tuple[Float32, Float32]:
        """Cut pair ``index``: two (3, crop, crop) arrays in [0, 1], blurred and sharp.

        Raises:
            IndexError: If the index is outside [0, count).
            DataError: If a photo cannot be read, is smaller than a crop, or is not of the
                size of its partner.
        """
        pair, rng = self._draw(index)
        codes = self._photos[pair.blurred], self._photos[pair.sharp]
        sizes = [x.shape[:2] for x in codes]
        check_pair(pair.blurred, sizes[0], pair.sharp, sizes[1])
        check_fits(pair.blurred, sizes[0], self.crop_px)
        scale = max(rng.uniform(*self.scale), self.crop_px / min(sizes[0]))
        top, left = rng.uniform(size=2)
        blurred, sharp = (as_floats(_cut(x, scale, self.crop_px, top, left)) for x in codes)
        return turned(rng, blurred, sharp, self.ways)

    def describe(self, index: int) -> str:
        """The files behind pair ``index``."""
        return str(self._draw(index)[0])

    def _draw(self, index: int) -> tuple[Pair, np.random.Generator]:
        check_index(index, self.count)
        rng = np.random.default_rng([self.seed, index])
        return self.pairs[drawn(rng, self.seed, index, len(self.pairs), epochs=self.epochs)], rng


def _cut(codes: Codes, scale: float, crop_px: int, top: float, left: float) -> Codes:
    """A crop of the resized photo, at shares ``top`` and ``left`` of the places it can have."""
    height, width = (round(side * scale) for side in codes.shape[:2])
    row, column = int(top * (height - crop_px + 1)), int(left * (width - crop_px + 1))
    if scale == 1:
        return codes[row : row + crop_px, column : column + crop_px]
    import pyvips

    # libvips computes no more of the resized photo than the crop needs.
    image = pyvips.Image.new_from_array(codes).resize(scale)
    cut: Codes = image.crop(column, row, crop_px, crop_px).numpy()
    return cut


def _name(gamma: bool) -> str:
    return "blur_gamma" if gamma else "blur"


def _has_pairs(root: Path, gamma: bool) -> bool:
    return root.is_dir() and bool(_homes(root, _name(gamma)) or find_sides(root, gamma=gamma))


def _homes(root: Path, blur: str) -> list[Path]:
    if not root.is_dir():
        return []
    return [home for home in (root, *sorted_paths(root)) if (home / blur).is_dir()]
