"""The network that knows the kernel: it is shown a photo and the photo's deconvolution."""

from typing import Final

import torch
from torch import Tensor, nn

from unblur.models.fast import DESIGNS, FastGenerator

GUIDES: Final = 4
"""Channels beside the photo's three: the deconvolved photo, and brightness with a weaker prior."""
_USUAL_ERROR: Final = -3.5
"""Natural logarithm of what an untrained network expects of its error."""


class GuidedGenerator(FastGenerator):
    """Clean up what a deconvolution left, or restore without one; and say how far that is trusted.

    The layers are those of :class:`FastGenerator`, whose weights it begins with, and two
    convolutions beside its first and last one. Without a kernel the guides are nothing, and at
    the beginning that is ``fast`` itself.

    References:
        Dong, Roth & Schiele, *Deep Wiener deconvolution*, NeurIPS 2020: a network after a
        deconvolution has the easier task. Here in pixels, with guides that may be wrong.
    """

    def __init__(self) -> None:
        super().__init__(**DESIGNS["fast"])
        width, squares = self.head.out_channels, self.tail.out_channels // 3
        self.guide_head = nn.Conv2d(GUIDES * squares, width, 3, padding=1, bias=False)
        self.guide_tail = nn.Conv2d(width, 2 * squares, 3, padding=1)
        nn.init.normal_(self.guide_head.weight, std=0.02)
        nn.init.normal_(self.guide_tail.weight, std=1e-3)
        nn.init.zeros_(self.guide_tail.bias)  # type: ignore[arg-type]

    def forward(self, seen: Tensor) -> Tensor:
        """Restore a batch.

        Args:
            seen: (B, 3 + 4, H, W): blurred photos, sRGB-encoded in [0, 1], and by how much their
                guides differ from them (the last one from the mean of the three); H and W
                multiples of :attr:`multiple_of`.

        Returns:
            (B, 3 + 1, H, W): restored photos, not clamped, and the natural logarithm of how far
            off they are expected to be, as the root of the mean square of the three channels.
        """
        blurred, guides = seen[:, :3], seen[:, 3:]
        first = self.head(self.fold(blurred - 0.5)) + self.guide_head(self.fold(guides))
        features = self.features(first)
        residual = self.unfold(self.tail(features)).float()
        of_guides = self.unfold(self.guide_tail(features)).float()
        restored = blurred + residual + of_guides[:, :1] * guides[:, :3]
        return torch.cat([restored, of_guides[:, 1:] + _USUAL_ERROR], dim=1)
