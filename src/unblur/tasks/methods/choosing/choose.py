"""Choose the kernel that is expected to give most, of all that were found."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from unblur.imaging.deblur.blind import BlurSearch, FoundKernel
from unblur.tasks.methods.choosing.judge import (
    caution_db,
    likeliest,
    measure_kernels,
    predicted_gains,
)
from unblur.tasks.methods.choosing.lights import Lights
from unblur.tasks.methods.choosing.refit import refitted
from unblur.tasks.methods.guided import GuidedNetwork
from unblur.tasks.methods.network import NetworkMethod
from unblur.tasks.methods.scales import network_on

_HOPELESS_DB: Final = -0.3
"""A kernel that is expected to give less is not fitted once more."""
SHORT_BLUR_PX: Final = 3.0
_SHORT_BLUR_DB: Final = 2.0
"""Of photos that seem to be blurred less than the former, some were never sharper: a kernel has to
promise the latter."""
LONG_BLUR_PX: Final = (18.0, 22.0)
_LONG_BLUR_DB: Final = 0.5
"""Of photos that seem to be blurred more, the network restores so much more at scales that suit
them than at their own size, which the judge knows."""


def needed_db(blur_px: float | None) -> float:
    """What a kernel has to promise to be undone.

    Args:
        blur_px: How long the blur seems; None if there is nothing to judge by.
    """
    short = blur_px is not None and blur_px < SHORT_BLUR_PX
    return max(caution_db(), _SHORT_BLUR_DB) if short else caution_db()


def over_scales_db(hope_db: float, blur_px: float | None) -> float:
    """What is hoped for over the network at the scales that suit a blur, not at its own size.

    Args:
        hope_db: What the judge hopes for, over the network at the photo's own size.
        blur_px: As above.
    """
    return hope_db - float(np.interp(blur_px or 0, LONG_BLUR_PX, (0, _LONG_BLUR_DB)))


def best_kernel(
    lights: Lights,
    search: BlurSearch,
    network: NetworkMethod,
    guided: GuidedNetwork,
    *,
    judged: bool = True,
    threads: int = 0,
) -> tuple[FoundKernel, float, list[dict[str, float]]]:
    """The kernel that is expected to give most, fitted once more.

    Args:
        lights: Of the photo that was searched.
        search: What was found in it.
        network: Knows no kernel.
        guided: Restores by one.
        judged: Kernels that promise nothing are not fitted once more.
        threads: To work with; 0 takes one per core.

    Returns:
        The kernel; what it is expected to gain over the network, in dB; the signals of all that
        were found.
    """
    part = np.ascontiguousarray(lights.dark[search.region])
    plain = network_on(network, part)

    def measured(kernels: Sequence[FoundKernel]) -> list[dict[str, float]]:
        return measure_kernels(part, kernels, plain, noise=search.noise, threads=threads)

    among = measured(search.kernels)
    hoped = lights.promised(search.kernels, predicted_gains(among, among))
    best = likeliest(search.kernels, hoped, part)
    found, hope = search.kernels[best], hoped[best]
    if judged and hope < _HOPELESS_DB:
        return found, hope, among
    again = list(refitted(part, found, search, guided, threads=threads))
    hoped_again = lights.promised(again, predicted_gains(measured(again), among))
    best = int(np.argmax(hoped_again))
    if hoped_again[best] > hope:
        return again[best], hoped_again[best], among
    return found, hope, among
