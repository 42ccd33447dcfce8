"""What a recipe may say, and the Lightning module that learns it."""

import copy
import math
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

import torch
from torch import Tensor

from unblur import checks, losses
from unblur.data.mixture import PairSet
from unblur.data.synthetic import SyntheticOptions
from unblur.errors import OptionError, TrainingError
from unblur.models import build_model, check_trainable
from unblur.optimizers import Muon
from unblur.tasks.train.data import MixOptions
from unblur.tasks.train.module import TrainingModule, set_dropout
from unblur.tasks.train.precision import check_precision

_WARMUP_STEPS: Final = 300
"""Updates over which the learning rate grows from zero; in short runs a tenth of them."""
_ADAM: Final[dict[str, Any]] = {"betas": (0.9, 0.99), "weight_decay": 1e-4}
Loss = Callable[..., Tensor]
LOSSES: Final[dict[str, tuple[Loss, Loss, Loss, float]]] = {
    "log": (losses.log_mse, losses.log_frequency, losses.log_perceptual, 0.05),
    "charbonnier": (losses.charbonnier, losses.frequency, losses.perceptual, 1.0),
}
"""Of pixels, of Fourier transforms, of VGG19 features, and a factor that keeps the norm of most
gradients below the one at which they are clipped, 1."""


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """What a recipe may say; one field a line in the TOML file."""

    model: str = "fast"
    """A name in the table of models."""
    steps: int = 20_000
    """Updates of the weights."""
    batch: int = 8
    """Crops per update."""
    learning_rate: float = 1e-3
    """Learning rate at the end of the warm-up; it falls to zero on half a cosine."""
    optimizer: str = "adamw"
    """``adamw``; or ``muon``, which makes the steps of convolutions orthogonal: ``deblurgan-32``
    gained as much in 6,800 updates as in 12,000 (ADR 0010)."""
    muon_rate: float = 4e-3
    """Learning rate of these steps; ``learning_rate`` is of all else."""
    early_share: float = 0.6
    """Share of the updates, from the first, that see crops of ``data.early_crop_px``."""
    loss: str = "log"
    """``log``: logarithms of each sample's errors, so that mild blur counts as much as strong;
    ``charbonnier``: a plain mean of errors."""
    loss_floor: float = 3e-4
    """Of ``log``: the mean squared error far below which a sample counts as in a plain mean. Lower
    ones stress what is nearly sharp; 0 would be PSNR itself."""
    frequency_weight: float = 0.5
    """Weight of the loss on Fourier transforms beside the one on pixels."""
    perceptual: float = 0.0
    """Weight of the loss on VGG19 features beside these two. It about doubles the work of an
    update of ``deblurgan-32``."""
    perceptual_from: float = 0.0
    """Share of the updates after which that loss begins: the last ones are what it is worth its
    price in."""
    dropout: float = 0.0
    """Share of values dropped inside the residual blocks of DeblurGAN's topology; others have no
    dropout."""
    ema_decay: float = 0.999
    """Weight of the past in the running mean of the weights, which is what is kept."""
    precision: str = "auto"
    """``fp32``, ``bf16``, to compare runs ``fp64``, or ``auto``: bf16 where the hardware has it."""
    seed: int = 1
    """Seed of the pairs and of the first weights."""
    validate_every: int = 1000
    """Updates between two validations."""
    validation_photos: int = 12
    """Photos kept out of training."""
    data: SyntheticOptions = field(default_factory=SyntheticOptions)
    """How pairs are made; the table ``[data]`` of a recipe."""
    mix: MixOptions = field(default_factory=MixOptions)
    """How often each kind of data comes; the table ``[mix]``."""

    def __post_init__(self) -> None:
        """Check values."""
        check_trainable(self.model)
        checks.one_of(self, loss=LOSSES, optimizer=("adamw", "muon"))
        checks.at_least(1, self, "steps", "batch", "validate_every", "validation_photos")
        checks.positive(self, "loss_floor", "learning_rate", "muon_rate")
        checks.unit(self, "early_share", "perceptual_from")
        checks.below_one(self, "ema_decay", "dropout")
        if not 0 <= self.perceptual < math.inf:
            raise OptionError(f"perceptual must not be negative, got {self.perceptual}")
        check_precision(self.precision)


class SupervisedModule(TrainingModule):
    """A generator that learns from sharp partners, and the running mean of its weights.

    Args:
        options: The recipe, with a precision that has been chosen.
        validation: Named sets of pairs to score.
    """

    models_beside: ClassVar[Mapping[str, float]] = {}
    """What learns together with the generator, and by what its learning rate is multiplied."""

    def __init__(self, options: Any, validation: Sequence[tuple[str, PairSet]]) -> None:
        super().__init__(options, validation)
        self.generator = build_model(options.model)
        self.generator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        # The running mean lives in the module, so every checkpoint holds it.
        self.ema = build_model(options.model)
        self.ema.load_state_dict(self.generator.state_dict())
        self.ema.requires_grad_(False)
        self.beside = torch.nn.ModuleDict({name: build_model(name) for name in self.models_beside})
        self.ema_beside = copy.deepcopy(self.beside).requires_grad_(False)

    @property
    def network(self) -> torch.nn.Module:
        """What is kept of a run: the running mean."""
        return self.ema

    @property
    def networks_beside(self) -> Mapping[str, torch.nn.Module]:
        """Running means of the networks that are trained beside the generator."""
        return dict(self.ema_beside)

    @abstractmethod
    def loss(self, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss of what the generator makes of a batch, and the parts to log."""

    def arranged(self, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """A batch as it lies in memory when the generator sees it."""
        shown, sharp = (x.contiguous(memory_format=torch.channels_last) for x in batch)
        return shown, sharp

    def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
        """Compute the loss of one update."""
        loss, parts = self.loss(self.arranged(batch))
        # Under "step" loggers expect the number to file the others by.
        self.log_dict({**parts, "step": float(self.done + 1)})
        self.log("loss", loss, prog_bar=True)
        self.show_gain()
        if not torch.isfinite(loss):
            raise TrainingError(f"the loss is {loss.item()} at step {self.done}")
        return loss

    def optimizer_step(self, *arguments: Any, **more: Any) -> None:
        """Update the weights, then their running mean and the count."""
        super().optimizer_step(*arguments, **more)
        self.done += 1
        # A young mean forgets faster, or the first weights would linger for thousands of steps.
        decay = min(self.options.ema_decay, (1 + self.done) / (10 + self.done))
        for means, learned in ((self.ema, self.generator), (self.ema_beside, self.beside)):
            mean = [parameter.detach() for parameter in means.parameters()]
            if mean:
                now = [parameter.detach() for parameter in learned.parameters()]
                torch._foreach_lerp_(mean, now, 1 - decay)

    def rate(self, step: int) -> float:
        """Linear warm-up, half a cosine."""
        total: int = self.options.steps
        warmup = min(_WARMUP_STEPS, -(-total // 10))
        if step < warmup:
            return (step + 1) / warmup
        return 0.5 * (1 + math.cos(math.pi * min(1, (step - warmup) / max(1, total - warmup))))

    def configure_optimizers(self) -> Any:
        """Make AdamW and its schedule."""
        groups: list[dict[str, Any]] = [{"params": list(self.generator.parameters())}]
        groups += [
            {"params": list(self.beside[name].parameters()), "rate_times": times}
            for name, times in self.models_beside.items()
        ]
        optimizer = torch.optim.AdamW(
            groups,
            lr=self.options.learning_rate,
            **_ADAM,
        )
        (schedule,) = self.scheduled([optimizer])
        return [optimizer], [{"scheduler": schedule, "interval": "step"}]


class DeblurModule(SupervisedModule):
    """Plain supervised training of a generator on pixel, frequency and perceptual losses.

    Args:
        options: The recipe.
        validation: Named sets of pairs to score.
        features: VGG19 features; needed if the recipe has a perceptual loss. Not a part of the
            checkpoints.
    """

    options: TrainOptions

    def __init__(
        self,
        options: TrainOptions,
        validation: Sequence[tuple[str, PairSet]],
        features: torch.nn.Module | None = None,
    ) -> None:
        super().__init__(options, validation)
        set_dropout(self.generator, options.dropout)
        assert features is not None or options.perceptual == 0
        self._features = [features]  # in a list: not a submodule

    def configure_optimizers(self) -> Any:
        """Make the recipe's optimiser and its schedule."""
        if self.options.optimizer != "muon":
            return super().configure_optimizers()
        optimizer = Muon(
            self.generator,
            rate=self.options.learning_rate,
            muon_rate=self.options.muon_rate,
            half=self.options.precision == "bf16",
            **_ADAM,
        )
        (schedule,) = self.scheduled([optimizer])
        return [optimizer], [{"scheduler": schedule, "interval": "step"}]

    def on_fit_start(self) -> None:
        """Put the features where the batches are."""
        if (features := self._features[0]) is not None:
            features.to(self.device)

    def loss(self, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Of pixels, of Fourier transforms, and late in a run of features."""
        blurred, sharp = batch
        with self.seeded():
            restored = self.generator(blurred)
        of_pixels, of_spectra, of_features, factor = LOSSES[self.options.loss]
        floor = {"floor": self.options.loss_floor} if self.options.loss == "log" else {}
        pixel, spectral = of_pixels(restored, sharp, **floor), of_spectra(restored, sharp)
        loss = factor * (pixel + self.options.frequency_weight * spectral)
        parts = {"loss/pixel": pixel, "loss/frequency": spectral}
        features = self._features[0]
        if features is not None and self.done >= self.options.perceptual_from * self.options.steps:
            parts["loss/perceptual"] = of_features(features, restored, sharp)
            loss = loss + factor * self.options.perceptual * parts["loss/perceptual"]
        return loss, parts
