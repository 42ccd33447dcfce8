"""Train a generator from a recipe: Lightning does the loop, this says what is learned."""

import errno
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TypeAlias

import torch

from unblur.data.mixture import PairSet
from unblur.devices import keep_freed_memory
from unblur.errors import DataError, NetworkError, OptionError, TargetError, TrainingError
from unblur.models.vgg import load_vgg
from unblur.tasks.datasets.check import CheckOptions, check_data
from unblur.tasks.train.adversarial import AdversarialOptions
from unblur.tasks.train.adversarial_module import AdversarialModule
from unblur.tasks.train.data import TrainingData, training_pairs, validation_pairs
from unblur.tasks.train.export import export
from unblur.tasks.train.loop import (
    CHECKPOINT,
    TOGETHER,
    PairBatches,
    make_trainer,
    save_checkpoint,
)
from unblur.tasks.train.recipe import dump_recipe, load_recipe, read_table
from unblur.tasks.train.supervised import DeblurModule, TrainOptions
from unblur.weights import read_state

AnyOptions: TypeAlias = TrainOptions | AdversarialOptions
AnyModule: TypeAlias = DeblurModule | AdversarialModule


def load_training(path: Path) -> AnyOptions:
    """Read a recipe of either kind of training; ``method = "adversarial"`` tells them apart.

    Raises:
        OptionError: As :func:`unblur.tasks.train.recipe.load_recipe`.
    """
    if read_table(path).get("method") == "adversarial":
        return load_recipe(path, AdversarialOptions)
    return load_recipe(path, TrainOptions)


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
        minutes: Stop after this time, with a checkpoint to resume from.
        save_minutes: Write a checkpoint this often.
        workers: Processes that make pairs for each training process; 0 makes them in it.
        devices: Training processes on each machine, each with its own ``options.batch``.
        nodes: Machines.
        progress: Draw a progress bar.
        tell: Called with what is worth knowing: what changes where a run goes on in another
            number of processes.

    Returns:
        The network file, ``out/generator.onnx``; the same weights are beside it as
        ``generator.safetensors``.

    Raises:
        DataError: If the data are missing or too few.
        OptionError: If ``start_from`` does not fit or comes with ``resume``, there is no
            checkpoint to resume from, or there is one and ``resume`` is not set.
        NetworkError: If the weights of VGG19 are missing or not those.
        TrainingError: If the loss is not finite.
        TargetError: If a checkpoint cannot be written.
    """
    from safetensors.torch import save_file

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
        _check(sources, options)
    start, before = _state_of(last) if resume else (0, None)
    crops = options.crops if isinstance(options, AdversarialOptions) else options.batch
    together = crops * devices * nodes
    early = round(options.early_share * options.steps) if isinstance(options, TrainOptions) else 0
    pairs, words = training_pairs(
        sources,
        options.mix,
        options.data,
        seed=options.seed,
        count=options.steps * together,
        held_out=options.validation_photos,
        early=early * together,
    )
    module = _module(options, sources, vgg)
    if start_from is not None:
        _load_weights(module, start_from)
    trainer = make_trainer(
        out,
        start=start,
        precision=options.precision,
        validate_every=min(options.validate_every, options.steps),
        clip=1.0 if isinstance(options, TrainOptions) else None,
        minutes=minutes,
        save_minutes=save_minutes,
        devices=devices,
        nodes=nodes,
        progress=progress,
        together=together,
    )
    if before not in (None, together) and tell is not None and trainer.is_global_zero:
        tell(
            f"an update took {before} crops and takes {together} from step {start} on: some pairs "
            "are seen again or left out, and at the same learning_rate the run learns otherwise"
        )
    with _explained(module, pairs, together, last):
        out.mkdir(parents=True, exist_ok=True)
        (out / "recipe.toml").write_text(dump_recipe(options), encoding="utf-8")
        trainer.fit(
            module,
            datamodule=PairBatches(
                pairs, start=start, stop=options.steps, crops=crops, workers=workers
            ),
            ckpt_path=last if resume else None,
            weights_only=False,
        )
        save_checkpoint(trainer, last)
        network = out / "generator.onnx"
        if not trainer.is_global_zero:
            return network
        state = module.network.state_dict()
        weights = {key: value.contiguous() for key, value in state.items()}
        save_file(weights, out / "generator.safetensors")
    scores = {key: f"{float(value):.4f}" for key, value in trainer.callback_metrics.items()}
    metadata = {
        "trained_on": words,
        "steps": str(module.done),
        "recipe": json.dumps(asdict(options)),
        "validation": json.dumps({k: v for k, v in scores.items() if k.startswith("val/")}),
    }
    export(module.network.cpu(), network, model=options.model, metadata=metadata)
    return network


def _check(sources: TrainingData, options: AnyOptions) -> None:
    """Find unreadable files now, not hours into the run."""
    folders = {"photos": sources.photos, "pairs": sources.pairs, "frames": sources.frames}
    for layout, folder in folders.items():
        if folder is None:
            continue
        wanted = None if layout == "pairs" else layout  # GoPro's layout or blur/ and sharp/
        problems = check_data(
            folder,
            CheckOptions(
                crop_px=options.data.crop_px,
                layout=wanted,
                largest_window=options.mix.frames[1],
            ),
        ).problems
        if problems:
            raise DataError(
                f"{problems[0].why} ({len(problems)} such; `unblur data check {folder}` lists all)"
            )


def _module(options: AnyOptions, sources: TrainingData, vgg: Path | None) -> AnyModule:
    validation = validation_pairs(
        sources, options.mix, options.data, held_out=options.validation_photos
    )
    if isinstance(options, TrainOptions):
        return DeblurModule(options, validation)
    features = load_vgg(vgg, **options.loss.vgg) if options.loss.perceptual > 0 else None
    return AdversarialModule(options, validation, features)


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
    except RuntimeError as error:
        if "PytorchStreamWriter" not in str(error):
            raise
        raise TargetError(f"{last.parent.parent}: cannot be written (no space left?)") from error


def _load_weights(module: AnyModule, path: Path) -> None:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        if path.suffix == ".onnx":
            state, _ = read_state(path)
            weights = {key: torch.from_numpy(state[key]) for key in module.network.state_dict()}
        else:
            weights = load_file(path)
        module.generator.load_state_dict(weights)
        module.network.load_state_dict(weights)
    except (OSError, KeyError, SafetensorError, RuntimeError, NetworkError) as error:
        raise OptionError(
            f"{path} does not hold weights of {module.options.model}; name a "
            "generator.safetensors or generator.onnx that a run of this model wrote"
        ) from error


def _state_of(checkpoint: Path) -> tuple[int, int | None]:
    """Updates so far, and how many crops each took, if the checkpoint says."""
    state = torch.load(checkpoint, map_location="cpu", weights_only=False)
    return int(state.get("done", state["global_step"])), state.get(TOGETHER)
