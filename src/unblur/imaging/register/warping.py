"""Resize, warp and filter planes and pictures, with their homographies."""

from types import ModuleType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from unblur.extras import need

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

INSIDE: Final = 0.995
"""Share of a kernel that must be inside."""
_TUKEY: Final = 4.685
"""Of a normal distribution's spread: 95 % efficient (Huber, Robust Statistics)."""
_BAND_ROWS: Final = 512
"""Resampled together: the places to look at take more memory than the picture."""
_ALIASES: Final = 1.2
"""A picture so many times as fine as the target is made smaller before it is resampled."""


def resized(plane: Float32, rows: int, columns: int) -> tuple[Float32, Float64]:
    """A plane or picture of another size, and the matrix from its old pixels to the new ones."""
    cv2 = opencv()
    height, width = plane.shape[:2]
    scales = columns / width, rows / height
    matrix = np.diag([*scales, 1.0])
    matrix[:2, 2] = [(scale - 1) / 2 for scale in scales]  # centres at integers
    if (rows, columns) == (height, width):
        return plane, matrix
    how = cv2.INTER_AREA if rows < height else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(plane, (columns, rows), interpolation=how), np.float32), matrix


def shrunk(plane: Float32, scale: float) -> tuple[Float32, Float64]:
    """A plane or picture made smaller by a factor of at most 1, and the matrix to its pixels."""
    rows, columns = (max(1, round(side * min(scale, 1.0))) for side in plane.shape[:2])
    return resized(plane, rows, columns)


def warp(
    picture: Float32,
    homography: Float64,
    shape: tuple[int, int],
    *,
    fine: bool = False,
    offsets: Float32 | None = None,
) -> tuple[Float32, Bool]:
    """Resample a picture through a homography from the target's pixels to its own.

    Args:
        picture: (H', W') or (H', W', C); beyond its edges it is mirrored.
        homography: (3, 3), (x, y, 1) px of the target to px of the picture.
        shape: Rows and columns of the target.
        fine: Eight pixels a side count, not four.
        offsets: (rows, columns, 2), x and y in px of the target: where to look instead.

    Returns:
        The target, and where the picture reaches.
    """
    cv2 = opencv()
    height, width = picture.shape[:2]
    finer = local_scale(homography, np.array([shape[1] / 2, shape[0] / 2]))
    smaller = np.eye(3)
    if finer > _ALIASES:
        picture, smaller = shrunk(picture, 1 / finer)
    target = np.empty((*shape, *picture.shape[2:]), np.float32)
    reached = np.empty(shape, bool)
    columns = np.arange(shape[1], dtype=np.float64)
    for top in range(0, shape[0], _BAND_ROWS):
        band = slice(top, min(top + _BAND_ROWS, shape[0]))
        x, y = np.meshgrid(columns, np.arange(band.start, band.stop, dtype=np.float64))
        if offsets is not None:
            x, y = x + offsets[band, :, 0], y + offsets[band, :, 1]
        u, v, z = (row[0] * x + row[1] * y + row[2] for row in homography)
        front = z > 0
        z = np.where(front, z, 1)
        u, v = u / z, v / z
        reached[band] = front & (u >= 0) & (v >= 0) & (u <= width - 1) & (v <= height - 1)
        target[band] = cv2.remap(
            picture,
            (smaller[0, 0] * u + smaller[0, 2]).astype(np.float32),
            (smaller[1, 1] * v + smaller[1, 2]).astype(np.float32),
            cv2.INTER_LANCZOS4 if fine else cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_REFLECT_101,
        )
    return target, reached


def local_scale(homography: Float64, point: Float64) -> float:
    """Px of the target for each px around a point (x, y); negative where it is mirrored."""
    x, y, z = homography @ np.array([*point, 1.0])
    upper = homography[:2, :2] - np.outer([x / z, y / z], homography[2, :2])
    determinant = float(np.linalg.det(upper / z))
    return float(np.sign(determinant) * np.sqrt(abs(determinant)))


def correlate(plane: Float32, kernel: Float32) -> Float32:
    """Correlate a plane or picture with a kernel; mirrored at the edges, of any size."""
    cv2 = opencv()
    filtered: Float32 = cv2.filter2D(
        plane, -1, np.ascontiguousarray(kernel), borderType=cv2.BORDER_REFLECT_101
    )
    return filtered


def tukey(left: Float32, seen: Bool, least: float = 1e-4) -> Float32:
    """Weights that take no notice of what misses by far more than most does, or than the least."""
    spread = 1.4826 * float(np.median(np.abs(left[seen]))) if seen.any() else 0.0
    ratio = left / np.float32(_TUKEY * max(spread, least))
    return np.where(np.abs(ratio) < 1, (1 - ratio**2) ** 2, 0).astype(np.float32)


def eroded(mask: Bool, support: Bool) -> Bool:
    """Where all, or nearly all, that a kernel collects is inside."""
    inside = np.pad(mask.astype(np.float32), len(support))
    spread = support.astype(np.float32) / support.sum()
    cut = slice(len(support), -len(support))
    return correlate(inside, spread[::-1, ::-1])[cut, cut] > INSIDE


def scaled_kernel(kernel: Float32, scale: float) -> Float32:
    """What a kernel is in a picture so many times the size; its centre stays."""
    places = (np.arange(len(kernel)) - len(kernel) // 2) * scale
    reach = int(np.ceil(np.abs(places).max())) + 1
    spread = np.maximum(1 - np.abs(np.arange(-reach, reach + 1)[:, None] - places), 0)
    if scale > 1:  # between the old places there is light, too
        spread = np.maximum(1 - np.abs(np.arange(-reach, reach + 1)[:, None] - places) / scale, 0)
    scaled = spread @ kernel @ spread.T
    return np.asarray(scaled / scaled.sum(), np.float32)


def opencv() -> ModuleType:
    """OpenCV, loaded when it is first needed."""
    need("reference", "cv2")
    import cv2

    return cv2


def ndimage() -> Any:
    """SciPy's filters, loaded when they are first needed."""
    from scipy import ndimage

    return ndimage
