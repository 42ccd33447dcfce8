"""Generators from files of weights: which model is it, and is everything there?"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from unblur.errors import NetworkError, OptionError
from unblur.extras import need
from unblur.models import MODELS, ModelSpec
from unblur.models.published import published_names, recognise
from unblur.weights import read_state

if TYPE_CHECKING:
    from torch import Tensor, nn


_WRAPPERS: Final = ("params_ema", "params", "state_dict", "model", "generator", "net")
"""Under which of these names training code puts the state dict, beside other things; the running
mean of weights, where there is one, is what its authors restore with."""


def read_tensors(path: Path) -> dict[str, "Tensor"]:
    """Read a state dict without running anything that the file may contain.

    Args:
        path: A ``.safetensors`` file, or one that ``torch.save`` wrote (``.pth``, ``.pt``).

    Returns:
        The tensors by name, without the ``module.`` that parallel training puts before them, and
        without what training code wraps around them.

    Raises:
        NetworkError: If the file is missing or holds anything but tensors.
        MissingExtraError: If PyTorch is not installed.
    """
    need("train", "torch", "safetensors")
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not path.is_file():
        raise NetworkError(f"{path}: no such file of weights")
    if path.suffix.lower() == ".safetensors":
        try:
            state: Any = load_file(path)
        except (OSError, SafetensorError) as error:
            raise NetworkError(f"{path} is not a safetensors file ({error})") from error
    else:
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # unpickling fails in many ways
            raise NetworkError(
                f"{path} is not a file of weights: expected what torch.save(net.state_dict(), "
                "FILE) writes, nothing but tensors by name"
            ) from error
    if isinstance(state, Mapping):
        inside = (state[key] for key in _WRAPPERS if isinstance(state.get(key), Mapping))
        state = next(inside, state)
    if not isinstance(state, Mapping) or not state:
        raise NetworkError(f"{path} holds no tensors by name, got a {type(state).__name__}")
    foreign = [key for key, value in state.items() if not isinstance(value, torch.Tensor)]
    if foreign:
        raise NetworkError(
            f"{path} holds other things than tensors ({foreign[0]!r}); "
            "save the state dict of the generator alone"
        )
    return {str(key).removeprefix("module."): value for key, value in state.items()}


def build_generator(
    state: Mapping[str, "Tensor"], path: Path, *, model: str | None = None
) -> tuple[str, "nn.Module"]:
    """Build the model whose weights these are.

    Args:
        state: Weights by their names in our modules.
        path: Where they come from, for messages.
        model: A name in the table of models; None finds the one that fits.

    Returns:
        Name and module.

    Raises:
        NetworkError: If no model fits, or not the named one.
    """
    import torch

    names = [model] if model is not None else list(MODELS)
    misfits: list[tuple[int, str]] = []
    for name in names:
        if name not in MODELS:
            raise NetworkError(f"{path}: unknown model {name!r}; known: {', '.join(MODELS)}")
        with torch.device("meta"):  # shapes only: first weights would take random numbers
            module = MODELS[name].build()
        wanted = module.state_dict()
        why = _misfit({key: value.shape for key, value in wanted.items()}, state)
        if why is None:
            return name, _load(module, state, path)
        misfits.append((len(wanted.keys() & state.keys()), f"{name} needs {why}"))
    known = f"{', '.join(names)}" if model is None else names[0]
    closest = max(misfits, key=lambda misfit: misfit[0])[1]
    raise NetworkError(f"{path} does not hold the weights of {known}: {closest}")


def build_published(
    state: Mapping[str, "Tensor"], path: Path
) -> tuple[str, ModelSpec, "nn.Module"] | None:
    """Build the network of others whose weights these are, in its published layout.

    Args:
        state: Weights by their published names.
        path: Where they come from, for messages.

    Returns:
        What to call it, what it is, and the module; None if none of those that are known.

    Raises:
        NetworkError: If it is one of them, but weights are missing, left over or not finite.
    """
    import torch

    found = recognise({key: tuple(value.shape) for key, value in state.items()})
    if found is None:
        return None
    name, spec = found
    named = {new: value for key, value in state.items() if (new := published_names(key))}
    with torch.device("meta"):
        module = spec.build()
    wanted = {key: tuple(value.shape) for key, value in module.state_dict().items()}
    why = _misfit(wanted, named)
    if why is not None:
        raise NetworkError(f"{path} is not the published {spec.label}: it needs {why}")
    return name, spec, _load(module, named, path)


def _load(module: "nn.Module", state: Mapping[str, "Tensor"], path: Path) -> "nn.Module":
    """Give a module that was built without memory its weights."""
    damaged = [key for key, values in state.items() if not values.isfinite().all()]
    if damaged:
        raise NetworkError(f"{path}: {damaged[0]} is not finite, the file is damaged")
    module.to_empty(device="cpu").load_state_dict(state)
    return module


def _misfit(wanted: Mapping[str, tuple[int, ...]], state: Mapping[str, "Tensor"]) -> str | None:
    for key, shape in wanted.items():
        if key not in state:
            return f"{key}, which is missing (got {', '.join(sorted(state)[:3])}, ...)"
        if state[key].shape != shape:
            return f"{key} of {list(shape)}, got {list(state[key].shape)}"
    for key in state:
        if key not in wanted:
            return f"no {key}, which is there"
    return None


def load_start(module: "nn.Module", path: Path, *, model: str) -> None:
    """Begin with the weights that a run has written.

    Args:
        module: The generator.
        path: ``generator.safetensors`` or ``generator.onnx``.
        model: What the generator is called.

    Raises:
        OptionError: If the file does not hold weights of this model.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        if path.suffix == ".onnx":
            state, _ = read_state(path)
            weights = {key: torch.from_numpy(state[key]) for key in module.state_dict()}
        else:
            weights = load_file(path)
        module.load_state_dict(weights)
    except (OSError, KeyError, SafetensorError, RuntimeError, NetworkError) as error:
        raise OptionError(
            f"{path} does not hold weights of {model}; name a generator.safetensors or "
            "generator.onnx that a run of this model wrote"
        ) from error
