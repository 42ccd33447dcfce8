"""Read and write photos; orientation, colour profile, EXIF, alpha and bit depth survive."""

import os
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Literal, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from unblur.errors import OptionError, TargetError
from unblur.imaging.files import replace_file
from unblur.imaging.photo.decode import open_file, open_upright
from unblur.imaging.photo.encode import SIXTEEN_BIT, default_quality, encode, keeps_alpha
from unblur.imaging.photo.metadata import Metadata
from unblur.imaging.photo.sniff import HEIF_ENDINGS, RAW_ENDINGS, lossless_ending, sniff

PhotoFormat: TypeAlias = Literal["jpeg", "png", "tiff", "webp", "avif"]

_FORMATS: dict[str, PhotoFormat] = {
    ".jpg": "jpeg",
    ".jpeg": "jpeg",
    ".png": "png",
    ".tif": "tiff",
    ".tiff": "tiff",
    ".webp": "webp",
    ".avif": "avif",
    **dict.fromkeys((".jpe", ".jfif", ".jfi", ".jif"), "jpeg"),  # as few people write it
}
WRITABLE = tuple(_FORMATS)
READABLE = (*WRITABLE, ".gif", *HEIF_ENDINGS, *RAW_ENDINGS)

_COLOUR_BANDS = 3


@dataclass(frozen=True, kw_only=True, eq=False)
class Photo:
    """A photo, turned upright.

    Attributes:
        pixels: Shape ``(H, W, 3)``, float, RGB in [0, 1], display-encoded, in the colour space
            of ``metadata.icc`` (sRGB if None).
        alpha: Opacity of shape ``(H, W)``, uint8 or uint16, or None.
        opacity: False where ``alpha`` is a channel of which a TIFF does not say what it means;
            it is written to TIFF alone, as what it was.
        lossless: The source is a lossless WebP or AVIF; so is what is written in its format,
            unless a quality is asked for.
        bits: Bits per channel of the source, 8 or 16; PNG, TIFF and AVIF are written with them.
        grey: The source has one colour channel; it is written as one, the mean of the three.
        format: The format of the source; of one that is not written, that of `default_suffix`.
        quality: The least quality of a JPEG made of it, 1 to 100: the one estimated for a source
            JPEG, 95 for HEIC and camera raw; None elsewhere.
        metadata: What was stored beside the pixels.
        notes: What the user should be told about how the file was read.

    Examples:
        >>> import numpy as np
        >>> from unblur import Photo
        >>> photo = Photo(pixels=np.zeros((48, 64, 3), np.float32), bits=16)
        >>> photo.pixels.shape, photo.format
        ((48, 64, 3), 'png')
        >>> photo
        <Photo 64x48 px, 16 bits, png>
    """

    pixels: NDArray[np.floating[Any]]
    alpha: NDArray[np.unsignedinteger[Any]] | None = None
    opacity: bool = True
    lossless: bool = False
    bits: int = 8
    grey: bool = False
    format: PhotoFormat = "png"
    quality: int | None = None
    metadata: Metadata = field(default_factory=Metadata)
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """What it is, without its pixels."""
        height, width, _ = self.pixels.shape
        kinds = [f"{width}x{height} px", f"{self.bits} bits", *(["grey"] if self.grey else [])]
        kinds += [*(["alpha"] if self.alpha is not None else []), self.format]
        return f"<{type(self).__name__} {', '.join(kinds)}>"

    def __post_init__(self) -> None:
        """Check shapes and types.

        Raises:
            OptionError: If an array has another shape or type than said above, or ``bits`` is
                neither 8 nor 16.
        """
        shape, kind = self.pixels.shape, self.pixels.dtype
        if len(shape) != 3 or shape[2] != _COLOUR_BANDS or kind.kind != "f":  # noqa: PLR2004
            raise OptionError(f"pixels must be float of shape (H, W, 3), got {kind} of {shape}")
        if self.bits not in {8, 16}:
            raise OptionError(f"bits must be 8 or 16, got {self.bits}")
        alpha = self.alpha
        if alpha is not None and (alpha.shape != shape[:2] or alpha.dtype.str[1:] not in "u1u2"):
            raise OptionError(
                f"alpha must be uint8 or uint16 of shape {shape[:2]}, got {alpha.dtype} "
                f"of {alpha.shape}"
            )


def default_suffix(source: str | os.PathLike[str]) -> str:
    """Return the ending of a new file for what the photo in a file has.

    Its own, if that can be written; ".tif" for camera raw; for HEIC, whose header is looked
    into, ".png" with alpha, ".tif" with more than 8 bits and ".jpg" else; for endings that say
    nothing that of the format that is in the file; ".png" for the rest.
    """
    path = Path(source)
    ending = path.suffix.lower()
    if ending in WRITABLE:
        return path.suffix
    if ending in RAW_ENDINGS:
        return ".tif"
    found = None if ending in READABLE else format_in(path)
    if ending in HEIF_ENDINGS or found == "heic":
        from unblur.imaging.photo.heif import heif_ending

        return heif_ending(path)
    usual = {"jpeg": ".jpg", "tiff": ".tif", "raw": ".tif", "webp": ".webp", "avif": ".avif"}
    return usual.get(found or "", ".png")


def format_in(path: Path) -> str | None:
    """The format of the photo that a file has in it, whatever its name; None if that is none."""
    try:
        with path.open("rb") as stream:
            return sniff(stream, str(path))
    except (OSError, ValueError):  # PhotoError is the former
        return None


def format_of(target: str | os.PathLike[str]) -> PhotoFormat:
    """Return the format that the name of a file asks for.

    Raises:
        TargetError: If its ending is not one of `WRITABLE`.
    """
    path = Path(target)
    if path.suffix.lower() not in _FORMATS:
        raise TargetError(f"{path}: cannot write '{path.suffix}'; use {' '.join(WRITABLE)}")
    return _FORMATS[path.suffix.lower()]


def read_photo(source: str | os.PathLike[str] | bytes, *, max_megapixels: float = 200.0) -> Photo:
    """Read a JPEG, PNG, TIFF, WebP, AVIF, GIF, HEIC or camera raw file.

    The pixels are turned upright first; the orientation in the metadata is 1 afterwards. CMYK
    and Lab become sRGB. Of an animation or of several pages the first is read. HEIC needs the
    extra ``heif``, camera raw the extra ``raw``; that is developed with the camera's white
    balance into sRGB of 16 bits.

    Args:
        source: Path of a file, or the content of one.
        max_megapixels: The largest picture to decode, in millions of pixels.

    Returns:
        The photo; ``notes`` names what could not be taken over as it was.

    Raises:
        PhotoError: If there is no such file, or it is not a photo in one of the formats above,
            is damaged, cut short or larger than ``max_megapixels``.

    Examples:
        >>> from unblur import read_photo
        >>> photo = read_photo("photo.jpg")
        >>> photo.pixels.dtype, photo.bits, photo.format
        (dtype('float32'), 8, 'jpeg')
        >>> bool(photo.pixels.min() >= 0 and photo.pixels.max() <= 1)
        True
    """
    if isinstance(source, bytes):
        return _read(BytesIO(source), "the photo given as bytes", source, max_megapixels)
    path = Path(source)
    with open_file(path) as stream:
        return _read(stream, str(path), path, max_megapixels)


def write_photo(
    photo: Photo,
    target: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    quality: int | None = None,
) -> None:
    """Write a photo in the format that the name of the target asks for.

    The file appears whole or not at all, and a file that it replaces stays until then.

    Args:
        photo: The photo.
        target: Path ending in one of `WRITABLE`.
        overwrite: Replace a file that exists.
        quality: See `encode_photo`.

    Raises:
        TargetError: If the target exists and ``overwrite`` is False, its ending is another, or
            it cannot be written.
        OptionError: If ``quality`` is outside 1 to 100.

    Examples:
        >>> from unblur import read_photo, write_photo
        >>> write_photo(read_photo("photo.jpg"), "copy.png")
        >>> write_photo(read_photo("photo.jpg"), "copy.png")  # never over a file, unless asked
        Traceback (most recent call last):
        unblur.errors.TargetError: copy.png: exists; ...
        >>> write_photo(read_photo("photo.jpg"), "copy.png", overwrite=True)
    """
    path, file_format = Path(target), format_of(target)
    with replace_file(path, overwrite=overwrite) as temporary:
        try:
            data = encode_photo(photo, file_format, quality=quality)
        except TargetError as error:
            raise TargetError(f"{path}: {error}") from error
        temporary.write_bytes(data)


def encode_photo(photo: Photo, format: PhotoFormat, *, quality: int | None = None) -> bytes:
    """Return the content of a photo file.

    PNG and TIFF are lossless. JPEG and WebP have 8 bits per channel, AVIF 12 for a photo of 16.
    JPEG has no alpha: it is dropped, and colour is not subsampled. What
    else the format cannot hold of ``metadata``, it goes without.

    Args:
        photo: The photo.
        format: The format to encode.
        quality: 1 to 100 for JPEG, WebP and AVIF. Not given, a JPEG gets that of its source, 90
            at least.

    Returns:
        The bytes of the file.

    Raises:
        OptionError: If ``quality`` is outside 1 to 100.
        TargetError: If the format is unknown or cannot hold the photo.
    """
    if quality is not None and not 1 <= quality <= 100:  # noqa: PLR2004
        raise OptionError(f"quality must be from 1 to 100, got {quality}")
    if format not in _FORMATS.values():
        raise TargetError(
            f"cannot encode {format!r}; use {' '.join(sorted(set(_FORMATS.values())))}"
        )
    bits = photo.bits if format in SIXTEEN_BIT else 8
    lossless = photo.lossless and format == photo.format and quality is None
    if quality is None:
        quality = default_quality(format, photo.quality)
    bands = _integer_bands(photo, bits, keep_alpha=keeps_alpha(format, photo.opacity))
    return encode(bands, format, photo.metadata, quality, opacity=photo.opacity, lossless=lossless)


def _read(stream: BinaryIO, name: str, source: bytes | Path, max_megapixels: float) -> Photo:
    decoded = open_upright(stream, name, source, max_megapixels)
    image, white = decoded.image, decoded.white
    bands = image.numpy().reshape(image.height, image.width, image.bands)
    colours = 1 if bands.shape[2] < _COLOUR_BANDS else _COLOUR_BANDS
    pixels = np.divide(bands[..., :colours], white, dtype=np.float32)
    alpha = None
    if bands.shape[2] > colours:
        alpha = bands[..., colours]
        top = np.iinfo(alpha.dtype).max
        if white != top:
            alpha = np.rint(alpha * (top / white)).astype(alpha.dtype)
    ending = lossless_ending(deep=bands.dtype.itemsize > 1, alpha=alpha is not None)
    kinds = {"gif": "png", "raw": "tiff", "heic": _FORMATS[ending]}
    return Photo(
        pixels=np.repeat(pixels, 3, axis=2) if colours == 1 else pixels,
        alpha=None if alpha is None else np.ascontiguousarray(alpha),
        opacity=decoded.opacity,
        lossless=decoded.lossless,
        bits=8 * bands.dtype.itemsize,
        grey=colours == 1,
        format=cast(PhotoFormat, kinds.get(decoded.format, decoded.format)),
        quality=decoded.quality,
        metadata=decoded.metadata,
        notes=decoded.notes,
    )


def _integer_bands(
    photo: Photo, bits: int, *, keep_alpha: bool
) -> NDArray[np.unsignedinteger[Any]]:
    """Return a photo as ``(H, W, bands)`` integers of so many bits."""
    top = 2**bits - 1
    colour = photo.pixels.mean(axis=2, keepdims=True) if photo.grey else photo.pixels
    bands = [np.rint(np.clip(colour, 0, 1) * top)]
    if photo.alpha is not None and keep_alpha:
        scale = top / np.iinfo(photo.alpha.dtype).max
        bands.append(np.rint(photo.alpha[..., None] * scale))
    return np.concatenate(bands, axis=2).astype(np.uint8 if bits == 8 else np.uint16)  # noqa: PLR2004
