"""Examine this installation: what is there, what works, what is missing and how to get it.

Nothing heavy is imported at the top: a library that is missing or broken is a finding.
"""

import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Final

from unblur._install import install_line
from unblur.devices import describe_machine, memory_left_bytes
from unblur.tasks.doctor.devices import DeviceTest, clashing_builds, try_devices
from unblur.tasks.doctor.self_test import LEAST_AGREEMENT_DB, SelfTest, explain, run_self_test

CORE: Final = ("numpy", "onnxruntime", "pyvips", "rich", "scipy", "typer")
EXTRAS: Final[Mapping[str, tuple[tuple[str, ...], str]]] = {
    "openvino": (("openvino",), "the quickest engine on processors that compute in bf16"),
    "train": (
        ("lightning", "onnx", "onnxscript", "safetensors", "tensorboard", "torch"),
        "unblur train, export, convert and singan; the engine torch, on CUDA too",
    ),
    "heif": (("pillow-heif",), "HEIC and HEIF photos"),
    "raw": (("rawpy",), "camera raw photos (DNG, CR2, CR3, NEF, ARW and others)"),
    "bench": (("scikit-image",), "classical methods: unblur restore --method, --kernel"),
    "reference": (
        ("scikit-image", "opencv-python-headless"),
        "a second shot of the scene: unblur restore --reference, unblur kernel",
    ),
    "video": (("av", "opencv-python-headless"), "unblur video and unblur blur average"),
    "scale": (("ray", "fsspec", "pyarrow"), "unblur scale: many processes, machines, stores"),
    "web": (
        ("python-multipart", "starlette", "uvicorn"),
        "unblur serve: the page in a browser",
    ),
    "cuda": (("onnxruntime-gpu",), "NVIDIA GPUs, in place of onnxruntime"),
    "directml": (("onnxruntime-directml",), "any GPU under Windows, in place of onnxruntime"),
}
"""The packages of each extra, as pyproject.toml has them, and what they bring."""
_MODULES: Final = {
    "opencv-python-headless": "cv2",
    "pillow-heif": "pillow_heif",
    "python-multipart": "python_multipart",
    "scikit-image": "skimage",
}
"""Names to import, where they are others. Another package may bring the same module."""
_BUILDS: Final = ("onnxruntime-gpu", "onnxruntime-directml")
"""Packages without a module of their own: each brings its own `onnxruntime`."""
_LITTLE_MEMORY_BYTES: Final = 500_000_000
"""Restoring an ordinary photo takes less than this (docs/speed.md)."""
_LITTLE_SPACE_BYTES: Final = 1_000_000_000
_PROBE: Final = b"unblur"


@dataclass(frozen=True, kw_only=True)
class Package:
    """A package that unblur uses."""

    name: str
    version: str | None
    """None if it is missing; ``unknown`` if its module is there, but brought by another."""


@dataclass(frozen=True, kw_only=True)
class Extra:
    """A group of packages that can be installed together."""

    name: str
    brings: str
    packages: tuple[Package, ...]
    install: str | None
    """The line that installs what is missing; None if nothing is."""


@dataclass(frozen=True, kw_only=True)
class Folder:
    """The folder in which the pixels of large photos wait."""

    path: str | None
    free_bytes: int | None
    error: str | None
    """Why nothing can be written there; None if it can."""


@dataclass(frozen=True, kw_only=True)
class Network:
    """A network file that comes with the package."""

    name: str
    sha256: str
    """The hash that the file must have."""
    error: str | None
    """What is wrong with the file; None if it is intact."""


@dataclass(frozen=True, kw_only=True)
class Examination:
    """All findings."""

    machine: Mapping[str, str]
    core: tuple[Package, ...]
    extras: tuple[Extra, ...]
    memory_left_bytes: int | None
    """Memory that is left; None where that is not known."""
    temporary: Folder
    networks: tuple[Network, ...]
    self_test: SelfTest
    devices: tuple[DeviceTest, ...] = ()
    """What else than the CPU can restore here, and why the rest cannot."""
    clash: str | None = None
    """Which builds of ONNX Runtime lie over each other, and what mends that."""

    @property
    def works(self) -> bool:
        """Whether `unblur restore` does with its default options."""
        return self.self_test.error is None

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong or soon will be, a line each; missing extras are no problems."""
        test = self.self_test
        found = [f"restoring a photo fails: {test.error}"] if test.error else []
        found += [f"{package.name} is missing" for package in self.core if package.version is None]
        found += [network.error for network in self.networks if network.error]
        for engine in test.engines:
            if engine.error:
                found.append(f"engine {engine.name}: {engine.error}")
            if engine.gain_db is not None and engine.gain_db <= 0:
                found.append(
                    f"engine {engine.name} makes the test picture worse, by {-engine.gain_db:.2f} "
                    "dB; choose another with --engine"
                )
            if engine.agreement_db is not None and engine.agreement_db < LEAST_AGREEMENT_DB:
                found.append(
                    f"engine {engine.name} agrees with the first only to {engine.agreement_db:.0f} "
                    f"dB, expected {LEAST_AGREEMENT_DB:.0f} or more; choose another with --engine"
                )
        found += [self.clash] if self.clash else []
        left, free = self.memory_left_bytes, self.temporary.free_bytes
        if left is not None and left < _LITTLE_MEMORY_BYTES:
            found.append(f"little memory is left, {left / 1e6:.0f} MB: photos may fail")
        if self.temporary.error:
            found.append(
                f"temporary folder: {self.temporary.error}; photos above 6 megapixels need one, "
                "TMPDIR names another"
            )
        elif free is not None and free < _LITTLE_SPACE_BYTES:
            found.append(
                f"{self.temporary.path} has {free / 1e6:.0f} MB left; photos above 6 megapixels "
                "take 6 to 12 bytes a pixel there, TMPDIR names another folder"
            )
        return tuple(found)


def examine(device: str = "auto") -> Examination:
    """Examine this installation; takes about five seconds and touches no network.

    Args:
        device: Where engines are tested that have it: as for :class:`unblur.RestoreOptions`.

    Raises:
        OptionError: If there is no such device.
    """
    return Examination(
        machine=describe_machine(),
        core=tuple(_package(name) for name in CORE),
        extras=tuple(_extra(name, *found) for name, found in EXTRAS.items()),
        memory_left_bytes=memory_left_bytes(),
        temporary=check_temporary(),
        networks=_networks(),
        self_test=run_self_test(device),
        devices=try_devices(),
        clash=clashing_builds(),
    )


def check_temporary() -> Folder:
    """Whether a file can be written to the temporary folder, and how much more."""
    path = None
    try:
        path = tempfile.gettempdir()
        with tempfile.TemporaryFile(dir=path) as file:
            file.write(_PROBE)
            file.flush()
            os.fsync(file.fileno())  # a full disk may take the bytes and complain only now
        return Folder(path=path, free_bytes=shutil.disk_usage(path).free, error=None)
    except OSError as error:
        return Folder(path=path, free_bytes=None, error=explain(error))


def _package(name: str) -> Package:
    module = _MODULES.get(name, name)
    try:
        there = find_spec(module) is not None
    except (ImportError, ValueError):  # half of it is there
        there = False
    try:
        found: str | None = version(name)
    except PackageNotFoundError:
        found = "unknown"
    if name in _BUILDS:
        there = found != "unknown"
    return Package(name=name, version=found if there else None)


def _extra(name: str, packages: tuple[str, ...], brings: str) -> Extra:
    found = tuple(_package(package) for package in packages)
    missing = any(package.version is None for package in found)
    return Extra(
        name=name,
        brings=brings,
        packages=found,
        install=install_line(name, anywhere=True) if missing else None,
    )


def _networks() -> tuple[Network, ...]:
    try:
        from unblur.weights import KERNEL_WEIGHTS, WEIGHTS, find_network
    except Exception as error:  # NumPy is missing or broken
        return (Network(name="fast", sha256="", error=f"not examined: {explain(error)}"),)
    found = []
    for name, published in {**WEIGHTS, **KERNEL_WEIGHTS}.items():
        problem = None
        try:
            find_network(name)
        except Exception as error:  # unreadable, too
            problem = explain(error)
        found.append(Network(name=name, sha256=published.sha256, error=problem))
    return tuple(found)
