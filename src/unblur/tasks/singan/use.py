"""Use a pyramid of GANs that knows a scene: restore a blurred photo of it, or draw samples."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from unblur import checks
from unblur.errors import NetworkError, OptionError
from unblur.models.singan import MARGIN_PX, channels_at, padded, resized
from unblur.tasks.singan.file import Scene
from unblur.tasks.singan.fit import to_pictures, to_pixels

Float32 = NDArray[np.float32]

STARTS: Final = ("shrink-first", "grow")
_BAND_PX: Final = 1 << 18
"""Pixels at a time: the networks see 11 x 11, so bands give the whole picture's pixels."""
_MOST_STEPS: Final = 20
_LEAST_SIDE_PX: Final = 8


@dataclass(frozen=True, kw_only=True)
class SinGANRestoreOptions:
    """How to restore with the finest generator, again and again."""

    start: str = "shrink-first"
    """``shrink-first``: shrink the blurred photo, and its blur, by as many steps as follow;
    ``grow``: begin at its own size, and shrink the result."""
    steps: int = 1
    """How often to enlarge by one step of the pyramid and pass through the finest generator."""

    def __post_init__(self) -> None:
        """Check values."""
        checks.known(self, start=STARTS)
        if not 1 <= self.steps <= _MOST_STEPS:
            raise OptionError(f"steps must be from 1 to {_MOST_STEPS}, got {self.steps}")


def restore_pixels(
    scene: Scene, blurred: Float32, options: SinGANRestoreOptions | None = None
) -> Float32:
    """Restore a blurred photo of a scene.

    Args:
        scene: A fitted pyramid.
        blurred: (H, W, 3) in [0, 1].
        options: How.

    Returns:
        Same shape and range.

    Raises:
        NetworkError: If the pyramid is not finished.
        OptionError: If the photo is too small for so many steps.

    References:
        Jain et al., *Blind motion deblurring through SinGAN architecture*, section 3.2, fig. 4,
        which does not say at which size it begins: both readings are here.
    """
    options = options or SinGANRestoreOptions()
    _check(scene)
    height, width = blurred.shape[:2]
    shares = [scene.factor ** (options.steps - step) for step in range(options.steps + 1)]
    if options.start == "grow":
        shares = [share / shares[0] for share in shares]
    sizes = [(round(height * share), round(width * share)) for share in shares]
    if min(sizes[0]) < _LEAST_SIDE_PX:
        raise OptionError(
            f"a photo of {width}x{height} px is only {sizes[0][1]}x{sizes[0][0]} after "
            f"{options.steps} steps; take fewer"
        )
    with torch.inference_mode():
        picture = resized(to_pictures(blurred), *sizes[0])
        for size in sizes[1:]:
            picture = _finest(scene, resized(picture, *size))
        return to_pixels(resized(picture, height, width))


def reconstruct(scene: Scene) -> Float32:
    """Reconstruct the training photo, (H, W, 3) in [0, 1], at the finest scale.

    Raises:
        NetworkError: If the pyramid is not finished.
    """
    _check(scene)
    with torch.inference_mode():
        return to_pixels(scene.gan.reconstruct(len(scene.gan.sizes)))


def sample(
    scene: Scene, *, count: int = 1, seed: int = 0, size: tuple[int, int] | None = None
) -> list[Float32]:
    """Draw random pictures that are like the scene in all patches.

    Args:
        scene: A fitted pyramid.
        count: How many.
        seed: Equal seeds give equal pictures.
        size: Height and width in px; None takes those of the training photo.

    Returns:
        Pictures, (H, W, 3) in [0, 1].

    Raises:
        NetworkError: If the pyramid is not finished.
        OptionError: If a size is too small.
    """
    _check(scene)
    finest = scene.gan.sizes[-1]
    wanted = finest if size is None else size
    if min(wanted) < _LEAST_SIDE_PX:
        raise OptionError(f"a sample needs {_LEAST_SIDE_PX} px a side, got {wanted}")
    ratios = [side / own for side, own in zip(wanted, finest, strict=True)]
    sizes = [
        (max(1, round(height * ratios[0])), max(1, round(width * ratios[1])))
        for height, width in scene.gan.sizes[:-1]
    ] + [wanted]
    rng = torch.Generator().manual_seed(seed)
    pictures = []
    with torch.inference_mode():
        for _ in range(count):
            pictures.append(to_pixels(scene.gan.sample(len(sizes), 1, rng, sizes)))
    return pictures


def _finest(scene: Scene, picture: torch.Tensor) -> torch.Tensor:
    """Pass a picture through the finest generator, in bands of rows, without noise."""
    generator = scene.gan.generators[-1]
    height, width = picture.shape[-2:]
    share = channels_at(0) / channels_at(len(scene.gan.sizes) - 1)
    rows = max(1, int(_BAND_PX * share) // width)
    wide = padded(picture)
    bands = [
        generator(wide[..., top : top + rows + 2 * MARGIN_PX, :], picture[..., top : top + rows, :])
        for top in range(0, height, rows)
    ]
    return torch.cat(bands, dim=2)


def _check(scene: Scene) -> None:
    if not scene.done:
        raise NetworkError(
            f"only {scene.fitted} of {len(scene.gan.sizes)} scales are fitted; "
            "`unblur singan fit ... --resume` goes on"
        )
