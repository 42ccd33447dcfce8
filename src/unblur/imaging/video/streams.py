"""Read a video to write another: frames with their times, and all its other streams as packets."""

from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from unblur.errors import OptionError, PhotoError, UnblurError
from unblur.imaging.video.decode import Lost, whole_frames
from unblur.imaging.video.part import MICROSECOND, Part
from unblur.imaging.video.read import HDR_CURVES, open_container, picture_stream

if TYPE_CHECKING:
    from av import Packet, VideoFrame
    from av.stream import Stream

_RUN_UP_SECONDS: Final = 1
"""Sound lies in a file a little before or behind its pictures: seek so much further back."""
_LAG_SECONDS: Final = 10
_SHORT_SECONDS: Final = Fraction(1, 4)
"""A file that ends so much before its header says has been cut."""
_TELLS_ITS_LENGTH: Final = {"mov", "matroska", "avi"}
_SIDE_DATA: Final = {
    "A53_CC": "closed captions in the pictures",
    "MASTERING_DISPLAY_METADATA": "HDR mastering metadata",
    "DYNAMIC_HDR_PLUS": "HDR10+ metadata",
    "DOVI_METADATA": "Dolby Vision metadata",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Moment:
    """A frame, and what came since the last.

    Attributes:
        frame: As decoded; None for packets after the last frame.
        pts: When it is shown, in the time base of the clip, 0 at its beginning.
        duration: How long, in that time base; 0 if not known.
        packets: Of the other streams, with their times moved like the frame's.
        lost: Why frames before this one are missing, and which; None if none is.
    """

    frame: "VideoFrame | None"
    pts: int = 0
    duration: int = 0
    packets: "list[Packet[Any]]" = field(default_factory=list)
    lost: str | None = None


class Clip:
    """A video open for reading once, whole or a `Part` of it.

    Args:
        path: The video.
        start: Where to begin, in seconds.
        seconds: How much to read from there; None reads all.

    Raises:
        PhotoError: If it is no video, or has no frame that can be read.
        OptionError: If no frame begins in that part.
        MissingExtraError: If PyAV is not installed.
    """

    def __init__(self, path: Path, *, start: float = 0.0, seconds: float | None = None) -> None:
        if path.is_dir() or not path.exists():
            which = "is a folder" if path.is_dir() else "no such file"
            raise PhotoError(f"{path}: {which}; name a video")
        self.path = path
        begin = round(start / MICROSECOND) * MICROSECOND
        end = None if seconds is None else begin + round(seconds / MICROSECOND) * MICROSECOND
        self._open(begin, end)
        if begin:
            self._seek()
        self._first = next(self._moments, None)
        if begin and (self._began is None or self._began > begin):
            self.close()  # a file that cannot seek, or not there
            self._open(begin, end)
            self._first = next(self._moments, None)
        if self._first is None or self._first.frame is None:
            self.close()
            raise self._no_frame()
        self.frame = self._first.frame

    def _open(self, start: Fraction, end: Fraction | None) -> None:
        self.container = open_container(self.path)
        self.stream = picture_stream(self.path, self.container)
        self.time_base: Fraction = self.stream.time_base or MICROSECOND
        self.rate: Fraction = self.stream.average_rate or self.stream.guessed_rate or Fraction(25)
        self.copies: list[Stream] = [s for s in self.container.streams if s is not self.stream]
        origin = max(0, self.container.start_time or 0) * MICROSECOND
        self._part = Part(origin, start, end)
        self._began: Fraction | None = None
        self._last: Fraction | None = None
        self._lost: str | None = None
        self._moments = self._read()

    def close(self) -> None:
        """Close the file."""
        self._moments.close()
        self.container.close()

    def __iter__(self) -> Iterator[Moment]:
        """Read the part, once.

        Yields:
            The frames in order; last, perhaps, a `Moment` without one.
        """
        assert self._first is not None
        yield self._first
        yield from self._moments

    @property
    def count(self) -> int | None:
        """About how many frames there are to read; None if the file does not tell."""
        if self.container.duration is None:
            return self.stream.frames or None
        length, part = self.container.duration * MICROSECOND, self._part
        if self.stream.frames and not part.start and (part.end is None or part.end >= length):
            return self.stream.frames
        end = length if part.end is None else min(part.end, length)
        return max(1, round((end - part.start) * self.rate))

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should be told about how the video is read."""
        frame, notes = self.frame, []
        curve = HDR_CURVES.get(frame.color_trc)
        if curve:
            notes.append(f"an HDR video ({curve}), restored as if it were not")
        if frame.interlaced_frame:
            notes.append("interlaced, restored and written as if it were not: deinterlace it first")
        lost = [what for name, what in _SIDE_DATA.items() if name in frame.side_data]
        if lost:
            notes.append(f"left out: {', '.join(lost)}")
        return tuple(notes)

    @property
    def chapters(self) -> list[Any]:
        """The chapters of the part, as PyAV has them, their times from its beginning."""
        return self._part.chapters(self.container.chapters())

    def _seek(self) -> None:
        import av

        part, length = self._part, self._said_length()
        if length is not None and part.start > length + _RUN_UP_SECONDS:
            self.close()
            raise OptionError(
                f"{self.path}: is {_clock(length)} long, cannot begin at {_clock(part.start)}"
            )
        target = max(Fraction(0), part.start - _RUN_UP_SECONDS) + part.origin
        with suppress(av.FFmpegError):
            self.container.seek(round(target / MICROSECOND), backward=True)

    def _read(self) -> Generator[Moment, None, None]:
        part, packets = self._part, self._packets()
        for item in whole_frames(self.stream, packets):
            if isinstance(item, Lost):
                # Right after seeking, frames may need others from before.
                if self._began is not None or not part.start:
                    self._lost = self._lost or item.why
                continue
            frame = item[1]
            time = self._time_of(frame)
            since, self._last = self._last, time
            lost, self._lost = self._lost, None
            if self._began is None:
                self._began = time
            if part.is_past(time):
                break
            if not part.holds(time):
                continue
            if part.zero is None:
                part.zero = time if part.start else Fraction(0)
            yield Moment(
                frame=frame,
                pts=round((time - part.zero) / self.time_base),
                duration=frame.duration or round(1 / self.rate / self.time_base),
                packets=part.take(),
                lost=lost and f"no frame from {_clock(since)} to {_clock(time)} ({lost})",
            )
        else:
            if part.zero is not None:
                yield Moment(frame=None, packets=part.take(), lost=self._why_over())
            return
        if part.zero is not None:
            self._read_on(packets)
            yield Moment(frame=None, packets=part.take())

    def _packets(self) -> "Iterator[Packet[Any]]":
        """The packets of the pictures; those of other streams are put by."""
        for packet in self.container.demux():
            self._part.see(packet)
            if packet.stream is self.stream:
                yield packet
            else:
                self._part.put(packet)

    def _read_on(self, packets: "Iterator[Packet[Any]]") -> None:
        """Sound of the part may follow its last picture in the file."""
        import av

        with suppress(av.FFmpegError):
            for packet in packets:
                time = (packet.dts or 0) * packet.time_base - self._part.origin
                if self._part.is_past(time - _LAG_SECONDS):
                    return

    def _time_of(self, frame: "VideoFrame") -> Fraction:
        """A frame without a time, or with an old one, follows the last."""
        ticks = frame.pts if frame.pts is not None else frame.dts
        if ticks is None:
            return Fraction(0) if self._last is None else self._last + 1 / self.rate
        time = ticks * (frame.time_base or self.time_base) - self._part.origin
        if self._last is not None and time <= self._last:
            return self._last + self.time_base
        return time

    def _why_over(self) -> str | None:
        """What is missing at the end of the file, if anything."""
        last = _clock(self._last)
        if self._lost:
            return f"no frame after {last} ({self._lost})"
        said, short = self._said_length(), max(_SHORT_SECONDS, 2 / self.rate)
        if said is None or self._part.furthest + short >= said:
            return None
        return f"no frame after {last}: the file is cut, its header says {_clock(said)}"

    def _said_length(self) -> Fraction | None:
        """Seconds, as the header says; None if it does not, and FFmpeg would guess."""
        length, names = self.container.duration, self.container.format.name.split(",")
        known = length is not None and not _TELLS_ITS_LENGTH.isdisjoint(names)
        return (length or 0) * MICROSECOND if known else None

    def _no_frame(self) -> UnblurError:
        if self._last is None:
            why = f": {self._lost}" if self._lost else ""
            return PhotoError(f"{self.path}: this video has no frame that can be read{why}")
        part = self._part
        until = "" if part.end is None else f" to {_clock(part.end)}"
        return OptionError(
            f"{self.path}: no frame begins in the part from {_clock(part.start)}{until}; the last "
            f"one read begins at {_clock(self._last)}"
        )


def _clock(seconds: Fraction | None) -> str:
    return f"{float(seconds or 0):.3f} s"
