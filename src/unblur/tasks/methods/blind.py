"""Restore a photo by finding its blur and undoing it; a network stands by."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.imaging.deblur.blind import LEAST_SIDE_PX, BlurSearch, search_blur
from unblur.imaging.deblur.natural import deconvolve_light
from unblur.imaging.fourier import centre_of_mass
from unblur.imaging.light import linear_to_srgb, srgb_to_linear
from unblur.imaging.measure.noise import estimate_noise
from unblur.imaging.tiles import ArrayPicture, Picture, Tile
from unblur.tasks.methods.judge import predicted_gain, with_network
from unblur.tasks.methods.network import NetworkMethod, RunTile

Float32 = NDArray[np.float32]

_MOST_PX: Final = 3_200_000
"""Larger photos are worked on at a whole fraction of their size; their correction is enlarged."""
_STRIP_ROWS: Final = 256
_LENGTH_SHARE: Final = 0.05
"""Pixels of a kernel below so much of its peak do not count for its length."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Verdict:
    """What was found, and what was done.

    Attributes:
        kernel: (K, K), of the photo as it was worked on, or None: the network restores it.
        shrink: The photo was worked on at one so-manieth of its size.
        gain_db: Predicted gain over the network; of the best kernel, even if it was not taken.
        words: A sentence for people.
    """

    kernel: Float32 | None
    shrink: int
    gain_db: float
    words: str

    @property
    def length_px(self) -> float | None:
        """How far the shake reaches in the photo, in px."""
        return None if self.kernel is None else self.shrink * kernel_length(self.kernel)


class BlindMethod:
    """Find the blur, undo it in light; where that cannot be trusted, let a network restore.

    Args:
        network: Restores where no kernel is taken; its result is one of the judge's signals.
        judged: Ask the judge whether a kernel is to be taken. False takes the best one always.
    """

    def __init__(self, network: NetworkMethod, *, judged: bool = True) -> None:
        self.network = network
        self.needs = network.needs
        self.judged = judged

    def prepare(
        self, picture: Picture, *, tiled: bool, tell: Callable[[str], None] | None = None
    ) -> RunTile:
        """What restores a tile, or all, of this picture.

        Args:
            picture: Any size.
            tiled: It is not restored at once.
            tell: Is told, in a sentence, what was found and done.
        """
        small, shrink = shrunk_picture(picture)
        verdict = self.judge(small, shrink)
        if tell is not None:
            tell(verdict.words)
        if verdict.kernel is None:
            return self.network.prepare(picture, tiled=tiled)
        light = srgb_to_linear(small)
        noise = estimate_noise(small)
        restored = deconvolve_light(light, verdict.kernel, noise=noise, guessed=True)
        change = linear_to_srgb(restored) - small

        def run(tile: Tile) -> Float32:
            pixels = picture.read(*tile.kept)
            pixels += enlarged(change, shrink, tile.kept)
            return np.clip(pixels, 0, 1, out=pixels)

        return run

    def judge(self, pixels: Float32, shrink: int = 1) -> Verdict:
        """Look for the blur of (H, W, 3) pixels, and decide whether to undo it."""
        if min(pixels.shape[:2]) < LEAST_SIDE_PX:
            return Verdict(kernel=None, shrink=shrink, gain_db=0.0, words="too small: network")
        found = search_blur(pixels)
        if not found.hypotheses:
            words = "nothing to find a shake by: network"
            return Verdict(kernel=None, shrink=shrink, gain_db=0.0, words=words)
        network = self._network_on(pixels, found)
        gains = [predicted_gain(with_network(each, found, network)) for each in found.hypotheses]
        best = int(np.argmax(gains))
        kernel = found.hypotheses[best].kernel
        if self.judged and gains[best] <= 0:
            words = "no single motion found that can be undone safely: network"
            return Verdict(kernel=None, shrink=shrink, gain_db=gains[best], words=words)
        length = shrink * kernel_length(kernel)
        words = f"shake of {length:.0f} px found and undone"
        return Verdict(
            kernel=kernel,
            shrink=shrink,
            gain_db=gains[best],
            words=words,
        )

    def _network_on(self, pixels: Float32, found: BlurSearch) -> Float32:
        part = np.ascontiguousarray(pixels[found.region])
        height, width, _ = part.shape
        whole = (slice(0, height), slice(0, width))
        run = self.network.prepare(ArrayPicture(part), tiled=False)
        return np.clip(run(Tile(seen=whole, kept=whole)), 0, 1)


def kernel_length(kernel: Float32) -> float:
    """How far a kernel reaches along its longest direction, in px."""
    rows, columns = np.nonzero(kernel > _LENGTH_SHARE * kernel.max())
    down, right = centre_of_mass(kernel)
    places = np.stack([rows - down, columns - right])
    values, vectors = np.linalg.eigh(places @ places.T)
    along = vectors[:, int(values.argmax())] @ places
    return float(np.ptp(along)) + 1


def shrunk_picture(picture: Picture) -> tuple[Float32, int]:
    """A picture as it is worked on, and by how much it is smaller: means of squares of light.

    Reads a few rows at a time. What is left over on the right and below is no part of it.
    """
    shrink = 1
    while picture.height * picture.width > _MOST_PX * shrink**2:
        shrink += 1
    columns = slice(0, picture.width // shrink * shrink)
    height = picture.height // shrink * shrink
    parts = []
    step = _STRIP_ROWS // shrink * shrink
    for top in range(0, height, step):
        rows = picture.read(slice(top, min(top + step, height)), columns)
        if shrink > 1:
            light = srgb_to_linear(rows)
            squares = light.reshape(len(rows) // shrink, shrink, -1, shrink, 3)
            rows = linear_to_srgb(squares.mean(axis=(1, 3), dtype=np.float32))
        parts.append(rows)
    return np.concatenate(parts), shrink


def enlarged(change: Float32, shrink: int, place: tuple[slice, slice]) -> Float32:
    """A part of a change at the size of the photo, whatever part: tiles fit without seams.

    Args:
        change: (h, w, 3), of the smaller picture.
        shrink: By how much it is smaller.
        place: Rows and columns of the photo.
    """
    if shrink == 1:
        return change[place]
    taps = [_taps(part, shrink, side) for part, side in zip(place, change.shape[:2], strict=True)]
    (above, below, down), (left, right, across) = taps
    rows = change[above] * (1 - down)[:, None, None] + change[below] * down[:, None, None]
    columns = across[:, None]
    both = rows[:, left] * (1 - columns) + rows[:, right] * columns
    return np.asarray(both, np.float32)


def _taps(
    part: slice, shrink: int, side: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], Float32]:
    """The two smaller pixels about each pixel, and the share of the second."""
    centre = (np.arange(part.start, part.stop) + 0.5) / shrink - 0.5
    first = np.floor(centre).astype(np.intp)
    share = (centre - first).astype(np.float32)
    return np.clip(first, 0, side - 1), np.clip(first + 1, 0, side - 1), share
