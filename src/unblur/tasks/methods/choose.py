"""Choose the kernel that is expected to give most, of all that were found."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from unblur.imaging.deblur.blind import BlurSearch, FoundKernel
from unblur.tasks.methods.guided import GuidedNetwork
from unblur.tasks.methods.judge import likeliest, measure_kernels, predicted_gains
from unblur.tasks.methods.lights import Lights
from unblur.tasks.methods.network import NetworkMethod
from unblur.tasks.methods.refit import refitted
from unblur.tasks.methods.scales import network_on

_HOPELESS_DB: Final = -0.3
"""A kernel that is expected to give less is not fitted once more."""


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
