"""What a benchmark compares: the blurred input, networks, classical methods, others' files."""

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unblur.data.benchmarks import Case, find_restored
from unblur.errors import DataError, OptionError
from unblur.imaging.deblur.classical import METHODS
from unblur.imaging.photo.photo import read_photo
from unblur.tasks.bench.options import BLURRED, BenchOptions
from unblur.tasks.methods.network import NetworkMethod
from unblur.tasks.restore.options import RestoreOptions
from unblur.tasks.restore.restorer import Restorer
from unblur.weights import WEIGHTS, find_network

Float32 = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, eq=False)
class BenchMethod:
    """One row of a benchmark's table.

    Attributes:
        name: As it was asked for.
        facts: What decides on its numbers, for the report: kind, SHA-256, engine, precision.
        restorer: Restores, if it does.
        files: The files of another program by case, if it wrote them.
    """

    name: str
    facts: Mapping[str, Any]
    restorer: Restorer | None = None
    files: Mapping[str, Path] | None = None
    _turn: Lock = field(default_factory=Lock)

    def run(self, case: Case, blurred: Float32) -> tuple[Float32, float | None]:
        """The restored photo, and the seconds that it took.

        Args:
            case: What is restored.
            blurred: Its pixels, (H, W, 3) in [0, 1], as the protocol wants them.

        Raises:
            UnblurError: If it fails.
        """
        if self.files is not None:
            if case.name not in self.files:
                raise DataError(f"{self.facts['folder']} has no restored photo for {case.name}")
            return read_photo(self.files[case.name]).pixels.astype(np.float32), None
        if self.restorer is None:
            return blurred, None
        # One at a time, with all cores: a network's last bits may depend on its threads, and
        # numbers must not depend on the workers.
        with self._turn:
            started = time.perf_counter()
            restored = self.restorer.restore_pixels(blurred)
            return restored, time.perf_counter() - started


def open_methods(options: BenchOptions, cases: Sequence[Case]) -> list[BenchMethod]:
    """All methods of a benchmark, the blurred input first.

    Args:
        options: Which.
        cases: What they are to restore.

    Raises:
        NetworkError: If a network is unknown or damaged.
        OptionError: If a method needs a kernel.
        DataError: If a folder of restored files has none.
    """
    methods = [BenchMethod(name=BLURRED, facts={"kind": "input"})]
    methods += [_open(name, options) for name in options.models if name != BLURRED]
    for folder in options.restored:
        files = find_restored(folder, cases)
        facts = {"kind": "files", "folder": str(folder)}
        methods.append(BenchMethod(name=_short(folder, options), facts=facts, files=files))
    return methods


def _open(name: str, options: BenchOptions) -> BenchMethod:
    if name in METHODS:
        restorer = Restorer.open(RestoreOptions(method=name))
        kernel = "none" if name == "unsharp-mask" else "guessed"
        return BenchMethod(
            name=name, facts={"kind": "classical", "kernel": kernel}, restorer=restorer
        )
    wanted = RestoreOptions(
        model=name, guard=options.guard, engine=options.engine, precision=options.precision
    )
    if name not in WEIGHTS and Path(name).suffix.lower() != ".onnx":
        known = ", ".join((*WEIGHTS, *(method for method in METHODS if method != "wiener")))
        raise OptionError(f"unknown model {name!r}; known: {known}, or an .onnx file")
    restorer = Restorer.open(wanted)
    if not isinstance(restorer.method, NetworkMethod):
        raise OptionError(f"{name} is no network")
    engine = restorer.engine
    facts = {
        "kind": "network",
        "architecture": engine.metadata.get("unblur.model", "unknown"),
        "sha256": hashlib.sha256(find_network(name).read_bytes()).hexdigest(),
        "engine": engine.name,
        "precision": engine.precision,
        "guard": options.guard,
    }
    return BenchMethod(name=name, facts=facts, restorer=restorer)


def _short(folder: Path, options: BenchOptions) -> str:
    """The folder's own name, unless another folder or method has the same."""
    names = [path.name for path in options.restored]
    taken = names.count(folder.name) > 1 or folder.name in (BLURRED, *options.models)
    return str(folder) if taken or not folder.name else folder.name
