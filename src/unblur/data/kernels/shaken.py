"""Planes of photos, shaken by known kernels, for the network that draws edges."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.data.crops import (
    Float32,
    PhotoCache,
    as_floats,
    check_index,
    shrunk,
    through_jpeg,
)
from unblur.errors import DataError, OptionError
from unblur.imaging.blur.blur import blur
from unblur.imaging.blur.kernels import random_kernels
from unblur.imaging.deblur.kernel_search import centred
from unblur.imaging.deblur.learned_search import standard
from unblur.imaging.light import srgb_to_linear

_CANVAS_PX: Final = 129
_FAINT: Final = 0.02
"""Share of its largest value up to which a kernel has an extent."""
_LEAST_SPREAD: Final = 0.02
_REDRAWS: Final = 200


@dataclass(frozen=True, kw_only=True)
class ShakenOptions:
    """Which planes and kernels are seen how often; the table ``[data]`` of a recipe."""

    canvas_px: tuple[int, ...] = (13, 19, 27, 27, 35, 51)
    """Odd: most that the kernels of a batch may measure; one is drawn for each batch."""
    plane_px: tuple[int, ...] = (192, 208, 256, 256, 288, 352)
    """Side of the planes for each of these."""
    least_share: float = 0.15
    """Of the canvas, that a kernel measures at least."""
    length_px: tuple[float, ...] = (8, 12, 20, 30, 45, 60, 90)
    """Lengths of the camera's path, one drawn for each kernel."""
    exposure: tuple[float, ...] = (0.1, 0.3, 0.5, 1.0, 1.0)
    """Fractions of its path that a kernel shows, one drawn for each."""
    scale: float = 0.45
    """Least size, relative to the file, at which photos are used."""
    light_share: float = 0.65
    """Planes that are blurred and seen in linear light; the others in encoded values."""
    noise: tuple[float, ...] = (0, 0.5, 1, 1, 1, 2, 3)
    """Of 255: standard deviations of a channel's noise, one drawn for each plane."""
    jpeg_share: float = 0.2
    """Share of blurred planes that pass through JPEG, quality 70 to 96."""

    def __post_init__(self) -> None:
        """Check ranges."""
        if not self.canvas_px or len(self.canvas_px) != len(self.plane_px):
            raise OptionError(
                "canvas_px and plane_px need a number for each other, got "
                f"{len(self.canvas_px)} and {len(self.plane_px)}"
            )
        if any(side < 5 or side % 2 == 0 for side in self.canvas_px):  # noqa: PLR2004
            raise OptionError(f"canvas_px must be odd and at least 5, got {self.canvas_px}")
        if any(4 * k > n for k, n in zip(self.canvas_px, self.plane_px, strict=True)):
            raise OptionError("plane_px must be at least four times canvas_px")
        for name in ("least_share", "light_share", "jpeg_share"):
            if not 0 <= getattr(self, name) < 1:
                raise OptionError(f"{name} must be in [0, 1), got {getattr(self, name)}")
        if not 0 < self.scale <= 1:
            raise OptionError(f"scale must be in (0, 1], got {self.scale}")


class ShakenPlanes:
    """An endless, indexable set of blurred planes and their kernels.

    Args:
        photos: Files of sharp photos.
        options: How planes are made.
        seed: Plane ``i`` depends on the seed, ``i``, ``together`` and the photos alone.
        count: Length to report; any index below it is valid.
        together: So many after each other have planes and canvases of one size.

    Raises:
        DataError: If there are no photos.
    """

    def __init__(
        self,
        photos: Sequence[Path],
        options: ShakenOptions,
        *,
        seed: int,
        count: int,
        together: int,
    ) -> None:
        if not photos:
            raise DataError("no photos to blur")
        self.photos = list(photos)
        self.options = options
        self.seed, self.count, self.together = seed, count, together
        self._photos = PhotoCache(remedy="leave it out of the training photos")

    def __len__(self) -> int:
        """The number of planes."""
        return self.count

    def __getitem__(self, index: int) -> tuple[Float32, Float32]:
        """Plane ``index``: (1, N, N) of mean 0, and its kernel, (1, K, K), K odd, of sum 1.

        Raises:
            IndexError: If the index is outside [0, count).
            DataError: If a photo cannot be read, is too small or has nothing in it.
        """
        check_index(index, self.count)
        options = self.options
        sizes = np.random.default_rng([self.seed, index // self.together, 1])
        which = int(sizes.integers(len(options.canvas_px)))
        canvas, side = options.canvas_px[which], options.plane_px[which]
        rng = np.random.default_rng([self.seed, index])
        kernel = self._kernel(rng, canvas)
        light = bool(rng.uniform() < options.light_share)
        sharp = self._sharp(index, rng, side + canvas - 1, light=light)
        sigma = float(rng.choice(options.noise)) / 255
        blurred = blur(sharp, kernel, linear_light=light, noise_sigma=sigma, rng=rng)
        inside = slice(canvas // 2, canvas // 2 + side)
        codes = np.round(np.clip(blurred[inside, inside], 0, 1) * 255).astype(np.uint8)
        if rng.uniform() < options.jpeg_share:
            codes = through_jpeg(codes, int(rng.integers(70, 97)))
        seen = as_floats(codes)
        plane = (srgb_to_linear(seen) if light else seen).mean(axis=2, dtype=np.float32)
        return standard(plane)[None], kernel[None]

    def describe(self, index: int) -> str:
        """The photo behind plane ``index``, unless there was nothing in it to see."""
        return str(self.photos[self._place(index, 0)])

    def _place(self, index: int, number: int) -> int:
        rng = np.random.default_rng([self.seed, index, 2, number])
        return int(rng.integers(len(self.photos)))

    def _kernel(self, rng: np.random.Generator, canvas: int) -> Float32:
        """A kernel on its canvas, centred."""
        options = self.options
        for _ in range(_REDRAWS):
            drawn = random_kernels(
                1,
                rng=rng,
                length_px=float(rng.choice(options.length_px)),
                exposure=(float(rng.choice(options.exposure)),),
                canvas_px=_CANVAS_PX,
            )[0]
            rows, columns = np.nonzero(drawn > _FAINT * drawn.max())
            extent = 1 + int(max(np.ptp(rows), np.ptp(columns)))
            if max(2, options.least_share * canvas) <= extent < canvas:
                break
        kernel = centred(drawn)
        middle = len(kernel) // 2
        window = slice(middle - canvas // 2, middle + canvas // 2 + 1)
        cut: NDArray[np.float32] = kernel[window, window] / kernel[window, window].sum()
        return cut

    def _sharp(self, index: int, rng: np.random.Generator, side: int, *, light: bool) -> Float32:
        """A square of a photo, (side, side, 3), with something in it."""
        for number in range(_REDRAWS):
            photo = self._photos[self.photos[self._place(index, number)]]
            if min(photo.shape[:2]) < side:
                continue
            scale = rng.uniform(self.options.scale, 1) if rng.uniform() < 0.6 else 1.0  # noqa: PLR2004
            wide = min(round(side / scale), *photo.shape[:2])
            top, left = (int(rng.integers(length - wide + 1)) for length in photo.shape[:2])
            codes = shrunk(photo[top : top + wide, left : left + wide], side)
            turned = np.rot90(codes[:, :: int(rng.choice([1, -1]))], int(rng.integers(4)))
            sharp = as_floats(np.ascontiguousarray(turned))
            values = srgb_to_linear(sharp) if light else sharp
            if values.mean(axis=2).std() > _LEAST_SPREAD:
                return sharp
        raise DataError(f"no photo has {side} px a side with something in them; name larger ones")
