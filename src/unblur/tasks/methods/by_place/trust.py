"""How far a kernel is trusted in each place of a photo, by what the judge hopes for there."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.imaging.deblur.varying_blur import Place, faded

Float32 = NDArray[np.float32]

_DOUBTED_DB: Final = 1.0
_TRUSTED_DB: Final = 2.5
"""Where a kernel is expected to gain more, it is trusted; less than the former, it is not."""
_SURE_DB: Final = {True: (1.4, 1.8), False: (1.8, 2.2)}
_BOLDER_DB: Final = 2.0
"""Where a photo was blurred the same everywhere, all of it tells more of its kernel than a window
does: if a kernel of light, or one of encoded values, is expected to gain so much in the photo, so
much more is expected in its windows (ADR 0009)."""


def bolder_db(gain_db: float, *, linear_light: bool) -> float:
    """What may be hoped for besides in each window of a photo that was blurred alike all over.

    Args:
        gain_db: What the kernel is expected to gain in all of the photo.
        linear_light: It blurred light; False: encoded values.
    """
    return _BOLDER_DB * float(np.interp(gain_db, _SURE_DB[linear_light], (0, 1)))


def trusted(places: Sequence[Place], hopes_db: Sequence[float], shape: tuple[int, ...]) -> Float32:
    """How much of what a kernel gives is to be taken, (h, w) in [0, 1].

    Args:
        places: They cover the photo.
        hopes_db: What the kernel is expected to gain in each, over the network.
        shape: Height and width of the photo.
    """
    trust = np.interp(np.array(hopes_db), (_DOUBTED_DB, _TRUSTED_DB), (0, 1))
    return faded(places, trust.tolist(), shape)
