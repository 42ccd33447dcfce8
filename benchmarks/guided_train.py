"""Train the network that knows the kernel on the files of kernel_tries.py.

    python benchmarks/guided_train.py TRIES -o guided.ckpt --minutes 90 [--threads 1]
    python benchmarks/guided_train.py TRIES -o guided.ckpt --export guided.onnx

Begins with the weights of ``fast``, the guides' at nothing. Crops of 128 px, batches of 8; one in
eight without guides. The loss is that of ``fast`` (logarithms of each crop's error, of pixels and
of spectra) and, for the expected error, the likelihood of a Laplace distribution. Weights are
averaged. The rate falls on half a cosine to the end of the time. A checkpoint is written every four
minutes and a later call goes on from it; files that came since are taken in.

Tries of one photo in ten are for validation, by the hash of their names. The lines show means over
these, middles of at most 256 px, as gains over the blurred photo in dB: without guides; of guides
that were found, as they are, with the network, and that over none; the same of true and disturbed
kernels; of the one, or none, whose expected error is least, the worst of these, and of the best.
"""

import argparse
import copy
import hashlib
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from machine import describe
from unblur.imaging.deblur.guide import beside_guide
from unblur.losses import log_frequency, log_mse
from unblur.models.guided import GuidedGenerator
from unblur.tasks.train.export import export
from unblur.weights import find_network, read_state

CROP = 128
BATCH = 8
WITHOUT = 0.12
HARMFUL_DB = 1.5
HARMFUL_WEIGHT = 0.12
"""Guides that lose more than that are seen so much less often: the judge keeps most of them away,
and a network that sees many of them trusts no guide."""
SAVE_SECONDS = 240
VALIDATED = 40


def photo_of(path: Path) -> str:
    """The name of the photo that a try was made of."""
    with np.load(path) as held:
        return str(json.loads(str(held["done"]))["photo"])


def is_for_validation(path: Path) -> bool:
    """One photo in ten."""
    return int(hashlib.sha256(photo_of(path).encode()).hexdigest()[2:4], 16) < 26


class Tries:
    """Crops of the files in a folder, in an order that a seed decides."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.held: list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]] = []
        self.known: set[Path] = set()

    def take_in(self, folder: Path) -> None:
        """Read the files that came since; those for validation are left out."""
        for path in sorted(set(folder.glob("[!.]*.npz")) - self.known):
            self.known.add(path)
            if is_for_validation(path):
                continue
            with np.load(path) as held:
                done = json.loads(str(held["done"]))
                parts = (held["blurred"], held["sharp"], held["guides"])
            gains = np.array(done["guides"]) - done["blurred"]
            weights = np.where(gains > -HARMFUL_DB, 1.0, HARMFUL_WEIGHT)
            if min(parts[0].shape[:2]) >= CROP:
                self.held.append((*parts, weights))

    def crop(self) -> tuple[np.ndarray, np.ndarray]:
        """What the network sees, (7, 128, 128), and the truth."""
        blurred, sharp, guides, weights = self.held[self.rng.integers(len(self.held))]
        if len(weights) and weights.max() < 1 and self.rng.uniform() < 0.5:
            return self.crop()
        rows, columns = (
            slice(at, at + CROP)
            for at in (int(self.rng.integers(0, side - CROP + 1)) for side in blurred.shape[:2])
        )

        def cut(pixels: np.ndarray) -> np.ndarray:
            return pixels[rows, columns].astype(np.float32) / np.float32(255)

        guide = None
        if len(guides) and self.rng.uniform() > WITHOUT:
            guide = cut(guides[self.rng.choice(len(guides), p=weights / weights.sum())])
        seen, truth = (
            pixels.transpose(2, 0, 1) for pixels in (beside_guide(cut(blurred), guide), cut(sharp))
        )
        for axis in (1, 2):
            if self.rng.uniform() < 0.5:
                seen, truth = np.flip(seen, axis), np.flip(truth, axis)
        if self.rng.uniform() < 0.5:
            seen, truth = seen.transpose(0, 2, 1), truth.transpose(0, 2, 1)
        return seen, truth

    def batch(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Eight of them."""
        crops = [self.crop() for _ in range(BATCH)]
        seen, truth = (torch.from_numpy(np.stack(part)) for part in zip(*crops, strict=True))
        form = torch.channels_last
        return seen.contiguous(memory_format=form), truth.contiguous(memory_format=form)


def score(network: nn.Module, path: Path) -> dict[str, Any]:
    """PSNR of a try: blurred, of its guides (first: blurred), with the network, and expected."""
    with np.load(path) as held:
        done = json.loads(str(held["done"]))
        blurred, sharp, guides = (held[name] for name in ("blurred", "sharp", "guides"))
    sides = [min(side // 16 * 16, 256) for side in blurred.shape[:2]]
    rows, columns = (
        slice((whole - side) // 2, (whole + side) // 2)
        for whole, side in zip(blurred.shape[:2], sides, strict=True)
    )
    blurred, sharp, *guides = (
        part[rows, columns].astype(np.float32) / np.float32(255)
        for part in (blurred, sharp, *guides)
    )
    inside = (slice(8, -8), slice(8, -8))

    def psnr(pixels: np.ndarray) -> float:
        return float(-10 * np.log10(np.mean((np.clip(pixels, 0, 1) - sharp)[inside] ** 2) + 1e-10))

    seen = np.stack([beside_guide(blurred, guide) for guide in (None, *guides)])
    with torch.no_grad():
        out = network(torch.from_numpy(seen).permute(0, 3, 1, 2)).permute(0, 2, 3, 1).numpy()
    return {
        "found": done["found"],
        "blurred": psnr(blurred),
        "guides": [psnr(guide[..., :3]) for guide in guides],
        "network": [psnr(each[..., :3]) for each in out],
        "expected": [float(each[inside][..., 3].mean()) for each in out],
    }


def summary(network: nn.Module, paths: list[Path]) -> str:
    """A line of means."""
    rows = [score(network, path) for path in paths]
    groups: dict[str, list[tuple[float, float, float]]] = {"found": [], "true": []}
    picked, best, none = [], [], []
    for row in rows:
        without, before = row["network"][0], row["blurred"]
        for i, (guide, restored) in enumerate(zip(row["guides"], row["network"][1:], strict=True)):
            name = "found" if i < row["found"] else "true"
            groups[name].append((guide - before, restored - before, restored - without))
        usable = range(1 + row["found"])
        likeliest = min(usable, key=row["expected"].__getitem__)
        picked.append(row["network"][likeliest] - before)
        best.append(max(row["network"][i] for i in usable) - before)
        none.append(without - before)
    shown = {
        name: " / ".join(f"{mean:+.2f}" for mean in np.mean(group, axis=0))
        for name, group in groups.items()
        if group
    }
    return (
        f"none {np.mean(none):+.2f}; "
        + "; ".join(f"{name} {means}" for name, means in shown.items())
        + f"; picked {np.mean(picked):+.2f}, worst {min(picked):+.2f}, best {np.mean(best):+.2f}"
    )


def begin() -> GuidedGenerator:
    """A network with the weights of ``fast``."""
    torch.manual_seed(0)
    network = GuidedGenerator()
    state, _ = read_state(find_network("fast"))
    known = network.state_dict()
    shared = {name: torch.from_numpy(state[name]).float() for name in state if name in known}
    network.load_state_dict(known | shared)
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def train(args: argparse.Namespace, tries: Tries, validation: list[Path]) -> None:
    """Go on until the time is over."""
    network = begin()
    mean = copy.deepcopy(network)
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=args.rate, betas=(0.9, 0.99), weight_decay=1e-4
    )
    step, spent = 0, 0.0
    if args.out.exists():
        held = torch.load(args.out, weights_only=True)
        network.load_state_dict(held["network"])
        mean.load_state_dict(held["mean"])
        optimizer.load_state_dict(held["optimizer"])
        step, spent = held["step"], held["spent"]
    begun, saved, total = time.monotonic() - spent, time.monotonic(), 60 * args.minutes
    print(f"step {step}: {summary(mean.eval(), validation)}", flush=True)
    while (gone := time.monotonic() - begun) < total:
        rate = args.rate * min(1, (step + 1) / 50) * 0.5 * (1 + np.cos(np.pi * gone / total))
        optimizer.param_groups[0]["lr"] = float(rate)
        seen, truth = tries.batch()
        out = network(seen)
        restored, expected = out[:, :3], out[:, 3]
        error = (restored - truth).square().mean(dim=1).add(1e-5).sqrt().detach()
        likelihood = (error * torch.exp(-expected) + expected).mean()
        pixels, spectra = log_mse(restored, truth, floor=1e-4), log_frequency(restored, truth)
        loss = 0.05 * (pixels + 0.1 * spectra) + 0.03 * likelihood
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        step += 1
        with torch.no_grad():
            decay = min(0.998, (1 + step) / (10 + step))
            torch._foreach_lerp_(list(mean.parameters()), list(network.parameters()), 1 - decay)
        if time.monotonic() - saved > SAVE_SECONDS or time.monotonic() - begun >= total:
            saved = time.monotonic()
            state = {
                "network": network.state_dict(),
                "mean": mean.state_dict(),
                "optimizer": optimizer.state_dict(),
                "step": step,
                "spent": saved - begun,
            }
            part = args.out.with_name(f".{args.out.name}")
            torch.save(state, part)
            part.replace(args.out)
            print(f"step {step}, {len(tries.held)} tries: {summary(mean, validation)}", flush=True)
            tries.take_in(args.tries)


def main() -> None:
    """Train, or export."""
    parser = argparse.ArgumentParser()
    parser.add_argument("tries", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=90)
    parser.add_argument("--rate", type=float, default=4e-4)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--export", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    paths = sorted(args.tries.glob("[!.]*.npz"))
    validation = [path for path in paths if is_for_validation(path)][:VALIDATED]
    if args.export:
        held = torch.load(args.out, weights_only=True)
        network = begin()
        network.load_state_dict(held["mean"])
        facts = {
            "license": "Apache-2.0",
            "trained_on": f"{len(paths)} tries of benchmarks/kernel_tries.py, from fast",
            "steps": str(held["step"]),
        }
        made = export(network, args.export, model="guided", metadata=facts)
        print(f"{made.path}: {made.rounded_db:.1f} dB to the module before rounding")
        print(summary(network, validation))
    else:
        tries = Tries(seed=5)
        tries.take_in(args.tries)
        train(args, tries, validation)
    print(describe("fp32"))


if __name__ == "__main__":
    main()
