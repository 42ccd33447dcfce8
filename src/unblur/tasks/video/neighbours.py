"""Restore the frames of a film by what their neighbours tell of their blur.

What moves from frame to frame moved while each was exposed, along the same path: its kernel need
not be looked for. How much of the path was exposed is told by the film itself.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from unblur.devices import cores
from unblur.extras import need
from unblur.imaging.deblur.known.guide import deconvolved_guide
from unblur.imaging.measure.noise import estimate_noise
from unblur.imaging.tiles import ArrayPicture
from unblur.imaging.video.flow import flow_between
from unblur.imaging.video.paths import MovedGroup, moved_groups
from unblur.imaging.video.shutter import Shutter
from unblur.tasks.methods.guided import GuidedNetwork
from unblur.tasks.methods.shrink import enlarged, means, shrunk
from unblur.tasks.methods.strips import is_grey, without_colour

if TYPE_CHECKING:
    from unblur.tasks.restore.restorer import Restorer

Float32 = NDArray[np.float32]
T = TypeVar("T")

_LONG_SIDE_PX: Final = 960
"""Motion is told, and kernels are undone, in frames that are no larger."""
_LEAST_SIDE_PX: Final = 64
_BEST_PX: Final = 14.0
"""As long as paths may be in the frames in which they are undone, which are made smaller for it."""
_LONG: Final = 75
"""Percentile of the lengths of a frame's paths, by which that is chosen."""
_SHORT_PX: Final = (3.0, 8.0)
"""What moved along a shorter path than the former is left to the network alone; up to the latter,
in part."""
_GROUPS: Final = 4
_LOOK_AT: Final = 8
_LOOK_EVERY: Final = 4
"""Of the first frames all are asked for how long they were exposed, then one in so many."""
_SAME_SHOT: Final = 1 / 3
"""The least correlation of detail in a frame and its neighbour, all where it had moved to."""
_DETAIL_PX: Final = 31
_PLAIN_BETTER: Final = 0.75
"""Error of the network at scales that suit the blur, squared, in that of the network that knows
kernels and was shown none."""
_SHARPLY: Final = 4.0
_MARGIN_PX: Final = 16
_TINY: Final = 1e-8
_AROUND_PX: Final = 11
"""Over which expected errors are told."""


@dataclass(frozen=True, eq=False)
class _Frame:
    """A frame, what the network that knows no kernel makes of it, and that small and grey."""

    rgb: Float32
    plain: Float32
    grey: NDArray[np.uint8]


class Neighbours:
    """Restores frames that follow each other.

    Args:
        restorer: Restores single frames, in full; what it makes of them is kept where motion tells
            nothing.
        guided: Cleans up what was undone.
        strength: Share of the restored frames in the result, 0 to 1.
        threads: To undo kernels with; 0 takes one per core.

    Raises:
        MissingExtraError: If OpenCV is not installed.
    """

    def __init__(
        self,
        restorer: "Restorer",
        guided: GuidedNetwork,
        *,
        strength: float = 1.0,
        threads: int = 0,
    ) -> None:
        need("video", "cv2")
        self._restorer = restorer
        self._guided = guided
        self._strength = np.float32(strength)
        self._threads = threads or cores()
        self._shutter = Shutter()
        self._frames = 0

    def restored(
        self, items: Iterable[tuple[T, Float32 | None]]
    ) -> Iterator[tuple[T, Float32 | None, Float32 | None]]:
        """Restore frames in their order, each when the next one is known.

        Args:
            items: Anything, and the frame, (H, W, 3) in [0, 1], that comes with it; None: none.

        Yields:
            The item, the frame and the restored frame.
        """
        last: _Frame | None = None
        frame: _Frame | None = None
        waiting: list[tuple[T, Float32 | None]] = []
        for item, rgb in items:
            if rgb is not None:
                after = self._alone(rgb)
                if frame is not None:
                    yield from self._with(waiting, self._between(last, frame, after))
                    waiting = []
                last, frame = frame, after
            waiting.append((item, rgb))
        yield from self._with(waiting, None if frame is None else frame.plain)

    def _with(
        self, items: list[tuple[T, Float32 | None]], restored: Float32 | None
    ) -> Iterator[tuple[T, Float32 | None, Float32 | None]]:
        """A frame that is restored, and items without one that came after it."""
        for item, rgb in items:
            if rgb is None or restored is None:
                yield item, rgb, None
            elif self._strength == 1:
                yield item, rgb, restored
            else:
                yield item, rgb, rgb + self._strength * (restored - rgb)

    def _alone(self, rgb: Float32) -> _Frame:
        plain = self._restorer.restore_pixels(rgb)
        small = shrunk(plain, _smaller(rgb.shape))
        return _Frame(rgb, plain, np.rint(255 * small.mean(axis=2)).astype(np.uint8))

    def _between(self, last: _Frame | None, frame: _Frame, after: _Frame | None) -> Float32:
        """A frame by what its neighbours tell; not the first and last of a shot."""
        if last is None or after is None or min(frame.grey.shape) < _LEAST_SIDE_PX:
            return frame.plain
        self._frames += 1
        looks = self._frames <= _LOOK_AT or self._frames % _LOOK_EVERY == 0
        if self._shutter.share is None and not looks:
            return frame.plain
        back, ahead = (_moved(frame.grey, each.grey) for each in (last, after))
        if back is None or ahead is None:
            return frame.plain
        step: Float32 = (ahead - back) / np.float32(2)
        shrink = _smaller(frame.rgb.shape)
        if looks:
            self._shutter.see(shrunk(frame.rgb, shrink).mean(axis=2), step)
        share = self._shutter.share
        if share is None:
            return frame.plain
        lengths = np.float32(share) * np.hypot(step[..., 0], step[..., 1])
        long = float(np.percentile(lengths, _LONG))
        if long < _SHORT_PX[0]:
            return frame.plain
        more = max(1, min(round(long / _BEST_PX), min(frame.grey.shape) // _LEAST_SIDE_PX))
        trust = np.interp(lengths, _SHORT_PX, (0, 1)).astype(np.float32)[..., None]
        back, ahead, trust = (means(each, more) for each in (-back, ahead, trust))
        groups = moved_groups(back / more, ahead / more, share, _GROUPS)
        return self._undone(frame, groups, trust, shrink * more)

    def _undone(
        self, frame: _Frame, groups: list[MovedGroup], trust: Float32, shrink: int
    ) -> Float32:
        """A frame without the blur of what moved, where that is expected to be better."""
        height, width = groups[0].weight.shape
        small = np.ascontiguousarray(shrunk(frame.rgb, shrink)[:height, :width])
        noise = estimate_noise(small)

        def guide(group: MovedGroup) -> tuple[tuple[slice, slice], Float32]:
            part = _where(group)
            undone = deconvolved_guide(
                np.ascontiguousarray(small[part]),
                group.kernel,
                linear_light=True,
                noise=noise,
                threads=1,
            )
            return part, group.weight[part][..., None] * undone

        shown = np.zeros((height, width, 4), np.float32)
        with ThreadPoolExecutor(self._threads) as pool:
            for part, undone in pool.map(guide, groups):
                shown[part] += undone
        cleaned, without = (self._guided.restore(small, each) for each in (shown, None))
        errors = [_around(np.exp(2 * each[..., 3])) for each in (cleaned, without)]
        better = _SHARPLY * np.log(_PLAIN_BETTER * errors[1] / errors[0])
        weight = trust / (1 + np.exp(-better))[..., None]
        change = np.concatenate([cleaned[..., :3] - small, weight], axis=2)
        whole = (slice(0, frame.rgb.shape[0]), slice(0, frame.rgb.shape[1]))
        change = enlarged(change.astype(np.float32), shrink, whole)
        undone = frame.rgb + change[..., :3]
        if is_grey(ArrayPicture(frame.rgb)):
            undone = without_colour(undone)
        return np.clip(frame.plain + change[..., 3:] * (undone - frame.plain), 0, 1)


def _smaller(shape: tuple[int, ...]) -> int:
    return -(-max(shape[:2]) // _LONG_SIDE_PX)


def _moved(frame: NDArray[np.uint8], other: NDArray[np.uint8]) -> Float32 | None:
    """Where in another frame what is here is: px to the right and down; None in another shot."""
    import cv2

    flow = flow_between(frame, other)
    y, x = np.mgrid[: frame.shape[0], : frame.shape[1]].astype(np.float32)
    there = cv2.remap(other, x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR)
    here, there = (_detail(each.astype(np.float32)) for each in (frame, there))
    sizes = float(np.sqrt((here**2).mean() * (there**2).mean()))
    if (here * there).mean() < _SAME_SHOT * sizes:
        return None
    return np.stack([cv2.medianBlur(flow[..., axis].copy(), 5) for axis in (0, 1)], axis=2)


def _where(group: MovedGroup) -> tuple[slice, slice]:
    """Rows and columns in which a group has a say, and around them what its kernel reaches."""
    reach = len(group.kernel) // 2 + _MARGIN_PX
    rows, columns = (
        slice(max(0, int(at[0]) - reach), int(at[-1]) + 1 + reach)
        for at in (np.flatnonzero(group.weight.any(axis=axis)) for axis in (1, 0))
    )
    return rows, columns


def _detail(plane: Float32) -> Float32:
    import cv2

    return plane - cv2.blur(plane, (_DETAIL_PX, _DETAIL_PX))


def _around(values: Float32) -> Float32:
    import cv2

    # OpenCV's running sums can come out a little below 0.
    return np.maximum(cv2.blur(values, (_AROUND_PX, _AROUND_PX)), np.float32(_TINY))
