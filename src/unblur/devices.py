"""What this machine has, and what stands under every table: machine, versions, date."""

import ctypes
import os
import platform
import sys
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from unblur._version import __version__

_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_KEPT_BYTES: Final = 1 << 30
_PACKAGES: Final = ("numpy", "onnxruntime", "openvino", "pyvips", "scikit-image", "torch")
_CPU_INFO: Final = Path("/proc/cpuinfo")
_BF16_FLAGS: Final = ("amx_bf16", "avx512_bf16")
_GROUP_FILES: Final = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)


def cores() -> int:
    """Processor cores that this process may use, at least 1."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS or Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def keep_freed_memory() -> None:
    """Let this process keep large blocks of memory that it frees, to use them again.

    By default glibc maps each large array afresh and the system clears its pages, in every layer
    of every training step. Elsewhere than on Linux with glibc this does nothing.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _KEPT_BYTES)
        mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)


def memory_left_bytes() -> int | None:
    """Memory that this process may still take without harm; None where that is not known.

    The least of what the system has available and what the process's control group leaves.
    """
    left = []
    with suppress(OSError, ValueError):
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                left.append(1024 * int(line.split()[1]))
    for limit, used in _GROUP_FILES:
        with suppress(OSError, ValueError):  # "max" is no number: no limit
            left.append(
                int(Path(limit).read_text(encoding="ascii"))
                - int(Path(used).read_text(encoding="ascii"))
            )
    return max(0, min(left)) if left else None


def bf16_in_processor() -> str | None:
    """The instructions with which this processor multiplies bfloat16 numbers, None without them.

    Without them libraries emulate it, many times slower than they compute in single precision.
    Known are those of x86 under Linux; any other processor counts as having none.
    """
    with suppress(OSError):
        for line in _CPU_INFO.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("flags"):
                flags = line.split()
                return next((name for name in _BF16_FLAGS if name in flags), None)
    return None


def describe_machine() -> dict[str, str]:
    """Processor, cores, system, versions and date."""
    cpu = platform.processor() or platform.machine()
    if _CPU_INFO.exists():
        lines = _CPU_INFO.read_text(encoding="utf-8", errors="replace").splitlines()
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
