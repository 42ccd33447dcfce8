"""Write a trained generator as an ONNX file, with a proof that it agrees with PyTorch."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from unblur.engines import OnnxEngine, TorchEngine
from unblur.errors import NetworkError, TargetError
from unblur.models import MODELS
from unblur.weights import HALF_SUFFIX

if TYPE_CHECKING:
    import onnx
    from torch import nn

_SIZES: Final = ((1, 64, 64), (2, 96, 160), (1, 208, 112))
"""Batch, height and width of the inputs on which the file and PyTorch are compared."""
_TOLERANCE: Final = 1e-4


@dataclass(frozen=True, kw_only=True)
class Exported:
    """A network file and how far it is from the PyTorch module it came from."""

    path: Path
    model: str
    """Name in the table of models."""
    differences: Mapping[tuple[int, int, int], float]
    """Largest difference in the range of the pixels, by batch, height and width."""

    @property
    def largest_difference(self) -> float:
        """Over all compared sizes."""
        return max(self.differences.values())


def export(
    module: "nn.Module", path: Path, *, model: str, metadata: Mapping[str, str], half: bool = True
) -> Exported:
    """Write ``module`` as an ONNX file and compare the two.

    Batch, height and width are free; the sides must be multiples of the model's
    ``multiple_of``. A file that does not agree with the module is not left behind.

    Args:
        module: A generator that maps (B, 3, H, W) to the same shape.
        path: Where to write; a file that is there is replaced.
        model: Its name in the table of models.
        metadata: What else the file should say of itself: licence, training data, figures.
        half: Round the weights to half precision, in the module, too, so that file and module
            agree; the arithmetic stays float32. Half the bytes cost nothing measurable in the
            picture.

    Raises:
        NetworkError: If the file's results differ from the module's by more than 1e-4.
        TargetError: If the file cannot be written.
    """
    import torch

    if not path.parent.is_dir():  # said now, not after a minute of work
        raise TargetError(f"{path}: cannot be written, the folder {path.parent} does not exist")
    module = module.eval().float()
    if half:
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.copy_(parameter.half().float())
    proto = _trace(module, model)
    _complete(proto, module)
    if half:
        _halve(proto)
    part = path.with_name(f".{path.name}.part")
    try:
        _save(proto, part, model, metadata)
        differences = _compare(module, part, path)
        part.replace(path)
    except OSError as error:
        reason = error.strerror or error
        raise TargetError(f"{path}: cannot be written ({reason})") from error
    finally:
        part.unlink(missing_ok=True)
    return Exported(path=path, model=model, differences=differences)


def _trace(module: "nn.Module", model: str) -> "onnx.ModelProto":
    import torch

    spec = MODELS[model]
    free = torch.export.Dim("height", min=1), torch.export.Dim("width", min=1)
    sample = torch.zeros(2, 3, 4 * spec.multiple_of, 6 * spec.multiple_of)
    program = torch.onnx.export(
        module,
        (sample,),
        input_names=["blurred"],
        output_names=["restored"],
        dynamic_shapes=(
            {
                0: torch.export.Dim("batch"),
                2: spec.multiple_of * free[0],
                3: spec.multiple_of * free[1],
            },
        ),
        dynamo=True,
        external_data=False,
        verbose=False,
    )
    assert program is not None
    proto: onnx.ModelProto = program.model_proto
    return proto


def _save(proto: "onnx.ModelProto", path: Path, model: str, metadata: Mapping[str, str]) -> None:
    import onnx

    spec = MODELS[model]
    facts = {
        **{f"unblur.{key}": value for key, value in metadata.items()},
        "unblur.model": model,
        "unblur.multiple_of": str(spec.multiple_of),
        "unblur.receptive_field_px": str(spec.receptive_field_px),
        "unblur.tiling": spec.tiling,
    }
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


def _compare(module: "nn.Module", file: Path, path: Path) -> dict[tuple[int, int, int], float]:
    """Largest differences between file and module; more than the tolerance is an error."""
    rng = np.random.default_rng(0)
    reference, exported = TorchEngine(module), OnnxEngine(file)
    differences = {}
    for size in _SIZES:
        batch, height, width = size
        blurred = rng.random((batch, 3, height, width), dtype=np.float32)
        difference = float(np.abs(reference.run(blurred) - exported.run(blurred)).max())
        if not difference <= _TOLERANCE:
            raise NetworkError(
                f"{path} differs from the module it was made of by {difference:.2g}, at most "
                f"{_TOLERANCE:.0e} is allowed; the exporter does not support this network"
            )
        differences[size] = difference
    return differences
