"""Can the game be won at all? 300 updates of a DeblurGAN of 16 channels on 8 pairs.

python benchmarks/overfit.py [--vgg FILE] [--updates 300]

The pairs are crops of scikit-image's photos, shaken by Algorithm 1. With --vgg the loss has its
perceptual part. Prints the PSNR of the blurred and of the restored pairs; fails if the gain is
below 2 dB.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import torch

from held_out import PHOTOS, load
from machine import describe
from quick import has_bf16, parse
from unblur.devices import keep_freed_memory
from unblur.imaging.blur.blur import blur
from unblur.imaging.blur.kernels import random_kernels
from unblur.metrics import psnr
from unblur.models.critic import PatchCritic
from unblur.models.deblurgan import DeblurGenerator
from unblur.models.vgg import load_vgg
from unblur.tasks.train.adversarial import AdversarialLossOptions, Game

PAIRS, SIDE = 8, 128
LEAST_GAIN_DB = 2.0


def main():
    """Train, print what was reached, and fail if it is too little."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--vgg", type=Path)
    parser.add_argument("--updates", type=int, default=300)
    arguments = parse(parser, updates=3)
    keep_freed_memory()
    bf16 = has_bf16()
    torch.manual_seed(1)
    blurred, sharp = make_pairs()
    generator, critic = DeblurGenerator(channels=16, dropout=0.0), PatchCritic()
    optimizers = tuple(
        torch.optim.Adam(x.parameters(), rate, (0.5, 0.999), fused=True)
        for x, rate in ((generator, 1e-3), (critic, 1e-4))
    )
    features = None if arguments.vgg is None else load_vgg(arguments.vgg)
    options = AdversarialLossOptions(
        adversarial=0.01,
        perceptual=0.0 if features is None else 0.1,
        pixel=100.0,
        pixel_kind="charbonnier",
    )
    game = Game(options, [critic], features)
    layout = torch.channels_last
    batch = [x.contiguous(memory_format=layout) for x in (blurred, sharp)]
    start = time.perf_counter()
    for update in range(arguments.updates):
        for side, optimizer in zip((1e-3, 1e-4), optimizers, strict=True):
            optimizer.param_groups[0]["lr"] = side * min(1, 2 * (1 - update / arguments.updates))
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            game.play(generator, optimizers, [tuple(batch)], torch.rand(1, PAIRS))
    seconds = time.perf_counter() - start
    with torch.no_grad():
        restored = generator.eval()(blurred)
    before, after = mean_psnr(blurred, sharp), mean_psnr(restored, sharp)
    print(
        f"{describe('bfloat16' if bf16 else 'float32')}\n"
        f"{arguments.updates} updates on {PAIRS} pairs of {SIDE} px in "
        f"{seconds:.0f} s: blurred {before:.2f} dB, restored {after:.2f} dB, gain "
        f"{after - before:+.2f} dB (at least {LEAST_GAIN_DB:+.1f} wanted)"
    )
    sys.exit(after - before < LEAST_GAIN_DB and not arguments.quick)


def make_pairs():
    """Crops of real photos, shaken; two (8, 3, 128, 128) in [0, 1]."""
    rng = np.random.default_rng(1)
    kernels = random_kernels(PAIRS, rng=rng, length_px=40, exposure=(0.5,))
    pairs = []
    for name, kernel in zip(PHOTOS[:PAIRS], kernels, strict=True):
        photo = load(name)
        top, left = (side // 2 - SIDE // 2 for side in photo.shape[:2])
        window = slice(top, top + SIDE), slice(left, left + SIDE)
        pairs.append((blur(photo, kernel)[window], photo[window]))
    return (
        torch.from_numpy(np.stack(side).transpose(0, 3, 1, 2).copy())
        for side in zip(*pairs, strict=True)
    )


def mean_psnr(photos, sharp):
    """Mean over pairs."""
    scores = (
        psnr(a.transpose(1, 2, 0), b.transpose(1, 2, 0))
        for a, b in zip(photos.numpy(), sharp.numpy(), strict=True)
    )
    return float(np.mean(list(scores)))


if __name__ == "__main__":
    main()
