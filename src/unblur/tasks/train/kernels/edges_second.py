"""Train the networks that trace a kernel once more, by what was restored with it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from unblur import checks
from unblur.data.kernels.restored import RestoredOptions, RestoredPlanes
from unblur.data.kernels.tries import Try
from unblur.imaging.deblur.kernel_support import agreement
from unblur.models.kernel_step import Scale, likeness, lost_db
from unblur.tasks.train.kernels.edges import drawn, load_beginning, traced
from unblur.tasks.train.precision import check_precision
from unblur.tasks.train.supervised import SupervisedModule

_LIKENESS: Final = 0.4
_LOST: Final = 0.05
"""Weights of how unlike the true kernel is, and of the dB that are lost by it."""
_SMOOTHED_SHARE: Final = 0.25
_VALIDATED: Final = 120
"""Kernels of the photos kept out of training, at most."""


@dataclass(frozen=True, kw_only=True)
class EdgesSecondOptions:
    """What a recipe with ``method = "edges-second"`` may say."""

    method: str = "edges-second"
    """Tells such a recipe from others."""
    model: str = "edges"
    """A name in the table of models."""
    begin_with: str = "edges"
    """A bundled network whose weights its layers begin with; of ``edges``, those of ``paths``, too;
    empty: fresh ones."""
    steps: int = 2_700
    """Updates of the weights."""
    batch: int = 4
    """Planes per update."""
    learning_rate: float = 3e-4
    """Learning rate at the end of the warm-up; it falls to zero on half a cosine."""
    ema_decay: float = 0.998
    """Weight of the past in the running mean of the weights, which is what is kept."""
    precision: str = "auto"
    """``fp32``, ``bf16``, to compare runs ``fp64``, or ``auto``: bf16 where the hardware has it."""
    seed: int = 1
    """Seed of the planes and of the first weights."""
    validate_every: int = 300
    """Updates between two validations."""
    validation_photos: int = 12
    """Photos whose tries are kept out of training."""
    data: RestoredOptions = field(default_factory=RestoredOptions)
    """Which planes are seen; the table ``[data]`` of a recipe."""

    def __post_init__(self) -> None:
        """Check values."""
        checks.only(self, method="edges-second", model="edges")
        checks.at_least(1, self, "steps", "batch", "validate_every", "validation_photos")
        checks.positive(self, "learning_rate")
        checks.below_one(self, "ema_decay")
        check_precision(self.precision)


class EdgesSecondModule(SupervisedModule):
    """Learns to draw edges by which a kernel that was found is made better, in one round.

    Args:
        options: The recipe, with a precision that has been chosen.
        tries: Kept out of training.

    References:
        ADR 0013.
    """

    models_beside: ClassVar[Mapping[str, float]] = {"paths": 4.0}

    def __init__(self, options: EdgesSecondOptions, tries: Sequence[Try]) -> None:
        super().__init__(options, ())
        self.planes = RestoredPlanes(tries, options.data, seed=0, count=1, together=1)
        load_beginning(self, options.begin_with)

    def arranged(self, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """Leave the batch as it is: its second part are kernels."""
        return batch

    def loss(self, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """How far kernels are from the true ones, and what a picture loses by that."""
        seen, kernels = (each.float() for each in batch)
        before, true = kernels.unbind(1)
        found = _once_more(self.generator, self.beside["paths"], seen, before)
        unlike = 1 - likeness(found, true).mean()
        near = 1 - likeness(found, true, smoothed=True).mean()
        lost = lost_db(found, true).mean()
        parts = {"loss/kernel": unlike, "loss/lost_db": lost}
        return _LIKENESS * (unlike + _SMOOTHED_SHARE * (near - unlike)) + _LOST * lost, parts

    def score(
        self, *, stopped: Callable[[], bool]
    ) -> tuple[dict[str, float], NDArray[np.float32]] | None:
        """Trace kernels of tries that are kept out of training.

        Returns:
            Mean agreement with the true kernels and mean loss of a picture, in dB, after and
            before; then kernels: before, after, true. None if stopped.
        """
        every = self.planes.found
        rows, strips = [], []
        for each in every[:: -(-len(every) // _VALIDATED)]:
            if stopped():
                return None
            seen, kernels = (torch.from_numpy(x)[None] for x in self.planes.whole(each))
            before, true = kernels.unbind(1)
            with torch.no_grad():
                means = self.ema.float(), self.ema_beside["paths"].float()
                found = _once_more(*means, seen, before)
            lost = [float(lost_db(x, true)) for x in (found, before)]
            three = [x[0].numpy() for x in (before, found, true)]
            alike = [agreement(x, three[2]) for x in (three[1], three[0])]
            rows.append([*alike, *lost])
            strips.append(np.concatenate([x / x.max() for x in three], axis=1))
        most = max(len(each) for each in strips), max(each.shape[1] for each in strips)
        same = [np.pad(x, [(0, a - b) for a, b in zip(most, x.shape, strict=True)]) for x in strips]
        names = ("agreement", "agreement_before", "lost_db", "lost_db_before")
        means = np.mean(rows, axis=0)
        scores = {f"val/{name}": float(x) for name, x in zip(names, means, strict=True)}
        return scores, np.repeat(np.concatenate(same)[..., None], 3, axis=2).astype(np.float32)


def _once_more(edges: nn.Module, paths: nn.Module, seen: Tensor, kernels: Tensor) -> Tensor:
    scale = Scale(seen[:, 0].contiguous(), kernels.shape[-1])
    return traced(paths, scale, drawn(edges, seen), kernels)
