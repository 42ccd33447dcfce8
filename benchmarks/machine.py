"""The line that stands above every table: machine, versions, date."""

import platform
from datetime import UTC, datetime
from pathlib import Path

from unblur._version import __version__
from unblur.devices import cores
from unblur.tasks.restore.options import RestoreOptions
from unblur.tasks.restore.restorer import Restorer


def describe(dtype="float32"):
    """Processor, cores, versions and date in one line.

    Args:
        dtype: What was computed in.
    """
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = info.read_text(encoding="utf-8").splitlines()
        cpu = next((line.split(":")[1].strip() for line in lines if "model name" in line), cpu)
    return (
        f"{cpu}, {cores()} cores, {dtype}, Python {platform.python_version()}, "
        f"unblur {__version__}, {datetime.now(UTC):%Y-%m-%d}"
    )


def engine_dtypes(*names):
    """What these engines compute in here where nothing else is asked for: `onnx fp32, ...`."""
    engines = (
        Restorer.open(RestoreOptions(method="network", engine=name)).engine for name in names
    )
    return ", ".join(f"{engine.name} {engine.precision}" for engine in engines)
