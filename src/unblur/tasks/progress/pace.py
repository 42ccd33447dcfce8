"""How long photos take here: guessed at first, then learnt from the stages of those before.

The guesses are those of two cores that have nothing else to do, and a little more, so that they
are seldom too short. What a stage took corrects what is expected of the stages after it, and of
the next photo.
"""

import math
from collections.abc import Callable, Sequence
from typing import Final, Literal, TypeAlias

from unblur.devices import cores
from unblur.tasks.progress.stages import Stage

Way: TypeAlias = Literal["auto", "known", "network", "reference", "classic", "diagnose", "video"]
"""How a photo is restored: by ``known``, as by ``auto`` with what was found for it before."""
STAGES: Final[dict[Way, tuple[Stage, ...]]] = {
    "auto": ("read", "search", "weigh", "follow", "undo", "clean", "restore", "write"),
    "known": ("read", "restore", "write"),
    "network": ("read", "restore", "write"),
    "classic": ("read", "restore", "write"),
    "reference": ("read", "reference", "restore", "write"),
    "diagnose": ("look", "search", "weigh"),
    "video": ("frames",),
}
"""The stages of each way, in order; a photo may leave some out."""

_WORKED_MP: Final = 3.2
"""Larger photos are searched, and worked on, at a fraction of their size."""
_UNKNOWN_MP: Final = 24.0
"""Of a photo whose header does not tell its size."""
_CUSHION: Final = 1.3
_CORES: Final = 0.6
"""Twice the cores do not take half the time."""
_TRUST_S: Final = 0.5
"""So much is what was expected worth, in seconds of work, against what stages really took."""
_NEWEST: Final = 0.5
"""What the last photo counts, against all before it."""
_EVEN: Final = 0.7
"""So far a stage moves evenly; then the nearer to its end, the slower."""
_OVERTIME: Final = 0.2
"""What has lasted longer than expected is thought to last so much longer again."""
_LEAST_SHARE: Final = 0.02
"""Of a stage that says how much of it is done, before it is believed."""
_SURE: Final = 0.15
"""Of the work, of which it must be known how long it takes here, before others are told."""
_S_PER_MP: Final[dict[Way, float]] = {"network": 1.0, "classic": 0.3, "auto": 0.25, "known": 0.25}
"""What is left to do when tiles are put together: all of it by a network alone."""
_USUAL: Final[dict[Stage, Callable[[float, float], float]]] = {
    # Of the photo, and as it is worked on, in megapixels. A search looks at a part.
    "open": lambda photo, worked: 0.7,
    "look": lambda photo, worked: 0.2 + 0.05 * photo + 0.7 * min(photo, 1.0),
    "read": lambda photo, worked: 0.05 + 0.05 * photo,
    "search": lambda photo, worked: 1.0 + 2.0 * min(worked, 1.0) + 0.35 * worked,
    "weigh": lambda photo, worked: 1.0 + 1.6 * min(worked, 1.0) + 0.3 * worked,
    "follow": lambda photo, worked: 2.7 * max(0.05, worked - 0.15),
    "undo": lambda photo, worked: 0.05 + 0.7 * worked,
    "clean": lambda photo, worked: 0.05 + 0.9 * worked,
    "reference": lambda photo, worked: 8.0 * (0.3 + worked),
    "frames": lambda photo, worked: 20.0,
    "write": lambda photo, worked: 0.05 + 0.1 * photo,
    "show": lambda photo, worked: 0.1 + 0.02 * photo,
}


def way_of(method: str, *, reference: bool = False) -> Way:
    """The way that `RestoreOptions` with this method, and perhaps a second shot, take."""
    if reference:
        return "reference"
    ways: dict[str, Way] = {"auto": "auto", "blind": "auto", "network": "network"}
    return ways.get(method, "classic")


class Pace:
    """What photos take here, as a multiple of what is usual, by way and stage."""

    def __init__(self) -> None:
        self._first = _CUSHION * math.pow(2 / max(1, cores()), _CORES)
        self._times: dict[tuple[Way, Stage], float] = {}
        self._seen: dict[Way, tuple[float, float]] = {}

    def expected_s(self, way: Way, stage: Stage, megapixels: float) -> float:
        """How long a stage will take, in seconds.

        Args:
            way: How the photo is restored.
            stage: The stage.
            megapixels: Of the photo.
        """
        times = self._times.get((way, stage))
        if times is None:  # as the other stages went
            took, usual = self._seen.get(way, (0.0, 0.0))
            times = (took + _TRUST_S * self._first) / (usual + _TRUST_S)
        return times * usual_s(way, stage, megapixels)

    def knows(self, way: Way, stage: Stage) -> bool:
        """Whether it has heard how long a stage takes here."""
        return (way, stage) in self._times

    def learn(self, way: Way, stage: Stage, megapixels: float, seconds: float) -> None:
        """Hear how long a stage took."""
        usual = usual_s(way, stage, megapixels)
        took, usually = self._seen.get(way, (0.0, 0.0))
        self._seen[way] = (took + seconds, usually + usual)
        times = seconds / usual
        before = self._times.get((way, stage), times)
        self._times[way, stage] = before + _NEWEST * (times - before)


def usual_s(way: Way, stage: Stage, megapixels: float) -> float:
    """What a stage takes on two cores that have nothing else to do, in seconds, about."""
    photo = megapixels if math.isfinite(megapixels) else _UNKNOWN_MP
    if stage == "restore":
        return 0.1 + _S_PER_MP.get(way, 0.25) * photo
    return _USUAL[stage](photo, min(photo, _WORKED_MP))


class Course:
    """One photo on its way: how far it is, and how long it will take yet.

    Args:
        pace: What was learnt so far; this photo adds to it, stage by stage.
        way: How the photo is restored.
        megapixels: Of the photo.
        stages: What is done, in order; None: what the way needs.
    """

    def __init__(
        self, pace: Pace, way: Way, megapixels: float, stages: Sequence[Stage] | None = None
    ) -> None:
        self._pace, self._way, self._megapixels = pace, way, megapixels
        self.stages = tuple(stages or STAGES[way])
        self.stage: Stage | None = None
        self.ended = False
        self._weights = [usual_s(way, stage, megapixels) for stage in self.stages]
        self._expected = self._hoped()
        self._at = -1
        self._since = 0.0
        self._told: float | None = None
        self._shown = 0.0
        self._took, self._took_usually = 0.0, 0.0

    @property
    def weight(self) -> float:
        """How much work it is, beside other photos."""
        return sum(self._weights)

    @property
    def sure(self) -> bool:
        """Whether enough was seen here, of this photo or others, to tell people how long it takes.

        What was guessed for a machine with nothing else to do is of no use on one that has much.
        """
        if self.ended or (self._told or 0.0) >= _LEAST_SHARE:
            return True
        known = [
            weight
            for stage, weight in zip(self.stages, self._weights, strict=True)
            if self._pace.knows(self._way, stage)
        ]
        return sum(known) >= _SURE * self.weight

    def enter(self, stage: Stage, now: float, share: float | None = None) -> None:
        """Hear of a stage; one that should have come before the last one changes nothing.

        Args:
            stage: What is done now.
            now: The time, in seconds, on any clock that this course is always asked by.
            share: So much of the stage is done, 0 to 1; None if that is not known.
        """
        if stage not in self.stages or self.stages.index(stage) < self._at:
            return
        at = self.stages.index(stage)
        if at > self._at:
            if self.stage is None:
                self._expected = self._hoped()
            self._leave(now)
            self.stage, self._at, self._since, self._told = stage, at, now, None
        if share is not None:
            self._told = max(share, self._told or 0.0)

    def end(self, now: float) -> None:
        """Hear that all is done."""
        self._leave(now)
        self.ended = True

    def share(self, now: float) -> float:
        """How much of the work is done, 0 to 1; it never falls."""
        if self.ended:
            return 1.0
        if self.stage is None:
            return 0.0
        done = sum(self._weights[: self._at]) + self._weights[self._at] * self._share_of_stage(now)
        self._shown = max(self._shown, done / self.weight)
        return self._shown

    def left_s(self, now: float) -> float | None:
        """How long it will take yet, in seconds; None if nobody knows."""
        if self.ended:
            return 0.0
        if self.stage is None:
            return sum(self._hoped()) if self.stages[0] != "frames" else None
        took, left = now - self._since, self._left_of_stage(now)
        if left is None:
            return None
        later = sum(self._expected[self._at + 1 :])
        times = self._times()
        # What takes longer now than was expected tells of the stages after it, too.
        usual = self._expected[self._at] * times
        if self._told is None and took + left > usual:
            times = (self._took + took + left + _TRUST_S) / (
                self._took_usually + self._expected[self._at] + _TRUST_S
            )
        return left + later * times

    def _hoped(self) -> list[float]:
        return [self._pace.expected_s(self._way, stage, self._megapixels) for stage in self.stages]

    def _times(self) -> float:
        """What the stages took that are done, as a multiple of what was expected."""
        return (self._took + _TRUST_S) / (self._took_usually + _TRUST_S)

    def _share_of_stage(self, now: float) -> float:
        if self._told is not None:
            return min(1.0, self._told)
        done = (now - self._since) / (self._expected[self._at] * self._times())
        if done <= _EVEN:
            return max(0.0, done)
        # It goes on as fast as it came, and then slower and slower, but never stands.
        return 1 - (1 - _EVEN) ** 2 / (1 + done - 2 * _EVEN)

    def _left_of_stage(self, now: float) -> float | None:
        took = now - self._since
        if self._told is not None and self._told >= _LEAST_SHARE:
            return took / self._told - took
        if self.stage == "frames":
            return None
        expected = self._expected[self._at] * self._times()
        return max(expected - took, _OVERTIME * max(expected, took))

    def _leave(self, now: float) -> None:
        if self.stage is None:
            return
        if self.stage == "open":  # the disk's time more than the processor's
            return
        took = now - self._since
        self._took += took
        self._took_usually += self._expected[self._at]
        if self.stage != "frames":
            self._pace.learn(self._way, self.stage, self._megapixels, took)
