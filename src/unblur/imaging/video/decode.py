"""Decode a video strictly: whole frames, and word of those that are lost."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av import Packet, VideoFrame, VideoStream


@dataclass(frozen=True, kw_only=True)
class Lost:
    """Neighbouring frames, by number from 0, that cannot be decoded, and why."""

    first: int
    last: int
    why: str


def whole_frames(
    stream: "VideoStream", packets: "Iterator[Packet[VideoStream]]"
) -> "Iterator[tuple[int, VideoFrame] | Lost]":
    """Decode strictly: a decoder left to itself paints over what is broken, and says nothing.

    Args:
        stream: The stream of the packets; nothing of it has been decoded yet.
        packets: Its packets in order, the empty one at the end included.

    Yields:
        Frames with their numbers, in the order in which they are shown; in place of those that
        cannot be decoded, and of those after them up to one that needs no other, a `Lost`.
    """
    stream.codec_context.options = {"err_detect": "crccheck+explode"}
    stream.thread_type = "SLICE"  # threads by frame lose more frames around an error
    index = 0
    broken: tuple[int, str] | None = None
    for item in _decode(stream, packets):
        if isinstance(item, str):
            broken = broken or (index, item)
        elif item.is_corrupt or (broken and not item.key_frame):
            broken = broken or (index, "damaged")
        else:
            if broken:
                yield Lost(first=broken[0], last=index - 1, why=broken[1])
                broken = None
            yield index, item
        index += 1
    if broken:
        yield Lost(first=broken[0], last=index - 1, why=broken[1])


def _decode(
    stream: "VideoStream", packets: "Iterator[Packet[VideoStream]]"
) -> "Iterator[VideoFrame | str]":
    """Frames as they come, and in place of one that is lost what the decoder says."""
    import av

    while True:
        try:
            packet = next(packets, None)
        except av.FFmpegError as error:
            with suppress(av.FFmpegError):
                yield from stream.decode(None)  # what the decoder still holds is whole
            yield f"and no later one: {(error.strerror or str(error)).lower()}"
            return
        if packet is None:
            return
        try:
            yield from packet.decode()
        except av.FFmpegError as error:
            if packet.size:  # or it ends the stream, and there is no frame to lose
                why = (error.strerror or str(error)).lower()
                seconds = None if packet.pts is None else float(packet.pts * packet.time_base)
                yield why if seconds is None else f"{why}, at {seconds:.3f} s"
