"""Films of a picture that passes by, as a camera exposes them."""

import numpy as np
import skimage.data

from unblur.imaging.light import linear_to_srgb, srgb_to_linear

STEP_PX = 24


def passing(count, exposed, *, step_px=STEP_PX, shape=(240, 320)):
    """Frames of a picture that moves to the left, and the moments in their middles.

    Args:
        count: Frames.
        exposed: Share of the time between two frames.
        step_px: From frame to frame.
        shape: Of a frame.
    """
    light = srgb_to_linear(skimage.data.coffee().astype(np.float32) / np.float32(255))
    height, width = shape
    path = round(exposed * step_px / 2)
    blurred, sharp = [], []
    for at in range(count):
        first = 20 + at * step_px
        parts = [
            light[100 : 100 + height, first + each : first + each + width]
            for each in range(-path, path + 1)
        ]
        blurred.append(linear_to_srgb(np.mean(parts, axis=0, dtype=np.float32)))
        sharp.append(linear_to_srgb(parts[path]))
    return blurred, sharp
