"""A shake that blurred each place of a photo in another way: a kernel for each of its windows."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.devices import cores
from unblur.imaging.deblur.blind import CLIPPED, FoundKernel
from unblur.imaging.deblur.kernel_support import agreement, kernel_extent
from unblur.imaging.deblur.learned_search import KernelNetworks, refine_by_edges
from unblur.imaging.deblur.signals import unexplained_by, unexplained_share
from unblur.imaging.deblur.varying_blur import Place, Window, plan_windows
from unblur.imaging.light import brightness
from unblur.imaging.measure.detail import choose_region

Float32 = NDArray[np.float32]
Bool = NDArray[np.bool_]

_LEAST_SIDE_PX: Final = 160
"""Of a window, for a kernel to be found in it."""
_LEAST_SHARE: Final = 3
"""Of how far the kernel reaches."""
_MARGIN_PX: Final = 32
_MOST_PX: Final = 576
"""Of larger windows, the part with the most detail is enough for their kernel."""
_SAME: Final = ((160, 240), (0.80, 0.935))
"""By the side of a window in px: kernels of the corners that are so like the photo's are that one
and noise. Their median is, as there may be nothing to see in a corner."""
_PLAINLY: Final = 0.03
"""If the kernels of two opposite corners are so much more like it, the others are not asked."""


def windows_of(
    pixels: Float32, found: FoundKernel, networks: KernelNetworks, *, threads: int = 0
) -> list[Window]:
    """The kernels of a photo's windows, refined there from the one that was found.

    The corners are looked at first: where a camera rolled they differ most. A window keeps the
    photo's kernel if its own explains it less.

    Args:
        pixels: (H, W, 3) sRGB-encoded in [0, 1].
        found: The kernel of the photo.
        networks: Draw the edges, and trace the kernels.
        threads: To work with; 0 takes one per core. The result does not depend on it.

    Returns:
        Windows that cover the photo and are half over each other; none if it was blurred in the
        same way everywhere, or is too small to tell.
    """
    height, width, _ = pixels.shape
    side = min(height, width) // 2
    if side < max(_LEAST_SIDE_PX, _LEAST_SHARE * kernel_extent(found.kernel)[0]):
        return []
    places = plan_windows((height, width), side)
    plane = brightness(pixels, linear_light=found.linear_light)
    clipped: Bool = pixels.max(axis=2) > CLIPPED

    def refined(place: Place) -> Float32:
        part = place.grown(_MARGIN_PX, plane.shape)
        seen, out = plane[part], clipped[part]
        most = choose_region(seen, out, _MOST_PX)
        return refine_by_edges(np.ascontiguousarray(seen[most]), out[most], found.kernel, networks)

    def better(place: Place, kernel: Float32) -> Float32:
        part = np.ascontiguousarray(plane[place.grown(_MARGIN_PX, plane.shape)])
        own, photos = (
            unexplained_share(unexplained_by(each, part), part, each)
            for each in (kernel, found.kernel)
        )
        return kernel if own < photos else found.kernel

    same = float(np.interp(side, *_SAME))

    def alike(kernels: Sequence[Float32]) -> list[float]:
        return [agreement(kernel, found.kernel) for kernel in kernels]

    places.sort(key=lambda place: _corner(place, plane.shape))
    opposite, corners = (
        sum(_corner(place, plane.shape) <= most for place in places) for most in (1, 2)
    )
    with ThreadPoolExecutor(threads or cores()) as pool:
        kernels = list(pool.map(refined, places[:opposite]))
        if min(alike(kernels)) > same + _PLAINLY:
            return []
        kernels += pool.map(refined, places[opposite:corners])
        if np.median(alike(kernels)) > same:
            return []
        kernels += pool.map(refined, places[corners:])
        kept = list(pool.map(better, places, kernels))
    return [Window(place, kernel) for place, kernel in zip(places, kept, strict=True)]


def _corner(place: Place, shape: tuple[int, ...]) -> int:
    """1: the first corner, or the one opposite to it; 2: another corner; 3: none."""
    places = (place.rows, place.columns)
    first = [part.start == 0 for part in places]
    last = [part.stop == side for part, side in zip(places, shape, strict=True)]
    if not all(map(any, zip(first, last, strict=True))):
        return 3
    return 1 if all(first) or all(last) else 2
