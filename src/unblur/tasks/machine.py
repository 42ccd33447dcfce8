"""What stands under every table: machine, versions, date."""

import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from unblur import __version__
from unblur.devices import cores

_PACKAGES: Final = ("numpy", "onnxruntime", "openvino", "pyvips", "scikit-image", "torch")


def describe_machine() -> dict[str, str]:
    """Processor, cores, system, versions and date."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = info.read_text(encoding="utf-8", errors="replace").splitlines()
        cpu = next((line.split(":")[1].strip() for line in lines if "model name" in line), cpu)
    found = {
        "processor": cpu,
        "cores": str(cores()),
        "system": platform.system(),
        "python": platform.python_version(),
        "unblur": __version__,
    }
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found | {"date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"}
