"""How far a picture moves from one frame to the next."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from unblur.errors import OptionError
from unblur.extras import need
from unblur.imaging.video.frames import Pixels

Float32 = NDArray[np.float32]

_LONG_SIDE_PX: Final = 960
"""Larger frames are made smaller: the flow is then exact enough, and several times faster."""

_LEAST_SIDE_PX: Final = 16
"""OpenCV refuses a side below 12."""

_PERCENTILE: Final = 95


def step_px(before: Pixels, after: Pixels) -> float:
    """Length of the step that the fast part of a picture makes between two frames.

    Dense optical flow (DIS) of the grey frames; the 95th percentile leaves out what is newly
    uncovered, where there is no flow to find. Of a pan it is the pan, to about 10 %.

    Args:
        before: (H, W, 3), uint8 or uint16, display-encoded RGB.
        after: The next frame, of the same shape and type.

    Returns:
        The 95th percentile of the lengths of the flow vectors, px of the frames given.

    Raises:
        MissingExtraError: If OpenCV is not installed.
        OptionError: If the frames differ in shape.

    References:
        Kroeger et al., Fast Optical Flow using Dense Inverse Search, ECCV 2016.
    """
    need("video", "cv2")
    import cv2

    if before.shape != after.shape:
        raise OptionError(f"frames must have one shape, got {before.shape} and {after.shape}")
    height, width, _ = before.shape
    flow = flow_between(*(_small_grey(cv2, frame) for frame in (before, after)))
    rows, columns = _small_size(height, width)
    flow = flow[:rows, :columns]
    lengths = np.hypot(flow[..., 0] * (width / columns), flow[..., 1] * (height / rows))
    return float(np.percentile(lengths, _PERCENTILE))


def flow_between(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> Float32:
    """Where in the next frame what is at each pixel went (DIS).

    Args:
        before: (h, w) grey; sides of 12 px at least.
        after: The next frame.

    Returns:
        (h, w, 2): px to the right and down.

    Raises:
        MissingExtraError: If OpenCV is not installed.
    """
    need("video", "cv2")
    import cv2

    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    flow = search.calc(before, after, None)  # type: ignore[call-overload]  # None: a new one
    return np.asarray(flow, np.float32)


def _small_size(height: int, width: int) -> tuple[int, int]:
    scale = min(1.0, _LONG_SIDE_PX / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def _small_grey(cv2: Any, frame: Pixels) -> NDArray[np.uint8]:
    """The frame as OpenCV's flow wants it: 8 bits, grey, neither huge nor tiny."""
    grey = cv2.cvtColor(np.ascontiguousarray(frame), cv2.COLOR_RGB2GRAY)
    if grey.dtype == np.uint16:
        grey = (grey >> 8).astype(np.uint8)
    rows, columns = _small_size(*grey.shape)
    if grey.shape != (rows, columns):
        grey = cv2.resize(grey, (columns, rows), interpolation=cv2.INTER_AREA)
    below, right = (max(0, _LEAST_SIDE_PX - side) for side in grey.shape)
    small: NDArray[np.uint8] = np.pad(grey, ((0, below), (0, right)), mode="edge")
    return small
