"""The sharp frames of Köhler's data set as its authors publish them: one MATLAB file a photo."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from unblur.errors import DataError

Codes = NDArray[np.uint8]

_NAME: Final = "GroundTruth"
_DIMENSIONS: Final = 4
_EXPECTED: Final = f"expected a variable {_NAME} of H x W x 3 x frames, uint8"
_VERSION_7_3: Final = b"MATLAB 7.3"


def count_frames(path: Path) -> int:
    """How many frames a file has; only its head is read.

    Raises:
        DataError: If it is no MATLAB file of version 4 to 7, or holds other things.
        MissingExtraError: If SciPy is not installed.
    """
    return int(_frames(path, _io().whosmat, lambda found: found[1])[-1])


def read_frames(path: Path, chosen: Sequence[int]) -> list[Codes]:
    """Some frames of a file, in the order of the choice.

    A file of the published set takes about 400 MB of memory: MATLAB's format has to be read whole.

    Args:
        path: ``GroundTruth<image>_<trajectory>.mat``.
        chosen: Indices of frames, from 0.

    Returns:
        Frames, (H, W, 3); views of one array.

    Raises:
        DataError: If it is no MATLAB file of version 4 to 7, damaged, or holds other things.
        MissingExtraError: If SciPy is not installed.

    References:
        ``eval_image.m`` of Köhler et al., ECCV 2012, which loads ``GroundTruth`` and takes
        ``GroundTruth(:,:,:,j)``.
    """
    io = _io()
    values = _frames(path, lambda name: io.loadmat(name).items(), lambda found: found[1])
    if values.dtype != np.uint8:
        raise DataError(f"{path}: {_NAME} is of {values.dtype}; {_EXPECTED}")
    return [values[..., place] for place in chosen]


def _frames(path: Path, read: Any, value: Any) -> Any:
    """What is known of the variable, its shape or its values."""
    try:
        found = {entry[0]: value(entry) for entry in read(str(path))}
    except NotImplementedError as error:
        raise DataError(_newer(path)) from error
    except Exception as error:  # a damaged file fails in many ways
        if _starts_with(path, _VERSION_7_3):
            raise DataError(_newer(path)) from error
        raise DataError(
            f"{path} is damaged or no MATLAB file ({' '.join(str(error).split())}); fetch it again"
        ) from error
    named = [name for name in found if not name.startswith("__")]
    if _NAME not in found:
        raise DataError(f"{path} holds {', '.join(named) or 'nothing'}; {_EXPECTED}")
    shape = getattr(found[_NAME], "shape", found[_NAME])
    if len(shape) != _DIMENSIONS or shape[2] != 3:  # noqa: PLR2004
        raise DataError(f"{path}: {_NAME} is of {' x '.join(map(str, shape))}; {_EXPECTED}")
    return found[_NAME]


def _newer(path: Path) -> str:
    return (
        f"{path} is a MATLAB file of version 7.3 (HDF5), which SciPy cannot read; save it again in "
        f"MATLAB as save('{path.name}', '{_NAME}', '-v7'), or its frames as pictures "
        f"{path.stem}_<frame>.png"
    )


def _starts_with(path: Path, head: bytes) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(head)) == head
    except OSError:
        return False


def _io() -> Any:
    import scipy.io

    return scipy.io
