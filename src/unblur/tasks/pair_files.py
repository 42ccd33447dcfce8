"""Files of a data set beside its photos: kernels as arrays and as pictures to look at."""

import secrets
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unblur.errors import TargetError
from unblur.imaging.photo import Photo

Float32 = NDArray[np.float32]


def save_array(array: Float32, target: Path) -> None:
    """Write a ``.npy`` file, whole or not at all.

    Raises:
        TargetError: If it cannot be written.
    """
    temporary = target.with_name(f".unblur-{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("xb") as stream:
            np.save(stream, array)
        temporary.replace(target)
    except OSError as error:
        raise TargetError(f"{target}: cannot be written ({error.strerror})") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def kernel_picture(kernels: Float32) -> Photo:
    """A 16-bit grey picture of (K, K) kernels, or of a grid of them; the brightest point white."""
    rows = kernels.reshape(-1, kernels.shape[-1])
    if kernels.ndim == 4:  # noqa: PLR2004 - a grid: its kernels side by side
        down, right, side, _ = kernels.shape
        rows = kernels.transpose(0, 2, 1, 3).reshape(down * side, right * side)
    grey = np.repeat((rows / rows.max())[..., None], 3, axis=2)
    return Photo(pixels=grey, bits=16, grey=True)
