"""Training losses; batches are (B, 3, H, W) in [0, 1], every loss is a mean over the batch."""

import torch
from torch import Tensor


def charbonnier(restored: Tensor, sharp: Tensor, *, epsilon: float = 1e-3) -> Tensor:
    """Mean of sqrt(d^2 + epsilon^2): the absolute difference, smooth at zero.

    Args:
        restored: (B, C, H, W).
        sharp: Same shape.
        epsilon: Difference below which the loss turns quadratic, in the range of the pixels.

    References:
        Charbonnier et al., *Two deterministic half-quadratic regularization algorithms*, 1994.
    """
    return torch.sqrt((restored - sharp).square() + epsilon**2).mean()


def log_mse(restored: Tensor, sharp: Tensor, *, floor: float = 3e-4) -> Tensor:
    """Mean over the batch of ln(MSE + floor), the MSE being each sample's own.

    Up to a factor this is PSNR, so a mildly blurred sample counts as much as a hopeless one; a
    plain mean of errors hears the hopeless ones only.

    Args:
        restored: (B, C, H, W).
        sharp: Same shape.
        floor: Error (3e-4 is 35 dB) far below which a sample weighs as in a plain mean; without
            it, samples that are all but sharp would drown the others.

    References:
        Chen et al., *Simple baselines for image restoration*, ECCV 2022, train on PSNR too.
    """
    return torch.log(_per_sample((restored - sharp).square()) + floor).mean()


def log_frequency(restored: Tensor, sharp: Tensor, *, floor: float = 3e-3) -> Tensor:
    """Mean over the batch of ln(:func:`frequency` + floor), each sample's own.

    Args:
        restored: (B, C, H, W).
        sharp: Same shape.
        floor: As for :func:`log_mse`, in the units of :func:`frequency`.
    """
    return torch.log(_per_sample(_spectral_difference(restored, sharp)) + floor).mean()


def frequency(restored: Tensor, sharp: Tensor) -> Tensor:
    """Mean absolute difference of the real and imaginary parts of the Fourier transforms.

    The transform is orthonormal, so a difference that is spread like noise costs here about
    what it costs in pixels, whatever the size of the crop.

    Args:
        restored: (B, C, H, W).
        sharp: Same shape.

    References:
        Cho et al., *Rethinking coarse-to-fine approach in single image deblurring*, ICCV 2021,
        eq. 6, with another normalisation.
    """
    return _spectral_difference(restored, sharp).mean()


def _spectral_difference(restored: Tensor, sharp: Tensor) -> Tensor:
    spectrum = torch.fft.rfft2(restored.float() - sharp.float(), norm="ortho")
    return torch.view_as_real(spectrum).abs()


def _per_sample(values: Tensor) -> Tensor:
    return values.flatten(start_dim=1).mean(dim=1)
