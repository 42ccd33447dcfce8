"""The network that draws the edges by which a kernel is found."""

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from unblur.models.fast import FastGenerator

PLANES: Final = 3
"""The blurred plane and two deconvolutions of it."""
_MAPS: Final = 4
_DESIGN: Final = {
    "unshuffle": 2,
    "widths": (32, 64, 128),
    "encoder_blocks": (2, 1, 2),
    "decoder_blocks": (2, 1),
}


class EdgesGenerator(FastGenerator):
    """Draw the gradients of the sharp picture, each as strong as it may be trusted.

    The finer levels of ``fast``. It is trained on nothing but how like the true kernel the kernel
    is that least squares find with these gradients: what misleads them it leaves out.

    References:
        Xu, Zheng & Jia, CVPR 2013, choose such edges by their strength; docs/adr/0009 compares.
    """

    def __init__(self) -> None:
        super().__init__(**_DESIGN)  # type: ignore[arg-type]
        squares = self.tail.out_channels // PLANES
        self.tail = nn.Conv2d(self.tail.in_channels, _MAPS * squares, 3, padding=1)
        nn.init.normal_(self.tail.weight, std=1e-3)
        nn.init.zeros_(self.tail.bias)  # type: ignore[arg-type]

    def forward(self, seen: Tensor) -> Tensor:
        """Draw the edges of a batch of planes.

        Args:
            seen: (B, 3, H, W): blurred planes of mean 0, and by how much two deconvolutions, by
                weak and by strong prior, differ from them; H and W multiples of
                :attr:`multiple_of`.

        Returns:
            (B, 2, H, W): gradients to the right and down.
        """
        maps = self.unfold(self.tail(self.features(self.head(self.fold(seen))))).float()
        latent = seen[:, 0] + maps[:, 0] + maps[:, 1] * seen[:, 1]
        right = functional.pad(latent[:, :, 1:] - latent[:, :, :-1], (0, 1))
        down = functional.pad(latent[:, 1:] - latent[:, :-1], (0, 0, 0, 1))
        return torch.stack([right, down], dim=1) * torch.sigmoid(maps[:, 2:])
