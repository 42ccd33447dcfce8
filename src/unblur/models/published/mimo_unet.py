"""MIMO-UNet: one U-Net that sees a photo at three sizes, and was trained to restore all three."""

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - as everywhere
from torch import Tensor, nn


class _Layer(nn.Module):
    """A convolution, and rectification unless it is the last of something."""

    def __init__(self, *shape: int, active: bool = True, stride: int = 1, up: bool = False) -> None:
        super().__init__()
        inside, outside, side = shape
        kind: Any = nn.ConvTranspose2d if up else nn.Conv2d
        padding = side // 2 - int(up)
        layers = [kind(inside, outside, side, stride=stride, padding=padding)]
        self.main = nn.Sequential(*layers, *([nn.ReLU()] if active else []))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.main(x)
        return out


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
            _Layer(channels, channels, 3), _Layer(channels, channels, 3, active=False)
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.main(x)
        return out


class _Stack(nn.Module):
    """The residual blocks of one size."""

    def __init__(self, channels: int, blocks: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(*(_Residual(channels) for _ in range(blocks)))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layers(x)
        return out


class _Fusion(nn.Module):
    """Features of all three sizes, brought to one."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            _Layer(inside, outside, 1), _Layer(outside, outside, 3, active=False)
        )

    def forward(self, *features: Tensor) -> Tensor:
        out: Tensor = self.conv(torch.cat(features, 1))
        return out


class _Shallow(nn.Module):
    """First features of the photo at a smaller size."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        quarter, half = channels // 4, channels // 2
        self.main = nn.Sequential(
            _Layer(3, quarter, 3),
            _Layer(quarter, half, 1),
            _Layer(half, half, 3),
            _Layer(half, channels - 3, 1),
        )
        self.conv = _Layer(channels, channels, 1, active=False)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.conv(torch.cat([x, self.main(x)], 1))
        return out


class _Attention(nn.Module):
    """Features from above where those of the smaller photo agree."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.merge = _Layer(channels, channels, 3, active=False)

    def forward(self, above: Tensor, shallow: Tensor) -> Tensor:
        out: Tensor = above + self.merge(above * shallow)
        return out


class MimoUnet(nn.Module):
    """Maps (B, 3, H, W) in [0, 1] to the same; H and W multiples of 4.

    What it gives at half and quarter size serves training alone and is not computed; its weights
    are kept.

    Args:
        blocks: Residual blocks of each size, down and up: 8, or 20 for MIMO-UNet+.
        width: Channels at full size.

    References:
        Cho et al., *Rethinking coarse-to-fine approach in single image deblurring*, 2021.
    """

    def __init__(self, blocks: int, width: int) -> None:
        super().__init__()
        w1, w2, w4 = width, 2 * width, 4 * width
        self.Encoder = nn.ModuleList(_Stack(channels, blocks) for channels in (w1, w2, w4))
        self.Decoder = nn.ModuleList(_Stack(channels, blocks) for channels in (w4, w2, w1))
        self.feat_extract = nn.ModuleList(
            [
                _Layer(3, w1, 3),
                _Layer(w1, w2, 3, stride=2),
                _Layer(w2, w4, 3, stride=2),
                _Layer(w4, w2, 4, stride=2, up=True),
                _Layer(w2, w1, 4, stride=2, up=True),
                _Layer(w1, 3, 3, active=False),
            ]
        )
        self.Convs = nn.ModuleList([_Layer(w4, w2, 1), _Layer(w2, w1, 1)])
        self.ConvsOut = nn.ModuleList(_Layer(channels, 3, 3, active=False) for channels in (w4, w2))
        self.AFFs = nn.ModuleList(_Fusion(w1 + w2 + w4, channels) for channels in (w1, w2))
        self.FAM1, self.FAM2 = _Attention(w4), _Attention(w2)
        self.SCM1, self.SCM2 = _Shallow(w4), _Shallow(w2)

    def forward(self, blurred: Tensor) -> Tensor:
        """Restore a batch."""
        half = blurred[..., ::2, ::2]
        quarter = half[..., ::2, ::2]
        top = self.Encoder[0](self.feat_extract[0](blurred))
        middle = self.Encoder[1](self.FAM2(self.feat_extract[1](top), self.SCM2(half)))
        below = self.Encoder[2](self.FAM1(self.feat_extract[2](middle), self.SCM1(quarter)))
        wide = _double(below)
        fused_middle = self.AFFs[1](top[..., ::2, ::2], middle, wide)
        fused_top = self.AFFs[0](top, _double(middle), _double(wide))
        x = self.feat_extract[3](self.Decoder[0](below))
        x = self.Decoder[1](self.Convs[0](torch.cat([x, fused_middle], 1)))
        x = self.feat_extract[4](x)
        x = self.Decoder[2](self.Convs[1](torch.cat([x, fused_top], 1)))
        change: Tensor = self.feat_extract[5](x)
        return blurred + change


def _double(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="nearest")
