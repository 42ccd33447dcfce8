# ruff: noqa: PLR2004 (numbers of the file format)
"""Decode JPEG files: damage is an error wherever it is, faults that cost no pixel are notes.

libjpeg warns of those as it warns of lost pixels, and tells the first warning only: they are
mended before, so that all others are errors.

References:
    ITU-T T.81 (JPEG), annex B; ITU-T T.871 (JFIF); ITU-T T.872 6.5.3 (Adobe's marker).
"""

import logging
import mmap
import re
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

_NO_END: Final = "no end-of-image marker; the pixels are all there"
"""What is said of a file without one."""
_SOF: Final = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_FILLING: Final = 16
"""More zeros than this at the end of a file are no values of its last pixels."""
_SEQUENTIAL: Final = frozenset({0xC0, 0xC1})
_PROGRESSIVE: Final = 0xC2
_SOS, _EOI, _APP0, _APP14 = 0xDA, 0xD9, 0xE0, 0xEE
_ALONE: Final = frozenset({0x01, *range(0xD0, 0xD9)})
"""Markers without a length."""
_END_OF_SCAN: Final = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_NO_SPECTRUM: Final = bytes([0, 63, 0])
_COLOURS: Final = {3: (1, "YCbCr", (0, 1)), 4: (2, "YCCK", (0, 2))}
"""By number of components: the colour transform that is assumed, its name, those that are known."""


def load_jpeg(
    opened: Callable[[bytes | Path, str], Any],
    source: bytes | Path,
    keep: Callable[[Any], Any],
) -> tuple[Any, list[str]]:
    """Decode a JPEG.

    Args:
        opened: Reads the header of a content or a path with libvips's ``fail_on``.
        source: The file.
        keep: Decodes all pixels.

    Returns:
        The decoded `pyvips.Image`, and which faults of the file were mended.

    Raises:
        pyvips.Error: If pixels are lost.
    """
    import pyvips

    mended, notes = _mend_faults(source)
    whole = source if mended is None else mended
    try:  # libjpeg merely warns where pixels are lost
        return _decode(opened(whole, "warning"), keep), notes
    except pyvips.Error as error:
        warnings = re.findall("Corrupt JPEG data: (.*)", str(error))
        # Before a restart marker they are pixels; so may they be where no marker ends the file.
        after = "extraneous bytes before marker 0x(?!d[0-7])"
        if _NO_END in notes or not warnings or not all(re.search(after, x) for x in warnings):
            raise
    return keep(opened(whole, "error")), notes  # harmless, and common


def _decode(image: Any, keep: Callable[[Any], Any]) -> Any:
    """All pixels of an image; libvips tells of the last rows only once the file is closed."""
    import pyvips

    references = [image]
    del image
    with _warnings() as heard:
        kept = keep(references.pop())
    if heard:
        pyvips.vips_lib.vips_error_clear()
        lines = "\n".join(heard)
        raise pyvips.Error("unable to decode the last rows", f"\n{lines}")
    return kept


@contextmanager
def _warnings() -> Iterator[list[str]]:
    """What libvips logs of JPEG data in this thread."""
    import pyvips

    heard: list[str] = []
    thread = threading.get_ident()

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.thread == thread:
                heard.extend(re.findall("VipsJpeg: (.*)", record.getMessage()))

    listener = Listener(logging.WARNING)
    pyvips.logger.addHandler(listener)
    try:
        yield heard
    finally:
        pyvips.logger.removeHandler(listener)


@dataclass
class _Walk:
    """What is known of a file after its markers have been gone through."""

    components: int = 0
    frame: int = 0
    ids: tuple[int, ...] = ()
    is_jfif: bool = False
    adobe: int | None = None
    """Where the colour transform of Adobe's marker is."""
    bits_left: dict[tuple[int, int], int] = field(default_factory=dict)
    """Of component and coefficient: how many of the lowest bits have not come yet."""
    ended: bool = False
    whole: bool = True
    """No segment is cut short."""
    edits: list[tuple[int, int, bytes]] = field(default_factory=list)
    """From, to, and what belongs there."""
    notes: list[str] = field(default_factory=list)

    def is_complete(self) -> bool:
        """Whether every component has come, to the last bit where it comes bit by bit."""
        coefficients = range(64) if self.frame == _PROGRESSIVE else (0,)
        wanted = ((name, place) for name in self.ids for place in coefficients)
        return bool(self.ids) and all(self.bits_left.get(one, 1) == 0 for one in wanted)


def _mend_faults(source: bytes | Path) -> tuple[bytes | None, list[str]]:
    """Mend what is wrong with a JPEG but costs no pixel.

    That is: a missing end-of-image marker, where all scans are there; a revision of JFIF, or a
    colour transform of Adobe's, that nobody knows; a range of coefficients that sequential JPEG
    does not have; bytes between two segments.

    Args:
        source: Its content, or its path.

    Returns:
        The mended file, or None where there was nothing to mend; and what was, in words.
    """
    if isinstance(source, bytes):
        return _mend(source)
    with source.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return _mend(data)


def _mend(data: "bytes | mmap.mmap") -> tuple[bytes | None, list[str]]:
    walk = _walk(data)
    if walk.adobe is not None and not walk.is_jfif and walk.components in _COLOURS:
        code, name, known = _COLOURS[walk.components]
        found = data[walk.adobe]
        if found not in known:
            walk.edits.append((walk.adobe, walk.adobe + 1, bytes([code])))
            walk.notes.append(f"unknown colour transform {found} in Adobe's marker read as {name}")
    if not walk.ended and walk.whole and walk.is_complete():
        walk.edits.append((_end_of_data(data), len(data), bytes([0xFF, _EOI])))
        walk.notes.append(_NO_END)
    if not walk.edits:
        return None, []
    parts, at = [], 0
    for start, end, new in sorted(walk.edits):
        parts += [data[at:start], new]
        at = end
    return b"".join([*parts, data[at:]]), list(dict.fromkeys(walk.notes))


def _end_of_data(data: "bytes | mmap.mmap") -> int:
    """Where a file ends without the zeros that it was filled with: they can be read as pixels."""
    end = len(data)
    while end > 1 and not data[end - 1]:
        end -= 1
    end += data[end - 1] == 0xFF and end < len(data)  # a value of 255 is followed by a zero
    return end if len(data) - end >= _FILLING else len(data)


def _walk(data: "bytes | mmap.mmap") -> _Walk:
    walk = _Walk()
    for at, marker, body in _segments(data, walk):
        if marker == _APP0 and body.startswith(b"JFIF\0") and len(body) >= 7:
            walk.is_jfif = True
            if body[5] != 1:
                walk.edits.append((at + 5, at + 7, bytes([1, 2])))
                walk.notes.append(f"revision {body[5]}.{body[6]:02} of JFIF read as 1.02")
        elif marker == _APP14 and body.startswith(b"Adobe") and len(body) >= 12:
            walk.adobe = at + 11
        elif marker in _SOF and len(body) >= 6:
            walk.frame, walk.components = marker, body[5]
            walk.ids = tuple(body[6::3][: body[5]])
        elif marker == _SOS:
            _note_scan(walk, at, body)
    return walk


def _note_scan(walk: _Walk, at: int, body: bytes) -> None:
    """Note which components a scan has, and which of their bits."""
    count = body[0] if body else 0
    if len(body) != 4 + 2 * count:
        walk.whole = False
        return
    first, last, bits = body[1 + 2 * count :]
    if walk.frame in _SEQUENTIAL and bytes([first, last, bits]) != _NO_SPECTRUM:
        end = at + len(body)
        walk.edits.append((end - 3, end, _NO_SPECTRUM))
        walk.notes.append("scan of a range of coefficients, which sequential JPEG does not have")
    for name in body[1 : 1 + 2 * count : 2]:
        if walk.frame == _PROGRESSIVE:
            walk.bits_left |= {(name, place): bits & 15 for place in range(first, last + 1)}
        else:
            walk.bits_left[name, 0] = 0


def _segments(data: "bytes | mmap.mmap", walk: _Walk) -> Iterator[tuple[int, int, bytes]]:
    """Where the body of each segment is, its marker and its body, up to the end of the image."""
    at, size, scanned = 2, len(data), False
    while at < size:
        start = data.find(b"\xff", at)
        if start < 0:
            walk.whole = walk.whole and scanned
            return
        if start > at:
            walk.edits.append((at, start, b""))
            walk.notes.append(f"{start - at} bytes between two segments")
        while start < size and data[start] == 0xFF:
            start += 1
        marker = data[start] if start < size else 0
        at, scanned = start + 1, False
        if not marker:  # as in a scan, where it is a value
            walk.edits.append((start - 1, at, b""))
            continue
        if marker == _EOI:
            walk.ended = True
            return
        if marker in _ALONE:
            continue
        length = struct.unpack(">H", data[at : at + 2])[0] if at + 2 <= size else 0
        if length < 2 or at + length > size:
            walk.whole = False
            return
        yield at + 2, marker, data[at + 2 : at + length]
        at += length
        if marker == _SOS:
            found = _END_OF_SCAN.search(data, at)
            if found is None:
                return
            at, scanned = found.start(), True
