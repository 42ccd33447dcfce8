"""The steps of the search by edges in PyTorch, so that a network can learn through them.

The same as :mod:`unblur.imaging.deblur.learned_search`, for batches of planes of one size.
"""

import math
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from unblur.imaging.deblur.kernel_search import SCALE_STEP, centred, scales_of
from unblur.imaging.deblur.learned_search import (
    CONTRAST,
    EVEN,
    MARGIN_PX,
    MOST,
    PRIORS,
    RIDGES,
    standard,
)
from unblur.imaging.deblur.sharp_edges import wrapped
from unblur.imaging.fourier import good_size, roughness
from unblur.imaging.pyramid import resize_plane

_SHIFT_PX: Final = 3
"""Kernels are as good if they lie so far beside the true one: the picture moves, no more."""
_LEAST_PX: Final = 16
_LOST_PX: Final = 128
_LONGEST_PX: Final = 64
"""Photos have as much in waves that are longer as in those of this length."""
_LOST_NOISE: Final = 0.01
"""Standard deviation, of planes of the usual contrast."""


class Scale:
    """Planes at one size, with all that does not change from round to round.

    Args:
        planes: (B, h, w), standardised.
        side: Of the kernels, odd.
    """

    def __init__(self, planes: Tensor, side: int) -> None:
        _, self.height, self.width = planes.shape
        self.planes, self.side = planes, side
        reach = side // 2
        pad = 2 * reach + MARGIN_PX
        size = good_size(self.height + pad), good_size(self.width + pad)
        around = [torch.from_numpy(wrapped(each.numpy(), size)) for each in planes.cpu()]
        self._spectrum = torch.fft.rfft2(torch.stack(around).to(planes.device))
        self._rough = torch.from_numpy(roughness(size)).to(planes.device) + float(EVEN)
        self._size = size
        used = torch.zeros(self.height, self.width, device=planes.device)
        margin = min(reach + 1, min(self.height, self.width) // 4)
        used[margin:-margin, margin:-margin] = 1
        self._seen_size = good_size(self.height + 2 * reach), good_size(self.width + 2 * reach)
        self._seen = [torch.fft.rfft2(each * used, s=self._seen_size) for each in _steps(planes)]

    def shown(self, kernels: Tensor) -> Tensor:
        """What the network is shown, (B, 3, h, w), for kernels (B, K, K)."""
        reach = self.side // 2
        bottom, right = (length - self.side for length in self._size)
        spread = functional.pad(kernels, (0, right, 0, bottom)).roll((-reach, -reach), (1, 2))
        blur = torch.fft.rfft2(spread)
        data, energy = blur.conj() * self._spectrum, blur.abs().square()
        maps = [self.planes]
        for prior in PRIORS:
            plane = torch.fft.irfft2(data / (energy + prior * self._rough), s=self._size)
            maps.append(plane[:, : self.height, : self.width].clamp(-MOST, MOST) - self.planes)
        return torch.stack(maps, dim=1)

    def fits(self, edges: Tensor) -> list[Tensor]:
        """The kernels, (B, K, K), of maximum 1, that edges (B, 2, h, w) give with each ridge."""
        spectra = [torch.fft.rfft2(each, s=self._seen_size) for each in edges.unbind(1)]
        energy = sum(each.real.square() + each.imag.square() for each in spectra)
        cross = sum(x * y.conj() for x, y in zip(self._seen, spectra, strict=True))
        reach, kernels = self.side // 2, []
        for ridge in RIDGES:
            whole = torch.fft.irfft2(cross / (energy + ridge), s=self._seen_size)
            fitted = whole.roll((reach, reach), (1, 2))[:, : self.side, : self.side]
            kernels.append(fitted / fitted.amax((1, 2), keepdim=True).clamp(min=1e-8))
        return kernels


def scales(planes: Tensor, kernels: Tensor) -> list[tuple[Scale, Tensor]]:
    """From coarse to fine, planes and their kernels.

    Args:
        planes: (B, h, w), standardised.
        kernels: (B, K, K), the true ones, K odd.
    """
    canvas = kernels.shape[-1]
    found = []
    for scale in range(scales_of(canvas), -1, -1):
        ratio = SCALE_STEP**scale
        side = max(3, -int(-canvas * ratio // 1) // 2 * 2 + 1)
        if scale == 0:
            found.append((Scale(planes, canvas), kernels))
            continue
        rows, columns = (max(_LEAST_PX, round(length * ratio)) for length in planes.shape[1:])
        smaller = [standard(resize_plane(each.numpy(), rows, columns)) for each in planes.cpu()]
        at = torch.stack([torch.from_numpy(each) for each in smaller]).to(planes.device)
        found.append((Scale(at, side), moved_to_middle(resized(kernels, side))))
    return found


def first_kernels(count: int, side: int, like: Tensor) -> Tensor:
    """Two pixels side by side: kernels that say nothing yet."""
    kernels = torch.zeros(count, side, side, device=like.device)
    kernels[:, side // 2, side // 2 : side // 2 + 2] = 0.5
    return kernels


def resized(kernels: Tensor, side: int) -> Tensor:
    """Kernels on a canvas of another side that stands for as much of the picture."""
    size = (side, side)
    smaller = side < kernels.shape[-1]
    larger = functional.interpolate(kernels[:, None], size, mode="bicubic", antialias=smaller)
    positive = torch.relu(larger[:, 0])
    return positive / positive.sum((1, 2), keepdim=True)


def moved_to_middle(kernels: Tensor) -> Tensor:
    """Kernels moved by whole pixels so that their centres of mass are nearest to the middle."""
    moved = [torch.from_numpy(centred(each.numpy())) for each in kernels.detach().cpu()]
    return torch.stack(moved).to(kernels.device)


def likeness(kernels: Tensor, true: Tensor, *, smoothed: bool = False) -> Tensor:
    """Correlations with true kernels where they lie best on one another, (B,); 1 at most.

    Args:
        kernels: (B, K, K).
        true: The same.
        smoothed: Both seen through a small blur, so that a path a pixel beside counts, too.
    """
    if smoothed:
        weights = torch.tensor([1.0, 2.0, 1.0], device=kernels.device) / 4
        blur = (weights[:, None] * weights)[None, None]
        kernels, true = (
            functional.conv2d(each[:, None], blur, padding=2)[:, 0] for each in (kernels, true)
        )
    side = good_size(2 * kernels.shape[-1] + 2 * _SHIFT_PX)
    one, other = (torch.fft.rfft2(each, s=(side, side)) for each in (kernels, true))
    lags = torch.fft.irfft2(one * other.conj(), s=(side, side))
    window = 2 * _SHIFT_PX + 1
    near = lags.roll((_SHIFT_PX, _SHIFT_PX), (1, 2))[:, :window, :window]
    norms = kernels.flatten(1).norm(dim=1) * true.flatten(1).norm(dim=1)
    alike: Tensor = near.flatten(1).amax(1) / (norms + 1e-8)
    return alike


def lost_db(kernels: Tensor, true: Tensor) -> Tensor:
    """What a picture loses when a wrong kernel undoes its blur, (B,), in dB of mean squared error.

    Expected of a picture with the spectrum of photos, of the contrast that planes are brought to,
    with a little noise, by Wiener's deconvolution; both kernels with their centre of mass at the
    origin, as they are undone.

    Args:
        kernels: (B, K, K), of sum 1.
        true: The same.
    """
    size = max(_LOST_PX, 2 * good_size(-(-kernels.shape[-1] // 2)))  # even
    down = torch.fft.fftfreq(size, device=kernels.device)[:, None]
    right = torch.fft.rfftfreq(size, device=kernels.device)
    power = 1 / (down**2 + right**2 + _LONGEST_PX**-2)
    power[0, 0] = 0
    twice = torch.full_like(right, 2.0)
    twice[0] = twice[-1] = 1
    power *= float(CONTRAST) ** 2 * size**2 / (power * twice).sum()
    noise = _LOST_NOISE**2 / power.clamp(min=1e-12)

    def spectrum(kernels: Tensor) -> Tensor:
        """With the centre of mass at the origin."""
        steps = torch.arange(kernels.shape[-1], dtype=kernels.dtype, device=kernels.device)
        rows, columns = ((kernels * x).sum((1, 2)) for x in (steps[:, None], steps))
        turn = 2 * math.pi * (down * rows[:, None, None] + right * columns[:, None, None])
        moved: Tensor = torch.fft.rfft2(kernels, s=(size, size)) * torch.exp(1j * turn)
        return moved

    one, other = spectrum(kernels), spectrum(true)

    def error(by: Tensor) -> Tensor:
        energy = by.abs().square() + noise
        missed = (by.conj() * other / energy - 1).abs().square() * power
        through = by.abs().square() * _LOST_NOISE**2 / energy.square()
        total: Tensor = ((missed + through) * twice).sum((1, 2))
        return total

    lost: Tensor = 10 * torch.log10(error(one) / error(other))
    return lost


def _steps(planes: Tensor) -> tuple[Tensor, Tensor]:
    """Gradients to the right and down; none beyond the edges."""
    right = functional.pad(planes[:, :, 1:] - planes[:, :, :-1], (0, 1))
    return right, functional.pad(planes[:, 1:] - planes[:, :-1], (0, 0, 0, 1))
