"""Export the generator of a training run, with what the run knows about it."""

import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

from unblur.errors import NetworkError, OptionError
from unblur.models.stochastic import PUBLISHED_DROPOUT
from unblur.tasks.networks.export import Exported, export
from unblur.tasks.networks.weights_file import build_generator, load_start, read_tensors
from unblur.tasks.train.recipe import read_table
from unblur.weights import read_state

if TYPE_CHECKING:
    from torch import nn

    from unblur.tasks.train.module import TrainingModule

NETWORK: Final = "generator.onnx"
_WEIGHTS: Final = "generator.safetensors"
_RECIPE: Final = "recipe.toml"
_KEPT: Final = ("trained_on", "steps", "validation", "license", "figures")
"""What the network file that training wrote says of itself, and later ones repeat."""


def write_run(module: "TrainingModule", out: Path, *, trained_on: str) -> Path:
    """Write the network that a run has come to, and what was trained beside it, into its folder.

    Args:
        module: What was trained; if fewer updates were made than planned, the file says so.
        out: Folder of the run.
        trained_on: The data, in words.

    Returns:
        The network file.

    Raises:
        NetworkError: As :func:`unblur.tasks.networks.export.export`.
        TargetError: If a file cannot be written.
    """
    from safetensors.torch import save_file

    options, network = module.options, out / NETWORK
    finished = module.done >= options.steps
    metadata = {
        "trained_on": trained_on,
        "steps": str(module.done) if finished else f"{module.done} of {options.steps}",
        "recipe": json.dumps(asdict(options)),
        "validation": json.dumps({key: f"{value:.4f}" for key, value in module.scores.items()}),
    }
    files = [(options.model, module.network, network)]
    files += [(name, each, out / f"{name}.onnx") for name, each in module.networks_beside.items()]
    for model, trained, file in files:
        state = {key: value.contiguous() for key, value in trained.state_dict().items()}
        save_file(state, file.with_suffix(".safetensors"))
        export(trained.cpu(), file, model=model, metadata=metadata)
    return network


def export_run(
    source: Path,
    target: Path,
    *,
    metadata: Mapping[str, str],
    half: bool = True,
    stochastic: bool = False,
    mean_with: tuple[Path, float] | None = None,
) -> Exported:
    """Write a trained generator as a network file.

    Args:
        source: Folder of a run, which holds ``generator.safetensors`` and ``recipe.toml``; or
            a ``.safetensors`` file of one of our models.
        target: The network file.
        metadata: What it should say of itself beside what the run knows: licence, training
            data, figures.
        half: See :func:`unblur.tasks.networks.export.export`.
        stochastic: Drop, whenever the file restores, the share of values that the run's recipe
            drops while training, or half of them if there is no recipe.
        mean_with: The folder or file (also ``.onnx``) of a run that began with these weights, or
            from which these began: the mean of both is written, which lies between them in what
            they do; and the share of ``source`` in it, above 0 and below 1.

    Raises:
        NetworkError: If there are no weights, or not those of a model of ours.
        OptionError: If the run's recipe cannot be read, ``mean_with`` are other weights, or
            the share is out of range.
        TargetError: If the target cannot be written.
        MissingExtraError: If PyTorch is not installed.
    """
    facts = {"license": "not stated"}
    model: str | None = None
    dropout = PUBLISHED_DROPOUT
    weights = _weights_of(source)
    if source.is_dir():
        recipe = read_table(source / _RECIPE)
        model = str(recipe["model"]) if "model" in recipe else None
        dropout = float(recipe.get("dropout", 0.0))
        facts["recipe"] = json.dumps(recipe)
        facts |= _known(source / NETWORK)
    model, module = build_generator(read_tensors(weights), weights, model=model)
    if mean_with is not None:
        other, share = mean_with
        if not 0 < share < 1:
            raise OptionError(f"share must be above 0 and below 1, got {share}")
        second = deepcopy(module)
        load_start(second, _weights_of(other), model=model)
        _take_mean(module, second, share)
        facts["mean_with"] = f"{other.name}, {1 - share:g} of it"
    if stochastic and not dropout:
        raise NetworkError(f"{source} was trained without dropout; there is none to keep on")
    return export(
        module,
        target,
        model=model,
        metadata={**facts, **metadata},
        half=half,
        dropout=dropout if stochastic else None,
    )


def _weights_of(source: Path) -> Path:
    """The file of weights that a folder of a run, or its own path, names."""
    if not source.is_dir():
        return source
    weights = source / _WEIGHTS
    if not weights.is_file():
        raise NetworkError(
            f"{source} is not the folder of a finished run: it has no {_WEIGHTS}, which "
            "`unblur train` writes when it is done"
        )
    return weights


def _take_mean(module: "nn.Module", other: "nn.Module", share: float) -> None:
    theirs = other.state_dict()
    for name, value in module.state_dict().items():
        if value.is_floating_point():
            value.mul_(share).add_(theirs[name], alpha=1 - share)


def _known(network: Path) -> dict[str, str]:
    if not network.is_file():
        return {}
    _, facts = read_state(network)
    found = {key: facts.get(f"unblur.{key}") for key in _KEPT}
    return {key: value for key, value in found.items() if value is not None}
