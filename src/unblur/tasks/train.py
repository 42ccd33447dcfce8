"""Train a generator from a recipe: Lightning does the loop, this says what is learned."""

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from typing import Final

import lightning
import torch
from lightning.pytorch.callbacks import ModelCheckpoint, OnExceptionCheckpoint
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from torch import Tensor
from torch.utils.data import DataLoader, Sampler

from unblur.data.photos import list_photos, split_photos
from unblur.data.synthetic import SyntheticPairs
from unblur.devices import keep_freed_memory
from unblur.errors import NetworkError, OptionError
from unblur.tasks.export import export
from unblur.tasks.recipe import dump_recipe
from unblur.tasks.train_module import DeblurModule, TrainOptions
from unblur.weights import read_state

_VALIDATION_CROP_PX: Final = 256
_PAIRS_PER_PHOTO: Final = 4


class _From(Sampler[int]):
    """Indices from where an interrupted run stopped, so that every pair is used once."""

    def __init__(self, start: int, stop: int) -> None:
        self.start, self.stop = start, stop

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.start, self.stop))

    def __len__(self) -> int:
        # The whole run's: Lightning counts the batches of a resumed epoch from its beginning.
        return self.stop


def validation_pairs(photos: list[Path], options: TrainOptions) -> SyntheticPairs:
    """Pairs from photos kept out of training: the same for every run on the same photos."""
    data = replace(options.data, crop_px=_VALIDATION_CROP_PX, sharp_share=0.0, jpeg_share=0.0)
    return SyntheticPairs(photos, data, seed=0, count=_PAIRS_PER_PHOTO * options.validation_photos)


def train(  # noqa: PLR0913 - what changes from run to run
    options: TrainOptions,
    *,
    data: Path,
    out: Path,
    resume: bool = False,
    start_from: Path | None = None,
    minutes: float | None = None,
    workers: int = 1,
    progress: bool = True,
) -> Path:
    """Train a generator and write it as a network file.

    Args:
        options: The recipe; a resolved copy is written to ``out/recipe.toml``.
        data: Folder of sharp photos.
        out: Folder of the run: checkpoints, logs, weights.
        resume: Continue from the run's last checkpoint.
        start_from: Weights to begin with: ``generator.safetensors`` or ``generator.onnx`` of
            another run, or a bundled network file.
        minutes: Stop after this time, with a checkpoint to resume from.
        workers: Processes that make pairs; 0 makes them in this one.
        progress: Draw a progress bar.

    Returns:
        The network file, ``out/generator.onnx``; the same weights are beside it as
        ``generator.safetensors``.

    Raises:
        DataError: If the photos are missing or too few.
        OptionError: If ``start_from`` does not fit or comes with ``resume``, there is no
            checkpoint to resume from, there is one and ``resume`` is not set, or the loss is not
            finite.
    """
    from safetensors.torch import save_file

    keep_freed_memory()
    last = out / "checkpoints" / "last.ckpt"
    if resume and start_from is not None:
        raise OptionError("a resumed run has its weights; leave out --start-from or --resume")
    if resume and not last.is_file():
        raise OptionError(f"nothing to resume: {last} does not exist")
    if last.exists() and not resume:
        raise OptionError(f"{out} holds a run already; --resume continues it")
    train_photos, held_out = split_photos(
        list_photos(data), held_out=options.validation_photos, seed=0
    )
    start = _step_of(last) if resume else 0
    out.mkdir(parents=True, exist_ok=True)
    (out / "recipe.toml").write_text(dump_recipe(options), encoding="utf-8")

    module = DeblurModule(options, validation_pairs(held_out, options))
    if start_from is not None:
        _load_weights(module, start_from)
    trainer = _trainer(options, out, start=start, minutes=minutes, progress=progress)
    trainer.fit(
        module,
        _loader(train_photos, options, start=start, workers=workers),
        DataLoader([0]),  # type: ignore[arg-type]  # one turn: validation reads its own photos
        ckpt_path=last if resume else None,
        weights_only=False,
    )
    trainer.save_checkpoint(last)
    save_file(
        {key: value.contiguous() for key, value in module.ema.state_dict().items()},
        out / "generator.safetensors",
    )
    scores = {key: f"{float(value):.4f}" for key, value in trainer.callback_metrics.items()}
    metadata = {
        "trained_on": f"{len(train_photos)} photos in {data.name}/",
        "steps": str(trainer.global_step),
        "recipe": json.dumps(asdict(options)),
        "validation": json.dumps({k: v for k, v in scores.items() if k.startswith("val/")}),
    }
    network = out / "generator.onnx"
    export(module.ema, network, model=options.model, metadata=metadata)
    return network


def _load_weights(module: DeblurModule, path: Path) -> None:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        if path.suffix == ".onnx":
            state, _ = read_state(path)
            weights = {key: torch.from_numpy(state[key]) for key in module.ema.state_dict()}
        else:
            weights = load_file(path)
        module.generator.load_state_dict(weights)
        module.ema.load_state_dict(weights)
    except (OSError, KeyError, SafetensorError, RuntimeError, NetworkError) as error:
        raise OptionError(
            f"{path} does not hold weights of {module.options.model}; name a "
            "generator.safetensors or generator.onnx that a run of this model wrote"
        ) from error


def _loader(
    photos: list[Path], options: TrainOptions, *, start: int, workers: int
) -> "DataLoader[tuple[Tensor, Tensor]]":
    pairs = SyntheticPairs(
        photos,
        options.data,
        seed=options.seed,
        count=options.steps * options.batch,
        early=round(options.early_share * options.steps) * options.batch,
    )
    return DataLoader(
        pairs,  # type: ignore[arg-type]  # any object with __getitem__ and __len__ will do
        batch_size=options.batch,
        sampler=_From(start * options.batch, options.steps * options.batch),
        num_workers=workers,
        # libvips does not survive a fork.
        multiprocessing_context="spawn" if workers else None,
        persistent_workers=workers > 0,
        prefetch_factor=4 if workers else None,
    )


def _trainer(
    options: TrainOptions, out: Path, *, start: int, minutes: float | None, progress: bool
) -> lightning.Trainer:
    checkpoints = out / "checkpoints"
    return lightning.Trainer(
        default_root_dir=out,
        max_steps=options.steps,
        max_time=None if minutes is None else timedelta(minutes=minutes),
        precision=options.precision,  # type: ignore[arg-type]  # checked by TrainOptions
        gradient_clip_val=1.0,
        val_check_interval=min(options.validate_every, options.steps),
        num_sanity_val_steps=0,
        log_every_n_steps=20,
        logger=[
            TensorBoardLogger(out, name="", version="logs"),
            # A version a start: the logger would empty its folder when a run is resumed.
            CSVLogger(out, name="", version=f"logs/from-step-{start}"),
        ],
        callbacks=[
            ModelCheckpoint(
                checkpoints,
                filename="last",
                train_time_interval=timedelta(minutes=5),
                enable_version_counter=False,
            ),
            OnExceptionCheckpoint(checkpoints, filename="last"),
        ],
        enable_progress_bar=progress,
        enable_model_summary=False,
    )


def _step_of(checkpoint: Path) -> int:
    state = torch.load(checkpoint, map_location="cpu", weights_only=False)
    return int(state["global_step"])
