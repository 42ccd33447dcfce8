"""Kernels to undo a blur with: from a file, checked, trimmed, guessed."""

import os
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from unblur.errors import OptionError, PhotoError
from unblur.imaging.photo.photo import read_photo

Float32 = NDArray[np.float32]

_MOST_PX: Final = 512
_GREY_WITHIN: Final = 1.5 / 255
"""Channels that differ by no more than this are a grey picture, saved as RGB."""
_FORMATS: Final = ("png", "tiff")


def read_kernel(path: str | os.PathLike[str]) -> Float32:
    """Read a blur kernel (point spread function) from a picture or an array.

    The values are taken as they are, without decoding sRGB. The centre is the middle of the
    picture, whatever lies there; of an even side of n pixels it is pixel n / 2, counted from 0.
    Empty borders are cut off evenly on both sides, so that the centre stays the centre.

    Args:
        path: A PNG or TIFF, grey or RGB that is grey, alpha ignored; or a 2-D ``.npy``, as
            ``unblur blur`` writes them.

    Returns:
        (K, K'), both odd; non-negative, summing to 1.

    Raises:
        PhotoError: If the file cannot be read or is of another kind.
        OptionError: If what it holds is no kernel: in colour, empty, the same everywhere,
            negative somewhere, not finite or larger than 512 px.

    Examples:
        >>> import numpy as np
        >>> from unblur import read_kernel
        >>> np.save("kernel.npy", np.pad([[1.0, 2.0, 1.0]], 3))
        >>> read_kernel("kernel.npy").tolist()
        [[0.25, 0.5, 0.25]]
    """
    path = Path(path)
    values = _read_array(path) if path.suffix.lower() == ".npy" else _read_picture(path)
    if not np.isfinite(values).all():
        raise OptionError(f"{path}: a kernel must be finite, got NaN or infinity in it")
    least, most = values.min(), values.max()
    if least < 0:
        raise OptionError(f"{path}: a kernel must not be negative, got {least:.4g} in it")
    if most == least:
        what = f"the same everywhere ({most:.4g})" if most else "black"
        raise OptionError(
            f"{path}: is {what}; a kernel is bright where the light went, on a black border"
        )
    kernel = _trim(np.pad(values, [(0, 1 - side % 2) for side in values.shape]))
    side = max(min(pair) for pair in zip(kernel.shape, values.shape, strict=True))
    if side > _MOST_PX:
        raise OptionError(
            f"{path}: holds a kernel of {side} px, the most are {_MOST_PX}; centre it in its "
            "picture, or scale it and the photo down"
        )
    normalised: Float32 = (kernel / kernel.sum()).astype(np.float32)
    return normalised


def gaussian_kernel(sigma_px: float) -> Float32:
    """A Gaussian of a standard deviation in px, cut off at three of them; of sum 1."""
    reach = int(np.ceil(3 * sigma_px))
    bell = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma_px) ** 2)
    bell /= bell.sum()
    return np.outer(bell, bell).astype(np.float32)


def fit_kernel(kernel: Float32, height: int, width: int) -> Float32:
    """Check a kernel and cut its empty border.

    Args:
        kernel: (K, K').
        height: Of the photo, in px.
        width: Of the photo, in px.

    Raises:
        OptionError: If a side is even, it is negative somewhere, its sum is not 1, or it is
            larger than the photo.
    """
    size = "x".join(map(str, kernel.shape))
    if kernel.ndim != 2 or not all(side % 2 for side in kernel.shape):  # noqa: PLR2004
        raise OptionError(f"a kernel must have two odd sides, got {size}")
    total = float(kernel.sum(dtype=np.float64))
    if not (abs(total - 1) <= 1e-3 and kernel.min() >= 0):  # noqa: PLR2004 - so that NaN fails
        raise OptionError(f"a kernel must be non-negative and sum to 1, got sum {total:.4g}")
    kernel = _trim(kernel)
    if kernel.shape[0] > height or kernel.shape[1] > width:
        raise OptionError(
            f"the kernel of {kernel.shape[1]}x{kernel.shape[0]} px is larger than the photo of "
            f"{width}x{height}; use a larger photo or a smaller kernel"
        )
    return kernel.astype(np.float32)


def _trim(kernel: NDArray[Any]) -> NDArray[Any]:
    """Cut the empty border of a kernel of odd sides, evenly on opposite sides."""
    window = []
    for axis, side in enumerate(kernel.shape):
        used = np.abs(np.flatnonzero(kernel.any(axis=1 - axis)) - side // 2).max(initial=0)
        window.append(slice(side // 2 - used, side // 2 + used + 1))
    return kernel[tuple(window)]


def _read_array(path: Path) -> NDArray[np.float64]:
    try:
        with path.open("rb") as stream:
            values: Any = np.lib.format.read_array(stream, allow_pickle=False)
    except (OSError, ValueError, MemoryError) as error:
        why = getattr(error, "strerror", None) or "not one whole array of numbers"
        raise PhotoError(f"{path}: cannot be read as a kernel ({why.lower()})") from error
    if values.ndim != 2 or values.size == 0 or values.dtype.kind not in "buif":  # noqa: PLR2004
        raise PhotoError(
            f"{path}: a kernel is one array (K, K) of numbers, got {values.dtype} of {values.shape}"
        )
    return values.astype(np.float64)  # type: ignore[no-any-return]


def _read_picture(path: Path) -> NDArray[np.float64]:
    photo = read_photo(path)
    if photo.format not in _FORMATS:
        raise PhotoError(f"{path}: a kernel is a PNG, TIFF or .npy, got {photo.format.upper()}")
    if np.ptp(photo.pixels, axis=2).max() > _GREY_WITHIN:
        raise OptionError(f"{path}: is in colour; a kernel is grey")
    grey: NDArray[np.float64] = photo.pixels.mean(axis=2, dtype=np.float64)
    return grey
