# ruff: noqa: PLR2004 (numbers of the file format)
"""What the samples of a TIFF mean: read from its tags before a pixel is decoded.

References:
    TIFF Revision 6.0, Adobe, 1992, sections 18 (associated alpha) to 23 (CIE L*a*b*).
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from unblur.errors import PhotoError

_BITS, _COMPRESSION, _PHOTOMETRIC, _SAMPLES, _INK_SET = 258, 259, 262, 277, 332
_EXTRA, _FORMAT, _COEFFICIENTS, _SUBSAMPLING, _REFERENCE = 338, 339, 529, 530, 532
_WANTED: Final = frozenset(
    {_BITS, _COMPRESSION, _PHOTOMETRIC, _SAMPLES, _INK_SET, _EXTRA, _FORMAT}
    | {_COEFFICIENTS, _SUBSAMPLING, _REFERENCE}
)
_LETTERS: Final = {1: "B", 3: "H", 4: "I", 5: "II", 16: "Q"}
_MOST_NUMBERS: Final = 64
_RGB, _INKS, _YCBCR, _CIELAB, _ICCLAB = 2, 5, 6, 8, 9
_JPEG: Final = frozenset({6, 7})
_READ: Final = (
    "grey or RGB, with or without alpha, CMYK or Lab, of 8 or 16-bit integers without a sign can "
    "be read"
)
_NUMBER: Final = {1: "uint", 2: "int", 3: "float"}
_KNOWN: Final = frozenset({*range(7), _CIELAB, _ICCLAB})
"""Photometric interpretations; those of cameras and of HDR have numbers from 32768 on."""

Tags = dict[int, tuple[float, ...]]
Convert = Callable[[Any], Any]


@dataclass(frozen=True, kw_only=True)
class TiffKind:
    """How a TIFF is to be loaded."""

    source: bytes | Path
    """The file, or its content with another photometric interpretation, for libvips."""
    convert: Convert | None = None
    """From a `pyvips.Image` of raw samples to one of RGB."""
    note: str | None = None
    """What that does, in words."""
    opacity: bool = True
    """The extra channel, if there is one, says how opaque a pixel is."""


def tiff_kind(stream: BinaryIO, name: str, source: bytes | Path) -> TiffKind:
    """Tell what the samples of a TIFF's first picture mean.

    Args:
        stream: The file; moved.
        name: What to call it in errors.
        source: Its content or its path.

    Raises:
        PhotoError: If they are of a kind that cannot be read.
    """
    tags, places = _read_tags(stream)
    kind = int(tags.get(_PHOTOMETRIC, (1,))[0])
    bits = {int(number) for number in tags.get(_BITS, (1,))}
    formats = {int(number) for number in tags.get(_FORMAT, (1,))} - {4}  # 4: nothing is said
    _check_samples(name, kind, int(tags.get(_SAMPLES, (1,))[0]), bits, formats)
    if kind == _INKS and tags.get(_INK_SET, (1,))[0] != 1:
        raise PhotoError(
            f"{name}: this TIFF has inks other than cyan, magenta, yellow and black; {_READ}"
        )
    extra = tags.get(_EXTRA, ())
    opacity = not (len(extra) == 1 and extra[0] == 0)
    convert: Convert | None = None
    note = None
    if (kind == _CIELAB and bits == {8}) or kind == _ICCLAB:
        convert, note = _lab_converter(bits, signed=kind == _CIELAB), "Lab converted to sRGB"
    elif kind == _YCBCR and int(tags.get(_COMPRESSION, (1,))[0]) not in _JPEG:
        if tags.get(_SUBSAMPLING, (2, 2)) == (1, 1):
            convert, note = _ycbcr_converter(tags), "YCbCr converted to RGB"
        else:  # libtiff makes RGB of it, and an alpha that is not in the file
            convert, note = _without_alpha, "YCbCr converted to RGB"
    if kind == _YCBCR and bits != {8}:
        raise PhotoError(f"{name}: this TIFF has YCbCr of {_sizes(bits)} bits; 8 bits can be read")
    if kind in {_CIELAB, _ICCLAB} and convert is not None:
        source = _as_rgb(source, stream, places[_PHOTOMETRIC])
    return TiffKind(source=source, convert=convert, note=note, opacity=opacity)


def unspecify_extra(stream: BinaryIO) -> None:
    """Set in a TIFF, in place, that the meaning of its extra channel is not specified."""
    _, places = _read_tags(stream)
    if _EXTRA in places:
        stream.seek(places[_EXTRA])
        stream.write(bytes(2))


def _check_samples(name: str, kind: int, samples: int, bits: set[int], formats: set[int]) -> None:
    """Refuse numbers that would be taken for others."""
    is_lab = kind == _CIELAB  # its colours are signed, or floats
    numbers = sorted(formats - ({1, 2, 3} if is_lab else {1}))
    if numbers or (max(bits) > 16 and not (is_lab and formats == {3})):
        number = _NUMBER.get(max(numbers or formats or {1}), "complex")
        size = "" if bits == {32} else f"{_sizes(bits)}-bit "
        raise PhotoError(f"{name}: {samples} channels of type {size}{number}; {_READ}")
    if kind not in _KNOWN and kind < 32768:
        raise PhotoError(f"{name}: this TIFF has a photometric interpretation of {kind}; {_READ}")


def _sizes(bits: set[int]) -> str:
    return " and ".join(map(str, sorted(bits)))


def _read_tags(stream: BinaryIO) -> tuple[Tags, dict[int, int]]:
    """Numbers of the first IFD's tags, and where in the file each tag's value field is."""
    tags: Tags = {}
    places: dict[int, int] = {}
    try:
        stream.seek(0)
        order = {b"II": "<", b"MM": ">"}[stream.read(2)]
        big = struct.unpack(order + "H", stream.read(2)) == (43,)
        word, counted, length = ("Q", "Q", 20) if big else ("I", "H", 12)
        stream.seek(8 if big else 4)
        (start,) = struct.unpack(order + word, stream.read(8 if big else 4))
        stream.seek(start)
        (count,) = struct.unpack(order + counted, stream.read(8 if big else 2))
        first = stream.tell()
        table = stream.read(length * min(count, 4096))
        for index, entry in enumerate(struct.iter_unpack(f"{order}HH{word}{word[0]}", table)):
            tag, kind, numbers, _ = entry
            letters = _LETTERS.get(kind)
            if tag not in _WANTED or letters is None or numbers > _MOST_NUMBERS:
                continue
            field = first + length * index + (12 if big else 8)
            size = struct.calcsize("<" + letters * numbers)
            at = field
            if size > (8 if big else 4):
                at = entry[3]
            stream.seek(at)
            values = struct.unpack(order + letters * numbers, stream.read(size))
            if kind == 5:
                values = tuple(x / (y or 1) for x, y in zip(*[iter(values)] * 2, strict=True))
            tags[tag], places[tag] = values, field
    except (struct.error, KeyError, OSError, OverflowError):
        pass  # damaged: libvips says how
    return {tag: values for tag, values in tags.items() if values}, places


def _as_rgb(source: bytes | Path, stream: BinaryIO, place: int) -> bytes:
    """A file that says its samples are RGB, so that libvips hands them over as they are."""
    content = bytearray(source if isinstance(source, bytes) else source.read_bytes())
    content[place : place + 2] = struct.pack(
        "<H" if content[:2] == b"II" else ">H",
        _RGB,
    )
    return bytes(content)


def _lab_converter(bits: set[int], *, signed: bool) -> Convert:
    """From codes of Lab to Lab: lightness from 0 to 100, colours from -128 to 127."""
    deep = bits == {16}

    def convert(image: Any) -> Any:
        half = 32768 if deep else 128
        light = image[0] * (100 / ((65535 if signed else 65280) if deep else 255))
        colours = [band ^ half if signed else band for band in (image[1], image[2])]
        colours = [(band.cast("float") - half) / (256 if deep else 1) for band in colours]
        lab = light.bandjoin(colours).cast("float").copy(interpretation="lab")
        # In the light of D50, which Lab is of in files: libvips would take it for D65.
        depth = 16 if deep else 8
        rgb = lab.icc_export(pcs="lab", output_profile="srgb", depth=depth)
        rgb = rgb.copy(interpretation="rgb16" if deep else "srgb")
        rgb.remove("icc-profile-data")
        return rgb if image.bands == 3 else rgb.bandjoin(image[3])

    return convert


def _ycbcr_converter(tags: Tags) -> Convert:
    """From codes of YCbCr to RGB, by the coefficients and the range that the file names."""
    red, green, blue = tags.get(_COEFFICIENTS, (0.299, 0.587, 0.114))[:3]
    lows_highs = tags.get(_REFERENCE, (0, 255, 128, 255, 128, 255))
    lows, highs = lows_highs[::2], lows_highs[1::2]
    tops = (255, 127, 127)
    scales = [top / (high - low or 1) for top, low, high in zip(tops, lows, highs, strict=True)]
    matrix = [
        [1, 0, 2 - 2 * red],
        [1, -blue * (2 - 2 * blue) / green, -red * (2 - 2 * red) / green],
        [1, 2 - 2 * blue, 0],
    ]

    def convert(image: Any) -> Any:
        colours = image.extract_band(0, n=3)
        even = colours.linear(scales, [-low * x for low, x in zip(lows, scales, strict=True)])
        rgb = even.recomb(matrix).rint().cast("uchar").copy(interpretation="srgb")
        return rgb if image.bands == 3 else rgb.bandjoin(image[3])

    return convert


def _without_alpha(image: Any) -> Any:
    return image.extract_band(0, n=3) if image.bands > 3 else image
