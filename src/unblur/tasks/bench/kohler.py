"""Köhler's score: the best match of a restored photo over all frames of its camera's path.

What a camera saw while it shook is not one sharp photo but some 199, each from another place; a
restored photo may be like any of them, and as bright as it pleases.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unblur.errors import OptionError
from unblur.metrics.fidelity import psnr_of_codes
from unblur.metrics.structure import LEAST_SIDE_PX, grey, ms_ssim_of_planes

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

METRICS = ("psnr", "ms_ssim", "psnr_rgb")


@dataclass(frozen=True, kw_only=True)
class Match:
    """How near a restored photo comes to the frames."""

    scores: Mapping[str, float]
    """By metric, each the best over all frames: ``psnr`` in dB and ``ms_ssim`` of the brightness,
    as the official script has them, and ``psnr_rgb`` over the channels. MS-SSIM is left out for
    photos that are too small for it."""
    frame: int
    """Index of the frame with the best PSNR."""
    shift: tuple[int, int]
    """Rows and columns by which the photo was moved to lie over that frame."""
    frames: int


class BestMatch:
    """Keeps the best over frames that come one after the other.

    For each frame x and restored photo z: z is scaled by sum(x z) / sum(z z), moved by the whole
    pixels at which the grey pictures correlate most, and both are black where they do not overlap.

    Args:
        restored: (H, W, 3) in [0, 1]; rounded to 8 bits, as the official script takes files.

    References:
        Köhler et al., *Recording and playback of camera shake*, ECCV 2012, section 4, and the
        script ``eval_image.m`` that comes with the data set.
    """

    def __init__(self, restored: Float32) -> None:
        self._codes = np.rint(np.clip(restored, 0, 1) * restored.dtype.type(255)).astype(np.float64)
        self._best: dict[str, float] = {}
        self._place = (0, (0, 0))
        self._count = 0

    def add(self, frame: "Frame") -> None:
        """Compare with one more frame.

        Raises:
            OptionError: If its shape is another.
        """
        if frame.codes.shape != self._codes.shape:
            raise OptionError(
                f"pictures differ in shape: {self._codes.shape} and {frame.codes.shape}"
            )
        scaled = self._codes * _scale(frame.codes, self._codes)
        shift = register(frame.spectrum, scaled.mean(axis=2))
        moved, seen = moved_by(scaled, shift), moved_by(np.ones_like(scaled), shift)
        masked = frame.codes * seen
        planes = grey(masked), grey(moved)
        # Outside the overlap both are black, and count as alike: so the official script has it.
        scores = {"psnr": psnr_of_codes(*planes), "psnr_rgb": psnr_of_codes(masked, moved)}
        if min(planes[0].shape) >= LEAST_SIDE_PX:
            scores["ms_ssim"] = ms_ssim_of_planes(*planes)
        if scores["psnr"] > self._best.get("psnr", -math.inf):
            self._place = self._count, shift
        for name, value in scores.items():
            self._best[name] = max(value, self._best.get(name, -math.inf))
        self._count += 1

    def result(self) -> Match:
        """The best so far.

        Raises:
            OptionError: If there was no frame.
        """
        if not self._count:
            raise OptionError("there are no frames to compare with")
        index, shift = self._place
        scores = {name: self._best[name] for name in METRICS if name in self._best}
        return Match(scores=scores, frame=index, shift=shift, frames=self._count)


class Frame:
    """One frame of the truth, ready to be compared with several photos.

    Args:
        pixels: (H, W, 3) in [0, 1].
    """

    def __init__(self, pixels: Float32) -> None:
        self.codes = np.rint(pixels * pixels.dtype.type(255)).astype(np.float64)
        self.spectrum = np.fft.rfft2(self.codes.mean(axis=2))


def register(spectrum: NDArray[np.complex128], plane: Float64) -> tuple[int, int]:
    """Rows and columns to move a plane by, so that it lies over another.

    Args:
        spectrum: Real transform of the other (H, W) plane.
        plane: (H, W).
    """
    correlation = np.fft.irfft2(spectrum * np.conj(np.fft.rfft2(plane)), plane.shape)
    peak = np.unravel_index(int(np.argmax(correlation)), plane.shape)
    down, right = (
        int(place) - side if place >= side // 2 else int(place)
        for place, side in zip(peak, plane.shape, strict=True)
    )
    return down, right


def moved_by(pixels: Float64, shift: tuple[int, int]) -> Float64:
    """(H, W, C) moved down and to the right by whole pixels; 0 where nothing came."""
    moved = np.zeros_like(pixels)
    target = tuple(slice(max(step, 0), min(step, 0) or None) for step in shift)
    source = tuple(slice(max(-step, 0), min(-step, 0) or None) for step in shift)
    moved[target] = pixels[source]
    return moved


def _scale(frame: Float64, restored: Float64) -> float:
    """The factor that brings a photo's brightness nearest to a frame's; 1 for a black photo."""
    power = float(np.vdot(restored, restored))
    return float(np.vdot(frame, restored)) / power if power else 1.0
