"""One full DeblurGAN update, five critic steps and one of the generator, 256x256, batch 1.

python benchmarks/train_step.py [--vgg FILE] [--runs 5]

Beside it, in the same run and in turns, the plain transcription of the paper. Without --vgg the
perceptual loss has random weights of VGG19's shape: the same work, not the same pictures. Peak
memory is that of a process of its own for each row, which does two updates; on a GPU, what PyTorch
allocated there.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import skimage.data
import torch
from torch import nn

import deblurgan_reference as plain
from machine import describe
from quick import has_bf16, parse
from unblur.devices import keep_freed_memory
from unblur.imaging.blur.blur import blur
from unblur.imaging.blur.kernels import random_kernels
from unblur.models.critic import PatchCritic
from unblur.models.deblurgan import DeblurGenerator
from unblur.models.vgg import load_vgg
from unblur.tasks.train.adversarial import AdversarialLossOptions, Game

CRITIC_STEPS = 5


def main():
    """Print times, ratios and whether the losses are the same."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--vgg", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--peak-of", help=argparse.SUPPRESS)
    arguments = parse(parser, runs=1)
    keep_freed_memory()
    features = stand_in() if arguments.vgg is None else load_vgg(arguments.vgg)
    features.to(arguments.device)
    batch = [x.to(arguments.device) for x in make_batch()]
    alphas = torch.rand((CRITIC_STEPS, 1), generator=torch.Generator().manual_seed(1))
    alphas = alphas.to(arguments.device)
    makers = {
        "transcription, fp32": lambda: Transcription(features, batch, alphas),
        "unblur, fp32": lambda: Ours(features, batch, alphas, bf16=False),
    }
    if arguments.device != "cpu" or has_bf16():
        makers["unblur, bf16"] = lambda: Ours(features, batch, alphas, bf16=True)
    if arguments.peak_of:
        contender = makers[arguments.peak_of]()
        for _ in range(2):
            contender.update()
        print(peak_mb(arguments.device))
        return
    peaks = {name: peak_of(name) for name in makers}
    contenders = {name: make() for name, make in makers.items()}
    seconds = {name: [] for name in contenders}
    losses = {}
    for _ in range(arguments.runs + 1):  # the first warms up
        for name, contender in contenders.items():
            start = time.perf_counter()
            losses.setdefault(name, []).append(contender.update())
            if arguments.device != "cpu":
                torch.cuda.synchronize()
            seconds[name].append(time.perf_counter() - start)
    machine = describe("float32 and bfloat16 by row")
    print(f"{machine}, torch {torch.__version__}, {arguments.device}")
    reference = statistics.median(seconds["transcription, fp32"][1:])
    for name, values in seconds.items():
        median = statistics.median(values[1:])
        first = ", ".join(f"{loss:.5f}" for loss in losses[name][0])
        print(
            f"{name:22} {median:6.2f} s an update, {1 / median:5.2f} images/s, "
            f"{reference / median:4.2f}x, {peaks[name]:5.0f} MB; losses of the first: {first}"
        )


def peak_of(name):
    """Peak memory of a fresh process that does two of these updates, in MB."""
    command = [sys.executable, *sys.argv, "--peak-of", name]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])  # behind what it says is left out


def peak_mb(device):
    """Most memory so far, of this process or on the GPU."""
    if device != "cpu":
        return torch.cuda.max_memory_allocated() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def make_batch():
    """A real photo, shaken; two (1, 3, 256, 256) in [0, 1]."""
    sharp = (skimage.data.astronaut()[:256, 128:384] / 255).astype(np.float32)
    shaken = blur(sharp, random_kernels(1, rng=np.random.default_rng(1))[0])
    return [torch.from_numpy(x.transpose(2, 0, 1)[None].copy()) for x in (shaken, sharp)]


def stand_in(_=None, *, before_relu=False, **_of_normalising):
    """Layers of VGG19 up to conv3_3 with random weights, called like ``load_vgg``."""
    torch.manual_seed(0)
    layers = []
    for below, above, pool in ((3, 64, 0), (64, 64, 1), (64, 128, 0), (128, 128, 1),
                               (128, 256, 0), (256, 256, 0), (256, 256, 0)):  # fmt: skip
        layers += [nn.Conv2d(below, above, 3, padding=1), nn.ReLU()]
        layers += [nn.MaxPool2d(2)] if pool else []
    return nn.Sequential(*layers[: -1 if before_relu else None]).requires_grad_(False)


class Transcription:
    """The paper, plainly."""

    def __init__(self, features, batch, alphas):
        torch.manual_seed(1)
        self.parts = [x.to(batch[0].device) for x in (plain.generator(), plain.critic())]
        # The same first weights as ours, which are drawn in the same order.
        ours = Ours(features, batch, alphas, bf16=False)
        for part, other in zip(self.parts, (ours.generator, ours.critic), strict=True):
            for weight, value in zip(part.parameters(), other.parameters(), strict=True):
                weight.data = value.data.clone(memory_format=torch.contiguous_format)
        self.optimizers = [torch.optim.Adam(x.parameters(), 1e-4, (0.5, 0.999)) for x in self.parts]
        self.features = lambda photos: features((photos + 1) / 2)
        self.batch, self.alphas = [2 * x - 1 for x in batch], alphas

    def update(self):
        """Do five steps of the critic, one of the generator; the last losses of both."""
        return plain.update(self.parts, self.optimizers, self.features, *self.batch, self.alphas)


class Ours:
    """What `unblur train` does with a batch."""

    def __init__(self, features, batch, alphas, *, bf16):
        torch.manual_seed(1)
        device = batch[0].device
        self.generator = DeblurGenerator(dropout=0.0).to(device)
        self.critic = PatchCritic().to(device)
        self.optimizers = tuple(
            torch.optim.Adam(x.parameters(), 1e-4, (0.5, 0.999), fused=True)
            for x in (self.generator, self.critic)
        )
        plain = device.type == "cpu" and not bf16
        layout = torch.contiguous_format if plain else torch.channels_last
        self.batch = [x.contiguous(memory_format=layout) for x in batch]
        self.game = Game(AdversarialLossOptions(), [self.critic], features)
        self.alphas, self.bf16 = alphas, bf16

    def update(self):
        """Do the same as the transcription."""
        with torch.autocast(self.batch[0].device.type, torch.bfloat16, enabled=self.bf16):
            logs = self.game.play(self.generator, self.optimizers, [tuple(self.batch)], self.alphas)
        return float(logs["critic/loss"]), float(logs["generator/loss"])


if __name__ == "__main__":
    main()
