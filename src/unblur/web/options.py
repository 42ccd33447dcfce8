"""How to serve, and what one job is asked to do."""

import re
from dataclasses import dataclass
from typing import Final

from unblur import checks
from unblur.choices import REFERENCES
from unblur.engines import parse_device
from unblur.errors import OptionError, UnblurError
from unblur.weights import WEIGHTS, kept_networks

UNSHARP: Final = "unsharp-mask"
VIDEO_ENDINGS: Final = frozenset({".mp4", ".mov", ".mkv", ".avi", ".webm", ".m4v"})
_MOST_PORT: Final = 65_535
_SECONDS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


class BusyError(UnblurError):
    """The queue is full; later it will have room."""


class TooLargeError(UnblurError, ValueError):
    """An upload has more bytes than the server takes."""


@dataclass(frozen=True, kw_only=True)
class ServeOptions:
    """Where to listen, and how much to take on."""

    host: str = "127.0.0.1"
    """The address to listen on; ``0.0.0.0`` is all of them."""
    port: int = 7860
    """0 takes a free one."""
    name: str | None = None
    """The name of a proxy on this machine that hands on requests for it."""
    auth: str | None = None
    """``user:password`` that is asked for; None asks nobody."""
    queue: int = 16
    """Jobs that may wait; more are turned away."""
    max_mb: float = 100.0
    """Size of one upload, in megabytes."""
    max_megapixels: float = 50.0
    """Larger photos are refused before they are decoded."""
    most_photos: int = 100
    """Photos in one job."""
    time_limit_s: float = 600.0
    """A job that takes longer is stopped."""
    keep_s: float = 3600.0
    """So long after it has ended, a job and its files are removed."""
    device: str = "auto"
    """What networks compute on: as for :class:`unblur.RestoreOptions`."""

    def __post_init__(self) -> None:
        """Check values."""
        if not 0 <= self.port <= _MOST_PORT:
            raise OptionError(f"port must be from 0 to {_MOST_PORT}, got {self.port}")
        if self.name is not None and not re.fullmatch(r"[\w.-]+", self.name):
            raise OptionError(f"name must be like photos.example.org, got {self.name!r}")
        if self.auth is not None and not re.fullmatch(r"[^:]+:.+", self.auth):
            raise OptionError("auth must be USER:PASSWORD, with something on both sides of the ':'")
        for name in ("queue", "most_photos"):
            if getattr(self, name) < 1:
                raise OptionError(f"{name} must be 1 or more, got {getattr(self, name)}")
        for name in ("max_mb", "max_megapixels", "time_limit_s", "keep_s"):
            if not 0 < getattr(self, name) < float("inf"):
                raise OptionError(f"{name} must be more than 0, got {getattr(self, name)}")
        parse_device(self.device)

    @property
    def most_bytes(self) -> int:
        """Size of one upload."""
        return int(self.max_mb * 1e6)


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What is to be done with the photos of a job; every value may come from anyone."""

    model: str = "fast"
    """A published network, one that was added, or ``unsharp-mask``. Never a path: others could
    read files by it."""
    strength: float = 1.0
    """Share of the restored picture in the result, 0 to 1."""
    guard: bool = True
    """Keep the original where it was sharp already."""
    reference_is: str = "sharp"
    """``sharp`` or ``noisy``, where there is a second shot."""

    def __post_init__(self) -> None:
        """Check values."""
        checks.known(self, model=(*WEIGHTS, *kept_networks(), UNSHARP))
        checks.share(self, "strength")
        checks.known(self, reference_is=REFERENCES)


def read_seconds(text: str) -> float:
    """Seconds of a length of time such as ``90s``, ``10m``, ``1h``, ``2d`` or ``45``.

    Raises:
        OptionError: If it is none.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhd]?)", text.strip().lower())
    if found is None:
        raise OptionError(f"a length of time is a number and s, m, h or d, got {text!r}; try 1h")
    return float(found[1]) * _SECONDS[found[2] or "s"]
