"""Normalisation of every channel of every sample by its own mean and deviation."""

from typing import Final

import torch
import torch.nn.functional as F  # noqa: N812 - as everywhere
from torch import Tensor, nn

_EPSILON: Final = 1e-5


class InstanceNorm(nn.Module):
    """``(x - mean) / sqrt(variance + 1e-5)`` over the pixels of each channel of each sample.

    There are neither weights nor running statistics, so ``eval()`` changes nothing. All roads
    below compute the same, and which is fast depends on how the batch lies in memory: on a CPU,
    single precision is fast where channels are contiguous, half precision in both layouts.

    References:
        Ulyanov et al., *Instance normalization: the missing ingredient for fast stylization*,
        2016, eq. 2.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (B, C, H, W) with more than one pixel."""
        if torch.compiler.is_compiling():  # becomes one operation of a network file
            return F.instance_norm(x, eps=_EPSILON)
        on_cpu = x.device.type == "cpu"
        if on_cpu and x.is_contiguous():
            return F.group_norm(x, x.shape[1], eps=_EPSILON)
        # On a CPU this one adds up 1e6 pixels in turn: too coarse for single precision.
        exact = not on_cpu or x.dtype != torch.float32
        if exact and x.is_contiguous(memory_format=torch.channels_last):
            # Statistics of a batch of one sample are the sample's own.
            parts = [
                F.batch_norm(sample, None, None, training=True, eps=_EPSILON)
                for sample in torch.split(x, 1)
            ]
            return parts[0] if len(parts) == 1 else torch.cat(parts)
        return F.instance_norm(x, eps=_EPSILON)
