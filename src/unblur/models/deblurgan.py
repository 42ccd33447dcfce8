"""The generator of DeblurGAN, as published."""

from typing import Final

import torch
import torch.nn.functional as F  # noqa: N812 - as everywhere
from torch import Tensor, nn

from unblur.errors import OptionError
from unblur.models.norm import InstanceNorm

_DEVIATION: Final = 0.02


class Dropout(nn.Dropout):
    """Dropout that can stay on outside of training.

    Args:
        share: Of the values that are dropped.
        always: Drop in ``eval()``, too; otherwise only while training.
    """

    def __init__(self, share: float, *, always: bool) -> None:
        super().__init__(share)
        self.always = always

    def forward(self, x: Tensor) -> Tensor:
        """Drop from a tensor of any shape."""
        return F.dropout(x, self.p, self.training or self.always)


class ResidualBlock(nn.Module):
    """``x + norm(conv(dropout(relu(norm(conv(x))))))``, mirrored at the border."""

    def __init__(self, channels: int, dropout: Dropout) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3)
        self.second = nn.Conv2d(channels, channels, 3)
        self.norm = InstanceNorm()
        self.dropout = dropout

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to the same shape; H and W at least 2."""
        y = F.relu(self.norm(self.first(_mirror(x, 1))), inplace=True)
        y = self.norm(self.second(_mirror(self.dropout(y), 1)))
        result: Tensor = x + y
        return result


class DeblurGenerator(nn.Module):
    """Restore a blurred photo: 11,378,179 weights at the paper's width.

    The published network, with two departures. Dropout, which the paper leaves on when it
    restores, is on only while training: a photo restored twice is the same twice. And any sides
    are accepted: those that are not multiples of 4 are mirrored up to one, and the result cut
    back.

    Instance normalisation sees the whole picture, so tiles do not add up to it
    (``tiling="global"``).

    Args:
        channels: Width of the first and last level, 64 in the paper; the residual blocks are
            four times as wide. The model ``deblurgan-32`` is our own variant with 32.
        blocks: Residual blocks, 9 in the paper.
        stochastic: Drop outside of training, too, as the paper does (after pix2pix). What is
            dropped comes from torch's global generator: ``torch.manual_seed`` repeats it.
        dropout: Share of values dropped in each residual block while training, 0.5 in the
            paper; 0 for none.

    Raises:
        OptionError: If an argument is out of range.

    References:
        Kupyn et al., *DeblurGAN: blind motion deblurring using conditional adversarial
        networks*, CVPR 2018, section 3.2 and Fig. 3. Deviation of the first weights and padding
        are those of Johnson et al., ECCV 2016, and Isola et al., CVPR 2017, which it builds on.
    """

    multiple_of: Final = 4
    least_side_px: Final = 5
    """Shorter sides cannot be mirrored as the layers need it."""

    def __init__(
        self,
        channels: int = 64,
        blocks: int = 9,
        stochastic: bool = False,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        if channels < 1 or blocks < 1:
            raise OptionError(f"channels and blocks must be positive, got {channels} and {blocks}")
        if not 0 <= dropout < 1:
            raise OptionError(f"dropout must be in [0, 1), got {dropout}")
        self.norm = InstanceNorm()
        self.head = nn.Conv2d(3, channels, 7)
        self.down = nn.ModuleList(
            nn.Conv2d(width, 2 * width, 3, stride=2, padding=1)
            for width in (channels, 2 * channels)
        )
        self.blocks = nn.ModuleList(
            ResidualBlock(4 * channels, Dropout(dropout, always=stochastic)) for _ in range(blocks)
        )
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(2 * width, width, 3, stride=2, padding=1, output_padding=1)
            for width in (2 * channels, channels)
        )
        self.tail = nn.Conv2d(channels, 3, 7)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.normal_(module.weight, std=_DEVIATION)
                assert module.bias is not None
                nn.init.zeros_(module.bias)

    def forward(self, blurred: Tensor) -> Tensor:
        """Restore a batch.

        Args:
            blurred: (B, 3, H, W), sRGB-encoded in [0, 1]; H and W at least
                :attr:`least_side_px`.

        Returns:
            The restored batch, same shape and range.

        Raises:
            OptionError: If a side is too short.
        """
        height, width = blurred.shape[-2:]
        below, right = -height % self.multiple_of, -width % self.multiple_of
        if not torch.compiler.is_compiling() and min(height, width) < self.least_side_px:
            raise OptionError(
                f"both sides must be at least {self.least_side_px} px, got {width} x {height}"
            )
        if below or right:
            padded = F.pad(blurred, (0, right, 0, below), mode="reflect")
            return self._restore(padded)[..., :height, :width]
        return self._restore(blurred)

    def _restore(self, blurred: Tensor) -> Tensor:
        blurred = 2 * blurred - 1
        x = self._activate(self.head(_mirror(blurred, 3)))
        for down in self.down:
            x = self._activate(down(x))
        for block in self.blocks:
            x = block(x)
        for up in self.up:
            x = self._activate(up(x))
        residual = torch.tanh(self.tail(_mirror(x, 3)))
        # ResOut, Fig. 3: the network learns what to add to the blurred photo.
        restored = torch.clamp(blurred + residual.to(blurred.dtype), -1, 1)
        return (restored + 1) / 2

    def _activate(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(x), inplace=True)


def _mirror(x: Tensor, pixels: int) -> Tensor:
    if x.dtype == torch.bfloat16:  # autocast would copy it to single precision, for nothing
        with torch.autocast(x.device.type, enabled=False):
            return F.pad(x, (pixels,) * 4, mode="reflect")
    return F.pad(x, (pixels,) * 4, mode="reflect")
