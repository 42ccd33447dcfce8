"""Where something that moved by itself is to be undone."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.imaging.deblur.kernel_support import kernel_extent
from unblur.imaging.deblur.varying_blur import Window, plan_windows
from unblur.imaging.measure.detail import Region

Float32 = NDArray[np.float32]

_SAY: Final = (0.25, 0.4, 1.0)
"""Below the first of these weights a kernel has no say, so that it need not be undone in all of the
photo; from the second on it has all of its weight. Between them that rises: there is no seam."""
_LEAST_PX: Final = 256
_REACHES: Final = 8
"""Windows have so many px a side at least, and so many times what the kernel reaches. In the midst
of something that moved they hold nothing that stood still, which would ring (ADR 0009)."""


def windows_there(
    kernel: Float32, weight: Float32
) -> tuple[Region, Sequence[Window], Float32] | None:
    """The part of a photo in which a kernel may be right, and windows that cover it.

    Args:
        kernel: Of what moved.
        weight: (H, W): how far the kernel is trusted.

    Returns:
        Rows and columns of all in which the kernel has a say; windows of that part with the same
        kernel; its weights there, which fall to 0 towards what lies beyond. None if it has no say.
    """
    rows, columns = (np.flatnonzero(weight.max(axis=axis) > _SAY[0]) for axis in (1, 0))
    if rows.size == 0:
        return None
    part = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    side = max(_LEAST_PX, round(_REACHES * kernel_extent(kernel)[0]))
    places = plan_windows(weight[part].shape, side)
    said = np.interp(weight[part], _SAY, (0, *_SAY[1:])).astype(np.float32)
    return part, [Window(place, kernel) for place in places], said
