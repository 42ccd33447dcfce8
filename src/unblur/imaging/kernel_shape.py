"""The shape of an estimated kernel: what of it is no noise, and where its centre of mass is."""

import numpy as np
from numpy.typing import NDArray

from unblur.imaging.kernel_support import above_noise, trimmed

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]


def cleaned(kernel: Float32) -> Float32:
    """A kernel without what is noise, of sum 1."""
    kept = np.where(above_noise(kernel), kernel, 0)
    return np.asarray(kept / kept.sum(), np.float32)


def centre_of_mass(kernel: Float32) -> Float64:
    """Rows and columns from the centre to the centre of mass of a kernel."""
    places = np.arange(len(kernel)) - len(kernel) // 2
    mass = kernel.astype(np.float64)
    moments = [float((mass.sum(axis=1 - axis) * places).sum()) for axis in (0, 1)]
    return np.array(moments) / float(mass.sum())


def cut(kernel: Float32) -> Float32:
    """A kernel without its empty border, as much off every side."""
    side = len(trimmed(kernel > 0))
    border = (len(kernel) - side) // 2
    return kernel[border : border + side, border : border + side].astype(np.float32)
