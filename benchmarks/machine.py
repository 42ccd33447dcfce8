"""The line that stands above every table: machine, versions, date."""

import platform
from datetime import UTC, datetime
from pathlib import Path

import unblur
from unblur.devices import cores


def describe():
    """Processor, cores, versions and date in one line."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = info.read_text(encoding="utf-8").splitlines()
        cpu = next((line.split(":")[1].strip() for line in lines if "model name" in line), cpu)
    return (
        f"{cpu}, {cores()} cores, float32, Python {platform.python_version()}, "
        f"unblur {unblur.__version__}, {datetime.now(UTC):%Y-%m-%d}"
    )
