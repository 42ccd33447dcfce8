"""Pictures in memory, of NumPy, PIL or PyTorch: run something on their pixels, keep their kind."""

import sys
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from unblur.errors import OptionError
from unblur.tasks.restore.array_pictures import (
    BATCH,
    CHANNELS,
    ONE,
    Pixels,
    check_array,
    check_range,
    map_array,
)
from unblur.tasks.restore.pil_pictures import check_pil, is_pil, map_pil

_PLANES: Final = (1, 3)
"""Of a tensor: alpha is rare there, and 4 planes would hide that a tensor is turned."""


def is_picture(picture: Any) -> bool:
    """Whether it is an array, a PIL image or a tensor, of any shape and type.

    PIL and torch are looked at only if the caller has them loaded: an image or a tensor cannot
    come from anywhere else.
    """
    return isinstance(picture, np.ndarray) or is_pil(picture) or _is_tensor(picture)


def check_picture(picture: Any) -> None:
    """Check that a picture has a shape, a type and a range that :func:`map_pixels` takes.

    Args:
        picture: An array, a PIL image or a tensor.

    Raises:
        OptionError: If it has not.
    """
    if isinstance(picture, np.ndarray):
        check_array(picture)
    elif is_pil(picture):
        check_pil(picture)
    elif _is_tensor(picture):
        _check_tensor(picture)
    else:
        raise OptionError(
            f"expected a NumPy array, a PIL image or a torch tensor, got {type(picture).__name__}"
        )


def map_pixels(picture: Any, run: Pixels, *, one_channel: bool = False) -> Any:
    """Run a function on the pixels of a picture, or of each picture of a batch.

    Args:
        picture: An array (H, W), (H, W, C) or (B, H, W, C), C = 1, 3 or 4; a PIL image; a tensor
            (C, H, W) or (B, C, H, W), C = 1 or 3. Floats in [0, 1], uint8, or, in an array,
            uint16.
        run: Gets (H, W, 3), float32 in [0, 1], and returns the same shape and range; its argument
            itself if the picture is to stay as it is.
        one_channel: The function takes grey pictures as (H, W, 1); else they go through it as
            (H, W, 3) and come out as the mean of the three.

    Returns:
        The same kind, shape, type and range. A fourth channel stays as it is. Of PIL's modes 1
        comes back as L; palettes, CMYK, YCbCr, HSV and LAB as RGB, or RGBA. A masked array keeps
        its mask. A tensor comes back on its device, without gradients.

    Raises:
        OptionError: If the picture has another kind, shape, type or range.
    """
    check_picture(picture)
    if isinstance(picture, np.ndarray):
        return map_array(picture, run, one_channel=one_channel)
    if is_pil(picture):
        return map_pil(picture, run, one_channel=one_channel)
    return _map_tensor(picture, run, one_channel=one_channel)


def _is_tensor(picture: Any) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(picture, torch.Tensor)


def _check_tensor(tensor: Any) -> None:
    torch = sys.modules["torch"]
    if why := _without_numbers(tensor, torch):
        raise OptionError(why)
    shape = tuple(tensor.shape)
    fits = len(shape) in {ONE, BATCH} and shape[-3] in _PLANES and 0 not in shape[-3:]
    if not fits or not (tensor.is_floating_point() or tensor.dtype is torch.uint8):
        turned = len(shape) in {ONE, BATCH} and shape[-1] in CHANNELS and not fits
        hint = "; channels come first in a tensor" if turned and 0 not in shape else ""
        raise OptionError(
            "a tensor must be floats or uint8 of shape (C, H, W) or (B, C, H, W) with C = 1 or 3, "
            f"got {tensor.dtype} of {shape}{hint}"
        )
    if tensor.is_floating_point():
        check_range(_as_numpy(tensor))


def _without_numbers(tensor: Any, torch: Any) -> str | None:
    """Why the values of a tensor cannot be had one by one, if they cannot."""
    if tensor.is_meta:
        return "a tensor on the device meta has a shape but no values; load it to the CPU or a GPU"
    if tensor.is_nested:
        return "a nested tensor has no one shape; give its parts as a list, tensor.unbind()"
    if tensor.layout is not torch.strided:
        return f"a tensor must be dense, got layout {tensor.layout}; tensor.to_dense() makes it so"
    if tensor.is_quantized:
        return f"a tensor must not be quantized, got {tensor.dtype}; use tensor.dequantize()"
    return None


def _map_tensor(tensor: Any, run: Pixels, *, one_channel: bool) -> Any:
    torch = sys.modules["torch"]
    array = np.moveaxis(_as_numpy(tensor), -3, -1)
    mapped = np.moveaxis(map_array(array, run, one_channel=one_channel), -1, -3)
    return torch.from_numpy(np.ascontiguousarray(mapped)).to(tensor)


def _as_numpy(tensor: Any) -> NDArray[Any]:
    """The values, as uint8 or float32."""
    kept = tensor.detach().cpu().resolve_neg()
    numbers: NDArray[Any] = (kept.float() if kept.is_floating_point() else kept).numpy()
    return numbers
