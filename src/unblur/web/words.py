"""What the page says, in words."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from unblur.tasks.methods.blur_estimate import BlurEstimate
    from unblur.tasks.restore.diagnose import Diagnosis


def diagnosis_words(found: "Diagnosis") -> str:
    """One or two sentences: how blurred, along which direction, whether restoring will help."""
    if found.blur is None:
        return "Nothing in it to judge the blur by."
    said = found.seems[0].upper() + found.seems[1:]
    if found.directed:
        said += f" over about {found.blur.length_px:.0f} px along {found.blur.angle_deg:.0f}°"
    elif found.turns:
        said += f" over about {found.blur.length_px:.0f} px, its direction varies from part to part"
    elif found.verdict != "sharp":
        said += f" over about {found.blur.length_px:.0f} px, alike in all directions"
    if found.varies:
        said += ", not alike everywhere"
    said += "."
    if found.gain_db is not None:
        said += f" Restoring {found.outlook}: {found.gain_db:+.1f} dB predicted."
    return said


def shake_words(found: "BlurEstimate", verdict: str) -> str:
    """What is said of a photo whose shake was undone.

    Args:
        found: The shake.
        verdict: How blurred the photo was, as a diagnosis says it.
    """
    seems = verdict if verdict.endswith("blurred") else "blurred"
    return f"{seems[0].upper()}{seems[1:]} over about {found.way}: a shake, found and undone."


def time_words(seconds: float) -> str:
    """``45 s``, ``10 minutes``, ``2 hours``: as large a unit as comes out even enough."""
    for unit, name in ((3600.0, "hour"), (60.0, "minute")):
        if seconds >= unit:
            count = round(seconds / unit, 1)
            return f"{count:g} {name}{'' if count == 1 else 's'}"
    return f"{seconds:g} s"
