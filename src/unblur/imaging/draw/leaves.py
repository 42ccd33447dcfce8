"""A picture that is much like a photo, and the same shaken: to try networks on."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.imaging.blur.blur import blur
from unblur.imaging.blur.kernels import random_kernels

Float32 = NDArray[np.float32]

_SIZE_PX: Final = (256, 384)
_LEAVES: Final = 100


def make_pictures() -> tuple[Float32, Float32]:
    """A picture of overlapping discs, and the same shaken; always the same.

    Returns:
        Sharp and blurred, (256, 384, 3) in [0, 1].

    References:
        Discs of sizes by a power law that hide each other ("dead leaves") have edges and
        statistics much like photos: Lee, Mumford and Huang, *Occlusion models for natural
        images*, IJCV 2001.
    """
    rng = np.random.default_rng(7)
    height, width = _SIZE_PX
    y, x = np.mgrid[:height, :width].astype(np.float32)
    sharp = np.full((height, width, 3), 0.5, np.float32)
    radii_px = np.sort(6.0 * rng.random(_LEAVES) ** -0.7)[::-1].clip(max=150)
    for radius_px in radii_px:  # the large ones first: none is hidden wholly
        distance = np.hypot(y - rng.uniform(0, height), x - rng.uniform(0, width))
        cover = np.clip(radius_px - distance + 0.5, 0, 1)[..., None].astype(np.float32)
        shade = (0.8 + 0.2 * np.sin(distance / 3))[..., None].astype(np.float32)
        colour = rng.uniform(0.05, 0.95, 3).astype(np.float32)
        sharp += cover * (shade * colour - sharp)
    kernel = random_kernels(1, rng=rng, exposure=(0.1,))[0]
    return sharp, blur(sharp, kernel, noise_sigma=1 / 255, rng=rng)
