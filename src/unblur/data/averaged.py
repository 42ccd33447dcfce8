"""Frames of a fast video, averaged on the fly: real motion blur, and the frame in its middle."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Final

import numpy as np

from unblur.data.crops import (
    Float32,
    PhotoCache,
    as_floats,
    check_index,
    check_scale,
    photo_files,
    shrunk,
    sorted_paths,
    turned,
    wrong_draws,
)
from unblur.data.problems import check_fits, check_frames, check_length
from unblur.errors import DataError, OptionError
from unblur.extras import need
from unblur.imaging.video.exposure import GAMMAS, expose
from unblur.imaging.video.flow import step_px

_MOST_DRAWS: Final = 200


@dataclass(frozen=True, kw_only=True)
class _Window:
    """Neighbouring frames, an odd number of them."""

    frames: tuple[Path, ...]

    def __str__(self) -> str:
        return f"{self.frames[0]} to {self.frames[-1].name}"


class AveragedFrames:
    """Crops of averaged windows of frames; works as a map-style data set.

    The blurred crop is the mean of the light of an odd number of consecutive frames, encoded
    and rounded to 8 bits as a file would be; the sharp one is the middle frame's.

    Args:
        folders: A folder of frames in natural order, or of such folders, or several of these.
        crop_px: Side of the square crops.
        seed: Pair ``i`` depends on the seed, ``i`` and the files alone.
        count: Length to report; any index below it is valid.
        frames: Fewest and most frames of a window; each odd number between is as likely.
        gamma: Display curve of the frames, one of :data:`unblur.imaging.video.exposure.GAMMAS`.
        max_step_px: Do not use windows with a longer step between two frames, which show
            ghosts, as measured by :func:`unblur.imaging.video.flow.step_px`; None does not measure.
        scale: Range of the size, relative to the files, at which frames are used, after they are
            averaged; but never so small that a crop does not fit.
        ways: How crops are flipped and turned, one of :data:`unblur.data.crops.WAYS`.
        part: From which share of every sequence to which it is used. The rest can validate,
            after a gap as long as pictures take to change.

    Raises:
        DataError: If there are no frames, or a sequence has fewer than the largest window.
        OptionError: If an argument is out of range.
        MissingExtraError: If steps are to be measured without OpenCV.

    References:
        Nah et al., Deep Multi-scale Convolutional Neural Network for Dynamic Scene Deblurring,
        CVPR 2017, eq. 1 and 2.
    """

    def __init__(  # noqa: PLR0913 - what decides a set
        self,
        folders: Path | Sequence[Path],
        *,
        crop_px: int,
        seed: int,
        count: int,
        frames: tuple[int, int] = (5, 25),
        gamma: str = "2.2",
        max_step_px: float | None = None,
        scale: tuple[float, float] = (1.0, 1.0),
        ways: str = "all",
        part: tuple[float, float] = (0.0, 1.0),
    ) -> None:
        if wrong := wrong_draws(crop_px, seed, count):
            raise OptionError(wrong)
        self.sizes = _odd_numbers(*frames)
        if gamma not in GAMMAS:
            raise OptionError(f"gamma must be one of {', '.join(GAMMAS)}, got {gamma!r}")
        if max_step_px is not None and not 0 < max_step_px < float("inf"):
            raise OptionError(f"max_step_px must be positive and finite, got {max_step_px}")
        if max_step_px is not None:
            need("video", "cv2")
        if not 0 <= part[0] < part[1] <= 1:
            raise OptionError(f"part needs 0 <= from < to <= 1, got {list(part)}")
        check_scale(scale)
        self.scale, self.ways = scale, ways
        self.crop_px = crop_px
        self.seed = seed
        self.count = count
        self.gamma = gamma
        self.max_step_px = max_step_px
        self.sequences = [
            _cut_part(sequence, part, self.sizes[-1]) for sequence in list_sequences(folders)
        ]
        self._photos = PhotoCache(remedy="the sequence needs it: put it right or split it there")
        self._steps: dict[tuple[Path, Path], float] = {}

    def __len__(self) -> int:
        """The number of pairs."""
        return self.count

    def __getitem__(self, index: int) -> tuple[Float32, Float32]:
        """Make pair ``index``: two (3, crop, crop) arrays in [0, 1], blurred and sharp.

        Raises:
            IndexError: If the index is outside [0, count).
            DataError: If a frame cannot be read, is smaller than a crop or differs in size from
                its neighbours; or if all windows drawn have too long steps.
        """
        check_index(index, self.count)
        rng = np.random.default_rng([self.seed, index])
        window = self._draw(rng)
        first = window.frames[0]
        height, width = size = self._photos[first].shape[:2]
        check_fits(first, size, self.crop_px)
        side = self.crop_px
        if self.scale != (1.0, 1.0):  # drawn only if wanted: recipes without it keep their pairs
            side = min(round(side / rng.uniform(*self.scale)), height, width)
        top = int(rng.integers(height - side + 1))
        left = int(rng.integers(width - side + 1))
        crops = []
        for path in window.frames:
            frame = self._photos[path]
            check_frames(first, size, path, frame.shape[:2])
            # A copy: with a view all frames of a window would have to fit in memory.
            crops.append(frame[top : top + side, left : left + side].copy())
        mean = expose(crops, gamma=self.gamma)
        blurred = np.round(mean * 255).astype(np.uint8)
        middle = crops[len(crops) // 2]
        both = [as_floats(shrunk(x, self.crop_px)) for x in (blurred, middle)]
        return turned(rng, both[0], both[1], self.ways)

    def describe(self, index: int) -> str:
        """The frames behind pair ``index``."""
        check_index(index, self.count)
        rng = np.random.default_rng([self.seed, index])
        try:
            return str(self._draw(rng))
        except DataError as error:  # met while steps were measured
            return str(error)

    def _draw(self, rng: np.random.Generator) -> _Window:
        """A random window whose steps are short enough."""
        for _ in range(_MOST_DRAWS):
            window = self._any_window(rng)
            if self.max_step_px is None or self._longest_step(window) <= self.max_step_px:
                return window
        raise DataError(
            f"{window}, like {_MOST_DRAWS - 1} windows drawn before, has a step longer than "
            f"{self.max_step_px:g} px; allow more by max_step_px, or take faster video"
        )

    def _any_window(self, rng: np.random.Generator) -> _Window:
        """A size, then one of all windows of that size, each as likely."""
        size = self.sizes[int(rng.integers(len(self.sizes)))]
        ends = list(accumulate(len(sequence) - size + 1 for sequence in self.sequences))
        place = int(rng.integers(ends[-1]))
        which = bisect_right(ends, place)
        first = place - (ends[which - 1] if which else 0)
        return _Window(frames=self.sequences[which][first : first + size])

    def _longest_step(self, window: _Window) -> float:
        longest = 0.0
        for pair in pairwise(window.frames):
            if pair not in self._steps:
                before, after = (self._photos[path] for path in pair)
                check_frames(pair[0], before.shape[:2], pair[1], after.shape[:2])
                self._steps[pair] = step_px(before, after)
            longest = max(longest, self._steps[pair])
        return longest


def list_sequences(folders: Path | Sequence[Path]) -> list[tuple[Path, ...]]:
    """The frames in each folder, at or below those named, that has photos right in it.

    Returns:
        For every such folder its frames in natural order.

    Raises:
        DataError: If one that is named is no folder, or has no frames at or below it.
    """
    sequences: dict[Path, tuple[Path, ...]] = {}
    for folder in [folders] if isinstance(folders, Path) else folders:
        if not folder.is_dir():
            raise DataError(f"{folder} is not a folder; expected one with frames of a fast video")
        waiting, found, seen = [folder], False, set[Path]()
        while waiting:
            current = waiting.pop(0)
            if current.resolve() in seen:  # a link back to where it is from, or beside it
                continue
            seen.add(current.resolve())
            if frames := tuple(photo_files(current)):
                sequences[current], found = frames, True
            waiting += [path for path in sorted_paths(current) if path.is_dir()]
        if not found:
            raise DataError(f"{folder} holds no photos, nor do the folders in it")
    return list(sequences.values())


def _odd_numbers(low: int, high: int) -> range:
    if not 1 <= low <= high:
        raise OptionError(f"frames must go from 1 or more up to no less, got {low}..{high}")
    if not range(low | 1, high + 1, 2):
        raise OptionError(f"frames must have an odd number, for a middle one, got {low}")
    return range(low | 1, high + 1, 2)


def _cut_part(frames: tuple[Path, ...], part: tuple[float, float], least: int) -> tuple[Path, ...]:
    start, stop = (round(share * len(frames)) for share in part)
    check_length(frames[0].parent, stop - start, least)
    return frames[start:stop]
