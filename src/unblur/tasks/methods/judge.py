"""Judge what was found about a photo's blur: which kernel to take, or none."""

import numpy as np
from numpy.typing import NDArray

from unblur.imaging.deblur.blind import BlurSearch, Hypothesis
from unblur.imaging.light import linear_to_srgb, srgb_to_linear

Float32 = NDArray[np.float32]

_TINY = 1e-9


def with_network(hypothesis: Hypothesis, found: BlurSearch, network: Float32) -> dict[str, float]:
    """A hypothesis's signals, and how like the network's its change of the photo is.

    Args:
        hypothesis: One of ``found``.
        found: What was found about the photo.
        network: (h, w, 3) the region as the network restores it, sRGB-encoded.
    """
    before = linear_to_srgb(found.plane)
    after = linear_to_srgb(hypothesis.deblurred)
    other = linear_to_srgb(srgb_to_linear(network).mean(axis=2))
    margin = min(len(hypothesis.kernel) // 2 + 4, min(before.shape) // 5)
    inside = (slice(margin, -margin), slice(margin, -margin))
    own, others = ((x - before)[inside].astype(np.float64) for x in (after, other))
    own, others = own - own.mean(), others - others.mean()
    size, other_size = (float(np.sqrt(np.mean(x**2))) for x in (own, others))
    return {
        **hypothesis.signals,
        "like_network": float(np.mean(own * others)) / (size * other_size + _TINY),
        "network_change": other_size,
        "own_change": size,
        "apart": float(np.sqrt(np.mean((own - others) ** 2))),
    }
