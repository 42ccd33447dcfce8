"""DeblurGAN's generator as one list of layers, with the state dict its authors' code writes."""

import torch
from torch import nn


class _Block(nn.Module):
    def __init__(self, width, *, dropout, convolutions, norm):
        super().__init__()
        layers = []
        for index in range(convolutions):
            layers += [nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3), norm(width)]
            if index == 0:
                layers += [nn.ReLU(), *([nn.Dropout(0.5)] if dropout else [])]
        self.conv_block = nn.Sequential(*layers)

    def forward(self, x):
        return x + self.conv_block(x)


class AuthorsGenerator(nn.Module):
    def __init__(self, channels, *, blocks=9, dropout=True, convolutions=2, norm=nn.InstanceNorm2d):
        super().__init__()
        layers = [nn.ReflectionPad2d(3), nn.Conv2d(3, channels, 7), norm(channels), nn.ReLU()]
        for width in (channels, 2 * channels):
            layers += [nn.Conv2d(width, 2 * width, 3, 2, 1), norm(2 * width), nn.ReLU()]
        layers += [
            _Block(4 * channels, dropout=dropout, convolutions=convolutions, norm=norm)
            for _ in range(blocks)
        ]
        for width in (2 * channels, channels):
            layers += [
                nn.ConvTranspose2d(2 * width, width, 3, 2, 1, output_padding=1),
                norm(width),
                nn.ReLU(),
            ]
        self.model = nn.Sequential(
            *layers, nn.ReflectionPad2d(3), nn.Conv2d(channels, 3, 7), nn.Tanh()
        )

    def forward(self, blurred):
        return torch.clamp(blurred + self.model(blurred), -1, 1)


def random_authors_generator(channels, **options):
    """Weights that change the picture by about as much as there is in it."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = AuthorsGenerator(channels, **options)
        for parameter in net.parameters():
            nn.init.normal_(parameter, std=0.05)
    return net.eval().requires_grad_(False)


def biased(module):
    """Give a new network of ours biases other than zero, as trained ones have.

    Of equal weights the exporter keeps one, so the graph without them is another's.
    """
    for parameter in module.parameters():
        if parameter.ndim == 1:
            torch.nn.init.normal_(parameter, std=0.01)
    return module
