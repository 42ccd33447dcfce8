"""Make a raw file of a photo, as a camera does: DNG 1.4, Bayer mosaic, uncompressed."""

import struct

import numpy as np

# XYZ (D65) to linear sRGB, IEC 61966-2-1: a camera whose colours are those of sRGB
_COLOR_MATRIX = (3.2406, -1.5372, -0.4986, -0.9689, 1.8758, 0.0415, 0.0557, -0.2040, 1.0570)
_BLACK, _WHITE = 512, 16383
_SHORT, _LONG, _RATIONAL, _ASCII, _BYTE, _SRATIONAL = 3, 4, 5, 2, 1, 10
_FORMATS = {_SHORT: "H", _LONG: "I", _RATIONAL: "I", _ASCII: "B", _BYTE: "B", _SRATIONAL: "i"}
_EXIF, _STRIP = 34665, 273


def dng(photo, *, gains=(0.5, 1.0, 0.7), orientation=1, level=1.0, extra=()):
    """Return the bytes of a DNG file.

    Args:
        photo: Shape (H, W, 3), even sides, sRGB-encoded, in [0, 1].
        gains: What the camera's red, green and blue pixels record of white.
        orientation: As in EXIF.
        level: Share of the range of the sensor that white takes.
        extra: More tags of the first IFD, as (tag, type, values).
    """
    linear = np.where(photo <= 0.04045, photo / 12.92, ((photo + 0.055) / 1.055) ** 2.4)
    recorded = linear * np.array(gains) * level
    mosaic = recorded[..., 1].copy()
    mosaic[::2, ::2], mosaic[1::2, 1::2] = recorded[::2, ::2, 0], recorded[1::2, 1::2, 2]
    samples = np.rint(_BLACK + mosaic * (_WHITE - _BLACK)).astype("<u2").tobytes()
    height, width = mosaic.shape
    tags = [
        *((254, _LONG, [0]), (256, _LONG, [width]), (257, _LONG, [height])),
        *((258, _SHORT, [16]), (259, _SHORT, [1]), (262, _SHORT, [32803])),
        *((271, _ASCII, b"Maker\0"), (272, _ASCII, b"Model One\0"), (274, _SHORT, [orientation])),
        *((277, _SHORT, [1]), (278, _LONG, [height]), (279, _LONG, [len(samples)])),
        *((33421, _SHORT, [2, 2]), (33422, _BYTE, [0, 1, 1, 2])),  # red, green; green, blue
        *((50706, _BYTE, [1, 4, 0, 0]), (50708, _ASCII, b"Maker Model One\0")),
        *((50714, _SHORT, [_BLACK]), (50717, _LONG, [_WHITE])),
        (50721, _SRATIONAL, [n for value in _COLOR_MATRIX for n in (round(value * 10000), 10000)]),
        (50728, _RATIONAL, [n for gain in gains for n in (round(gain * 10000), 10000)]),
        (50778, _SHORT, [21]),  # D65
        *extra,
    ]
    exif = [(33434, _RATIONAL, [1, 30]), (34855, _SHORT, [800]), (37500, 7, b"maker's secret" * 9)]
    end = 8 + len(_ifd([*tags, (_EXIF, _LONG, [0]), (_STRIP, _LONG, [0])], 8))
    block = _ifd(exif, end)
    tags += [(_EXIF, _LONG, [end]), (_STRIP, _LONG, [end + len(block)])]
    return b"II*\0\x08\0\0\0" + _ifd(tags, 8) + block + samples


def _ifd(tags, offset):
    tail_at = offset + 2 + 12 * len(tags) + 4
    table, tail = struct.pack("<H", len(tags)), b""
    for tag, kind, values in sorted(tags):
        data = struct.pack(f"<{len(values)}{_FORMATS.get(kind, 'B')}", *values)
        count = len(values) // (2 if kind in {_RATIONAL, _SRATIONAL} else 1)
        where = data.ljust(4, b"\0")
        if len(data) > 4:
            where = struct.pack("<I", tail_at + len(tail))
            tail += data + bytes(len(data) % 2)
        table += struct.pack("<HHI", tag, kind, count) + where
    return table + bytes(4) + tail
