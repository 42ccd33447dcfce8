"""`restore()`: whatever kind of picture comes in, the same kind goes out."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unblur.errors import OptionError
from unblur.imaging.photo import encode_photo, read_photo
from unblur.tasks.batch import restore_file
from unblur.tasks.restore import Float32, RestoreOptions, shared_restorer

Pixels = Callable[[Float32], Float32]


def restore(
    picture: Any,
    *,
    model: str = "fast",
    engine: str = "auto",
    overwrite: bool = False,
    options: RestoreOptions | None = None,
) -> Any:
    """Restore a motion-blurred picture.

    Args:
        picture: One of

            * a path: the result is written beside it, as ``photo.unblurred.jpg``;
            * the bytes of a photo file;
            * a NumPy array (H, W), (H, W, 3) or (H, W, 4); uint8, uint16, or floats in [0, 1];
              a fourth channel is alpha and stays as it is;
            * a PIL image; palettes and CMYK come back as RGB;
            * a PyTorch tensor (3, H, W) or (B, 3, H, W), floats in [0, 1].
        model: See :class:`RestoreOptions`.
        engine: See :class:`RestoreOptions`.
        overwrite: For a path: replace a result that exists.
        options: All options at once; in place of ``model`` and ``engine``.

    Returns:
        The same kind: the path of the new file, the bytes of a file of the same format, or an
        array, image or tensor of the same shape and type.

    Raises:
        OptionError: If the picture is of another kind, shape or type.
        PhotoError: If a file or its bytes cannot be read.
        TargetError: If the new file cannot be written; it may exist already.
        NetworkError: If the model is unknown or damaged.
    """
    options = options or RestoreOptions(model=model, engine=engine)
    restorer = shared_restorer(options)
    if isinstance(picture, bytes):
        photo = read_photo(picture, max_megapixels=options.max_megapixels)
        return encode_photo(restorer.restore(photo), photo.format)
    if isinstance(picture, str | os.PathLike):
        restored = restore_file(Path(picture), restorer, options, overwrite=overwrite)
        return type(picture)(restored.target)  # type: ignore[call-arg]
    if isinstance(picture, np.ndarray):
        return _restore_array(picture, restorer.restore_pixels)
    # PIL and torch are looked at only if the caller has them loaded: an image or a tensor
    # cannot come from anywhere else.
    image, torch = sys.modules.get("PIL.Image"), sys.modules.get("torch")
    if image is not None and isinstance(picture, image.Image):
        return _restore_pil(picture, image, restorer.restore_pixels)
    if torch is not None and isinstance(picture, torch.Tensor):
        return _restore_tensor(picture, torch, restorer.restore_pixels)
    raise OptionError(
        "restore takes a path, bytes, a NumPy array, a PIL image or a torch tensor, "
        f"got {type(picture).__name__}"
    )


def _restore_array(array: NDArray[Any], run: Pixels) -> NDArray[Any]:
    if array.ndim == 2:  # noqa: PLR2004
        three = np.repeat(array[..., None], 3, axis=2)
        return _quantised(_restore_floats(three, run).mean(axis=2), array.dtype)
    if array.ndim != 3 or array.shape[2] not in {3, 4} or 0 in array.shape:  # noqa: PLR2004
        raise OptionError(f"an array must be (H, W), (H, W, 3) or (H, W, 4), got {array.shape}")
    restored = np.array(array)
    restored[..., :3] = _quantised(_restore_floats(array[..., :3], run), array.dtype)
    return restored


def _restore_floats(array: NDArray[Any], run: Pixels) -> Float32:
    if array.dtype in {np.dtype(np.uint8), np.dtype(np.uint16)}:
        return run(array.astype(np.float32) / np.float32(np.iinfo(array.dtype).max))
    if array.dtype.kind != "f":
        raise OptionError(f"an array must be uint8, uint16 or float, got {array.dtype}")
    if not (np.isfinite(array).all() and array.min() >= 0 and array.max() <= 1):
        raise OptionError(
            f"floats must be finite and in [0, 1], got {array.min():.4g} to {array.max():.4g}; "
            "scale them first"
        )
    return run(array.astype(np.float32))


def _quantised(pixels: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    if dtype.kind == "f":
        return pixels.astype(dtype)
    codes: NDArray[Any] = np.rint(pixels * np.iinfo(dtype).max).astype(dtype)
    return codes


def _restore_pil(picture: Any, image: Any, run: Pixels) -> Any:
    if picture.mode in {"L", "RGB", "RGBA"}:
        restored = image.fromarray(_restore_array(np.asarray(picture), run))
    else:  # palettes, CMYK, 16-bit grey and the like have no channels to restore one by one
        mode = "RGBA" if picture.has_transparency_data else "RGB"
        restored = _restore_pil(picture.convert(mode), image, run)
    restored.info = dict(picture.info)
    return restored


def _restore_tensor(tensor: Any, torch: Any, run: Pixels) -> Any:
    if tensor.ndim not in {3, 4} or tensor.shape[-3] != 3 or not tensor.is_floating_point():  # noqa: PLR2004
        raise OptionError(
            "a tensor must be floats of shape (3, H, W) or (B, 3, H, W), got "
            f"{tensor.dtype} of {tuple(tensor.shape)}"
        )
    batch = tensor.detach().float().cpu().reshape(-1, *tensor.shape[-3:]).numpy()
    restored = [_restore_array(picture.transpose(1, 2, 0), run) for picture in batch]
    planes = np.stack(restored).transpose(0, 3, 1, 2).reshape(tuple(tensor.shape))
    return torch.from_numpy(np.ascontiguousarray(planes)).to(tensor)
