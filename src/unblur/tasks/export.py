"""Write a trained generator as an ONNX file, with a proof that it agrees with PyTorch."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from unblur.engines import OnnxEngine, TorchEngine
from unblur.errors import NetworkError
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
    largest_difference: float
    """Over all compared sizes, in the range of the pixels."""


def export(module: "nn.Module", path: Path, *, model: str, metadata: Mapping[str, str]) -> Exported:
    """Write ``module`` as an ONNX file of half-precision weights and compare the two.

    The module's weights are rounded to half precision first, so that file and module agree; the
    arithmetic stays float32. Half the bytes cost nothing measurable in the picture.

    Args:
        module: A generator that maps (B, 3, H, W) to the same shape.
        path: Where to write.
        model: Its name in the table of models.
        metadata: What else the file should say of itself: licence, training data, figures.

    Raises:
        NetworkError: If the file's results differ from the module's by more than 1e-4.
    """
    import onnx
    import torch

    spec = MODELS[model]
    module = module.eval().float()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(parameter.half().float())
    free = torch.export.Dim("height", min=1), torch.export.Dim("width", min=1)
    sample = torch.rand(2, 3, 4 * spec.multiple_of, 6 * spec.multiple_of)
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
    proto = program.model_proto
    _halve(proto)
    facts = {
        "unblur.model": model,
        "unblur.multiple_of": str(spec.multiple_of),
        "unblur.receptive_field_px": str(spec.receptive_field_px),
        "unblur.tiling": spec.tiling,
        **{f"unblur.{key}": value for key, value in metadata.items()},
    }
    onnx.helper.set_model_props(proto, facts)
    onnx.checker.check_model(proto)
    onnx.save_model(proto, path)
    return Exported(path=path, largest_difference=_compare(module, path))


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


def _compare(module: "nn.Module", path: Path) -> float:
    """Largest difference between file and module; more than the tolerance is an error."""
    rng = np.random.default_rng(0)
    reference, exported = TorchEngine(module), OnnxEngine(path)
    largest = 0.0
    for batch, height, width in _SIZES:
        blurred = rng.random((batch, 3, height, width), dtype=np.float32)
        difference = np.abs(reference.run(blurred) - exported.run(blurred)).max()
        largest = max(largest, float(difference))
    if not largest <= _TOLERANCE:
        raise NetworkError(
            f"{path} differs from the module it was made of by {largest:.2g}, at most "
            f"{_TOLERANCE:.0e} is allowed; the exporter does not support this network"
        )
    return largest
