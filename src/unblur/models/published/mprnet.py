"""MPRNet: three stages, of quarters of a photo, of halves, and of the whole."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812 - as everywhere
from torch import Tensor, nn

_LEVELS = (0, 1, 2)


def _conv(inside: int, outside: int, side: int = 3) -> nn.Conv2d:
    return nn.Conv2d(inside, outside, side, padding=side // 2, bias=False)


class _ChannelAttention(nn.Module):
    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        few = channels // reduction
        self.conv_du = nn.Sequential(
            _conv(channels, few, 1), nn.ReLU(), _conv(few, channels, 1), nn.Sigmoid()
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x * self.conv_du(x.mean((2, 3), keepdim=True))
        return out


class _Block(nn.Module):
    """A residual block with channel attention; all share one activation and its slope."""

    def __init__(self, channels: int, reduction: int, active: nn.Module) -> None:
        super().__init__()
        self.CA = _ChannelAttention(channels, reduction)
        self.body = nn.Sequential(_conv(channels, channels), active, _conv(channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.CA(self.body(x))
        return out


class _Resize(nn.Module):
    """Bilinear to half or double the size, and a convolution of single pixels after it."""

    def __init__(self, name: str, inside: int, outside: int) -> None:
        super().__init__()
        self._factor = 0.5 if name == "down" else 2.0
        # The resizing has no weights, but a place: the convolution is called 1.
        self.add_module(name, nn.Sequential(nn.Identity(), _conv(inside, outside, 1)))
        self._name = name

    def forward(self, x: Tensor) -> Tensor:
        x = F.interpolate(x, scale_factor=self._factor, mode="bilinear", align_corners=False)
        out: Tensor = self.get_submodule(self._name)(x)
        return out


class _Encoder(nn.Module):
    def __init__(
        self, widths: Sequence[int], reduction: int, active: nn.Module, *, fused: bool
    ) -> None:
        super().__init__()
        for level, channels in enumerate(widths, start=1):
            self.add_module(f"encoder_level{level}", _pair(channels, reduction, active))
            if fused:
                self.add_module(f"csff_enc{level}", _conv(channels, channels, 1))
                self.add_module(f"csff_dec{level}", _conv(channels, channels, 1))
        self.down12 = _Resize("down", widths[0], widths[1])
        self.down23 = _Resize("down", widths[1], widths[2])

    def forward(self, x: Tensor, *before: list[Tensor]) -> list[Tensor]:
        levels: list[Tensor] = []
        for level in _LEVELS:
            x = self.get_submodule(f"encoder_level{level + 1}")(x)
            for name, features in zip(("enc", "dec"), before, strict=False):
                x = x + self.get_submodule(f"csff_{name}{level + 1}")(features[level])
            levels.append(x)
            if level < _LEVELS[-1]:
                x = (self.down12, self.down23)[level](x)
        return levels


class _Decoder(nn.Module):
    def __init__(self, widths: Sequence[int], reduction: int, active: nn.Module) -> None:
        super().__init__()
        for level, channels in enumerate(widths, start=1):
            self.add_module(f"decoder_level{level}", _pair(channels, reduction, active))
        self.skip_attn1 = _Block(widths[0], reduction, active)
        self.skip_attn2 = _Block(widths[1], reduction, active)
        self.up21 = _Resize("up", widths[1], widths[0])
        self.up32 = _Resize("up", widths[2], widths[1])

    def forward(self, levels: list[Tensor]) -> list[Tensor]:
        below = self.get_submodule("decoder_level3")(levels[2])
        x = self.up32(below) + self.skip_attn2(levels[1])
        middle = self.get_submodule("decoder_level2")(x)
        x = self.up21(middle) + self.skip_attn1(levels[0])
        return [self.get_submodule("decoder_level1")(x), middle, below]


class _Supervised(nn.Module):
    """A picture from features, and the features weighted by what it shows."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = _conv(channels, channels, 1)
        self.conv2 = _conv(channels, 3, 1)
        self.conv3 = _conv(3, channels, 1)

    def forward(self, x: Tensor, seen: Tensor) -> Tensor:
        weight = torch.sigmoid(self.conv3(self.conv2(x) + seen))
        out: Tensor = x + self.conv1(x) * weight
        return out


class _FullSize(nn.Module):
    """Blocks that never leave the full size."""

    def __init__(self, channels: int, reduction: int, active: nn.Module, blocks: int) -> None:
        super().__init__()
        inside = [_Block(channels, reduction, active) for _ in range(blocks)]
        self.body = nn.Sequential(*inside, _conv(channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.body(x)
        return out


class _LastStage(nn.Module):
    def __init__(
        self, widths: Sequence[int], wide: int, reduction: int, active: nn.Module, blocks: int
    ) -> None:
        super().__init__()
        first, second, third = widths
        for level in (1, 2, 3):
            self.add_module(f"orb{level}", _FullSize(wide, reduction, active, blocks))
            self.add_module(f"conv_enc{level}", _conv(first, wide, 1))
            self.add_module(f"conv_dec{level}", _conv(first, wide, 1))
        for name in ("enc", "dec"):
            self.add_module(f"up_{name}1", _Resize("up", second, first))
            twice = nn.Sequential(_Resize("up", third, second), _Resize("up", second, first))
            self.add_module(f"up_{name}2", twice)

    def forward(self, x: Tensor, encoded: list[Tensor], decoded: list[Tensor]) -> Tensor:
        for level in _LEVELS:
            x = self.get_submodule(f"orb{level + 1}")(x)
            for name, features in (("enc", encoded[level]), ("dec", decoded[level])):
                if level:
                    features = self.get_submodule(f"up_{name}{level}")(features)  # noqa: PLW2901
                x = x + self.get_submodule(f"conv_{name}{level + 1}")(features)
        return x


class MprNet(nn.Module):
    """Maps (B, 3, H, W) in [0, 1] to the same; H and W multiples of 8.

    The first stage looks at quarters of the picture, each by itself, the second at halves: what it
    gives depends on where the middle is, and channel attention on all that each stage sees.

    Args:
        width: Channels at full size of the first two stages.
        more: So many more with each level below.
        wider: So many more in the last stage.
        blocks: Of each of the last stage's three groups.
        reduction: Channels for one inside the attention.

    References:
        Zamir et al., *Multi-stage progressive image restoration*, 2021.
    """

    def __init__(self, width: int, more: int, wider: int, blocks: int, reduction: int) -> None:
        super().__init__()
        active = nn.PReLU()
        widths = tuple(width + level * more for level in _LEVELS)
        for stage in (1, 2, 3):
            shallow = nn.Sequential(_conv(3, width), _Block(width, reduction, active))
            self.add_module(f"shallow_feat{stage}", shallow)
        self.stage1_encoder = _Encoder(widths, reduction, active, fused=False)
        self.stage1_decoder = _Decoder(widths, reduction, active)
        self.stage2_encoder = _Encoder(widths, reduction, active, fused=True)
        self.stage2_decoder = _Decoder(widths, reduction, active)
        self.stage3_orsnet = _LastStage(widths, width + wider, reduction, active, blocks)
        self.sam12, self.sam23 = _Supervised(width), _Supervised(width)
        self.concat12 = _conv(2 * width, width)
        self.concat23 = _conv(2 * width, width + wider)
        self.tail = _conv(width + wider, 3)

    def forward(self, blurred: Tensor) -> Tensor:
        """Restore a batch."""
        shallow = [self.get_submodule(f"shallow_feat{stage}") for stage in (1, 2, 3)]
        middle, centre = blurred.shape[2] // 2, blurred.shape[3] // 2
        halves = (blurred[:, :, :middle], blurred[:, :, middle:])
        encoded, decoded, features = [], [], []
        for half in halves:
            sides = (half[..., :centre], half[..., centre:])
            quarters = [self.stage1_encoder(shallow[0](x)) for x in sides]
            levels = [torch.cat(pair, 3) for pair in zip(*quarters, strict=True)]
            restored = self.stage1_decoder(levels)
            seen = [shallow[1](half), self.sam12(restored[0], half)]
            encoded.append(levels)
            decoded.append(restored)
            features.append(self.concat12(torch.cat(seen, 1)))
        both = [self.stage2_encoder(*each) for each in zip(features, encoded, decoded, strict=True)]
        levels = [torch.cat(pair, 2) for pair in zip(*both, strict=True)]
        restored = self.stage2_decoder(levels)
        x = torch.cat([shallow[2](blurred), self.sam23(restored[0], blurred)], 1)
        change: Tensor = self.tail(self.stage3_orsnet(self.concat23(x), levels, restored))
        return blurred + change


def _pair(channels: int, reduction: int, active: nn.Module) -> nn.Sequential:
    return nn.Sequential(*(_Block(channels, reduction, active) for _ in range(2)))
