"""Scores of a restored photo against the sharp one, computed as the field defines them."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.checks import check_known
from unblur.metrics.fidelity import Pixels, codes, psnr, psnr_of_codes, ssim, ssim_of_codes
from unblur.metrics.structure import cw_ssim, cw_ssim_of_codes, ms_ssim, ms_ssim_of_codes

__all__ = ["METRICS", "check_metrics", "cw_ssim", "ms_ssim", "psnr", "score", "ssim"]

Codes = NDArray[np.float32] | NDArray[np.float64]

_OF_CODES: Final[Mapping[str, Callable[[Codes, Codes], float]]] = {
    "psnr": psnr_of_codes,
    "ssim": ssim_of_codes,
    "ms_ssim": ms_ssim_of_codes,
    "cw_ssim": cw_ssim_of_codes,
}
METRICS: Final = tuple(_OF_CODES)
"""Names of all; of each, more is better."""


def score(restored: Pixels, sharp: Pixels, metrics: Iterable[str] = METRICS) -> dict[str, float]:
    """Several metrics of one pair, each equal to the function of its name.

    Args:
        restored: (H, W, C) in [0, 1]; rounded to 8 bits, once, as it would be saved; or uint8.
        sharp: Same shape and range.
        metrics: Of :data:`METRICS`.

    Raises:
        OptionError: If the shapes differ, a side is too short for a metric, or a name is unknown.
    """
    names = tuple(metrics)
    check_metrics(names)
    first, second = codes(restored, sharp)
    return {name: _OF_CODES[name](first, second) for name in names}


def check_metrics(names: Iterable[str]) -> None:
    """Check that metrics are known.

    Raises:
        OptionError: If one is not.
    """
    for name in names:
        check_known("metric", name, METRICS)
