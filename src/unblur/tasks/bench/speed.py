"""Seconds and memory of a photo, beside the paper's generator in the same process."""

import statistics
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur import checks
from unblur.devices import cores
from unblur.engines.options import NetworkOptions
from unblur.errors import OptionError
from unblur.imaging.arrays import to_batch
from unblur.imaging.photo.photo import Photo, encode_photo, read_photo
from unblur.imaging.pyramid import resize
from unblur.tasks.methods.network import NetworkMethod
from unblur.tasks.restore.options import RestoreOptions
from unblur.tasks.restore.restorer import Restorer

Float32 = NDArray[np.float32]

REFERENCE: Final = "DeblurGAN's generator, PyTorch"
_LEAST_PX: Final = 64
_SAMPLE_SECONDS: Final = 0.01
_PAGE_BYTES: Final = 4096


@dataclass(frozen=True, kw_only=True)
class SpeedOptions(NetworkOptions):
    """Which networks are timed, and how."""

    models: tuple[str, ...] = ("fast",)
    width_px: int = 1280
    height_px: int = 720
    runs: int = 5
    """Timed runs of each, after one to warm up; all take turns."""
    reference: bool = True
    """Also the paper's generator, in plain float32 without compilation; needs PyTorch."""

    def __post_init__(self) -> None:
        """Check values.

        Raises:
            OptionError: If one is unknown or out of range.
        """
        if min(self.width_px, self.height_px) < _LEAST_PX:
            got = f"{self.width_px}x{self.height_px}"
            raise OptionError(f"size must have sides of at least {_LEAST_PX} px, got {got}")
        checks.at_least(1, self, "runs")
        super().__post_init__()


@dataclass(frozen=True, kw_only=True)
class SpeedRow:
    """One way of restoring; medians."""

    method: str
    engine: str
    precision: str
    device: str
    """``cpu``, or a name with a number."""
    threads: int
    size: tuple[int, int]
    """Width and height, px."""
    whole_seconds: float | None
    """From the bytes of a PNG file to those of a JPEG; None for the reference."""
    network_seconds: float
    peak_mib: float | None
    """Most memory that the process took more in the first run than before it, file to file, but for
    the reference; None where unknown."""
    times_reference: float | None
    """Seconds of the reference's network, divided by those of this one."""


def parse_size(text: str) -> tuple[int, int]:
    """Width and height from ``1280x720``.

    Raises:
        OptionError: If it is written otherwise.
    """
    parts = text.lower().split("x")
    if len(parts) != 2 or not all(part.isascii() and part.isdigit() for part in parts):  # noqa: PLR2004
        raise OptionError(f"size must be WIDTHxHEIGHT as 1280x720, got {text!r}")
    return int(parts[0]), int(parts[1])


def measure(options: SpeedOptions | None = None) -> list[SpeedRow]:
    """Time every model, the reference last.

    Raises:
        NetworkError: If a network is unknown.
    """
    options = options or SpeedOptions()
    pixels = _scene(options.height_px, options.width_px)
    source = encode_photo(Photo(pixels=pixels), "png")
    opened = {
        name: Restorer.open(
            RestoreOptions(
                method="network",
                model=name,
                engine=options.engine,
                precision=options.precision,
                device=options.device,
            )
        )
        for name in options.models
    }
    wholes: dict[str, Callable[[], object]] = {}
    networks: dict[str, Callable[[], object]] = {}
    for name, restorer in opened.items():
        method = restorer.method
        assert isinstance(method, NetworkMethod)
        batch = method.batch(pixels)
        wholes[name] = _whole(restorer, source)
        networks[name] = _network(restorer, batch)
    reference = _reference(pixels) if options.reference else None
    if reference is not None:
        networks[REFERENCE] = reference
    timed_wholes, first = _in_turns(wholes, options.runs)
    timed, peaks = _in_turns(networks, options.runs)
    size = (options.width_px, options.height_px)
    rows = []
    for name in networks:
        engine = opened[name].engine if name in opened else None
        rows.append(
            SpeedRow(
                method=name,
                engine=engine.name if engine else "torch, eager",
                precision=engine.precision if engine else "fp32",
                device=engine.device if engine else "cpu",
                threads=cores(),
                size=size,
                whole_seconds=timed_wholes.get(name),
                network_seconds=timed[name],
                peak_mib=first.get(name, peaks[name]),
                times_reference=timed[REFERENCE] / timed[name] if reference else None,
            )
        )
    return rows


def as_table(rows: Sequence[SpeedRow]) -> list[str]:
    """The rows in Markdown."""
    width, height = rows[0].size
    lines = [
        f"| {width}x{height} | engine | dtype | threads | s, file to file | s, network | peak MiB "
        "| times the reference |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        engine = row.engine if row.device == "cpu" else f"{row.engine}, {row.device}"
        whole = "" if row.whole_seconds is None else f"{row.whole_seconds:.3f}"
        peak = "" if row.peak_mib is None else f"{row.peak_mib:.0f}"
        ratio = "" if row.times_reference is None else f"{row.times_reference:.1f}"
        lines.append(
            f"| {row.method} | {engine} | {row.precision} | {row.threads} | {whole} "
            f"| {row.network_seconds:.3f} | {peak} | {ratio} |"
        )
    return lines


def _scene(height: int, width: int) -> Float32:
    """Clouds of all sizes: what is in a photo changes nothing, but it must not be empty."""
    rng = np.random.default_rng(0)
    scene = np.zeros((height, width, 3), np.float32)
    for share in (0.02, 0.1, 0.5):
        low = rng.random((max(2, round(height * share)), max(2, round(width * share)), 3))
        scene += resize(low.astype(np.float32), height, width) / 3
    return scene


def _whole(restorer: Restorer, source: bytes) -> Callable[[], object]:
    return lambda: encode_photo(restorer.restore(read_photo(source)), "jpeg")


def _network(restorer: Restorer, batch: Float32) -> Callable[[], object]:
    return lambda: restorer.engine.run(batch)


def _reference(pixels: Float32) -> Callable[[], object] | None:
    """The paper's generator; None where PyTorch is not installed."""
    try:
        import torch
    except ImportError:
        return None
    from unblur.models import build_model

    network = build_model("deblurgan").eval()
    batch = torch.from_numpy(to_batch(pixels, multiple_of=4, least_px=8))

    def run() -> object:
        with torch.no_grad():
            return network(batch)

    return run


def _in_turns(
    calls: dict[str, Callable[[], object]], runs: int
) -> tuple[dict[str, float], dict[str, float | None]]:
    """Median seconds of each, and MiB: one run to warm up, and other load meets all alike."""
    peaks: dict[str, float | None] = {}
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for name, call in calls.items():
        with _Peak() as peak:
            call()
        peaks[name] = peak.mib
    for _ in range(runs):
        for name, call in calls.items():
            started = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - started)
    return {name: statistics.median(spent) for name, spent in seconds.items()}, peaks


class _Peak:
    """Watches the memory of this process while a block runs."""

    def __init__(self) -> None:
        self.mib: float | None = None
        self._most = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "_Peak":
        self._before = _resident_bytes()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
        if self._before is not None:
            self.mib = max(0, self._most - self._before) / 2**20

    def _watch(self) -> None:
        while not self._done.wait(_SAMPLE_SECONDS):
            self._most = max(self._most, _resident_bytes() or 0)


def _resident_bytes() -> int | None:
    with suppress(OSError, ValueError, IndexError):
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * _PAGE_BYTES
    return None
