"""Restormer: a U-Net of transformer blocks whose attention is between channels, not pixels."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812 - as everywhere
from torch import Tensor, nn

_EPSILON = 1e-5


class _Scale(nn.Module):
    """Divides the channels of each pixel by their deviation."""

    def __init__(self, channels: int, *, biased: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        if biased:
            self.bias = nn.Parameter(torch.zeros(channels))
        self._biased = biased

    def forward(self, x: Tensor) -> Tensor:
        centred = x - x.mean(1, keepdim=True)
        scale = torch.rsqrt((centred * centred).mean(1, keepdim=True) + _EPSILON)
        # Without a bias the mean stays, too.
        x = (centred if self._biased else x) * scale * self.weight[:, None, None]
        return x + self.bias[:, None, None] if self._biased else x


class _Norm(nn.Module):
    def __init__(self, channels: int, *, biased: bool) -> None:
        super().__init__()
        self.body = _Scale(channels, biased=biased)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.body(x)
        return out


class _Attention(nn.Module):
    """Each channel becomes a mixture of the channels that are like it, over the whole picture."""

    def __init__(self, channels: int, heads: int, *, bias: bool) -> None:
        super().__init__()
        three = 3 * channels
        self.temperature = nn.Parameter(torch.ones(heads, 1, 1))
        self.qkv = nn.Conv2d(channels, three, 1, bias=bias)
        self.qkv_dwconv = nn.Conv2d(three, three, 3, padding=1, groups=three, bias=bias)
        self.project_out = nn.Conv2d(channels, channels, 1, bias=bias)
        self._heads, self._channels = heads, channels

    def forward(self, x: Tensor) -> Tensor:
        channels = self._channels
        shape = (x.shape[0], self._heads, channels // self._heads, -1)
        parts = torch.split(self.qkv_dwconv(self.qkv(x)), [channels] * 3, dim=1)
        query, key, value = (part.reshape(shape) for part in parts)
        query, key = F.normalize(query, dim=-1), F.normalize(key, dim=-1)
        alike = torch.softmax(query @ key.transpose(-2, -1) * self.temperature, dim=-1)
        mixed: Tensor = self.project_out((alike @ value).reshape(x.shape))
        return mixed


class _FeedForward(nn.Module):
    def __init__(self, channels: int, hidden: int, *, bias: bool) -> None:
        super().__init__()
        wide = 2 * hidden
        self._hidden = hidden
        self.project_in = nn.Conv2d(channels, wide, 1, bias=bias)
        self.dwconv = nn.Conv2d(wide, wide, 3, padding=1, groups=wide, bias=bias)
        self.project_out = nn.Conv2d(hidden, channels, 1, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        gate, passed = torch.split(self.dwconv(self.project_in(x)), [self._hidden] * 2, dim=1)
        out: Tensor = self.project_out(F.gelu(gate) * passed)
        return out


class _Block(nn.Module):
    def __init__(
        self, channels: int, heads: int, expansion: float, *, bias: bool, biased: bool
    ) -> None:
        super().__init__()
        self.norm1, self.norm2 = (_Norm(channels, biased=biased) for _ in range(2))
        self.attn = _Attention(channels, heads, bias=bias)
        self.ffn = _FeedForward(channels, int(channels * expansion), bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        out: Tensor = x + self.ffn(self.norm2(x))
        return out


class _Resize(nn.Module):
    def __init__(self, channels: int, outside: int, shuffle: nn.Module) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(channels, outside, 3, padding=1, bias=False), shuffle)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.body(x)
        return out


class _Embedding(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, channels, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.proj(x)
        return out


class Restormer(nn.Module):
    """Maps (B, 3, H, W) in [0, 1] to the same; H and W multiples of 8.

    Args:
        width: Channels at full size.
        blocks: Of the four levels.
        refinement: Blocks at the end, at full size.
        heads: Of the four levels' attention.
        expansion: Hidden channels of the feed-forward parts, for each channel.
        bias: Whether convolutions have biases.
        biased: Whether norms take the mean away and add a bias.

    References:
        Zamir et al., *Restormer: efficient transformer for high-resolution image restoration*,
        2022.
    """

    def __init__(  # noqa: PLR0913 - what the published configurations differ in
        self,
        *,
        width: int,
        blocks: Sequence[int],
        refinement: int,
        heads: Sequence[int],
        expansion: float,
        bias: bool,
        biased: bool,
    ) -> None:
        super().__init__()

        def level(count: int, channels: int, of: int) -> nn.Sequential:
            return nn.Sequential(
                *(
                    _Block(channels, heads[of], expansion, bias=bias, biased=biased)
                    for _ in range(count)
                )
            )

        w1, w2, w4, w8 = (width << step for step in range(4))
        self.patch_embed = _Embedding(w1)
        self.encoder_level1 = level(blocks[0], w1, 0)
        self.encoder_level2 = level(blocks[1], w2, 1)
        self.encoder_level3 = level(blocks[2], w4, 2)
        self.latent = level(blocks[3], w8, 3)
        self.down1_2, self.down2_3, self.down3_4 = (
            _Resize(channels, channels // 2, nn.PixelUnshuffle(2)) for channels in (w1, w2, w4)
        )
        self.up4_3, self.up3_2, self.up2_1 = (
            _Resize(channels, 2 * channels, nn.PixelShuffle(2)) for channels in (w8, w4, w2)
        )
        self.reduce_chan_level3 = nn.Conv2d(w8, w4, 1, bias=bias)
        self.reduce_chan_level2 = nn.Conv2d(w4, w2, 1, bias=bias)
        self.decoder_level3 = level(blocks[2], w4, 2)
        self.decoder_level2 = level(blocks[1], w2, 1)
        # The channels of the way down stay beside those of the way up.
        self.decoder_level1 = level(blocks[0], w2, 0)
        self.refinement = level(refinement, w2, 0)
        self.output = nn.Conv2d(w2, 3, 3, padding=1, bias=bias)

    def forward(self, blurred: Tensor) -> Tensor:
        """Restore a batch."""
        first = self.encoder_level1(self.patch_embed(blurred))
        second = self.encoder_level2(self.down1_2(first))
        third = self.encoder_level3(self.down2_3(second))
        x = self.up4_3(self.latent(self.down3_4(third)))
        x = self.decoder_level3(self.reduce_chan_level3(torch.cat([x, third], 1)))
        x = self.decoder_level2(self.reduce_chan_level2(torch.cat([self.up3_2(x), second], 1)))
        x = self.decoder_level1(torch.cat([self.up2_1(x), first], 1))
        change: Tensor = self.output(self.refinement(x))
        return blurred + change
