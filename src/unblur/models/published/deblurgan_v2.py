"""DeblurGAN-v2 on MobileNetV2: a pyramid of features, joined at a quarter of the size."""

import torch
import torch.nn.functional as F  # noqa: N812 - as everywhere
from torch import Tensor, nn

from unblur.models.norm import InstanceNorm

_STAGES = (
    # Expansion, channels, stride of each block; first layer of the features in front of them.
    ((1, 16, 1),),
    ((6, 24, 2), (6, 24, 1)),
    ((6, 32, 2), (6, 32, 1), (6, 32, 1)),
    ((6, 64, 2), (6, 64, 1), (6, 64, 1), (6, 64, 1)),
    ((6, 96, 1), (6, 96, 1), (6, 96, 1), (6, 160, 2), (6, 160, 1)),
)


class _OwnNorm(InstanceNorm):
    """Is one operation of a network file when it is traced, too."""

    def forward(self, x: Tensor) -> Tensor:
        return F.instance_norm(x) if torch.onnx.is_in_onnx_export() else super().forward(x)


class _PictureNorm(nn.Module):
    """Batch normalisation as the authors restore with it: by the statistics of the one picture."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self._norm = _OwnNorm()

    def forward(self, x: Tensor) -> Tensor:
        normal: Tensor = self._norm(x)
        return normal * self.weight[:, None, None] + self.bias[:, None, None]


class _Inverted(nn.Module):
    """MobileNetV2's block: wide inside, each channel convolved by itself."""

    def __init__(self, inside: int, outside: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inside * expansion
        layers: list[nn.Module] = []
        if expansion > 1:
            layers += [nn.Conv2d(inside, wide, 1, bias=False), _PictureNorm(wide), nn.ReLU6()]
        layers += [
            nn.Conv2d(wide, wide, 3, stride=stride, padding=1, groups=wide, bias=False),
            _PictureNorm(wide),
            nn.ReLU6(),
            nn.Conv2d(wide, outside, 1, bias=False),
            _PictureNorm(outside),
        ]
        self.conv = nn.Sequential(*layers)
        self._residual = stride == 1 and inside == outside

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.conv(x)
        return x + out if self._residual else out


class _Pyramid(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        first = nn.Sequential(
            nn.Conv2d(3, 32, 3, stride=2, padding=1, bias=False), _PictureNorm(32), nn.ReLU6()
        )
        inside = 32
        for index, stage in enumerate(_STAGES):
            blocks: list[nn.Module] = [first] if index == 0 else []
            for expansion, outside, stride in stage:
                blocks.append(_Inverted(inside, outside, stride, expansion))
                inside = outside
            self.add_module(f"enc{index}", nn.Sequential(*blocks))
            wide = channels // 2 if index == 0 else channels
            self.add_module(f"lateral{index}", nn.Conv2d(inside, wide, 1, bias=False))
        for index in (1, 2, 3):
            self.add_module(f"td{index}", _smooth(channels, channels))

    def forward(self, x: Tensor) -> list[Tensor]:
        sides = []
        for index in range(len(_STAGES)):
            x = self.get_submodule(f"enc{index}")(x)
            sides.append(self.get_submodule(f"lateral{index}")(x))
        maps = [sides.pop()]
        for index in (1, 2, 3):
            joined = sides.pop() + _larger(maps[0], 2)
            maps.insert(0, self.get_submodule(f"td{index}")(joined))
        return [*sides, *maps]


class _Head(nn.Module):
    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.block0 = nn.Conv2d(inside, outside, 3, padding=1, bias=False)
        self.block1 = nn.Conv2d(outside, outside, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.block1(F.relu(self.block0(x))))


class MobileDeblurGan(nn.Module):
    """Maps (B, 3, H, W) in [0, 1] to the same; H and W multiples of 32.

    All normalisation is by the picture itself, as when the authors restore.

    Args:
        channels: Of the joined features.
        pyramid: Of the pyramid's.

    References:
        Kupyn et al., *DeblurGAN-v2: deblurring (orders-of-magnitude) faster and better*, 2019;
        Sandler et al., *MobileNetV2*, 2018.
    """

    def __init__(self, channels: int, pyramid: int) -> None:
        super().__init__()
        self.fpn = _Pyramid(pyramid)
        for index in (1, 2, 3, 4):
            self.add_module(f"head{index}", _Head(pyramid, channels))
        self.smooth = _smooth(4 * channels, channels)
        self.smooth2 = _smooth(channels, channels // 2)
        self.final = nn.Conv2d(channels // 2, 3, 3, padding=1)

    def forward(self, blurred: Tensor) -> Tensor:
        """Restore a batch."""
        x = 2 * blurred - 1
        near, *maps = self.fpn(x)
        heads = [
            _larger(self.get_submodule(f"head{index}")(features), 1 << index - 1)
            for index, features in enumerate(maps, start=1)
        ]
        joined = _larger(self.smooth(torch.cat(heads[::-1], 1)), 2)
        change = torch.tanh(self.final(_larger(self.smooth2(joined + near), 2)))
        return (torch.clamp(x + change, -1, 1) + 1) / 2


def _smooth(inside: int, outside: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inside, outside, 3, padding=1), _OwnNorm(), nn.ReLU())


def _larger(x: Tensor, factor: int) -> Tensor:
    return x if factor == 1 else F.interpolate(x, scale_factor=factor, mode="nearest")
