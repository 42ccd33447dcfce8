"""Would `fast` be faster in int8, and how far from float32 would it be?

    python benchmarks/int8.py [--runs 5]

Static quantisation with ONNX Runtime's tool: signed weights with a scale for every output channel,
unsigned activations, ranges from blurred photos of scikit-image; run in ONNX Runtime and OpenVINO.
"Wide ranges" have also seen points of light in the dark. Agreement is with float32 in ONNX Runtime
on other photos, after rounding to 8 bits: the mean and the worst of them. Seconds are for
1280x720, medians of turns.
"""

import argparse
import logging
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)

import held_out
import unblur
from machine import describe
from memory import in_turns
from quick import has_bf16, parse
from unblur.devices import cores
from unblur.engines.openvino_cpu import import_openvino
from unblur.metrics import psnr
from unblur.weights import find_network

CALIBRATION, TEST = held_out.PHOTOS[:6], held_out.PHOTOS[6:]
GOAL_DB = 48.0


def blurred(name: str) -> list[np.ndarray]:
    """A photo with six kernels, as batches (1, 3, H, W) with sides that are multiples of 16."""
    sharp = held_out.load(name)
    rng = np.random.default_rng([8, held_out.PHOTOS.index(name)])
    batches = []
    for exposure in held_out.EXPOSURES * 2:
        kernel = unblur.random_kernels(1, rng=rng, exposure=(exposure,))[0]
        spoiled = unblur.blur(sharp, kernel, noise_sigma=1 / 255, rng=rng)
        height, width = (side // 16 * 16 for side in spoiled.shape[:2])
        spoiled = np.round(spoiled[:height, :width] * 255).astype(np.float32) / 255
        batches.append(np.ascontiguousarray(spoiled.transpose(2, 0, 1)[None]))
    return batches


def lights(seed: int) -> np.ndarray:
    """Points of light in the dark, (1, 3, 256, 256): no photo drives a network further."""
    rng = np.random.default_rng(seed)
    points = rng.random((1, 3, 256, 256), dtype=np.float32) < 0.005
    return np.where(points, np.float32(1), np.float32(0.02))


class Photos(CalibrationDataReader):
    """What the ranges of activations are taken from.

    Args:
        name: Of the network's input.
        extremes: Look at points of light, too.
    """

    def __init__(self, name: str, *, extremes: bool) -> None:
        batches = [batch for photo in CALIBRATION for batch in blurred(photo)]
        if extremes:
            batches.append(lights(seed=0))
        self.feeds = iter([{name: batch} for batch in batches])

    def get_next(self) -> dict[str, np.ndarray] | None:
        """The next batch; None at the end."""
        return next(self.feeds, None)


def float_network(folder: Path) -> Path:
    """The network of the package, its weights as plain float32 constants."""
    path = folder / "float.onnx"
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(path)
    options.log_severity_level = 4
    onnxruntime.InferenceSession(str(find_network("fast")), options, ["CPUExecutionProvider"])
    return path


def variants(path: Path) -> dict[str, tuple[list[str], bool]]:
    """Names of the convolutions that stay float, and whether ranges hold extremes, too."""
    graph = onnx.load(path).graph
    shapes = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    convolutions = {
        node.name: shapes[node.input[1]] for node in graph.node if node.op_type == "Conv"
    }
    names = list(convolutions)
    ends = [names[0], names[-1]]
    narrow = [name for name, shape in convolutions.items() if shape[0] <= 32]
    return {
        "all int8": ([], False),
        "all but the first and last int8": (ends, False),
        "all but 32 channels int8": (sorted({*ends, *narrow}), False),
        "all but 32 channels int8, wide ranges": (sorted({*ends, *narrow}), True),
    }


def quantise(path: Path, target: Path, left: list[str], *, extremes: bool) -> None:
    """Write a network with int8 convolutions, but for those that are left."""
    quantize_static(
        path,
        target,
        Photos(onnx.load(path).graph.input[0].name, extremes=extremes),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=["Conv"],
        nodes_to_exclude=left,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        calibrate_method=CalibrationMethod.MinMax,
    )


def in_onnx_runtime(path: Path) -> Callable[[np.ndarray], np.ndarray]:
    """A network, open in ONNX Runtime."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(str(path), options, ["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda batch: session.run(None, {name: batch})[0]


def in_openvino(path: Path, precision: str) -> Callable[[np.ndarray], np.ndarray]:
    """A network, open in OpenVINO; ``precision`` is that of what is not int8."""
    options = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": precision,
        "INFERENCE_NUM_THREADS": cores(),
    }
    request = import_openvino().Core().compile_model(path, "CPU", options).create_infer_request()
    return lambda batch: np.array(request.infer({0: batch}, share_inputs=True)[0])


def pixels(batch: np.ndarray) -> np.ndarray:
    """As a photo, (H, W, 3) in [0, 1]."""
    return np.clip(batch[0].transpose(1, 2, 0), 0, 1)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=5)
    asked = parse(parser, runs=1)
    runs, test = asked.runs, TEST[:1] if asked.quick else TEST
    logging.disable(logging.WARNING)  # the tool asks for a step that float_network does
    ways = {}
    with tempfile.TemporaryDirectory() as folder:
        path = float_network(Path(folder))
        ways["ONNX Runtime fp32"] = in_onnx_runtime(path)
        ways["OpenVINO fp32"] = in_openvino(path, "f32")
        rest = "bf16" if has_bf16() else "f32"
        if rest == "bf16":
            ways["OpenVINO bf16"] = in_openvino(path, "bf16")
        for number, (what, (left, extremes)) in enumerate(variants(path).items()):
            target = Path(folder, f"{number}.onnx")
            quantise(path, target, left, extremes=extremes)
            ways[f"ONNX Runtime, {what}"] = in_onnx_runtime(target)
            ways[f"OpenVINO, {what}, rest {rest}"] = in_openvino(target, rest)
    agreements = {name: [] for name in ways}
    gained = {name: [] for name in ways}
    for photo in test:
        for batch in blurred(photo):
            results = {name: pixels(way(batch)) for name, way in ways.items()}
            for name, result in results.items():
                agreements[name].append(psnr(result, results["ONNX Runtime fp32"]))
                height, width = result.shape[:2]
                gained[name].append(psnr(result, held_out.load(photo)[:height, :width]))
    large = np.random.default_rng(0).random((1, 3, 720, 1280), dtype=np.float32)
    seconds = in_turns({name: partial(way, large) for name, way in ways.items()}, runs)
    stars = {name: pixels(way(lights(seed=1))) for name, way in ways.items()}
    unseen = {
        name: min(99, psnr(found, stars["ONNX Runtime fp32"])) for name, found in stars.items()
    }
    print(f"| fast, 1280x720 | s | dB to fp32 | worst | over {GOAL_DB:.0f} dB | points of light | "
          "dB to sharp |")  # fmt: skip
    print("|---|---|---|---|---|---|---|")
    for name in ways:
        finite = [min(value, 99.0) for value in agreements[name]]
        enough = f"{np.mean([value > GOAL_DB for value in finite]):.0%}"
        print(f"| {name} | {seconds[name]:.3f} | {np.mean(finite):.1f} | "
              f"{min(finite):.1f} | {enough} | "
              f"{unseen[name]:.1f} | {np.mean(gained[name]):.2f} |")  # fmt: skip
    print(f"\n{len(test)} photos x {2 * len(held_out.EXPOSURES)} kernels, medians of {runs}")
    machine = describe("float32, bfloat16 and int8 by row")
    release = import_openvino().__version__
    print(f"{machine}, ONNX Runtime {onnxruntime.__version__}, OpenVINO {release}")


if __name__ == "__main__":
    main()
