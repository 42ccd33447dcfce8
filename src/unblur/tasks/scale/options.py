"""How to spread a restoration over many processes and machines, and what became of each photo."""

from dataclasses import dataclass

from unblur.errors import OptionError, UnblurError

DONE = "done"
FAILED = "failed"
LEFT_OUT = "left out"


class ClusterError(UnblurError, RuntimeError):
    """The Ray cluster cannot do, or no longer does, what is asked of it."""


class LocalTroubleError(Exception):
    """This machine cannot go on with a photo; another may."""


@dataclass(frozen=True, kw_only=True)
class ScaleOptions:
    """Workers, and what is done when something goes wrong."""

    address: str | None = None
    """Of a Ray cluster, ``ray://HOST:PORT``, ``HOST:PORT`` or ``auto``; None starts one here."""
    workers: int = 0
    """Processes that each hold the network; 0 for as many as fit."""
    cpus: float = 1.0
    """Logical CPUs that Ray sets aside for each worker; a fraction is good, too."""
    gpus: float = 0.0
    """GPUs that Ray sets aside for each worker."""
    photos_at_once: int = 2
    """Photos that a worker has in hand: while one is restored, others are read and written."""
    attempts: int = 5
    """A photo whose worker died so often is given up; from the second on it has one to itself."""
    photo_seconds: float = 3600.0
    """A worker that is busy with a photo for longer is ended."""
    start_seconds: float = 300.0
    """So long it may take until any worker answers, at the start or after all have died."""
    flush_seconds: float = 10.0
    """A part of the manifest is written at least so often, if there is anything to write."""
    manifest: str | None = None
    """Folder or URL of the manifest; None is ``unblur-manifest`` among the results."""
    overwrite: bool = False
    """Replace targets that exist, and do all anew."""

    def __post_init__(self) -> None:
        """Check values.

        Raises:
            OptionError: If one is out of range.
        """
        for name, least in (("workers", 0), ("photos_at_once", 1), ("attempts", 1)):
            if getattr(self, name) < least:
                got = getattr(self, name)
                raise OptionError(f"{name} must be {least} or more, got {got}")
        for name in ("cpus", "photo_seconds", "start_seconds", "flush_seconds"):
            if not getattr(self, name) > 0:
                raise OptionError(f"{name} must be positive, got {getattr(self, name)}")
        if not self.gpus >= 0:
            raise OptionError(f"gpus must not be negative, got {self.gpus}")
        if self.gpus > 1 and self.gpus % 1:
            raise OptionError(f"gpus must be a fraction of one or whole, got {self.gpus}")


@dataclass(frozen=True, kw_only=True)
class Item:
    """A photo on its way to a worker."""

    key: str
    """Its path below the folder of photos, with ``/`` between names."""
    bytes: int
    stamp: str
    """What changes with its content: time of change, or the store's tag."""
    taken: tuple[str, ...] = ()
    """Names of targets in its folder that other photos are, or may be, written to."""
    clash: str = ""
    """The target that another photo now has; this one may be done all the same, since earlier."""
    known: "Known | None" = None
    """What the manifest says of the photo."""


@dataclass(frozen=True, kw_only=True)
class Known:
    """What the manifest says of a photo.

    Of one that was done, and was then left out (with other options, say), all but the status and
    the reason are still what they were when it was done: its target is.
    """

    status: str
    same_work: bool
    """It was restored by the same model with the same options."""
    bytes: int
    stamp: str
    sha256: str
    target: str
    """Path below the folder of results."""
    target_bytes: int
    target_sha256: str = ""
    reason: str = ""

    def is_of(self, item: Item) -> bool:
        """Whether the photo is, for sure, the one that was restored."""
        return bool(item.stamp) and (self.bytes, self.stamp) == (item.bytes, item.stamp)

    def is_same(self, sha256: str) -> bool:
        """Whether the same content was to be restored in the same way."""
        return self.same_work and self.sha256 == sha256


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one photo: a row of the manifest."""

    source: str
    """Path below the folder of photos."""
    status: str
    """``done``, ``failed`` or ``left out``."""
    target: str = ""
    """Path below the folder of results; empty if it is not done."""
    reason: str = ""
    """Why not, in one line; or, of what is done, what the user should know."""
    seconds: float = 0.0
    source_bytes: int = 0
    source_stamp: str = ""
    source_sha256: str = ""
    target_bytes: int = 0
    target_sha256: str = ""
    attempts: int = 1
    node: str = ""
    """Name of the machine."""
    engine: str = ""
    """What ran the network there, and in which precision."""
    fresh: bool = True
    """False if an earlier run came to the same end, and the manifest has it."""
