"""`unblur singan`: learn a scene from one sharp photo, and restore a blurred one of it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unblur.cli import flags
from unblur.cli.terminal import say
from unblur.errors import OptionError
from unblur.extras import need

if TYPE_CHECKING:
    from unblur.tasks.singan.fit import ScaleReport

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Learn a scene from a photo, restore a blurred one of it.\n\nNeeds the extra `train`.",
)

Model = Annotated[Path, typer.Option(metavar="FILE.singan", help="What `fit` has written.")]
Overwrite = Annotated[bool, flags.replacing("files that exist")]


@app.command()
def fit(  # noqa: PLR0913, PLR0917 - the flags of a command
    sharp: Annotated[Path, typer.Argument(help="A sharp photo of the scene.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE.singan")],
    official: Annotated[
        bool,
        typer.Option(
            "--official/--fast", help="The published schedule: many times as long, little better."
        ),
    ] = False,
    scales: Annotated[int, typer.Option(help="Pictures of the pyramid.")] = 8,
    max_size: Annotated[
        int, typer.Option(metavar="PX", help="Long side of the photo at the finest scale.")
    ] = 250,
    iterations: Annotated[
        int | None, typer.Option(help="Of each scale; not given: the schedule's.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Equal seeds give equal bytes.")] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with FILE.singan.")] = False,
    overwrite: Overwrite = False,
    save_minutes: Annotated[float, typer.Option(help="Time between two writes.")] = 5.0,
) -> None:
    """Fit a pyramid of small GANs to one sharp photo.

    Draws FILE.png beside FILE.singan: a column for each scale with the photo, its reconstruction
    and a random sample. Stopped at any time, the same command with --resume goes on.
    """
    need("train", "torch", "safetensors")
    from unblur.tasks.singan.fit import fit as run
    from unblur.tasks.singan.options import SinGANOptions, fast_options

    changes = {"scales": scales, "max_size_px": max_size, "seed": seed}
    if iterations is not None:
        changes |= {"iterations": iterations, "coarse_iterations": iterations}
    options = SinGANOptions(**changes) if official else fast_options(**changes)  # type: ignore[arg-type]
    picture = out.with_suffix(".png")
    if picture in {sharp, out}:
        raise OptionError(f"{picture} would be overwritten by the picture of progress")
    run(
        sharp,
        out,
        options,
        resume=resume,
        overwrite=overwrite,
        save_minutes=save_minutes,
        progress=picture,
        report=_report,
    )
    say(f"{out}: try it with `unblur singan restore BLURRED --model {out} -o OUT`")


@app.command()
def restore(  # noqa: PLR0913, PLR0917
    blurred: Annotated[Path, typer.Argument(help="A blurred photo of the same scene.")],
    model: Model,
    out: Annotated[Path, typer.Option("--out", "-o", help="The restored photo.")],
    start: Annotated[
        str,
        typer.Option(
            metavar="shrink-first|grow",
            help="Shrink the photo, and its blur, and climb back; or climb, and shrink the result.",
        ),
    ] = "shrink-first",
    steps: Annotated[int, typer.Option(help="How often to pass through the finest generator.")] = 1,
    preview: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write before and after.")
    ] = None,
    overwrite: Overwrite = False,
    max_megapixels: Annotated[float, typer.Option(help="Refuse larger photos.")] = 200.0,
) -> None:
    """Restore a blurred photo with the finest generator of its scene.

    EXIF, colour profile, alpha and bit depth are kept. `unblur restore BLURRED --reference SHARP`
    is faster and better where the two photos can be laid over each other.
    """
    need("train", "torch", "safetensors")
    from dataclasses import replace

    import numpy as np

    from unblur.imaging.draw.preview import before_after
    from unblur.imaging.photo.holds.settle import settle
    from unblur.imaging.photo.photo import Photo, format_of, read_photo, write_photo
    from unblur.tasks.restore.file import check_paths
    from unblur.tasks.singan.file import read_scene
    from unblur.tasks.singan.use import SinGANRestoreOptions, restore_pixels

    options = SinGANRestoreOptions(start=start, steps=steps)
    format_of(out)
    check_paths(blurred, out, preview, overwrite=overwrite)
    scene = read_scene(model)
    photo = read_photo(blurred, max_megapixels=max_megapixels)
    pixels = photo.pixels.astype(np.float32)
    restored = restore_pixels(scene, pixels, options)
    write_photo(replace(photo, pixels=restored), out, overwrite=overwrite)
    if preview is not None:
        pair = Photo(pixels=before_after(pixels, restored))
        write_photo(pair, preview, overwrite=overwrite)
    settled = settle(photo.metadata, format_of(out), (restored.shape[0], restored.shape[1]))
    for note in (*photo.notes, *settled.notes()):
        say(f"unblur: {blurred}: {note}", err=True)
    say(str(out))


@app.command()
def sample(
    model: Model,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Folder to write to.")],
    count: Annotated[int, typer.Option(min=1)] = 8,
    size: Annotated[
        str | None, typer.Option(metavar="WxH", help="In px; not given: the training photo's.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Equal seeds give equal pictures.")] = 0,
    overwrite: Overwrite = False,
) -> None:
    """Draw random pictures that are made of the scene's patches."""
    need("train", "torch", "safetensors")
    from unblur.imaging.measure.patch_statistics import patch_distance
    from unblur.imaging.photo.photo import Photo, write_photo
    from unblur.tasks.restore.file import make_folder
    from unblur.tasks.singan.file import read_scene
    from unblur.tasks.singan.use import reconstruct
    from unblur.tasks.singan.use import sample as draw

    scene = read_scene(model)
    make_folder(out)
    photo = reconstruct(scene)
    for index, picture in enumerate(draw(scene, count=count, seed=seed, size=_size(size))):
        path = out / f"sample-{index:03d}.png"
        write_photo(Photo(pixels=picture), path, overwrite=overwrite)
        say(f"{path}: distance of its patches to the photo's {patch_distance(picture, photo):.3f}")


def _report(report: "ScaleReport") -> None:
    say(
        f"scale {report.scale}/{report.scales}, {report.width}x{report.height} px: "
        f"{report.seconds:.1f} s, reconstruction {report.psnr:.2f} dB"
    )


def _size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise OptionError(f"--size needs WIDTHxHEIGHT in px, such as 400x300, got {text!r}")
    return int(height), int(width)
