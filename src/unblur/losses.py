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
    spectrum = torch.fft.rfft2(restored.float() - sharp.float(), norm="ortho")
    return torch.view_as_real(spectrum).abs().mean()
