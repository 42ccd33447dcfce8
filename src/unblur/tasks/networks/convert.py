"""Turn weights of others' code into a network file of ours."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from unblur.errors import NetworkError
from unblur.models.published import KNOWN
from unblur.models.stochastic import PUBLISHED_DROPOUT
from unblur.tasks.networks.export import Exported, export
from unblur.tasks.networks.weights_file import build_generator, build_published, read_tensors

if TYPE_CHECKING:
    from torch import Tensor

_STATISTICS: Final = ("running_mean", "running_var", "num_batches_tracked")
_FIRST_BLOCK: Final = 10
"""Place of the first residual block among the layers of ``model``."""
_WITH_NORMALISATION: Final = 3
"""Places that a convolution, its normalisation and its activation take."""


def convert(
    path: Path, target: Path, *, license: str, half: bool = True, stochastic: bool = False
) -> Exported:
    """Write the generator in a file of weights as a network file.

    Args:
        path: A state dict as the authors of DeblurGAN, DeblurGAN-v2 (MobileNet), MIMO-UNet, MPRNet,
            NAFNet or Restormer publish it, or one of our models; what ``torch.save`` wrote, or
            ``.safetensors``.
        target: The network file.
        license: Of the weights, as their authors state it.
        half: See :func:`unblur.tasks.networks.export.export`.
        stochastic: Drop half of the values whenever the file restores, as the paper does.

    Raises:
        NetworkError: If the file holds another network, or none, or is to drop values at random
            where its authors do not.
        TargetError: If the target cannot be written.
        MissingExtraError: If PyTorch is not installed.
    """
    state = read_tensors(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    metadata = {"license": license, "converted_from": f"{path.name}, SHA-256 {digest}"}
    published = build_published(state, path)
    if published is not None:
        name, spec, module = published
        if stochastic:
            raise NetworkError(f"{path}: {spec.label} drops nothing when it restores, as published")
        return export(module, target, model=name, metadata=metadata, half=half, spec=spec)
    if any(key.startswith("model.") for key in state):
        state = from_authors(state, path)
    try:
        model, module = build_generator(state, path)
    except NetworkError as error:
        raise NetworkError(f"{error}; of others' networks it takes {KNOWN}") from error
    dropout = PUBLISHED_DROPOUT if stochastic else None
    return export(module, target, model=model, metadata=metadata, half=half, dropout=dropout)


def from_authors(state: Mapping[str, "Tensor"], path: Path) -> dict[str, "Tensor"]:
    """Rename weights of the authors' generator to the names in :class:`DeblurGenerator`.

    Their layers are one list, ``model``: padding, convolution, normalisation and ReLU (0 to 3),
    two strided convolutions (4 and 7), the residual blocks (from 10), two transposed
    convolutions, padding, convolution, tanh. In a block's list ``conv_block`` the second
    convolution stands at 5, or at 6 if there is dropout between. Running statistics, which old
    versions of PyTorch wrote, are dropped: the normalisation takes those of the photo.

    Args:
        state: Their weights by name.
        path: Where they come from, for messages.

    Raises:
        NetworkError: If their network is not the published one: blocks with one convolution,
            learned scales of the normalisation, no biases.
    """
    state = {key: value for key, value in state.items() if not key.endswith(_STATISTICS)}
    scales = [key for key, value in state.items() if key.endswith("weight") and value.ndim == 1]
    if scales:
        raise NetworkError(
            f"{path} has learned scales ({scales[0]}): it was trained with batch normalisation "
            "or affine instance normalisation; the published generator, --norm instance, has none"
        )
    names = _names(state, path)
    renamed: dict[str, Tensor] = {}
    for theirs, ours in names.items():
        for part in ("weight", "bias"):
            if f"{theirs}.{part}" not in state:
                raise NetworkError(
                    f"{path} has no {theirs}.{part}: it is not DeblurGAN's published generator "
                    "(reflection padding, instance normalisation, biases)"
                )
            renamed[f"{ours}.{part}"] = state[f"{theirs}.{part}"]
    left = sorted(
        state.keys() - {f"{name}.{part}" for name in names for part in ("weight", "bias")}
    )
    if left:
        raise NetworkError(f"{path} has {left[0]}, which DeblurGAN's published generator has not")
    return renamed


def _names(state: Mapping[str, "Tensor"], path: Path) -> dict[str, str]:
    """Their names of the layers, each with ours."""
    blocks: dict[int, list[int]] = {}
    for key in state:
        if found := re.fullmatch(r"model\.(\d+)\.conv_block\.(\d+)\.weight", key):
            blocks.setdefault(int(found[1]), []).append(int(found[2]))
    names = {"model.1": "head", "model.4": "down.0", "model.7": "down.1"}
    for index, place in enumerate(sorted(blocks)):
        inside = sorted(blocks[place])
        if inside == [1]:
            raise NetworkError(
                f"{path}: the residual block model.{place} has one convolution. A slip of operator "
                "precedence in the authors' training code drops the second; the paper's generator "
                "has two, and so need weights that are to be converted"
            )
        if inside not in ([1, 5], [1, 6]):
            raise NetworkError(
                f"{path}: the residual block model.{place} has convolutions at {inside}, expected "
                "1 and 5, or 1 and 6 with dropout: blocks padded by reflection"
            )
        names[f"model.{place}.conv_block.1"] = f"blocks.{index}.first"
        names[f"model.{place}.conv_block.{inside[1]}"] = f"blocks.{index}.second"
    after = _FIRST_BLOCK + len(blocks)
    names[f"model.{after}"] = "up.0"
    names[f"model.{after + _WITH_NORMALISATION}"] = "up.1"
    names[f"model.{after + 2 * _WITH_NORMALISATION + 1}"] = "tail"  # a padding comes before
    return names
