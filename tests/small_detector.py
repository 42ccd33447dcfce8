"""Detector files whose answer is known: real ONNX, and quick."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save

SIDE = 64
CELLS = 84
"""Of strides 8, 16 and 32 in a picture of 64x64."""


def constant_detector(
    path, output, *, shape=(1, 3, SIDE, SIDE), outputs=1, kind=TensorProto.FLOAT, facts=None
):
    """Write a detector that says the same of every photo.

    Args:
        path: Of the file.
        output: What it says, with its batch.
        shape: Of its input; words stand for sizes left open.
        outputs: How many there are, all alike.
        kind: Type of its input.
        facts: What the file says of itself.
    """
    nodes = [
        helper.make_node("Cast", ["x"], ["fed"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["fed"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
    ]
    names = [f"y{number}" for number in range(outputs)]
    nodes += [helper.make_node("Add", ["nothing", "answer"], [name]) for name in names]
    values = {"zero": np.float32(0), "answer": np.asarray(output, np.float32)}
    return _save(path, nodes, values, shape, names, kind, facts)


def several_outputs(path, outputs, *, sizes=False, facts=None):
    """Write a detector of several outputs, each the same for every photo.

    Args:
        path: Of the file.
        outputs: By name: arrays of floats, or of int64.
        sizes: It has a second input, the photo's width and height, of which ``boxes`` are parts.
        facts: What the file says of itself.
    """
    nodes = [helper.make_node("ReduceMean", ["x"], ["mean"], keepdims=0)]
    values = {"none": np.float32(0)}
    infos = []
    for name, value in outputs.items():
        kind = TensorProto.INT64 if value.dtype.kind == "i" else TensorProto.FLOAT
        infos.append(helper.make_tensor_value_info(name, kind, None))
        values[f"{name}-value"] = value if kind == TensorProto.INT64 else value.astype(np.float32)
        nodes += [
            helper.make_node("Mul", ["mean", "none"], [f"{name}-none"]),
            helper.make_node("Cast", [f"{name}-none"], [f"{name}-cast"], to=kind),
        ]
        made = f"{name}-value"
        if sizes and name == "boxes":  # in parts of what the second input says
            nodes += [
                helper.make_node("Cast", ["sizes"], ["as-floats"], to=TensorProto.FLOAT),
                helper.make_node("Concat", ["as-floats", "as-floats"], ["twice"], axis=1),
                helper.make_node("Mul", [made, "twice"], [f"{name}-px"]),
            ]
            made = f"{name}-px"
        nodes.append(helper.make_node("Add", [made, f"{name}-cast"], [name]))
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 3, SIDE, SIDE))]
    if sizes:
        inputs.append(helper.make_tensor_value_info("sizes", TensorProto.INT64, (1, 2)))
    graph = helper.make_graph(
        nodes,
        "detector",
        inputs,
        infos,
        [numpy_helper.from_array(np.asarray(value), name) for name, value in values.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    helper.set_model_props(model, facts or {})
    save(model, path)
    return path


def block_detector(path):
    """Write a detector of YOLOv8's layout that finds red and green blocks of 8x8 px.

    Each is a block of the grid; its score is the mean of red, class 0, or green, class 1.
    """
    rows, columns = np.mgrid[:8, :8]
    boxes = np.zeros((1, 4, CELLS), np.float32)
    boxes[0, :, :64] = [columns.ravel() * 8 + 4, rows.ravel() * 8 + 4, *np.full((2, 64), 8)]
    nodes = [
        helper.make_node("AveragePool", ["x"], ["means"], kernel_shape=[8, 8], strides=[8, 8]),
        helper.make_node("Slice", ["means", "from", "to", "axis"], ["colours"]),
        helper.make_node("Reshape", ["colours", "shape"], ["finest"]),
        helper.make_node("Concat", ["finest", "others"], ["scores"], axis=2),
        helper.make_node("Concat", ["boxes", "scores"], ["y"], axis=1),
    ]
    values = {
        "from": np.array([0], np.int64),
        "to": np.array([2], np.int64),
        "axis": np.array([1], np.int64),
        "shape": np.array([1, 2, 64], np.int64),
        "others": np.zeros((1, 2, CELLS - 64), np.float32),
        "boxes": boxes,
    }
    return _save(path, nodes, values, (1, 3, SIDE, SIDE), ["y"], TensorProto.FLOAT)


def blocks(**colours):
    """A black picture, (64, 64, 3), with blocks: ``c2r5=(1, 0, 0)`` is red in column 2, row 5."""
    pixels = np.zeros((SIDE, SIDE, 3), np.float32)
    for place, colour in colours.items():
        column, row = (int(number) for number in place[1:].split("r"))
        pixels[8 * row : 8 * row + 8, 8 * column : 8 * column + 8] = colour
    return pixels


def _save(path, nodes, values, shape, names, kind, facts=None):
    graph = helper.make_graph(
        nodes,
        "detector",
        [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in values.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    helper.set_model_props(model, facts or {})
    save(model, path)
    return path
