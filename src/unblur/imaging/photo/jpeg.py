"""Decode JPEG files: damage is an error wherever it is, faults that cost no pixel are notes."""

import logging
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from unblur.imaging.photo.jpeg_faults import NO_END, mend_jpeg


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

    mended, notes = mend_jpeg(source)
    whole = source if mended is None else mended
    try:  # libjpeg merely warns where pixels are lost
        return _decode(opened(whole, "warning"), keep), notes
    except pyvips.Error as error:
        warnings = re.findall("Corrupt JPEG data: (.*)", str(error))
        # Before a restart marker they are pixels; so may they be where no marker ends the file.
        after = "extraneous bytes before marker 0x(?!d[0-7])"
        if NO_END in notes or not warnings or not all(re.search(after, x) for x in warnings):
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
