"""Frames of a video to RGB, and back with what a network changed; the rest keeps its codes."""

from typing import TYPE_CHECKING, Any, Final

from unblur.imaging.video.planes import Colours, Float32, Layout, Plane, planes_of
from unblur.imaging.video.read import FULL_RANGE, SWS_FLAGS, matrix_of

if TYPE_CHECKING:
    from av import VideoFrame

_BT709: Final = 1
_BT601: Final = 6
_LIMITED: Final = 1


class FrameCoder:
    """Frames of one clip to RGB, and back with a change; what does not change keeps its codes.

    Args:
        first: The first frame: size and colours of all.
        layout: Of the planes to write.
    """

    def __init__(self, first: "VideoFrame", layout: Layout) -> None:
        matrix, red, blue = matrix_of(first)
        source = Layout.of(first.format)
        name = first.format.name
        is_full = first.color_range == FULL_RANGE or name.startswith("yuvj")
        # A grey picture that says nothing of its range has the full one, as FFmpeg takes it.
        is_full = is_full or (source.kind == "gray" and first.color_range == 0)
        self.tags = (
            first.colorspace,
            FULL_RANGE if is_full else first.color_range,
            first.color_primaries,
            first.color_trc,
        )
        if source.kind == "rgb" and layout.kind == "yuv":
            self.tags = (_BT709 if matrix == 1 else _BT601, _LIMITED, *self.tags[2:])
            is_full = False
        self.size = (first.width, first.height)
        self._colours = Colours(layout=layout, red=red, blue=blue, is_full=is_full)
        # RGB that is to be YUV is read as RGB; all else is read as it will be written.
        self._read_as = layout if source.kind in {"yuv", layout.kind} else source
        self._matrix, self._is_full = matrix, is_full

    def read(self, frame: "VideoFrame") -> tuple[list[Plane], Float32]:
        """The planes of a frame in the layout to write, and its colours, (H, W, 3) in [0, 1]."""
        name, wanted = frame.format.name, self._read_as.name
        if name.replace("yuvj", "yuv") != wanted:
            how: dict[str, Any] = {}
            if not (frame.format.is_rgb or frame.format.has_palette):
                both = FULL_RANGE if self._is_full else _LIMITED
                how = {"src_colorspace": self._matrix, "dst_colorspace": self._matrix}
                how |= {"src_color_range": both, "dst_color_range": both}
            frame = frame.reformat(format=wanted, interpolation=SWS_FLAGS, **how)
        planes = planes_of(frame)
        if self._read_as == self._colours.layout:
            return planes, self._colours.rgb(planes)
        there = Colours(layout=self._read_as, red=0.3, blue=0.1, is_full=self._is_full)
        rgb = there.rgb(planes)
        return self._colours.codes(rgb), rgb

    def write(self, planes: list[Plane], change: Float32 | None) -> "VideoFrame":
        """A frame of planes and a change of their colours, (H, W, 3) in [-1, 1]."""
        import av

        if change is not None:
            planes = self._colours.changed(planes, change)
        frame = av.VideoFrame(*self.size, self._colours.layout.name)
        for view, plane in zip(planes_of(frame), planes, strict=True):
            view[:] = plane
        frame.colorspace, frame.color_range, frame.color_primaries, frame.color_trc = self.tags
        return frame
