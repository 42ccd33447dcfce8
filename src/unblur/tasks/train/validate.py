"""Score a network during training as a user's photos would be: through the Restorer."""

import copy
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from unblur.data.mixture import PairSet
from unblur.engines import TorchEngine
from unblur.metrics import psnr, ssim
from unblur.models import model_facts
from unblur.tasks.methods.network import NetworkMethod
from unblur.tasks.restore.options import RestoreOptions
from unblur.tasks.restore.restorer import Restorer

if TYPE_CHECKING:
    from torch import nn

_STRIPS: Final = 4


def validate(
    network: "nn.Module",
    model: str,
    sets: Sequence[tuple[str, PairSet]],
    *,
    stopped: Callable[[], bool] = lambda: False,
) -> tuple[dict[str, float], NDArray[np.float32]] | None:
    """Restore every pair of every set.

    Args:
        network: The generator.
        model: Its name in the table of models.
        sets: Named sets of pairs.
        stopped: Asked before each pair: it may take minutes to restore them all.

    Returns:
        Means over all pairs (``val/psnr_gain``, ``val/psnr``, ``val/ssim``, and both of the
        blurred photos), the gain of each set if there are several, and a picture of strips:
        blurred, restored, sharp. None if stopped.
    """
    engine = as_engine(network, model)
    # The network as it is: the guard would hide what training does to sharp photos.
    options = RestoreOptions(method="network", guard=False)
    restorer = Restorer(NetworkMethod(engine, engine.metadata), options)
    rows, gains, strips = [], {}, []
    for name, pairs in sets:
        scored = []
        for index in range(len(pairs)):
            if stopped():
                return None
            blurred, sharp = (x.transpose(1, 2, 0) for x in pairs[index])
            restored = restorer.restore_pixels(blurred)
            both = (psnr(blurred, sharp), psnr(restored, sharp))
            scored.append((*both, ssim(blurred, sharp), ssim(restored, sharp)))
            if index < _STRIPS:
                strips.append(np.concatenate([blurred, restored, sharp], axis=1))
        mean = np.mean(scored, axis=0)
        gains[f"val/psnr_gain_{name}"] = float(mean[1] - mean[0])
        rows += scored
    before, after, ssim_before, ssim_after = (float(x) for x in np.mean(rows, axis=0))
    scores = {
        "val/psnr_gain": after - before,
        "val/psnr": after,
        "val/psnr_blurred": before,
        "val/ssim": ssim_after,
        "val/ssim_blurred": ssim_before,
        **(gains if len(sets) > 1 else {}),
    }
    return scores, np.concatenate(strips)


def as_engine(network: "nn.Module", model: str) -> TorchEngine:
    """A generator in training as what restores photos, in single precision.

    Args:
        network: The generator.
        model: Its name in the table of models.
    """
    if next(network.parameters()).dtype != torch.float32:  # a run in double precision
        network = copy.deepcopy(network).float()
    return TorchEngine(network, model_facts(model))


def draw_strips(loggers: Sequence[Any], strips: NDArray[np.float32], step: int) -> None:
    """Show the strips in TensorBoard, if that is among the loggers."""
    from lightning.pytorch.loggers import TensorBoardLogger

    for logger in loggers:
        if isinstance(logger, TensorBoardLogger):
            logger.experiment.add_image(
                "before | restored | sharp", strips, step, dataformats="HWC"
            )
