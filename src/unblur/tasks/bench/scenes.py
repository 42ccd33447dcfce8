"""SinGAN in a benchmark: learn the sharp photo of a pair, then restore the blurred one."""

import hashlib
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from unblur.data.benchmarks import Case
from unblur.errors import OptionError
from unblur.extras import need
from unblur.imaging.photo.photo import Photo
from unblur.tasks.bench.options import SCENE_METHODS, BenchOptions
from unblur.tasks.json_lines import file_state

if TYPE_CHECKING:
    from unblur.tasks.singan.options import SinGANOptions

Float32 = NDArray[np.float32]

FOLDER: Final = "singan"
"""In a report: what was learnt of each scene, so that a run that was killed goes on with it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Lesson:
    """What there is to learn from about one case.

    Attributes:
        case: The pair.
        sharp: Gives the pixels of its sharp photo, (H, W, 3) in [0, 1], as the protocol wants them.
        half: Whether the protocol halves them.
        report: Folder of the report, which keeps what was learnt; None keeps nothing.
    """

    case: Case
    sharp: Callable[[], Float32]
    half: bool
    report: Path | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Scenes:
    """A way of restoring that learns every scene first.

    Attributes:
        options: How a pyramid is fitted.
        start: See :class:`unblur.tasks.singan.use.SinGANRestoreOptions`.
    """

    options: "SinGANOptions"
    start: str
    _turn: Lock = field(default_factory=Lock)

    @classmethod
    def open(cls, name: str, options: BenchOptions, *, beside: "Scenes | None") -> "Scenes":
        """Check that everything is installed.

        Args:
            name: A key of :data:`unblur.tasks.bench.options.SCENE_METHODS`.
            options: Say which schedule.
            beside: Another method that learns the same scenes: they take turns, and each scene is
                learnt once.

        Raises:
            MissingExtraError: If PyTorch is not installed.
        """
        need("train", "torch", "safetensors")
        from unblur.tasks.singan.options import SinGANOptions, fast_options

        changes: dict[str, Any] = {"seed": options.seed}
        if options.iterations is not None:
            changes |= {"iterations": options.iterations, "coarse_iterations": options.iterations}
        schedule = SinGANOptions(**changes) if options.official else fast_options(**changes)
        turn = beside._turn if beside is not None else Lock()
        return cls(options=schedule, start=SCENE_METHODS[name], _turn=turn)

    @property
    def facts(self) -> dict[str, Any]:
        """What decides on the numbers, for the report."""
        chosen = self.options
        return {
            "kind": "singan",
            "learns": "the sharp photo of each pair, which the seconds leave out",
            "start": self.start,
            "steps": 1,
            "scales": chosen.scales,
            "finest scale, px": chosen.max_size_px,
            "iterations": f"{chosen.coarse_iterations} and {chosen.iterations}"
            if chosen.coarse_scales
            else chosen.iterations,
            "schedule": "fast" if chosen.crop_px else "published",
            "seed": chosen.seed,
            "guard": False,
        }

    def restore(self, blurred: Float32, lesson: Lesson | None) -> tuple[Float32, float]:
        """Learn the scene, unless it is known, and restore its blurred photo.

        Args:
            blurred: (H, W, 3) in [0, 1].
            lesson: The pair.

        Returns:
            The restored photo and the seconds that restoring alone took.

        Raises:
            UnblurError: If the photo is too small, or something cannot be written.
            OptionError: If there is nothing to learn from.
        """
        from unblur.tasks.singan.fit import fit
        from unblur.tasks.singan.use import SinGANRestoreOptions, restore_pixels

        if lesson is None:
            raise OptionError("singan needs the sharp photo of each pair, to learn its scene")
        # One at a time, with all cores; a scene that two methods want is then learnt once.
        with self._turn, tempfile.TemporaryDirectory() as passing:
            folder = Path(passing) if lesson.report is None else lesson.report / FOLDER
            folder.mkdir(exist_ok=True)
            sharp = Photo(pixels=lesson.sharp())
            scene = fit(sharp, folder / self._file_name(lesson), self.options, resume=True)
            started = time.perf_counter()
            restored = restore_pixels(scene, blurred, SinGANRestoreOptions(start=self.start))
            return restored, time.perf_counter() - started

    def _file_name(self, lesson: Lesson) -> str:
        """Another one for another photo, size or schedule: none is mistaken for this."""
        facts = [file_state(lesson.case.sharp[0]), self.options.as_dict(), lesson.half]
        digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
        return f"{lesson.case.name.replace('/', '-')}.{digest[:8]}.singan"
