"""The files of a pair: photos, kernels as arrays and as pictures to look at."""

import secrets
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unblur.errors import TargetError
from unblur.imaging.blur.motion import Motion, MovingObject
from unblur.imaging.photo.photo import Photo, write_photo

Float32 = NDArray[np.float32]

_FOLDERS = ("blur", "sharp", "kernels")


def write_pair(
    out: Path,
    name: str,
    sharp: Photo,
    blurred: Photo,
    motion: Motion,
    *,
    jpeg: int | None,
) -> dict[str, str]:
    """Write the files of a pair; the blurred photo, by which it is known to be whole, comes last.

    Args:
        out: Folder of the data set.
        name: Of the pair.
        sharp: The sharp photo.
        blurred: The blurred photo.
        motion: What blurred it.
        jpeg: Quality of the blurred photo as JPEG; None writes PNG.

    Returns:
        The files by their part in the pair, relative to the data set.

    Raises:
        TargetError: If one cannot be written.
    """
    for folder in _FOLDERS:
        try:
            (out / folder).mkdir(exist_ok=True)
        except OSError as error:
            raise TargetError(f"{out / folder}: cannot be made ({error.strerror})") from error
    kernels = motion.kernels(*sharp.pixels.shape[:2])
    files = {
        "blur": f"blur/{name}.{'png' if jpeg is None else 'jpg'}",
        "sharp": f"sharp/{name}.png",
        "kernel": f"kernels/{name}.npy",
        "kernel_picture": f"kernels/{name}.png",
    }
    save_array(kernels, out / files["kernel"])
    write_photo(kernel_picture(kernels), out / files["kernel_picture"], overwrite=True)
    if isinstance(motion, MovingObject):
        files["mask"] = f"kernels/{name}.mask.png"
        mask = Photo(pixels=np.repeat(motion.mask[..., None], 3, axis=2), grey=True)
        write_photo(mask, out / files["mask"], overwrite=True)
    write_photo(sharp, out / files["sharp"], overwrite=True)
    write_photo(blurred, out / files["blur"], overwrite=True, quality=jpeg)
    return files


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
