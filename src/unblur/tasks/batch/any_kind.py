"""`restore()`: whatever kind of picture comes in, the same kind goes out."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from unblur.errors import OptionError, PhotoError
from unblur.imaging.photo.photo import encode_photo, read_photo
from unblur.tasks.batch.files import Source, plan_jobs, restore_file
from unblur.tasks.restore.options import RestoreOptions
from unblur.tasks.restore.pictures import check_picture, is_picture, map_pixels
from unblur.tasks.restore.restorer import Restorer, shared_restorer


def restore(
    picture: Any,
    *,
    model: str = "fast",
    method: str = "auto",
    engine: str = "auto",
    overwrite: bool = False,
    options: RestoreOptions | None = None,
) -> Any:
    """Restore a motion-blurred picture, or a batch of them.

    Args:
        picture: One of

            * a path: the result is written beside it, as ``photo.unblurred.jpg``;
            * the bytes of a photo file;
            * a NumPy array (H, W), (H, W, C) or (B, H, W, C), C = 1, 3 or 4; uint8, uint16, or
              floats in [0, 1]; a fourth channel is alpha and stays as it is, what is masked
              stays, too;
            * a PIL image: of a mode of 8 bits, of 16 bits (I;16, or I from 0 to 65535), or F in
              [0, 1]; mode 1 comes back as L; palettes, CMYK, YCbCr, HSV and LAB as RGB;
            * a PyTorch tensor (C, H, W) or (B, C, H, W), C = 1 or 3; uint8, or floats in [0, 1];
            * a list or tuple of any of these, which may differ in kind and size. All are looked
              at before the first is restored.
        model: See :class:`RestoreOptions`.
        method: See there.
        engine: See :class:`RestoreOptions`.
        overwrite: For paths: replace results that exist.
        options: All options at once; in place of ``model``, ``method`` and ``engine``.

    Returns:
        The same kind, that is the path of the new file, the bytes of a file of the same format,
        or an array, image, tensor, list or tuple of the same shape and type. A tensor comes back
        on its device, without gradients. Pictures of a batch do not depend on each other.

    Raises:
        OptionError: If a picture is of another kind, shape or type, or two photos of a list
            would be written to one file.
        PhotoError: If a file or its bytes cannot be read. What came before it in a list is done.
        TargetError: If a new file cannot be written; it may exist already.
        NetworkError: If the model is unknown or damaged.

    Examples:
        >>> import numpy as np
        >>> from unblur import restore
        >>> restore("photo.jpg")
        'photo.unblurred.jpg'
        >>> batch = np.full((2, 48, 64, 3), 128, np.uint8)
        >>> restored = restore(batch)
        >>> restored.shape, restored.dtype
        ((2, 48, 64, 3), dtype('uint8'))
        >>> [one.shape for one in restore([batch[0], batch[1, :32]])]
        [(48, 64, 3), (32, 64, 3)]
    """
    options = options or RestoreOptions(model=model, method=method, engine=engine)
    if isinstance(picture, list | tuple):
        return _restore_many(picture, options, overwrite=overwrite)
    _check(picture, options)
    return _restore_one(picture, shared_restorer(options), options, overwrite=overwrite)


def _restore_many(
    pictures: Sequence[Any], options: RestoreOptions, *, overwrite: bool
) -> list[Any] | tuple[Any, ...]:
    for index, picture in enumerate(pictures):
        try:
            _check(picture, options)
        except OptionError as error:
            raise OptionError(f"picture {index} of the list: {error}") from error
    paths = [Path(x) for x in pictures if _is_path(x)]
    jobs = plan_jobs([Source(path=path) for path in dict.fromkeys(paths)], None)
    targets = {job.source: job.target for job in jobs if job.renamed}
    restored: list[Any] = []
    done: dict[Path, Any] = {}  # a photo that is named twice is restored once
    restorer = shared_restorer(options) if pictures else None
    for index, picture in enumerate(pictures):
        assert restorer is not None
        if _is_path(picture) and Path(picture) in done:
            restored.append(type(picture)(done[Path(picture)]))
            continue
        try:
            target = targets.get(Path(picture)) if _is_path(picture) else None
            one = _restore_one(picture, restorer, options, overwrite=overwrite, target=target)
        except PhotoError as error:
            if _is_path(picture):  # the error names the file
                raise
            raise PhotoError(f"picture {index} of the list: {error}") from error
        if _is_path(picture):
            done[Path(picture)] = one
        restored.append(one)
    return tuple(restored) if isinstance(pictures, tuple) else restored


def _is_path(picture: Any) -> bool:
    return isinstance(picture, str | os.PathLike)


def _check(picture: Any, options: RestoreOptions) -> None:
    if _is_path(picture) or isinstance(picture, bytes):
        return
    if not is_picture(picture):
        raise OptionError(
            "restore takes a path, bytes, a NumPy array, a PIL image, a torch tensor or a list "
            f"of these, got {type(picture).__name__}"
        )
    if options.crop is not None:
        raise OptionError("crop is for files and their bytes; cut the picture before restoring it")
    check_picture(picture)


def _restore_one(
    picture: Any,
    restorer: Restorer,
    options: RestoreOptions,
    *,
    overwrite: bool,
    target: Path | None = None,
) -> Any:
    if isinstance(picture, bytes):
        photo = read_photo(picture, max_megapixels=options.max_megapixels)
        return encode_photo(restorer.restore(photo), photo.format)
    if _is_path(picture):
        restored = restore_file(
            Path(picture), restorer, options, target=target, overwrite=overwrite
        )
        return type(picture)(restored.target)
    return map_pixels(picture, restorer.restore_pixels)
