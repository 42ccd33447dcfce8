"""What both kinds of training share: a count of updates, going on from a checkpoint, scores."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import lightning
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from unblur.data.mixture import PairSet
from unblur.errors import OptionError
from unblur.tasks.train.validate import draw_strips, validate

TOGETHER: Final = "crops_an_update"
"""What a checkpoint calls the number of crops of an update, in all processes."""
_HARMLESS: Final = {"steps", "precision", "validate_every"}
"""Keys of a recipe that a resumed run may have otherwise, or of which another line tells."""


class TrainingModule(lightning.LightningModule):
    """A generator that learns, and all that a checkpoint has to hold for it to go on.

    Args:
        options: The recipe, with a precision that has been chosen.
        validation: Named sets of pairs to score.
    """

    def __init__(self, options: Any, validation: Sequence[tuple[str, PairSet]]) -> None:
        super().__init__()
        self.options = options
        self.validation = validation
        torch.manual_seed(options.seed)
        self.done = 0
        """Updates of the generator so far, in all starts of the run."""
        self.validated = 0
        """Updates at which it was last scored."""
        self.scores: dict[str, float] = {}
        """Of that validation."""
        self._optimizer_states: Sequence[Mapping[str, Any]] = ()

    @property
    def network(self) -> nn.Module:
        """What is kept of a run."""
        raise NotImplementedError

    @property
    def networks_beside(self) -> Mapping[str, nn.Module]:
        """What else is kept, by its name in the table of models."""
        return {}

    def rate(self, step: int) -> float:
        """Share of the recipe's learning rate at which update ``step`` is made, counted from 0."""
        raise NotImplementedError

    def snapshot(self, optimizers: Sequence[torch.optim.Optimizer]) -> dict[str, Any]:
        """Everything that the next updates depend on; between two updates only."""
        return {
            "done": self.done,
            "validated": self.validated,
            "state_dict": self.state_dict(),
            "optimizer_states": [optimizer.state_dict() for optimizer in optimizers],
            "recipe": json.dumps(asdict(self.options)),
        }

    def take_up(self, checkpoint: Mapping[str, Any]) -> None:
        """Go on from a checkpoint; before Lightning sets the run up.

        Raises:
            OptionError: If it is not one of this recipe's model.
        """
        if self.options.precision == "fp64":
            self.double()  # before the weights come, or half of each number would be lost
        try:
            self.load_state_dict(checkpoint["state_dict"])
        except (KeyError, RuntimeError) as error:
            raise OptionError(
                f"the checkpoint does not hold a run of {self.options.model}; go on with the "
                "recipe that the run began with"
            ) from error
        self.done = steps_of(checkpoint)
        self.validated = int(checkpoint.get("validated", self.done))
        self._optimizer_states = checkpoint["optimizer_states"]

    def scheduled(self, optimizers: Sequence[torch.optim.Optimizer]) -> list[LambdaLR]:
        """Give optimisers the states and the rates of where the run stands.

        A rate follows from the step and the recipe alone, so that a run which is made longer does
        not go on at the rate, near zero, at which the shorter one ended.
        """
        for optimizer, state in zip(optimizers, self._optimizer_states, strict=False):
            optimizer.load_state_dict(dict(state))
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["initial_lr"] = self.options.learning_rate * group.get("rate_times", 1.0)
        return [
            LambdaLR(optimizer, self.rate, last_epoch=self.done - 1) for optimizer in optimizers
        ]

    def check(self, loggers: Sequence[Any], *, stopped: Callable[[], bool]) -> None:
        """Restore the validation pairs as a user's photos would be, and score them.

        Args:
            loggers: Where to note the scores.
            stopped: Asked before each photo; if it says yes, nothing is noted.
        """
        found = self.score(stopped=stopped)
        if found is None:
            return
        self.scores, strips = found
        self.validated = self.done
        noted = {**self.scores, "time/process_s": time.process_time()}
        for logger in loggers:
            logger.log_metrics(noted, step=self.done)
            logger.save()
        draw_strips(loggers, strips, self.done)

    def score(
        self, *, stopped: Callable[[], bool]
    ) -> tuple[dict[str, float], NDArray[np.float32]] | None:
        """Scores and strips of the validation; None if stopped."""
        return validate(self.network, self.options.model, self.validation, stopped=stopped)

    @contextmanager
    def seeded(self) -> Iterator[None]:
        """Dropout draws from torch's own generator: lend it a seed of this step."""
        devices = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices):
            torch.manual_seed(seed_of(self.options.seed, self.done, 1, self.global_rank))
            yield

    def show_gain(self) -> None:
        """Show the last validation in the progress bar."""
        if "val/psnr_gain" in self.scores:
            self.log("psnr_gain", self.scores["val/psnr_gain"], prog_bar=True, logger=False)


def set_dropout(generator: nn.Module, share: float) -> None:
    """Drop a share of values while training, in the layers that drop any."""
    for part in generator.modules():
        if isinstance(part, nn.Dropout):
            part.p = share


def seed_of(*numbers: int) -> int:
    """One seed made of several numbers."""
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])


def read_checkpoint(path: Path) -> dict[str, Any]:
    """What a checkpoint holds, on the CPU; nothing in it is run.

    Raises:
        OptionError: If it is not one.
    """
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
        steps_of(found)
    except Exception as error:  # unpickling fails in many ways
        raise OptionError(f"{path} is damaged, or not a checkpoint of unblur") from error
    checkpoint: dict[str, Any] = found
    return checkpoint


def steps_of(checkpoint: Mapping[str, Any]) -> int:
    """Updates that were made before a checkpoint."""
    return int(checkpoint["done"] if "done" in checkpoint else checkpoint["global_step"])


def precision_of(checkpoint: Mapping[str, Any]) -> str | None:
    """The precision that a checkpoint was made in, if it says."""
    return json.loads(checkpoint["recipe"])["precision"] if "recipe" in checkpoint else None


def changes(checkpoint: Mapping[str, Any], module: TrainingModule, together: int) -> list[str]:
    """Lines on what a resumed run does otherwise than it began, if it does anything.

    Args:
        checkpoint: Where it goes on from.
        module: Has taken the checkpoint up.
        together: Crops that an update takes from now on, in all processes.
    """
    lines, start = [], module.done
    if start == module.options.steps:
        lines.append(f"all {start} steps are done; the network is written again, more steps go on")
    before = checkpoint.get(TOGETHER, together)
    if before != together:
        lines.append(
            f"an update took {before} crops and takes {together} from step {start} on: some pairs "
            "are seen again or left out, and at the same learning_rate the run learns otherwise"
        )
    if "recipe" not in checkpoint:
        return lines
    old = json.loads(checkpoint["recipe"])
    new = json.loads(json.dumps(asdict(module.options)))
    differ = [
        f"{key} {was} -> {now}"
        for key, was, now in _differences(old, new)
        if key not in _HARMLESS and not (key == "batch" and before != together)
    ]
    if differ:
        lines.append(
            f"from step {start} on the recipe is another ({', '.join(differ)}): the run does not "
            "end as one without a stop; give --resume what the run began with"
        )
    if old["steps"] != new["steps"]:
        was = checkpoint["optimizer_states"][0]["param_groups"][0]["lr"]
        now = module.options.learning_rate * module.rate(start)
        lines.append(
            f"planned for {old['steps']} steps and now for {new['steps']}: from step {start} on "
            f"the learning rate is that of the new plan ({now:.3g}, not {was:.3g}), so the run "
            f"ends otherwise than one planned for {new['steps']} from its first step"
        )
    return lines


def _differences(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "") -> Iterator[Any]:
    """Keys, with those of tables behind a dot, whose values differ, and both values."""
    for key in {**old, **new}:
        was, now = old.get(key), new.get(key)
        if isinstance(was, dict) and isinstance(now, dict):
            yield from _differences(was, now, f"{prefix}{key}.")
        elif was != now:
            yield prefix + key, was, now
