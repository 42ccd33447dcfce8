"""Restore a photo by finding its blur and undoing it; a network stands by."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.imaging.deblur.blind import LEAST_SIDE_PX, search_blur
from unblur.imaging.deblur.guide import deconvolved_guide
from unblur.imaging.fourier import centre_of_mass
from unblur.imaging.light import linear_to_srgb, srgb_to_linear
from unblur.imaging.tiles import ArrayPicture, Picture, Tile, plan_tiles
from unblur.tasks.methods.guided import TILE_PX, WHOLE_PX, GuidedNetwork
from unblur.tasks.methods.judge import measure_kernels, predicted_gain
from unblur.tasks.methods.network import NetworkMethod, RunTile, Tell, Undone

Float32 = NDArray[np.float32]

_MOST_PX: Final = 3_200_000
"""Larger photos are worked on at a whole fraction of their size; their correction is enlarged."""
_STRIP_ROWS: Final = 256
_LENGTH_SHARE: Final = 0.05
"""Pixels of a kernel below so much of its peak do not count for its length."""


@dataclass(frozen=True, kw_only=True, eq=False)
class BlurEstimate:
    """What was found about a photo's blur, and what is to be done about it.

    Attributes:
        kernel: (K, K), K odd, of sum 1: the likeliest one, of the photo at its own size or, if
            ``shrink`` is more than 1, at one so-manieth of that; None if there is none.
        linear_light: The kernel blurred light; False: encoded values.
        taken: It is to be undone.
        gain_db: Predicted gain over the network that knows no kernel, with caution.
        noise: Standard deviation of the photo's noise, of sRGB-encoded values.
        shrink: Large photos are looked at, and worked on, at one so-manieth of their size.
        words: A sentence for people.

    Examples:
        >>> from unblur import BlurEstimate
        >>> nothing = BlurEstimate(kernel=None, words="too small")
        >>> nothing.taken, nothing.length_px
        (False, None)
    """

    kernel: Float32 | None
    words: str
    linear_light: bool = True
    taken: bool = False
    gain_db: float = 0.0
    noise: float = 0.0
    shrink: int = 1

    @property
    def length_px(self) -> float | None:
        """How far the shake reaches along its longest direction, in px of the photo."""
        return None if self.kernel is None else self.shrink * kernel_extent(self.kernel)[0]

    @property
    def angle_deg(self) -> float | None:
        """Of that direction, from the right upwards, 0 to 180."""
        return None if self.kernel is None else kernel_extent(self.kernel)[1]


class BlindMethod:
    """Find the blur, undo it in light, and let a network that knows the kernel clean up.

    Args:
        network: Restores where no kernel is taken; its result is one of the judge's signals.
        guided: Cleans up.
        judged: Ask the judge whether a kernel is to be taken. False takes the best one always.
        threads: To look for the blur with; 0 takes one per core.
    """

    def __init__(
        self,
        network: NetworkMethod,
        guided: GuidedNetwork,
        *,
        judged: bool = True,
        threads: int = 0,
    ) -> None:
        self.network = network
        self.guided = guided
        self.needs = network.needs
        self.judged = judged
        self.threads = threads

    def prepare(self, picture: Picture, *, tiled: bool, tell: Tell | None = None) -> RunTile:
        """What restores a tile, or all, of this picture.

        Args:
            picture: Any size.
            tiled: It is not restored at once.
            tell: Is told, in a sentence, what was found and done.
        """
        small, shrink = shrunk_picture(picture)
        estimate = self.estimate(small, shrink)
        if tell is not None:
            tell(estimate.words if estimate.taken else f"{estimate.words}: network")
        if not estimate.taken and shrink == 1:
            return self.network.prepare(picture, tiled=tiled)
        if estimate.taken and estimate.kernel is not None:
            guide = deconvolved_guide(
                small,
                estimate.kernel,
                linear_light=estimate.linear_light,
                noise=estimate.noise,
                threads=self.threads,
            )
            change = self.guided.restore(small, guide)[..., :3] - small
        else:
            # At its own size the blur of a large photo is longer than the network can undo.
            change = self._network_on(small) - small

        def run(tile: Tile) -> Float32:
            pixels = picture.read(*tile.kept)
            pixels += enlarged(change, shrink, tile.kept)
            return np.clip(pixels, 0, 1, out=pixels)

        return Undone(run) if estimate.taken else run

    def estimate(self, pixels: Float32, shrink: int = 1) -> BlurEstimate:
        """Look for the blur of (H, W, 3) pixels, and decide whether to undo it.

        Args:
            pixels: sRGB-encoded in [0, 1].
            shrink: The photo's size by that of the pixels.
        """
        if min(pixels.shape[:2]) < LEAST_SIDE_PX:
            return BlurEstimate(kernel=None, shrink=shrink, words="too small")
        search = search_blur(pixels, threads=self.threads)
        if not search.kernels:
            words = "nothing to find a shake by"
            return BlurEstimate(kernel=None, noise=search.noise, shrink=shrink, words=words)
        part = np.ascontiguousarray(pixels[search.region])
        signals = measure_kernels(part, search, self._network_on(part), threads=self.threads)
        gains = [predicted_gain(each) for each in signals]
        best = int(np.argmax(gains))
        found = search.kernels[best]
        taken = not self.judged or gains[best] > 0
        length = shrink * kernel_extent(found.kernel)[0]
        return BlurEstimate(
            kernel=found.kernel,
            linear_light=found.linear_light,
            taken=taken,
            gain_db=gains[best],
            noise=search.noise,
            shrink=shrink,
            words=f"shake of {length:.0f} px found and undone"
            if taken
            else "no single motion found that can be undone safely",
        )

    def _network_on(self, pixels: Float32) -> Float32:
        """What the network that knows no kernel makes of pixels, (h, w, 3) in [0, 1]."""
        height, width, _ = pixels.shape
        whole = (slice(0, height), slice(0, width))
        side = None if height * width <= WHOLE_PX or self.needs.halo_px is None else TILE_PX
        run = self.network.prepare(ArrayPicture(pixels), tiled=side is not None)
        restored = np.empty_like(pixels)
        for tile in plan_tiles(whole, height, width, side, self.needs):
            restored[tile.kept] = run(tile)
        return np.clip(restored, 0, 1, out=restored)


def kernel_extent(kernel: Float32) -> tuple[float, float]:
    """How far a kernel reaches along its longest direction, in px, and that direction.

    Returns:
        The length, and the angle in degrees from the right upwards, 0 to 180.
    """
    rows, columns = np.nonzero(kernel > _LENGTH_SHARE * kernel.max())
    down, right = centre_of_mass(kernel)
    places = np.stack([rows - down, columns - right])
    values, vectors = np.linalg.eigh(places @ places.T)
    longest = vectors[:, int(values.argmax())]
    angle = float(np.degrees(np.arctan2(-longest[0], longest[1]))) % 180
    return float(np.ptp(longest @ places)) + 1, angle


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
