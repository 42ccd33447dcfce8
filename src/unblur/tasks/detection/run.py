"""Does a detector see more after restoring? One detector on sharp, blurred, restored photos."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NotRequired, TypedDict

import numpy as np
from numpy.typing import NDArray

from unblur.data.benchmarks import Case, choose_cases, pair_cases
from unblur.data.problems import check_pair
from unblur.engines.detector import MOST_OVERLAP, Detector
from unblur.engines.detector_layouts import check_layout
from unblur.engines.options import NetworkOptions
from unblur.errors import OptionError, UnblurError
from unblur.imaging.boxes import Detections
from unblur.imaging.photo.photo import read_photo
from unblur.tasks.bench.methods import BenchMethod, open_methods
from unblur.tasks.bench.options import BenchOptions
from unblur.tasks.bench.rows import Line, RowFile, row_key

Float32 = NDArray[np.float32]

TRUTH: Final = "sharp photo"
"""The name of the row of what is found on the sharp photo."""
LEAST_SCORE: Final = 0.05
"""Where curves end: what is less sure is not kept."""


class Seen(TypedDict, total=False):
    """What a detector saw on one photo, or why it did not."""

    error: str
    size: list[int]
    seconds: float | None
    detections: list[list[float]]
    """Left, top, right, bottom in px, score, class."""


class Row(Line):
    """A row of a comparison."""

    detections: NotRequired[list[list[float]]]
    truth: NotRequired[int]
    """Boxes on the sharp photo; this and what follows from :func:`scored_rows`."""
    found: NotRequired[int]
    matched: NotRequired[int]
    precision: NotRequired[float | None]
    recall: NotRequired[float | None]


@dataclass(frozen=True, kw_only=True)
class DetectionOptions(NetworkOptions):
    """What is compared, and when two boxes are the same."""

    detector: Path
    """A detector of the YOLO family, an ONNX file."""
    layout: str = "auto"
    """Of its output: a name in :data:`unblur.engines.detector_layouts.LAYOUTS`, or ``auto``."""
    models: tuple[str, ...] = ("fast",)
    """Networks by name or file, and classical methods. The blurred input is always compared."""
    restored: tuple[Path, ...] = ()
    """Folders of files that other programs wrote; each is one more method."""
    score: float = 0.5
    """What a detection needs at least, on the sharp photo, too."""
    overlap: float = 0.5
    """Intersection over union that makes two boxes of a class the same."""
    pictures: int = 4
    """Photos to draw with their boxes, from the one that gained least to the one that gained
    most."""
    limit: int | None = None
    seed: int = 0
    guard: bool = True

    def __post_init__(self) -> None:
        """Check values.

        Raises:
            OptionError: If one is unknown or out of range.
        """
        check_layout(self.layout)
        if not LEAST_SCORE <= self.score <= 1:
            raise OptionError(f"score must be from {LEAST_SCORE} to 1, got {self.score}")
        if not 0 < self.overlap <= 1:
            raise OptionError(f"overlap must be above 0 and at most 1, got {self.overlap}")
        if self.pictures < 0:
            raise OptionError(f"pictures must not be negative, got {self.pictures}; 0 draws none")
        _ = self.bench  # checks the rest

    @property
    def bench(self) -> BenchOptions:
        """The part that other benchmarks have, too."""
        return BenchOptions(
            models=self.models,
            restored=self.restored,
            limit=self.limit,
            seed=self.seed,
            guard="on" if self.guard else "off",
            engine=self.engine,
            precision=self.precision,
            device=self.device,
        )


class DetectionBench:
    """A comparison by what a detector finds, ready to run.

    Args:
        folder: With ``blur/`` and ``sharp/``.
        options: What to compare.

    Raises:
        DataError: If the pairs, or a folder of restored files, are not there.
        NetworkError: If the detector or a network is unknown, damaged, or of another kind.
        OptionError: If a method cannot be used.
    """

    def __init__(self, folder: Path, options: DetectionOptions) -> None:
        self.folder = folder
        self.options = options
        self.detector = Detector(options.detector, layout=options.layout)
        found = pair_cases(folder)
        self.total = len(found.cases)
        self.cases = choose_cases(found.cases, options.limit, options.seed)
        self.notes = found.notes
        self.methods = open_methods(options.bench, self.cases)
        if TRUTH in [method.name for method in self.methods]:
            raise OptionError(f"no method may be called {TRUTH!r}; rename the folder")
        self._truth = BenchMethod(name=TRUTH, facts={"kind": "truth"})

    @property
    def facts(self) -> dict[str, Any]:
        """What the detector is, for the report."""
        height, width = self.detector.size
        return {
            "file": self.options.detector.name,
            "sha256": self.detector.sha256,
            "layout": self.detector.layout.name,
            "input": f"{width}x{height}",
            "most_overlap": MOST_OVERLAP,
            "least_score": LEAST_SCORE,
        }

    def run(self, report: Path | None = None) -> Iterator[list[Row]]:
        """Find things on every photo.

        Args:
            report: A folder that exists: each row goes into ``rows.jsonl`` there, and what is in
                it, from the same files in the same way, is not done again.

        Yields:
            The rows of a case, that of its sharp photo first, then one for each method; each has
            ``detections`` (left, top, right, bottom in px, score, class) or an ``error``.

        Raises:
            TargetError: If the rows cannot be read or written.
        """
        known = RowFile[Row](report) if report is not None else None
        methods = [self._truth, *self.methods]
        for case in self.cases:
            keys = {method.name: self._key(case, method) for method in methods}
            done = {} if known is None else known.find(keys)
            todo = {name: key for name, key in keys.items() if name not in done}
            rows = self._find(case, todo) if todo else []
            if known is not None and rows:
                known.add(rows)
            every = done | {row["method"]: row for row in rows}
            yield [every[method.name] for method in methods]

    def pixels(self, case_name: str, method_name: str) -> Float32:
        """A photo as the detector saw it: sharp (:data:`TRUTH`), blurred or restored.

        Raises:
            UnblurError: If it cannot be read or restored any more.
        """
        case = next(case for case in self.cases if case.name == case_name)
        if method_name == TRUTH:
            return read_photo(case.sharp[0]).pixels.astype(np.float32, copy=False)
        method = next(method for method in self.methods if method.name == method_name)
        blurred = read_photo(case.blurred).pixels.astype(np.float32, copy=False)
        return method.run(case, blurred)[0]

    def _key(self, case: Case, method: BenchMethod) -> str:
        # When two boxes are the same is decided after the rows, which do not depend on it.
        facts = [row_key(case, method, self.options.bench), self.facts]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:24]

    def _find(self, case: Case, keys: dict[str, str]) -> list[Row]:
        base: dict[str, Row] = {
            name: {"image": case.name, "method": name, "key": keys[name]} for name in keys
        }
        try:
            if case.error is not None:
                return [row | {"error": case.error} for row in base.values()]
            sharp = read_photo(case.sharp[0]).pixels.astype(np.float32, copy=False)
            blurred = read_photo(case.blurred).pixels.astype(np.float32, copy=False)
            check_pair(case.blurred, blurred.shape[:2], case.sharp[0], sharp.shape[:2])
        except UnblurError as error:
            return [row | {"error": str(error)} for row in base.values()]
        except MemoryError:
            why = f"{case.blurred}: too large for the memory of this machine"
            return [row | {"error": why} for row in base.values()]
        rows: list[Row] = []
        if TRUTH in base:
            rows.append({**base[TRUTH], **self._detect(sharp, None)})
        for method in self.methods:
            if method.name in base:
                rows.append({**base[method.name], **self._attempt(method, case, blurred)})
        return rows

    def _attempt(self, method: BenchMethod, case: Case, blurred: Float32) -> Seen:
        """What is found on a restored photo, or what went wrong: the other methods go on."""
        try:
            restored, seconds = method.run(case, blurred)
            name = Path(f"{case.name} of {method.name}")
            check_pair(name, restored.shape[:2], case.sharp[0], blurred.shape[:2])
            return self._detect(restored, seconds)
        except UnblurError as error:
            return {"error": f"{method.name}: {error}"}
        except MemoryError:
            why = f"{case.blurred} is too large for the memory of this machine"
            return {"error": f"{method.name}: {why}"}

    def _detect(self, pixels: Float32, seconds: float | None) -> Seen:
        height, width, _ = pixels.shape
        try:
            found = self.detector.detect(pixels, least_score=LEAST_SCORE)
        except UnblurError as error:
            return {"error": str(error)}
        return {
            "size": [width, height],
            "seconds": seconds,
            "detections": [
                [*(round(float(side), 2) for side in box), round(float(score), 6), int(number)]
                for box, score, number in zip(found.boxes, found.scores, found.classes, strict=True)
            ],
        }


def as_detections(row: Row, least_score: float = 0.0) -> Detections:
    """The detections of a row, those with at least this score."""
    kept = [entry for entry in row["detections"] if entry[4] >= least_score]
    table = np.array(kept, np.float64).reshape(-1, 6)
    return Detections(
        boxes=table[:, :4].astype(np.float32),
        scores=table[:, 4].astype(np.float32),
        classes=table[:, 5].astype(np.int64),
    )
