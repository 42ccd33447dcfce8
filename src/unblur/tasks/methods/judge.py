"""Judge what was found about a photo's blur: which kernel to take, or none."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from unblur.imaging.deblur.blind import BlurSearch, Hypothesis
from unblur.imaging.light import linear_to_srgb, srgb_to_linear

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

_COEFFICIENTS: Final = Path(__file__).with_name("judge.json")
"""Written by ``benchmarks/judge_fit.py``, from tries with known truth."""
_TINY: Final = 1e-9


def with_network(hypothesis: Hypothesis, found: BlurSearch, network: Float32) -> dict[str, float]:
    """A hypothesis's signals, and how like the network's its change of the photo is.

    Args:
        hypothesis: One of ``found``.
        found: What was found about the photo.
        network: (h, w, 3) the region as the network restores it, sRGB-encoded.
    """
    before, after = found.plane, hypothesis.deblurred
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


def predicted_gain(signals: Mapping[str, float]) -> float:
    """How much more than the network a kernel will gain, in dB of PSNR, with caution.

    The prediction of the mean, less a margin that all but a few percent of the calibration's
    wrong takes stayed below.

    Args:
        signals: From :func:`with_network`.
    """
    fitted = _coefficients()
    return float(features(signals, fitted) @ fitted["weights"]) - float(fitted["margin"])


def features(signals: Mapping[str, float], fitted: Mapping[str, Any]) -> Float64:
    """Signals as the regression takes them: clipped to what it has seen, and their squares."""
    values = np.array([signals[name] for name in fitted["names"]], np.float64)
    values = np.where(fitted["logarithmic"], np.log(np.maximum(values, 1e-6)), values)
    values = np.clip(values, fitted["least"], fitted["most"])
    values = (values - fitted["mean"]) / fitted["spread"]
    return np.concatenate([[1.0], values, values**2 - 1])


@cache
def _coefficients() -> dict[str, Any]:
    read = json.loads(_COEFFICIENTS.read_text(encoding="utf-8"))
    return {
        key: np.array(value) if isinstance(value, list) and key != "names" else value
        for key, value in read.items()
    }
