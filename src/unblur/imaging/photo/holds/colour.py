# ruff: noqa: PLR2004 (code points and numbers of file formats)
"""Colours that a file says by numbers: code points, gamma, primaries; as an ICC profile."""

import struct
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from unblur.imaging.photo.holds.items import Contents, Item, colour_item

HDR_CURVES: Final = {16: "PQ", 18: "HLG"}
_P3: Final = 12
_SRGB_LIKE: Final = frozenset({1, 2, 5, 6, 7})  # BT.709, unsaid, and the nearly equal BT.601
_SRGB_CURVES: Final = frozenset({1, 2, 6, 13, 14, 15})  # BT.709, unsaid, BT.601, sRGB, BT.2020
_POWERS: Final = {4: 2.2, 5: 2.8, 8: 1.0, 17: 2.6}  # ITU-T H.273, transfer characteristics
_D65: Final = (0.3127, 0.3290)
_SRGB: Final[tuple[float, ...]] = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, *_D65)
# ITU-T H.273, colour primaries: x and y of red, green, blue and white
_PRIMARIES: Final = {
    4: (0.67, 0.33, 0.21, 0.71, 0.14, 0.08, 0.310, 0.316),
    8: (0.681, 0.319, 0.243, 0.692, 0.145, 0.049, 0.310, 0.316),
    9: (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, *_D65),
    11: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.314, 0.351),
    12: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, *_D65),
    22: (0.630, 0.340, 0.295, 0.605, 0.155, 0.077, *_D65),
}
_NAMES: Final = {
    4: "BT.470 M",
    8: "Film",
    9: "BT.2020",
    11: "DCI-P3",
    12: "Display P3",
    22: "EBU Tech. 3213",
}
_D50: Final = np.array([0.96422, 1.0, 0.82491])
_BRADFORD: Final = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)
_GAMMA_OF_SRGB: Final = 1 / 2.2
_NEAR: Final = 0.005  # of gamma, or of a chromaticity: less is not seen
Float64 = NDArray[np.float64]


def code_points(primaries: int, curve: int, *, full_range: bool = True) -> Item:
    """Return colours by the code points of H.273 as an item, laid out as PNG's cICP."""
    return colour_item("cICP", bytes([primaries & 255, curve & 255, 0, full_range]))


def read_colours(contents: Contents, *, grey: bool, has_icc: bool) -> None:
    """Make an ICC profile of the colours that a file says by numbers, and notes on them.

    Args:
        contents: What was found; its ``icc`` and ``notes`` are set.
        grey: The photo has one colour channel.
        has_icc: The file has a profile of its own, which is kept; what the numbers say of HDR
            is noted still.
    """
    found = {item.form: item.data for item in contents.items if item.kind == "colour"}
    if len(found.get("cICP", b"")) >= 4:
        primaries, curve, _, full_range = found["cICP"][:4]
        icc, notes = profile_of_numbers(primaries, curve, grey=grey)
        if not full_range:
            notes.append("colours of video range, restored as if of full range")
        if not has_icc or curve in HDR_CURVES:
            contents.notes += notes
    elif "sRGB" in found:
        return
    else:
        icc = _profile_of_gamma(found.get("gAMA", b""), found.get("cHRM", b""), grey=grey)
    if not has_icc:
        contents.icc = icc


def profile_of_numbers(
    primaries: int, curve: int, *, grey: bool = False
) -> tuple[bytes | None, list[str]]:
    """Return an ICC profile of colours by the code points of H.273, and notes.

    Args:
        primaries: Colour primaries.
        curve: Transfer characteristics.
        grey: The photo has one colour channel.

    Returns:
        The profile, None for sRGB and for what no profile fits, which the notes name.
    """
    if curve in HDR_CURVES:
        return None, [f"an HDR photo ({HDR_CURVES[curve]}), restored as if it were not"]
    for what, number, known in (
        ("curve", curve, _SRGB_CURVES | set(_POWERS)),
        ("primaries", primaries, _SRGB_LIKE | set(_PRIMARIES)),
    ):
        if number not in known:
            return None, [f"colours of {what} {number} in H.273 taken for sRGB"]
    power = _POWERS.get(curve)
    if power is None and (grey or primaries in _SRGB_LIKE):
        return None, []  # all of them have the same greys
    if power is None and primaries == _P3:
        import pyvips

        return bytes(pyvips.Operation.call("profile_load", "p3")), []
    name = _NAMES.get(primaries, "sRGB primaries") + (f", gamma {power:g}" if power else "")
    return _profile(name, _PRIMARIES.get(primaries, _SRGB), power, grey=grey), []


def profile_of_chromaticities(
    corners: Sequence[float], curves: Sequence[NDArray[np.uint16]], *, grey: bool
) -> bytes | None:
    """Return an ICC profile of chromaticities and, perhaps, of curves given by their values.

    Args:
        corners: x and y of red, green, blue and white.
        curves: Values of linear light, 0 to 65535, of equally spaced codes: none for sRGB's
            curve, one, or one for each channel.
        grey: The photo has one colour channel.

    Returns:
        The profile; None if it would be that of sRGB, or the numbers make no sense.
    """
    if not curves and np.allclose(corners, _SRGB, atol=_NEAR):
        return None
    return _profile("chromaticities of the file", tuple(corners), None, grey=grey, tables=curves)


def _profile_of_gamma(gama: bytes, chrm: bytes, *, grey: bool) -> bytes | None:
    """Return the profile that PNG's gAMA and cHRM stand for, None for sRGB or nonsense."""
    gamma = struct.unpack(">I", gama)[0] / 1e5 if len(gama) == 4 else _GAMMA_OF_SRGB
    corners = _SRGB
    if len(chrm) == 32:
        white, *colours = np.reshape(np.frombuffer(chrm, ">u4") / 1e5, (4, 2)).tolist()
        corners = tuple(value for point in (*colours, white) for value in point)
    if not 0.01 < gamma < 100:
        return None
    power = None if abs(gamma - _GAMMA_OF_SRGB) < _NEAR else 1 / gamma
    plain = np.allclose(corners, _SRGB, atol=_NEAR)
    if power is None and (plain or grey):
        return None
    name = f"{'sRGB' if plain else 'cHRM'} primaries, {f'gamma {power:.3g}' if power else 'sRGB'}"
    return _profile(name, corners, power, grey=grey)


def _profile(
    name: str,
    corners: tuple[float, ...],
    power: float | None,
    *,
    grey: bool,
    tables: Sequence[NDArray[np.uint16]] = (),
) -> bytes | None:
    """Lay out an ICC profile, version 4: a matrix, or grey, and curves."""
    matrix, adaptation = _to_d50(corners)
    if matrix is None:
        return None
    curve = [_curve(power)]
    if tables:
        curve = [
            b"curv" + struct.pack(">4xI", len(table)) + table.astype(">u2").tobytes()
            for table in tables
        ]
    tags = {
        b"desc": _words(name),
        b"cprt": _words("No copyright, use freely"),
        b"wtpt": _xyz(_D50),
        b"chad": b"sf32" + struct.pack(">4x9i", *_fixed(adaptation.ravel())),
    }
    if grey:
        tags[b"kTRC"] = curve[0]
    else:
        for index, letter in enumerate((b"r", b"g", b"b")):
            tags[letter + b"XYZ"] = _xyz(matrix[:, index])
            tags[letter + b"TRC"] = curve[index % len(curve)]
    at = 128 + 4 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for tag, value in tags.items():
        table += tag + struct.pack(">II", at + len(body), len(value))
        body += value + bytes(-len(value) % 4)
    space = b"GRAY" if grey else b"RGB "
    head = struct.pack(">I4xI4s4s4s", at + len(body), 0x04300000, b"mntr", space, b"XYZ ")
    head += struct.pack(">6H4s28x", 2026, 1, 1, 0, 0, 0, b"acsp") + _xyz(_D50)[8:]
    return head.ljust(128, b"\0") + table + body


def _to_d50(corners: tuple[float, ...]) -> tuple[Any, Float64]:
    """Return the matrix from linear RGB to XYZ under D50, None for nonsense, and the adaptation."""
    points = np.reshape(corners, (4, 2)).astype(np.float64)
    eye = np.eye(3)
    if not (np.isfinite(points).all() and (points[3] > 0).all() and abs(points).max() < 2):
        return None, eye
    xyz = np.column_stack([points, 1 - points.sum(axis=1)])
    colours, white = xyz[:3].T, xyz[3] / xyz[3, 1]
    if abs(np.linalg.det(colours)) < 1e-4:
        return None, eye
    matrix = colours * np.linalg.solve(colours, white)
    cones = (_BRADFORD @ _D50) / (_BRADFORD @ white)
    adaptation: Float64 = np.linalg.solve(_BRADFORD, cones[:, None] * _BRADFORD)
    return adaptation @ matrix, adaptation


def _curve(power: float | None) -> bytes:
    if power is not None:
        return b"para" + struct.pack(">4xHxxi", 0, round(power * 65536))
    values = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)  # IEC 61966-2-1
    return b"para" + struct.pack(">4xHxx5i", 3, *_fixed(values))


def _words(text: str) -> bytes:
    data = text.encode("utf-16-be")
    return b"mluc" + struct.pack(">4xII4sII", 1, 12, b"enUS", len(data), 28) + data


def _xyz(values: Sequence[float] | Float64) -> bytes:
    return b"XYZ " + struct.pack(">4x3i", *_fixed(values))


def _fixed(values: Sequence[float] | Float64) -> list[int]:
    return [round(float(value) * 65536) for value in values]
