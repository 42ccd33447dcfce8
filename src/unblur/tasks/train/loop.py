"""The loop around a training: which pairs each process sees, and what is between two updates."""

import io
import logging
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import lightning
import torch
from lightning.pytorch.callbacks import Callback, RichProgressBar
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from lightning.pytorch.strategies import DDPStrategy
from torch import Tensor
from torch.utils.data import DataLoader, Sampler

from unblur.data.mixture import PairSet
from unblur.errors import TrainingError
from unblur.tasks.train.module import TrainingModule
from unblur.tasks.train.precision import LIGHTNING
from unblur.tasks.train.stopping import Stop, outlive_signals

CHECKPOINT: Final = Path("checkpoints", "last.ckpt")
_LOG_EVERY: Final = 20


class Turns(Sampler[int]):
    """Indices of the pairs of one process, from where an interrupted run stopped.

    Every turn of all processes together takes the next block of pairs, so that two processes see
    what one with twice the batch does.

    Args:
        start: First turn.
        stop: Turns of the whole run.
        crops: PairSet that one process takes in a turn.
        rank: Which process this is.
        world: How many there are.
    """

    def __init__(self, start: int, stop: int, *, crops: int, rank: int = 0, world: int = 1) -> None:
        self.start, self.stop = start, stop
        self.crops, self.rank, self.world = crops, rank, world

    def __iter__(self) -> Iterator[int]:
        """Indices in the order of use."""
        for turn in range(self.start, self.stop):
            first = (turn * self.world + self.rank) * self.crops
            yield from range(first, first + self.crops)

    def __len__(self) -> int:
        """Number of indices that are left."""
        return (self.stop - self.start) * self.crops


class PairBatches(lightning.LightningDataModule):
    """The batches of every process, each with its share of the pairs.

    Args:
        pairs: All of them.
        start: First turn.
        stop: Turns of the whole run.
        crops: PairSet that one process takes in a turn.
        workers: Processes that make pairs; 0 makes them in the training process.
    """

    def __init__(self, pairs: PairSet, *, start: int, stop: int, crops: int, workers: int) -> None:
        super().__init__()
        self.pairs, self.start, self.stop = pairs, start, stop
        self.crops, self.workers = crops, workers

    def train_dataloader(self) -> "DataLoader[tuple[Tensor, Tensor]]":
        """What loads this process's share of the pairs."""
        assert self.trainer is not None
        rank, world = self.trainer.global_rank, self.trainer.world_size
        return DataLoader(
            self.pairs,  # type: ignore[arg-type]  # any object with __getitem__ and __len__ will do
            batch_size=self.crops,
            sampler=Turns(self.start, self.stop, crops=self.crops, rank=rank, world=world),
            num_workers=self.workers,
            # libvips does not survive a fork.
            multiprocessing_context="spawn" if self.workers else None,
            persistent_workers=self.workers > 0,
            prefetch_factor=4 if self.workers else None,
            worker_init_fn=outlive_signals,
        )


class Between(Callback):
    """What happens between two updates: checkpoints, validation, and whether to stop.

    Args:
        path: Where the checkpoint goes.
        start: Updates that it holds already.
        save_seconds: Time between two checkpoints.
        validate_every: Updates between two validations.
        stop: Asked after every update.
        facts: What a checkpoint says beside the module's state.
    """

    def __init__(
        self,
        path: Path,
        *,
        start: int,
        save_seconds: float,
        validate_every: int,
        stop: Stop,
        facts: dict[str, Any],
    ) -> None:
        self.path, self.saved = path, start
        self.save_seconds, self.validate_every = save_seconds, validate_every
        self.stop, self.facts = stop, facts
        self._last_time = time.monotonic()
        self._settled = False

    def on_train_start(self, trainer: lightning.Trainer, module: Any) -> None:
        """Make up for a validation that was stopped."""
        self.stop.listen()
        due = module.done > 0 and module.done % self.validate_every == 0
        if due and module.validated != module.done:
            module.check(trainer.loggers, stopped=self._stopped)

    def on_train_batch_start(self, *_: Any) -> None:
        """From here on weights, optimisers and counts do not belong together."""
        self._settled = False

    def on_train_batch_end(self, trainer: lightning.Trainer, module: Any, *_: Any) -> None:
        """Save, validate and stop where it is time, in all processes at once."""
        self._settled = True
        agree = trainer.strategy.reduce_boolean_decision
        halted, late = agree(self._stopped(), all=False), agree(self.stop.late, all=False)
        last = module.done >= module.options.steps
        due = agree(time.monotonic() - self._last_time >= self.save_seconds, all=False)
        if halted or late or last or due:
            self.save(trainer, module)
        if not halted and (late or last or module.done % self.validate_every == 0):
            module.check(trainer.loggers, stopped=self._stopped)
            halted = agree(self._stopped(), all=False)
            if halted:
                self.save(trainer, module)
        if halted and self.stop.signal is None:  # another process was told to stop
            self.stop.signal = signal.SIGTERM
        trainer.should_stop = trainer.should_stop or halted or late

    def on_exception(
        self, trainer: lightning.Trainer, module: Any, exception: BaseException
    ) -> None:
        """Save what is whole: not half an update, nor weights that may be spoiled."""
        if self._settled and not isinstance(exception, TrainingError):
            self.save(trainer, module)

    def save(self, trainer: lightning.Trainer, module: TrainingModule) -> None:
        """Write a checkpoint, all of it or nothing: the one before stays until it is complete."""
        if module.done == self.saved:
            return
        if trainer.is_global_zero:  # every process holds the same
            self.path.parent.mkdir(parents=True, exist_ok=True)
            part = self.path.with_name(f".{self.path.name}.part")
            # In memory first: where a disk is full, PyTorch's own writer does not say so.
            whole = io.BytesIO()
            torch.save(module.snapshot(trainer.optimizers) | self.facts, whole)
            try:
                with part.open("wb") as file:
                    file.write(whole.getbuffer())
                    file.flush()
                    os.fsync(file.fileno())
                part.replace(self.path)
            finally:
                part.unlink(missing_ok=True)
        self.saved, self._last_time = module.done, time.monotonic()

    def _stopped(self) -> bool:
        return self.stop.signal is not None


class _Bar(RichProgressBar):
    """Counts the updates of the whole run, not those of this start."""

    def __init__(self, start: int) -> None:
        super().__init__()
        self._start_step = start

    @property
    def total_train_batches(self) -> int | float:
        """Updates of the whole run."""
        return super().total_train_batches + self._start_step

    def on_train_batch_end(self, *arguments: Any) -> None:
        """Count batches from where the run went on."""
        *others, index = arguments
        super().on_train_batch_end(*others, index + self._start_step)  # type: ignore[call-arg]


@contextmanager
def quiet() -> Iterator[None]:
    """Drop what Lightning and the exporter say of themselves; errors stay."""
    names = ("lightning.fabric", "lightning.pytorch", "torch.onnx")
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def make_trainer(  # noqa: PLR0913 - what changes from run to run
    out: Path,
    *,
    start: int,
    precision: str,
    clip: float | None,
    between: Between,
    devices: int,
    nodes: int,
    progress: bool,
) -> lightning.Trainer:
    """The loop of one start of a run in a folder; see :func:`unblur.tasks.train.run.train`.

    Lightning's own checkpoints and counts are not used: they call an epoch, our whole run, complete
    when a clock stopped it. A start is an epoch of the updates that are left.
    """
    strategy: Any = "auto"
    if devices * nodes > 1:
        # Each backward of a game touches one side's weights only.
        strategy = DDPStrategy(find_unused_parameters=True)
    return lightning.Trainer(
        default_root_dir=out,
        max_epochs=1,
        precision=LIGHTNING[precision],  # type: ignore[arg-type]
        gradient_clip_val=clip,
        devices=devices,
        num_nodes=nodes,
        strategy=strategy,
        accelerator="auto",
        use_distributed_sampler=False,
        num_sanity_val_steps=0,
        log_every_n_steps=_LOG_EVERY,
        logger=[
            TensorBoardLogger(out, name="", version="logs"),
            # A version a start: the logger would empty its folder when a run is resumed.
            CSVLogger(out, name="", version=f"logs/from-step-{start}"),
        ],
        enable_checkpointing=False,
        callbacks=[between, *([_Bar(start)] if progress else [])],
        enable_progress_bar=progress,
        enable_model_summary=False,
    )
