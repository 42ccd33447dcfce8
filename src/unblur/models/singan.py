"""SinGAN: a pyramid of small generators, each with a critic, that know one photo."""

from collections.abc import Sequence
from typing import Final

import torch
import torch.nn.functional as F  # noqa: N812 - as everywhere
from torch import Tensor, nn

LAYERS: Final = 5
"""Of a generator and of a critic, at every scale: a pixel depends on 11 x 11 pixels."""
MARGIN_PX: Final = LAYERS
"""What the convolutions, which do not pad, take away on each side."""
_LEAST_CHANNELS: Final = 32
_MOST_CHANNELS: Final = 128
_SCALES_OF_A_WIDTH: Final = 4
_SLOPE: Final = 0.2
_DEVIATION: Final = 0.02


def channels_at(scale: int) -> int:
    """Width of the networks of a scale, counted from the coarsest, 0: 32, doubled every 4 scales.

    Args:
        scale: 0 or more.

    Returns:
        32, 64 or 128.

    References:
        Shaham et al., *SinGAN*, ICCV 2019, section 2.3 and its supplementary material.
    """
    doublings: int = 2 ** (scale // _SCALES_OF_A_WIDTH)
    return min(_LEAST_CHANNELS * doublings, _MOST_CHANNELS)


def padded(pictures: Tensor) -> Tensor:
    """Surround (B, C, H, W) with 5 px of zeros, which the convolutions then take away."""
    return F.pad(pictures, [MARGIN_PX] * 4)


def resized(pictures: Tensor, height: int, width: int) -> Tensor:
    """Resize (B, C, H, W) by bicubic interpolation, with antialiasing when it gets smaller."""
    if pictures.shape[-2:] == (height, width):
        return pictures
    return F.interpolate(pictures, (height, width), mode="bicubic", antialias=True)


class ScaleGenerator(nn.Module):
    """Adds to a picture what it lacks at one scale.

    Four times convolution 3x3, batch normalisation, leaky ReLU; then convolution and tanh.

    Args:
        channels: Width of all layers.

    References:
        Shaham et al., *SinGAN*, ICCV 2019, eq. 2 and 3, fig. 5.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = _body(channels, out=3)

    def forward(self, noisy: Tensor, previous: Tensor) -> Tensor:
        """Generate.

        Args:
            noisy: (B, 3, H + 10, W + 10): the picture so far, with noise, :func:`padded`.
            previous: (B, 3, H, W): the picture so far, in [-1, 1] or a little beyond.

        Returns:
            (B, 3, H, W), in the same range and a little beyond.
        """
        residual: Tensor = torch.tanh(self.body(noisy).float())
        return residual + previous


class ScaleCritic(nn.Module):
    """Scores every patch of 11 x 11 pixels; the same layers as the generator's.

    Args:
        channels: Width of all layers.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = _body(channels, out=1)

    def forward(self, pictures: Tensor) -> Tensor:
        """Score a batch.

        Args:
            pictures: (B, 3, H, W) in [-1, 1], sides at least 11.

        Returns:
            (B, 1, H - 10, W - 10) scores, unbounded.
        """
        scores: Tensor = self.body(pictures)
        return scores


class SinGAN(nn.Module):
    """The generators of all scales, coarsest first, and how to go through them.

    Pixels are in [-1, 1] here, as in the paper: noise and tanh are symmetric.

    Args:
        sizes: Height and width of the training photo at every scale, coarsest first.
    """

    amplitudes: Tensor
    """(scales,): standard deviation of the noise that each scale adds."""
    noise: Tensor
    """(1, 1, H, W) of the coarsest scale, from which the training photo is reconstructed."""

    def __init__(self, sizes: Sequence[tuple[int, int]]) -> None:
        super().__init__()
        self.sizes = list(sizes)
        self.generators = nn.ModuleList(
            ScaleGenerator(channels_at(scale)) for scale in range(len(sizes))
        )
        self.register_buffer("amplitudes", torch.zeros(len(sizes)))
        self.register_buffer("noise", torch.zeros(1, 1, *self.sizes[0]))

    def step(self, scale: int, previous: Tensor, noise: Tensor | None = None) -> Tensor:
        """Pass a picture of this scale's size through this scale's generator.

        Args:
            scale: From 0, the coarsest.
            previous: (B, 3, H, W).
            noise: (B, 1 or 3, H, W), standard normal; None adds none.
        """
        noisy = previous if noise is None else previous + self.amplitudes[scale] * noise
        result: Tensor = self.generators[scale](padded(noisy), previous)
        return result

    def reconstruct(self, scales: int) -> Tensor:
        """Reconstruct the training photo at the finest of the first so many scales.

        Args:
            scales: How many generators to go through, at least 1.

        Returns:
            (1, 3, H, W).

        References:
            Eq. 5 of the deblurring paper: fixed noise at the coarsest scale, none above it.
        """
        picture = self.step(0, self.noise.new_zeros(1, 3, *self.sizes[0]), self.noise)
        for scale in range(1, scales):
            picture = self.step(scale, resized(picture, *self.sizes[scale]))
        return picture

    def sample(
        self,
        scales: int,
        count: int,
        rng: torch.Generator,
        sizes: Sequence[tuple[int, int]] | None = None,
    ) -> Tensor:
        """Draw random pictures from the first so many scales.

        Args:
            scales: How many generators to go through, at least 1.
            count: Number of pictures.
            rng: Source of the noise, on the CPU.
            sizes: Height and width at every scale, if not those of the training photo.

        Returns:
            (count, 3, H, W) of the finest of these scales.
        """
        sizes = self.sizes if sizes is None else sizes
        picture = self.noise.new_zeros(count, 3, *sizes[0])
        for scale in range(scales):
            picture = resized(picture, *sizes[scale])
            picture = self.step(scale, picture, self.draw(scale, picture, rng))
        return picture

    def draw(self, scale: int, like: Tensor, rng: torch.Generator) -> Tensor:
        """Noise for a batch; at the coarsest scale one value for all three channels."""
        shape = (len(like), 1 if scale == 0 else 3, *like.shape[-2:])
        return torch.randn(shape, generator=rng).to(like)


def initialise(network: nn.Module, rng: torch.Generator) -> None:
    """Fresh weights as published: N(0, 0.02) in convolutions, N(1, 0.02) in normalisations."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            assert layer.bias is not None
            _draw(layer.weight, 0.0, rng)
            # PyTorch's own default, from our source of randomness.
            bound = layer.weight[0].numel() ** -0.5
            with torch.no_grad():
                layer.bias.copy_(bound * (2 * torch.rand(layer.bias.shape, generator=rng) - 1))
        elif isinstance(layer, nn.BatchNorm2d):
            _draw(layer.weight, 1.0, rng)
            nn.init.zeros_(layer.bias)


def _draw(weight: Tensor, mean: float, rng: torch.Generator) -> None:
    with torch.no_grad():
        weight.copy_(mean + _DEVIATION * torch.randn(weight.shape, generator=rng))


def _body(channels: int, *, out: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for before in (3, *[channels] * (LAYERS - 2)):
        layers += [nn.Conv2d(before, channels, 3), nn.BatchNorm2d(channels), nn.LeakyReLU(_SLOPE)]
    return nn.Sequential(*layers, nn.Conv2d(channels, out, 3))
