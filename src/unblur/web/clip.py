"""A short clip of a video before and after, to compare in a browser."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from unblur.imaging.video.frames import Frame, Frames
from unblur.imaging.video.read import open_frames

_SECONDS: Final = 4.0
_SIDE_PX: Final = 640
_MOST_FRAMES: Final = 240
_USUAL_RATE: Final = 25.0


def write_clip(before: Path, after: Path, target: Path) -> None:
    """Write the first seconds of a video, each frame above the same frame restored.

    One file with both halves: they cannot get out of step, whatever the browser does.

    Args:
        before: The video.
        after: The restored one; it has the same frames.
        target: An MP4 file; both halves are as large, at most 640 px a side.

    Raises:
        UnblurError: If one of them cannot be read.
        MissingExtraError: If PyAV is not installed.
    """
    both = open_frames(before), open_frames(after)
    import av  # installed: the frames are open

    rate = both[0].rate or _USUAL_RATE
    count = max(1, min(_MOST_FRAMES, round(_SECONDS * rate)))
    width, height = _small(both[0].size)
    with av.open(f"file:{target}", "w", format="mp4", options={"movflags": "faststart"}) as out:
        stream: Any = out.add_stream("libx264", rate=Fraction(rate).limit_denominator(1001))
        stream.width, stream.height, stream.pix_fmt = width, 2 * height, "yuv420p"
        stream.options = {"crf": "18", "preset": "veryfast"}
        for pair in islice(zip(*map(_pictures, both), strict=False), count):
            stacked = np.concatenate([_resized(pixels, width, height) for pixels in pair])
            frame = av.VideoFrame.from_ndarray(stacked, format="rgb24")
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def _pictures(frames: Frames) -> Iterator[NDArray[np.uint8]]:
    for item in frames:
        if isinstance(item, Frame):
            pixels = item.pixels
            yield (
                (pixels >> 8).astype(np.uint8)
                if pixels.dtype == np.uint16
                else pixels.astype(np.uint8)
            )


def _small(size: tuple[int, int]) -> tuple[int, int]:
    """Width and height of a half: even, as chroma is half as fine."""
    scale = min(1.0, _SIDE_PX / max(size))
    width, height = (max(2, 2 * round(scale * side / 2)) for side in size)
    return width, height


def _resized(pixels: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    import av

    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
    return frame.reformat(width, height, "rgb24").to_ndarray().astype(np.uint8, copy=False)
