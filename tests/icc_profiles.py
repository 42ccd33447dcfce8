"""Make small ICC profiles: version 2, a matrix or grey, one power for the curve."""

import struct

# Colours of red, green and blue in XYZ (D50), and the power of the curve
_SPACES = {
    "Adobe RGB": (
        ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457)),
        2.19921875,
    ),
    "ProPhoto RGB": (
        ((0.79767, 0.28804, 0.0), (0.13519, 0.71187, 0.0), (0.03134, 0.00009, 0.82491)),
        1.8,
    ),
    "Display P3": (
        ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407)),
        2.2,
    ),
}
WIDE = tuple(_SPACES)
_D50 = (0.9642, 1.0, 0.8249)


def profile(name):
    """Return the profile of a space of `WIDE`, or of "grey" with a power of 2.2."""
    colours, power = _SPACES.get(name, ((), 2.2))
    curve = b"curv" + struct.pack(">xxxxIHxx", 1, round(power * 256))
    text = name.encode() + b"\0"
    tags = {
        b"desc": b"desc" + struct.pack(">xxxxI", len(text)) + text + bytes(78),
        b"cprt": b"text" + bytes(4) + b"free\0",
        b"wtpt": _xyz(_D50),
    }
    if not colours:
        tags[b"kTRC"] = curve
    for letter, colour in zip(b"rgb", colours, strict=False):
        tags[bytes([letter]) + b"XYZ"] = _xyz(colour)
        tags[bytes([letter]) + b"TRC"] = curve
    at = 128 + 4 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for tag, value in tags.items():
        table += tag + struct.pack(">II", at + len(body), len(value))
        body += value + bytes(-len(value) % 4)
    space = b"RGB " if colours else b"GRAY"
    head = struct.pack(">I4sI4s4s4s", at + len(body), bytes(4), 0x02100000, b"mntr", space, b"XYZ ")
    head += struct.pack(">6H4s", 2026, 1, 1, 0, 0, 0, b"acsp") + bytes(28) + _xyz(_D50)[8:]
    return head.ljust(128, b"\0") + table + body


def _xyz(values):
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(value * 65536) for value in values))
