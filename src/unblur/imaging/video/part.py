"""A part of a video: which packets and chapters of its other streams belong to it, and when."""

from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from av import Packet

MICROSECOND: Final = Fraction(1, 1_000_000)


class Part:
    """A part of a video. Times are in seconds from the beginning of the file.

    Every stream is cut at the moment of the first frame at or after ``start``, which gets the
    time 0: packets that begin before are left out, subtitles still on screen begin with it.

    Attributes:
        start: Where the part was asked to begin.
        end: Where it was asked to end; None for the end of the file.
        zero: When its first frame is shown; None before that has been read. 0 without a cut.
        furthest: End of the packet that ends last.
    """

    def __init__(self, origin: Fraction, start: Fraction, end: Fraction | None) -> None:
        self.origin, self.start, self.end = origin, start, end
        self.zero: Fraction | None = None
        self.furthest = Fraction(0)
        self._waiting: list[Packet[Any]] = []

    def holds(self, time: Fraction) -> bool:
        """Whether a frame of that time is in the part."""
        return self.start <= time and not self.is_past(time)

    def is_past(self, time: Fraction) -> bool:
        """Whether a time is after the part."""
        return self.end is not None and time >= self.end

    def see(self, packet: "Packet[Any]") -> None:
        """Take note of how far the file reaches."""
        if packet.pts is not None and packet.size:
            end = (packet.pts + (packet.duration or 0)) * packet.time_base - self.origin
            self.furthest = max(self.furthest, end)

    def put(self, packet: "Packet[Any]") -> None:
        """Put by a packet of another stream than the pictures."""
        if packet.size:
            self._waiting.append(packet)

    def take(self) -> "list[Packet[Any]]":
        """The packets put by that belong to the part, with its times; zero must be known."""
        packets, self._waiting = self._waiting, []
        return [packet for packet in packets if self._admit(packet)]

    def chapters(self, chapters: list[Any]) -> list[Any]:
        """Those of the file's chapters that belong to the part, with its times."""
        part = []
        for chapter in chapters:
            tick: Fraction = chapter["time_base"] or MICROSECOND
            zero = round((self.origin + (self.zero or 0)) / tick)
            begin, end = max(0, chapter["start"] - zero), chapter["end"] - zero
            if self.end is not None:
                end = min(end, round((self.end + self.origin) / tick) - zero)
            if begin < end:
                part.append({**chapter, "start": begin, "end": end})
        return part

    def _admit(self, packet: "Packet[Any]") -> bool:
        assert self.zero is not None
        begin = packet.pts if packet.pts is not None else packet.dts
        if begin is None:
            return not self.start
        if self.is_past(begin * packet.time_base - self.origin):
            return False
        zero = round((self.origin + self.zero) / packet.time_base)
        late = zero - begin
        if self.start and late > 0:
            if packet.stream.type != "subtitle" or late >= (packet.duration or 0):
                return False
            packet.duration = (packet.duration or 0) - late
            packet.pts = packet.dts = 0
            return True
        packet.pts = begin - zero
        packet.dts = (begin if packet.dts is None else packet.dts) - zero
        return True
