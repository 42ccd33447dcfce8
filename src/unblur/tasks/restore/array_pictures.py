"""Pictures that are NumPy arrays: what can be taken, and how the same kind comes back."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from unblur.errors import OptionError

Float32 = NDArray[np.float32]
Pixels = Callable[[Float32], Float32]
"""(H, W, 3) floats in [0, 1] to the same shape and range."""

GREY: Final = 2
ONE: Final = 3
BATCH: Final = 4
CHANNELS: Final = (1, 3, 4)
_INTEGERS: Final = ("u1", "u2")


def check_array(array: NDArray[Any]) -> None:
    """Check that an array has a shape, a type and a range that can be mapped.

    Raises:
        OptionError: If it has not.
    """
    shape = array.shape
    fits = array.ndim == GREY or (array.ndim in {ONE, BATCH} and shape[-1] in CHANNELS)
    if not fits or 0 in shape[-3:]:
        turned = array.ndim in {ONE, BATCH} and shape[-3] in CHANNELS
        hint = "; channels come last in an array" if turned and 0 not in shape else ""
        raise OptionError(
            "an array must be (H, W), (H, W, C) or (B, H, W, C) with C = 1, 3 or 4, got "
            f"{shape}{hint}"
        )
    if array.dtype.str[1:] in _INTEGERS:  # of either order of bytes
        return
    if array.dtype.kind != "f":
        raise OptionError(f"an array must be uint8, uint16 or float, got {array.dtype}")
    check_range(np.ma.getdata(array))


def check_range(array: NDArray[Any]) -> None:
    """Check that floats are finite and in [0, 1].

    Raises:
        OptionError: If they are not.
    """
    array = np.asarray(array)
    if array.size and not (np.isfinite(array).all() and array.min() >= 0 and array.max() <= 1):
        raise OptionError(
            f"floats must be finite and in [0, 1], got {array.min():.4g} to {array.max():.4g}; "
            "scale them first"
        )


def map_array(array: NDArray[Any], run: Pixels, *, one_channel: bool) -> NDArray[Any]:
    """Run a function on the pixels of an array, or of each picture of a batch.

    A matrix comes back as one. A masked array comes back with its mask, and with what it had
    under it; of other subclasses the values alone come back.

    Args:
        array: One that :func:`check_array` lets pass.
        run: As for :func:`unblur.tasks.restore.pictures.map_pixels`.
        one_channel: As there.

    Returns:
        The same shape and type.
    """
    # Slices of a matrix have two dimensions whatever is done: only plain arrays are computed with.
    mapped = _map_plain(np.asarray(np.ma.getdata(array)), run, one_channel=one_channel)
    if isinstance(array, np.ma.MaskedArray):
        masked = array.copy()
        visible = ~np.ma.getmaskarray(array)
        masked.data[visible] = mapped[visible]
        return masked
    return mapped.view(np.matrix) if isinstance(array, np.matrix) else mapped


def _map_plain(array: NDArray[Any], run: Pixels, *, one_channel: bool) -> NDArray[Any]:
    if array.ndim == GREY:
        return _map_one(array[..., None], run, one_channel=one_channel)[..., 0]
    if array.ndim == BATCH:
        mapped = np.array(array)
        for index, one in enumerate(array):
            mapped[index] = _map_one(one, run, one_channel=one_channel)
        return mapped
    return _map_one(array, run, one_channel=one_channel)


def _map_one(array: NDArray[Any], run: Pixels, *, one_channel: bool) -> NDArray[Any]:
    """One picture (H, W, C)."""
    colours = array[..., :3]
    if array.dtype.kind == "f":
        pixels = colours.astype(np.float32)
    else:
        pixels = colours.astype(np.float32) / np.float32(np.iinfo(array.dtype).max)
    as_three = pixels.shape[2] == 1 and not one_channel
    given = np.repeat(pixels, 3, axis=2) if as_three else pixels
    out: NDArray[Any] = run(given)
    mapped = np.array(array)
    if out is given:  # not even rounded to single precision
        return mapped
    if as_three:
        out = out.mean(axis=2, keepdims=True)
    if array.dtype.kind != "f":
        out = np.rint(out * np.iinfo(array.dtype).max)
    mapped[..., :3] = out
    return mapped
