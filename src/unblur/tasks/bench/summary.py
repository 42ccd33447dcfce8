"""One line a method: means, gains and seconds over all photos of a benchmark."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from unblur.tasks.bench.options import BLURRED
from unblur.tasks.bench.rows import Row
from unblur.tasks.bench.run import Bench


@dataclass(frozen=True, kw_only=True)
class Summary:
    """The scores of one method over all photos."""

    method: str
    facts: dict[str, Any]
    photos: int
    scored: int
    """Photos that the means are over, but for infinite values."""
    failed: int
    infinite: int
    """Photos equal to the sharp one, whose PSNR is in no mean."""
    means: dict[str, float | None]
    """Means by metric; that of PSNR is over the finite ones alone."""
    gain: float | None
    """Mean of the PSNR over that of the blurred photo, where both are finite; dB."""
    worst_gain: float | None
    seconds: float | None
    """Median of a photo, restoring alone, while other photos are read and scored."""


def summarise(bench: Bench, rows: Sequence[Row]) -> list[Summary]:
    """One summary a method, the blurred input first."""
    metrics = list(dict.fromkeys(name for row in rows for name in row.get("scores", {})))
    summaries = []
    for method in bench.methods:
        own = [row for row in rows if row["method"] == method.name]
        scored = [row for row in own if "error" not in row]
        change = list(gains(rows, method.name).values())
        seconds = [row["seconds"] for row in scored if row["seconds"] is not None]
        summaries.append(
            Summary(
                method=method.name,
                facts=dict(method.facts),
                photos=len(own),
                scored=len(scored),
                failed=len(own) - len(scored),
                infinite=sum(row["scores"].get("psnr") == math.inf for row in scored),
                means={
                    name: _mean([row["scores"].get(name) for row in scored]) for name in metrics
                },
                gain=_mean(change) if method.name != BLURRED else None,
                worst_gain=min(change) if change and method.name != BLURRED else None,
                seconds=statistics.median(seconds) if seconds else None,
            )
        )
    return summaries


def gains(rows: Sequence[Row], method: str) -> dict[str, float]:
    """PSNR of a method over that of the blurred photo by case, dB, where both are finite."""
    values: dict[str, dict[str, float]] = {method: {}, BLURRED: {}}
    for row in rows:
        value = row.get("scores", {}).get("psnr", math.inf)
        if row["method"] in values and math.isfinite(value):
            values[row["method"]][row["image"]] = value
    before = values[BLURRED]
    return {name: value - before[name] for name, value in values[method].items() if name in before}


def _mean(values: Sequence[float | None]) -> float | None:
    finite = [value for value in values if value is not None and math.isfinite(value)]
    return math.fsum(finite) / len(finite) if finite else None
