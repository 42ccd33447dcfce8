"""Shake a sharp photo as a hand-held camera would: how `shaken.jpg` in this folder was made.

    python examples/shake_a_photo.py [TARGET.jpg]

The photo is scikit-image's astronaut (NASA, public domain); `pip install scikit-image`.
"""

import sys
from pathlib import Path

import numpy as np
import skimage.data

from unblur import Photo, blur, random_kernels, read_photo, write_photo

LENGTH_PX = 60.0  # of the camera's path on the sensor, as in the DeblurGAN paper
SEED = 3


def main() -> None:
    """Write the shaken photo."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("shaken.jpg")
    sharp = read_photo(Path(skimage.data.__file__).with_name("astronaut.png")).pixels
    rng = np.random.default_rng(SEED)
    kernel = random_kernels(1, rng=rng, length_px=LENGTH_PX, exposure=(1.0,))[0]
    shaken = blur(sharp.astype(np.float32), kernel, linear_light=True, noise_sigma=1 / 255, rng=rng)
    write_photo(Photo(pixels=shaken), target, overwrite=True, quality=95)


if __name__ == "__main__":
    main()
