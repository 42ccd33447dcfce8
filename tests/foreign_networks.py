"""Network files as others export them: each of a few layers, real, and quick."""

import numpy as np
from onnx import TensorProto, external_data_helper, helper, numpy_helper, save


def kernels(side=5, strength=0.6):
    """A convolution that sharpens each colour: (3, 3, side, side)."""
    weights = np.zeros((3, 3, side, side), np.float32)
    for channel in range(3):
        weights[channel, channel] = -strength / side**2
        weights[channel, channel, side // 2, side // 2] += 1 + strength
    return weights


class Foreign:
    """A network file in the making; sharpens by 5 x 5 px unless more is added."""

    def __init__(self, *, shape=("b", 3, "h", "w"), dtype=TensorProto.FLOAT, opset=17):
        self.nodes, self.constants, self.outputs = [], [], []
        self.shape, self.dtype, self.opset = list(shape), dtype, opset
        self.more = []
        self.number = {1: np.float32, 10: np.float16, 2: np.float32}[dtype]

    def constant(self, values, dtype=None):
        name = f"c{len(self.constants)}"
        values = np.asarray(values, dtype or self.number)
        self.constants.append(numpy_helper.from_array(values, name))
        return name

    def node(self, kind, *inputs, **attributes):
        name = f"{kind}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def sharpened(self, x, side=5, strength=0.6):
        weights = self.constant(kernels(side, strength))
        return self.node("Conv", x, weights, pads=[side // 2] * 4)

    def give(self, x, shape=None, dtype=None):
        info = helper.make_tensor_value_info(x, dtype or self.dtype, shape or self.shape)
        self.outputs.append(info)

    def save(self, path, *, beside=False):
        given = helper.make_tensor_value_info("image", self.dtype, self.shape)
        graph = helper.make_graph(
            self.nodes, "net", [given, *self.more], self.outputs, self.constants
        )
        opsets = [helper.make_opsetid("", self.opset)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
        if beside:
            external_data_helper.convert_model_to_external_data(
                model, location=f"{path.name}.data", size_threshold=0
            )
        save(model, path)
        return path


def plain(path, **options):
    """Any size, any range."""
    net = Foreign()
    net.give(net.sharpened("image"))
    return net.save(path, **options)


def bytes_range(path):
    """0..255: below 0 and above 255 it cuts off, and it rounds to whole numbers."""
    net = Foreign()
    cut = net.node("Clip", net.sharpened("image"), net.constant(0.0), net.constant(255.0))
    net.give(net.node("Round", cut))
    return net.save(path)


def signed_range(path):
    """-1..1: what is darker than the middle is sharpened, by as much as it is negative."""
    net = Foreign()
    sharper = net.node("Sub", net.sharpened("image", strength=1.2), "image")
    dark = net.node("Relu", net.node("Neg", net.node("Sign", "image")))
    change = net.node("Mul", sharper, dark)
    added = net.node("Add", "image", change)
    net.give(net.node("Clip", added, net.constant(-1.0), net.constant(1.0)))
    return net.save(path)


def channels_last(path):
    net = Foreign(shape=("b", "h", "w", 3))
    planes = net.node("Transpose", "image", perm=[0, 3, 1, 2])
    net.give(net.node("Transpose", net.sharpened(planes), perm=[0, 2, 3, 1]))
    return net.save(path)


def fixed_size(path, side=96):
    net = Foreign(shape=(1, 3, side, side))
    net.give(net.sharpened("image"))
    return net.save(path)


def half_numbers(path):
    net = Foreign(dtype=TensorProto.FLOAT16)
    net.give(net.sharpened("image"))
    return net.save(path)


def byte_numbers(path):
    net = Foreign(shape=("b", "h", "w", 3), dtype=TensorProto.UINT8)
    planes = net.node("Transpose", net.node("Cast", "image", to=1), perm=[0, 3, 1, 2])
    cut = net.node("Clip", net.sharpened(planes), net.constant(0.0), net.constant(255.0))
    net.give(net.node("Cast", net.node("Transpose", cut, perm=[0, 2, 3, 1]), to=2))
    return net.save(path)


def bytes_in_shares_out(path):
    """Bytes go in, and what comes out is in [0, 1]."""
    net = Foreign(dtype=TensorProto.UINT8)
    shares = net.node("Div", net.node("Cast", "image", to=1), net.constant(255.0))
    net.give(net.sharpened(shares), dtype=TensorProto.FLOAT)
    return net.save(path)


def shares_in_bytes_out(path):
    """The other way round, and channels come last."""
    net = Foreign()
    large = net.node("Mul", net.sharpened("image"), net.constant(255.0))
    cut = net.node("Clip", net.node("Round", large), net.constant(0.0), net.constant(255.0))
    last = net.node("Transpose", cut, perm=[0, 2, 3, 1])
    net.give(net.node("Cast", last, to=2), ["b", "h", "w", 3], TensorProto.UINT8)
    return net.save(path)


def multiples(path, multiple=16):
    """A way down and up again, whose sides must fit."""
    net = Foreign()
    size = [multiple, multiple]
    small = net.node("AveragePool", "image", kernel_shape=size, strides=size)
    scales = net.constant([1, 1, multiple, multiple])
    large = net.node("Resize", small, "", scales, mode="nearest")
    change = net.node("Mul", net.node("Sub", "image", large), net.constant(0.1))
    net.give(net.node("Add", net.sharpened("image"), change))
    return net.save(path)


def several_outputs(path):
    """A half-size picture, a worse one, and the restored one."""
    net = Foreign()
    half = net.node("AveragePool", "image", kernel_shape=[2, 2], strides=[2, 2])
    net.give(half, ["b", 3, "h2", "w2"])
    blurred = net.node("AveragePool", "image", kernel_shape=[5, 5], pads=[2] * 4)
    net.give(blurred)
    net.give(net.sharpened("image"))
    return net.save(path)


def with_means(path):
    """Channels are weighted by their means over the whole picture, twice."""
    net = Foreign()
    x = "image"
    for kind in ("GlobalAveragePool", "ReduceMean"):
        sharper = net.sharpened(x, side=3, strength=0.5)
        more = {} if kind == "GlobalAveragePool" else {"axes": [2, 3]}
        mean = net.node(kind, net.node("Abs", net.node("Sub", sharper, x)), **more)
        weight = net.node("Add", net.node("Mul", mean, net.constant(30.0)), net.constant(0.5))
        x = net.node("Mul", sharper, weight)
    net.give(x)
    return net.save(path)


def with_largest(path):
    """Everything depends on the largest value of the picture: no mean to cut at."""
    net = Foreign()
    most = net.node("ReduceMax", "image", axes=[2, 3])
    net.give(net.node("Mul", net.sharpened("image"), net.node("Sqrt", most)))
    return net.save(path)


def darkening(path):
    """A picture, but hardly one that anybody wants."""
    net = Foreign()
    net.give(net.node("Mul", "image", net.constant(0.01)))
    return net.save(path)


def refused(path, kind):
    """A network that unblur cannot run, by what is wrong with it."""
    if kind == "text":
        path.write_text("no network")
        return path
    net = Foreign()
    if kind in _ODD_ENDS:
        for name, value in _ODD_ENDS[kind].items():
            setattr(net, name, value)
        net.give(net.node("Identity", "image"))
    elif kind == "larger":
        scales = net.constant([1, 1, 2, 2])
        net.give(net.node("Resize", "image", "", scales, mode="nearest"), ["b", 3, "H", "W"])
    elif kind == "classes":
        net.give(net.node("GlobalAveragePool", "image"), ["b", 3, 1, 1])
    elif kind == "without a batch":
        axes = net.constant([0], np.int64)
        net.give(net.node("Squeeze", "image", axes), [3, "h", "w"])
    elif kind == "unknown operator":
        net.give(net.node("DeformableConvolution", "image"))
    elif kind == "noise":
        waves = net.node("Sin", net.node("Mul", "image", net.constant(7919.0)))
        net.give(net.node("Sin", net.node("Mul", waves, net.constant(7919.0))))
    return net.save(path)


_ODD_ENDS = {
    "grey": {"shape": ["b", 1, "h", "w"]},
    "video": {"shape": ["b", "t", 3, "h", "w"]},
    "several at once": {"shape": [4, 3, "h", "w"]},
    "shapeless": {"shape": None},
    "two inputs": {"more": [helper.make_tensor_value_info("sigma", TensorProto.FLOAT, [1])]},
    "integers": {"dtype": TensorProto.INT32},
    "old": {"opset": 5},
    "new": {"opset": 999},
}
