"""Write a data set of blurred and sharp photos, with kernels and a record to rebuild each pair."""

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import numpy as np

from unblur import checks
from unblur.devices import cores
from unblur.errors import OptionError, PhotoError, UnblurError
from unblur.imaging.blur.blur import blur
from unblur.imaging.blur.motion import KINDS, random_motion
from unblur.imaging.blur.trajectories import PRESETS, check_length
from unblur.imaging.photo.photo import Photo, read_photo
from unblur.tasks.datasets.manifest import Manifest, Record, read_manifest
from unblur.tasks.datasets.pair_files import write_pair

_LOOKS: Final = ("source_sha256", "draw", "options")


@dataclass(frozen=True, kw_only=True)
class BlurOptions:
    """How photos are blurred."""

    seed: int = 0
    """A pair depends on the seed, its number and the content of the photo's file alone."""
    kind: str = "shake"
    """One of :data:`unblur.imaging.blur.motion.KINDS`, or ``mixed``: one of them for each pair."""
    preset: str = "authors"
    """Constants of the shake, a name in :data:`unblur.imaging.blur.trajectories.PRESETS`."""
    exposure: tuple[float, ...] = (0.1, 0.5, 1.0)
    """Fractions of the path in (0, 1], one drawn for each pair."""
    length_px: float = 60.0
    """Length of the whole path in pixels."""
    noise_sigma: float = 0.0
    """Standard deviation of Gaussian noise on encoded values, range [0, 1]."""
    linear_light: bool = True
    """Blur light, as a sensor does, not encoded values."""
    jpeg: int | None = None
    """Quality, 1 to 100, at which blurred photos are written as JPEG; None writes PNG."""

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            OptionError: If a value is out of range.
        """
        checks.one_of(self, kind=(*KINDS, "mixed"), preset=PRESETS)
        checks.not_negative(self, "seed")
        if not self.exposure or not all(0 < part <= 1 for part in self.exposure):
            raise OptionError(f"exposure needs fractions in (0, 1], got {self.exposure}")
        check_length(self.length_px)
        checks.unit(self, "noise_sigma")
        if self.jpeg is not None and not 1 <= self.jpeg <= 100:  # noqa: PLR2004
            raise OptionError(f"jpeg must be a quality from 1 to 100, got {self.jpeg}")


@dataclass(frozen=True, kw_only=True)
class Blurred:
    """What became of one pair."""

    source: Path
    name: str
    there: bool = False
    """It had been made before."""
    seconds: float = 0.0
    error: str | None = None


def write_pairs(
    sources: Sequence[Path], out: Path, options: BlurOptions, *, count: int = 1
) -> Iterator[Blurred]:
    """Blur each photo so many times; write ``blur/``, ``sharp/``, ``kernels/`` and a manifest.

    Args:
        sources: Sharp photos.
        out: Folder of the data set. Pairs that it has already are not made again.
        options: How to blur.
        count: Pairs to make of each photo.

    Yields:
        One result for each pair, in order; a bad photo is a result, not an exception.

    Raises:
        OptionError: If ``count`` is below 1, two photos have the same name, or the folder holds
            pairs made otherwise.
        TargetError: If the folder cannot be written.
    """
    if count < 1:
        raise OptionError(f"count must be at least 1, got {count}")
    named: dict[str, Path] = {}
    for source in sources:
        if source.stem in named:
            raise OptionError(
                f"{named[source.stem]} and {source} would share their names in {out}; "
                "rename one, or give each its own -o"
            )
        named[source.stem] = source
    manifest = Manifest(out)
    for source in sources:
        for draw in range(count):
            asked = {"name": _name(source, draw), "options": _asked(options)}
            manifest.check(asked, same=("options",))
    jobs = [(source, draw) for source in sources for draw in range(count)]
    load = lru_cache(maxsize=2 * cores())(_load)

    def make(job: tuple[Path, int]) -> tuple[Blurred, Record | None]:
        return _make(*job, out=out, options=options, manifest=manifest, load=load)

    for result, record in _in_order(make, jobs):
        if record is not None:
            manifest.add(record)
        yield result


def rebuild_pairs(manifest: Path, out: Path, *, names: Sequence[str] = ()) -> Iterator[Blurred]:
    """Make pairs again from their record: the same bytes, given the same versions.

    Args:
        manifest: A ``manifest.jsonl`` whose sources are still where they were.
        out: Folder to write to.
        names: Pairs to make; none means all.

    Yields:
        One result for each pair.

    Raises:
        OptionError: If the manifest cannot be read, or has no pair of a name.
        TargetError: If the folder cannot be written.
    """
    records = read_manifest(manifest)
    unknown = [name for name in names if name not in records]
    if unknown:
        raise OptionError(f"{manifest}: has no pair named {unknown[0]}")
    target = Manifest(out)
    for name in names or records:
        record = records[name]
        source, draw, digest, options = _read_record(record, manifest)

        def load(path: Path, wanted: str = digest) -> tuple[Photo, str]:
            photo, found = _load(path)
            if found != wanted:
                raise PhotoError(f"{path}: has changed since {manifest} was written")
            return photo, found

        result, made = _make(source, draw, out=out, options=options, manifest=target, load=load)
        if made is not None:
            target.add(made)
        yield result


def _read_record(record: Record, manifest: Path) -> tuple[Path, int, str, BlurOptions]:
    """Source, number, SHA-256 of the source and options of a pair."""
    try:
        options = dict(record["options"])
        checked = BlurOptions(**options | {"exposure": tuple(options["exposure"])})
        return Path(record["source"]), int(record["draw"]), str(record["source_sha256"]), checked
    except (KeyError, TypeError, ValueError) as error:
        raise OptionError(f"{manifest}: {record['name']} has no options of a blur") from error


def _make(
    source: Path,
    draw: int,
    *,
    out: Path,
    options: BlurOptions,
    manifest: Manifest,
    load: Callable[[Path], tuple[Photo, str]],
) -> tuple[Blurred, Record | None]:
    """Make one pair unless it is there; the result, and its record if it is new."""
    started = time.perf_counter()
    name = _name(source, draw)
    try:
        photo, digest = load(source)
        record = _record(source, digest, name, draw, options)
        manifest.check(record, same=_LOOKS)
        if manifest.has(name):
            return Blurred(source=source, name=name, there=True), None
        rng = np.random.default_rng([options.seed, int(digest[:16], 16), draw])
        kind = options.kind if options.kind != "mixed" else str(rng.choice(KINDS))
        height, width, _ = photo.pixels.shape
        exposure = float(rng.choice(options.exposure))
        motion = random_motion(
            kind,
            rng=rng,
            height=height,
            width=width,
            length_px=options.length_px,
            exposure=exposure,
            preset=options.preset,
        )
        blurred = blur(
            photo,
            motion,
            linear_light=options.linear_light,
            noise_sigma=options.noise_sigma,
            rng=rng,
        )
        files = write_pair(out, name, photo, blurred, motion, jpeg=options.jpeg)
        record |= {"kind": kind, "exposure": exposure, "files": files}
    except UnblurError as error:
        said = str(error)
        # What is wrong with a blur does not say of which photo; files name themselves.
        said = f"{source}: {said}" if isinstance(error, OptionError) else said
        return Blurred(source=source, name=name, error=said), None
    return Blurred(source=source, name=name, seconds=time.perf_counter() - started), record


def _name(source: Path, draw: int) -> str:
    return f"{source.stem}-{draw:03d}"


def _asked(options: BlurOptions) -> Record:
    """Options as they are in the manifest."""
    return asdict(options) | {"exposure": list(options.exposure)}


def _load(source: Path) -> tuple[Photo, str]:
    """The photo without its alpha, and the SHA-256 of its file."""
    try:
        data = source.read_bytes()
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise PhotoError(f"{source}: cannot be opened ({why})") from error
    photo = read_photo(source)
    plain = replace(photo.metadata, items=())  # no film behind every photo of a data set
    return replace(photo, alpha=None, metadata=plain), hashlib.sha256(data).hexdigest()


def _record(source: Path, digest: str, name: str, draw: int, options: BlurOptions) -> Record:
    import pyvips

    from unblur._version import __version__

    libvips = ".".join(str(pyvips.version(part)) for part in range(3))
    return {
        "name": name,
        "source": str(source.absolute()),
        "source_sha256": digest,
        "draw": draw,
        "options": _asked(options),
        "versions": {
            "unblur": __version__,
            "numpy": np.__version__,
            "scipy": _version("scipy"),
            "libvips": libvips,
        },
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _in_order(work: Callable[[Any], Any], jobs: Sequence[Any]) -> Iterator[Any]:
    """Results in the order of the jobs, made by as many threads as there are cores."""
    with ThreadPoolExecutor(cores()) as pool:
        waiting: list[Future[Any]] = []
        try:
            for job in jobs:
                waiting.append(pool.submit(work, job))
                if len(waiting) > cores():
                    yield waiting.pop(0).result()
            while waiting:
                yield waiting.pop(0).result()
        finally:
            for future in waiting:
                future.cancel()
