"""Between photos (H, W, 3) and batches (B, 3, H, W), with the padding that networks need."""

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]


def to_batch(pixels: Float32, *, multiple_of: int = 1, least_px: int = 1) -> Float32:
    """Turn one photo into a batch of one, mirrored to the right and below where needed.

    Args:
        pixels: (H, W, 3).
        multiple_of: The sides of the batch are multiples of this.
        least_px: And at least this long.

    Returns:
        (1, 3, H', W') with H' >= H and W' >= W; the photo lies in the upper left corner.
    """
    height, width, _ = pixels.shape
    planes = pixels.transpose(2, 0, 1)
    below = _up(max(height, least_px), multiple_of) - height
    right = _up(max(width, least_px), multiple_of) - width
    if below or right:
        planes = np.pad(planes, ((0, 0), (0, below), (0, right)), mode="reflect")
    return np.ascontiguousarray(planes[None], dtype=np.float32)


def from_batch(batch: Float32, *, height: int, width: int) -> Float32:
    """Cut the photo (height, width, 3) out of a batch of one made by :func:`to_batch`."""
    return np.ascontiguousarray(batch[0, :, :height, :width].transpose(1, 2, 0))


def _up(side: int, multiple_of: int) -> int:
    return -(-side // multiple_of) * multiple_of
