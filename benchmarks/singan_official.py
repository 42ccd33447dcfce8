"""SinGAN's training as its authors run it, written down plainly, to compare with.

What the published code does, step by step, with none of our savings: random pictures of the scales
below are generated anew for every critic step, everything is in float32, three steps of either
network an iteration. One thing cannot be kept: its generator steps go back through a graph whose
weights the step before has changed, which PyTorch refuses since 1.5; the picture is made again.
"""

import time
from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

PAD = 5


def body(channels: int, out: int) -> nn.Sequential:
    """Five convolutions of 3x3, four with batch normalisation and leaky ReLU."""
    layers: list[nn.Module] = []
    for index in range(4):
        layers.append(nn.Conv2d(3 if index == 0 else channels, channels, 3))
        layers.append(nn.BatchNorm2d(channels))
        layers.append(nn.LeakyReLU(0.2, inplace=True))
    layers.append(nn.Conv2d(channels, out, 3))
    if out == 3:
        layers.append(nn.Tanh())
    network = nn.Sequential(*layers)
    for layer in network:
        if isinstance(layer, nn.Conv2d):
            nn.init.normal_(layer.weight, 0, 0.02)
        elif isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.weight, 1, 0.02)
            nn.init.zeros_(layer.bias)
    return network


def pad(x: torch.Tensor) -> torch.Tensor:
    """Five zeros on each side."""
    return F.pad(x, (PAD, PAD, PAD, PAD))


def enlarge(x: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """To the size of the next level."""
    return F.interpolate(x, like.shape[-2:], mode="bicubic", antialias=True)


class Official:
    """The pyramid in the making.

    Args:
        levels: The photo at every scale, (1, 3, H, W) in [-1, 1], coarsest first.
        iterations: Of each scale; published: 2000.
    """

    def __init__(self, levels: list[torch.Tensor], iterations: int = 2000) -> None:
        self.levels, self.iterations = levels, iterations
        self.generators: list[nn.Module] = []
        self.known: list[torch.Tensor] = []
        self.amplitudes: list[float] = []

    def through(
        self, noises: Callable[[int, torch.Tensor], torch.Tensor], *, on: bool = True
    ) -> torch.Tensor:
        """Go through the finished scales, and on to the size of the next one."""
        x = torch.zeros_like(self.levels[0])
        for scale, generator in enumerate(self.generators):
            noisy = self.amplitudes[scale] * noises(scale, x) + x
            x = generator(pad(noisy)) + x
            if scale + 1 < len(self.generators) or on:
                x = enlarge(x, self.levels[scale + 1])
        return x

    def random(self, *, on: bool = True) -> torch.Tensor:
        """A random picture of the finished scales."""
        return self.through(draw, on=on)

    def reconstruction(self, *, on: bool = True) -> torch.Tensor:
        """The photo from its known noise."""
        return self.through(lambda scale, x: self.known[scale], on=on)

    def fit(self) -> Iterator[float]:
        """Fit scale after scale.

        Yields:
            Seconds of each.
        """
        width, networks = 0, (nn.Sequential(), nn.Sequential())
        for scale, real in enumerate(self.levels):
            started = time.perf_counter()
            channels = min(32 * 2 ** (scale // 4), 128)
            fresh = body(channels, 3), body(channels, 1)
            if channels == width:
                for new, old in zip(fresh, networks, strict=True):
                    new.load_state_dict(old.state_dict())
            width, networks = channels, fresh
            self.fit_scale(scale, real, *networks)
            networks[0].eval()
            for weight in networks[0].parameters():
                weight.requires_grad_(False)
            self.generators.append(networks[0])
            yield time.perf_counter() - started

    def fit_scale(self, scale: int, real: torch.Tensor, g: nn.Module, d: nn.Module) -> None:
        """Fit one scale; the names are the papers'."""
        adam_g, adam_d = (
            torch.optim.Adam(n.parameters(), lr=5e-4, betas=(0.5, 0.999)) for n in (g, d)
        )
        with torch.no_grad():
            base = self.reconstruction() if scale else torch.zeros_like(real)
        amplitude = 0.1 * float(F.mse_loss(base, real).sqrt()) if scale else 1.0
        z_rec = torch.zeros_like(real) if scale else draw(0, real)
        for iteration in range(self.iterations):
            for adam in (adam_g, adam_d):
                adam.param_groups[0]["lr"] = 5e-4 if iteration < 1600 else 5e-5
            for _ in range(3):
                d.zero_grad()
                (-d(real).mean()).backward()
                with torch.no_grad():
                    previous = self.random() if scale else torch.zeros_like(real)
                noisy = amplitude * draw(scale, real) + previous
                fake = g(pad(noisy)) + previous
                d(fake.detach()).mean().backward()
                share = torch.rand(1, 1)
                between = (share * real + (1 - share) * fake.detach()).requires_grad_()
                (slope,) = torch.autograd.grad(d(between).sum(), between, create_graph=True)
                (0.1 * ((slope.norm(2, dim=1) - 1) ** 2).mean()).backward()
                adam_d.step()
            for _ in range(3):
                g.zero_grad()
                (-d(g(pad(noisy)) + previous).mean()).backward()
                rebuilt = g(pad(amplitude * z_rec + base)) + base
                (10 * F.mse_loss(rebuilt, real)).backward()
                adam_g.step()
        self.known.append(z_rec)
        self.amplitudes.append(amplitude)


def draw(scale: int, like: torch.Tensor) -> torch.Tensor:
    """Noise; at the coarsest scale the same in all channels."""
    if scale == 0:
        return torch.randn(1, 1, *like.shape[-2:]).expand_as(like)
    return torch.randn_like(like)
