"""Fit a kernel once more, to what the network that knows kernels made of a photo."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.imaging.deblur.blind import CLIPPED, BlurSearch, FoundKernel, with_agreement
from unblur.imaging.deblur.guide import deconvolved_guide
from unblur.imaging.deblur.kernel_fit import fit_kernel_to
from unblur.imaging.deblur.kernel_search import centred, cleaned
from unblur.imaging.deblur.kernel_support import dilated
from unblur.tasks.methods.guided import GuidedNetwork
from unblur.tasks.methods.judge import brightness

Float32 = NDArray[np.float32]

_ROUND_PX: Final = 3
"""The kernel may grow by so much on every side."""
_SUPPORT: Final = 0.02
_FAINT: Final = 0.05


def refitted(
    part: Float32, found: FoundKernel, search: BlurSearch, guided: GuidedNetwork, *, threads: int
) -> FoundKernel:
    """The kernel between a photo's part and what the network makes of it with a first kernel.

    Of kernels that are nearly right it makes better ones, of others worse ones: both are to be
    judged (ADR 0009).

    Args:
        part: (h, w, 3) the region that was looked at, sRGB-encoded in [0, 1].
        found: The first kernel.
        search: What was found besides.
        guided: The network.
        threads: To work with; 0 takes one per core.
    """
    light = found.linear_light
    guide = deconvolved_guide(
        part, found.kernel, linear_light=light, noise=search.noise, threads=threads
    )
    restored = np.clip(guided.restore(part, guide)[..., :3], 0, 1)
    kernel = np.pad(found.kernel, _ROUND_PX)
    support = dilated(kernel > _SUPPORT * kernel.max(), _ROUND_PX)
    clipped = dilated(part.max(axis=2) > CLIPPED, 1 + len(found.kernel) // 2)
    fit = fit_kernel_to(
        brightness(part, linear_light=light),
        brightness(restored, linear_light=light),
        1 - clipped.astype(np.float32),
        support,
        start=kernel,
    )
    kernel = centred(cleaned(fit.kernel, _FAINT))
    again = FoundKernel(kernel=kernel, linear_light=light, search=found.search)
    return with_agreement(again, search.kernels)
