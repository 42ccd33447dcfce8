"""Train the network that knows the kernel: what a recipe may say, and the Lightning module."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from unblur import checks
from unblur.data.crops import as_floats
from unblur.data.kernels.tries import TriedOptions, Try, read_try
from unblur.errors import OptionError
from unblur.losses import log_frequency, log_mse
from unblur.metrics import psnr, ssim
from unblur.tasks.methods.guided import GuidedNetwork
from unblur.tasks.train.precision import check_precision
from unblur.tasks.train.supervised import SupervisedModule
from unblur.tasks.train.validate import as_engine
from unblur.weights import find_network, read_state

Float32 = NDArray[np.float32]

_FACTOR: Final = 0.05
"""Keeps the norm of most gradients below the one at which they are clipped, 1."""
_LEAST_ERROR: Final = 1e-5
_VALIDATED: Final = 40
"""Tries of the photos kept out of training, at most."""
_MIDDLE_PX: Final = 256
_STRIPS: Final = 4
_EQUAL: Final = 10**-4.2
"""Mean squared error that is added: what is above 42 dB counts little."""


@dataclass(frozen=True, kw_only=True)
class GuidedOptions:
    """What a recipe with ``method = "guided"`` may say."""

    method: str = "guided"
    """Tells such a recipe from others."""
    model: str = "guided"
    """A name in the table of models."""
    begin_with: str = "fast"
    """A bundled network whose weights its layers begin with; empty: fresh ones."""
    steps: int = 12_000
    """Updates of the weights."""
    batch: int = 8
    """Crops per update."""
    learning_rate: float = 4e-4
    """Learning rate at the end of the warm-up; it falls to zero on half a cosine."""
    loss_floor: float = 1e-4
    """See :class:`unblur.tasks.train.supervised.TrainOptions`."""
    frequency_weight: float = 0.1
    """Weight of the loss on Fourier transforms beside the one on pixels."""
    error_weight: float = 0.6
    """Weight of the likelihood of its error beside the loss on pixels."""
    ema_decay: float = 0.998
    """Weight of the past in the running mean of the weights, which is what is kept."""
    precision: str = "auto"
    """``fp32``, ``bf16``, to compare runs ``fp64``, or ``auto``: bf16 where the hardware has it."""
    seed: int = 1
    """Seed of the crops and of the first weights."""
    validate_every: int = 500
    """Updates between two validations."""
    validation_photos: int = 8
    """Photos whose tries are kept out of training."""
    data: TriedOptions = field(default_factory=TriedOptions)
    """Which crops are seen how often; the table ``[data]`` of a recipe."""

    def __post_init__(self) -> None:
        """Check values."""
        checks.only(self, method="guided", model="guided")
        checks.at_least(1, self, "steps", "batch", "validate_every", "validation_photos")
        checks.positive(self, "learning_rate", "loss_floor")
        checks.not_negative(self, "frequency_weight", "error_weight")
        checks.below_one(self, "ema_decay")
        check_precision(self.precision)


class GuidedModule(SupervisedModule):
    """Learns to restore a photo beside its deconvolution, and to tell how far off it is.

    Args:
        options: The recipe, with a precision that has been chosen.
        validation: Tries of photos that are kept out of training.

    References:
        ADR 0009.
    """

    def __init__(self, options: GuidedOptions, validation: Sequence[Try]) -> None:
        super().__init__(options, ())
        self.tries = validation[:: max(1, -(-len(validation) // _VALIDATED))]
        if options.begin_with:
            state, _ = read_state(find_network(options.begin_with))
            own = self.generator.state_dict()
            shared = {key: torch.from_numpy(state[key]).float() for key in state if key in own}
            if not shared:
                raise OptionError(
                    f"begin_with: {options.begin_with!r} has no layers of {options.model}"
                )
            self.generator.load_state_dict(own | shared)
            self.ema.load_state_dict(self.generator.state_dict())

    def loss(self, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Of pixels, of Fourier transforms, and of the error that the network expects.

        The error's is the negative logarithm of the likelihood of a Laplace distribution.
        """
        seen, sharp = batch
        out = self.generator(seen)
        restored, expected = out[:, :3], out[:, 3]
        pixel = log_mse(restored, sharp, floor=self.options.loss_floor)
        spectral = log_frequency(restored, sharp)
        error = (restored - sharp).square().mean(dim=1).add(_LEAST_ERROR).sqrt().detach()
        surprise = (error * torch.exp(-expected) + expected).mean()
        weighted = self.options.frequency_weight * spectral + self.options.error_weight * surprise
        parts = {"loss/pixel": pixel, "loss/frequency": spectral, "loss/error": surprise}
        return _FACTOR * (pixel + weighted), parts

    def score(
        self, *, stopped: Callable[[], bool]
    ) -> tuple[dict[str, float], NDArray[np.float32]] | None:
        """Restore tries with every guide and without; see :func:`score_tries`."""
        return score_tries(self.network, self.tries, stopped=stopped)


def score_tries(
    network: nn.Module, tries: Sequence[Try], *, stopped: Callable[[], bool] = lambda: False
) -> tuple[dict[str, float], NDArray[np.float32]] | None:
    """Restore the middles of tries, with every guide and without.

    Args:
        network: The generator.
        tries: Not trained on.
        stopped: Asked before each.

    Returns:
        Mean gains over the blurred photos in dB (of PSNR with an error of 42 dB added, so that
        photos that nothing blurred count little): without a guide, ``val/psnr_gain_none``; with
        guides of kernels that were ``_found``; with ``_true`` ones; of the guides as they are,
        ``val/guide_gain_found`` and so on; ``val/psnr_gain`` is the mean of what is restored with
        true and found ones. Then strips: blurred, without, with the best guide, sharp. None if
        stopped.
    """
    guided = GuidedNetwork(as_engine(network, "guided"))
    gains: dict[str, list[float]] = {}
    similar: list[float] = []
    strips: list[Float32] = []
    for each in tries:
        if stopped():
            return None
        blurred, sharp, guides = _middle(each)
        before = _capped(blurred, sharp)
        restored = [guided.restore(blurred, guide)[..., :3] for guide in (None, *guides)]
        after = [_capped(x, sharp) - before for x in restored]
        gains.setdefault("psnr_gain_none", []).append(after[0])
        for number, guide in enumerate(guides):
            kind = "found" if number < each.found else "true"
            gains.setdefault(f"psnr_gain_{kind}", []).append(after[number + 1])
            gains.setdefault("psnr_gain", []).append(after[number + 1])
            of_guide = _capped(guide[..., :3], sharp) - before
            gains.setdefault(f"guide_gain_{kind}", []).append(of_guide)
        best = restored[int(np.argmax(after))]
        similar.append(ssim(np.clip(best, 0, 1), sharp))
        if len(strips) < _STRIPS and blurred.shape[:2] == (_MIDDLE_PX, _MIDDLE_PX):
            row = [blurred, restored[0], best, sharp]
            strips.append(np.concatenate([np.clip(x, 0, 1) for x in row], axis=1))
    scores = {f"val/{name}": float(np.mean(of_kind)) for name, of_kind in gains.items()}
    scores["val/ssim"] = float(np.mean(similar))
    blank = np.zeros((1, 4 * _MIDDLE_PX, 3), np.float32)
    return scores, np.concatenate(strips) if strips else blank


def _middle(each: Try) -> tuple[Float32, Float32, list[Float32]]:
    """Blurred, sharp and guides of a try, at most 256 px a side."""
    pixels = read_try(each.path)
    rows, columns = (
        slice(max(0, side - _MIDDLE_PX) // 2, max(0, side - _MIDDLE_PX) // 2 + _MIDDLE_PX)
        for side in each.size
    )
    blurred, sharp = (as_floats(x[rows, columns]) for x in (pixels.blurred, pixels.sharp))
    return blurred, sharp, [as_floats(guide[rows, columns]) for guide in pixels.guides]


def _capped(pixels: Float32, sharp: Float32) -> float:
    """Return the PSNR in dB, 42 at most."""
    exact = psnr(np.clip(pixels, 0, 1), sharp)
    return float(-10 * np.log10(10 ** (-exact / 10) + _EQUAL))
