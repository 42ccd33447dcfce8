"""`unblur kernel`: what blurred a photo, by itself or by a second shot of the scene."""

from pathlib import Path
from typing import Annotated

import typer

from unblur.cli import flags
from unblur.cli.terminal import say


def kernel(  # noqa: PLR0913, PLR0917 - the flags of a command
    blurred: Annotated[Path, typer.Argument(metavar="BLURRED", help="The blurred photo.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="The kernel: .png, .tif (16 bits) or .npy.")
    ],
    reference: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="A second shot of the same scene. Without: the photo alone."
        ),
    ] = None,
    reference_is: flags.ReferenceIs = "sharp",
    windows: Annotated[
        bool,
        typer.Option(
            "--windows", help="If the blur varies, also write that of each window: OUT.ROW-COLUMN."
        ),
    ] = False,
    engine: flags.Engine = "auto",
    device: flags.Device = "auto",
    overwrite: flags.ReplaceFile = False,
    max_megapixels: flags.MaxMegapixels = 200.0,
) -> None:
    """Find the kernel that blurred a photo.

    It is found in the photo itself, or by a second shot, sharp, or short-exposed and noisy; that
    needs the extra `reference`. What is written is what `unblur restore --kernel` reads.
    """
    from unblur.errors import OptionError
    from unblur.tasks.restore.kernel_file import (
        KernelOptions,
        write_found_kernel,
        write_pair_kernel,
    )

    options = KernelOptions(
        reference_is=reference_is,
        windows=windows,
        engine=engine,
        device=device,
        overwrite=overwrite,
        max_megapixels=max_megapixels,
    )
    if reference is None:
        if windows:
            raise OptionError("--windows needs a second shot (--reference)")
        estimate = write_found_kernel(blurred, out, options)
        light = "light" if estimate.linear_light else "encoded values"
        trust = "restore --method auto undoes it" if estimate.taken else "not to be trusted"
        say(
            f"{blurred} -> {out}  shake of {estimate.length_px:.0f} px at "
            f"{estimate.angle_deg:.0f} degrees, blurred {light}, expected gain "
            f"{estimate.gain_db:+.1f} dB over the network: {trust}"
        )
        return
    written = write_pair_kernel(blurred, reference, out, options)
    found = written.kernel
    height, width = found.kernel.shape
    light = "light" if found.linear_light else "encoded values"
    say(
        f"{blurred} -> {out}  {width}x{height} px, blurred {light}, explains "
        f"{found.explained:.0%} of the detail, leaves {255 * found.residual:.1f}/255"
    )
    if found.varies:
        count = len(found.blur.windows)
        more = "written, too" if windows else "--windows writes them"
        say(f"{blurred}: the blur varies; {count} windows have their own kernels, {more}")
