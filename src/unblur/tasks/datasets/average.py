"""Real motion blur: average neighbouring frames of a fast video, keep the middle one as sharp."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np

from unblur._version import __version__
from unblur.errors import DataError, TargetError
from unblur.imaging.photo.metadata import Metadata
from unblur.imaging.photo.photo import Photo, write_photo
from unblur.imaging.video.exposure import expose
from unblur.imaging.video.flow import step_px
from unblur.imaging.video.frames import Frame, Frames, Unreadable, plain
from unblur.tasks.datasets.manifest import Manifest, Record
from unblur.tasks.datasets.windows import AverageOptions, Window, draw_window, following_window

_SLOW_FPS: Final = 100
_FAST_FPS: Final = 120
_ALIKE: Final = ("source", "fps", "options")
_WINDOW: Final = ("window", "first_frame", "frames")


@dataclass(frozen=True, kw_only=True)
class Averaged:
    """A pair of files."""

    window: Window
    name: str
    step_px: float
    """The longest step between two of its frames."""
    there: bool = False
    """It had been made before."""


@dataclass(frozen=True, kw_only=True)
class Skipped:
    """A window whose average would show ghosts."""

    window: Window
    step_px: float
    """The longest step between two of its frames."""


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What became of a video."""

    made: int
    there: int
    """Pairs that had been made before."""
    skipped: int
    """Windows with too long a step."""
    cut: int
    """Windows cut short by frames that cannot be read."""
    longest_step_px: float | None
    """None if no window was complete."""
    warnings: tuple[str, ...]


Result: TypeAlias = Averaged | Skipped | Unreadable | Summary


def average(frames: Frames, out: Path, options: AverageOptions) -> Iterator[Result]:
    """Average windows of a video's frames; write ``blur/``, ``sharp/`` and a manifest.

    The blurred photo is the mean of the light over a window, as of a sensor exposed for so long;
    the sharp one is the middle frame, bit for bit. The frames of one window are held at a time.

    Args:
        frames: From :func:`unblur.imaging.video.read.open_frames`.
        out: Folder of the data set. Pairs that it has already are not made again.
        options: Which frames, and how.

    Yields:
        A result for each window that is complete, and for frames that cannot be read, which no
        window spans; the `Summary` at the end.

    Raises:
        DataError: If frames differ in size, or are fewer than the smallest window needs.
        OptionError: If the folder holds pairs of this video that were made otherwise.
        TargetError: If the folder cannot be written.
        MissingExtraError: If OpenCV is not installed.

    References:
        Nah et al., Deep Multi-scale Convolutional Neural Network for Dynamic Scene Deblurring,
        CVPR 2017, section 2; DeblurGAN, section 5.
    """
    averager = _Averager(frames, out, options)
    total = readable = 0
    for item in frames:
        if isinstance(item, Frame):
            total, readable = item.index + 1, readable + 1
            yield from averager.add(item)
        else:
            total = item.last + 1
            yield item
            yield from averager.skip(item.first, item.last)
    if readable < options.sizes[0]:
        raise DataError(
            f"{frames.path}: frames that can be read: {readable}, the smallest window needs "
            f"{options.sizes[0]}; a longer video or smaller --frames would work"
        )
    yield from averager.skip(total, total - 1)
    yield averager.summary()


class _Averager:
    """Takes frames one by one, makes windows in the order of their numbers."""

    def __init__(self, frames: Frames, out: Path, options: AverageOptions) -> None:
        self.source, self.out, self.options = frames, out, options
        self.fps = options.fps or frames.rate
        self.window = draw_window(options, 0, 0)
        self.held: dict[int, Frame] = {}
        self.steps: dict[int, float] = {}  # from the frame of this number to the next
        self.all_steps: list[float] = []
        self.manifest: Manifest | None = None
        self.made = self.there = self.skipped = self.cut = 0
        self.longest: float | None = None

    def add(self, frame: Frame) -> Iterator[Averaged | Skipped]:
        """Take the next frame, and make the windows that it completes."""
        if frame.index >= self.window.first:
            self.held[frame.index] = frame
        while self.window.end <= frame.index + 1:
            yield self._make()
            self._go_on(self.window.end)

    def skip(self, first: int, last: int) -> Iterator[Averaged | Skipped]:
        """Pass over frames that cannot be read; over none of them, at the end."""
        while self.window.first < max(first, last + 1):
            # With a stride, a long window has held up shorter ones that are complete.
            if self.window.end <= first:
                yield self._make()
                self._go_on(self.window.end)
            else:
                self.cut += self.window.first < first <= last
                self._go_on(last + 1)

    def summary(self) -> Summary:
        """Count what has been done, and say what is amiss."""
        counts = {"made": self.made, "there": self.there, "skipped": self.skipped, "cut": self.cut}
        warnings = tuple(self._warnings())
        return Summary(**counts, longest_step_px=self.longest, warnings=warnings)

    def _go_on(self, next_free: int) -> None:
        """Turn to the next window; let go of the frames before it."""
        self.window = following_window(self.options, self.window, next_free)
        first = self.window.first
        self.held = {index: frame for index, frame in self.held.items() if index >= first}
        self.steps = {index: step for index, step in self.steps.items() if index >= first}

    def _make(self) -> Averaged | Skipped:
        if self.manifest is None:
            self.manifest = self._open_manifest()
        record = self._record()
        name = record["name"]
        self.manifest.check(record, same=_ALIKE + _WINDOW)
        there = self.manifest.has(name)
        step: float = self.manifest.records[name]["longest_step_px"] if there else self._step()
        self.longest = max(self.longest or 0.0, step)
        if not there and step > self.options.max_step_px:
            self.skipped += 1
            return Skipped(window=self.window, step_px=step)
        if not there:
            self._write(record["files"])
            self.manifest.add(record | {"longest_step_px": step})
        self.there, self.made = self.there + there, self.made + (not there)
        return Averaged(window=self.window, name=name, step_px=step, there=there)

    def _step(self) -> float:
        """The longest step in the window; none is measured twice."""
        inside = range(self.window.first, self.window.end - 1)
        for at in inside:
            if at not in self.steps:
                step = round(step_px(self.held[at].pixels, self.held[at + 1].pixels), 3)
                self.steps[at] = step
                self.all_steps.append(step)
        return max((self.steps[at] for at in inside), default=0.0)

    def _open_manifest(self) -> Manifest:
        manifest = Manifest(self.out)
        ours = self._record()
        for name, record in manifest.records.items():
            if record.get("clip") == ours["clip"]:
                manifest.check(ours | {"name": name}, same=_ALIKE)
        return manifest

    def _record(self) -> Record:
        """What the manifest says about the window, but for the step."""
        window, options = self.window, asdict(self.options)
        del options["fps"]  # beside the options: it may come from the video
        # Windows that overlap may share their middle.
        size = "" if self.options.stride is None else f"-{window.size:02d}"
        name = f"{self.source.name}-{window.middle:06d}{size}"
        return {
            "name": name,
            "clip": self.source.name,
            "source": plain(str(self.source.path.resolve())),
            "window": window.number,
            "first_frame": window.first,
            "frames": window.size,
            "middle_frame": window.middle,
            "fps": self.fps,
            "exposure_seconds": window.size / self.fps if self.fps else None,
            "options": options | {"frames": list(options["frames"])},
            "files": {"blur": f"blur/{name}.png", "sharp": f"sharp/{name}.png"},
            "versions": {"unblur": __version__},
        }

    def _write(self, files: dict[str, str]) -> None:
        window, middle = self.window, self.held[self.window.middle]
        inside = [self.held[at].pixels for at in range(window.first, window.end)]
        blurred = expose(inside, gamma=self.options.gamma)
        kind, metadata = middle.pixels.dtype, Metadata(icc=middle.icc)
        sharp = middle.pixels / np.float32(np.iinfo(kind).max)
        for pixels, target in ((blurred, files["blur"]), (sharp, files["sharp"])):
            photo = Photo(pixels=pixels, bits=8 * kind.itemsize, metadata=metadata)
            _make_folder((self.out / target).parent)
            write_photo(photo, self.out / target, overwrite=True)

    def _warnings(self) -> Iterator[str]:
        limit = self.options.max_step_px
        typical = float(np.median(self.all_steps)) if self.all_steps else 0.0
        is_fast = self.fps is not None and self.fps >= _FAST_FPS
        advice = "pan more slowly" if is_fast else f"film at {_FAST_FPS} fps or more"
        if typical > limit:
            yield (
                f"most frames move {typical:.1f} px from one to the next, more than {limit:g}: "
                f"averages would show ghosts; {advice}, or raise --max-step-px"
            )
        elif self.skipped and not self.made + self.there:
            yield f"every window has a step over {limit:g} px; try smaller --frames"
        elif not self.made + self.there:
            yield "no window of the sizes drawn fits; use smaller --frames"
        if self.fps is not None and self.fps < _SLOW_FPS:
            yield (
                f"{self.fps:g} fps is slow for averages of frames; film at {_FAST_FPS} fps or "
                "more, or tell the true rate with --fps"
            )


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise TargetError(f"{folder}: cannot be made ({error.strerror})") from error
