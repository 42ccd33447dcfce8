"""A network of others through all of unblur: converted, kept, whole and in bands, everywhere.

    python benchmarks/foreign.py [--weights NAFNet.pth] [--size 1280x720] [--engine onnx] [--quick]

Without weights it makes some: NAFNet of width 32 as published for GoPro (17.1 million), at random,
scaled so that what comes out stays near what goes in, in the layout of the published file. Nothing
is said of how well such a network restores; the table says that each step runs, how long it takes,
and how near bands from layer to layer are to the whole photo at once.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import skimage.data

import unblur
from machine import describe
from quick import is_quick, parse
from unblur.imaging.photo.photo import Photo, read_photo, write_photo

NAME = "nafnet-trial"


def make_weights(path):
    """NAFNet of width 32 in the layout of the published file, with random weights."""
    import torch

    from unblur.models.published.nafnet import NafNet

    torch.manual_seed(0)
    module = NafNet(8, (1, 1), 1, (1, 1)) if is_quick() else NafNet(32, (1, 1, 1, 28), 1, (1,) * 4)
    with torch.no_grad():
        for name, values in module.named_parameters():
            if name.endswith(("beta", "gamma")):
                values.normal_(std=0.1)
        module.ending.weight.mul_(0.2)
        module.ending.bias.zero_()
    torch.save({"params": module.state_dict()}, path)


def command(*arguments):
    """Seconds and lines of a command of unblur."""
    started = time.perf_counter()
    words = [sys.executable, "-m", "unblur", *map(str, arguments)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, arguments))}: {done.stdout}{done.stderr}")
    return time.perf_counter() - started, done.stdout.splitlines()


@contextmanager
def serving(folder):
    """`unblur serve` on a free port, until it is no longer needed."""
    log = folder / "serve.log"
    with log.open("w") as stderr:
        words = [sys.executable, "-m", "unblur", "serve", "--port", "0"]
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=stderr)
    try:
        while not (found := re.search(r"http://\S+?(?=/ )", log.read_text())):
            if process.poll() is not None:
                sys.exit(f"unblur serve: {log.read_text()}")
            time.sleep(0.2)
        yield found[0]
    finally:
        process.terminate()
        process.wait(timeout=60)


def ask(url, photo, target):
    """Restore a photo by HTTP."""
    with photo.open("rb") as stream:
        answer = httpx.post(
            f"{url}/api/restore",
            files=[("photo", (photo.name, stream, "image/png"))],
            data={"model": NAME, "guard": "false"},
            timeout=600,
        )
    if answer.status_code != 200:
        sys.exit(f"unblur serve: {answer.text}")
    target.write_bytes(answer.content)


def prepare(folder, weights):
    """Convert weights and keep the network: rows of the table."""
    network = folder / "nafnet.onnx"
    seconds, lines = command("convert", weights, "-o", network, "--license", "none")
    yield "unblur convert", seconds, lines[0].partition(": ")[2]
    seconds, lines = command("models", "add", network, "--name", NAME)
    yield "unblur models add", seconds, f"SHA-256 {lines[-2][-64:][:12]}..."


def shaken_photo(width, height):
    """Sharp and shaken, (H, W, 3)."""
    tall, wide = -(-height // 512), -(-width // 512)
    sharp = np.tile(skimage.data.astronaut(), (tall, wide, 1))[:height, :width]
    sharp = sharp.astype(np.float32) / 255
    rng = np.random.default_rng(1)
    kernel = unblur.random_kernels(1, rng=rng, exposure=(0.5,))[0]
    return sharp, unblur.blur(sharp, kernel, noise_sigma=1 / 255, rng=rng)


def whole_and_bands(folder, shaken, engine):
    """Restore a large photo at once and layer by layer."""
    photo = folder / "large.png"
    write_photo(Photo(pixels=shaken), photo)
    road = ("--model", NAME, "--engine", engine, "--precision", "fp32", "--no-guard")
    size = f"{shaken.shape[1]}x{shaken.shape[0]}"
    seconds, _ = command("restore", photo, "-o", folder / "whole.png", *road, "--tile", "off")
    whole = read_photo(folder / "whole.png").pixels
    apart = unblur.psnr(whole, read_photo(photo).pixels)
    yield f"unblur restore, {size}, at once", seconds, f"{apart:.1f} dB to the photo itself"
    seconds, _ = command("restore", photo, "-o", folder / "bands.png", *road, "--tile", "256")
    apart = unblur.psnr(read_photo(folder / "bands.png").pixels, whole)
    yield f"unblur restore, {size}, layer by layer", seconds, f"{apart:.1f} dB to that"


def surfaces(folder, sharp, shaken, engine):
    """A benchmark, the page's interface and a cluster, on a small photo."""
    for part, pixels in (("blur", shaken), ("sharp", sharp)):
        (folder / "pairs" / part).mkdir(parents=True)
        cut = np.ascontiguousarray(pixels[:256, :384])
        write_photo(Photo(pixels=cut), folder / "pairs" / part / "0001.png")
    report = folder / "report"
    more = ("--model", NAME, "--engine", engine)
    seconds, lines = command("bench", "pairs", folder / "pairs", "-o", report, *more)
    line = next(line for line in lines if NAME in line)
    yield "unblur bench pairs, 384x256", seconds, " ".join(line.split())[:60]
    small = folder / "photos" / "small.png"
    small.parent.mkdir()
    small.write_bytes((folder / "pairs" / "blur" / "0001.png").read_bytes())
    alone = folder / "alone.png"
    command("restore", small, "-o", alone, "--model", NAME, "--no-guard")
    with serving(folder) as url:
        started = time.perf_counter()
        ask(url, small, folder / "served.png")
        seconds = time.perf_counter() - started
    yield "POST /api/restore, 384x256", seconds, compared(folder / "served.png", alone)
    out = folder / "scaled"
    flags = ("--model", NAME, "--no-guard", "--workers", "1")
    seconds, _ = command("scale", small.parent, out, *flags)
    yield "unblur scale, 384x256", seconds, compared(out / "small.unblurred.png", alone)


def compared(one, other):
    """How near two files are."""
    if one.read_bytes() == other.read_bytes():
        return "the bytes of unblur restore"
    apart = unblur.psnr(read_photo(one).pixels, read_photo(other).pixels)
    return f"{apart:.1f} dB to unblur restore"


def main():
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--size", default="1280x720")
    parser.add_argument("--engine", default="onnx")
    options = parse(parser, size="384x256")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["UNBLUR_DATA"] = str(folder / "data")
        weights = options.weights or folder / "NAFNet-GoPro-width32.pth"
        if options.weights is None:
            make_weights(weights)
        sharp, shaken = shaken_photo(*map(int, options.size.split("x")))
        print(f"{describe(f'{options.engine} fp32')}\n")
        print("| step | seconds | |\n|---|---|---|", flush=True)
        for rows in (
            prepare(folder, weights),
            whole_and_bands(folder, shaken, options.engine),
            surfaces(folder, sharp, shaken, options.engine),
        ):
            for step, seconds, said in rows:
                print(f"| {step} | {seconds:.1f} | {said} |", flush=True)
        _, lines = command("models", "list", "--json")
        kept = next(each for each in map(json.loads, lines) if each["name"] == NAME)
        facts = kept["facts"]
        print(f"\n{NAME}: {facts['unblur.model']}, tiles {facts['unblur.tiling']}")


if __name__ == "__main__":
    main()
