"""Pictures in memory, of NumPy, PIL or PyTorch: run something on their pixels, keep their kind."""

import sys
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from unblur.errors import OptionError

Float32 = NDArray[np.float32]
Pixels = Callable[[Float32], Float32]
"""(H, W, 3) floats in [0, 1] to the same shape and range."""

_GREY: Final = 2
_ONE: Final = 3
_BATCH: Final = 4
_CHANNELS: Final = (1, 3, 4)
_PLANES: Final = (1, 3)
"""Of a tensor: alpha is rare there, and 4 planes would hide that a tensor is turned."""
_PIL_MODES: Final = ("L", "RGB", "RGBA")


def is_picture(picture: Any) -> bool:
    """Whether it is an array, a PIL image or a tensor, of any shape and type.

    PIL and torch are looked at only if the caller has them loaded: an image or a tensor cannot
    come from anywhere else.
    """
    return isinstance(picture, np.ndarray) or _is_pil(picture) or _is_tensor(picture)


def check_picture(picture: Any) -> None:
    """Check that a picture has a shape, a type and a range that :func:`map_pixels` takes.

    Args:
        picture: An array, a PIL image or a tensor.

    Raises:
        OptionError: If it has not.
    """
    if isinstance(picture, np.ndarray):
        _check_array(picture)
    elif _is_pil(picture):
        if 0 in picture.size:
            raise OptionError(f"a PIL image must not be empty, got {picture.size}")
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
        The same kind, shape, type and range. A fourth channel stays as it is; palettes and CMYK
        come back as RGB, or RGBA. A tensor comes back on its device, without gradients.

    Raises:
        OptionError: If the picture has another kind, shape, type or range.
    """
    check_picture(picture)
    if isinstance(picture, np.ndarray):
        return _map_array(picture, run, one_channel=one_channel)
    if _is_pil(picture):
        return _map_pil(picture, run, one_channel=one_channel)
    return _map_tensor(picture, run, one_channel=one_channel)


def _is_pil(picture: Any) -> bool:
    image = sys.modules.get("PIL.Image")
    return image is not None and isinstance(picture, image.Image)


def _is_tensor(picture: Any) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(picture, torch.Tensor)


def _check_array(array: NDArray[Any]) -> None:
    shape = array.shape
    fits = array.ndim == _GREY or (array.ndim in {_ONE, _BATCH} and shape[-1] in _CHANNELS)
    if not fits or 0 in shape[-3:]:
        turned = array.ndim in {_ONE, _BATCH} and shape[-3] in _CHANNELS
        hint = "; channels come last in an array" if turned and 0 not in shape else ""
        raise OptionError(
            "an array must be (H, W), (H, W, C) or (B, H, W, C) with C = 1, 3 or 4, got "
            f"{shape}{hint}"
        )
    if array.dtype in {np.dtype(np.uint8), np.dtype(np.uint16)}:
        return
    if array.dtype.kind != "f":
        raise OptionError(f"an array must be uint8, uint16 or float, got {array.dtype}")
    _check_range(array)


def _check_range(array: NDArray[Any]) -> None:
    if array.size and not (np.isfinite(array).all() and array.min() >= 0 and array.max() <= 1):
        raise OptionError(
            f"floats must be finite and in [0, 1], got {array.min():.4g} to {array.max():.4g}; "
            "scale them first"
        )


def _check_tensor(tensor: Any) -> None:
    torch = sys.modules["torch"]
    shape = tuple(tensor.shape)
    fits = len(shape) in {_ONE, _BATCH} and shape[-3] in _PLANES and 0 not in shape[-3:]
    if not fits or not (tensor.is_floating_point() or tensor.dtype is torch.uint8):
        turned = len(shape) in {_ONE, _BATCH} and shape[-1] in _CHANNELS and not fits
        hint = "; channels come first in a tensor" if turned and 0 not in shape else ""
        raise OptionError(
            "a tensor must be floats or uint8 of shape (C, H, W) or (B, C, H, W) with C = 1 or 3, "
            f"got {tensor.dtype} of {shape}{hint}"
        )
    if tensor.is_floating_point():
        _check_range(_as_numpy(tensor))


def _map_array(array: NDArray[Any], run: Pixels, *, one_channel: bool) -> NDArray[Any]:
    if array.ndim == _GREY:
        return _map_one(array[..., None], run, one_channel=one_channel)[..., 0]
    if array.ndim == _BATCH:
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


def _map_pil(picture: Any, run: Pixels, *, one_channel: bool) -> Any:
    image = sys.modules["PIL.Image"]
    if picture.mode in _PIL_MODES:
        array = _map_array(np.asarray(picture), run, one_channel=one_channel)
        mapped = image.fromarray(array)
    else:  # palettes, CMYK, 16-bit grey and the like have no channels to take one by one
        mode = "RGBA" if picture.has_transparency_data else "RGB"
        mapped = _map_pil(picture.convert(mode), run, one_channel=one_channel)
    mapped.info = dict(picture.info)
    return mapped


def _map_tensor(tensor: Any, run: Pixels, *, one_channel: bool) -> Any:
    torch = sys.modules["torch"]
    array = np.moveaxis(_as_numpy(tensor), -3, -1)
    mapped = np.moveaxis(_map_array(array, run, one_channel=one_channel), -1, -3)
    return torch.from_numpy(np.ascontiguousarray(mapped)).to(tensor)


def _as_numpy(tensor: Any) -> NDArray[Any]:
    """The values, as uint8 or float32."""
    kept = tensor.detach().cpu()
    numbers: NDArray[Any] = (kept.float() if kept.is_floating_point() else kept).numpy()
    return numbers
