"""Critics: how much like a sharp photo is what they see?"""

from typing import Final

import torch.nn.functional as F  # noqa: N812 - as everywhere
from torch import Tensor, nn

from unblur.models.norm import InstanceNorm

_WIDEST: Final = 512
_SLOPE: Final = 0.2
_DEVIATION: Final = 0.02


class Critic(nn.Module):
    """4x4 convolutions that end in a map of scores; neither sigmoid nor blurred photo beside.

    All layers but the first and the last are followed by instance normalisation, all but the
    last by a leaky ReLU. Layers are twice as wide as the one before, up to 512 channels.

    Args:
        strided: Number of layers with stride 2, from the first; two with stride 1 follow.
        channels: Width of the first layer.
    """

    def __init__(self, *, strided: int, channels: int = 64) -> None:
        super().__init__()
        widths = [min(channels * 2**level, _WIDEST) for level in range(strided + 1)]
        strides = [2] * strided + [1, 1]
        # Padding 2 as in the authors' code: no crop is too small.
        self.layers = nn.ModuleList(
            nn.Conv2d(before, after, 4, stride=stride, padding=2)
            for before, after, stride in zip([3, *widths], [*widths, 1], strides, strict=True)
        )
        self.norm = InstanceNorm()
        for layer in self.layers:
            assert isinstance(layer, nn.Conv2d)
            assert layer.bias is not None
            nn.init.normal_(layer.weight, std=_DEVIATION)
            nn.init.zeros_(layer.bias)

    def forward(self, photos: Tensor) -> Tensor:
        """Score a batch.

        Args:
            photos: (B, 3, H, W), sRGB-encoded in [0, 1]; H and W at least 2.

        Returns:
            (B, 1, H', W') scores, unbounded; H' and W' are the sides divided by
            ``2**strided``, and a few more.
        """
        first, *inner, last = self.layers
        x = F.leaky_relu(first(2 * photos - 1), _SLOPE)
        for layer in inner:
            x = F.leaky_relu(self.norm(layer(x)), _SLOPE)
        scores: Tensor = last(x)
        return scores


class PatchCritic(Critic):
    """DeblurGAN's: every score is about a patch of 70 x 70 pixels; 2,764,737 weights.

    References:
        Kupyn et al., *DeblurGAN*, CVPR 2018, section 3.2; Isola et al., *Image-to-image
        translation with conditional adversarial networks*, CVPR 2017, section 3.2.2. DeblurGAN's
        text has the first layer normalised, too; like its code, this has not.
    """

    def __init__(self) -> None:
        super().__init__(strided=3)


class GlobalCritic(Critic):
    """DeblurGAN-v2's second: two layers of stride 2 more, so a score is about 286 x 286 pixels.

    On the usual crops of 256 pixels the score in the middle of the map sees all of the crop.

    References:
        Kupyn et al., *DeblurGAN-v2*, ICCV 2019, section 3.2: the double-scale discriminator.
    """

    def __init__(self) -> None:
        super().__init__(strided=5)
