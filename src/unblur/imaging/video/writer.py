"""Write a video: new pictures, all the rest as it was; the file appears whole or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from unblur.errors import TargetError
from unblur.imaging.files import replace_file
from unblur.imaging.video.coder import FrameCoder
from unblur.imaging.video.plan import ENCODERS, VideoPlan

if TYPE_CHECKING:
    from av import Packet, VideoFrame
    from av.container import OutputContainer
    from av.stream import Stream

    from unblur.imaging.video.streams import Clip

_STALE: Final = ("encoder", "vendor_id", "major_brand", "minor_version", "compatible_brands")
_STALE_UPPER: Final = ("DURATION", "BPS", "NUMBER_OF_", "_STATISTICS")
_LEFT: Final = ("h264", "hevc", "mpeg2video", "vp9", "av1", "libdav1d")
_CHROMA: Final = {"mjpeg": "center", **dict.fromkeys(_LEFT, "left")}
"""Where 4:2:0 has its chroma. PyAV does not tell, so it is what each codec has if nothing is said;
untold, players would take another place for the new file, half a pixel off."""
_FRAME_DURATION: Final = 1 << 8  # AV_CODEC_FLAG_FRAME_DURATION


class VideoWriter:
    """Encodes frames, copies packets. Use `write_video`, which also gives the file its name.

    Attributes:
        notes: What was left out of the file, and why.
    """

    def __init__(self, file: Path, clip: "Clip", plan: VideoPlan, coder: FrameCoder) -> None:
        import av

        self._planned = plan
        self._ticks: dict[int, int] = {}
        self._dts: dict[int, int] = {}
        self.notes: list[str] = []
        container_options = {"movflags": "faststart"} if plan.container in {"mp4", "mov"} else {}
        self.container: OutputContainer = av.open(
            str(file), "w", format=plan.format, container_options=container_options
        )
        self.container.metadata.update(_kept(clip.container.metadata))
        self.container.set_chapters(clip.chapters)
        self._add_pictures(clip, coder)
        self._copies = dict(self._add_copies(clip))
        self.container.start_encoding()

    def write(self, frame: "VideoFrame", pts: int, duration: int) -> None:
        """Encode a frame that is shown from ``pts`` for ``duration``, in the clip's time base."""
        frame.pts, frame.time_base, frame.duration = pts, self._time_base, duration
        self._ticks[pts] = duration
        self._mux(self._pictures.encode(frame))

    def copy(self, packet: "Packet[Any]") -> None:
        """Copy a packet of another stream of the clip, if the file can hold that."""
        stream = self._copies.get(packet.stream.index)
        if stream is None:
            return
        if packet.dts is not None:
            last = self._dts.get(stream.index)
            if last is not None and packet.dts <= last:  # a muxer would refuse it
                packet.dts = last + 1
                packet.pts = max(packet.pts or 0, packet.dts)
            self._dts[stream.index] = packet.dts
        packet.stream = stream
        self.container.mux(packet)

    def finish(self) -> None:
        """Write what the encoder still holds, and the end of the file."""
        self._mux(self._pictures.encode(None))
        self.container.close()

    def _mux(self, packets: "list[Packet[Any]]") -> None:
        for packet in packets:
            packet.duration = self._ticks.pop(packet.pts or 0, 0) or packet.duration
            self.container.mux(packet)

    def _add_pictures(self, clip: "Clip", coder: FrameCoder) -> None:
        plan, frame = self._planned, clip.frame
        options = dict(ENCODERS[plan.codec].options)
        if plan.crf is not None:
            options["crf"] = str(plan.crf)
        siting = _CHROMA.get(clip.stream.codec_context.name)
        if siting and plan.layout.steps == (2, 2) and plan.layout.kind == "yuv":
            options["chroma_sample_location"] = siting
        stream: Any = self.container.add_stream(
            ENCODERS[plan.codec].name, rate=clip.rate, options=options
        )
        context = stream.codec_context
        stream.width, stream.height = coder.size
        context.pix_fmt = plan.pixels
        context.time_base = stream.time_base = self._time_base = clip.time_base
        context.colorspace, context.color_range = coder.tags[:2]
        context.color_primaries, context.color_trc = coder.tags[2:]
        context.flags |= _FRAME_DURATION
        if plan.codec == "h264":
            context.thread_type = "FRAME"  # slices cost a little quality
        if plan.codec == "h265" and plan.container in {"mp4", "mov"}:
            context.codec_tag = "hvc1"  # some players know no other
        if clip.stream.sample_aspect_ratio:
            context.sample_aspect_ratio = clip.stream.sample_aspect_ratio
        stream.metadata.update(_kept(clip.stream.metadata))
        stream.disposition = clip.stream.disposition
        data: Any = frame.side_data.get("DISPLAYMATRIX")
        if data is not None:
            stream.set_display_matrix(np.frombuffer(bytes(data), np.int32))
        self._pictures = stream

    def _add_copies(self, clip: "Clip") -> "Iterator[tuple[int, Stream]]":
        has_chapters = bool(clip.container.chapters())
        for stream in clip.copies:
            what = f"{stream.type} stream {stream.index}"
            context = stream.codec_context
            name = context.codec.canonical_name if context else stream.name
            # MP4 keeps titles of chapters in a stream; the chapters themselves are copied.
            if stream.type == "data" and has_chapters and name in {None, "bin_data"}:
                continue
            if not _can_hold(self._planned.format, stream):
                self.notes.append(
                    f"left out: {what} ({name or 'unknown'}), which .{self._planned.container} "
                    "cannot hold"
                )
                continue
            copy = self.container.add_stream_from_template(stream, opaque=True)
            copy.metadata.update(_kept(stream.metadata))
            copy.disposition = stream.disposition
            yield stream.index, copy


@contextmanager
def write_video(
    clip: "Clip", plan: VideoPlan, coder: FrameCoder, *, overwrite: bool
) -> Iterator[VideoWriter]:
    """Open a video to write; it appears under its name when the block ends well.

    Args:
        clip: Where streams, times, tags and metadata come from.
        plan: What to write.
        coder: Of the frames to write.
        overwrite: Replace a file that exists.

    Yields:
        The writer.

    Raises:
        TargetError: If the file exists and ``overwrite`` is False, or it cannot be written.
    """
    import av

    with replace_file(plan.target, overwrite=overwrite) as temporary:
        writer = None
        try:
            writer = VideoWriter(temporary, clip, plan, coder)
            yield writer
            writer.finish()
        except av.FFmpegError as error:
            why = (error.strerror or str(error)).lower()
            raise TargetError(f"{plan.target}: cannot be written ({why})") from error
        except BaseException:
            with suppress(OSError):
                temporary.unlink()  # before the trailer, which would copy a long file once more
            raise
        finally:
            if writer is not None:
                with suppress(av.FFmpegError, OSError):
                    writer.container.close()


def _can_hold(format_name: str, stream: "Stream") -> bool:
    """Try it: what a container takes is known to its muxer alone."""
    import av

    try:
        with av.open(BytesIO(), "w", format=format_name) as trial:
            trial.add_stream_from_template(stream, opaque=True)
            trial.start_encoding()
    except (av.FFmpegError, ValueError):
        return False
    return True


def _kept(metadata: dict[str, str]) -> dict[str, str]:
    """What is said of a file or stream, without what holds of the old file only."""
    return {
        key: value
        for key, value in metadata.items()
        if key.lower() not in _STALE and not key.startswith(_STALE_UPPER)
    }
