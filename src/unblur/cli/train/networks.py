"""`unblur convert` and `unblur export`: network files from files of weights."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unblur.cli import flags
from unblur.cli.terminal import say

if TYPE_CHECKING:
    from unblur.tasks.networks.export import Exported

Out = Annotated[Path, typer.Option("--out", "-o", help="The network file, FILE.onnx.")]
Float32 = Annotated[
    bool, typer.Option("--float32", help="Keep all digits of the weights: twice the size.")
]
Stochastic = Annotated[
    bool,
    typer.Option(
        "--stochastic",
        help="Keep dropout on when the file restores, as DeblurGAN's paper does: another result "
        "each time.",
    ),
]
License = Annotated[
    str | None, typer.Option("--license", help="Of the weights; is written into the file.")
]
_NOT_STATED = "not stated"


def convert(
    weights: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="Weights, such as latest_net_G.pth or NAFNet.pth."),
    ],
    out: Out,
    license_: License = None,
    float32: Float32 = False,
    stochastic: Stochastic = False,
    overwrite: flags.ReplaceFile = False,
) -> None:
    """Convert weights that others publish to a network file.

    Of DeblurGAN, DeblurGAN-v2 (MobileNet), MIMO-UNet, MPRNet, NAFNet and Restormer, and state dicts
    of our own models. Needs the extra `train`. Nothing that FILE may contain is run.
    """
    _check_target(out, overwrite=overwrite)
    _hush_exporter()
    from unblur.tasks.networks.convert import convert as run

    license_ = license_ or _NOT_STATED
    _report(run(weights, out, license=license_, half=not float32, stochastic=stochastic))


def export(  # noqa: PLR0913, PLR0917 - the flags of a command
    source: Annotated[
        Path,
        typer.Argument(metavar="RUN|FILE", help="Folder of a training run, or FILE.safetensors."),
    ],
    out: Out,
    license_: License = None,
    trained_on: Annotated[
        str | None, typer.Option(help="The data, in words; is written into the file.")
    ] = None,
    figures: Annotated[
        str | None, typer.Option(help="The results, in words; are written into the file.")
    ] = None,
    float32: Float32 = False,
    stochastic: Stochastic = False,
    mean_with: Annotated[
        Path | None,
        typer.Option(
            metavar="RUN|FILE",
            help="Of a run that went on from these weights, or before them: writes the mean.",
        ),
    ] = None,
    share: Annotated[
        float, typer.Option(help="Of RUN in that mean, above 0 and below 1; the rest is the other.")
    ] = 0.5,
    overwrite: flags.ReplaceFile = False,
) -> None:
    """Export a trained network for `unblur restore --model`.

    Needs the extra `train`. The file says what the run knows: model, recipe, data and scores.
    """
    _check_target(out, overwrite=overwrite)
    _hush_exporter()
    from unblur.tasks.train.export_run import export_run

    said = {"license": license_, "trained_on": trained_on, "figures": figures}
    metadata = {key: value for key, value in said.items() if value is not None}
    exported = export_run(
        source,
        out,
        metadata=metadata,
        half=not float32,
        stochastic=stochastic,
        mean_with=None if mean_with is None else (mean_with, share),
    )
    _report(exported)


def _check_target(out: Path, *, overwrite: bool) -> None:
    from unblur.errors import OptionError, TargetError

    if out.suffix != ".onnx":
        raise OptionError(f"--out must name an .onnx file, got {out}")
    if out.is_dir() or (out.exists() and not overwrite):
        raise TargetError(f"{out} exists already; --overwrite replaces a file")


def _report(exported: "Exported") -> None:
    megabytes = exported.path.stat().st_size / 1e6
    say(f"{exported.path}: {exported.model}, {megabytes:.1f} MB")
    for size, difference in exported.differences.items():
        shape = " x ".join(map(str, (size[0], 3, *size[1:])))
        say(f"  {shape}: differs from PyTorch by {difference:.1e} at most")
    say(f"  with all digits of its weights it is {exported.exact_db:.1f} dB near PyTorch")
    if exported.rounded_db is not None:
        words = "rounded to half precision, as they are in the file"
        say(f"  with weights {words}, {exported.rounded_db:.1f} dB (--float32 keeps all)")
    if exported.dropout is not None:
        say(f"  it drops {exported.dropout:g} of the values: another result each time")
    say(f"Try it with `unblur restore PHOTO --model {exported.path}`")


def _hush_exporter() -> None:
    """Drop the exporter's hints to developers of networks."""
    import logging
    import warnings

    from unblur.extras import need

    need("train", "torch", "onnx", "onnxscript", "safetensors")
    warnings.simplefilter("ignore")
    import torch.onnx  # sets up its own logging

    logging.getLogger(torch.onnx.__name__).setLevel(logging.ERROR)
