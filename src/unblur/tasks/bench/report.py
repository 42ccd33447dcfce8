"""What a benchmark found, as JSON and Markdown: with its rules, weights, machine and date."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from unblur.devices import describe_machine
from unblur.imaging.files import replace_file
from unblur.tasks.bench import tables
from unblur.tasks.bench.published import PUBLISHED, Published
from unblur.tasks.bench.rows import Row, to_json
from unblur.tasks.bench.run import Bench
from unblur.tasks.bench.summary import Summary, summarise
from unblur.tasks.bench.tables import Column

_SWAPPED: Final = 0.97
"""The sharp photo's detail by the blurred one's, below which it counts as blurrier."""
TITLES: Final = {
    "psnr": "PSNR, dB",
    "psnr_rgb": "PSNR (RGB), dB",
    "ssim": "SSIM",
    "ms_ssim": "MS-SSIM",
    "cw_ssim": "CW-SSIM",
}
_DIGITS: Final = {"psnr": 2, "psnr_rgb": 2}


@dataclass(frozen=True, kw_only=True)
class ProtocolFacts:
    """Which photos were compared, by which rules."""

    name: str
    words: str
    metrics: tuple[str, ...]
    guard: str
    folder: str
    photos: int
    photos_in_data_set: int
    seed: int | None
    """The seed that drew the photos; None if all were taken."""
    gamma: bool


@dataclass(frozen=True, kw_only=True)
class Report:
    """All of a benchmark, in the order in which ``report.json`` has it."""

    benchmark: str
    protocol: ProtocolFacts
    machine: Mapping[str, Any]
    notes: list[str]
    summaries: list[Summary]
    published: Sequence[Published]
    rows: Sequence[Row]

    def as_json(self) -> dict[str, Any]:
        """All of it, fit for JSON."""
        return {**asdict(self), "rows": [to_json(row) for row in self.rows]}


def warnings(bench: Bench, rows: Sequence[Row]) -> list[str]:
    """What makes the numbers doubtful."""
    found = list(bench.notes)
    details = [row["detail"] for row in rows if "detail" in row]
    blurrier = sum(sharp < _SWAPPED * blurred for blurred, sharp in details)
    if details and 2 * blurrier > len(details):
        found.append(
            f"in {blurrier} of {len(details)} pairs the sharp photo has less detail than the "
            "blurred one; are the folders swapped?"
        )
    notes: dict[str, int] = {}
    for row in rows:
        for note in row.get("notes", ()):
            notes[note] = notes.get(note, 0) + 1
    found += [f"{note} ({count} photos)" for note, count in notes.items()]
    return found


def as_report(bench: Bench, rows: Sequence[Row]) -> Report:
    """All of a benchmark."""
    options = bench.options
    return Report(
        benchmark=options.benchmark,
        protocol=ProtocolFacts(
            name=options.protocol,
            words=options.rules.words,
            metrics=options.scored,
            guard=options.guard,
            folder=str(bench.folder),
            photos=len(bench.cases),
            photos_in_data_set=bench.total,
            seed=options.seed if len(bench.cases) < bench.total else None,
            gamma=options.gamma,
        ),
        machine=describe_machine(),
        notes=warnings(bench, rows),
        summaries=summarise(bench, rows),
        published=PUBLISHED[options.benchmark],
        rows=rows,
    )


def write_report(bench: Bench, rows: Sequence[Row], folder: Path) -> None:
    """Write ``report.json``, ``report.md`` and ``report.html``; those that exist are replaced.

    Args:
        bench: What was run.
        rows: All of its rows.
        folder: Exists.

    Raises:
        TargetError: If one cannot be written.
    """
    from unblur.tasks.bench.html import as_html

    report = as_report(bench, rows)
    texts = {
        "report.json": json.dumps(report.as_json(), indent=1, ensure_ascii=False, allow_nan=False)
        + "\n",
        "report.md": as_markdown(report),
        "report.html": as_html(bench, rows, report),
    }
    for name, text in texts.items():
        with replace_file(folder / name, overwrite=True) as temporary:
            temporary.write_text(text, encoding="utf-8")


def as_markdown(report: Report) -> str:
    """The report without its rows, but for those that failed."""
    lines = [f"# {report.benchmark}, protocol {report.protocol.name}", ""]
    lines += [report.protocol.words, "", counts_words(report.protocol), "", *table(report), ""]
    lines += [f"- {note}" for note in report.notes] + [""] * bool(report.notes)
    lines += [f"- **{s.method}**: {facts_words(s.facts)}" for s in report.summaries]
    lines += ["", machine_words(report)]
    if report.published:
        shown = tables.as_markdown(PUBLISHED_COLUMNS, report.published)
        lines += ["", "## Published", "", *shown]
    failed = [row for row in report.rows if "error" in row]
    if failed:
        lines += ["", "## Failed", ""]
        lines += [f"- {row['image']}, {row['method']}: {row['error']}" for row in failed]
    return "\n".join(lines) + "\n"


def table(report: Report) -> list[str]:
    """The means as a Markdown table."""
    return tables.as_markdown(columns(report), report.summaries)


def columns(report: Report) -> list[Column[Summary]]:
    """The columns of the means: what is added here is in every report."""
    return [
        Column("method", lambda summary: summary.method),
        Column("guard", _guard_word),
        *(Column(TITLES.get(name, name), partial(_mean, name)) for name in metrics_of(report)),
        Column("gain, dB", lambda summary: signed(summary.gain)),
        Column("worst", lambda summary: signed(summary.worst_gain), on_page="worst, dB"),
        Column("photos", _counted),
        Column("s", lambda summary: seconds(summary.seconds), on_page="s a photo"),
    ]


PUBLISHED_COLUMNS: Final[tuple[Column[Published], ...]] = (
    Column("method", lambda row: row.method),
    Column("PSNR", lambda row: f"{row.psnr:.2f}", on_page="PSNR, dB"),
    Column(
        "SSIM",
        lambda row: "" if row.ssim is None else f"{row.ssim:g}",
        on_page="SSIM as printed",
    ),
    Column("protocol", lambda row: row.protocol),
    Column("source", lambda row: row.source),
)


def metrics_of(report: Report) -> list[str]:
    """The metrics of a report, in order."""
    return list(report.summaries[0].means)


def machine_words(report: Report) -> str:
    """Where it was run, in one line."""
    return ", ".join(f"{key} {value}" for key, value in report.machine.items())


def _guard_word(summary: Summary) -> str:
    """Whether the guard that keeps what is sharp had a say in a row: of files, nobody knows."""
    if summary.facts["kind"] == "files":
        return "unknown"
    return "on" if summary.facts["guard"] else "off"


def _mean(metric: str, summary: Summary) -> str:
    return number(summary.means[metric], metric)


def _counted(summary: Summary) -> str:
    """How many photos the means are over, and what is not in them."""
    parts = [str(summary.scored)]
    parts += [f"{summary.failed} failed"] if summary.failed else []
    parts += [f"{summary.infinite} with infinite PSNR"] if summary.infinite else []
    return ", ".join(parts)


def seconds(value: float | None) -> str:
    """Seconds as they are printed."""
    return "" if value is None else f"{value:.2f}"


def number(value: float | None, metric: str) -> str:
    """A score as it is printed."""
    if value is None or value == math.inf:
        return "" if value is None else "∞"
    return f"{value:.{_DIGITS.get(metric, 4)}f}"


def signed(value: float | None) -> str:
    """A gain as it is printed."""
    return "" if value is None else f"{value:+.2f}"


def facts_words(facts: Mapping[str, Any]) -> str:
    """What a method is, in one line."""
    words = {True: "on", False: "off"}
    return ", ".join(
        f"{key} {words[value] if isinstance(value, bool) else value}"
        for key, value in facts.items()
    )


def counts_words(protocol: ProtocolFacts) -> str:
    """Which photos, and how networks are run."""
    words = f"{protocol.photos} of {protocol.photos_in_data_set} photos of "
    words += protocol.folder
    if protocol.seed is not None:
        words += f", drawn by seed {protocol.seed}"
    words += "; blur_gamma" if protocol.gamma else ""
    guard = {
        "off": "without the guard that keeps what is sharp",
        "on": "with the guard that keeps what is sharp",
        "both": "without and with the guard that keeps what is sharp, in a row each",
    }[protocol.guard]
    return f"{words}. Networks run {guard}."
