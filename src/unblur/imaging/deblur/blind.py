"""Find what blurred a photo, from the photo alone."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.devices import cores
from unblur.errors import OptionError
from unblur.imaging.blur.convolution import trim_kernel
from unblur.imaging.deblur.kernel_search import Search, refine_kernel, search_kernel
from unblur.imaging.deblur.kernel_support import agreement, kernel_extent, resized
from unblur.imaging.deblur.learned_search import (
    KernelNetworks,
    refine_by_edges,
    search_by_edges,
)
from unblur.imaging.light import srgb_to_linear
from unblur.imaging.measure.detail import Region, choose_region
from unblur.imaging.measure.noise import estimate_noise
from unblur.imaging.pyramid import resize_plane

Float32 = NDArray[np.float32]
Bool = NDArray[np.bool_]

LEAST_SIDE_PX: Final = 64
"""Of a photo, for a kernel to be looked for."""
CLIPPED: Final = 0.98
"""Encoded value from which on the sensor may have been at its limit."""
_REGION_PX: Final = 512
_REFINED_PX: Final = 640
_STEEP: Final = 0.08
_LEAST_STEEP: Final = 2e-3
"""Below it there is nothing to find a kernel by."""
_STEEP_SHARE: Final = 0.995
"""The searches count edges at the contrast of a photo in daylight, so many of whose gradients are
below this; a photo in the dark is lit up to it."""
_FEW_EDGES: Final = Search(canvas_px=33, edge_weight=2e-3)
_FEWEST_AT_FIRST: Final = Search(canvas_px=17, first_weight=1.6e-2, edge_weight=1e-3, decay=1.2)
_LIGHTS: Final = (True, False)
_SEARCHES: Final = (_FEW_EDGES, _FEWEST_AT_FIRST)
_WITH_DRAWN: Final = (_FEW_EDGES,)
"""Each in light and in encoded values; where a network draws edges, too, one of them is enough."""
_AT_HALF_SIZE: Final = Search(canvas_px=51, edge_weight=1e-3)
"""For shakes of up to 100 px."""
_DRAWN_PX: Final = 33
"""Most that kernels may measure for which edges are drawn."""
_OTHER_WAY_PX: Final = 25
"""A path that gets lost on the way from the coarsest scale is found by a way over other scales."""
_SURE: Final = 0.85
"""Kernels in light and in encoded values that are so much alike are right so often that no other
way is tried."""
_SURE_SHARE: Final = 0.8
"""Of the canvas: what reaches farther may go on beyond it."""
_LEAST_HALVED_PX: Final = 600
_BEYOND_PX: Final = 40
"""Where kernels of half size are so alike and as long as this in both lights, those of full size,
whose canvas holds less, were wrong each time (ADR 0009), however much alike."""
_REFINED: Final = 2
"""So many kernels, those that others are most like, are refined in both lights; where networks
drew the edges, the first of theirs in each light, in its own."""
_REFINE: Final = Search(
    canvas_px=0, first_weight=1e-3, edge_weight=2e-4, decay=1.6, faint=0.08, rounds=4
)


@dataclass(frozen=True, kw_only=True, eq=False)
class FoundKernel:
    """A kernel that may have blurred a photo.

    Attributes:
        kernel: (K, K), K odd, non-negative, of sum 1.
        linear_light: It blurred light; False: encoded values, as in photos that hold light as it
            is, and look dark.
        search: Number of the search that it comes from.
        agreement: How like it the kernels of other searches are, 0 to 1: the mean of the two
            searches that came nearest.
        other_light: How like it the nearest kernel of a search in the other light is.
        drawn: It was sought by edges that a network drew.
        halved: It was sought at half the photo's size.
    """

    kernel: Float32
    linear_light: bool
    drawn: bool = False
    halved: bool = False
    search: int = 0
    agreement: float = 0.0
    other_light: float = 0.0


@dataclass(frozen=True, kw_only=True, eq=False)
class BlurSearch:
    """What was found when the blur of a photo was looked for.

    Attributes:
        region: Rows and columns of the photo that were looked at.
        noise: Standard deviation of the photo's noise, of sRGB-encoded values.
        kernels: None of them chosen yet, first one of each search; none at all if the region is
            flat.
    """

    region: Region
    noise: float
    kernels: Sequence[FoundKernel]


def search_blur(
    pixels: Float32, *, threads: int = 0, networks: KernelNetworks | None = None,
    told: Sequence[Float32] = (),
) -> BlurSearch:  # fmt: skip
    """Look for the kernel of a photo in several ways.

    Light is what a sensor adds up, so light is looked at first: of photos blurred in light, kernels
    found in encoded values are worse, and undoing their blur there costs several dB (ADR 0009).

    Args:
        pixels: (H, W, 3) sRGB-encoded in [0, 1], sides of :data:`LEAST_SIDE_PX` at least.
        threads: To work with; 0 takes one per core. The result does not depend on it.
        networks: Draw edges and trace paths in searches that find more than those whose place they
            take; None: there are none.
        told: Kernels of light that something else tells of, (K, K), K odd, of sum 1: they stand
            among those that are found, and by networks are refined as well.

    Raises:
        OptionError: If the photo is too small or holds NaN.
    """
    check_searchable(pixels)
    planes = {
        True: srgb_to_linear(pixels).mean(axis=2, dtype=np.float32),
        False: np.clip(pixels, 0, 1).mean(axis=2, dtype=np.float32),
    }
    unusable: Bool = pixels.max(axis=2) > CLIPPED
    noise = estimate_noise(pixels)
    region = choose_region(planes[True], unusable, _REGION_PX)
    parts = _cut(planes, unusable, region)
    steep = {light: _steepness(plane) for light, plane in parts.planes.items()}
    if min(steep.values()) < _LEAST_STEEP:
        return BlurSearch(region=region, noise=noise, kernels=())
    exposures = {light: np.float32(max(1.0, _STEEP / x)) for light, x in steep.items()}
    halves = min(pixels.shape[:2]) >= _LEAST_HALVED_PX

    def seek(job: tuple[_Part, bool, Search]) -> FoundKernel:
        part, light, search = job
        kernel = search_kernel(part.planes[light] * exposures[light], part.unusable, search)
        return FoundKernel(kernel=_full_size(kernel, part), linear_light=light)

    def refine(first: FoundKernel) -> FoundKernel:
        plane = wide.planes[first.linear_light]
        if networks is not None:
            kernel = refine_by_edges(plane, wide.unusable, first.kernel, networks)
            return replace(first, kernel=kernel, drawn=True)
        lit = plane * exposures[first.linear_light]
        return replace(first, kernel=refine_kernel(lit, wide.unusable, first.kernel, _REFINE))

    searches = _SEARCHES if networks is None else _WITH_DRAWN
    jobs = [(parts, light, search) for light in _LIGHTS for search in searches]
    if halves and networks is None:
        half = _at_half_size(planes, unusable)
        jobs += [(half, light, _AT_HALF_SIZE) for light in _LIGHTS]
    with ThreadPoolExecutor(threads or cores()) as pool:
        if networks is None:
            found = list(pool.map(seek, jobs))
        else:
            drawing = pool.submit(_sought_by, networks, parts, _DRAWN_PX)  # what takes longest
            found = list(pool.map(seek, jobs))
            found += drawing.result()
            if not _is_sure(drawing.result()):
                ways = [(parts, _OTHER_WAY_PX)]
                if halves:
                    ways.append((_at_half_size(planes, unusable), _AT_HALF_SIZE.canvas_px))
                others = [pool.submit(_sought_by, networks, *way) for way in ways]
                found += [kernel for other in others for kernel in other.result()]
                found = beyond_the_canvas(found) or found
        others_told = [FoundKernel(kernel=kernel, linear_light=True) for kernel in told]
        found = [replace(each, search=n) for n, each in enumerate([*found, *others_told])]
        wide = _cut(planes, unusable, choose_region(planes[True], unusable, _REFINED_PX))
        order = sorted((with_agreement(each, found) for each in found), key=_most_agreed)
        if networks is None:
            best = order[:_REFINED]
            again = [replace(each, linear_light=light) for each in best for light in _LIGHTS]
        else:
            again = [*_best_drawn(order), *found[len(found) - len(told) :]]
        found += pool.map(refine, again)
        kernels = list(pool.map(lambda each: with_agreement(each, found), found))
    return BlurSearch(region=region, noise=noise, kernels=kernels)


@dataclass(frozen=True, eq=False)
class _Part:
    """A part of a photo, or of a smaller copy of it: light and encoded values."""

    planes: Mapping[bool, Float32]
    unusable: Bool
    shrink: int = 1


def _cut(planes: Mapping[bool, Float32], unusable: Bool, region: Region, shrink: int = 1) -> _Part:
    cut = {light: np.ascontiguousarray(plane[region]) for light, plane in planes.items()}
    return _Part(cut, np.ascontiguousarray(unusable[region]), shrink)


def _at_half_size(planes: Mapping[bool, Float32], unusable: Bool) -> _Part:
    rows, columns = (side // 2 for side in unusable.shape)
    smaller = {light: resize_plane(plane, rows, columns) for light, plane in planes.items()}
    out = resize_plane(unusable.astype(np.float32), rows, columns) > 0
    return _cut(smaller, out, choose_region(smaller[True], out, _REGION_PX), 2)


def _is_sure(drawn: Sequence[FoundKernel]) -> bool:
    kernels = [each.kernel for each in drawn]
    side = max(len(trim_kernel(kernel)) for kernel in kernels)
    return side <= _SURE_SHARE * _DRAWN_PX and agreement(*kernels) >= _SURE


def beyond_the_canvas(found: Sequence[FoundKernel]) -> list[FoundKernel]:
    """The kernels of half size, if they agree on a path that full size has no room for."""
    halved = [each for each in found if each.halved]
    kernels = [each.kernel for each in halved]
    if not halved or min(kernel_extent(kernel)[0] for kernel in kernels) < _BEYOND_PX:
        return []
    return halved if agreement(*kernels) >= _SURE else []


def _sought_by(networks: KernelNetworks, part: _Part, canvas_px: int) -> list[FoundKernel]:
    planes = [part.planes[light] for light in _LIGHTS]
    kernels = search_by_edges(planes, part.unusable, networks, canvas_px=canvas_px)
    return [
        FoundKernel(
            kernel=_full_size(kernel, part),
            linear_light=light,
            drawn=True,
            halved=part.shrink > 1,
        )
        for kernel, light in zip(kernels, _LIGHTS, strict=True)
    ]


def _best_drawn(order: Sequence[FoundKernel]) -> list[FoundKernel]:
    """The first in each light of those found at full size, and of those found at half size."""
    best: dict[tuple[bool, bool], FoundKernel] = {}
    for each in order:
        if each.drawn:
            best.setdefault((each.linear_light, each.halved), each)
    return list(best.values())


def _full_size(kernel: Float32, part: _Part) -> Float32:
    return kernel if part.shrink == 1 else resized(kernel, part.shrink)


def with_agreement(one: FoundKernel, found: Sequence[FoundKernel]) -> FoundKernel:
    """A kernel with how like it those of other searches are.

    Args:
        one: Of one of the searches.
        found: The kernels of all searches; first one of each.
    """
    nearest: dict[int, float] = {}
    for other in found:
        if other.search != one.search:
            alike = agreement(one.kernel, other.kernel)
            nearest[other.search] = max(nearest.get(other.search, 0.0), alike)
    light = found[one.search].linear_light
    across = [like for number, like in nearest.items() if found[number].linear_light != light]
    return replace(
        one, agreement=float(np.mean(sorted(nearest.values())[-2:])), other_light=max(across)
    )


def _most_agreed(found: FoundKernel) -> float:
    return -found.agreement


def check_searchable(pixels: Float32) -> None:
    """Check that a blur can be looked for in pixels.

    Raises:
        OptionError: If they are too few, or hold NaN.
    """
    if pixels.ndim != 3 or min(pixels.shape[:2]) < LEAST_SIDE_PX:  # noqa: PLR2004
        raise OptionError(
            f"a blur is looked for in photos of {LEAST_SIDE_PX} px a side at least, got "
            f"{'x'.join(map(str, pixels.shape))}"
        )
    if not np.isfinite(pixels).all():
        raise OptionError("a photo must be finite, got NaN or infinity in it")


def _steepness(plane: Float32) -> float:
    """How large a gradient is that most of the plane stays below."""
    right, down = np.diff(plane, axis=1)[:-1], np.diff(plane, axis=0)[:, :-1]
    return float(np.quantile(np.hypot(right, down), _STEEP_SHARE))
