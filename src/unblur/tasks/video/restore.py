"""Restore a video: new pictures, frame by frame; sound, subtitles, times and tags as they were."""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from unblur import checks
from unblur.errors import DataError, OptionError, PhotoError
from unblur.imaging.photo.photo import READABLE
from unblur.imaging.video.coder import FrameCoder
from unblur.imaging.video.plan import CODECS, VideoPlan, plan_video
from unblur.imaging.video.planes import Float32, Plane
from unblur.imaging.video.streams import Clip, Moment
from unblur.imaging.video.writer import VideoWriter, write_video
from unblur.tasks.video.flicker import Steadier
from unblur.tasks.video.overlap import Ahead, Behind

if TYPE_CHECKING:
    from unblur.tasks.restore.restorer import Restorer

_PHOTOS: Final = frozenset(READABLE) - {".gif"}  # which may move
_FLICKER_LIMIT: Final = 1.15


@dataclass(frozen=True, kw_only=True)
class VideoOptions:
    """How to restore a video."""

    codec: str = "auto"
    """``h264``, ``h265``, ``vp9``, ``ffv1``, or ``auto``: what source and container want."""
    crf: int | None = None
    """Quality of the encoder, smaller is better; None for a high one."""
    start: float = 0.0
    """Time at which to begin, in seconds."""
    duration: float | None = None
    """How many seconds to restore; None for all."""
    strength: float = 1.0
    """Share of the restored picture in the result, 0 to 1; the rest is the original."""

    def __post_init__(self) -> None:
        """Check values."""
        checks.known(self, codec=CODECS)
        if not 0 <= self.start < float("inf"):
            raise OptionError(f"start must be 0 or more seconds, got {self.start}")
        if self.duration is not None and not 0 < self.duration < float("inf"):
            raise OptionError(f"duration must be more than 0 seconds, got {self.duration}")
        checks.share(self, "strength")


@dataclass(frozen=True, kw_only=True)
class VideoStep:
    """How far a video is."""

    frames: int
    """Number of frames restored so far."""
    total: int | None
    """About how many there are; None if the file does not tell."""
    seconds: float
    """Seconds of the video that are restored so far."""


@dataclass(frozen=True, kw_only=True)
class RestoredVideo:
    """A video that has been written."""

    source: Path
    target: Path
    codec: str
    frames: int
    seconds: float
    """Length of the result."""
    flicker: float | None
    """Mean change from one frame to the next, as a multiple of what the source's would be if it
    were as sharp; None if nothing changes there, or there is one frame only."""
    missing: tuple[str, ...]
    """What could not be read, and so is not in the result; empty for a sound file."""
    notes: tuple[str, ...]
    """What the user should be told."""

    @property
    def may_flicker(self) -> bool:
        """It changes more from frame to frame than its source, so much that it may be seen."""
        return self.flicker is not None and self.flicker > _FLICKER_LIMIT


VideoResult: TypeAlias = VideoStep | RestoredVideo

Film: TypeAlias = Callable[
    [Iterable[tuple[Any, Float32 | None]]], Iterator[tuple[Any, Float32 | None, Float32 | None]]
]
"""Restores frames in their order, each with anything beside it."""


def restore_video(
    source: Path,
    target: Path | None,
    restorer: "Restorer",
    options: VideoOptions | None = None,
    *,
    overwrite: bool = False,
) -> Generator[VideoResult, None, None]:
    """Restore the frames of a video, write them with all its other streams.

    Frames keep their number and times, the file its orientation, shape of pixels, colours, bits,
    metadata and chapters. Only the change that the network makes is converted to YUV and added:
    what it leaves alone keeps its codes. It is held steady where nothing moves. Decoding, network
    and encoding overlap.

    Args:
        source: Any video that FFmpeg reads.
        target: The file to write, see :func:`unblur.imaging.video.plan.plan_video`.
        restorer: Restores frames by its network, at the scales that suit the blur of the last ones;
            if it looks for blurs, also by what moves from frame to frame. Kernels that are looked
            for in each would make the video flicker.
        options: How.
        overwrite: Replace a file that exists.

    Returns:
        An iterator that does the work: a `VideoStep` for every frame, at last a `RestoredVideo`.
        Closed before its end it leaves nothing behind.

    Raises:
        PhotoError: If the source is a photo, no video, or has no frame that can be read.
        OptionError: If no frame begins in the part asked for, or an option does not fit.
        TargetError: If the target cannot be written, exists, or cannot hold the codec.
        DataError: If the size of the frames changes.
        MissingExtraError: If PyAV is not installed.
    """
    options = options or VideoOptions()
    if source.suffix.lower() in _PHOTOS and source.is_file():
        raise PhotoError(f"{source}: is a photo; `unblur restore {source}` restores it")
    clip = Clip(source, start=options.start, seconds=options.duration)
    try:
        plan = plan_video(clip, target, codec=options.codec, crf=options.crf)
    except BaseException:
        clip.close()
        raise
    film = restored_film(restorer) if options.strength else partial(_one_by_one, None)
    return _run(clip, plan, film, options, overwrite=overwrite)


def restored_film(restorer: "Restorer") -> Film:
    """What restores frames that come one after the other, each with anything beside it.

    Yields what came with a frame, the frame and the restored frame; where none came, None twice.
    """
    from unblur.tasks.methods.blind import BlindMethod
    from unblur.tasks.restore.restorer import Restorer
    from unblur.tasks.video.neighbours import Neighbours

    single = for_film(restorer)
    if single is not restorer:  # which looks for blurs
        method, options = restorer.method, restorer.options
        if isinstance(method, BlindMethod) and options.crop is None and options.mask is None:
            streams, strength = restorer.streams, options.strength
            whole = Restorer(single.method, replace(single.options, strength=1.0), streams=streams)
            guided, threads = method.guided, method.threads
            return Neighbours(whole, guided, strength=strength, threads=threads).restored
    return partial(_one_by_one, single.restore_pixels)


def _one_by_one(
    restore: Callable[[Float32], Float32] | None, items: Iterable[tuple[Any, Float32 | None]]
) -> Iterator[tuple[Any, Float32 | None, Float32 | None]]:
    """Frames restored each by itself; None leaves them alone."""
    for item, rgb in items:
        yield item, rgb, None if rgb is None or restore is None else restore(rgb)


def for_film(restorer: "Restorer") -> "Restorer":
    """The network that stands by, at scales that suit the film, if the blur is looked for."""
    from unblur.tasks.methods.film import FilmMethod
    from unblur.tasks.methods.network import NetworkMethod
    from unblur.tasks.restore.restorer import Restorer

    alone = restorer.without_search()
    if alone is restorer or not isinstance(alone.method, NetworkMethod):
        return alone
    return Restorer(FilmMethod(alone.method), alone.options, streams=restorer.streams)


_Decoded: TypeAlias = tuple[tuple[Moment, list[Plane]], Float32 | None]
_Restored: TypeAlias = tuple[Moment, list[Plane], Float32 | None, Float32 | None]


def _run(
    clip: Clip, plan: VideoPlan, film: Film, options: VideoOptions, *, overwrite: bool
) -> Generator[VideoResult, None, None]:
    coder, steadier = FrameCoder(clip.frame, plan.layout), Steadier(options.strength)
    total, frames, seconds = clip.count, 0, 0.0
    missing = []
    with closing(clip), write_video(clip, plan, coder, overwrite=overwrite) as writer:
        put_away = partial(_put_away, writer, coder, steadier)
        with Ahead(_prepare(clip, coder)) as items, Behind(put_away) as out:
            for (moment, planes), rgb, restored in film(items):
                if moment.lost:
                    missing.append(moment.lost)
                out.put((moment, planes, rgb, restored))
                if moment.frame is not None:
                    frames += 1
                    seconds = float((moment.pts + moment.duration) * clip.time_base)
                    yield VideoStep(frames=frames, total=total, seconds=seconds)
            out.finish()
    notes = [*clip.notes, *plan.notes, *writer.notes]
    if steadier.ratio is not None and steadier.ratio > _FLICKER_LIMIT:
        notes.append(
            f"may flicker: from frame to frame it changes {steadier.ratio:.2f} times as much as "
            f"the source, more than {_FLICKER_LIMIT}; --strength 0.5 would lessen that"
        )
    yield RestoredVideo(
        source=clip.path,
        target=plan.target,
        codec=plan.codec,
        frames=frames,
        seconds=seconds,
        flicker=steadier.ratio,
        missing=tuple(missing),
        notes=tuple(notes),
    )


def _prepare(clip: Clip, coder: FrameCoder) -> Iterator[_Decoded]:
    """Decode, and convert to RGB; for packets after the last frame no planes and no RGB."""
    import av  # installed: the clip is open

    size = (clip.frame.width, clip.frame.height)
    for moment in clip:
        frame = moment.frame
        if frame is None:
            yield (moment, []), None
            continue
        if (frame.width, frame.height) != size:
            raise DataError(
                f"{clip.path}: the first frame is {size[0]} x {size[1]} px, a later one "
                f"{frame.width} x {frame.height} px; frames must all have one size"
            )
        try:
            planes, rgb = coder.read(frame)
        except (av.FFmpegError, ValueError) as error:
            why = f"its pixels, {frame.format.name}, cannot be made RGB ({error})"
            raise PhotoError(f"{clip.path}: {why}; convert it to another format") from error
        yield (moment, planes), rgb


def _put_away(writer: VideoWriter, coder: FrameCoder, steadier: Steadier, item: _Restored) -> None:
    """Encode a frame, and copy the packets that came with it."""
    moment, planes, rgb, restored = item
    for packet in moment.packets:
        writer.copy(packet)
    if moment.frame is None:
        return
    change = None
    if rgb is not None and restored is not None:
        change = steadier.add(rgb, restored)
    writer.write(coder.write(planes, change), moment.pts, moment.duration)
