"""How large is each departure from DeblurGAN's paper, or from its authors' code (ADR 0004).

    python benchmarks/departures.py --vgg FILE [--photos FOLDER] [--count 20]
                                    [--weights NETWORK.onnx]

Each size is measured on crops of 256 px from photos (scikit-image's without --photos), blurred by
Algorithm 1 with its authors' constants, encoded values, no noise. Differences between two pictures
are PSNR in dB: 60 is nothing, 30 is seen. Losses are compared as ratios, without their weights: the
median, and in brackets the least and the most. --weights adds what dropout does when restoring, for
a trained network of DeblurGAN's topology, by a file that `unblur convert` or `export` wrote.
"""

import argparse
import logging
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pyvips
import scipy.signal
import torch
from PIL import Image
from torch import nn

from held_out import PHOTOS, load
from machine import describe
from quick import parse
from unblur import losses
from unblur.data.crops import drawn
from unblur.data.photos import list_photos
from unblur.imaging.blur.blur import blur
from unblur.imaging.blur.kernels import random_kernels, trajectory_kernels
from unblur.imaging.blur.trajectories import random_trajectories
from unblur.imaging.photo.photo import read_photo
from unblur.metrics import psnr
from unblur.models import MODELS
from unblur.models.critic import PatchCritic
from unblur.models.deblurgan import DeblurGenerator
from unblur.models.stochastic import keep_dropping
from unblur.models.vgg import load_vgg
from unblur.tasks.networks.export import export
from unblur.tasks.train.adversarial import PERCEPTUAL_KINDS
from unblur.weights import read_state

CROP_PX = 256
LEAST_PX = 2 * CROP_PX
KERNELS = 1000
PAIRS = 1000
EPOCHS = 300


def main():
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--vgg", type=Path, help="VGG19, for the perceptual loss")
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--weights", type=Path)
    arguments = parse(parser, count=2)
    photos = load_photos(arguments.photos, arguments.count)
    pairs = [make_pair(photo, index) for index, photo in enumerate(photos)]
    print(f"{describe()}, {len(pairs)} crops of {CROP_PX} px\n")
    print("| departure | size |\n|---|---|")
    if arguments.vgg is not None:
        perceptual(pairs, arguments.vgg)
    penalty(pairs)
    kernels(photos)
    pictures(photos)
    schedule()
    block()
    rounding()
    if arguments.weights is not None:
        dropout(pairs, arguments.weights)


def row(what, size):
    """Print one line of the table."""
    print(f"| {what} | {size} |", flush=True)


def spread(values, unit=""):
    """A median with the least and the most."""
    middle, least, most = np.median(values), np.min(values), np.max(values)
    return f"{middle:.3g}{unit} ({least:.3g} to {most:.3g})"


def load_photos(folder, count):
    """Photos, (H, W, 3) floats, drawn by a fixed seed from those that are large enough."""
    if folder is None:
        return [photo for name in PHOTOS if min((photo := load(name)).shape[:2]) >= CROP_PX][:count]
    paths = list_photos(folder)
    found = []
    for place in np.random.default_rng(1).permutation(len(paths)):
        pixels = read_photo(paths[place]).pixels.astype(np.float32)
        if min(pixels.shape[:2]) >= CROP_PX:
            found.append(pixels)
        if len(found) == count:
            break
    return found


def make_pair(photo, index, **how):
    """Blurred and sharp crop from the middle, (256, 256, 3)."""
    kernel = random_kernels(1, rng=np.random.default_rng(index), exposure=(1.0,))[0]
    blurred = blur(photo, kernel, **({"linear_light": False} | how))
    top, left = ((side - CROP_PX) // 2 for side in photo.shape[:2])
    window = slice(top, top + CROP_PX), slice(left, left + CROP_PX)
    return np.clip(blurred[window], 0, 1), photo[window]


def batch(pixels):
    """(1, 3, H, W)."""
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)[None]))


def perceptual(pairs, vgg):
    """Ours, the authors' and the paper's literal formula, on the same pairs."""
    kinds = {name: load_vgg(vgg, **how) for name, how in PERCEPTUAL_KINDS.items()}
    kinds["before"] = load_vgg(vgg, before_relu=True)
    kinds["signed"] = load_vgg(vgg, normalise=False)
    found = {name: [] for name in kinds}
    with torch.no_grad():
        for blurred, sharp in pairs:
            for name, features in kinds.items():
                literal = name == "paper"
                loss = losses.perceptual(
                    features, batch(blurred), batch(sharp), add_channels=literal
                )
                found[name].append(float(loss))
    ours = np.array(found["normalised"])
    row("perceptual loss: ours to the authors'", spread(ours / found["authors"]))
    row("- of which the normalisation of the input", spread(ours / found["signed"]))
    row("- of which the activation (after to before)", spread(ours / found["before"]))
    row("perceptual loss: the paper's formula, literally, to ours", spread(found["paper"] / ours))


def penalty(pairs):
    """The gradient penalty of a critic with first weights: ours and the authors'."""
    torch.manual_seed(1)
    critic = PatchCritic()
    ours, theirs, slopes = [], [], []
    for blurred, sharp in pairs:
        real, fake = 2 * batch(sharp) - 1, 2 * batch(blurred) - 1
        alpha = torch.rand(1)
        between = torch.lerp(fake, real, alpha).requires_grad_()
        scores = critic((between + 1) / 2)
        (gradient,) = torch.autograd.grad(scores.sum(), between)
        theirs.append(float((gradient.norm(dim=1) - 1).square().mean()))
        slopes.append(float(gradient.norm() / gradient.norm(dim=1).mean()))
        mean = losses.gradient_penalty(lambda x: critic((x + 1) / 2), real, fake, alpha=alpha)
        ours.append(mean.item())
    row(f"gradient penalty, first weights: ours, of the mean of {scores.numel()} scores",
        spread(ours))  # fmt: skip
    row("- the authors', of their sum, pixel by pixel", spread(theirs))
    row("- norm over all values by the mean norm of a pixel", spread(slopes))


def kernels(photos):
    """What the constants of Algorithm 1, the exposures and the centre are worth."""
    blurred = {}
    for preset in ("paper", "authors"):
        rng = np.random.default_rng(1)
        paths = random_trajectories(KERNELS, rng=rng, preset=preset)
        away = paths - paths.mean(axis=1, keepdims=True)
        reach = np.sqrt(np.square(away).sum(axis=2).mean(axis=1))
        row(f"Algorithm 1, constants of the {preset}: RMS radius of a path, px", spread(reach))
        blurred[preset] = []
        for index, photo in enumerate(photos):
            kernel = trajectory_kernels(paths[index : index + 1])[0]
            blurred[preset].append(psnr(blur(photo, kernel, linear_light=False), photo))
        row("- PSNR of photos blurred so, dB", spread(blurred[preset]))
        if preset == "authors":
            boxes = (paths.max(axis=1) + paths.min(axis=1)) / 2
            shifts = np.linalg.norm(boxes - paths.mean(axis=1), axis=1)
            row("- centroid to the middle of the bounding box, px", spread(shifts))


def pictures(photos):
    """What was done to pictures otherwise."""
    found = {name: [] for name in ("light", "edges", "stretched", "halved")}
    for index, photo in enumerate(photos):
        kernel = random_kernels(1, rng=np.random.default_rng(index), exposure=(1.0,))[0]
        encoded = blur(photo, kernel, linear_light=False)
        found["light"].append(psnr(blur(photo, kernel), encoded))
        dark = scipy.signal.fftconvolve(photo, kernel[..., None], mode="same", axes=(0, 1))
        found["edges"].append(psnr(np.clip(dark, 0, 1), encoded))
        low, high = encoded.min(), encoded.max()
        found["stretched"].append(psnr((encoded - low) / (high - low), encoded))
        codes = np.round(photo * 255).astype(np.uint8)
        half = codes.shape[0] // 2 * 2, codes.shape[1] // 2 * 2
        codes = codes[: half[0], : half[1]]
        ours = pyvips.Image.new_from_array(np.ascontiguousarray(codes)).resize(0.5).numpy()
        size = codes.shape[1] // 2, codes.shape[0] // 2
        theirs = np.asarray(Image.fromarray(codes).resize(size, Image.Resampling.BICUBIC))
        found["halved"].append(psnr(*(x.astype(np.float32) / 255 for x in (ours, theirs))))
    row("light or encoded values blurred, dB", spread(found["light"]))
    row("photo mirrored beyond its edges, or black there, whole photo, dB", spread(found["edges"]))
    row("blurred photo stretched to its least and most value, dB", spread(found["stretched"]))
    row("photo halved by Lanczos, or by Pillow's bicubic, dB", spread(found["halved"]))


def schedule():
    """The learning rate, and how pairs are drawn."""
    steps = np.arange(PAIRS * EPOCHS)
    ours = np.minimum(1, 2 * (1 - steps / len(steps)))
    epoch = steps // PAIRS
    theirs = np.minimum(1, (EPOCHS - np.maximum(epoch, EPOCHS // 2)) / (EPOCHS // 2))
    row("learning rate by update, or by epoch: largest difference, of the first rate",
        f"{np.abs(ours - theirs).max():.4f}")  # fmt: skip
    met = []
    for seed in range(20):
        rngs = (np.random.default_rng([seed, index]) for index in range(PAIRS))
        met.append(len({drawn(rng, seed, 0, PAIRS, epochs=False) for rng in rngs}))
    row(f"pairs met in {PAIRS} draws where epochs = false", spread(met))


def block():
    """The second convolution of a block, which the authors' code drops where dropout is on."""
    whole = DeblurGenerator()
    every = sum(weight.numel() for weight in whole.parameters())
    second = sum(w.numel() for part in whole.blocks for w in part.second.parameters())
    row("weights with two convolutions a block, and with one", f"{every:,} and {every - second:,}")


def rounding():
    """What half precision costs a network file of the published size, with first weights."""
    warnings.simplefilter("ignore")  # the exporter's hints to developers
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    torch.manual_seed(1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "deblurgan.onnx"
        made = export(DeblurGenerator(), path, model="deblurgan", metadata={})
    row("network file, first weights, to PyTorch: all digits, dB", f"{made.exact_db:.1f}")
    row("- rounded to half precision, dB", f"{made.rounded_db:.1f}")


def dropout(pairs, path):
    """What dropout does to a restored photo."""
    state, facts = read_state(path)
    network: nn.Module = MODELS[facts["unblur.model"]].build().eval()
    network.load_state_dict({key: torch.from_numpy(state[key]) for key in network.state_dict()})
    torch.manual_seed(1)
    apart, gains = [], []
    with torch.no_grad():
        for blurred, sharp in pairs:
            results = []
            for share in (0.0, 0.5):
                keep_dropping(network, share)
                results.append(network(batch(blurred))[0].numpy().transpose(1, 2, 0))
            apart.append(psnr(*results))
            gains.append(psnr(results[1], sharp) - psnr(results[0], sharp))
    row(f"dropout on, or off, when {path.stem} restores, dB", spread(apart))
    row("- PSNR to the sharp photo, on less off, dB", spread(gains))


if __name__ == "__main__":
    main()
