"""Open the engine that the options of a restoration name."""

import warnings
from pathlib import Path
from typing import Protocol, runtime_checkable

from unblur.devices import cores
from unblur.engines import Engine, open_engine, parse_device
from unblur.errors import DeviceWarning, NetworkError, OptionError
from unblur.extras import need
from unblur.imaging.photo.photo import Photo
from unblur.imaging.tiles import Picture, TileNeeds
from unblur.tasks.methods.blur_estimate import Tell
from unblur.tasks.methods.network import NetworkMethod, RunTile
from unblur.tasks.restore.options import NETWORK_METHODS, RestoreOptions
from unblur.weights import KERNEL_WEIGHTS, WEIGHTS, find_network, kept_networks, read_state


class Method(Protocol):
    """A way of restoring."""

    needs: TileNeeds

    def prepare(self, picture: Picture, *, tiled: bool, tell: Tell | None = None) -> RunTile:
        """What restores a tile, or all, of this picture; tells what was found about its blur."""
        ...


@runtime_checkable
class DescribesPhoto(Protocol):
    """What restores a tile, if it also says more of a photo than its pixels."""

    def describe(self, restored: Photo) -> Photo:
        """The restored photo with what there is to say of it."""
        ...


def open_method(options: RestoreOptions, streams: int) -> Method:
    """Open the network, the second shot, or the other method that the options name.

    Raises:
        NetworkError: If the network is unknown or corrupt, or does not restore pictures.
        PhotoError: If the kernel or the reference cannot be read.
        MissingExtraError: If the engine, or what the method needs, is not installed.
    """
    if options.reference is not None:
        from unblur.tasks.restore.second_shot import open_reference

        return open_reference(options, streams)
    if options.method not in NETWORK_METHODS:
        from unblur.tasks.methods.classical import ClassicalMethod

        return ClassicalMethod(options.method, options.kernel)
    path = network_file(options.model)
    engine = open_network(path, options, streams)
    try:
        network = NetworkMethod(engine, engine.metadata, path)
    except NetworkError as error:
        raise NetworkError(f"{path}: {error}") from error
    if not options.finds_blur:
        return network
    from unblur.tasks.methods.blind import BlindMethod
    from unblur.tasks.methods.edges import EdgesNetwork
    from unblur.tasks.methods.guided import GuidedNetwork

    guided = GuidedNetwork.bundled(lambda file: open_network(file, options, streams))
    edges = EdgesNetwork.bundled(lambda file: open_network(file, options, streams))
    judged = options.method == "auto"
    threads = options.threads or max(1, cores() // streams)
    return BlindMethod(network, guided, edges, judged=judged, threads=threads)


def network_file(model: str) -> Path:
    """The file of a network that engines run; one of others is looked at and adapted first.

    Raises:
        NetworkError: If there is no such network, or it does not restore pictures.
    """
    path = find_network(model)
    if model in WEIGHTS or model in KERNEL_WEIGHTS or model in kept_networks():
        return path
    from unblur.tasks.foreign.keep import ready

    return ready(path)


def open_network(path: Path, options: RestoreOptions, streams: int) -> Engine:
    """Open a network file with the engine, precision and threads that the options ask for.

    Raises:
        NetworkError: If it is no network of ours, or the engine cannot run it.
        MissingExtraError: If the engine is not installed.
    """
    if options.engine == "torch":
        return _open_torch(path, options.device)
    return open_engine(
        path,
        options.engine,
        precision=options.precision,
        threads=options.threads or cores(),
        streams=streams,
        device=options.device,
    )


def _open_torch(path: Path, asked: str) -> Engine:
    need("train", "torch")
    import torch

    from unblur.engines.torch_module import TorchEngine
    from unblur.models import MODELS
    from unblur.models.published import recognise
    from unblur.models.stochastic import keep_dropping

    state, facts = read_state(path)
    name = facts.get("unblur.model", "")
    found = recognise({key: values.shape for key, values in state.items()})
    spec = MODELS.get(name) or (found[1] if found is not None and found[0] == name else None)
    if spec is None:
        raise NetworkError(
            f"{path} holds the model {name!r}; engine torch knows {', '.join(MODELS)} and what "
            "`unblur convert` makes; the engines onnx and openvino run it"
        )
    module = spec.build()
    try:
        tensors = {key: torch.from_numpy(state[key]) for key in module.state_dict()}
        module.load_state_dict(tensors)
    except (KeyError, RuntimeError) as error:
        raise NetworkError(f"{path} does not hold the weights of {name}") from error
    if "unblur.dropout" in facts:
        keep_dropping(module, float(facts["unblur.dropout"]))
    return TorchEngine(module.to(_torch_device(asked, torch.cuda.device_count())), facts)


def _torch_device(asked: str, gpus: int) -> str:
    """PyTorch's name of a device, of so many GPUs; the CPU, with a warning, if it is not there."""
    wanted = parse_device(asked)
    if not wanted.suits("torch"):
        raise OptionError(f"engine torch takes device auto, cpu or cuda, got {asked!r}")
    if wanted.name != "cpu" and wanted.index < gpus:
        return f"cuda:{wanted.index}"
    if wanted.asked and wanted.name != "cpu":
        line = f"device {asked} cannot be used (PyTorch sees {gpus} GPUs); the CPU computes instead"
        warnings.warn(line, DeviceWarning, stacklevel=2)
    return "cpu"
