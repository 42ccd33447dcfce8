"""How far two ways of computing the same in floating point may be apart on any processor.

In which order a sum is added depends on the instructions that a processor has, on the number of
threads and on the library. Each addition rounds by at most the unit roundoff u of what there is
so far. The roundings of n additions are as good as independent, so they grow as the root of n
(Higham & Mary, *A new approach to probabilistic rounding error analysis*, 2019), and those of
sums that are made of each other's results as the root of all their terms together.
"""

import math

import numpy as np

SAFETY = 16
"""Deviations that are allowed: of a million errors the largest has 5; times the root of 2, since
both sides are rounded; and twice that for roads with larger sums in between, such as Winograd's."""


def unit_roundoff(dtype=np.float32):
    """Return by how much, relatively, one rounding to the nearest changes a number at most."""
    return float(np.finfo(dtype).eps) / 2


def root_mean_square(values):
    """Return how large numbers are: of a tensor, an array or a single number."""
    return float(np.sqrt(np.mean(np.square(np.asarray(values, np.float64)))))


def sums_bound(*terms, values, dtype=np.float32):
    """Bound the difference of two results of a chain of sums, added in whatever order.

    Args:
        terms: How many terms each sum of the chain has: of a convolution the input channels
            times the pixels of its kernel.
        values: The result, or whatever is of the size of what is added up.
        dtype: What is computed in; rounding to it shows, whatever ``values`` is held in.
    """
    return SAFETY * math.sqrt(sum(terms)) * unit_roundoff(dtype) * root_mean_square(values)


def network_bound(network, values, dtype=np.float32):
    """Bound the difference of two results of a network: each layer adds a value a weight.

    Args:
        network: A PyTorch module; skips and residual branches count as if all came in turn.
        values: The result, or 1 for pictures in [0, 1].
        dtype: As for :func:`sums_bound`.
    """
    terms = [weight[0].numel() for weight in network.parameters() if weight.ndim > 1]
    return sums_bound(*terms, values=values, dtype=dtype)


def transform_bound(values, dtype=np.float32):
    """Bound the difference of two convolutions with a kernel of sum 1, by Fourier transforms.

    There are three transforms of 2^20 pixels at most, of 20 stages that multiply and add once
    each (Higham, *Accuracy and stability of numerical algorithms*, 2002, theorem 24.2). Both
    kernel and photo bring their rounding to a pixel, at the size of the photo.

    Args:
        values: The photo.
        dtype: As for :func:`sums_bound`.
    """
    return sums_bound(*[2 * 20] * 3, values=values, dtype=dtype)
