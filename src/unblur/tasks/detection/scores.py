"""Precision, recall and F1 of detections, against those on the sharp photo."""

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from unblur.imaging.boxes import Detections, overlaps
from unblur.tasks.detection.run import LEAST_SCORE, TRUTH, DetectionBench, Row, as_detections

THRESHOLDS: Final = tuple(round(0.05 * step, 2) for step in range(round(LEAST_SCORE / 0.05), 20))
"""Scores at which a curve has its points."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """All photos at one threshold."""

    threshold: float
    precision: float | None
    """Mean over photos with at least one detection; None if there is none."""
    recall: float | None
    """Mean over all photos with truth."""
    f1: float | None
    """Harmonic mean of precision and recall."""
    silent: int
    """Photos with truth and without detections: recall 0, no precision."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a detector finds in the photos of one method."""

    method: str
    facts: dict[str, Any]
    photos: int
    failed: int
    without_truth: int
    """Photos that count in no mean: nothing is found on the sharp one."""
    scored: int
    """Photos that the means are over."""
    at: Point
    """Means over the photos, at the score asked for."""
    truth: int
    """Boxes on the sharp photos that the means are over."""
    detections: int
    matched: int
    pooled: Point
    """At the score asked for, all boxes of all photos in one heap."""
    curve: tuple[Point, ...]
    seconds: float | None
    """Median of the seconds that restoring a photo took."""


def match(found: Detections, truth: Detections, *, overlap: float) -> NDArray[np.int64]:
    """Find what detections are right: best score first, each box of the truth once.

    Args:
        found: In any order; of equal scores the first counts as better.
        truth: The boxes that there are.
        overlap: Least intersection over union of two boxes that are the same.

    Returns:
        (N,) for each detection the number of its box, of those left of its class the one that it
        overlaps most; -1 if there is none.
    """
    matched = np.full(len(found), -1, np.int64)
    shares = overlaps(found.boxes, truth.boxes)
    shares[found.classes[:, None] != truth.classes[None, :]] = -1
    if not len(truth):
        return matched
    for number in np.argsort(-found.scores, kind="stable"):
        best = int(shares[number].argmax())
        if shares[number, best] >= np.float32(overlap):
            matched[number] = best
            shares[:, best] = -1
    return matched


def summarise(bench: DetectionBench, rows: Sequence[Row]) -> list[Found]:
    """One summary a method, the blurred input first.

    Args:
        bench: What was run.
        rows: All of its rows.
    """
    options = bench.options
    truths = _truths(rows, options.score)
    summaries = []
    for method in bench.methods:
        own = [row for row in rows if row["method"] == method.name]
        good = [row for row in own if "error" not in row and row["image"] in truths]
        scored = [row for row in good if len(truths[row["image"]])]
        counted = [_counted(row, truths[row["image"]], options.overlap) for row in scored]
        seconds = [row["seconds"] for row in good if row["seconds"] is not None]
        sums = [sum(part) for part in zip(*(_at(c, options.score) for c in counted), strict=True)]
        matched, detections, truth = sums or (0, 0, 0)
        summaries.append(
            Found(
                method=method.name,
                facts=dict(method.facts),
                photos=len(own),
                failed=len(own) - len(good),
                without_truth=len(good) - len(scored),
                scored=len(scored),
                at=mean_point((_at(c, options.score) for c in counted), options.score),
                truth=truth,
                detections=detections,
                matched=matched,
                pooled=mean_point([(matched, detections, truth)] if truth else [], options.score),
                curve=tuple(
                    mean_point((_at(c, least) for c in counted), least) for least in THRESHOLDS
                ),
                seconds=statistics.median(seconds) if seconds else None,
            )
        )
    return summaries


def mean_point(counts: Iterable[tuple[int, int, int]], threshold: float) -> Point:
    """Means over photos.

    Args:
        counts: Of each photo with truth: detections that are right, detections, boxes of truth.
        threshold: What the detections were counted from.
    """
    precisions, recalls = [], []
    for matched, detections, truth in counts:
        recalls.append(matched / truth)
        if detections:
            precisions.append(matched / detections)
    precision, recall = _mean(precisions), _mean(recalls)
    return Point(
        threshold=threshold,
        precision=precision,
        recall=recall,
        f1=_f1(precision, recall),
        silent=len(recalls) - len(precisions),
    )


def scored_rows(bench: DetectionBench, rows: Sequence[Row]) -> list[Row]:
    """Every row with its own ``truth``, ``found``, ``matched``, ``precision`` and ``recall``."""
    options = bench.options
    truths = _truths(rows, options.score)
    results = []
    for row in rows:
        if "error" in row or row["image"] not in truths or row["method"] == TRUTH:
            results.append(row)
            continue
        counted = _counted(row, truths[row["image"]], options.overlap)
        matched, found, truth = _at(counted, options.score)
        scored: Row = {
            **row,
            "truth": truth,
            "found": found,
            "matched": matched,
            "precision": matched / found if truth and found else None,
            "recall": matched / truth if truth else None,
        }
        results.append(scored)
    return results


def _truths(rows: Sequence[Row], score: float) -> dict[str, Detections]:
    return {
        row["image"]: as_detections(row, score)
        for row in rows
        if row["method"] == TRUTH and "error" not in row
    }


@dataclass(frozen=True, kw_only=True, eq=False)
class _Counted:
    scores: NDArray[np.float64]
    right: NDArray[np.bool_]
    truth: int


def _counted(row: Row, truth: Detections, overlap: float) -> _Counted:
    # A detection takes its box before any that is less sure, so that one matching of all serves
    # every threshold.
    right = match(as_detections(row), truth, overlap=overlap) >= 0
    scores = np.array([entry[4] for entry in row["detections"]], np.float64)
    return _Counted(scores=scores, right=right, truth=len(truth))


def _at(counted: _Counted, threshold: float) -> tuple[int, int, int]:
    sure = counted.scores >= threshold
    return int((sure & counted.right).sum()), int(sure.sum()), counted.truth


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None


def _f1(precision: float | None, recall: float | None) -> float | None:
    if precision is None or recall is None:
        return 0.0 if recall is not None else None
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0
