"""A network file of one layer, which looks at few pixels: real, and quick."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save


def sharpening_network(path, *, strength=1.5, side=5):
    """Write a network that sharpens without restraint; a pixel depends on 5x5.

    Args:
        path: Of the file.
        strength: How much of the difference to the mean is added.
        side: Of the square whose mean that is.
    """
    kernel = np.zeros((3, 3, side, side), np.float32)
    for channel in range(3):
        kernel[channel, channel] = -strength / side**2
        kernel[channel, channel, side // 2, side // 2] += 1 + strength
    shape = ["batch", 3, "height", "width"]
    node = helper.make_node("Conv", ["x", "kernel"], ["y"], pads=[side // 2] * 4)
    graph = helper.make_graph(
        [node],
        "sharpening",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(kernel, "kernel")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    facts = {"unblur.multiple_of": "4", "unblur.receptive_field_px": str(side)}
    helper.set_model_props(model, facts)
    save(model, path)
    return path
