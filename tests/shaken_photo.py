"""A shaken photo: a part of scikit-image's cup of coffee, with edges of every direction."""

import numpy as np
import skimage.data

from photo_sets import save
from unblur import blur, random_kernels


def sharp_coffee():
    """The part, (224, 224, 3) in [0, 1]."""
    return skimage.data.coffee()[60:284, 180:404].astype(np.float32) / 255


def shaken(sharp, seed=3, *, length_px=20, noise=0.5, kernels=1):
    """The photo shaken by the first of some kernels, in light, 8 bits; and the kernels."""
    rng = np.random.default_rng(seed)
    drawn = random_kernels(kernels, rng=rng, length_px=length_px, exposure=(1.0,))
    seen = blur(sharp, drawn[0], noise_sigma=noise / 255, rng=rng)
    return np.rint(np.clip(seen, 0, 1) * 255).astype(np.float32) / np.float32(255), drawn


def two_parts(folder):
    """Files of two parts of the sharp photo."""
    pixels = np.rint(255 * sharp_coffee()).astype(np.uint8)
    return [save(pixels[:, at : at + 160], folder / f"{at}.png") for at in (0, 60)]
