"""The default generator: a small U-shaped network of plain 3x3 convolutions for ordinary CPUs."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

import torch
from torch import Tensor, nn

DESIGNS: Final[dict[str, dict[str, Any]]] = {
    "fast": {
        "unshuffle": 2,
        "widths": (32, 64, 128, 192),
        "encoder_blocks": (2, 1, 2, 3),
        "decoder_blocks": (2, 1, 2),
    },
    "quarter": {
        "unshuffle": 4,
        "widths": (64, 128, 192),
        "encoder_blocks": (2, 2, 4),
        "decoder_blocks": (2, 2),
    },
    "half": {
        "unshuffle": 2,
        "widths": (32, 64, 128, 192),
        "encoder_blocks": (1, 1, 2, 3),
        "decoder_blocks": (1, 1, 2),
    },
    "wide": {
        "unshuffle": 2,
        "widths": (48, 80, 144, 208),
        "encoder_blocks": (1, 1, 1, 2),
        "decoder_blocks": (1, 1, 1),
    },
    "deep": {
        "unshuffle": 2,
        "widths": (24, 48, 96, 144),
        "encoder_blocks": (4, 3, 3, 3),
        "decoder_blocks": (4, 3, 3),
    },
}
"""The default, and those that ADR 0001 compares it with: a first convolution at quarter or half
size; of the default's cost, but wider or deeper."""


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions beside a skip: ``x + conv(relu(conv(x)))``."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        # Starting as (nearly) the identity lets a network without normalisation train stably.
        _start_small(self.second)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to the same shape."""
        residual: Tensor = self.second(torch.relu(self.first(x)))
        return x + residual


class FastGenerator(nn.Module):
    """Restore a blurred photo with few, wide, dense convolutions at low resolution.

    Space-to-depth takes the picture to a fraction of its resolution before the first
    convolution, because on a CPU the layers at full resolution cost most and give least. There
    is no normalisation over the image and no global pooling, so a picture cut into tiles that
    overlap by the receptive field gives the same pixels as the whole (``tiling="exact"``).

    Args:
        unshuffle: Side of the pixel square folded into channels at the input, 2 or 4.
        widths: Channels at each level, fine to coarse.
        encoder_blocks: Residual blocks at each level on the way down; the last entry is the
            coarsest level, which is passed once.
        decoder_blocks: Residual blocks at each level but the coarsest on the way up.

    References:
        ResOut, the residual to the input, is Kupyn et al., *DeblurGAN*, CVPR 2018, Fig. 3; the
        choice of layers is ADR 0001.
    """

    def __init__(
        self,
        *,
        unshuffle: int,
        widths: Sequence[int],
        encoder_blocks: Sequence[int],
        decoder_blocks: Sequence[int],
    ) -> None:
        super().__init__()
        self.multiple_of = unshuffle * 2 ** (len(widths) - 1)
        self.fold = nn.PixelUnshuffle(unshuffle)
        self.unfold = nn.PixelShuffle(unshuffle)
        folded = 3 * unshuffle**2
        self.head = nn.Conv2d(folded, widths[0], 3, padding=1)
        self.encoder = nn.ModuleList(
            _blocks(w, n) for w, n in zip(widths, encoder_blocks, strict=True)
        )
        self.down = nn.ModuleList(
            nn.Conv2d(fine, coarse, 2, stride=2) for fine, coarse in pairwise(widths)
        )
        self.up = nn.ModuleList(
            nn.Sequential(nn.Conv2d(coarse, fine * 4, 1), nn.PixelShuffle(2))
            for fine, coarse in pairwise(widths)
        )
        self.decoder = nn.ModuleList(
            _blocks(w, n) for w, n in zip(widths[:-1], decoder_blocks, strict=True)
        )
        self.tail = nn.Conv2d(widths[0], folded, 3, padding=1)
        _start_small(self.tail)

    def forward(self, blurred: Tensor) -> Tensor:
        """Restore a batch.

        Args:
            blurred: (B, 3, H, W), sRGB-encoded in [0, 1]; H and W multiples of
                :attr:`multiple_of`.

        Returns:
            The restored batch, same shape and range (not clamped).
        """
        x = self.features(self.head(self.fold(blurred - 0.5)))
        residual: Tensor = self.unfold(self.tail(x))
        return blurred + residual.float()

    def features(self, x: Tensor) -> Tensor:
        """What is between the first and the last convolution: (B, C, h, w) to the same shape."""
        skips = []
        for blocks, down in zip(self.encoder[:-1], self.down, strict=True):
            x = blocks(x)
            skips.append(x)
            x = down(x)
        x = self.encoder[-1](x)
        for blocks, up in zip(reversed(self.decoder), reversed(self.up), strict=True):
            x = blocks(up(x) + skips.pop())
        return x


def _start_small(convolution: nn.Conv2d) -> None:
    nn.init.normal_(convolution.weight, std=1e-3)
    if convolution.bias is not None:
        nn.init.zeros_(convolution.bias)


def _blocks(channels: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(ResidualBlock(channels) for _ in range(count)))
