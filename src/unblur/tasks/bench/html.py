"""The report of a benchmark as one page that needs nothing else: tables, histograms, pictures."""

import base64
import math
import re
from collections.abc import Sequence
from functools import partial
from html import escape
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.errors import UnblurError
from unblur.imaging.photo.photo import Photo, encode_photo
from unblur.imaging.pyramid import resize
from unblur.tasks.bench import tables
from unblur.tasks.bench.options import BLURRED
from unblur.tasks.bench.page import PAGE
from unblur.tasks.bench.published import Published
from unblur.tasks.bench.report import (
    PUBLISHED_COLUMNS,
    TITLES,
    Report,
    columns,
    counts_words,
    facts_words,
    machine_words,
    metrics_of,
    number,
    seconds,
    signed,
)
from unblur.tasks.bench.rows import Row
from unblur.tasks.bench.run import Bench
from unblur.tasks.bench.summary import gains
from unblur.tasks.bench.tables import Column

Float32 = NDArray[np.float32]

_LONGEST_PX: Final = 1280
_QUALITY: Final = 88
_BINS: Final = 24
_CHART: Final = (460, 150)
_PARTS: Final = ("before", "restored", "sharp")


def as_html(bench: Bench, rows: Sequence[Row], report: Report) -> str:
    """Make one page of HTML of a report.

    Args:
        bench: What was run: a few photos are restored again, to be shown.
        rows: All of its rows.
        report: From :func:`unblur.tasks.bench.report.as_report`.
    """
    title = f"{report.benchmark}, protocol {report.protocol.name}"
    notes = "".join(f"<li>{escape(note)}</li>" for note in report.notes)
    facts = "".join(
        f"<li><b>{escape(s.method)}</b>: {escape(facts_words(s.facts))}</li>"
        for s in report.summaries
    )
    compared = [method.name for method in bench.methods if method.name != BLURRED]
    parts = {
        "TITLE": escape(title),
        "WORDS": escape(report.protocol.words),
        "COUNTS": escape(counts_words(report.protocol)),
        "NOTES": f"<ul class=notes>{notes}</ul>" if notes else "",
        "SUMMARY": tables.as_html(columns(report), report.summaries),
        "FACTS": facts,
        "MACHINE": escape(machine_words(report)),
        "PUBLISHED": _published(report.published),
        "CHARTS": "".join(_chart(name, list(gains(rows, name).values())) for name in compared),
        "PICTURES": "".join(_pictures(bench, rows, name) for name in compared),
        "ROWS": tables.as_html(_row_columns(report), report.rows),
    }
    # All at once: what stands in one place may look like the mark of another.
    return re.sub(r"@([A-Z]+)@", lambda mark: parts[mark[1]], PAGE)


def extremes(values: dict[str, float]) -> dict[str, str]:
    """The cases with the best, the median and the worst gain; each once."""
    ordered = sorted(values, key=lambda name: values[name])
    if not ordered:
        return {}
    places = {"best": len(ordered) - 1, "median": (len(ordered) - 1) // 2, "worst": 0}
    chosen: dict[str, str] = {}
    for word, place in places.items():
        if ordered[place] not in chosen.values():
            chosen[word] = ordered[place]
    return chosen


def _published(published: Sequence[Published]) -> str:
    if not published:
        return ""
    return f"<h2>Published</h2>{tables.as_html(PUBLISHED_COLUMNS, published)}"


def _row_columns(report: Report) -> list[Column[Row]]:
    def score(metric: str, row: Row) -> str:
        return number(row.get("scores", {}).get(metric), metric)

    return [
        Column("photo", lambda row: row["image"]),
        Column("method", lambda row: row["method"]),
        *(Column(TITLES.get(name, name), partial(score, name)) for name in metrics_of(report)),
        Column("s", lambda row: seconds(row.get("seconds"))),
        Column("error", lambda row: row.get("error", "")),
    ]


def _chart(name: str, values: Sequence[float]) -> str:
    """A histogram of gains; what lost is in another colour."""
    if not values:
        return ""
    low, high = min(*values, 0.0), max(*values, 0.0)
    step = max((high - low) / _BINS, 1e-6)
    first = math.floor(low / step)
    counts: dict[int, int] = {}
    for value in values:
        place = math.floor(value / step)
        counts[place] = counts.get(place, 0) + 1
    width, height = _CHART
    bins = max(*counts, math.ceil(high / step)) - first + 1
    bar, tallest = width / bins, max(counts.values())
    bars = []
    for place, count in sorted(counts.items()):
        tall = count / tallest * (height - 10)
        kind = "loss" if place < 0 else "gain"
        words = f"{place * step:+.2f} to {(place + 1) * step:+.2f} dB: {count}"
        bars.append(
            f"<rect class={kind} x='{(place - first) * bar:.1f}' y='{height - tall:.1f}' "
            f"width='{max(bar - 1, 1):.1f}' height='{tall:.1f}'><title>{words}</title></rect>"
        )
    zero = -first * bar
    return (
        f"<figure><svg viewBox='0 0 {width} {height + 22}' role=img>{''.join(bars)}"
        f"<line x1='{zero:.1f}' x2='{zero:.1f}' y1='0' y2='{height}'/>"
        f"<text x='0' y='{height + 17}'>{low:+.2f} dB</text>"
        f"<text x='{width}' y='{height + 17}' text-anchor=end>{high:+.2f} dB</text></svg>"
        f"<figcaption>{escape(name)}: gain of PSNR over the blurred photo, {len(values)} photos"
        "</figcaption></figure>"
    )


def _pictures(bench: Bench, rows: Sequence[Row], method: str) -> str:
    values = gains(rows, method)
    parts = []
    for word, image in extremes(values).items():
        row = next(row for row in rows if row["image"] == image and row["method"] == method)
        score = number(row["scores"]["psnr"], "psnr")
        caption = f"{method}, {word}: {image}, {signed(values[image])} dB to {score} dB"
        try:
            shown = bench.pictures(row)
        except UnblurError as error:
            parts.append(f"<p>{escape(f'{caption}: {error}')}</p>")
            continue
        images = "".join(
            f"<img class={part} alt='{part}' src='{_data_url(pixels)}'>"
            for part, pixels in zip(_PARTS, shown, strict=True)
        )
        choices = "".join(
            f"<button type=button data-left={left} data-right={right}>{left} | {right}</button>"
            for left, right in (_PARTS[:2], _PARTS[1:], _PARTS[::2])
        )
        parts.append(
            f"<figure class=compare><figcaption>{escape(caption)}</figcaption>"
            f"<div class=choices>{choices}</div><div class=stage>{images}<i></i>"
            "<b class=left></b><b class=right></b></div>"
            "<input type=range min=0 max=100 value=50 step=0.1 aria-label='where the two meet'>"
            "</figure>"
        )
    return "".join(parts)


def _data_url(pixels: Float32) -> str:
    height, width, _ = pixels.shape
    share = min(1.0, _LONGEST_PX / max(height, width))
    small = resize(pixels, max(1, round(height * share)), max(1, round(width * share)))
    data = encode_photo(Photo(pixels=small), "jpeg", quality=_QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(data).decode("ascii")
