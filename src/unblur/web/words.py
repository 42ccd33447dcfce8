"""What the page says, in words: one verdict for each photo, and what to do next."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from unblur.tasks.restore.diagnose import SLIGHTLY_PX

if TYPE_CHECKING:
    from unblur.tasks.methods.blur_estimate import BlurEstimate
    from unblur.tasks.restore.file import Unchanged

_COMPARE: Final = "Drag over the picture to compare. If edges look hard, lower the strength."
_SLIGHT: Final = "The difference is small; drag over the picture to look for it."
_SECOND_SHOT: Final = (
    "a second shot of the same scene helps most: a sharp one, or a short, noisy one. "
    "Choose it under Options and restore again."
)
_NOTHING: Final = "There is nothing to do."
_SHELL: Final = ("--", "`unblur", "pip install")
"""Advice with one of these is for who types commands, not for who looks at a page."""
_KINDS: Final = "Save it as JPEG or PNG and try again."


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What became of a photo.

    Attributes:
        said: One sentence: what was found, and what was done.
        next: What to do now.
        step: What the page offers for it: ``second-shot``, ``strength``, or nothing.
        changed: False if it stays as it is, so that there is nothing to set or to download.
    """

    said: str
    next: str
    step: Literal["second-shot", "strength"] | None = None
    changed: bool = True


def photo_verdict(
    found: "BlurEstimate | None",
    unchanged: "Unchanged | None",
    *,
    second_shots: bool = True,
) -> Verdict:
    """The verdict on a photo whose blur was looked for, by what restoring it found.

    Args:
        found: What was found about its blur.
        unchanged: Why nobody will see what was done, if that is so.
        second_shots: The server can use them, so that they may be advised.
    """
    if unchanged == "sharp":
        said = "This photo is sharp already, and stays as it is."
        return Verdict(said=said, next=_NOTHING, changed=False)
    if unchanged is None and found is not None and found.taken:
        where = " in parts of the photo" if "in parts" in found.words else ""
        return Verdict(said=f"A shake was found and undone{where}.", next=_COMPARE, step="strength")
    if unchanged is None and found is not None and (found.blur_px or SLIGHTLY_PX) < SLIGHTLY_PX:
        return Verdict(said="Almost sharp already: sharpened a little.", next=_SLIGHT)
    said = {
        "too far": "Hardly changed: blurred too far, or too dark, to tell how.",
        "noisy": "Hardly changed: too dark or too noisy to tell whether it is blurred.",
        "unsure": "Hardly changed: sharp already, or too noisy to tell.",
        None: "Sharpened; no single shake was found that can be undone safely.",
    }[unchanged]
    if not second_shots:
        return Verdict(said=said, next="Only taking the photo again would give more.")
    when = "If it is blurred" if unchanged in {"noisy", "unsure"} else "For more"
    return Verdict(said=said, next=f"{when}, {_SECOND_SHOT}", step="second-shot")


def second_shot_verdict(refused: str | None) -> Verdict:
    """The verdict on a photo that was restored with a second shot.

    Args:
        refused: Why that was not used, if so.
    """
    if refused is None:
        return Verdict(said="Restored with the second shot.", next=_COMPARE, step="strength")
    return Verdict(
        said="The second shot could not be used; the photo was restored without it.",
        next="Choose another one: sharper than the photo, and taken from nearly the same place.",
        step="second-shot",
    )


def classic_verdict() -> Verdict:
    """The verdict on a photo whose edges were raised, and nothing more."""
    return Verdict(
        said="Sharpened in the classic way: edges are raised, no blur is undone.",
        next="Set the strength until you like it.",
        step="strength",
    )


def video_verdict(frames: int, *, may_flicker: bool) -> Verdict:
    """The verdict on a video.

    Args:
        frames: So many were restored.
        may_flicker: It may be seen that they were.
    """
    said = f"{frames} frame{' was' if frames == 1 else 's were'} restored, one by one."
    if may_flicker:
        advice = "It may flicker; a lower strength lessens that."
        return Verdict(said=said, next=advice, step="strength")
    return Verdict(said=said, next="Drag over the picture to compare.", step=None)


def plain_words(text: str) -> str:
    """A sentence without advice that only helps who types commands.

    Args:
        text: A note or an error of the command line: clauses with semicolons between them.
    """
    clauses = text.replace(" (--reference)", "").split("; ")
    return "; ".join(x for x in clauses if not any(sign in x for sign in _SHELL)) or text


def error_words(name: str, text: str) -> str:
    """What is told of a photo that could not be restored.

    Args:
        name: The photo's.
        text: The error.
    """
    if "pip install" in text:
        return f"{name}: photos of this kind cannot be read here. {_KINDS}"
    return plain_words(text)


def time_words(seconds: float) -> str:
    """``45 s``, ``10 minutes``, ``2 hours``: as large a unit as comes out even enough."""
    for unit, name in ((3600.0, "hour"), (60.0, "minute")):
        if seconds >= unit:
            count = round(seconds / unit, 1)
            return f"{count:g} {name}{'' if count == 1 else 's'}"
    return f"{seconds:g} s"
