"""Train the networks by which a shake is found: what a recipe may say, and the Lightning module."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from unblur import checks
from unblur.data.kernels.shaken import ShakenOptions, ShakenPlanes
from unblur.errors import OptionError
from unblur.imaging.deblur.kernel_support import agreement
from unblur.imaging.deblur.learned_search import ROUNDS
from unblur.models.kernel_step import (
    Scale,
    first_kernels,
    likeness,
    moved_to_middle,
    resized,
    scales,
)
from unblur.tasks.train.precision import check_precision
from unblur.tasks.train.supervised import SupervisedModule
from unblur.weights import find_network, read_state

_KEPT_OF_EACH: Final = 2
"""Planes of each photo that is kept out of training."""
_COARSE_SHARE: Final = 0.5
"""Weight of the loss at other scales than the finest."""
_SMOOTHED_SHARE: Final = 0.25
_FOUND: Final = 0.85
_TINY: Final = 1e-8
_SQUARES: Final = 4
"""Pixels of a square that is folded."""


@dataclass(frozen=True, kw_only=True)
class EdgesOptions:
    """What a recipe with ``method = "edges"`` may say."""

    method: str = "edges"
    """Tells such a recipe from others."""
    model: str = "edges"
    """A name in the table of models."""
    begin_with: str = "guided"
    """A bundled network whose weights its layers begin with; empty: fresh ones."""
    steps: int = 4_500
    """Updates of the weights."""
    batch: int = 4
    """Planes per update."""
    learning_rate: float = 4e-4
    """Learning rate at the end of the warm-up; it falls to zero on half a cosine."""
    ema_decay: float = 0.999
    """Weight of the past in the running mean of the weights, which is what is kept."""
    precision: str = "auto"
    """``fp32``, ``bf16``, to compare runs ``fp64``, or ``auto``: bf16 where the hardware has it."""
    seed: int = 1
    """Seed of the planes and of the first weights."""
    validate_every: int = 500
    """Updates between two validations."""
    validation_photos: int = 12
    """Photos that are kept out of training."""
    data: ShakenOptions = field(default_factory=ShakenOptions)
    """Which planes are seen; the table ``[data]`` of a recipe."""

    def __post_init__(self) -> None:
        """Check values."""
        checks.only(self, method="edges", model="edges")
        checks.at_least(1, self, "steps", "batch", "validate_every", "validation_photos")
        checks.positive(self, "learning_rate")
        checks.below_one(self, "ema_decay")
        check_precision(self.precision)


class EdgesModule(SupervisedModule):
    """Learns to draw edges by which the kernel is found, from coarse to fine.

    Least squares lie between the edges and a second network, that traces a path in what they give.

    It meets the kernels that it finds itself, as in use; gradients do not go from one round back
    to the one before.

    Args:
        options: The recipe, with a precision that has been chosen.
        photos: Kept out of training.

    References:
        ADR 0009.
    """

    models_beside: ClassVar[Mapping[str, float]] = {"paths": 4.0}

    def __init__(self, options: EdgesOptions, photos: Sequence[Path]) -> None:
        super().__init__(options, ())
        kept = options.validation_photos * _KEPT_OF_EACH
        self.planes = ShakenPlanes(photos, options.data, seed=0, count=kept, together=1)
        load_beginning(self, options.begin_with)

    def arranged(self, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """Leave the batch as it is: the generator sees it at many sizes."""
        return batch

    def loss(self, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """How far kernels are from the true ones, over all scales."""
        planes, true = (each[:, 0].float() for each in batch)
        losses = []
        for kernels, at, finest in _search(self.generator, self.beside["paths"], planes, true):
            unlike = 1 - likeness(kernels, at).mean()
            near = 1 - likeness(kernels, at, smoothed=True).mean()
            unlike = unlike + _SMOOTHED_SHARE * (near - unlike)
            losses.append(unlike if finest else _COARSE_SHARE * unlike)
        return torch.stack(losses).sum(), {"loss/kernel": losses[-1]}

    def score(
        self, *, stopped: Callable[[], bool]
    ) -> tuple[dict[str, float], NDArray[np.float32]] | None:
        """Search for the kernels of planes that are kept out of training.

        Returns:
            Mean agreement with the true kernels, and the share that were found; then kernels,
            each beside the true one. None if stopped.
        """
        alike, strips = [], []
        for index in range(len(self.planes)):
            if stopped():
                return None
            planes, true = (torch.from_numpy(each) for each in self.planes[index])
            with torch.no_grad():
                means = self.ema.float(), self.ema_beside["paths"].float()
                *_, (found, _, _) = _search(*means, planes, true)
            pair = [each[0].cpu().numpy() for each in (found, true)]
            alike.append(agreement(*pair))
            beside = np.concatenate([each / each.max() for each in pair], axis=1)
            strips.append(beside)
        most = max(each.shape[0] for each in strips), max(each.shape[1] for each in strips)
        same = [np.pad(x, [(0, a - b) for a, b in zip(most, x.shape, strict=True)]) for x in strips]
        rows = np.repeat(np.concatenate(same)[..., None], 3, axis=2).astype(np.float32)
        scores = {
            "val/agreement": float(np.mean(alike)),
            "val/found": float(np.mean([each >= _FOUND for each in alike])),
        }
        return scores, rows


def _search(edges: nn.Module, paths: nn.Module, planes: Tensor, true: Tensor) -> Any:
    """Kernels of each round, the true ones at that scale, and whether it is the finest."""
    steps = scales(planes, true)
    kernels = first_kernels(len(planes), steps[0][0].side, planes)
    for number, (scale, at) in enumerate(steps):
        if kernels.shape[-1] != scale.side:
            kernels = moved_to_middle(resized(kernels, scale.side))
        finest = number == len(steps) - 1
        for _ in range(ROUNDS):
            with torch.autocast(planes.device.type, enabled=False):
                shown = scale.shown(kernels)
            found = traced(paths, scale, drawn(edges, shown), kernels)
            yield found, at, finest
            kernels = moved_to_middle(found)


def traced(paths: nn.Module, scale: Scale, edges: Tensor, kernels: Tensor) -> Tensor:
    """The kernels, (B, K, K), that edges (B, 2, h, w) give, from those that they were drawn by."""
    with torch.autocast(kernels.device.type, enabled=False):
        fits = scale.fits(edges)
    so_far = kernels / kernels.amax((1, 2), keepdim=True)
    found = paths(torch.stack([*fits, so_far], dim=1))[:, 0]
    total = found.sum((1, 2), keepdim=True)
    return torch.where(total > 0, found / (total + _TINY), kernels)


def drawn(network: nn.Module, shown: Tensor) -> Tensor:
    """Edges of planes of any size, as :class:`unblur.tasks.methods.edges.EdgesNetwork` draws."""
    height, width = shown.shape[-2:]
    multiple: int = network.multiple_of  # type: ignore[assignment]
    padded = functional.pad(shown, (0, -width % multiple, 0, -height % multiple), mode="replicate")
    padded = padded.contiguous(memory_format=torch.channels_last)
    edges: Tensor = network(padded)[..., :height, :width].float()
    inside = torch.ones_like(edges[:1])
    inside[:, 0, :, -1] = 0
    inside[:, 1, -1] = 0
    return edges * inside


def load_beginning(module: SupervisedModule, name: str) -> None:
    """Begin with the weights of a bundled network, and of ``edges`` with those of ``paths``, too.

    Args:
        module: Trains the two.
        name: The network's; empty: fresh weights.

    Raises:
        OptionError: If it has no layers of ``edges``.
    """
    if not name:
        return
    module.generator.load_state_dict(_beginning(name, module.generator))
    module.ema.load_state_dict(module.generator.state_dict())
    if name.startswith("edges"):
        own = module.beside["paths"].state_dict()
        state, _ = read_state(find_network(name.replace("edges", "paths")))
        for each in (module.beside["paths"], module.ema_beside["paths"]):
            each.load_state_dict({key: torch.from_numpy(state[key]).float() for key in own})


def _beginning(name: str, network: nn.Module) -> dict[str, Tensor]:
    """Weights to begin with: the layers that a bundled network has, too.

    Of ``guided``, whose first and last convolution are for colours and guides, their sums and
    means are what a grey plane needs.

    Raises:
        OptionError: If it has no layers of this one.
    """
    state = {key: torch.from_numpy(each) for key, each in read_state(find_network(name))[0].items()}
    own = network.state_dict()
    shared = {
        key: each for key, each in state.items() if key in own and own[key].shape == each.shape
    }
    if not shared:
        raise OptionError(f"begin_with: {name!r} has no layers of edges")
    if "guide_head.weight" in state:

        def of_colours(weights: Tensor) -> list[Tensor]:
            return list(torch.split(weights, _SQUARES, dim=1))

        photo, guides = (of_colours(state[f"{x}.weight"]) for x in ("head", "guide_head"))
        shared["head.weight"] = torch.cat(
            [sum(photo[1:], photo[0]), sum(guides[1:3], guides[0]), guides[3]], dim=1
        )
        shared["head.bias"] = state["head.bias"]
        for key in ("weight", "bias"):
            by_colour = torch.split(state[f"tail.{key}"], _SQUARES)
            residual = torch.stack(by_colour).mean(dim=0)
            tail = own[f"tail.{key}"].clone()
            tail[:_SQUARES] = residual
            tail[_SQUARES : 2 * _SQUARES] = state[f"guide_tail.{key}"][:_SQUARES]
            shared[f"tail.{key}"] = tail
    return own | {key: each.float() for key, each in shared.items()}
