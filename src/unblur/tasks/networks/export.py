"""Write a trained generator as an ONNX file, with a proof that it agrees with PyTorch."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from unblur.engines import Engine, OnnxEngine, TorchEngine
from unblur.errors import NetworkError, TargetError
from unblur.models import MODELS, ModelSpec, spec_facts
from unblur.models.stochastic import keep_dropping, quiet, random_numbers
from unblur.tasks.networks.trace import trace
from unblur.weights import HALF_SUFFIX

if TYPE_CHECKING:
    import onnx
    from torch import nn

_SIZES: Final = ((1, 64, 64), (2, 96, 160), (1, 208, 112))
"""Batch, height and width of the inputs on which the file and PyTorch are compared; sides grow to
the model's multiples."""
_TOLERANCE: Final = 1e-4
_OTHERS_TOLERANCE: Final = 1e-3
"""Of others' networks, of which some normalise fifty times: a quarter of a step of 8 bits."""
_LEAST_DB: Final = 40.0
"""Rounding that costs more than a picture compressed at high quality is refused."""
_Pictures = dict[tuple[int, int, int], NDArray[np.float32]]


@dataclass(frozen=True, kw_only=True)
class Exported:
    """A network file and how far it is from the PyTorch module it came from."""

    path: Path
    model: str
    """Name in the table of models."""
    differences: Mapping[tuple[int, int, int], float]
    """Largest difference to the module with the same weights, in the range of the pixels, by batch,
    height and width."""
    exact_db: float
    """PSNR of the file's pictures to the module's before any weight is rounded."""
    rounded_db: float | None
    """The same of the file with rounded weights, to the module before; None if none is rounded."""
    dropout: float | None = None
    """Share of values that the file drops, if it does."""


def export(  # noqa: PLR0913 - what a file is made of, and how
    module: "nn.Module",
    path: Path,
    *,
    model: str,
    metadata: Mapping[str, str],
    half: bool = True,
    dropout: float | None = None,
    spec: ModelSpec | None = None,
) -> Exported:
    """Write ``module`` as an ONNX file and compare the two, before and after rounding.

    Batch, height and width are free; the sides must be multiples of the model's
    ``multiple_of``. A file that does not agree with the module is not left behind.

    Args:
        module: A generator of that model.
        path: Where to write; a file that is there is replaced.
        model: Its name in the table of models, or what to call it.
        metadata: What else the file should say of itself: licence, training data, figures.
        half: Round the weights to half precision, in the module, too, so that file and module
            agree; the arithmetic stays float32.
        dropout: Share of values that the file drops whenever it restores, as DeblurGAN's paper
            does; the proof is of the network without.
        spec: What it is, if it is not in the table.

    Raises:
        NetworkError: If the file's results differ from the module's by more than 1e-4 (1e-3 of
            others' networks), rounding costs too much, or the module has no dropout.
        TargetError: If the file cannot be written.
    """
    import torch

    if not path.parent.is_dir():  # said now, not after a minute of work
        raise TargetError(f"{path}: cannot be written, the folder {path.parent} does not exist")
    module = module.eval().float()
    spec = spec or MODELS[model]
    exact = _pictures(TorchEngine(module), spec)
    if dropout is not None:
        keep_dropping(module, dropout)
    proto = trace(module, spec)
    _complete(proto, module)
    if dropout is not None:
        keep_dropping(module, 0.0)  # what is proved below is all but the random numbers
        metadata = {**metadata, "dropout": f"{dropout:g}"}
    facts = {f"unblur.{key}": value for key, value in metadata.items()} | spec_facts(model, spec)
    part = path.with_name(f".{path.name}.part")
    rounded_db = None
    try:
        made = _made_by(quiet(proto), part, spec, facts)
        tolerance = _TOLERANCE if model in MODELS else _OTHERS_TOLERANCE
        differences = _compare(exact, made, path, tolerance)
        exact_db = agreement_db(exact, made)
        if half:
            with torch.no_grad():
                for parameter in module.parameters():
                    parameter.copy_(parameter.half().float())
            _round(proto, module)
            _halve(proto)
            made = _made_by(quiet(proto), part, spec, facts)
            expected = _pictures(TorchEngine(module), spec)
            differences = _compare(expected, made, path, tolerance)
            rounded_db = agreement_db(exact, made)
            if rounded_db < _LEAST_DB:
                raise NetworkError(
                    f"{path}: rounding to half precision changes its pictures to {rounded_db:.1f} "
                    f"dB, at least {_LEAST_DB:.0f} are wanted; keep all digits (--float32)"
                )
        if dropout:
            random_numbers(proto, dropout)
        _save(proto, part, facts)
        part.replace(path)
    except OSError as error:
        reason = error.strerror or error
        raise TargetError(f"{path}: cannot be written ({reason})") from error
    finally:
        part.unlink(missing_ok=True)
    return Exported(
        path=path,
        model=model,
        differences=differences,
        exact_db=exact_db,
        rounded_db=rounded_db,
        dropout=dropout,
    )


def _save(proto: "onnx.ModelProto", path: Path, facts: Mapping[str, str]) -> None:
    import onnx

    onnx.helper.set_model_props(proto, facts)
    _forget_origin(proto)
    onnx.checker.check_model(proto)
    onnx.save_model(proto, path)


def _forget_origin(proto: "onnx.ModelProto") -> None:
    """Drop the exporter's notes: lines of source code, with the paths of the machine it ran on."""
    graph = proto.graph
    for part in (graph, *graph.node, *graph.input, *graph.output, *graph.value_info):
        del part.metadata_props[:]
        part.doc_string = ""
    for tensor in graph.initializer:
        del tensor.metadata_props[:]


def _complete(proto: "onnx.ModelProto", module: "nn.Module") -> None:
    """Add weights that the exporter left out: zeros, and copies of others.

    The graph does without them, but whoever reads the file into PyTorch needs every name.
    """
    import onnx

    there = {tensor.name for tensor in proto.graph.initializer}
    for name, values in module.state_dict().items():
        if name not in there:
            tensor = onnx.numpy_helper.from_array(values.numpy(force=True), name)
            proto.graph.initializer.append(tensor)


def _halve(proto: "onnx.ModelProto") -> None:
    """Store large float32 weights as float16, each followed by a cast back."""
    import onnx

    casts = []
    for tensor in proto.graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < 1024:  # noqa: PLR2004
            continue
        name = tensor.name
        halved = onnx.numpy_helper.from_array(values.astype(np.float16), name + HALF_SUFFIX)
        tensor.CopyFrom(halved)
        casts.append(
            onnx.helper.make_node("Cast", [name + HALF_SUFFIX], [name], to=onnx.TensorProto.FLOAT)
        )
    nodes = list(proto.graph.node)
    del proto.graph.node[:]
    proto.graph.node.extend(casts + nodes)


def _round(proto: "onnx.ModelProto", module: "nn.Module") -> None:
    """Give the file the module's weights, which were rounded after it was made."""
    import onnx

    state = dict(module.named_parameters())
    for tensor in proto.graph.initializer:
        if tensor.name in state:
            values = state[tensor.name].numpy(force=True)
            tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))


def _made_by(
    proto: "onnx.ModelProto", part: Path, spec: ModelSpec, facts: Mapping[str, str]
) -> _Pictures:
    """What a file makes of the inputs."""
    _save(proto, part, facts)
    return _pictures(OnnxEngine(part), spec)


def _pictures(engine: Engine, spec: ModelSpec) -> _Pictures:
    """What an engine makes of random inputs, by batch, height and width."""
    rng = np.random.default_rng(0)
    multiple = spec.multiple_of
    sizes = [(batch, *(-(-x // multiple) * multiple for x in sides)) for batch, *sides in _SIZES]
    return {
        (batch, height, width): engine.run(
            rng.random((batch, spec.channels[0], height, width), dtype=np.float32)
        )
        for batch, height, width in sizes
    }


def agreement_db(expected: _Pictures, got: _Pictures) -> float:
    """PSNR over all pictures together, in dB; infinite for equal ones."""
    errors = np.concatenate([np.square(expected[size] - got[size]).ravel() for size in expected])
    mean = float(errors.mean(dtype=np.float64))
    return -10 * math.log10(mean) if mean else math.inf


def _compare(
    expected: _Pictures, got: _Pictures, path: Path, tolerance: float
) -> dict[tuple[int, int, int], float]:
    """Largest differences between file and module; more than the tolerance is an error."""
    differences = {}
    for size in expected:
        difference = float(np.abs(expected[size] - got[size]).max())
        if not difference <= tolerance:
            raise NetworkError(
                f"{path} differs from the module it was made of by {difference:.2g}, at most "
                f"{tolerance:.0e} is allowed; the exporter does not support this network"
            )
        differences[size] = difference
    return differences
