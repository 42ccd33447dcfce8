"""How far things moved while a frame of a film was exposed, by how far they move between frames."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.extras import need

Float32 = NDArray[np.float32]
Bool = NDArray[np.bool_]

_LAGS: Final = np.arange(0.10, 1.61, 0.05)
"""In steps from frame to frame."""
_LEAST_STEP_PX: Final = 6.0
"""What moves less tells too little."""
_LEAST_SHARE: Final = 0.02
"""Of a frame's pixels, that move so far."""
_EVERY: Final = 4
"""Rows of which one is looked at."""
_EVEN_PX: Final = 17
_FAINT: Final = 2 / 255
"""Added to the size of differences, lest noise be made as strong as edges."""
_DEPTH: Final = 0.07
"""The least negative likeness that counts."""
_EDGE_PX: Final = 1.1
"""So much longer the blur seems: the steepness of an edge that is not blurred is as wide."""
_NEW_SHARE: Final = 0.2
"""Of a frame in the running mean, of many."""


class Shutter:
    """Follows for which share of the time between frames a film is exposed.

    An edge that moves while the shutter is open becomes a ramp: differences along the motion are
    two steps of it, up and down, as far apart as it moved, so they are least like themselves at
    that distance. Likeness is told along the motion, in steps from frame to frame, so that all
    that moves speaks of the same share, however fast; and over several frames.

    References:
        Yitzhaky & Kopeika, *Identification of blur parameters from motion blurred images*, 1997,
        for one photo whose motion is the same everywhere.
    """

    def __init__(self) -> None:
        self._likeness = np.zeros(len(_LAGS))
        self._frames = 0
        self._share: float | None = None

    @property
    def share(self) -> float | None:
        """Length of the blur in steps from frame to frame; None: nothing told it yet.

        More than 1 where the motion is told for too small.
        """
        return self._share

    def see(self, plane: Float32, step: Float32) -> None:
        """Look at the next frame.

        Args:
            plane: (h, w) brightness, as it is displayed.
            step: (h, w, 2) px to the right and down, from one frame to the next.
        """
        length = np.hypot(step[::_EVERY, :, 0], step[::_EVERY, :, 1])
        moves = length > _LEAST_STEP_PX
        if moves.mean() < _LEAST_SHARE:
            return
        self._frames += 1
        likeness = _likeness(plane, step, moves)
        new_share = max(_NEW_SHARE, 1 / self._frames)
        mean = self._likeness = self._likeness + new_share * (likeness - self._likeness)
        least = int(np.argmin(mean))
        self._share = None
        if mean[least] < -_DEPTH and 0 < least < len(mean) - 1:
            left, here, right = mean[least - 1 : least + 2]
            between = 0.5 * (left - right) / (left - 2 * here + right)
            seen = _LAGS[least] + between * (_LAGS[1] - _LAGS[0])
            share = seen - _EDGE_PX / float(np.median(length[moves]))
            self._share = share if share > 0 else None


def _likeness(plane: Float32, step: Float32, moves: Bool) -> NDArray[np.float64]:
    """Of the differences along the motion to those so many steps on, 1 for the same.

    Args:
        plane: (h, w).
        step: (h, w, 2).
        moves: Which pixels of one row in so many are asked; some are.
    """
    need("video", "cv2")
    import cv2

    down, right = np.gradient(plane)
    length = np.hypot(step[..., 0], step[..., 1])
    along = (right * step[..., 0] + down * step[..., 1]) / np.maximum(length, 1e-6)
    # OpenCV's running sums can come out a little below 0.
    size = np.sqrt(np.maximum(cv2.blur(along * along, (_EVEN_PX, _EVEN_PX)), 0))
    even = (along / (size + np.float32(_FAINT))).astype(np.float32)
    here, some = even[::_EVERY], step[::_EVERY]
    y, x = (each[::_EVERY] for each in np.mgrid[: len(plane), : plane.shape[1]])
    own = max(float((here[moves] ** 2).mean()), 1e-9)
    found = []
    for lag in _LAGS:
        ways = (
            cv2.remap(
                even,
                (x + way * some[..., 0]).astype(np.float32),
                (y + way * some[..., 1]).astype(np.float32),
                cv2.INTER_LINEAR,
            )
            for way in (lag, -lag)
        )
        found.append(np.mean([(here * there)[moves].mean() for there in ways]) / own)
    return np.array(found)
