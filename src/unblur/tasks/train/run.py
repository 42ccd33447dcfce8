"""Train a generator from a recipe: Lightning does the loop, this says what is learned."""

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import lightning
from lightning.pytorch.utilities.exceptions import SIGTERMException

from unblur.data.mixture import PairSet
from unblur.devices import keep_freed_memory
from unblur.errors import (
    OptionError,
    TargetError,
    TrainingError,
    TrainingStopped,
)
from unblur.tasks.networks.weights_file import load_start
from unblur.tasks.train.adversarial import AdversarialOptions
from unblur.tasks.train.data import TrainingData
from unblur.tasks.train.export_run import NETWORK, write_run
from unblur.tasks.train.kinds import (
    AnyModule,
    AnyOptions,
    check_sources,
    make_run,
)
from unblur.tasks.train.loop import (
    CHECKPOINT,
    Between,
    PairBatches,
    make_trainer,
    quiet,
)
from unblur.tasks.train.module import (
    TOGETHER,
    TrainingModule,
    changes,
    precision_of,
    read_checkpoint,
    steps_of,
)
from unblur.tasks.train.precision import choose_precision
from unblur.tasks.train.recipe import dump_recipe
from unblur.tasks.train.stopping import HaltedError, Stop


@quiet()
def train(  # noqa: PLR0913 - what changes from run to run
    options: AnyOptions,
    *,
    data: TrainingData | Path,
    out: Path,
    resume: bool = False,
    start_from: Path | None = None,
    vgg: Path | None = None,
    minutes: float | None = None,
    save_minutes: float = 5.0,
    workers: int = 1,
    devices: int = 1,
    nodes: int = 1,
    progress: bool = True,
    tell: Callable[[str], None] | None = None,
) -> Path:
    """Train a generator and write it as a network file.

    Args:
        options: The recipe; a resolved copy is written to ``out/recipe.toml``.
        data: Where data lie; a path is a folder of sharp photos.
        out: Folder of the run: checkpoints, logs, weights.
        resume: Continue from the run's last checkpoint.
        start_from: Weights to begin with: ``generator.safetensors`` or ``generator.onnx`` of
            another run, or a bundled network file.
        vgg: File of VGG19 weights for a perceptual loss; None takes the published one.
        minutes: Stop after this time, counted from this start, with a checkpoint to resume from
            and a network file that says how far it was trained.
        save_minutes: Write a checkpoint this often.
        workers: Processes that make pairs for each training process; 0 makes them in it.
        devices: Training processes on each machine, each with its own ``options.batch``.
        nodes: Machines.
        progress: Draw a progress bar.
        tell: Called with what is worth knowing: the precision and why, what changes where a run
            goes on otherwise than it began, and where it stands if it is not done.

    Returns:
        The network file, ``out/generator.onnx``; the same weights are beside it as
        ``generator.safetensors``.

    Raises:
        DataError: If the data are missing or too few.
        OptionError: If ``start_from`` does not fit or comes with ``resume``, there is no
            checkpoint to resume from, or there is one and ``resume`` is not set, or it is further
            than ``options.steps``.
        NetworkError: If the weights of VGG19 are missing or not those.
        TrainingError: If the loss is not finite.
        TargetError: If a checkpoint cannot be written.
        TrainingStopped: If Ctrl-C or SIGTERM came, after a checkpoint was written.

    Examples:
        >>> from pathlib import Path
        >>> from unblur import load_training, train
        >>> recipe = load_training(Path("recipes/fast.toml"))  # doctest: +SKIP
        >>> train(recipe, data=Path("photos"), out=Path("run"))  # doctest: +SKIP
        PosixPath('run/generator.onnx')
    """
    keep_freed_memory()
    sources = TrainingData(photos=data) if isinstance(data, Path) else data
    last = out / CHECKPOINT
    if save_minutes <= 0:
        raise OptionError(f"save_minutes must be positive, got {save_minutes}")
    if resume and start_from is not None:
        raise OptionError("a resumed run has its weights; leave out --start-from or --resume")
    if resume and not last.is_file():
        raise OptionError(f"nothing to resume: {last} does not exist")
    if last.exists() and not resume:
        raise OptionError(f"{out} holds a run already; --resume continues it")
    if not resume:
        check_sources(sources, options)
    checkpoint = read_checkpoint(last) if resume else {}
    start = steps_of(checkpoint) if resume else 0
    if start > options.steps:
        raise OptionError(f"{last} has {start} steps already; steps must not be fewer")
    precision, why = choose_precision(options.precision, before=precision_of(checkpoint))
    options = replace(options, precision=precision)
    crops = options.crops if isinstance(options, AdversarialOptions) else options.batch
    together = crops * devices * nodes
    count = options.steps * together
    module, pairs, words = make_run(sources, options, vgg, count=count, together=together)
    if start_from is not None:
        load_start(module.generator, start_from, model=options.model)
        module.network.load_state_dict(module.generator.state_dict())
    if resume:
        module.take_up(checkpoint)
    stop = Stop(minutes)
    between = Between(
        last,
        start=start,
        save_seconds=60 * save_minutes,
        validate_every=options.validate_every,
        stop=stop,
        facts={TOGETHER: together},
    )
    trainer = make_trainer(
        out,
        start=start,
        precision=precision,
        clip=None if isinstance(options, AdversarialOptions) else 1.0,
        between=between,
        devices=devices,
        nodes=nodes,
        progress=progress,
    )
    say = stop.tell = tell if tell is not None and trainer.is_global_zero else _nothing
    for line in (why, *(changes(checkpoint, module, together) if resume else ())):
        say(line)
    with _explained(module, pairs, together, last), stop.listening():
        out.mkdir(parents=True, exist_ok=True)
        (out / "recipe.toml").write_text(dump_recipe(options), encoding="utf-8")
        batches = PairBatches(pairs, start=start, stop=options.steps, crops=crops, workers=workers)
        _fit(trainer, module, batches, stop)
    if not trainer.is_global_zero:
        return out / NETWORK
    if stop.signal is not None:
        raise TrainingStopped(
            f"{between.saved} of {options.steps} steps are saved; --resume continues {out}"
            if between.saved
            else f"stopped before the first step was done; nothing is saved in {out}",
            signal=stop.signal,
        )
    network = write_run(module, out, trained_on=words)
    if module.done < options.steps:
        say(
            f"the time is over after {module.done} of {options.steps} steps: {network} is "
            f"unfinished; --resume continues {out}"
        )
    return network


def _nothing(_: str) -> None:
    """Do nothing with what is told."""


def _fit(
    trainer: lightning.Trainer, module: TrainingModule, batches: PairBatches, stop: Stop
) -> None:
    """Make the updates that are left; score what came out of them."""
    try:
        if module.done < module.options.steps:
            trainer.fit(module, datamodule=batches)
        else:  # stopped when all was done but this and the network file
            module.to(trainer.strategy.root_device)
            module.check(trainer.loggers, stopped=lambda: stop.signal is not None)
    except (HaltedError, SIGTERMException):
        if stop.signal is None:
            raise
    except RuntimeError as error:
        # A worker that was only starting when Ctrl-C came does not outlive it.
        if stop.signal is None or "DataLoader worker" not in str(error):
            raise


@contextmanager
def _explained(module: AnyModule, pairs: PairSet, together: int, last: Path) -> Iterator[None]:
    """Say of an error in the loop what it was about, and where the run stands."""
    good = f"the last good checkpoint is {last}" if last.is_file() else "there is no checkpoint yet"
    try:
        yield
    except TrainingError as error:
        first = module.done * together
        files = ", ".join({pairs.describe(i): None for i in range(first, first + together)})
        good = good if not last.is_file() else f"the last good checkpoint is {last}"
        raise TrainingError(
            f"{error}; made of {files}; {good}; a lower learning_rate may help"
        ) from error
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS}:
            raise
        raise TargetError(f"{last.parent.parent}: cannot be written ({error.strerror})") from error
