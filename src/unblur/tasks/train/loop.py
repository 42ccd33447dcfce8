"""The loop around a training: which pairs each process sees, checkpoints, logs."""

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import lightning
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from lightning.pytorch.strategies import DDPStrategy
from torch import Tensor
from torch.utils.data import DataLoader, Sampler

from unblur.data.mixture import PairSet
from unblur.errors import TrainingError

CHECKPOINT: Final = Path("checkpoints", "last.ckpt")
TOGETHER: Final = "crops_an_update"
"""What a checkpoint calls the number of crops of an update, in all processes."""
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
        """Indices of the whole run."""
        # Not of what is left: Lightning counts the batches of a resumed epoch from its beginning.
        return self.stop * self.crops


class PairBatches(lightning.LightningDataModule):
    """PairSet for every process.

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
        """This process's share."""
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
        )

    def val_dataloader(self) -> "DataLoader[int]":
        """One turn: validation reads its own photos."""
        return DataLoader([0])  # type: ignore[arg-type]


def save_checkpoint(trainer: lightning.Trainer, path: Path) -> None:
    """Write a checkpoint, all of it or nothing: the one before stays until it is complete."""
    part = path.with_name(f".{path.name}.part")
    try:
        trainer.save_checkpoint(part)  # returns when all processes have come here
        if trainer.is_global_zero:
            part.replace(path)
    finally:
        if trainer.is_global_zero:
            part.unlink(missing_ok=True)


class _Keep(Callback):
    """A checkpoint every so often, and when a run is interrupted.

    Lightning's own saves by the clock only where it steps the optimiser itself.
    """

    def __init__(self, path: Path, seconds: float, together: int) -> None:
        self.path, self.seconds, self.together = path, seconds, together
        self.saved = time.monotonic()

    def on_train_batch_end(self, trainer: lightning.Trainer, *_: Any) -> None:
        """Save if it is time, in all processes at once."""
        due = time.monotonic() - self.saved >= self.seconds
        if trainer.strategy.broadcast(due):
            save_checkpoint(trainer, self.path)
            self.saved = time.monotonic()

    def on_save_checkpoint(self, *arguments: Any) -> None:
        """Note how many crops an update takes in all processes."""
        checkpoint: dict[str, Any] = arguments[2]
        checkpoint[TOGETHER] = self.together

    def on_exception(self, trainer: lightning.Trainer, _: Any, exception: BaseException) -> None:
        """Save, but not weights that may be spoiled."""
        if not isinstance(exception, TrainingError):
            save_checkpoint(trainer, self.path)


def make_trainer(  # noqa: PLR0913 - what changes from run to run
    out: Path,
    *,
    start: int,
    precision: str,
    validate_every: int,
    clip: float | None,
    minutes: float | None,
    save_minutes: float,
    devices: int,
    nodes: int,
    progress: bool,
    together: int,
) -> lightning.Trainer:
    """The loop of a run in a folder; see :func:`unblur.tasks.train.run.train`.

    ``together`` is the number of crops that an update takes in all processes.
    """
    strategy: Any = "auto"
    if devices * nodes > 1:
        # Each backward of a game touches one side's weights only.
        strategy = DDPStrategy(find_unused_parameters=True)
    return lightning.Trainer(
        default_root_dir=out,
        max_epochs=1,
        max_time=None if minutes is None else timedelta(minutes=minutes),
        precision=precision,  # type: ignore[arg-type]  # checked by the options
        gradient_clip_val=clip,
        devices=devices,
        num_nodes=nodes,
        strategy=strategy,
        accelerator="auto",
        use_distributed_sampler=False,
        val_check_interval=validate_every,
        num_sanity_val_steps=0,
        log_every_n_steps=_LOG_EVERY,
        logger=[
            TensorBoardLogger(out, name="", version="logs"),
            # A version a start: the logger would empty its folder when a run is resumed.
            CSVLogger(out, name="", version=f"logs/from-step-{start}"),
        ],
        enable_checkpointing=False,
        callbacks=[_Keep(out / CHECKPOINT, 60 * save_minutes, together)],
        enable_progress_bar=progress,
        enable_model_summary=False,
    )
