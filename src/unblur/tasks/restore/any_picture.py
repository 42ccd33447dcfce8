"""A picture of any kind, restored into the same kind; and what a type checker knows of it."""

import os
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar, overload, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from unblur.errors import OptionError, PhotoError
from unblur.imaging.files import replace_file
from unblur.imaging.photo.photo import Photo, encode_photo, format_of, read_photo, write_photo
from unblur.tasks.methods.blur_estimate import Tell
from unblur.tasks.restore.options import PathLike, RestoreOptions

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

Float32 = NDArray[np.float32]

Same = TypeVar("Same", bound=str | os.PathLike[str] | bytes | Photo | NDArray[np.generic])
"""What comes out as the very type that went in."""


@runtime_checkable
class Readable(Protocol):
    """An open file, or anything else whose ``read()`` gives the bytes of a photo file."""

    def read(self) -> bytes:
        """All that is left of it."""
        ...


def is_path(picture: object) -> bool:
    """Whether it names a file."""
    return isinstance(picture, str | os.PathLike)


def is_file(picture: object) -> bool:
    """Whether it is a file: its path, its bytes, or open."""
    return is_path(picture) or isinstance(picture, bytes | Readable)


def check_any(picture: object, options: RestoreOptions, output: object = None) -> None:
    """Check, before anything is restored, that this is a picture that can be.

    Raises:
        OptionError: If it is not.
    """
    if is_file(picture) or isinstance(picture, Photo):
        return
    from unblur.tasks.restore.pictures import check_picture, is_picture

    if not is_picture(picture):
        raise OptionError(
            "restore takes a path, bytes, an open file, a Photo, a NumPy array, a PIL image, a "
            f"torch tensor or a list of these, got {type(picture).__name__}"
        )
    if options.crop is not None:
        raise OptionError("crop is for files and their bytes; cut the picture before restoring it")
    if output is not None:
        raise OptionError(
            f"output is for files, their bytes and Photos, got {type(picture).__name__}; what is "
            "returned can be saved"
        )
    check_picture(picture)


def read_bytes(picture: bytes | Readable) -> bytes:
    """The content of a photo file.

    Raises:
        PhotoError: If reading gives something else, or fails.
    """
    if isinstance(picture, bytes):
        return picture
    try:
        content = picture.read()
    except (OSError, ValueError) as error:  # closed, or open for writing alone
        raise PhotoError(f"the open file cannot be read ({error})") from error
    if not isinstance(content, bytes):
        got = type(content).__name__
        raise PhotoError(f"an open file must give bytes, got {got}; open it in binary mode, 'rb'")
    return content


class TakesPictures(ABC):
    """What takes pictures of any kind, once it can restore photos and their pixels."""

    options: RestoreOptions

    @abstractmethod
    def restore_pixels(self, pixels: Float32, *, tell: Tell | None = None) -> Float32:
        """Restore (H, W, 3) pixels."""

    @abstractmethod
    def restore_photo(self, photo: Photo, *, tell: Tell | None = None) -> Photo:
        """Restore a photo."""

    @overload
    def restore(self, picture: Same, *, tell: Tell | None = None) -> Same: ...
    @overload
    def restore(self, picture: Readable, *, tell: Tell | None = None) -> bytes: ...
    @overload
    def restore(self, picture: "Image", *, tell: Tell | None = None) -> "Image": ...
    @overload
    def restore(self, picture: "Tensor", *, tell: Tell | None = None) -> "Tensor": ...

    def restore(self, picture: object, *, tell: Tell | None = None) -> object:
        """Restore a picture of any kind; the restorer itself may be called instead.

        Args:
            picture: A photo, or whatever :func:`unblur.restore` takes but lists.
            tell: See :meth:`restore_rows`; for photos, arrays, images and tensors.

        Returns:
            The same kind. All but a photo's pixels stays as it is, and its notes say what was
            found; of a path the result is beside it, and its path is returned.

        Raises:
            OptionError: If the picture is of another kind, shape or type.
            PhotoError: If a file or its bytes cannot be read.
            TargetError: If a new file cannot be written; it may exist already.
        """
        if isinstance(picture, Photo):
            return self.restore_photo(picture, tell=tell)
        check_any(picture, self.options)
        return self.restore_any(picture, tell=tell)

    @overload
    def __call__(self, picture: Same) -> Same: ...
    @overload
    def __call__(self, picture: Readable) -> bytes: ...
    @overload
    def __call__(self, picture: "Image") -> "Image": ...
    @overload
    def __call__(self, picture: "Tensor") -> "Tensor": ...

    def __call__(self, picture: object) -> object:
        """Restore a picture of any kind: see :meth:`restore`."""
        return self.restore(picture)  # type: ignore[call-overload]  # looked at there

    def restore_any(
        self,
        picture: object,
        *,
        output: PathLike | None = None,
        overwrite: bool = False,
        tell: Tell | None = None,
    ) -> object:
        """Restore a picture that :func:`check_any` lets pass.

        Args:
            picture: Of any kind.
            output: The file to write; needs none but a path, which else has it beside it.
            overwrite: Replace a file that exists.
            tell: Is told what was found about the blur.
        """
        if is_path(picture):
            return self._restore_file(picture, output, overwrite=overwrite)
        if isinstance(picture, Photo):
            restored = self.restore_photo(picture, tell=tell)
            if output is not None:
                write_photo(restored, output, overwrite=overwrite)
            return restored
        if isinstance(picture, bytes | Readable):
            wanted = None if output is None else format_of(output)
            most = self.options.max_megapixels
            photo = read_photo(read_bytes(picture), max_megapixels=most)
            restored = self.restore_photo(photo, tell=tell)
            content = encode_photo(restored, wanted or photo.format)
            if output is not None:
                with replace_file(Path(output), overwrite=overwrite) as temporary:
                    temporary.write_bytes(content)
            return content
        from unblur.tasks.restore.pictures import map_pixels

        return map_pixels(picture, lambda pixels: self.restore_pixels(pixels, tell=tell))

    def _restore_file(
        self, source: object, output: PathLike | None, *, overwrite: bool
    ) -> str | os.PathLike[str]:
        from unblur.tasks.restore.file import restore_file

        assert isinstance(source, str | os.PathLike)
        restored = restore_file(
            Path(source),
            self,  # type: ignore[arg-type]  # a Restorer, which is all that there is of these
            target=None if output is None else Path(output),
            overwrite=overwrite,
        )
        target: str | os.PathLike[str] = type(source)(restored.target)  # type: ignore[call-arg]
        return target
