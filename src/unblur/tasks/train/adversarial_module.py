"""The Lightning module of adversarial training: some critic steps, then one of the generator."""

import time
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from unblur.data.mixture import PairSet
from unblur.errors import TrainingError
from unblur.models import build_model
from unblur.models.critic import GlobalCritic, PatchCritic
from unblur.tasks.train.adversarial import AdversarialOptions, Game
from unblur.tasks.train.module import TrainingModule, seed_of, set_dropout

_BETAS = (0.5, 0.999)
_LOG_EVERY = 20


class AdversarialModule(TrainingModule):
    """DeblurGAN's training: critics and a generator against each other.

    Every random choice (which crops, where the penalty looks, what dropout drops) depends on the
    seed and the step alone, so a resumed run repeats what an uninterrupted one does.

    Args:
        options: The recipe.
        validation: Named sets of pairs to score.
        features: VGG19 features, or None if the recipe has no perceptual loss. Not a part of the
            checkpoints.
    """

    options: AdversarialOptions

    def __init__(
        self,
        options: AdversarialOptions,
        validation: Sequence[tuple[str, PairSet]],
        features: nn.Module | None,
    ) -> None:
        super().__init__(options, validation)
        self.automatic_optimization = False
        self.generator = build_model(options.model)
        critics: list[nn.Module] = [PatchCritic()]
        if options.loss.global_critic:
            critics.append(GlobalCritic())
        self.critics = nn.ModuleList(critics)
        set_dropout(self.generator, options.dropout)
        self._features: list[nn.Module | None] = [features]  # in a list: not a submodule
        self._started: tuple[float, int] | None = None

    @property
    def network(self) -> nn.Module:
        """What is kept of a run."""
        return self.generator

    def on_fit_start(self) -> None:
        """Put the features where the batches are."""
        features = self._features[0]
        if features is not None:
            features.to(self.device)

    def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> None:
        """All updates that follow from one batch: each critic step, then the generator's."""
        generator_optimizer, critic_optimizer = self.optimizers()  # type: ignore[attr-defined]
        blurred, sharp = (
            torch.split(x.contiguous(memory_format=self._layout()), self.options.batch)
            for x in batch
        )
        turns = list(zip(blurred, sharp, strict=True))
        fresh = [turns[i : i + self.options.accumulate] for i in self._fresh_starts(len(turns))]
        turns = turns[: self.options.accumulate]
        game = Game(self.options.loss, list(self.critics), self._features[0])
        try:
            logs = game.play(
                self._restore,
                (generator_optimizer, critic_optimizer),
                turns,
                self._alphas(self.options.batch * self.options.accumulate),
                fresh=fresh,
                backward=self.manual_backward,
            )
        except TrainingError as error:
            raise TrainingError(f"at step {self.done} {error}") from error
        for schedule in self.lr_schedulers():  # type: ignore[union-attr]
            schedule.step()
        self.done += 1
        self._log(logs, crops=len(batch[0]))

    def _fresh_starts(self, turns: int) -> range:
        """Where the critic steps' own turns begin, after the generator's; empty without any."""
        return range(self.options.accumulate, turns, self.options.accumulate)

    def _layout(self) -> torch.memory_format:
        """How batches lie in memory: what is fastest."""
        plain = self.device.type == "cpu" and self.options.precision != "bf16"
        return torch.contiguous_format if plain else torch.channels_last

    def _restore(self, blurred: Tensor) -> Tensor:
        with self.seeded():
            restored: Tensor = self.generator(blurred)
        return restored

    def rate(self, step: int) -> float:
        """Constant for half of the steps, then falling to zero on a line."""
        return min(1.0, 2 * (1 - step / self.options.steps))

    def configure_optimizers(self) -> Any:
        """Make an Adam for each side."""
        optimizers = [
            torch.optim.Adam(
                side.parameters(), lr=self.options.learning_rate, betas=_BETAS, fused=True
            )
            for side in (self.generator, self.critics)
        ]
        return optimizers, self.scheduled(optimizers)

    def _alphas(self, crops: int) -> Tensor:
        """(critic steps, crops) of this process: its part of what one process would draw."""
        rank, world = self.global_rank, self.trainer.world_size
        numbers = torch.Generator().manual_seed(seed_of(self.options.seed, self.done))
        drawn = torch.rand((self.options.critic_steps, crops * world), generator=numbers)
        return drawn[:, rank * crops : (rank + 1) * crops].to(self.device)

    def _log(self, logs: dict[str, Tensor], *, crops: int) -> None:
        now = time.perf_counter()
        if self._started is None:
            self._started = now, self.done
        if self.done % _LOG_EVERY and self.done > 1:
            return
        seconds, steps = now - self._started[0], self.done - self._started[1]
        self._started = now, self.done
        world = self.trainer.world_size
        speed = crops * world * steps / seconds if steps else 0.0
        rate = self.trainer.optimizers[0].param_groups[0]["lr"]
        self.log_dict(
            {
                **{key: value.float() for key, value in logs.items()},
                "speed/crops_per_s": speed,
                "learning_rate": rate,
                "step": float(self.done),
            },
            sync_dist=True,
        )
        self.log("loss", logs["generator/loss"].float(), prog_bar=True, logger=False)
        self.show_gain()
