"""Restore a small generated picture with every engine: does it work, and do they agree?"""

import math
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from unblur.choices import ENGINES
from unblur.errors import MissingExtraError, OptionError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Float32 = NDArray[np.float32]

LEAST_AGREEMENT_DB: Final = 35.0
"""Half precision is at 50 dB and more here; below this, an engine computes something else."""
_RUNS: Final = 3
_ENGINE_SECONDS: Final = 0.5
"""After so long an engine is not run again: the whole test takes about five seconds."""
_LEAST_ERROR: Final = 1e-15


@dataclass(frozen=True, kw_only=True)
class EngineTest:
    """What one engine did to the picture."""

    name: str
    installed: bool
    error: str | None = None
    """Why it could not restore; None if it did, or is not installed."""
    precision: str | None = None
    why: str | None = None
    open_seconds: float | None = None
    """Imports, reading the network, and the first run."""
    seconds_per_megapixel: float | None = None
    """The quickest of the runs after the first."""
    gain_db: float | None = None
    """PSNR of the restored picture to the sharp one, less that of the blurred one."""
    agreement_db: float | None = None
    """PSNR to the first engine that works, before rounding; None for that one."""


@dataclass(frozen=True, kw_only=True)
class SelfTest:
    """What the engines did, and whether a photo can be restored from file to file."""

    engines: tuple[EngineTest, ...]
    default: str | None
    """The engine that restores unless another is asked for; None if restoring fails."""
    error: str | None
    """Why a photo cannot be restored with the default options; None if it can."""
    seconds: float


def run_self_test(device: str = "auto") -> SelfTest:
    """Restore the picture with every engine that is installed; takes about five seconds.

    What fails is a result, whatever it is: a doctor must not fall ill.

    Args:
        device: Where engines compute that can; the others are tested on the CPU.

    Raises:
        OptionError: If there is no such device.
    """
    started = time.perf_counter()
    try:
        from unblur.engines import parse_device
        from unblur.imaging.draw.leaves import make_pictures

        wanted = parse_device(device)
        sharp, blurred = make_pictures()
    except OptionError:
        raise
    except Exception as error:  # NumPy is missing or broken
        return SelfTest(
            engines=(), default=None, error=explain(error), seconds=time.perf_counter() - started
        )
    tests: list[EngineTest] = []
    first: Float32 | None = None
    for name in ENGINES[1:]:  # auto is none of its own
        on = device if wanted.suits(name) else "cpu"
        test, restored = _try_engine(name, on, sharp, blurred, first)
        tests.append(test)
        first = restored if first is None else first
    default, failure = None, None
    try:
        default = _restore_photo(blurred, device)
    except Exception as error:  # a library that cannot be loaded, above all
        failure = explain(error)
    return SelfTest(
        engines=tuple(tests),
        default=default,
        error=failure,
        seconds=time.perf_counter() - started,
    )


def explain(error: BaseException) -> str:
    """An error of any kind in one line."""
    text = " ".join(str(error).split())[:300]
    return text or type(error).__name__


def _try_engine(
    name: str, device: str, sharp: "Float32", blurred: "Float32", first: "Float32 | None"
) -> tuple[EngineTest, "Float32 | None"]:
    """Try one engine; with the restored picture if it works."""
    try:
        from unblur.metrics import psnr
        from unblur.tasks.restore.options import RestoreOptions
        from unblur.tasks.restore.restorer import Restorer

        started = time.perf_counter()
        restorer = Restorer.open(RestoreOptions(method="network", engine=name, device=device))
        restored = restorer.restore_pixels(blurred)
        open_seconds = time.perf_counter() - started
        seconds = _time(lambda: restorer.restore_pixels(blurred))
    except MissingExtraError:
        return EngineTest(name=name, installed=False), None
    except Exception as error:  # broken libraries raise whatever they like
        return EngineTest(name=name, installed=True, error=explain(error)), None
    engine = restorer.engine
    test = EngineTest(
        name=name,
        installed=True,
        precision=engine.precision,
        why=engine.why,
        open_seconds=open_seconds,
        seconds_per_megapixel=seconds / (blurred.shape[0] * blurred.shape[1] / 1e6),
        gain_db=psnr(restored, sharp) - psnr(blurred, sharp),
        agreement_db=None if first is None else _agreement_db(restored, first),
    )
    return test, restored


def _time(run: Callable[[], object]) -> float:
    """Least seconds of a few runs."""
    seconds: list[float] = []
    while len(seconds) < _RUNS and sum(seconds) < _ENGINE_SECONDS:
        started = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def _agreement_db(one: "Float32", other: "Float32") -> float:
    import numpy as np

    error = float(np.square(one - other).mean(dtype=np.float64))
    return -10 * math.log10(max(error, _LEAST_ERROR))


def _restore_photo(blurred: "Float32", device: str) -> str:
    """Restore a JPEG file as `unblur restore` does; in memory where there is no folder for it.

    Returns:
        The name of the engine that did.
    """
    from unblur.imaging.photo.photo import Photo, encode_photo, read_photo
    from unblur.tasks.batch.any_kind import restore
    from unblur.tasks.restore.options import RestoreOptions
    from unblur.tasks.restore.restorer import shared_restorer

    source = encode_photo(Photo(pixels=blurred), "jpeg")
    try:
        folder = tempfile.TemporaryDirectory(prefix="unblur-")
    except OSError:  # the examination of the folder says why
        restored = read_photo(restore(source, device=device))
    else:
        with folder as name:
            path = Path(name, "photo.jpg")
            path.write_bytes(source)
            restored = read_photo(restore(path, device=device))
    assert restored.pixels.shape == blurred.shape
    return shared_restorer(RestoreOptions(method="network", device=device)).engine.name
