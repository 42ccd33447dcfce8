"""Compare ways of restoring on a data set, by rules that have a name; resumes where it was."""

from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from unblur.data.benchmarks import (
    Case,
    CaseList,
    choose_cases,
    gopro_cases,
    kohler_cases,
    pair_cases,
)
from unblur.data.pair_places import PairPlace
from unblur.data.problems import check_pair
from unblur.devices import cores
from unblur.errors import UnblurError
from unblur.imaging.measure.sharpness import luma
from unblur.imaging.photo.photo import Photo, read_photo
from unblur.imaging.pyramid import resize
from unblur.metrics import score
from unblur.tasks.bench.kohler import BestMatch, Frame
from unblur.tasks.bench.methods import BenchMethod, open_methods
from unblur.tasks.bench.options import BLURRED, BenchOptions
from unblur.tasks.bench.rows import Row, RowFile, Scored, row_key
from unblur.tasks.bench.scenes import Lesson
from unblur.tasks.bench.score import fitting_metrics, pair_notes

__all__ = ["Bench", "BenchOptions", "Row"]

Float32 = NDArray[np.float32]
Restored: TypeAlias = dict[str, tuple[Float32, float | None] | str]
"""By method: pixels and seconds, or what went wrong."""


class Bench:
    """A benchmark, ready to run.

    Args:
        folder: The data set; None if the options name folders of pairs, or a list.
        options: What to compare.

    Raises:
        DataError: If the data set, or a folder of restored files, is not there or empty.
        NetworkError: If a network is unknown or damaged.
        OptionError: If a method cannot be used, or pairs are named twice, or not at all.
    """

    def __init__(self, folder: Path | None, options: BenchOptions | None = None) -> None:
        self.options = options or BenchOptions()
        place = PairPlace(
            folder=folder,
            blurred=self.options.blurred,
            sharp=self.options.sharp,
            listed=self.options.listed,
        )
        self.folder = place.root
        found = _find(place, self.options)
        limit = self.options.limit or self.options.rules.limit
        self.total = len(found.cases)
        self.cases = choose_cases(found.cases, limit, self.options.seed)
        self.notes = found.notes
        self.methods = open_methods(self.options, self.cases)
        self._report: Path | None = None

    def run(self, report: Path | None = None) -> Generator[list[Row], None, None]:
        """Score every case by every method.

        Args:
            report: A folder that exists: each row goes into ``rows.jsonl`` there, and what is in
                it, from the same files in the same way, is not done again.

        Yields:
            The rows of a case, one for each method, in order of the cases; a method that fails
            gives a row with its error.

        Raises:
            TargetError: If the rows cannot be read or written.
        """
        self._report = report
        known = RowFile[Row](report) if report is not None else None
        workers = min(self.options.workers or cores(), len(self.cases))
        with ThreadPoolExecutor(workers) as pool:
            waiting: list[tuple[dict[str, Row], Future[list[Row]] | None]] = []
            try:
                for case in self.cases:
                    keys = {m.name: row_key(case, m, self.options) for m in self.methods}
                    done = {} if known is None else known.find(keys)
                    todo = {name: key for name, key in keys.items() if name not in done}
                    waiting.append((done, pool.submit(self._score, case, todo) if todo else None))
                for done, future in waiting:
                    rows = future.result() if future is not None else []
                    if known is not None and rows:
                        known.add(rows)
                    every = done | {row["method"]: row for row in rows}
                    yield [every[method.name] for method in self.methods]
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    def pictures(self, row: Row) -> tuple[Float32, Float32, Float32]:
        """The blurred photo of a row, restored by its method, and the sharp one.

        Args:
            row: One without an error.

        Raises:
            UnblurError: If one of them cannot be read or restored any more.
        """
        case = next(case for case in self.cases if case.name == row["image"])
        method = next(method for method in self.methods if method.name == row["method"])
        blurred = self._prepare(read_photo(case.blurred).pixels)
        sharp = self._prepare(case.frame(row.get("frame", 0)))
        return blurred, method.run(case, blurred, self._lesson(case))[0], sharp

    def _score(self, case: Case, keys: dict[str, str]) -> list[Row]:
        methods = [method for method in self.methods if method.name in keys]
        base: dict[str, Row] = {
            name: {"image": case.name, "method": name, "key": keys[name]} for name in keys
        }
        try:
            if case.error is not None:
                return [_failed(row, case.error) for row in base.values()]
            photo = read_photo(case.blurred)
            blurred = self._prepare(photo.pixels)
            lesson = self._lesson(case)
            restored = {m.name: _attempt(m, case, blurred, lesson) for m in methods}
            score_case = self._best if self.options.benchmark == "kohler" else self._pair
            scored = score_case(case, photo, blurred, restored)
        except UnblurError as error:
            return [_failed(row, str(error)) for row in base.values()]
        except MemoryError:
            why = f"{case.blurred}: too large for the memory of this machine"
            return [_failed(row, why) for row in base.values()]
        height, width, _ = blurred.shape
        return [{**row, "size": [width, height], **scored[name]} for name, row in base.items()]

    def _pair(
        self, case: Case, photo: Photo, blurred: Float32, restored: Restored
    ) -> dict[str, Scored]:
        truth = read_photo(case.sharp[0])
        sharp = self._prepare(truth.pixels)
        check_pair(case.blurred, blurred.shape[:2], case.sharp[0], sharp.shape[:2])
        metrics, left_out = fitting_metrics(self.options.scored, sharp.shape[:2])
        rows: dict[str, Scored] = {}
        for name, result in restored.items():
            if isinstance(result, str):
                rows[name] = {"error": result}
                continue
            try:
                _check_size(name, result[0], case, sharp)
                scores = score(result[0], sharp, metrics)
            except UnblurError as error:
                rows[name] = {"error": str(error)}
                continue
            rows[name] = {"seconds": result[1], "scores": scores}
            if name == BLURRED:
                rows[name]["detail"] = [_detail(blurred), _detail(sharp)]
                rows[name]["notes"] = [*left_out, *pair_notes(photo, truth)]
        return rows

    def _best(
        self, case: Case, photo: Photo, blurred: Float32, restored: Restored
    ) -> dict[str, Scored]:
        rows: dict[str, Scored] = {}
        best: dict[str, BestMatch] = {}
        for name, result in restored.items():
            if isinstance(result, str):
                rows[name] = {"error": result}
            else:
                best[name] = BestMatch(result[0])
        for path, pixels in case.frames():
            check_pair(case.blurred, blurred.shape[:2], path, pixels.shape[:2])
            frame = Frame(pixels)
            for name, matched in list(best.items()):
                try:
                    matched.add(frame)
                except UnblurError as error:
                    rows[name] = {"error": f"{case.name}: {error}"}
                    del best[name]
        for name, matched in best.items():
            match, result = matched.result(), restored[name]
            rows[name] = {
                "seconds": None if isinstance(result, str) else result[1],
                "scores": dict(match.scores),
                "frame": match.frame,
                "frames": match.frames,
                "shift": list(match.shift),
            }
        return rows

    def _lesson(self, case: Case) -> Lesson:
        """What a method that learns each scene learns from, and where it keeps what it knows."""
        return Lesson(
            case=case,
            sharp=lambda: self._prepare(read_photo(case.sharp[0]).pixels),
            half=self.options.rules.half,
            report=self._report,
        )

    def _prepare(self, pixels: NDArray[np.floating[Any]]) -> Float32:
        """A photo's pixels as the protocol wants them."""
        pixels = pixels.astype(np.float32, copy=False)
        if not self.options.rules.half:
            return pixels
        height, width = (max(1, round(side / 2)) for side in pixels.shape[:2])
        halved: Float32 = np.rint(resize(pixels, height, width) * np.float32(255))
        return halved / np.float32(255)


def _find(place: PairPlace, options: BenchOptions) -> CaseList:
    if options.benchmark == "gopro":
        return gopro_cases(place.root, gamma=options.gamma)
    if options.benchmark == "kohler":
        return kohler_cases(place.root)
    return pair_cases(place, gamma=options.gamma)


def _attempt(
    method: BenchMethod, case: Case, blurred: Float32, lesson: Lesson
) -> tuple[Float32, float | None] | str:
    """The restored photo, or what went wrong: the other methods go on."""
    try:
        return method.run(case, blurred, lesson)
    except UnblurError as error:
        return f"{method.name}: {error}"
    except MemoryError:
        return f"{method.name}: {case.blurred} is too large for the memory of this machine"


def _check_size(name: str, restored: Float32, case: Case, sharp: Float32) -> None:
    check_pair(Path(f"{case.name} of {name}"), restored.shape[:2], case.sharp[0], sharp.shape[:2])


def _failed(row: Row, why: str) -> Row:
    return row | {"error": why}


def _detail(pixels: Float32) -> float:
    """How much neighbours differ, in 255ths, over means of 2x2 px, which noise counts less in."""
    plane = luma(pixels)
    height, width = (side // 2 * 2 for side in plane.shape)
    means = plane[:height, :width].reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3))
    steps = [np.abs(np.diff(means, axis=axis)) for axis in (0, 1)]
    return float(255 * np.mean([float(x.mean()) if x.size else 0.0 for x in steps]))
