"""Dropout that stays on when a network file restores, as DeblurGAN's paper does.

ONNX has a node for it, but ONNX Runtime takes that node for the identity on a CPU, whatever its
``training_mode`` says, and OpenVINO refuses it. So random numbers are spelt out: both draw them.
"""

from typing import TYPE_CHECKING, Final

import numpy as np

from unblur.errors import NetworkError

if TYPE_CHECKING:
    import onnx
    from torch import nn

PUBLISHED_DROPOUT: Final = 0.5
"""DeblurGAN, section 3.2."""


def keep_dropping(module: "nn.Module", share: float) -> None:
    """Let a module drop outside of training, too; a share of 0 stops it.

    Raises:
        NetworkError: If it has no dropout.
    """
    from unblur.models.deblurgan import Dropout

    found = [part for part in module.modules() if isinstance(part, Dropout)]
    if not found:
        raise NetworkError("this network has no dropout to keep on; DeblurGAN's generators have")
    for part in found:
        part.p, part.always = share, share > 0


def quiet(proto: "onnx.ModelProto") -> "onnx.ModelProto":
    """A copy that drops nothing."""
    import onnx

    copy = onnx.ModelProto()
    copy.CopyFrom(proto)
    for node in copy.graph.node:
        if node.op_type == "Dropout":
            node.CopyFrom(onnx.helper.make_node("Identity", node.input[:1], node.output[:1]))
    return copy


def random_numbers(proto: "onnx.ModelProto", share: float) -> None:
    """Replace the nodes that drop by ones that draw; each file opened anew draws the same.

    Args:
        proto: The network, in place.
        share: Of the values that are dropped; the others are divided by what is left.
    """
    import onnx

    make, nodes = onnx.helper.make_node, []
    for node in proto.graph.node:
        if node.op_type != "Dropout":
            nodes.append(node)
            continue
        values, dropped = node.input[0], node.output[0]
        uniform, kept, weight = (f"{dropped}.{part}" for part in ("uniform", "kept", "weight"))
        nodes += [
            make("RandomUniformLike", [values], [uniform], seed=float(len(nodes)), dtype=1),
            make("GreaterOrEqual", [uniform, "dropout.share"], [kept]),
            make("Where", [kept, "dropout.scale", "dropout.zero"], [weight]),
            make("Mul", [values, weight], [dropped]),
        ]
    del proto.graph.node[:]
    proto.graph.node.extend(nodes)
    for name, value in (("share", share), ("scale", 1 / (1 - share)), ("zero", 0.0)):
        tensor = onnx.numpy_helper.from_array(np.float32(value), f"dropout.{name}")
        proto.graph.initializer.append(tensor)
