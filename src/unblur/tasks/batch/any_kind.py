"""`restore()`: whatever kind of picture comes in, the same kind goes out."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, Unpack, overload

from unblur.errors import OptionError, PhotoError
from unblur.tasks.batch.files import Source, plan_jobs
from unblur.tasks.restore.any_picture import Readable, Same, check_any, is_path
from unblur.tasks.restore.file import make_folder
from unblur.tasks.restore.options import PathLike, RestoreKeywords, RestoreOptions, options_with
from unblur.tasks.restore.restorer import Restorer, shared_restorer

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

_Image = TypeVar("_Image", bound="Image")


@overload
def restore(
    picture: Same,
    *,
    output: PathLike | None = None,
    overwrite: bool = False,
    options: RestoreOptions | None = None,
    **keywords: Unpack[RestoreKeywords],
) -> Same: ...
@overload
def restore(
    picture: Readable,
    *,
    output: PathLike | None = None,
    overwrite: bool = False,
    options: RestoreOptions | None = None,
    **keywords: Unpack[RestoreKeywords],
) -> bytes: ...
@overload
def restore(
    picture: list[Same],
    *,
    output: PathLike | None = None,
    overwrite: bool = False,
    options: RestoreOptions | None = None,
    **keywords: Unpack[RestoreKeywords],
) -> list[Same]: ...
@overload
def restore(
    picture: tuple[Same, ...],
    *,
    output: PathLike | None = None,
    overwrite: bool = False,
    options: RestoreOptions | None = None,
    **keywords: Unpack[RestoreKeywords],
) -> tuple[Same, ...]: ...
@overload
def restore(
    picture: "Image",
    *,
    options: RestoreOptions | None = None,
    **keywords: Unpack[RestoreKeywords],
) -> "Image": ...
@overload
def restore(
    picture: "Tensor",
    *,
    options: RestoreOptions | None = None,
    **keywords: Unpack[RestoreKeywords],
) -> "Tensor": ...
@overload
def restore(
    picture: "list[_Image]",
    *,
    options: RestoreOptions | None = None,
    **keywords: Unpack[RestoreKeywords],
) -> "list[Image]": ...
@overload
def restore(
    picture: "list[Tensor]",
    *,
    options: RestoreOptions | None = None,
    **keywords: Unpack[RestoreKeywords],
) -> "list[Tensor]": ...
@overload
def restore(
    picture: list[object] | tuple[object, ...],
    *,
    overwrite: bool = False,
    options: RestoreOptions | None = None,
    **keywords: Unpack[RestoreKeywords],
) -> Sequence[object]: ...


def restore(
    picture: object,
    *,
    output: PathLike | None = None,
    overwrite: bool = False,
    options: RestoreOptions | None = None,
    **keywords: Unpack[RestoreKeywords],
) -> object:
    """Restore a motion-blurred picture, or a batch of them.

    Args:
        picture: One of

            * a path: the result is written beside it, as ``photo.unblurred.jpg``;
            * the bytes of a photo file, or an open file, of which the bytes are read;
            * a NumPy array (H, W), (H, W, C) or (B, H, W, C), C = 1, 3 or 4; uint8, uint16, or
              floats in [0, 1]; a fourth channel is alpha and stays as it is, what is masked
              stays, too;
            * a PIL image: of a mode of 8 bits, of 16 bits (I;16, or I from 0 to 65535), or F in
              [0, 1]; mode 1 comes back as L; palettes, CMYK, YCbCr, HSV and LAB as RGB;
            * a PyTorch tensor (C, H, W) or (B, C, H, W), C = 1 or 3; uint8, or floats in [0, 1];
            * a :class:`Photo`, as from :func:`read_photo`;
            * a list or tuple of any of these, which may differ in kind and size. All are looked
              at before the first is restored.
        output: For files, bytes and photos: the file to write, in the format that its name says;
            for a path also a folder, and for a list of paths nothing else.
        overwrite: Replace results that exist.
        options: All options at once.
        keywords: The options of :class:`RestoreOptions` by their names, ``strength=0.5`` for
            one; in place of those of ``options``.

    Returns:
        The same kind, that is the path of the new file, the bytes of a file of the same format
        (for an open file, too), or an array, image, tensor, photo, list or tuple of the same
        shape and type. A tensor comes back on its device, without gradients. Pictures of a batch
        do not depend on each other.

    Raises:
        OptionError: If a picture is of another kind, shape or type, or two photos of a list
            would be written to one file.
        PhotoError: If a file or its bytes cannot be read. What came before it in a list is done.
        TargetError: If a new file cannot be written; it may exist already.
        NetworkError: If the model is unknown or damaged.
        TypeError: If there is no option of a name.

    Examples:
        >>> import numpy as np
        >>> from unblur import restore
        >>> restore("photo.jpg")
        'photo.unblurred.jpg'
        >>> restore("photo.jpg", output="sharp.png", strength=0.5, method="network")
        'sharp.png'
        >>> with open("photo.jpg", "rb") as file:
        ...     restore(file)[:2].hex()  # bytes of a JPEG, too
        'ffd8'
        >>> batch = np.full((2, 48, 64, 3), 128, np.uint8)
        >>> restored = restore(batch)
        >>> restored.shape, restored.dtype
        ((2, 48, 64, 3), dtype('uint8'))
        >>> [one.shape for one in restore([batch[0], batch[1, :32]])]
        [(48, 64, 3), (32, 64, 3)]
    """
    options = options_with(options, **keywords)
    if isinstance(picture, list | tuple):
        return _restore_many(picture, options, output, overwrite=overwrite)
    check_any(picture, options, output)
    target = None if output is None else _target(picture, output)
    restorer = shared_restorer(options)
    return restorer.restore_any(picture, output=target, overwrite=overwrite)


def _target(picture: object, output: PathLike) -> Path:
    """The one file to write; its folder is made."""
    folder = os.fspath(output).endswith(("/", os.sep)) or Path(output).is_dir()
    if isinstance(picture, str | os.PathLike):
        (job,) = plan_jobs([Source(path=Path(picture))], Path(output), is_folder=folder)
        target = job.target
    elif folder:
        raise OptionError(f"output must be a file for what has no name of its own, got {output}")
    else:
        target = Path(output)
    make_folder(target.parent)
    return target


def _restore_many(
    pictures: Sequence[object],
    options: RestoreOptions,
    output: PathLike | None,
    *,
    overwrite: bool,
) -> list[object] | tuple[object, ...]:
    for index, picture in enumerate(pictures):
        try:
            check_any(picture, options)
        except OptionError as error:
            raise OptionError(f"picture {index} of the list: {error}") from error
        if output is not None and not is_path(picture):
            raise OptionError(
                f"picture {index} of the list: output is a folder for paths, got "
                f"{type(picture).__name__}"
            )
    paths = [Path(x) for x in pictures if isinstance(x, str | os.PathLike)]
    folder = None if output is None else Path(output)
    sources = [Source(path=path) for path in dict.fromkeys(paths)]
    jobs = plan_jobs(sources, folder, is_folder=folder is not None)
    targets = {job.source: job.target for job in jobs if job.renamed or folder is not None}
    if folder is not None:
        make_folder(folder)
    restored: list[object] = []
    done: dict[Path, str | os.PathLike[str]] = {}  # a photo named twice is restored once
    restorer = shared_restorer(options) if pictures else None
    for index, picture in enumerate(pictures):
        assert restorer is not None
        if isinstance(picture, str | os.PathLike):
            path = Path(picture)
            if path not in done:
                done[path] = _restore_path(path, restorer, targets.get(path), overwrite=overwrite)
            restored.append(type(picture)(done[path]))  # type: ignore[call-arg]
            continue
        try:
            restored.append(restorer.restore_any(picture))
        except PhotoError as error:
            raise PhotoError(f"picture {index} of the list: {error}") from error
    return tuple(restored) if isinstance(pictures, tuple) else restored


def _restore_path(
    path: Path, restorer: Restorer, target: Path | None, *, overwrite: bool
) -> str | os.PathLike[str]:
    written = restorer.restore_any(path, output=target, overwrite=overwrite)
    assert isinstance(written, Path)
    return written
