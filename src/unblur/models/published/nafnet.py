"""NAFNet: a U-Net without activation functions, whose gates multiply halves of the channels."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

_EPSILON = 1e-6


class _ChannelNorm(nn.Module):
    """Normalises the channels of each pixel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        centred = x - x.mean(1, keepdim=True)
        scale = torch.rsqrt((centred * centred).mean(1, keepdim=True) + _EPSILON)
        return centred * scale * self.weight[:, None, None] + self.bias[:, None, None]


class _Block(nn.Module):
    """Two residual steps: pixels with their neighbours and the means of channels; channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        wide = 2 * channels
        self._channels = channels
        self.norm1 = _ChannelNorm(channels)
        self.conv1 = nn.Conv2d(channels, wide, 1)
        self.conv2 = nn.Conv2d(wide, wide, 3, padding=1, groups=wide)
        # The pooling has no weights, but a place: its convolution is called sca.1.
        self.sca = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, channels, 1))
        self.conv3 = nn.Conv2d(channels, channels, 1)
        self.norm2 = _ChannelNorm(channels)
        self.conv4 = nn.Conv2d(channels, wide, 1)
        self.conv5 = nn.Conv2d(channels, channels, 1)
        self.beta = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.gamma = nn.Parameter(torch.zeros(1, channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        seen = self._gate(self.conv2(self.conv1(self.norm1(x))))
        x = x + self.beta * self.conv3(seen * self.sca(seen))
        out: Tensor = x + self.gamma * self.conv5(self._gate(self.conv4(self.norm2(x))))
        return out

    def _gate(self, x: Tensor) -> Tensor:
        first, second = torch.split(x, [self._channels] * 2, dim=1)
        return first * second


class NafNet(nn.Module):
    """Maps (B, 3, H, W) in [0, 1] to the same; H and W multiples of 2 for each level.

    Every block multiplies channels by a function of their means over the whole picture.

    Args:
        width: Channels at full size.
        encoders: Blocks of each level on the way down.
        middle: Blocks below.
        decoders: Blocks of each level on the way up.

    References:
        Chen et al., *Simple baselines for image restoration*, 2022.
    """

    def __init__(
        self, width: int, encoders: Sequence[int], middle: int, decoders: Sequence[int]
    ) -> None:
        super().__init__()
        levels = len(encoders)
        widths = [width << level for level in range(levels + 1)]
        self.intro = nn.Conv2d(3, width, 3, padding=1)
        self.ending = nn.Conv2d(width, 3, 3, padding=1)
        self.encoders = nn.ModuleList(
            _blocks(count, channels) for count, channels in zip(encoders, widths, strict=False)
        )
        self.downs = nn.ModuleList(
            nn.Conv2d(channels, 2 * channels, 2, stride=2) for channels in widths[:-1]
        )
        self.middle_blks = _blocks(middle, widths[-1])
        self.ups = nn.ModuleList(
            nn.Sequential(nn.Conv2d(channels, 2 * channels, 1, bias=False), nn.PixelShuffle(2))
            for channels in widths[:0:-1]
        )
        self.decoders = nn.ModuleList(
            _blocks(count, channels)
            for count, channels in zip(decoders, widths[-2::-1], strict=True)
        )

    def forward(self, blurred: Tensor) -> Tensor:
        """Restore a batch."""
        x = self.intro(blurred)
        skipped: list[Tensor] = []
        for encoder, down in zip(self.encoders, self.downs, strict=True):
            x = encoder(x)
            skipped.append(x)
            x = down(x)
        x = self.middle_blks(x)
        for up, decoder in zip(self.ups, self.decoders, strict=True):
            x = decoder(up(x) + skipped.pop())
        ending: Tensor = self.ending(x)
        return ending + blurred


def _blocks(count: int, channels: int) -> nn.Sequential:
    return nn.Sequential(*(_Block(channels) for _ in range(count)))
