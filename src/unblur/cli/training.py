"""`unblur train`."""

from pathlib import Path
from typing import Annotated

import typer


def train(  # noqa: PLR0913, PLR0917 - the flags of a command
    recipe: Annotated[Path, typer.Argument(help="A TOML file, such as recipes/fast.toml.")],
    data: Annotated[Path, typer.Option(help="Folder of sharp photos.")],
    out: Annotated[Path, typer.Option(help="Folder of the run: checkpoints, logs, weights.")],
    resume: Annotated[bool, typer.Option("--resume", help="Continue an interrupted run.")] = False,
    start_from: Annotated[
        Path | None, typer.Option(help="Begin with another run's weights, .safetensors or .onnx.")
    ] = None,
    steps: Annotated[int | None, typer.Option(help="In place of the recipe's.")] = None,
    seed: Annotated[int | None, typer.Option(help="In place of the recipe's.")] = None,
    minutes: Annotated[
        float | None, typer.Option(help="Stop after this time; --resume goes on.")
    ] = None,
    workers: Annotated[int, typer.Option(help="Processes that make training pairs.")] = 1,
) -> None:
    """Train a network from a recipe; needs the extra `train`."""
    from dataclasses import replace
    from importlib.util import find_spec

    from unblur.errors import MissingExtraError

    if find_spec("lightning") is None:
        raise MissingExtraError("lightning", extra="train")
    _hush_lightning()
    from unblur.tasks.recipe import load_recipe
    from unblur.tasks.train import train as run
    from unblur.tasks.train_module import TrainOptions

    options = load_recipe(recipe, TrainOptions)
    changed = {"steps": steps, "seed": seed}
    options = replace(options, **{k: v for k, v in changed.items() if v is not None})  # type: ignore[arg-type]
    network = run(
        options,
        data=data,
        out=out,
        resume=resume,
        start_from=start_from,
        minutes=minutes,
        workers=workers,
    )
    typer.echo(f"{network}: try it with `unblur restore PHOTO --model {network}`")


def _hush_lightning() -> None:
    """Keep the progress bar and errors, drop the advertising and the hints to developers."""
    import logging
    import warnings

    warnings.filterwarnings("ignore", module="lightning")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
