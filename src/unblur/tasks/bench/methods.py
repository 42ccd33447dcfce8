"""What a benchmark compares: the blurred input, networks, classical methods, others' files."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from unblur.choices import CLASSICAL as METHODS
from unblur.data.benchmarks import Case, find_restored
from unblur.engines.adapt import network_digest
from unblur.errors import DataError, OptionError
from unblur.imaging.photo.photo import read_photo
from unblur.models import MODELS
from unblur.tasks.bench.options import BLURRED, SCENE_METHODS, BenchOptions
from unblur.tasks.bench.scenes import Lesson, Scenes
from unblur.tasks.methods.network import NetworkMethod
from unblur.tasks.restore.options import FINDS_BLUR, RestoreOptions
from unblur.tasks.restore.restorer import Restorer
from unblur.weights import WEIGHTS, find_network, is_network, kept_networks

Float32 = NDArray[np.float32]

GUARDED: Final = ", guarded"
"""Ends the name of the second of a network's two rows."""


@dataclass(frozen=True, kw_only=True, eq=False)
class BenchMethod:
    """One row of a benchmark's table.

    Attributes:
        name: As it was asked for; of the guarded of two rows with a word about that.
        facts: What decides on its numbers, for the report: kind, SHA-256, engine, precision, the
            device if it is not the CPU, and ``guard``, True or False, which every row has.
        restorer: Restores, if it does.
        files: The files of another program by case, if it wrote them.
        scenes: Learns the scene of each case before it restores, if it does.
    """

    name: str
    facts: Mapping[str, Any]
    restorer: Restorer | None = None
    files: Mapping[str, Path] | None = None
    scenes: Scenes | None = None
    _turn: Lock = field(default_factory=Lock)

    def run(
        self, case: Case, blurred: Float32, lesson: Lesson | None = None
    ) -> tuple[Float32, float | None]:
        """The restored photo, and the seconds that it took.

        Args:
            case: What is restored.
            blurred: Its pixels, (H, W, 3) in [0, 1], as the protocol wants them.
            lesson: What a method that learns each scene learns from.

        Raises:
            UnblurError: If it fails.
        """
        if self.files is not None:
            if case.name not in self.files:
                raise DataError(f"{self.facts['folder']} has no restored photo for {case.name}")
            return read_photo(self.files[case.name]).pixels.astype(np.float32), None
        if self.scenes is not None:
            return self.scenes.restore(blurred, lesson)
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
    methods = [BenchMethod(name=BLURRED, facts={"kind": "input", "guard": False})]
    scenes: dict[str, Scenes] = {}
    for name in options.models:
        if name in SCENE_METHODS:
            scenes[name] = Scenes.open(name, options, beside=next(iter(scenes.values()), None))
            methods.append(BenchMethod(name=name, facts=scenes[name].facts, scenes=scenes[name]))
        elif name != BLURRED:
            methods += _open(name, options)
    for folder in options.restored:
        files = find_restored(folder, cases)
        facts = {"kind": "files", "folder": str(folder), "guard": False}
        methods.append(BenchMethod(name=_short(folder, options), facts=facts, files=files))
    return methods


def _open(name: str, options: BenchOptions) -> list[BenchMethod]:
    """The rows of a name: two for a network whose guard is to be both off and on."""
    if name in METHODS:
        restorer = Restorer.open(RestoreOptions(method=name))
        kernel = "none" if name == "unsharp-mask" else "guessed"
        facts: dict[str, Any] = {"kind": "classical", "kernel": kernel, "guard": False}
        return [BenchMethod(name=name, facts=facts, restorer=restorer)]
    wanted = RestoreOptions(
        method="network",
        guard=False,
        engine=options.engine,
        precision=options.precision,
        device=options.device,
    )
    if name in FINDS_BLUR:
        guard = options.guard != "off"
        restorer = Restorer.open(replace(wanted, method=name, guard=guard))
        facts = {"kind": "blind", "kernel": "found", "network": wanted.model, "guard": guard}
        return [BenchMethod(name=name, facts=facts, restorer=restorer)]
    wanted = replace(wanted, model=name)
    if not is_network(name):
        classical = (method for method in METHODS if method != "wiener")
        known = ", ".join((*WEIGHTS, *kept_networks(), *FINDS_BLUR, *classical, *SCENE_METHODS))
        raise OptionError(f"unknown model {name!r}; known: {known}, or an .onnx file")
    restorer = Restorer.open(wanted)
    if not isinstance(restorer.method, NetworkMethod):
        raise OptionError(f"{name} is no network")
    engine = restorer.engine
    model = engine.metadata.get("unblur.model", "unknown")
    others = engine.metadata.get("unblur.architecture", model)
    facts = {
        "kind": "network",
        # In words: a narrow variant must not pass for the published network.
        "architecture": MODELS[model].label or model if model in MODELS else others,
        "sha256": network_digest(find_network(name)),
        "engine": engine.name,
        "precision": engine.precision,
    }
    if engine.device != "cpu":
        facts["device"] = engine.device
    if "unblur.dropout" in engine.metadata:
        facts["dropout"] = engine.metadata["unblur.dropout"]
    rows = []
    for guard in {"off": (False,), "on": (True,), "both": (False, True)}[options.guard]:
        rows.append(
            BenchMethod(
                name=f"{name}{GUARDED}" if guard and options.guard == "both" else name,
                facts={**facts, "guard": guard},
                # One engine for both rows: its memory is not taken twice.
                restorer=Restorer(restorer.method, replace(wanted, guard=guard)),
            )
        )
    return rows


def _short(folder: Path, options: BenchOptions) -> str:
    """The folder's own name, unless another folder or method has the same."""
    names = [path.name for path in options.restored]
    taken = names.count(folder.name) > 1 or folder.name in (BLURRED, *options.models)
    return str(folder) if taken or not folder.name else folder.name
