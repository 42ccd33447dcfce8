"""What a training sees: folders on disk become one endless, indexable set of pairs."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from unblur.data.averaged import AveragedFrames
from unblur.data.crops import check_scale
from unblur.data.mixture import Mixture, PairSet
from unblur.data.pair_places import PairPlace
from unblur.data.pairs import Pair, PairedCrops
from unblur.data.photos import leave_out, list_photos, split_photos
from unblur.data.synthetic import SyntheticOptions, SyntheticPairs
from unblur.errors import DataError, OptionError

_VALIDATION_CROP_PX: Final = 256
_PAIRS_PER_PHOTO: Final = 4
_TRAINED_PART: Final = (0.0, 0.66)
"""Part of every sequence of frames that is trained on; the rest validates, after a gap."""
_HELD_OUT_PART: Final = (0.75, 1.0)


@dataclass(frozen=True, kw_only=True)
class TrainingData:
    """Where data lie; at least one of them.

    Examples:
        >>> from pathlib import Path
        >>> from unblur import TrainingData
        >>> data = TrainingData(photos=Path("photos"), frames=Path("frames"))
        >>> data.pairs is None
        True
    """

    photos: Path | None = None
    """Folder of sharp photos, blurred on the fly."""
    pairs: Path | None = None
    """Folder of blurred and sharp photos, in a layout of :mod:`unblur.data.pairs`."""
    blurred: Path | None = None
    """Folder of blurred photos, in place of ``pairs``; with ``sharp``."""
    sharp: Path | None = None
    pair_list: Path | None = None
    """List of pairs, relative to ``pairs`` or to itself; see :mod:`unblur.data.pair_lists`."""
    frames: Path | None = None
    """Folder of high-frame-rate frames, or of such folders, averaged on the fly."""
    tries: Path | None = None
    """Folder of what ``unblur data kernels`` wrote, for the network that knows kernels."""
    leave_out: Path | None = None
    """List of the names of photos that are not to be used at all."""

    def __post_init__(self) -> None:
        """Check that there is one."""
        if self.real is None and all(x is None for x in (self.photos, self.frames, self.tries)):
            raise OptionError("no data: name sharp photos, pairs or frames (--data, --pairs, ...)")

    @property
    def real(self) -> PairPlace | None:
        """Where pairs are, if any are named."""
        named = (self.pairs, self.blurred, self.sharp, self.pair_list)
        if all(x is None for x in named):
            return None
        return PairPlace(
            folder=self.pairs, blurred=self.blurred, sharp=self.sharp, listed=self.pair_list
        )


@dataclass(frozen=True, kw_only=True)
class MixOptions:
    """How often each kind of data comes; the table ``[mix]`` of a recipe."""

    synthetic: float = 1.0
    """Weight of photos blurred on the fly."""
    real: float = 0.0
    """Weight of pairs and of averaged frames, together."""
    scale: tuple[float, float] = (0.5, 0.5)
    """Range of the size at which real pairs are used: DeblurGAN halves GoPro's."""
    most_pairs: int = 0
    """Train on so many of the real pairs, drawn once from all and the same for every seed;
    DeblurGAN's WILD takes 1000. 0 takes all."""
    frames_scale: tuple[float, float] = (1.0, 1.0)
    """Range of the size at which averaged frames are used."""
    frames: tuple[int, int] = (5, 25)
    """Fewest and most frames that are averaged."""
    gamma: str = "2.2"
    """Display curve of the frames: 2.2, srgb or none."""

    def __post_init__(self) -> None:
        """Check values."""
        if not (self.synthetic >= 0 and self.real >= 0 and self.synthetic + self.real > 0):
            raise OptionError(
                f"mix needs weights of which one is positive, got synthetic={self.synthetic}, "
                f"real={self.real}"
            )
        if self.most_pairs < 0:
            raise OptionError(f"mix.most_pairs must not be negative, got {self.most_pairs}")
        check_scale(self.frames_scale)


def training_pairs(  # noqa: PLR0913 - what decides a set
    sources: TrainingData,
    mix: MixOptions,
    data: SyntheticOptions,
    *,
    seed: int,
    count: int,
    held_out: int,
    early: int = 0,
) -> tuple[PairSet, str]:
    """The pairs to train on, and a sentence that says what they are made of.

    Args:
        sources: Folders.
        mix: Weights of the kinds of data. A kind without a folder is an error unless its weight
            is zero.
        data: How photos are blurred.
        seed: Of all pairs.
        count: Length of the set.
        held_out: Photos and pairs kept for validation.
        early: As for :class:`unblur.data.synthetic.SyntheticPairs`.

    Raises:
        OptionError: If a folder is missing.
        DataError: If a folder has too little in it.
    """
    parts: list[PairSet] = []
    weights, words = [], []
    if mix.synthetic > 0:
        if sources.photos is None:
            raise OptionError(
                f"the recipe takes photos (mix.synthetic = {mix.synthetic:g}); name them: --data"
            )
        photos, _ = split_photos(_photos(sources), held_out=held_out, seed=0)
        parts.append(SyntheticPairs(photos, data, seed=seed, count=count, early=early))
        weights.append(mix.synthetic)
        words.append(f"{len(photos)} photos in {sources.photos.name}/")
    if mix.real > 0:
        if sources.real is None and sources.frames is None:
            raise OptionError(
                f"the recipe takes real blur (mix.real = {mix.real:g}); name it: --pairs, --frames"
            )
        both = sources.real is not None and sources.frames is not None
        for part, word in _real(sources, mix, data, seed, count, held_out, validation=False):
            parts.append(part)
            weights.append(mix.real / (2 if both else 1))
            words.append(word)
    mixed: PairSet = parts[0]
    if len(parts) > 1:
        mixed = Mixture(parts, weights, seed=seed, count=count)
    return mixed, ", ".join(words)


def validation_pairs(
    sources: TrainingData, mix: MixOptions, data: SyntheticOptions, *, held_out: int
) -> list[tuple[str, PairSet]]:
    """Named sets of pairs that no training sees: the same for every run on the same data."""
    sets: list[tuple[str, PairSet]] = []
    count = _PAIRS_PER_PHOTO * held_out
    if sources.photos is not None:
        _, photos = split_photos(_photos(sources), held_out=held_out, seed=0)
        plain = replace(data, crop_px=_VALIDATION_CROP_PX, sharp_share=0.0, jpeg_share=0.0)
        sets.append(("synthetic", SyntheticPairs(photos, plain, seed=0, count=count)))
    larger = replace(data, crop_px=_VALIDATION_CROP_PX)
    for part, word in _real(sources, mix, larger, 0, count, held_out, validation=True):
        sets.append((word.split(":")[0], part))
    return sets


def sharp_photos(sources: TrainingData, *, held_out: int) -> tuple[list[Path], list[Path]]:
    """Photos to train on, and those that no training sees, if nothing else is named.

    Raises:
        OptionError: If there are none, or other data are named.
        DataError: If there are too few.
    """
    others = (sources.real, sources.frames, sources.tries)
    if sources.photos is None or any(x is not None for x in others):
        raise OptionError("the recipe takes sharp photos, and nothing else; name them: --data")
    return split_photos(_photos(sources), held_out=held_out, seed=0)


def _photos(sources: TrainingData) -> list[Path]:
    assert sources.photos is not None
    photos = list_photos(sources.photos)
    return photos if sources.leave_out is None else leave_out(photos, sources.leave_out)


def _some(pairs: list[Pair], most: int) -> list[Pair]:
    """So many of the pairs, from all sequences, in their order; all if there are no more."""
    if not most or most >= len(pairs):
        return pairs
    chosen = np.random.default_rng(0).choice(len(pairs), most, replace=False)
    return [pairs[place] for place in sorted(chosen)]


def _real(  # noqa: PLR0913 - what decides a set
    sources: TrainingData,
    mix: MixOptions,
    data: SyntheticOptions,
    seed: int,
    count: int,
    held_out: int,
    *,
    validation: bool,
) -> list[tuple[PairSet, str]]:
    """Sets of real blur, each with words about it."""
    found: list[tuple[PairSet, str]] = []
    place = sources.real
    if place is not None:
        pairs = place.pairs()
        if not validation and len(pairs) <= held_out:
            raise DataError(
                f"{len(pairs)} pairs in {place.root} are too few to keep {held_out} out of "
                "training; a recipe with a smaller validation_photos keeps fewer"
            )
        # The last ones: neighbours in a sequence look alike, and must not be on both sides.
        pairs = pairs[-held_out:] if validation else pairs[:-held_out]
        if not validation:
            pairs = _some(pairs, mix.most_pairs)
        crops = PairedCrops(
            pairs,
            crop_px=data.crop_px,
            seed=seed,
            count=count,
            scale=mix.scale,
            ways=data.ways,
            epochs=data.epochs,
        )
        found.append((crops, f"pairs: {len(pairs)} in {place.root.name}/"))
    if sources.frames is not None:
        averaged = AveragedFrames(
            sources.frames,
            frames=mix.frames,
            gamma=mix.gamma,
            crop_px=data.crop_px,
            seed=seed,
            count=count,
            scale=mix.frames_scale,
            ways=data.ways,
            part=_HELD_OUT_PART if validation else _TRAINED_PART,
        )
        found.append((averaged, f"frames: averaged from {sources.frames.name}/"))
    return found
