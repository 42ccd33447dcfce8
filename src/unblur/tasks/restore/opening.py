"""Open the engine that the options of a restoration name."""

from pathlib import Path

from unblur.devices import cores
from unblur.engines import Engine, TorchEngine, open_engine
from unblur.errors import MissingExtraError, NetworkError
from unblur.tasks.restore.options import RestoreOptions
from unblur.weights import KERNEL_WEIGHTS, WEIGHTS, find_network, kept_networks, read_state


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
        return _open_torch(path)
    return open_engine(
        path,
        options.engine,
        precision=options.precision,
        threads=options.threads or cores(),
        streams=streams,
    )


def _open_torch(path: Path) -> TorchEngine:
    try:
        import torch
    except ImportError as error:
        raise MissingExtraError("torch", extra="train") from error
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
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return TorchEngine(module.to(device), facts)
