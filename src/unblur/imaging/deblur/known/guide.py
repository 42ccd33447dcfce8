"""What a network that knows the kernel is shown beside a photo."""

from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.devices import cores
from unblur.imaging.deblur.known.natural import LEAST_NOISE_GUESSED, Deconvolution
from unblur.imaging.light import linear_to_srgb, srgb_to_linear

Float32 = NDArray[np.float32]

_LEAST_NOISE: Final = 2 / 255
"""What a kernel that was found leaves counts as noise of so much; more noise than that counts as
it is (ADR 0009)."""
_BOLD: Final = 1.5
"""The brightness with the weaker prior is restored as if there were so much less noise."""


def deconvolved_guide(
    pixels: Float32, kernel: Float32, *, linear_light: bool, noise: float, threads: int = 0
) -> Float32:
    """A photo without a blur that was found, cautiously in colour and boldly in brightness.

    Args:
        pixels: (H, W, 3) sRGB-encoded in [0, 1].
        kernel: (K, K), K odd, non-negative, of sum 1.
        linear_light: It blurred light; False: the values as they are.
        noise: Standard deviation of the photo's noise, of sRGB-encoded values.
        threads: To work with; 0 takes one per core. The result does not depend on it.

    Returns:
        (H, W, 4) sRGB-encoded in [0, 1]: colour, and brightness with a weaker prior.
    """
    values = srgb_to_linear(pixels) if linear_light else np.ascontiguousarray(pixels, np.float32)
    brightness = values.mean(axis=2, dtype=np.float32)
    undo = Deconvolution(brightness.shape, kernel)
    less = max(noise, LEAST_NOISE_GUESSED) / _BOLD
    seen = undo.surrounded(brightness)
    with ThreadPoolExecutor(threads or cores()) as pool:
        colour = pool.submit(undo.light, values, noise=max(noise, _LEAST_NOISE), surrounded=seen)
        bold = pool.submit(undo.plane, brightness, noise=less, surrounded=seen)
    guide = np.concatenate([colour.result(), bold.result()[..., None]], axis=2)
    return linear_to_srgb(guide) if linear_light else np.clip(guide, 0, 1)


def posterior_guide(undone: Float32, restored: Float32) -> Float32:
    """What the second network is shown: what the photo and the first one said together.

    Args:
        undone: (H, W, 3) from :func:`unblur.imaging.deblur.known.posterior.posterior_mean`.
        restored: (H, W, C) what it was made of, C of 3 or more, colours first.

    Returns:
        (H, W, 4) sRGB-encoded in [0, 1]: colour, and the brightness that the first network gave:
        where the two differ, the photo had its say.
    """
    brightness = np.clip(restored[..., :3], 0, 1).mean(axis=2, keepdims=True, dtype=np.float32)
    return np.concatenate([undone, brightness], axis=2)


def beside_guide(pixels: Float32, guide: Float32 | None) -> Float32:
    """What the network sees: a photo, and by how much its guide differs from it.

    Args:
        pixels: (H, W, 3) sRGB-encoded in [0, 1].
        guide: (H, W, 4) from :func:`deconvolved_guide` or :func:`posterior_guide`; None: there is
            no kernel, nothing differs.

    Returns:
        (H, W, 7); the last channel is the difference from the mean of the photo's three.
    """
    mean = pixels.mean(axis=2, keepdims=True, dtype=np.float32)
    plain = np.concatenate([pixels, mean], axis=2)
    return np.concatenate([pixels, (plain if guide is None else guide) - plain], axis=2)
