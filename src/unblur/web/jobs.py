"""Jobs: what was asked for, how far it is, and what may be told of it."""

import re
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from unblur.tasks.progress.countdown import Countdown
from unblur.tasks.progress.pace import STAGES, Course, Pace, Way, way_of
from unblur.tasks.progress.stages import WORDS, Stage
from unblur.web.options import UNSHARP, VIDEO_ENDINGS, Wish

_ENDED: Final = frozenset({"done", "failed", "cancelled"})
_PART_ENDED: Final = frozenset({"done", "failed"})
_LONGEST_NAME: Final = 100
_FORBIDDEN: Final = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]|[\ud800-\udfff]')
"""What some system does not have in a file's name."""

_FIRSTS: Final[tuple[Stage, ...]] = ("look", "search", "follow", "write")
"""What each step begins with: some stages go by in a moment, and are one step together."""
_ORDER: Final = list(WORDS)


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A file that somebody sent."""

    name: str
    """As it was called there; anything may be in it."""
    path: Path
    """Where it lies here. A job takes a copy."""

    @property
    def is_video(self) -> bool:
        """Whether it is a video, by its name."""
        return Path(self.name).suffix.lower() in VIDEO_ENDINGS


@dataclass(kw_only=True, slots=True)
class Part:
    """One photo or video of a job."""

    name: str
    sent_bytes: int = 0
    """Size of what was sent."""
    doing: str = "waiting"
    stage: int | None = None
    """Number of what is being done, from 1."""
    stages: int | None = None
    """So many things are done one after another."""
    share: float | None = None
    """How much of the picture, or of the frames, is restored, 0 to 1, if that is known."""
    course: Course | None = None
    """How far it is, on the clock of `time.monotonic`; None until the worker has seen it."""
    diagnosis: dict[str, Any] | None = None
    error: str | None = None
    verdict: dict[str, Any] | None = None
    """What was found and what to do next, in words: see `Verdict`."""
    notes: list[str] = field(default_factory=list)
    seconds: float | None = None
    blur: dict[str, Any] | None = None
    """What was found about its blur, if that was looked for: see `BlurEstimate.facts`."""
    path: str | None = None
    """A picture of the shake that was undone, as a data URI."""
    file: str | None = None
    """The result, relative to the job's folder."""
    before: str | None = None
    after: str | None = None
    clip: str | None = None
    """Of a video: its first seconds, before above after."""
    bytes: int | None = None
    """Size of the result."""
    known: bool = False
    """Its blur is kept, so that another strength takes a moment."""

    @property
    def ended(self) -> bool:
        """Whether it is done, or failed."""
        return self.doing in _PART_ENDED

    def progress(self, now: float) -> tuple[float, float, float | None]:
        """How much work is done, how much it is altogether, and how long it will take yet.

        Args:
            now: The time, on the clock of ``course``.

        Returns:
            The first two beside those of other photos; the last in seconds, None if too little is
            known yet.
        """
        if self.course is None:
            return 0.0, 1.0, None
        share = 1.0 if self.ended else self.course.share(now)
        left = 0.0 if self.ended else self.course.left_s(now) if self.course.sure else None
        return share * self.course.weight, self.course.weight, left


@dataclass(kw_only=True)
class Job:
    """What was asked for, and how far it is."""

    id: str
    folder: Path
    wish: Wish
    parts: list[Part]
    video: bool
    reference: str | None
    state: str = "waiting"
    """``waiting``, ``running``, ``done`` (perhaps for some parts only), ``failed`` or
    ``cancelled``."""
    error: str | None = None
    ended_at: float | None = None
    stop: bool = False
    countdown: Countdown = field(default_factory=Countdown)

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in _ENDED

    @property
    def result(self) -> Path | None:
        """The file to hand out: the one result, or a zip; None if there is none."""
        made = [part.file for part in self.parts if part.file is not None]
        if self.state != "done" or not made:
            return None
        return self.folder / (made[0] if len(self.parts) == 1 else "unblurred.zip")

    def progress(self, now: float) -> tuple[float, float | None]:
        """What share of it is done, and how many seconds it will take yet.

        Args:
            now: The time, on the clock of `time.monotonic`.

        Returns:
            The second is None if too little is known yet; it counts down, and seldom rises.
        """
        if self.ended:
            return 1.0, 0.0
        done, work, left = zip(*(part.progress(now) for part in self.parts), strict=True)
        known = [x for x in left if x is not None]
        thought = sum(known) if len(known) == len(left) else None
        at = tuple((part.ended, part.course and part.course.stage) for part in self.parts)
        return sum(done) / sum(work), self.countdown.shown(thought, at)

    def facts(self, position: int = 0) -> dict[str, Any]:
        """What its owner may be told, for JSON; paths of the server are not in it.

        Args:
            position: How many jobs are before this one.
        """
        parts = []
        share, left_s = self.progress(time.monotonic())
        for index, part in enumerate(self.parts):
            facts = asdict(replace(part, course=None))
            del facts["course"]
            made = {kind: facts.pop(kind) for kind in ("file", "before", "after", "clip")}
            here = f"api/jobs/{self.id}/photos/{index}"
            facts["result"] = made["file"] and Path(made["file"]).name
            facts["source"] = None if self.state in {"failed", "cancelled"} else f"{here}/source"
            facts["urls"] = {
                {"file": "result"}.get(kind, kind): f"{here}/{ {'file': 'result'}.get(kind, kind) }"
                for kind, path in made.items()
                if path is not None and self.state == "done"
            }
            parts.append(facts)
        return {
            "id": self.id,
            "state": self.state,
            "position": position,
            "share": share,
            "left_s": left_s,
            "video": self.video,
            "strength": self.wish.strength,
            "error": self.error,
            "photos": parts,
            "result": f"api/jobs/{self.id}/result" if self.result else None,
        }


def hear(job: Job, event: dict[str, Any], pace: Pace) -> None:
    """Write down what the worker said of a job.

    Args:
        job: The job.
        event: See :mod:`unblur.web.worker`.
        pace: Learns how long photos take here.
    """
    part, now = job.parts[event["index"]], time.monotonic()
    match event["event"]:
        case "size":
            way = _way(job, known=event["known"])
            looked: tuple[Stage, ...] = () if way in {"known", "video"} else ("look",)
            stages = (*looked, *STAGES[way], "show")
            part.course = Course(pace, way, event["megapixels"], stages)
        case "stage":
            stage: Stage = event["stage"]
            if part.course is not None:
                part.course.enter(stage, now, event["share"])
            part.share, part.doing = event["share"], event.get("doing", WORDS[stage])
            part.stage, part.stages = _step(stage, video=job.video)
        case "diagnosis":
            part.diagnosis = event["diagnosis"]
        case "end" if event.get("error"):
            part.error, part.doing, part.share = event["error"], "failed", 1.0
        case "end":
            _end(part, event)
            if part.course is not None:
                part.course.end(now)


def _end(part: Part, event: dict[str, Any]) -> None:
    """Write down what became of a photo or video; what is not said of it stays as it was."""
    part.doing, part.share = "done", 1.0
    part.verdict = event.get("verdict", part.verdict)
    part.notes = event.get("notes", part.notes)
    part.seconds = event.get("seconds", part.seconds)
    part.blur = event.get("blur", part.blur)
    part.path = event.get("path", part.path)
    part.file = event.get("file", part.file)
    part.before = event.get("before", part.before)
    part.after = event.get("after", part.after)
    part.clip = event.get("clip", part.clip)
    part.bytes = event.get("bytes", part.bytes)
    part.known = event.get("known", part.known)


def _way(job: Job, *, known: bool) -> Way:
    """How the photos of a job are restored."""
    if job.video:
        return "video"
    if known:
        return "known"
    method = UNSHARP if job.wish.model == UNSHARP else "auto"
    return way_of(method, reference=job.reference is not None)


def _step(stage: Stage, *, video: bool) -> tuple[int, int]:
    """Number of a step, and of all."""
    if video:
        return 2 if stage == "show" else 1, 2
    begun = [first for first in _FIRSTS if _ORDER.index(stage) >= _ORDER.index(first)]
    return max(1, len(begun)), len(_FIRSTS)


def safe_names(names: Sequence[str]) -> list[str]:
    """File names for uploads: theirs as far as that is harmless, and no two that clash.

    Args:
        names: What the uploads were called: anything.

    Returns:
        As many names that differ but for their endings, so that their results do, too.
    """
    safe: list[str] = []
    taken: set[str] = set()
    for name in names:
        last = re.split(r"[/\\]", name)[-1]
        plain = _FORBIDDEN.sub("_", last).strip(" .") or "photo"
        path = Path(plain)
        suffix = path.suffix[:10]
        stem = path.stem.encode()[: _LONGEST_NAME - 10].decode(errors="ignore") or "photo"
        count, unique = 1, stem
        while unique.casefold() in taken:
            count += 1
            unique = f"{stem}-{count}"
        taken.add(unique.casefold())
        safe.append(unique + suffix)
    return safe
