"""Does bfloat16 learn like float32? Loss curves of one game, beside three float32 seeds.

python benchmarks/bf16_curve.py [--vgg FILE] [--updates 300]

A narrow DeblurGAN (32 channels), 64 px crops of a real photo, losses and critic steps as published.
Prints means over 50 updates of the generator's loss: the lowest and the highest of the
three seeds, and bfloat16's. Fails if that leaves their spread by more than the spread itself.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import skimage.data
import torch

from machine import describe
from quick import has_bf16, parse
from train_step import CRITIC_STEPS, stand_in
from unblur.devices import keep_freed_memory
from unblur.imaging.blur.blur import blur
from unblur.imaging.blur.kernels import random_kernels
from unblur.models.critic import PatchCritic
from unblur.models.deblurgan import DeblurGenerator
from unblur.models.vgg import load_vgg
from unblur.tasks.train.adversarial import AdversarialLossOptions, Game

SIDE, BLOCK = 64, 50


def main():
    """Play four games and compare."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--vgg", type=Path)
    parser.add_argument("--updates", type=int, default=300)
    arguments = parse(parser, updates=4)
    if not has_bf16():
        print(describe("nothing"))
        return
    keep_freed_memory()
    features = stand_in() if arguments.vgg is None else load_vgg(arguments.vgg)
    curves = [play(features, arguments.updates, seed=seed, bf16=False) for seed in (1, 2, 3)]
    bf16 = play(features, arguments.updates, seed=1, bf16=True)
    low, high = np.min(curves, axis=0), np.max(curves, axis=0)
    print(f"{describe('float32 and bfloat16')}\nupdates      float32 lowest   highest    bfloat16")
    for block, row in enumerate(zip(low, high, bf16, strict=True)):
        print(f"{BLOCK * block:4} to {BLOCK * (block + 1):4} " + "".join(f"{x:12.3f}" for x in row))
    spread = high - low
    inside = (bf16 >= low - spread) & (bf16 <= high + spread)
    print(f"bfloat16 is within the spread in {inside.sum()} of {len(inside)} rows")
    sys.exit(not inside.all())


def play(features, updates, *, seed, bf16):
    """Mean loss of the generator in every block of updates."""
    torch.manual_seed(seed)
    generator, critic = DeblurGenerator(channels=32, dropout=0.0), PatchCritic()
    optimizers = tuple(
        torch.optim.Adam(x.parameters(), 1e-4, (0.5, 0.999), fused=True)
        for x in (generator, critic)
    )
    game = Game(AdversarialLossOptions(), [critic], features)
    sharp = (skimage.data.astronaut() / 255).astype(np.float32)
    rng = np.random.default_rng(seed)
    shaken = blur(sharp, random_kernels(1, rng=rng, exposure=(0.5,))[0])
    layout = torch.channels_last if bf16 else torch.contiguous_format
    losses = []
    for _ in range(updates):
        top, left = rng.integers(0, 512 - SIDE, 2)
        crops = tuple(
            torch.from_numpy(
                x[top : top + SIDE, left : left + SIDE].transpose(2, 0, 1)[None].copy()
            ).contiguous(memory_format=layout)
            for x in (shaken, sharp)
        )
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            logs = game.play(generator, optimizers, [crops], torch.rand(CRITIC_STEPS, 1))
        losses.append(float(logs["generator/loss"]))
    return np.reshape(losses[: updates // BLOCK * BLOCK], (-1, BLOCK)).mean(axis=1)


if __name__ == "__main__":
    main()
