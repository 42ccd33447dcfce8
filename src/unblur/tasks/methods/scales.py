"""The scales at which a network that knows no kernel undoes most of a blur."""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.imaging.tiles import ArrayPicture, Picture, Tile, plan_tiles
from unblur.tasks.methods.guided import TILE_PX, WHOLE_PX
from unblur.tasks.methods.network import NetworkMethod, RunTile
from unblur.tasks.methods.shrink import enlarged, shrunk, shrunk_picture

Float32 = NDArray[np.float32]

_BEST_PX: Final = 9.0
"""As long as a blur should seem at the scale at which the network works (ADR 0009)."""
_SEEMS_PX: Final = (16.0, 19.0, 22.0)
_IS_LONGER: Final = (1.0, 1.25, 1.5)
"""So many times as long as it seems a blur is taken to be: beyond some 25 px they seem alike."""
_LEAST_PX: Final = 2.0
"""Large photos that seem to be blurred less are not worth the time at their own size."""
_MOST: Final = 4
_AGAIN: Final = 0.5
"""Of what the network makes of the result of smaller copies, in the place of that; as much less as
the photo's own size had a share."""
_LEAST_AGAIN: Final = 0.05
"""Less is not worth the time."""
_LEAST_SIDE_PX: Final = 64
"""Of a smaller picture, for the network to have something to see."""


def scales_for(blur_px: float | None, shape: tuple[int, ...]) -> dict[int, float]:
    """By how much a photo is to be made smaller for a network, and the shares of the results.

    A network undoes little of a blur that is longer than it has learned to see; of the same photo
    at half its size it undoes more. Between two scales, the mean of both results is better than
    either.

    Args:
        blur_px: How long the blur seems; None if there is nothing to judge by.
        shape: Height and width of the photo.

    Returns:
        Whole factors and shares, of sum 1.
    """
    most = max(1, min(_MOST, min(shape[:2]) // _LEAST_SIDE_PX))
    length_px = (blur_px or 0) * float(np.interp(blur_px or 0, _SEEMS_PX, _IS_LONGER))
    wanted = min(max(length_px / _BEST_PX, 1), most)
    less = min(int(wanted), most)
    more = wanted - less
    return {less: 1.0} if more == 0 else {less: 1 - more, less + 1: more}


def working_scale(blur_px: float | None, shrink: int) -> int:
    """By how much a large photo is to be made smaller for a network, whose blur may be short.

    Args:
        blur_px: As above.
        shrink: By how much it was made smaller to look for its blur; it stays at that at least.
    """
    if blur_px is None or blur_px < _LEAST_PX:
        return shrink
    return min(shrink, max(1, round(blur_px / _BEST_PX)))


def restoring(
    network: NetworkMethod,
    picture: Picture,
    smaller: tuple[Float32, int],
    blur_px: float | None,
    *,
    tiled: bool,
    weigh: Callable[[Float32], Float32 | None] = lambda small: None,
) -> RunTile:
    """What restores a tile, or all, of a picture by a network at the scales that suit its blur.

    Args:
        network: Knows no kernel.
        picture: Any size.
        smaller: The picture as its blur was looked for, from :func:`shrunk_picture`.
        blur_px: How long its blur seems; None if there is nothing to judge by.
        tiled: It is not restored at once.
        weigh: How much of what changes is to count, (h, w) in [0, 1], by a smaller copy; None:
            all of it.
    """
    small, shrink = smaller
    scale = working_scale(blur_px, shrink)
    if scale == 1 and (shrink > 1 or set(scales_for(blur_px, small.shape)) == {1}):
        plain, weight = network.prepare(picture, tiled=tiled), weigh(small)
        return plain if weight is None else _weighted(plain, picture, weight, shrink)
    if scale < shrink:
        small, shrink = shrunk_picture(picture, scale)
    change = network_for(network, small, blur_px, shrink) - small
    if (weight := weigh(small)) is not None:
        change *= weight[..., None]
    return changing(picture, change, shrink)


def changing(picture: Picture, change: Float32, shrink: int) -> RunTile:
    """What changes the tiles of a picture.

    Args:
        picture: Any size.
        change: (h, w, 3), of the picture made smaller.
        shrink: By how much.
    """

    def run(tile: Tile) -> Float32:
        pixels = picture.read(*tile.kept)
        pixels += enlarged(change, shrink, tile.kept)
        return np.clip(pixels, 0, 1, out=pixels)

    return run


def network_for(
    network: NetworkMethod,
    pixels: Float32,
    blur_px: float | None,
    shrink: int,
    *,
    plain: Float32 | None = None,
) -> Float32:
    """What a network that knows no kernel makes of pixels at the scales that suit the blur.

    Args:
        network: Knows no kernel.
        pixels: (h, w, 3) in [0, 1], of a photo that was made smaller.
        blur_px: How long the blur of the photo seems.
        shrink: By how much smaller.
        plain: What it makes of them as they are, if that is known.

    Returns:
        (h, w, 3) in [0, 1].
    """
    seen = None if blur_px is None else blur_px / shrink
    return network_at(network, pixels, scales_for(seen, pixels.shape), plain=plain)


def network_at(
    network: NetworkMethod,
    pixels: Float32,
    scales: Mapping[int, float],
    *,
    plain: Float32 | None = None,
) -> Float32:
    """Restore smaller copies of a photo, and bring the mean of what changed to its size.

    What smaller copies give is less crisp than it could be, so the network works on that again, at
    the photo's own size; the mean of before and after is better than either (ADR 0009).

    Args:
        network: Knows no kernel.
        pixels: (H, W, 3) in [0, 1], sRGB-encoded.
        scales: From :func:`scales_for`.
        plain: What it makes of the photo as it is, if that is known.

    Returns:
        (H, W, 3) in [0, 1].
    """
    whole = (slice(0, pixels.shape[0]), slice(0, pixels.shape[1]))
    restored = pixels.copy()
    for scale, share in scales.items():
        smaller = shrunk(pixels, scale)
        known = plain if scale == 1 else None
        change = (network_on(network, smaller) if known is None else known) - smaller
        restored += np.float32(share) * enlarged(change, scale, whole)
    np.clip(restored, 0, 1, out=restored)
    share = _AGAIN * (1 - scales.get(1, 0.0))
    if share >= _LEAST_AGAIN:
        restored += np.float32(share) * (network_on(network, restored) - restored)
    return restored


def network_on(network: NetworkMethod, pixels: Float32) -> Float32:
    """What a network makes of pixels, (h, w, 3) in [0, 1], as they are."""
    height, width, _ = pixels.shape
    whole = (slice(0, height), slice(0, width))
    side = None if height * width <= WHOLE_PX or network.needs.halo_px is None else TILE_PX
    run = network.prepare(ArrayPicture(pixels), tiled=side is not None)
    restored = np.empty_like(pixels)
    for tile in plan_tiles(whole, height, width, side, network.needs):
        restored[tile.kept] = run(tile)
    return np.clip(restored, 0, 1, out=restored)


def _weighted(run: RunTile, picture: Picture, weight: Float32, shrink: int) -> RunTile:
    """So much of what a network changes: (h, w) in [0, 1], of the picture made smaller."""

    def run_weighted(tile: Tile) -> Float32:
        pixels = picture.read(*tile.kept)
        share = enlarged(weight[..., None], shrink, tile.kept)
        return pixels + share * (run(tile) - pixels)

    return run_weighted
