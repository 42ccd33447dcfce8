"""Fit a kernel once more, to what the network that knows kernels made of a photo."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.imaging.blur.convolution import trim_kernel
from unblur.imaging.deblur.blind import CLIPPED, BlurSearch, FoundKernel, with_agreement
from unblur.imaging.deblur.kernel_fit import fit_kernel_to
from unblur.imaging.deblur.kernel_search import centred, fit_to_strong_edges
from unblur.imaging.deblur.kernel_support import above_noise, dilated
from unblur.imaging.deblur.known.guide import deconvolved_guide
from unblur.imaging.deblur.learned_search import KernelNetworks, refine_by_pictures, shown_planes
from unblur.imaging.deblur.signals import blurred_above, unexplained_share
from unblur.imaging.light import brightness
from unblur.tasks.methods.guided import GuidedNetwork

Float32 = NDArray[np.float32]
Bool = NDArray[np.bool_]

_REACH_PX: Final = 14
_ROUND_PX: Final = 3
"""The kernel may reach so far from its middle, or so much farther than it did."""
_ROUNDS: Final = 2
_FARTHER: Final = 2
"""Where strong edges see a path so many times as long, the picture is restored without it before
the fit to all of it; else what was restored for the former serves for both."""
_AFTER_EDGES: Final = (0.05, 0.2)
_AFTER_ALL: Final = (0.03, 0.1)
"""Shares of its largest value: what is weaker is noise, or less than the second, and touches
nothing that is more."""
_NOT_BETTER: Final = 2.0
"""A kernel that leaves so many times as much of a restored picture unexplained is none better: its
middle has moved, and would move the photo."""


def refitted(
    part: Float32, found: FoundKernel, search: BlurSearch, guided: GuidedNetwork, *, threads: int
) -> Iterator[FoundKernel]:
    """The kernels between a photo's part and what the network makes of it with the one before.

    Each round fits twice: to the strong edges, which finds the faint, long end of a path that
    dwelt at the other one, and then to all of the picture, which finds where the middle is. Of
    kernels that are nearly right that makes better ones, of others often worse ones: all are to be
    judged (ADR 0009).

    Args:
        part: (h, w, 3) the region that was looked at, sRGB-encoded in [0, 1].
        found: The first kernel.
        search: What was found besides.
        guided: The network.
        threads: To work with; 0 takes one per core.

    Yields:
        The kernel of each round.
    """
    light = found.linear_light
    clipped = part.max(axis=2) > CLIPPED
    before = brightness(part, linear_light=light)
    kernel = found.kernel

    def brightness_without(kernel: Float32) -> Float32:
        guide = deconvolved_guide(
            part, kernel, linear_light=light, noise=search.noise, threads=threads
        )
        restored = np.clip(guided.restore(part, guide)[..., :3], 0, 1)
        return brightness(restored, linear_light=light)

    for _ in range(_ROUNDS):
        after = brightness_without(kernel)
        by_edges = _fitted(before, after, _wider(kernel), clipped, to_all=False)
        if len(trim_kernel(by_edges)) > _FARTHER * len(trim_kernel(kernel)):
            after = brightness_without(by_edges)
        kernel = _fitted(before, after, _wider(by_edges), clipped, to_all=True)
        yield with_agreement(replace(found, kernel=kernel), search.kernels)


def by_pictures(
    part: Float32,
    found: FoundKernel,
    *,
    noise: float,
    guided: GuidedNetwork,
    networks: KernelNetworks,
    threads: int,
) -> FoundKernel:
    """A kernel traced once more, by two restorations of the part with the kernel so far.

    Args:
        part: (h, w, 3) the region that was looked at, sRGB-encoded in [0, 1].
        found: The kernel.
        noise: Standard deviation of the photo's noise, of sRGB-encoded values.
        guided: Restores: what it makes of the part, and what the photo made of that.
        networks: That have learned from such pictures.
        threads: To work with; 0 takes one per core.

    Returns:
        The kernel; as it was if the new one explains far less of the photo (ADR 0013).
    """
    light = found.linear_light
    shown = guided.guide_of_second(
        part, found.kernel, linear_light=light, noise=noise, threads=threads
    )
    plane, undone, first = shown_planes(part, shown, linear_light=light)
    kernel = refine_by_pictures(plane, (undone, first), found.kernel, networks)
    before, after = (_unexplained(plane, first, each) for each in (found.kernel, kernel))
    return found if after > _NOT_BETTER * before else replace(found, kernel=kernel)


def _unexplained(blurred: Float32, restored: Float32, kernel: Float32) -> float:
    """Gradients that a restored plane, blurred again, leaves of a blurred one, by its own."""
    left = blurred_above(restored, kernel, blurred, centred=True)
    return unexplained_share(left, blurred, kernel)


def _wider(kernel: Float32) -> Float32:
    reach = max(_REACH_PX, len(kernel) // 2 + _ROUND_PX)
    return np.pad(kernel, reach - len(kernel) // 2)


def _fitted(
    blurred: Float32, restored: Float32, kernel: Float32, clipped: Bool, *, to_all: bool
) -> Float32:
    """The kernel between two planes, on the canvas of a first one."""
    unusable = dilated(clipped, 1 + len(kernel) // 4)
    support = np.ones(kernel.shape, bool)
    if to_all:
        weight = 1 - unusable.astype(np.float32)
        fitted = fit_kernel_to(blurred, restored, weight, support, start=kernel).kernel
    else:
        fitted = fit_to_strong_edges(blurred, restored, unusable, support)
    if fitted.max() <= 0:
        return kernel
    fitted = np.where(above_noise(fitted, _AFTER_ALL if to_all else _AFTER_EDGES), fitted, 0)
    return centred((fitted / fitted.sum()).astype(np.float32))
