"""Fit a pyramid of GANs to one photo of a scene."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unblur.errors import OptionError, TargetError, TrainingError
from unblur.imaging.draw.sheet import picture_grid
from unblur.imaging.photo.photo import Photo, read_photo, write_photo
from unblur.imaging.pyramid import pyramid_sizes, resize
from unblur.metrics import psnr
from unblur.models.singan import SinGAN
from unblur.tasks.singan.file import Scene, read_scene, write_scene
from unblur.tasks.singan.options import LEAST_PHOTO_PX, LEAST_SIZE_PX, SinGANOptions
from unblur.tasks.singan.scale import ScaleFit

Float32 = NDArray[np.float32]

_CHUNK: Final = 10
"""Iterations between two looks at the clock."""
_TALL_PX: Final = 120


@dataclass(frozen=True, kw_only=True)
class ScaleReport:
    """What became of one scale."""

    scale: int
    """Number of the scale, from 1, the coarsest."""
    scales: int
    height: int
    width: int
    seconds: float
    """Seconds that this run has taken."""
    psnr: float
    """PSNR of the reconstruction of the training photo, in dB."""


def fit(  # noqa: PLR0913
    sharp: Path | Photo,
    target: Path,
    options: SinGANOptions,
    *,
    resume: bool = False,
    overwrite: bool = False,
    save_minutes: float = 5.0,
    progress: Path | None = None,
    report: Callable[[ScaleReport], None] = lambda report: None,
) -> Scene:
    """Fit a pyramid of GANs to a sharp photo.

    Args:
        sharp: The photo, or its file.
        target: The ``.singan`` file; it is there, unfinished, from the first minutes on.
        options: How.
        resume: Go on with the target where it is; the same result as without a break.
        overwrite: Replace the target.
        save_minutes: Time between two writes within a scale.
        progress: Where to draw the photo, its reconstruction and a sample at every scale so far.
        report: Is called after every scale.

    Raises:
        PhotoError: If the photo cannot be read.
        OptionError: If it is too small, or not what the target was begun with.
        TargetError: If the target exists, without ``resume`` or ``overwrite``, or cannot be
            written.
        NetworkError: If the target is to be resumed and is damaged.
        TrainingError: If a loss is not finite, or the memory is too small for a scale.

    References:
        Jain et al., *Blind motion deblurring through SinGAN architecture*, section 3.
    """
    if target.exists() and not (resume or overwrite):
        raise TargetError(f"{target}: exists; --resume goes on with it, --overwrite replaces it")
    photo = sharp if isinstance(sharp, Photo) else read_photo(sharp)
    name = "the photo" if isinstance(sharp, Photo) else str(sharp)
    scene, levels = _begin(photo, name, options)
    if resume and target.exists():
        scene = _resumed(read_scene(target), scene, target)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    scene.gan.to(device)
    saved = time.monotonic()
    while not scene.done:
        started = time.monotonic()
        try:
            scale = _scale(scene, levels[scene.fitted], device)
            while not scale.done:
                scale.advance(_CHUNK)
                if time.monotonic() - saved > 60 * save_minutes:
                    scene.progress = scale.state()
                    write_scene(scene, target, overwrite=True)
                    saved = time.monotonic()
        except (MemoryError, RuntimeError) as error:
            raise _explained(error, scene) from error
        scene.critic, scene.progress = scale.critic, {}
        scene.fitted += 1
        write_scene(scene, target, overwrite=True)
        saved = time.monotonic()
        if progress is not None:
            draw_progress(scene, levels, progress)
        report(_report(scene, levels, seconds=time.monotonic() - started))
    scene.gan.to("cpu").eval()
    return scene


def draw_progress(scene: Scene, levels: list[Float32], path: Path) -> None:
    """Draw a column for each scale: the photo, its reconstruction, and a random sample.

    Raises:
        TargetError: If the picture cannot be written.
    """
    rows: list[list[Float32]] = [[], [], []]
    for scale in range(scene.fitted):
        with torch.no_grad():
            rng = torch.Generator().manual_seed(scene.options.seed)
            made = scene.gan.reconstruct(scale + 1), scene.gan.sample(scale + 1, 1, rng)
        rows[0].append(levels[scale])
        for row, pictures in zip(rows[1:], made, strict=True):
            row.append(to_pixels(pictures))
    tall = max(_TALL_PX, min(4 * LEAST_SIZE_PX, levels[-1].shape[0]))
    wide = round(tall * levels[-1].shape[1] / levels[-1].shape[0])
    cells = [[resize(picture, tall, wide) for picture in row] for row in rows]
    write_photo(Photo(pixels=picture_grid(cells)), path, overwrite=True)


def to_pixels(pictures: Tensor) -> Float32:
    """The first picture of a batch in [-1, 1] as (H, W, 3) in [0, 1]."""
    pixels = ((pictures[0].detach().float().cpu() + 1) / 2).clamp(0, 1)
    return np.ascontiguousarray(pixels.permute(1, 2, 0).numpy(), dtype=np.float32)


def to_pictures(pixels: Float32) -> Tensor:
    """(H, W, 3) in [0, 1] as a batch of one in [-1, 1]."""
    planes = np.ascontiguousarray(pixels.transpose(2, 0, 1)[None], dtype=np.float32)
    return 2 * torch.from_numpy(planes) - 1


def _begin(photo: Photo, name: str, options: SinGANOptions) -> tuple[Scene, list[Float32]]:
    height, width = photo.pixels.shape[:2]
    if min(height, width) < LEAST_PHOTO_PX:
        raise OptionError(
            f"{name}: is {width}x{height} px; a scene is learnt from a photo of at least "
            f"{LEAST_PHOTO_PX} px a side"
        )
    sizes = pyramid_sizes(
        height,
        width,
        scales=options.scales,
        max_size_px=options.max_size_px,
        min_size_px=LEAST_SIZE_PX,
    )
    pixels = photo.pixels.astype(np.float32)
    levels = [resize(pixels, *size) for size in sizes]
    digest = hashlib.sha256(np.round(255 * levels[-1]).astype(np.uint8).tobytes()).hexdigest()
    return Scene(gan=SinGAN(sizes), options=options, photo_sha256=digest), levels


def _resumed(found: Scene, wanted: Scene, target: Path) -> Scene:
    if found.photo_sha256 != wanted.photo_sha256 or found.gan.sizes != wanted.gan.sizes:
        raise OptionError(f"{target} was begun with another photo or size; --overwrite begins anew")
    if found.options != wanted.options:
        asked = wanted.options.as_dict()
        differing = ", ".join(
            f"{name} was {value}, is {asked[name]}"
            for name, value in found.options.as_dict().items()
            if value != asked[name]
        )
        raise OptionError(f"{target} was begun with other options ({differing})")
    return found


def _scale(scene: Scene, level: Float32, device: str) -> ScaleFit:
    target = to_pictures(level).to(device)
    if scene.critic is not None:
        scene.critic.to(device)
    scale = ScaleFit(scene.gan, scene.fitted, target, scene.options, scene.critic)
    if scene.progress:
        scale.load_state(scene.progress)
    return scale


def _report(scene: Scene, levels: list[Float32], *, seconds: float) -> ScaleReport:
    scale = scene.fitted - 1
    with torch.no_grad():
        rebuilt = to_pixels(scene.gan.reconstruct(scene.fitted))
    height, width = scene.gan.sizes[scale]
    return ScaleReport(
        scale=scene.fitted,
        scales=len(scene.gan.sizes),
        height=height,
        width=width,
        seconds=seconds,
        psnr=psnr(rebuilt, levels[scale]),
    )


def _explained(error: Exception, scene: Scene) -> Exception:
    """An error of PyTorch's, in the user's words if it is about memory."""
    text = str(error)
    # oneDNN, which has been refused memory, says only that a primitive could not be created.
    if not (isinstance(error, MemoryError) or "memory" in text or "a primitive" in text):
        return error
    height, width = scene.gan.sizes[scene.fitted]
    message = f"scale {scene.fitted + 1}, of {width}x{height} px, does not fit in memory"
    if scene.fitted:
        fits = max(scene.gan.sizes[scene.fitted - 1])
        message += f"; the one before it did: --max-size {fits}"
        if not scene.options.crop_px:
            message += ", or --fast, which looks at a part at a time"
    return TrainingError(message)
