"""How fast photos are restored, beside the paper's generator as its authors' test script ran it.

    python benchmarks/restore.py [--runs 5]                 1280x720, every engine
    python benchmarks/restore.py --sizes 1,4,12,24,100      seconds and memory by megapixels
    python benchmarks/restore.py --memory                   working memory by network and engine
    python benchmarks/restore.py --settings                 threads, allocator, tiles

DeblurGAN has the authors' first weights, its last layer scaled so that it changes the photo as
much as `fast` does, and came through `unblur convert`. What is compared runs in turns, in one
process. "dB" is the agreement with PyTorch in float32, of the same weights, after rounding to 8
bits. The ceiling is what OpenVINO reaches in one 3x3 convolution, by its own counter, in the same
run.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.parser
import skimage.data
import torch
from torch import nn

import memory
import unblur
from machine import describe
from memory import in_turns
from quick import has_bf16, parse
from unblur.devices import cores
from unblur.engines.openvino_cpu import import_openvino
from unblur.metrics import psnr
from unblur.tasks.networks.convert import convert
from unblur.tasks.restore.options import RestoreOptions
from unblur.tasks.restore.restorer import Restorer
from unblur.weights import find_network

HEIGHT, WIDTH = 720, 1280
ENGINES = {
    "ONNX Runtime fp32": ("onnx", "fp32"),
    "OpenVINO fp32": ("openvino", "fp32"),
    "OpenVINO bf16": ("openvino", "bf16"),
}
"""What is compared; bf16 where the processor has it."""
CEILINGS = (256, 64)
"""Channels of the convolutions that are the ceiling."""
AUTHORS = "authors' code"
PLAIN = "authors' code, no dropout or gradients"


def shaken() -> np.ndarray:
    """A photo, blurred by Algorithm 1, (720, 1280, 3) in [0, 1]."""
    sharp = np.tile(skimage.data.coffee(), (2, 3, 1))[:HEIGHT, :WIDTH].astype(np.float32) / 255
    rng = np.random.default_rng(0)
    kernel = unblur.random_kernels(1, rng=rng, exposure=(0.5,))[0]
    return np.round(unblur.blur(sharp, kernel, noise_sigma=1 / 255, rng=rng) * 255) / np.float32(
        255
    )


def authors_generator(pixels: np.ndarray, change: float) -> nn.Module:
    """The paper's generator, in train mode as its authors' test left it.

    ``change`` is the root mean square of what it is to change in this photo.
    """
    sys.path.append(str(Path(__file__).parents[1] / "tests"))
    from authors_generator import AuthorsGenerator

    torch.manual_seed(0)
    norm = partial(nn.InstanceNorm2d, affine=False, track_running_stats=True)
    network = AuthorsGenerator(64, norm=norm)
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(layer.weight, std=0.02)
            nn.init.zeros_(layer.bias)
        if isinstance(layer, nn.ReLU):
            layer.inplace = True
    with torch.no_grad():
        found = network.model[:-1](signed(pixels)).square().mean().sqrt()
        network.model[-2].weight *= 2 * change / found
        for parameter in network.parameters():  # as a network file stores them
            parameter.copy_(parameter.half().float())
    return network


def signed(pixels: np.ndarray) -> torch.Tensor:
    """As the authors' code takes a photo: (1, 3, H, W) in [-1, 1]."""
    return 2 * torch.from_numpy(pixels.transpose(2, 0, 1)[None].copy()) - 1


def run_authors(network: nn.Module, pixels: np.ndarray, *, plain: bool) -> np.ndarray:
    """Restore; ``plain`` without dropout, as a network file does, and without gradients."""
    for block in network.modules():
        block.train(not (plain and isinstance(block, nn.Dropout)))
    with torch.set_grad_enabled(not plain):
        restored = network(signed(pixels))
    return ((restored.detach()[0].numpy().transpose(1, 2, 0) + 1) / 2).copy()


def one_convolution(channels: int, size: list[int]) -> bytes:
    """A network of one 3x3 convolution."""
    shape = ",".join(map(str, size))
    model = onnx.parser.parse_model(
        '<ir_version: 10, opset_import: ["": 18]> convolution '
        f"(float[{shape}] x) => (float[{shape}] y) {{ y = Conv<pads = [1, 1, 1, 1]>(x, w) }}"
    )
    weights = np.random.default_rng(0).standard_normal((channels, channels, 3, 3), np.float32)
    model.graph.initializer.append(onnx.numpy_helper.from_array(weights, "w"))
    return model.SerializeToString()


class Profiled:
    """A network file, or its content, in OpenVINO with its own clock on every layer."""

    def __init__(self, model: Path | bytes, precision: str, size: list[int]) -> None:
        core = import_openvino().Core()
        network = core.read_model(model)
        options = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32",
            "INFERENCE_NUM_THREADS": cores(),
            "PERF_COUNT": True,
        }
        # Compiled with free sides, as for photos; counted with those of the input.
        self.request = core.compile_model(network, "CPU", options).create_infer_request()
        network.reshape(size)
        self.layers = dict(filter(None, map(_count, network.get_ordered_ops())))
        self.macs = sum(macs for _, macs in self.layers.values())
        self.input = np.random.default_rng(0).random(size, dtype=np.float32)
        self.runs, self.totals = 0, list[float]()

    def run(self) -> list[tuple[str, float]]:
        """Name or kind, and seconds, of every layer; the last is the whole."""
        started = time.perf_counter()
        self.request.infer({0: self.input}, share_inputs=True)
        whole = time.perf_counter() - started
        layers = self.request.get_profiling_info()
        self.runs += 1  # the counters are means of all runs
        totals = [self.runs * layer.real_time.total_seconds() for layer in layers]
        taken = [now - before for now, before in zip(totals, self.totals or repeat(0.0))]  # noqa: B905
        self.totals = totals
        names = [x.node_name if x.node_name in self.layers else x.node_type for x in layers]
        return [*zip(names, taken, strict=True), ("whole", whole)]

    def convolutions(self) -> float:
        """Seconds of the convolutions alone."""
        return sum(seconds for name, seconds in self.run() if name in self.layers)


def _count(layer: Any) -> tuple[str, tuple[str, int]] | None:
    """Name, kind and multiplications of a convolution; None for other layers."""
    kind = layer.get_type_name()
    if kind not in {"Convolution", "ConvolutionBackpropData"}:
        return None
    before, weights = (list(layer.input(k).get_shape()) for k in (0, 1))
    after = list(layer.output(0).get_shape())
    side = weights[2]
    label = f"{side}x{side}"
    if side > 2:
        label += f", {before[1]} to {after[1]} channels"
    transposed = kind == "ConvolutionBackpropData"
    pixels = np.prod((before if transposed else after)[2:])
    return layer.get_friendly_name(), (label, int(np.prod(weights) * pixels))


def print_times(seconds: dict[str, float], agreements: dict[str, float]) -> None:
    """The first table."""
    print(f"| {WIDTH}x{HEIGHT} | s | x the authors' code | dB |\n|---|---|---|---|")
    for name, value in seconds.items():
        if not name.startswith("conv"):
            agreement = f"{agreements[name]:.1f}" if name in agreements else ""
            print(f"| {name} | {value:.3f} | {seconds[AUTHORS] / value:.2f} | {agreement} |")


def print_shares(
    seconds: dict[str, float], networks: dict[str, Profiled], precisions: tuple[str, ...]
) -> None:
    """The table of shares of the ceiling, and where the time of `fast` goes."""
    rates, least = {}, precisions[-1]
    print("\n| | GMAC | s | GFLOP/s | share of the ceiling |\n|---|---|---|---|---|")
    for precision in precisions:
        for channels in CEILINGS:
            taken = seconds[f"conv {channels} {precision}"]
            rates[channels, precision] = 2e-9 * networks[f"conv {channels}"].macs / taken
            print(f"| one 3x3 convolution, {channels} channels, {precision} | "
                  f"{1e-9 * networks[f'conv {channels}'].macs:.1f} | {taken:.3f} | "
                  f"{rates[channels, precision]:.0f} | |")  # fmt: skip
    for model in ("deblurgan", "fast"):
        for precision in precisions:
            taken, macs = seconds[f"{model}, OpenVINO {precision}"], networks[model].macs
            rate = 2e-9 * macs / taken
            print(f"| {model}, {precision} | {1e-9 * macs:.1f} | {taken:.3f} | {rate:.0f} | "
                  f"{rate / rates[256, precision]:.0%} |")  # fmt: skip
    for model in ("deblurgan", "fast"):
        call = seconds[f"{model}, OpenVINO {least}"]
        print_layers(model, networks[model], call, rates[256, least], least)


def print_layers(
    model: str, network: Profiled, call: float, ceiling: float, precision: str
) -> None:
    """What every kind of layer takes, means of 5; ``call`` is the time of `restore_pixels`."""
    runs = [network.run() for _ in range(6)][1:]
    layers = [(run[0][0], sum(taken for _, taken in run) / 5) for run in zip(*runs, strict=True)]
    kinds: dict[str, list[float]] = {}
    for name, taken in layers[:-1]:
        label, macs = network.layers.get(name, (name, 0))
        row = kinds.setdefault(label, [0, 0.0, 0.0])
        row[:] = row[0] + (taken > 0), row[1] + taken, row[2] + macs
    whole = layers[-1][1]
    kinds["between layers"] = [1, whole - sum(taken for _, taken, _ in kinds.values()), 0]
    kinds["before and after the network"] = [1, call - whole, 0]
    print(f"\n| {model}, {precision}, by layers | ms | share | GMAC | GFLOP/s | of the ceiling |")
    print("|---|---|---|---|---|---|")
    for label, (count, taken, macs) in sorted(kinds.items(), key=lambda item: -item[1][1]):
        if abs(taken) < 1e-3 * whole:
            continue
        rate = 2e-9 * macs / taken
        fast = f"{1e-9 * macs:.2f} | {rate:.0f} | {rate / ceiling:.0%}"
        times = f" ({count:.0f})" if count > 1 else ""
        print(f"| {label}{times} | {1e3 * taken:.1f} | {taken / call:.1%} | "
              f"{fast if macs else '| |'} |")  # fmt: skip


def compare(runs: int) -> None:
    """Time every way in turns, and print the tables."""
    precisions = ("fp32", "bf16") if has_bf16() else ("fp32",)
    engines = {title: how for title, how in ENGINES.items() if how[1] in precisions}
    blurred = shaken()
    torch_fast = Restorer.open(
        RestoreOptions(method="network", engine="torch", guard=False, tile="off")
    )
    restored = torch_fast.restore_pixels(blurred)
    change = float(np.sqrt(np.mean((restored - blurred) ** 2)))
    network = authors_generator(blurred, change)
    with tempfile.TemporaryDirectory() as folder:
        weights, target = Path(folder, "latest_net_G.pth"), Path(folder, "deblurgan.onnx")
        torch.save(network.state_dict(), weights)
        convert(weights, target, license="none, random")
        guarded = Restorer(torch_fast.method, RestoreOptions(method="network", tile="off"))
        references = {
            "deblurgan": run_authors(network, blurred, plain=True),
            "fast": restored,
            "fast with guard": guarded.restore_pixels(blurred),
        }
        work: dict[str, Callable[[], object]] = {
            AUTHORS: lambda: run_authors(network, blurred, plain=False),
            PLAIN: lambda: run_authors(network, blurred, plain=True),
        }
        agreements = {}
        for model, reference in references.items():
            for title, (engine, precision) in engines.items():
                options = RestoreOptions(
                    model=str(target) if model == "deblurgan" else "fast",
                    engine=engine, precision=precision, guard="guard" in model, tile="off",
                )  # fmt: skip
                name = f"{model}, {title}"
                work[name] = partial(Restorer.open(options).restore_pixels, blurred)
                agreements[name] = psnr(work[name](), reference)
        size = [1, 3, HEIGHT, WIDTH]
        profiled = {"deblurgan": Profiled(target, precisions[-1], size)}
        profiled["fast"] = Profiled(find_network("fast"), precisions[-1], size)
    for channels in CEILINGS:
        for precision in precisions:
            # As wide and as many operations as layers of the paper's generator.
            shape = [1, channels, HEIGHT * 64 // channels, WIDTH * 64 // channels]
            found = Profiled(one_convolution(channels, shape), precision, shape)
            profiled[f"conv {channels}"] = found
            work[f"conv {channels} {precision}"] = found.convolutions
    seconds = in_turns(work, runs)
    print(f"Medians of {runs} turns; DeblurGAN changes the photo by {255 * change:.1f} codes\n")
    print_times(seconds, agreements)
    print_shares(seconds, profiled, precisions)
    print(f"\nauto: {Restorer.open(RestoreOptions(method='network')).engine.why}")
    print(f"{describe(' and '.join(precisions) + ' by row')}, torch {torch.__version__}")


def main() -> None:
    """Print the tables that are asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--sizes", help="megapixels, with commas between")
    for flag in ("--memory", "--settings"):
        parser.add_argument(flag, action="store_true")
    arguments = parse(parser, runs=1)
    if arguments.quick:
        global HEIGHT, WIDTH
        HEIGHT, WIDTH = 144, 256
    if arguments.sizes:
        memory.by_size([float(size) for size in arguments.sizes.split(",")])
    elif arguments.memory:
        memory.by_network()
    elif arguments.settings:
        memory.by_settings()
    else:
        compare(arguments.runs)


if __name__ == "__main__":
    main()
