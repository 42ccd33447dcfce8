"""`unblur train`."""

from pathlib import Path
from typing import Annotated, Final

import typer

from unblur import choices
from unblur.cli import flags
from unblur.cli.terminal import say

_SIGNAL: Final = 128
"""A shell's exit status of what a signal ended is this and the signal's number."""


def train(  # noqa: PLR0913, PLR0917 - the flags of a command
    recipe: Annotated[Path, typer.Argument(help="A TOML file, such as recipes/fast.toml.")],
    out: Annotated[Path, typer.Option(help="Folder of the run: checkpoints, logs, weights.")],
    data: Annotated[
        Path | None, typer.Option(help="Folder of sharp photos, blurred on the fly.")
    ] = None,
    pairs: Annotated[
        Path | None,
        typer.Option(help="Folder with blur/ and sharp/, or a data set as it is downloaded."),
    ] = None,
    blurred: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Blurred photos, in place of --pairs.")
    ] = None,
    sharp: flags.SharpFolder = None,
    pair_list: Annotated[
        Path | None,
        typer.Option(
            "--list",
            metavar="FILE",
            help="Pairs, two paths a line, relative to --pairs or, without it, to the list.",
        ),
    ] = None,
    frames: Annotated[
        Path | None, typer.Option(help="Folder of 240 fps frames, averaged on the fly.")
    ] = None,
    tries: Annotated[
        Path | None, typer.Option(help="Folder of `unblur data kernels`; for recipes/guided.toml.")
    ] = None,
    leave_out: Annotated[
        Path | None,
        typer.Option(metavar="LIST", help="Names of photos not to train on, one a line."),
    ] = None,
    vgg: Annotated[Path | None, typer.Option(help="VGG19 weights for the perceptual loss.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue an interrupted run.")] = False,
    start_from: Annotated[
        Path | None, typer.Option(help="Begin with another run's weights, .safetensors or .onnx.")
    ] = None,
    steps: Annotated[int | None, typer.Option(help="In place of the recipe's.")] = None,
    seed: Annotated[int | None, typer.Option(help="In place of the recipe's.")] = None,
    precision: Annotated[
        str | None,
        flags.named(
            choices.PRECISIONS,
            said=f"{flags.listed(choices.PRECISIONS)}, in place of the recipe's.",
        ),
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(help="Stop after this time; --resume goes on.")
    ] = None,
    save_minutes: Annotated[float, typer.Option(help="Time between two checkpoints.")] = 5.0,
    workers: Annotated[int, typer.Option(help="Processes that make training pairs.")] = 1,
    devices: Annotated[int, typer.Option(help="Training processes or GPUs on a machine.")] = 1,
    nodes: Annotated[int, typer.Option(help="Machines; start the same command on each.")] = 1,
) -> None:
    """Train a network from a recipe; needs the extra `train`."""
    from dataclasses import replace

    from unblur.errors import TrainingStopped
    from unblur.extras import need

    need("train", "lightning")
    _hush_warnings()
    from unblur.models import MODELS
    from unblur.tasks.train.data import TrainingData
    from unblur.tasks.train.kinds import load_training
    from unblur.tasks.train.run import train as run

    options = load_training(recipe)
    changed = {"steps": steps, "seed": seed, "precision": precision}
    options = replace(options, **{k: v for k, v in changed.items() if v is not None})  # type: ignore[arg-type]
    try:
        network = run(
            options,
            data=TrainingData(
                photos=data,
                pairs=pairs,
                blurred=blurred,
                sharp=sharp,
                pair_list=pair_list,
                frames=frames,
                tries=tries,
                leave_out=leave_out,
            ),
            out=out,
            resume=resume,
            start_from=start_from,
            vgg=vgg,
            minutes=minutes,
            save_minutes=save_minutes,
            workers=workers,
            devices=devices,
            nodes=nodes,
            tell=lambda words: say(f"unblur: {words}", err=True),
        )
    except TrainingStopped as stop:
        say(f"unblur: {stop}", err=True)
        raise typer.Exit(code=_SIGNAL + stop.signal) from None
    by_itself = MODELS[options.model].channels == (3, 3)
    hint = f": try it with `unblur restore PHOTO --model {network}`" if by_itself else ""
    say(f"{network}{hint}")


def _hush_warnings() -> None:
    """Drop Lightning's and PyTorch's hints to developers."""
    import warnings

    warnings.filterwarnings("ignore", module="lightning")
    warnings.filterwarnings("ignore", category=FutureWarning)
