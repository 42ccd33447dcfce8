"""In which precision a training computes: as asked, or what this machine is quick in."""

from typing import Final

from unblur.devices import bf16_in_processor
from unblur.errors import OptionError

LIGHTNING: Final = {"fp32": "32-true", "bf16": "bf16-mixed", "fp64": "64-true"}
"""What Lightning calls them."""
_OURS: Final = {value: key for key, value in LIGHTNING.items()}
PRECISIONS: Final = ("auto", *LIGHTNING, *_OURS)
"""What a recipe may say; ``fp64`` is there to compare runs."""


def check_precision(wanted: str) -> None:
    """Check what a recipe says.

    Raises:
        OptionError: If it is none of :data:`PRECISIONS`.
    """
    if wanted not in PRECISIONS:
        raise OptionError(f"precision must be one of {', '.join(PRECISIONS)}, got {wanted!r}")


def choose_precision(wanted: str, *, before: str | None = None) -> tuple[str, str]:
    """The precision that a run takes, and a line that says which and why.

    ``auto`` is bfloat16 where the hardware multiplies it, single precision elsewhere. A run that
    goes on keeps what it began in, or it would not end in the bytes of one that never stopped.

    Args:
        wanted: One of :data:`PRECISIONS`.
        before: What a run that goes on began in.

    Returns:
        A key of :data:`LIGHTNING`, and the line.
    """
    quick, hardware = _bf16_here()
    taken = _OURS.get(wanted, wanted)
    if wanted == "auto":
        taken = before or ("bf16" if quick else "fp32")
    if before is not None and taken != before:
        why = f"from here on, {before} before: the run does not end as in one precision"
    elif wanted == "auto" and before is not None:
        why = "as this run began"
    elif wanted == "auto":
        why = hardware
    else:
        why = "as asked"
    if taken == "bf16" and not quick:
        remedy = "" if before == taken else "; --precision auto would take fp32"
        why += f", which will be many times slower than fp32: {hardware}{remedy}"
    return taken, f"precision {taken}: {why}"


def _bf16_here() -> tuple[bool, str]:
    """Whether the device that Lightning will take multiplies bfloat16 itself, and words on it."""
    import torch

    if torch.cuda.is_available():
        # PyTorch counts cards that emulate bfloat16 as having it, unless it is told not to.
        has = torch.cuda.is_bf16_supported(including_emulation=False)
        return has, f"{torch.cuda.get_device_name()} has {'' if has else 'no '}bf16"
    if torch.backends.mps.is_available():
        return False, "bf16 has not been tried on Apple's GPUs"
    # oneDNN does the work, and says yes to bfloat16 wherever it can emulate it with AVX-512.
    available = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    instructions = bf16_in_processor() if available else None
    if instructions is None:
        return False, "this processor has no bf16 (neither amx_bf16 nor avx512_bf16)"
    return True, f"this processor has {instructions}"
