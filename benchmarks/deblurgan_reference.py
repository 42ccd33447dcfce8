"""DeblurGAN, transcribed plainly from the paper: what the trained code is checked against.

Images in [-1, 1] as in the paper. No padding to odd sizes, no bfloat16, no fused anything.
"""

import torch
from torch import nn


def generator(channels=64, blocks=9):
    """Figure 3 without the skip from input to output, which `restore` adds."""
    c, norm, relu = channels, nn.InstanceNorm2d, nn.ReLU
    layers = [nn.ReflectionPad2d(3), nn.Conv2d(3, c, 7), norm(c), relu()]
    layers += [nn.Conv2d(c, 2 * c, 3, 2, 1), norm(2 * c), relu()]
    layers += [nn.Conv2d(2 * c, 4 * c, 3, 2, 1), norm(4 * c), relu()]
    layers += [_Block(4 * c) for _ in range(blocks)]
    layers += [nn.ConvTranspose2d(4 * c, 2 * c, 3, 2, 1, 1), norm(2 * c), relu()]
    layers += [nn.ConvTranspose2d(2 * c, c, 3, 2, 1, 1), norm(c), relu()]
    return nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(c, 3, 7), nn.Tanh())


class _Block(nn.Module):
    def __init__(self, c):
        super().__init__()
        half = [nn.ReflectionPad2d(1), nn.Conv2d(c, c, 3), nn.InstanceNorm2d(c)]
        again = [nn.ReflectionPad2d(1), nn.Conv2d(c, c, 3), nn.InstanceNorm2d(c)]
        self.body = nn.Sequential(*half, nn.ReLU(), *again)

    def forward(self, x):
        return x + self.body(x)


def critic():
    """PatchGAN: a map of scores, not a probability."""
    layers = [nn.Conv2d(3, 64, 4, 2, 2), nn.LeakyReLU(0.2)]
    for below, above, stride in ((64, 128, 2), (128, 256, 2), (256, 512, 1)):
        layers += [nn.Conv2d(below, above, 4, stride, 2), nn.InstanceNorm2d(above)]
        layers += [nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Conv2d(512, 1, 4, 1, 2))


def restore(network, blurred):
    """ResOut: the network learns a correction; section 3.2."""
    return (blurred + network(blurred)).clamp(-1, 1)


def critic_loss(network, sharp, restored, alpha):
    """WGAN-GP; the norm is over all values of a sample."""
    between = (alpha.view(-1, 1, 1, 1) * sharp + (1 - alpha.view(-1, 1, 1, 1)) * restored).detach()
    between.requires_grad_(True)
    opinions = network(between).flatten(1).mean(dim=1)
    (slope,) = torch.autograd.grad(opinions.sum(), between, create_graph=True)
    penalty = ((slope.flatten(1).norm(dim=1) - 1) ** 2).mean()
    return network(restored.detach()).mean() - network(sharp).mean() + 10 * penalty


def generator_loss(network, features, sharp, restored):
    """Equation 2: the critic's opinion and 100 times the distance in feature space."""
    content = (features(restored) - features(sharp)).square().mean()
    return -network(restored).mean() + 100 * content


def update(parts, optimizers, features, blurred, sharp, alphas):
    """Five critic steps, then the generator's, on one batch; both last losses."""
    network, judge = parts
    restored = restore(network, blurred)
    for alpha in alphas:
        optimizers[1].zero_grad()
        loss = critic_loss(judge, sharp, restored, alpha)
        loss.backward()
        optimizers[1].step()
    optimizers[0].zero_grad()
    final = generator_loss(judge, features, sharp, restored)
    final.backward()
    optimizers[0].step()
    return loss.item(), final.item()
