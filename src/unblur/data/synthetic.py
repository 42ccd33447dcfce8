"""Sharp photos, blurred on the fly: pair ``i`` of a seed is the same in every process."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur import checks
from unblur.data.crops import (
    WAYS,
    Float32,
    PhotoCache,
    as_floats,
    check_index,
    drawn,
    through_jpeg,
    turned,
)
from unblur.data.defocus import defocus
from unblur.data.problems import check_fits
from unblur.errors import DataError, OptionError
from unblur.imaging.blur.blur import blur
from unblur.imaging.blur.convolution import trim_kernel
from unblur.imaging.blur.kernels import random_kernels
from unblur.imaging.blur.motion import Motion, Roll, random_motion
from unblur.imaging.blur.trajectories import PRESETS

_KERNELS_TOGETHER: Final = 64
"""Kernels are drawn in blocks, much faster than one by one; see :meth:`_kernel`."""
_MARGIN_PX: Final = 32
"""Real surroundings blurred with each crop, so that few crops show mirrored edges."""
_LEAST_SOFTNESS_PX: Final = 0.2
_STILL: Final = np.ones((1, 1), np.float32)
_WHOLE_PX: Final = (960, 1280)
"""Height and width of the photo that a crop blurred by a roll is taken to be a part of."""


@dataclass(frozen=True, kw_only=True)
class SyntheticOptions:
    """How training pairs are made from sharp photos."""

    crop_px: int = 192
    """Side of the square crops."""
    early_crop_px: int = 128
    """Side of the first crops of a run: more, smaller ones are seen in the same time."""
    scale: tuple[float, float] = (0.5, 0.9)
    """Range of the size, relative to the file, at which photos are used; below 1 it hides the
    artefacts of their compression."""
    softness_px: float = 1.0
    """Upper end of the standard deviation of a Gaussian that softens half of the photos, sharp
    partner included: lenses and demosaicing differ, and a soft photo is not a shaken one."""
    defocus_share: float = 0.0
    """Share of photos that are put out of focus, all or a part of them, sharp partner included."""
    grey_share: float = 0.0
    """Share of photos whose colour is taken away."""
    length_px: tuple[float, float] = (10.0, 60.0)
    """Range of the length of the camera's path; half of the kernels take the upper end. Among a
    run's early pairs the upper end grows from the lower one: what long paths do to a photo is
    learned much faster once short ones are understood."""
    exposure: tuple[float, ...] = (0.1, 0.1, 0.2, 0.5, 1.0)
    """Fractions of its path that a kernel shows, one drawn for each. Mild blur comes oftener: it
    is what most photos have, and what can be undone best."""
    preset: str = "authors"
    """Constants of Algorithm 1: ``paper`` as printed, ``authors`` as in the code that made the
    paper's data."""
    sharp_share: float = 0.12
    """Share of pairs that are not blurred, so that the network learns to leave photos alone."""
    rotation_share: float = 0.0
    """Share of pairs blurred by a camera that rolls as well as shifts."""
    object_share: float = 0.0
    """Share of pairs in which a part of the photo moves over the rest."""
    linear_share: float = 0.5
    """Share of pairs blurred in linear light; the rest is blurred in encoded values."""
    noise_max: float = 3 / 255
    """Upper end of the noise's standard deviation, uniform from 0."""
    jpeg_share: float = 0.3
    """Share of blurred crops that pass through JPEG, quality 75 to 97."""
    ways: str = "all"
    """How crops, of real pairs and frames, too, are flipped and turned: ``all`` eight ways;
    ``mirror``, left and right exchanged or not, as DeblurGAN's authors do; ``none``."""
    epochs: bool = False
    """Photos, and real pairs, come each once before any comes again; otherwise each is drawn from
    all."""

    def __post_init__(self) -> None:
        """Check ranges."""
        if not 0 <= self.softness_px < 10:  # noqa: PLR2004
            raise OptionError(f"softness_px must be in [0, 10), got {self.softness_px}")
        checks.unit(self, "noise_max")
        checks.one_of(self, preset=PRESETS, ways=WAYS)
        checks.at_least(16, self, "crop_px", "early_crop_px")
        for name in ("scale", "length_px"):
            low, high = getattr(self, name)
            if not 0 < low <= high < float("inf"):
                raise OptionError(f"{name} needs 0 < low <= high, got [{low}, {high}]")
        if not self.exposure or not all(0 < fraction <= 1 for fraction in self.exposure):
            raise OptionError(f"exposure needs fractions in (0, 1], got {self.exposure}")
        checks.unit(self, *(name for name in vars(self) if name.endswith("_share")))
        if self.sharp_share + self.rotation_share + self.object_share > 1 + 1e-9:
            raise OptionError(
                "sharp_share, rotation_share and object_share must not sum to more than 1, got "
                f"{self.sharp_share}, {self.rotation_share} and {self.object_share}"
            )


class SyntheticPairs:
    """An endless, indexable set of (blurred, sharp) crops; works as a map-style data set.

    Args:
        photos: Files of sharp photos.
        options: How pairs are made.
        seed: Pair ``i`` depends on the seed, ``i`` and the photos alone.
        count: Length to report; any index below it is valid.
        early: Pairs below this index have crops of ``options.early_crop_px`` and paths that
            grow with the index.

    Raises:
        DataError: If there are no photos.
    """

    def __init__(
        self,
        photos: Sequence[Path],
        options: SyntheticOptions,
        *,
        seed: int,
        count: int,
        early: int = 0,
    ) -> None:
        if not photos:
            raise DataError("no photos to blur")
        self.photos = list(photos)
        self.options = options
        self.seed = seed
        self.count = count
        self.early = early
        self._photos = PhotoCache(remedy="leave it out of the training photos")
        self._block: tuple[tuple[int, bool], Float32] | None = None

    def __len__(self) -> int:
        """The number of pairs."""
        return self.count

    def __getitem__(self, index: int) -> tuple[Float32, Float32]:
        """Make pair ``index``: two (3, crop, crop) arrays in [0, 1], blurred and sharp.

        Raises:
            IndexError: If the index is outside [0, count).
            DataError: If a photo cannot be read or is smaller than a crop.
        """
        path, rng = self._draw(index)
        options = self.options
        crop_px = options.early_crop_px if index < self.early else options.crop_px
        sharp = self._crop(path, rng, crop_px)
        noise = rng.uniform(0, options.noise_max)
        linear = rng.uniform() < options.linear_share
        motion = self._motion(index, rng, sharp.shape[0])
        if motion is _STILL:
            noise *= rng.integers(2)  # half of the sharp inputs are clean
        blurred = blur(sharp, motion, linear_light=linear, noise_sigma=noise, rng=rng)

        start = (sharp.shape[0] - crop_px) // 2
        window = slice(start, start + crop_px)
        blurred, sharp = blurred[window, window], sharp[window, window]
        codes = np.round(blurred * 255).astype(np.uint8)
        if rng.uniform() < options.jpeg_share:
            codes = through_jpeg(codes, int(rng.integers(75, 98)))
        return turned(rng, as_floats(codes), sharp, options.ways)

    def describe(self, index: int) -> str:
        """The file behind pair ``index``."""
        return str(self._draw(index)[0])

    def _draw(self, index: int) -> tuple[Path, np.random.Generator]:
        check_index(index, self.count)
        rng = np.random.default_rng([self.seed, index])
        place = drawn(rng, self.seed, index, len(self.photos), epochs=self.options.epochs)
        return self.photos[place], rng

    def _crop(self, path: Path, rng: np.random.Generator, crop_px: int) -> Float32:
        """A random square of a photo, resized; at least ``crop_px`` wide."""
        photo = self._photos[path]
        scale = rng.uniform(*self.options.scale)
        shortest = min(photo.shape[:2])
        # Checked against the larger crops from the first pair on, not hours into a run.
        check_fits(path, photo.shape[:2], max(self.options.crop_px, crop_px))
        scale = max(scale, crop_px / shortest)
        target = max(crop_px, min(crop_px + 2 * _MARGIN_PX, int(shortest * scale)))
        side = min(round(target / scale), shortest)
        top = int(rng.integers(photo.shape[0] - side + 1))
        left = int(rng.integers(photo.shape[1] - side + 1))
        most = self.options.softness_px
        softness = max(0.0, rng.uniform(-most, most))
        sharp = _resize(photo[top : top + side, left : left + side], target, softness)
        # Drawn only if wanted: recipes without them keep their pairs.
        if self.options.grey_share and rng.uniform() < self.options.grey_share:
            sharp[:] = sharp.mean(axis=2, keepdims=True)
        if self.options.defocus_share and rng.uniform() < self.options.defocus_share:
            sharp = defocus(sharp, rng)
        return sharp

    def _motion(self, index: int, rng: np.random.Generator, side: int) -> Float32 | Motion:
        """What blurs pair ``index``, a square of a side in pixels."""
        options = self.options
        shares = np.cumsum([options.sharp_share, options.rotation_share, options.object_share])
        place = int(np.searchsorted(shares, rng.uniform(), side="right"))
        if place == 0:
            return _STILL
        if place == len(shares):
            return trim_kernel(self._kernel(index))
        kind = ("rotation", "object")[place - 1]
        low, high = options.length_px
        length = rng.uniform(low, low + self._grown(index) * (high - low))
        exposure = rng.choice(options.exposure)
        if kind == "object":
            return random_motion(
                kind, rng=rng, height=side, width=side, length_px=length, exposure=exposure
            )
        height, width = _WHOLE_PX
        roll = random_motion(
            kind, rng=rng, height=height, width=width, length_px=length, exposure=exposure
        )
        assert isinstance(roll, Roll)
        left, top = rng.uniform(0, (width - side, height - side))
        return roll.seen_from(left, top)

    def _grown(self, index: int) -> float:
        """How far paths have grown at pair ``index``, in [0, 1]."""
        first = index // _KERNELS_TOGETHER * _KERNELS_TOGETHER
        return first / self.early if index < self.early else 1.0

    def _kernel(self, index: int) -> Float32:
        """Kernel of pair ``index``: one of its block's, which depends on seed and block alone."""
        block, place = divmod(index, _KERNELS_TOGETHER)
        early = index < self.early
        if self._block is None or self._block[0] != (block, early):
            rng = np.random.default_rng([self.seed, block, 1])
            low, high = self.options.length_px
            canvas = max(64, int(high) + 3)
            grown = self._grown(index)
            lengths = rng.uniform(low, low + grown * (high - low), _KERNELS_TOGETHER)
            lengths[::2] = low + grown * (high - low)
            kernels = random_kernels(
                _KERNELS_TOGETHER,
                rng=rng,
                length_px=lengths,
                canvas_px=canvas,
                exposure=self.options.exposure,
                preset=self.options.preset,
            )
            self._block = (block, early), kernels
        kernel: Float32 = self._block[1][place]
        return kernel


def _resize(pixels: NDArray[np.uint8], side: int, softness_px: float) -> Float32:
    """Shrink a square crop to ``side`` px with a Lanczos filter, soften it; floats in [0, 1]."""
    import pyvips

    image = pyvips.Image.new_from_array(np.ascontiguousarray(pixels))
    image = image.resize(side / pixels.shape[0], vscale=side / pixels.shape[0])
    if softness_px > _LEAST_SOFTNESS_PX:
        image = image.gaussblur(softness_px, min_ampl=0.02, precision="float").rint().cast("uchar")
    resized: NDArray[np.uint8] = image.numpy()
    return as_floats(resized)
