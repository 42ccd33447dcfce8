"""Turn a PyTorch module into an ONNX graph."""

import io
import warnings
from typing import TYPE_CHECKING, Any

from unblur.models import ModelSpec

if TYPE_CHECKING:
    import onnx
    from torch import Tensor, nn


def trace(module: "nn.Module", spec: ModelSpec) -> "onnx.ModelProto":
    """A graph of a module whose batch, height and width are free.

    Args:
        module: A generator.
        spec: What it is.
    """
    import torch

    free = torch.export.Dim("height", min=1), torch.export.Dim("width", min=1)
    sample = torch.zeros(2, spec.channels[0], 4 * spec.multiple_of, 6 * spec.multiple_of)
    if spec.traced:
        return _trace_once(module, sample)
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


def _trace_once(module: "nn.Module", sample: "Tensor") -> "onnx.ModelProto":
    import onnx
    import torch

    free = {0: "batch", 2: "height", 3: "width"}
    written: Any = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that sides are taken as constants: where, they may be
        torch.onnx.export(
            module,
            (sample,),
            written,
            input_names=["blurred"],
            output_names=["restored"],
            dynamic_axes={"blurred": free, "restored": free},
            opset_version=18,
            dynamo=False,
        )
    proto = onnx.load_from_string(written.getvalue())
    # Of equal weights it keeps one; whoever reads the file into PyTorch needs every name.
    weights = {tensor.name: tensor for tensor in proto.graph.initializer}
    for node in list(proto.graph.node):
        if node.op_type == "Identity" and node.input[0] in weights:
            copy = proto.graph.initializer.add()
            copy.CopyFrom(weights[node.input[0]])
            copy.name = node.output[0]
            weights[copy.name] = copy
            proto.graph.node.remove(node)
    return proto
