"""Read a photo in parts and write it from its rows, whatever its size.

Pixels wait in temporary files that have no name: nothing is left of them, however a run ends.
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unblur.errors import TargetError
from unblur.imaging.files import replace_file
from unblur.imaging.photo.decode import Opened, open_file, open_upright
from unblur.imaging.photo.encode import SIXTEEN_BIT, default_quality, keeps_alpha, save_image
from unblur.imaging.photo.photo import format_of

Float32 = NDArray[np.float32]


class StreamedPhoto:
    """A photo whose decoded pixels lie in a temporary file; a picture that is read in parts.

    Args:
        opened: What is in the file, kept on disk.
    """

    def __init__(self, opened: Opened) -> None:
        self.opened = opened
        self.height, self.width = int(opened.image.height), int(opened.image.width)
        self.colours = 1 if opened.image.bands < 3 else 3  # noqa: PLR2004
        self.bits = 8 if opened.image.format == "uchar" else 16
        self.has_alpha = opened.image.bands > self.colours

    def read(self, rows: slice, columns: slice) -> Float32:
        """A part of it, (h, w, 3) in [0, 1]."""
        import pyvips

        height, width = rows.stop - rows.start, columns.stop - columns.start
        # A region: libvips would keep the results of operations, and with them the file.
        region = pyvips.Region.new(self.opened.image)
        data = region.fetch(columns.start, rows.start, width, height)
        bands = np.frombuffer(data, np.uint8 if self.bits == 8 else np.uint16)  # noqa: PLR2004
        bands = bands.reshape(height, width, -1)[..., : self.colours]
        pixels: Float32 = np.divide(bands, self.opened.white, dtype=np.float32)
        return np.repeat(pixels, 3, axis=2) if self.colours == 1 else pixels


@contextmanager
def stream_photo(source: Path, *, max_megapixels: float) -> Iterator[StreamedPhoto]:
    """Open a photo to read it in parts; what it takes on disk is gone afterwards.

    Args:
        source: Path of the file.
        max_megapixels: See :func:`unblur.imaging.photo.photo.read_photo`.

    Raises:
        PhotoError: See :func:`unblur.imaging.photo.photo.read_photo`; if the temporary folder has
            no room for the pixels, too.
    """
    with open_file(source) as stream:
        opened = open_upright(stream, str(source), source, max_megapixels, on_disk=True)
    photo = StreamedPhoto(opened)
    del opened
    try:
        yield photo
    finally:
        del photo.opened
        _forget_operations()


def write_streamed(
    photo: StreamedPhoto,
    rows: Iterator[Float32],
    region: tuple[slice, slice],
    target: Path,
    *,
    overwrite: bool,
) -> None:
    """Write new pixels with all else that a photo has, as they come.

    The file appears whole or not at all.

    Args:
        photo: Where alpha, metadata, depth and quality come from.
        rows: The pixels, (h, W, 3) in [0, 1], from the top; together as high as the region.
        region: Rows and columns of the photo that are written.
        target: See :func:`unblur.imaging.photo.photo.write_photo`.
        overwrite: See :func:`unblur.imaging.photo.photo.write_photo`.

    Raises:
        TargetError: See :func:`unblur.imaging.photo.photo.write_photo`.
    """
    file_format = format_of(target)
    deep = photo.bits > 8 and file_format in SIXTEEN_BIT  # noqa: PLR2004
    height, width = (part.stop - part.start for part in region)
    with (
        replace_file(target, overwrite=overwrite) as temporary,
        _pixel_file(height, width, photo.colours, target, deep=deep) as (file, image),
    ):
        for part in rows:
            codes = _integers(part, photo.colours, deep=deep).data.cast("B")
            try:
                while codes:
                    codes = codes[os.write(file, codes) :]
            except OSError as error:
                raise _no_room(target, error) from error
        opacity = photo.opened.opacity
        has_alpha = photo.has_alpha and keeps_alpha(file_format, opacity)
        whole = image.bandjoin(_alpha(photo, region, deep=deep)) if has_alpha else image
        quality = default_quality(file_format, photo.opened.quality)
        try:
            save_image(
                whole,
                temporary,
                file_format,
                photo.opened.metadata,
                quality,
                deep=deep,
                opacity=opacity,
                lossless=photo.opened.lossless and file_format == photo.opened.format,
            )
        except TargetError as error:
            raise TargetError(f"{target}: {error}") from error


@contextmanager
def _pixel_file(
    height: int, width: int, colours: int, target: Path, *, deep: bool
) -> Iterator[tuple[int, Any]]:
    """A temporary file to write integers into, and the `pyvips.Image` that they will be."""
    import pyvips

    try:
        file, name = tempfile.mkstemp(prefix="unblur-")
    except OSError as error:
        raise _no_room(target, error) from error
    try:
        os.truncate(file, height * width * colours * (2 if deep else 1))
        # It is mapped now, and read when all is there.
        image = pyvips.Image.rawload(
            name, width, height, colours, format="ushort" if deep else "uchar"
        )
        if sys.platform != "win32":  # where a file that is open has to have a name
            Path(name).unlink()
        yield file, image
    finally:
        image = None
        _forget_operations()
        os.close(file)
        with suppress(OSError):
            Path(name).unlink(missing_ok=True)


def _no_room(target: Path, error: OSError) -> TargetError:
    return TargetError(
        f"{target}: its pixels cannot be kept in the temporary folder ({error.strerror}); name "
        "another one with TMPDIR"
    )


def _alpha(photo: StreamedPhoto, region: tuple[slice, slice], *, deep: bool) -> Any:
    """Opacity as integers that are written, rounded as :func:`encode_photo` does."""
    image = photo.opened.image
    rows, columns = region
    alpha = image[image.bands - 1].crop(
        columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start
    )
    full, top = (65535 if is_deep else 255 for is_deep in (photo.bits > 8, deep))  # noqa: PLR2004
    for old, new, kind in ((photo.opened.white, full, image.format), (full, top, None)):
        if old != new:
            scaled = (alpha.cast("double") * (new / old)).rint()
            alpha = scaled.cast(kind or ("ushort" if deep else "uchar"))
    return alpha


def _integers(pixels: Float32, colours: int, *, deep: bool) -> NDArray[Any]:
    if colours == 1:
        pixels = pixels.mean(axis=2, keepdims=True)
    codes = np.rint(np.clip(pixels, 0, 1) * (65535 if deep else 255))
    return codes.astype(np.uint16 if deep else np.uint8, order="C")


def _forget_operations() -> None:
    """Let libvips drop the results that it keeps for later: they hold files on disk.

    What it keeps of other pictures goes, too; that costs time at most.
    """
    import pyvips

    most = pyvips.cache_get_max()
    pyvips.cache_set_max(0)
    pyvips.cache_set_max(most)
