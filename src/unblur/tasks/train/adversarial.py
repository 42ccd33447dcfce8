"""Options and losses of adversarial training, as in DeblurGAN and DeblurGAN-v2."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import torch
from torch import Tensor, nn

from unblur import checks, losses
from unblur.data.synthetic import SyntheticOptions
from unblur.errors import OptionError, TrainingError
from unblur.models import check_trainable
from unblur.tasks.train.data import MixOptions
from unblur.tasks.train.precision import check_precision

GAMES: Final = ("wgan-gp", "relativistic-ls")
PIXEL_LOSSES: Final = {"l1": losses.l1, "mse": losses.mse, "charbonnier": losses.charbonnier}

PERCEPTUAL_KINDS: Final = {
    "normalised": {"before_relu": False, "normalise": True},
    "authors": {"before_relu": True, "normalise": False},
    "paper": {"before_relu": False, "normalise": True},
}
"""What is compared, as :func:`unblur.models.vgg.load_vgg` takes it. ``normalised``: features after
the activation, of input as VGG19 was trained, their squared differences averaged. ``authors``: as
DeblurGAN's code, features before the activation, of photos in [-1, 1], averaged. ``paper``: the
formula taken literally, as the first but summed over the 256 channels."""

Features = Callable[[Tensor], Tensor]


@dataclass(frozen=True, kw_only=True)
class AdversarialLossOptions:
    """What the generator and the critic are asked for; the table ``[loss]`` of a recipe."""

    game: str = "wgan-gp"
    """``wgan-gp``: DeblurGAN, eq. 3. ``relativistic-ls``: DeblurGAN-v2, eq. 3 and 4."""
    adversarial: float = 1.0
    """Weight of the critic's opinion in the generator's loss."""
    penalty: float = 10.0
    """Weight of the gradient penalty; for ``wgan-gp`` only."""
    perceptual: float = 100.0
    """Weight of the squared difference of VGG19 features."""
    perceptual_kind: str = "normalised"
    """One of :data:`PERCEPTUAL_KINDS`."""
    pixel: float = 0.0
    """Weight of the loss on pixels."""
    pixel_kind: str = "mse"
    """``l1``, ``mse`` or ``charbonnier``."""
    total_variation: float = 0.0
    """Weight of total variation; the paper finds that it lowers PSNR."""
    global_critic: bool = False
    """A second critic that sees the whole crop, as in DeblurGAN-v2."""

    def __post_init__(self) -> None:
        """Check values."""
        if self.game not in GAMES:
            raise OptionError(f"loss.game must be one of {', '.join(GAMES)}, got {self.game!r}")
        if self.pixel_kind not in PIXEL_LOSSES:
            known = ", ".join(PIXEL_LOSSES)
            raise OptionError(f"loss.pixel_kind must be one of {known}, got {self.pixel_kind!r}")
        if self.perceptual_kind not in PERCEPTUAL_KINDS:
            known = ", ".join(PERCEPTUAL_KINDS)
            got = self.perceptual_kind
            raise OptionError(f"loss.perceptual_kind must be one of {known}, got {got!r}")
        for name in ("adversarial", "penalty", "perceptual", "pixel", "total_variation"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise OptionError(f"loss.{name} must not be negative, got {getattr(self, name)}")

    @property
    def vgg(self) -> dict[str, bool]:
        """How :func:`unblur.models.vgg.load_vgg` is to make the features."""
        return PERCEPTUAL_KINDS[self.perceptual_kind]


@dataclass(frozen=True, kw_only=True)
class AdversarialOptions:
    """What an adversarial recipe may say; one field a line in the TOML file."""

    method: str = "adversarial"
    """Tells such a recipe from one of plain supervised training."""
    model: str = "deblurgan"
    """A name in the table of models."""
    steps: int = 300_000
    """Updates of the generator: 300 epochs of 1000 pairs in the paper."""
    batch: int = 1
    """Crops per process and turn."""
    accumulate: int = 1
    """Turns whose gradients are added up before an update."""
    critic_steps: int = 5
    """Updates of the critic before each of the generator."""
    fresh_crops: bool = False
    """Each of these updates sees crops of its own, as in the papers on Wasserstein critics;
    otherwise all of them, and the generator's, see the same, as in DeblurGAN's code."""
    learning_rate: float = 1e-4
    """Learning rate of the first half of the steps; then it falls to zero on a line."""
    dropout: float = 0.5
    """Share of values dropped inside the residual blocks while training."""
    precision: str = "auto"
    """``fp32``, ``bf16``, to compare runs ``fp64``, or ``auto``: bf16 where the hardware has it."""
    seed: int = 1
    """Seed of the pairs, of the first weights, and of every random choice in between."""
    validate_every: int = 5000
    """Updates of the generator between two validations."""
    validation_photos: int = 12
    """Photos, and as many pairs of each kind, kept out of training."""
    loss: AdversarialLossOptions = field(default_factory=AdversarialLossOptions)
    """What is lost; the table ``[loss]`` of a recipe."""
    data: SyntheticOptions = field(default_factory=SyntheticOptions)
    """How pairs are made; the table ``[data]``."""
    mix: MixOptions = field(default_factory=MixOptions)
    """How often each kind of data comes; the table ``[mix]``."""

    def __post_init__(self) -> None:
        """Check values."""
        if self.method != "adversarial":
            raise OptionError(f"method is adversarial here, got {self.method!r}")
        check_trainable(self.model)
        checks.at_least(1, self, "steps", "batch", "accumulate", "critic_steps", "validate_every")
        checks.positive(self, "validation_photos", "learning_rate")
        checks.below_one(self, "dropout")
        check_precision(self.precision)

    @property
    def crops(self) -> int:
        """Crops that a process takes for an update of the generator and those before it."""
        return self.batch * self.accumulate * (self.critic_steps + 1 if self.fresh_crops else 1)


class Game:
    """What the critics and the generator lose.

    Args:
        options: Weights.
        critics: One or more; each maps (B, 3, H, W) in [0, 1] to a map of scores.
        features: VGG19 features for the perceptual loss; needed if its weight is positive.
    """

    def __init__(
        self,
        options: AdversarialLossOptions,
        critics: Sequence[nn.Module],
        features: Features | None,
    ) -> None:
        assert features is not None or options.perceptual == 0
        self.options = options
        self.critics = critics
        self.features = features

    def critic_loss(
        self, sharp: Tensor, restored: Tensor, *, alpha: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss of all critics, and what to log.

        Args:
            sharp: (B, 3, H, W) real photos.
            restored: Same shape; no gradient flows into it.
            alpha: (B,) in [0, 1): where between the two the penalty looks, one a sample.

        References:
            Gulrajani et al., *Improved training of Wasserstein GANs*, 2017, eq. 3; DeblurGAN-v2,
            eq. 4.
        """
        restored = restored.detach()
        total, gap, penalties = sharp.new_zeros(()), sharp.new_zeros(()), sharp.new_zeros(())
        for critic in self.critics:
            real, fake = critic(sharp), critic(restored)
            gap = gap + (real.mean() - fake.mean()).detach()
            if self.options.game == "wgan-gp":
                # A slope of 1 is meant for the paper's images, which lie in [-1, 1].
                penalty = losses.gradient_penalty(
                    partial(_signed, critic), 2 * sharp - 1, 2 * restored - 1, alpha=alpha
                )
                penalties = penalties + penalty.detach()
                total = total + losses.wgan_critic(real, fake) + self.options.penalty * penalty
            else:
                total = total + losses.relativistic_ls_critic(real, fake)
        return total, {
            "critic/loss": total.detach(),
            "critic/gap": gap,
            "critic/penalty": penalties,
        }

    def generator_loss(self, sharp: Tensor, restored: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss of the generator, and what to log; (B, 3, H, W) in [0, 1].

        References:
            DeblurGAN, eq. 2 to 4; DeblurGAN-v2, eq. 5.
        """
        options, parts = self.options, {}
        opinion = sharp.new_zeros(())
        for critic in self.critics:
            if options.game == "wgan-gp":
                opinion = opinion + losses.wgan_generator(critic(restored))
            else:
                with torch.no_grad():
                    real = critic(sharp)
                opinion = opinion + losses.relativistic_ls_generator(real, critic(restored))
        parts["adversarial"] = options.adversarial * opinion
        if options.perceptual > 0 and self.features is not None:
            literal = options.perceptual_kind == "paper"
            loss = losses.perceptual(self.features, restored, sharp, add_channels=literal)
            parts["perceptual"] = options.perceptual * loss
        if options.pixel > 0:
            parts["pixel"] = options.pixel * PIXEL_LOSSES[options.pixel_kind](restored, sharp)
        if options.total_variation > 0:
            loss = losses.total_variation(restored)
            parts["total_variation"] = options.total_variation * loss
        total = torch.stack(list(parts.values())).sum()
        logs = {f"generator/{key}": value.detach() for key, value in parts.items()}
        return total, {"generator/loss": total.detach(), **logs}

    def play(
        self,
        generator: Callable[[Tensor], Tensor],
        optimizers: tuple[Any, Any],
        turns: Sequence[tuple[Tensor, Tensor]],
        alphas: Tensor,
        *,
        fresh: Sequence[Sequence[tuple[Tensor, Tensor]]] = (),
        backward: Callable[[Tensor], None] = torch.Tensor.backward,
    ) -> dict[str, Tensor]:
        """Update the critics, once for each row of alphas, then the generator, once.

        Args:
            generator: Restores (B, 3, H, W).
            optimizers: The generator's and the critics'.
            turns: Batches of blurred and sharp photos, whose gradients are averaged.
            alphas: (critic steps, samples of all turns).
            fresh: Turns of its own for each critic step; none, if it is to see the generator's.
            backward: Sends a loss back; Lightning has its own.

        Returns:
            What to log, of the last turn.

        Raises:
            TrainingError: If a loss is not finite; nothing is updated with it.
        """
        generator_optimizer, critic_optimizer = optimizers
        restored = [generator(blurred) for blurred, _ in turns]
        logs: dict[str, Tensor] = {}
        for step, row in enumerate(alphas):
            critic_optimizer.zero_grad()
            seen, fakes = turns, restored
            if fresh:
                seen = fresh[step]
                with torch.no_grad():
                    fakes = [generator(blurred) for blurred, _ in seen]
            parts = row.split([len(sharp) for _, sharp in seen])
            for (_, sharp), fake, alpha in zip(seen, fakes, parts, strict=True):
                loss, logs = self.critic_loss(sharp, fake, alpha=alpha)
                _check(loss, logs)
                backward(loss / len(turns))
            critic_optimizer.step()
        weights = [weight for critic in self.critics for weight in critic.parameters()]
        for weight in weights:  # their gradients would be computed for nothing
            weight.requires_grad_(False)
        generator_optimizer.zero_grad()
        for (_, sharp), fake in zip(turns, restored, strict=True):
            loss, more = self.generator_loss(sharp, fake)
            logs = logs | more
            _check(loss, logs)
            backward(loss / len(turns))
        generator_optimizer.step()
        for weight in weights:
            weight.requires_grad_(True)
        return logs


def _signed(critic: nn.Module, photos: Tensor) -> Tensor:
    """Scores of photos in [-1, 1]."""
    scores: Tensor = critic((photos + 1) / 2)
    return scores


def _check(loss: Tensor, logs: dict[str, Tensor]) -> None:
    if not torch.isfinite(loss):
        parts = ", ".join(f"{key} {float(value):.3g}" for key, value in logs.items())
        raise TrainingError(f"the loss is {loss.item()} ({parts})")
