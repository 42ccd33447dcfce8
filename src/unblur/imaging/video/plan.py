"""Decide how a video is written: container, codec, pixels; say what none of them can hold."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from unblur.checks import check_known
from unblur.errors import OptionError, TargetError
from unblur.imaging.files import RESTORED, derived_name
from unblur.imaging.video.planes import Layout

if TYPE_CHECKING:
    from unblur.imaging.video.streams import Clip


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """An encoder of FFmpeg.

    Attributes:
        name: What FFmpeg calls it.
        crf: The quality that is used if none is asked for; None for a lossless one.
        worst_crf: The largest it knows.
        options: What else it is told.
        even: Sides must be multiples of the steps of chroma.
    """

    name: str
    crf: int | None
    worst_crf: int = 51
    options: dict[str, str] = field(default_factory=dict)
    even: bool = True


ENCODERS: Final = {
    "h264": Encoder(name="libx264", crf=17),
    # On its own, x265 writes to the terminal.
    "h265": Encoder(name="libx265", crf=19, options={"x265-params": "log-level=none"}),
    "vp9": Encoder(
        name="libvpx-vp9",
        crf=20,
        worst_crf=63,
        options={"b": "0", "deadline": "good", "cpu-used": "4", "row-mt": "1"},
        even=False,
    ),
    "ffv1": Encoder(
        name="ffv1", crf=None, options={"level": "3", "slicecrc": "1", "g": "1"}, even=False
    ),
}
CODECS: Final = ("auto", *ENCODERS)
FORMATS: Final = {"mp4": "mp4", "m4v": "mp4", "mov": "mov", "mkv": "matroska", "webm": "webm"}
_HOLDS: Final = {
    "mp4": ("h264", "h265", "vp9"),
    "m4v": ("h264", "h265"),
    "mov": ("h264", "h265"),
    "mkv": ("h264", "h265", "vp9", "ffv1"),
    "webm": ("vp9",),
}
_PACKED: Final = {"gbrp": "bgr0", "gbrap": "bgra"}
"""What FFV1 takes in place of planes of RGB with 8 bits."""


@dataclass(frozen=True, kw_only=True)
class VideoPlan:
    """How a video is written.

    Attributes:
        target: The file.
        codec: One of `ENCODERS`.
        crf: Quality, smaller is better; None for a lossless codec.
        layout: Of the planes to fill.
        pixels: What FFmpeg calls the pixels that the encoder takes.
        notes: What the user should be told about the choice.
    """

    target: Path
    codec: str
    crf: int | None
    layout: Layout
    pixels: str
    notes: tuple[str, ...]

    @property
    def container(self) -> str:
        """Ending of the file's name, without the dot, in small letters."""
        return self.target.suffix.lower().removeprefix(".")

    @property
    def format(self) -> str:
        """What FFmpeg calls the container."""
        return FORMATS[self.container]


def plan_video(
    clip: "Clip", target: Path | None, *, codec: str = "auto", crf: int | None = None
) -> VideoPlan:
    """Choose what is not asked for, check what is.

    ``auto`` takes the codec that the container and the source want: VP9 for WebM, FFV1 for a
    source that is lossless, H.265 for more than 8 bits, else H.264.

    Args:
        clip: The source.
        target: The file to write; None for ``NAME.unblurred.mp4`` beside the source, with the
            source's ending where that container can hold the codec, else ``.mkv``.
        codec: One of `CODECS`.
        crf: Quality; None for that of the codec.

    Raises:
        OptionError: If the codec is unknown, not in this PyAV, or has no such ``crf``.
        TargetError: If the target is the source, its ending is unknown, or its container cannot
            hold the codec.
    """
    check_known("codec", codec, CODECS)
    notes: list[str] = []
    source = Layout.of(clip.frame.format)
    ending = (target or clip.path).suffix.lower().removeprefix(".")
    if target is not None and ending not in FORMATS:
        endings = " ".join(f".{name}" for name in FORMATS)
        raise TargetError(f"{target}: cannot write '{target.suffix}' video; use {endings}")
    if codec == "auto":
        codec = _choose_codec(clip, source, ending if target else None)
    if target is None:
        if codec not in _HOLDS.get(ending, ()):
            why = f"cannot hold {codec}" if ending in FORMATS else "is read only"
            notes.append(f"written as .mkv: .{ending} {why}")
            ending = "mkv"
        suffix = clip.path.suffix if clip.path.suffix.lower() == f".{ending}" else f".{ending}"
        target = clip.path.with_name(derived_name(clip.path.stem, f"{RESTORED}{suffix}"))
    if codec not in _HOLDS[ending]:
        raise TargetError(
            f"{target}: .{ending} cannot hold {codec}; use .mkv, or --codec "
            f"{' or '.join(_HOLDS[ending])}"
        )
    if target.exists() and target.samefile(clip.path):
        raise TargetError(f"{target}: is the source itself; name another file")
    layout = _choose_layout(clip, source, codec, notes)
    if not source.alpha and clip.stream.metadata.get("alpha_mode") == "1":
        notes.append("alpha of VP8 or VP9 is left out: FFmpeg's own decoder does not show it")
    pixels = layout.name
    if codec == "ffv1":
        pixels = _PACKED.get(pixels, pixels)
    return VideoPlan(
        target=target,
        codec=codec,
        crf=_checked_crf(codec, crf),
        layout=layout,
        pixels=pixels,
        notes=tuple(notes),
    )


def _choose_codec(clip: "Clip", source: Layout, asked: str | None) -> str:
    ending = asked or clip.path.suffix.lower().removeprefix(".")
    coder = clip.stream.codec_context.codec
    deep = source.bits > 8  # noqa: PLR2004
    if coder.lossless and not coder.lossy and (asked is None or "ffv1" in _HOLDS[ending]):
        return "ffv1"
    if ending == "webm" and (asked or not deep):
        return "vp9"
    return "h265" if deep else "h264"


def _checked_crf(codec: str, crf: int | None) -> int | None:
    encoder = ENCODERS[codec]
    if crf is None:
        return encoder.crf
    if encoder.crf is None:
        raise OptionError(f"{codec} is lossless and takes no crf, got {crf}")
    if not 0 <= crf <= encoder.worst_crf:
        raise OptionError(f"crf must be from 0 to {encoder.worst_crf} for {codec}, got {crf}")
    return crf


def _choose_layout(clip: "Clip", source: Layout, codec: str, notes: list[str]) -> Layout:
    """The layout that loses least; of several, the smallest."""
    encoder, frame = ENCODERS[codec], clip.frame
    wanted = source
    if codec != "ffv1" and source.kind == "rgb":  # few players show RGB, or unsubsampled YUV
        wanted = Layout(kind="yuv", steps=(2, 2), bits=source.bits, alpha=source.alpha)
        notes.append("RGB becomes YUV 4:2:0; --codec ffv1 keeps it")
    known = [layout for layout in _layouts(codec) if layout.kind != "rgb" or codec == "ffv1"]
    if codec != "ffv1":
        known = [layout for layout in known if not layout.alpha]
    if source.kind == "gray" and all(layout.kind != "gray" for layout in known):
        wanted = Layout(kind="yuv", steps=(2, 2), bits=source.bits)
    if encoder.even:
        known = [
            layout
            for layout in known
            if frame.width % layout.steps[0] == frame.height % layout.steps[1] == 0
        ]
    layout = min(known, key=lambda layout: _cost(wanted, layout))
    if wanted.alpha and not layout.alpha:
        notes.append(f"{codec} has no alpha here, it is left out; --codec ffv1 keeps it")
    if layout.bits < wanted.bits:
        notes.append(
            f"{wanted.bits} bits become {layout.bits}: the encoder of {codec} here has no more"
        )
    if layout.steps != wanted.steps and layout.kind == wanted.kind == "yuv" and encoder.even:
        notes.append(
            f"{frame.width} x {frame.height} px is odd for {codec}, written as {layout.name}, "
            "which some players do not show; --codec vp9 keeps 4:2:0"
        )
    return layout


def _cost(wanted: Layout, layout: Layout) -> tuple[float, ...]:
    """What a layout loses, the worst first, and then what it has too much."""
    across, down = (got / want for got, want in zip(layout.steps, wanted.steps, strict=True))
    return (
        (wanted.kind == "rgb") != (layout.kind == "rgb"),
        wanted.kind == "yuv" != layout.kind,
        max(0, wanted.bits - layout.bits),
        wanted.alpha and not layout.alpha,
        max(across, 1.0) * max(down, 1.0),
        layout.kind != wanted.kind,
        layout.bits,
        1 / (across * down),
        layout.alpha,
    )


def _layouts(codec: str) -> list[Layout]:
    """What the encoder takes.

    Raises:
        OptionError: If there is no such encoder.
    """
    import av
    from av.codec.codec import UnknownCodecError

    try:
        names = [known.name for known in av.Codec(ENCODERS[codec].name, "w").video_formats or ()]
    except UnknownCodecError as error:
        there = [name for name in ENCODERS if ENCODERS[name].name in av.codecs_available]
        raise OptionError(
            f"this PyAV has no encoder {ENCODERS[codec].name} for {codec}; it has "
            f"{', '.join(there) or 'none of the others'}"
        ) from error
    if codec == "ffv1":
        planar = {packed: name for name, packed in _PACKED.items()}
        names = [planar.get(name, name) for name in names]
    return [layout for name in names if (layout := Layout.parse(name)) is not None]
