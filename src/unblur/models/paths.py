"""The network that sees a camera's path in what least squares found."""

from typing import Final

import torch
from torch import Tensor, nn

from unblur.imaging.deblur.learned_search import FAINT, RIDGES

_WIDTH: Final = 32
_DILATIONS: Final = (1, 2, 4, 1)
_PLAIN: Final = 1
"""The fit that it corrects; the one of the middle ridge."""


class PathsGenerator(nn.Module):
    """Take noise off a kernel, and make it as thin as a path is.

    Least squares give every path a fog of noise, and smear it along the direction in which the
    photo has few edges. Both are easily told from the path of a hand that shook.

    References:
        docs/adr/0009.
    """

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Conv2d(len(RIDGES) + 1, _WIDTH, 3, padding=1)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(_WIDTH, _WIDTH, 3, padding=dilation, dilation=dilation),
                nn.ReLU(),
                nn.Conv2d(_WIDTH, _WIDTH, 3, padding=1),
            )
            for dilation in _DILATIONS
        )
        self.tail = nn.Conv2d(_WIDTH, 1, 3, padding=1)
        # At the beginning it takes off what is faint, and no more.
        nn.init.zeros_(self.tail.weight)
        nn.init.zeros_(self.tail.bias)  # type: ignore[arg-type]

    def forward(self, seen: Tensor) -> Tensor:
        """Trace the paths.

        Args:
            seen: (B, 4, K, K): fits with rising ridges, and the kernels that edges were drawn by,
                each of maximum 1.

        Returns:
            (B, 1, K, K): kernels, non-negative, their sums of no meaning.
        """
        features = self.head(seen)
        for block in self.blocks:
            features = features + block(features)
        plain = seen[:, _PLAIN : _PLAIN + 1]
        return torch.relu(plain - FAINT + self.tail(features).float())
