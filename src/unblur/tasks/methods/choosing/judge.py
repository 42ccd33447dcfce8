"""Judge what was found about a photo's blur: which kernel to take, or none."""

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from unblur.devices import cores
from unblur.imaging.deblur.blind import CLIPPED, FoundKernel
from unblur.imaging.deblur.known.natural import Deconvolution
from unblur.imaging.deblur.signals import kernel_signals, unexplained_by
from unblur.imaging.deblur.varying_blur import Place, Window, assembled, nearest_kernel
from unblur.imaging.light import brightness, linear_to_srgb

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

_COEFFICIENTS: Final = Path(__file__).with_name("judge.json")
"""Written by ``benchmarks/judge_fit.py``, from tries with known truth."""
_TINY: Final = 1e-9
_LIGHT_DB: Final = 0.8
_LIGHT_IN_GREY_DB: Final = 0.3
"""Light is what a sensor adds up: a kernel of encoded values has to promise so much more, less in a
photo without colour, as which laboratories give light as it is (ADR 0009)."""


def measure_kernels(
    part: Float32,
    kernels: Sequence[FoundKernel],
    network: Float32,
    *,
    noise: float,
    threads: int = 0,
) -> list[dict[str, float]]:
    """What can be seen of every kernel that was found, without knowing the truth.

    Args:
        part: (h, w, 3) the region that was looked at, sRGB-encoded.
        kernels: What was found.
        network: (h, w, 3) the region as a network that knows no kernel restores it.
        noise: Standard deviation of the photo's noise, of sRGB-encoded values.
        threads: To work with; 0 takes one per core.
    """
    planes = {light: brightness(part, linear_light=light) for light in (True, False)}
    others = {light: brightness(network, linear_light=light) for light in (True, False)}
    of_photo = _of_photo(part, planes[True], noise)

    def measure(found: FoundKernel) -> dict[str, float]:
        light = found.linear_light
        # As when the judge was calibrated: by other surroundings its signals would be others.
        undo = Deconvolution(part.shape[:2], found.kernel, surround=False)
        restored = undo.plane(planes[light], noise=noise, guessed=True)
        left = unexplained_by(found.kernel, planes[light])
        return _signals(found, planes[light], restored, others[light], left) | of_photo

    with ThreadPoolExecutor(threads or cores()) as pool:
        return list(pool.map(measure, kernels))


def measure_places(  # noqa: PLR0913 - a photo and its blur
    pixels: Float32,
    found: FoundKernel,
    network: Float32,
    places: Sequence[Place],
    *,
    noise: float,
    windows: Sequence[Window] = (),
    threads: int = 0,
) -> list[dict[str, float]]:
    """What :func:`measure_kernels` sees, of a photo's blur in many parts of it.

    Args:
        pixels: (H, W, 3) the photo, sRGB-encoded.
        found: The kernel.
        network: (H, W, 3) the photo as a network that knows no kernel restores it.
        places: The parts.
        noise: Standard deviation of the photo's noise, of sRGB-encoded values.
        windows: Their kernels count instead, if there are any.
        threads: To work with; 0 takes one per core.
    """
    light = found.linear_light
    before, other = (brightness(x, linear_light=light) for x in (pixels, network))
    whole = Place(slice(0, before.shape[0]), slice(0, before.shape[1]))
    blurs = windows or [Window(whole, found.kernel)]
    bright = before if light else brightness(pixels, linear_light=True)

    def undone(plane: Float32, kernel: Float32) -> Float32:
        undo = Deconvolution(plane.shape, kernel, surround=False)
        return undo.plane(plane, noise=noise, guessed=True)

    def unexplained(plane: Float32, kernel: Float32) -> Float32:
        return unexplained_by(kernel, plane)

    def measure(place: Place) -> dict[str, float]:
        part = (place.rows, place.columns)
        planes = (np.ascontiguousarray(x[part]) for x in (before, after, other, left))
        own = replace(found, kernel=nearest_kernel(blurs, place))
        return _signals(own, *planes) | _of_photo(pixels[part], bright[part], noise)

    with ThreadPoolExecutor(threads or cores()) as pool:
        leaving = pool.submit(assembled, blurs, before, unexplained, threads=1)
        after = assembled(blurs, before, undone, threads=1)
        left = leaving.result()
        return list(pool.map(measure, places))


def _signals(
    found: FoundKernel, before: Float32, after: Float32, network: Float32, left: Float32
) -> dict[str, float]:
    """Of a kernel, of planes before and after deconvolution, the network's, what is unexplained."""
    light = found.linear_light
    return {
        **kernel_signals(before, found.kernel, after, left),
        **compared(
            *(shown(x, linear_light=light) for x in (before, after, network)),
            reach=len(found.kernel) // 2,
        ),
        "agreement": found.agreement,
        "other_light": found.other_light,
        "linear": float(light),
        "drawn": float(found.drawn),
    }


def shown(plane: Float32, *, linear_light: bool) -> Float32:
    """A plane of brightness as it looks."""
    return linear_to_srgb(plane) if linear_light else np.clip(plane, 0, 1)


def _of_photo(part: Float32, light: Float32, noise: float) -> dict[str, float]:
    """Signals of the photo itself; ``light`` is its brightness."""
    return {
        "noise": noise * 255,
        "light": float(light.mean()),
        "spread": float(light.std()),
        "clipped": float((part.max(axis=2) > CLIPPED).mean()),
    }


def compared(before: Float32, after: Float32, network: Float32, *, reach: int) -> dict[str, float]:
    """How like a network's change of a photo the change by a kernel is; (h, w), sRGB-encoded."""
    margin = min(reach + 4, min(before.shape) // 5)
    inside = (slice(margin, -margin), slice(margin, -margin))
    own, others = ((x - before)[inside].astype(np.float64) for x in (after, network))
    own, others = own - own.mean(), others - others.mean()
    size, other_size = (float(np.sqrt(np.mean(x**2))) for x in (own, others))
    return {
        "like_network": float(np.mean(own * others)) / (size * other_size + _TINY),
        "network_change": other_size,
        "own_change": size,
        "apart": float(np.sqrt(np.mean((own - others) ** 2))),
    }


def predicted_gains(
    signals: Sequence[Mapping[str, float]], among: Sequence[Mapping[str, float]]
) -> list[float]:
    """How much more than the network each kernel will gain, in dB of PSNR.

    Args:
        signals: From :func:`measure_kernels`.
        among: Those of all kernels that the search found; some signals count by how far they are
            from their mean.
    """
    fitted = coefficients()
    gains: Float64 = features(signals, among, fitted) @ fitted["weights"]
    return [float(each) for each in gains]


def likeliest(kernels: Sequence[FoundKernel], gains: Sequence[float], part: Float32) -> int:
    """Which of the kernels to take, if any: the one that promises most, of light rather than not.

    Args:
        kernels: What was found.
        gains: From :func:`predicted_gains`.
        part: (h, w, 3) what was looked at; without colour if its channels are equal.
    """
    light = _LIGHT_DB if np.ptp(part, axis=2).any() else _LIGHT_IN_GREY_DB
    return int(np.argmax(np.add(gains, [light * each.linear_light for each in kernels])))


def caution_db() -> float:
    """What must be predicted for all but a few percent of the calibration's wrong takes to stay."""
    return float(coefficients()["margin"])


def features(
    signals: Sequence[Mapping[str, float]],
    among: Sequence[Mapping[str, float]],
    fitted: Mapping[str, Any],
) -> Float64:
    """Signals as the regression takes them: clipped to what it has seen, and their squares.

    Args:
        signals: Of some kernels of a photo.
        among: See :func:`predicted_gains`.
        fitted: Which signals, and how.

    Returns:
        (kernels, features).
    """
    values = plain_features(signals, among, fitted)
    values = np.clip(values, fitted["least"], fitted["most"])
    values = (values - fitted["mean"]) / fitted["spread"]
    return np.hstack([np.ones((len(values), 1)), values, values**2 - 1])


def plain_features(
    signals: Sequence[Mapping[str, float]],
    among: Sequence[Mapping[str, float]],
    fitted: Mapping[str, Any],
) -> Float64:
    """Signals, some as logarithms, and how far some of them are from others'."""
    values, others = (
        np.array([[row[name] for name in fitted["names"]] for row in rows], np.float64)
        for rows in (signals, among)
    )
    values, others = (
        np.where(fitted["logarithmic"], np.log(np.maximum(x, 1e-6)), x) for x in (values, others)
    )
    at = [fitted["names"].index(name) for name in fitted["relative"]]
    return np.hstack([values, values[:, at] - others[:, at].mean(axis=0)])


@cache
def coefficients() -> dict[str, Any]:
    """What the calibration found."""
    read = json.loads(_COEFFICIENTS.read_text(encoding="utf-8"))
    words = {"names", "relative"}
    return {
        key: np.array(value) if isinstance(value, list) and key not in words else value
        for key, value in read.items()
    }
