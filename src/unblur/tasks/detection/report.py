"""What a comparison by detections found, as JSON, Markdown, a curve and pictures with boxes."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from unblur.devices import describe_machine
from unblur.imaging.files import replace_file
from unblur.tasks.bench import tables
from unblur.tasks.bench.report import facts_words, seconds
from unblur.tasks.bench.tables import Column
from unblur.tasks.detection.curve import as_svg
from unblur.tasks.detection.pictures import COLOURS, write_pictures
from unblur.tasks.detection.run import DetectionBench, Row
from unblur.tasks.detection.scores import Found, scored_rows, summarise


@dataclass(frozen=True)
class Published:
    """What others printed of a method."""

    method: str
    precision: float
    recall: float
    f1: float


PUBLISHED: Final = (
    Published("no deblurring", 0.821, 0.437, 0.570),
    Published("Nah et al.", 0.834, 0.552, 0.665),
    Published("DeblurGAN WILD", 0.764, 0.631, 0.691),
    Published("DeblurGAN Synth", 0.801, 0.517, 0.628),
    Published("DeblurGAN Comb", 0.671, 0.742, 0.704),
)
"""Kupyn et al., *DeblurGAN*, CVPR 2018, table 3: YOLO on their own photos of streets."""


@dataclass(frozen=True, kw_only=True)
class ProtocolFacts:
    """Which photos were compared, by which rules."""

    words: str
    score: float
    overlap: float
    guard: bool
    folder: str
    photos: int
    photos_in_data_set: int
    seed: int | None
    """The seed that drew the photos; None if all were taken."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """All of a comparison, in the order in which ``report.json`` has it."""

    benchmark: str
    protocol: ProtocolFacts
    detector: Mapping[str, Any]
    machine: Mapping[str, Any]
    notes: Sequence[str]
    summaries: Sequence[Found]
    published: Sequence[Published]
    rows: Sequence[Row]


def as_report(bench: DetectionBench, rows: Sequence[Row]) -> Report:
    """All of a comparison."""
    options = bench.options
    return Report(
        benchmark="detection",
        protocol=ProtocolFacts(
            words=protocol_words(bench),
            score=options.score,
            overlap=options.overlap,
            guard=options.guard,
            folder=str(bench.folder),
            photos=len(bench.cases),
            photos_in_data_set=bench.total,
            seed=options.seed if len(bench.cases) < bench.total else None,
        ),
        detector=bench.facts,
        machine=describe_machine(),
        notes=list(bench.notes),
        summaries=summarise(bench, rows),
        published=PUBLISHED,
        rows=scored_rows(bench, rows),
    )


def protocol_words(bench: DetectionBench) -> str:
    """The rules, as numbers without them say nothing."""
    options = bench.options
    return (
        "One detector sees the sharp, the blurred and every restored photo, rounded to 8 bits. "
        f"What it finds on the sharp one with a score of at least {options.score:g} is the truth. "
        f"A detection with that score is right if it overlaps a box of the truth of its class by "
        f"at least {options.overlap:g} (intersection over union), best score first, each box "
        "once. Precision and recall are means over photos, F1 is of these two. Photos on whose "
        "sharp version nothing is found count in neither; photos where nothing is found after "
        "restoring have a recall of 0 and no precision. Pooled: all boxes of all photos in one "
        "heap."
    )


def write_report(bench: DetectionBench, rows: Sequence[Row], folder: Path) -> Report:
    """Write ``report.json``, ``report.md``, ``curve.svg`` and ``pictures/``.

    Args:
        bench: What was run: a few photos are restored again, to be drawn.
        rows: All of its rows.
        folder: Exists; files of an earlier report are replaced.

    Returns:
        The report.

    Raises:
        TargetError: If one cannot be written.
    """
    report = as_report(bench, rows)
    pictures = write_pictures(bench, report.rows, folder / "pictures")
    texts = {
        "report.json": json.dumps(asdict(report), indent=1, ensure_ascii=False, allow_nan=False)
        + "\n",
        "curve.svg": as_svg(report.summaries, bench.options.score),
        "report.md": as_markdown(report, pictures),
    }
    for name, text in texts.items():
        with replace_file(folder / name, overwrite=True) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return report


def as_markdown(report: Report, pictures: dict[str, str]) -> str:
    """The report without its rows, but for those that failed.

    Args:
        report: From :func:`as_report`.
        pictures: Captions by file name below ``pictures/``.
    """
    protocol = report.protocol
    drawn = "" if protocol.seed is None else f", drawn by seed {protocol.seed}"
    guard = "with the guard that keeps what is sharp" if protocol.guard else "without guard"
    lines = ["# Detection", "", protocol.words, ""]
    lines += [
        f"{protocol.photos} of {protocol.photos_in_data_set} photos of {protocol.folder}"
        f"{drawn}; {counts_words(report)}. Networks run {guard}.",
        "",
        *table(report),
        "",
        "![precision against recall](curve.svg)",
        "",
    ]
    lines += [f"- {note}" for note in report.notes]
    lines += [f"- **detector**: {facts_words(report.detector)}"]
    lines += [f"- **{s.method}**: {facts_words(s.facts)}" for s in report.summaries]
    lines += ["", ", ".join(f"{key} {value}" for key, value in report.machine.items())]
    lines += ["", "## Published", "", "DeblurGAN's table 3, another detector on other photos.", ""]
    lines += tables.as_markdown(PUBLISHED_COLUMNS, report.published)
    if pictures:
        lines += ["", "## Pictures", "", f"Boxes: {COLOURS}."]
        for name, caption in pictures.items():
            lines += ["", caption, "", f"![boxes](<pictures/{name}>)"]
    failed = [row for row in report.rows if "error" in row]
    if failed:
        lines += ["", "## Failed", ""]
        lines += [f"- {row['image']}, {row['method']}: {row['error']}" for row in failed]
    return "\n".join(lines) + "\n"


def table(report: Report) -> list[str]:
    """Precision, recall and F1 as a Markdown table."""
    return tables.as_markdown(COLUMNS, report.summaries)


def counts_words(report: Report) -> str:
    """How many boxes there are, and photos that do not count."""
    first = report.summaries[0]
    return (
        f"{first.truth} boxes on {first.scored} sharp photos, nothing on "
        f"{first.without_truth}, which count in no mean"
    )


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _counted(summary: Found) -> str:
    failed = f", {summary.failed} failed" if summary.failed else ""
    return f"{summary.scored}{failed}"


COLUMNS: Final[tuple[Column[Found], ...]] = (
    Column("method", lambda summary: summary.method),
    Column("precision", lambda summary: _share(summary.at.precision)),
    Column("recall", lambda summary: _share(summary.at.recall)),
    Column("F1", lambda summary: _share(summary.at.f1)),
    Column("photos", _counted),
    Column("nothing found", lambda summary: str(summary.at.silent)),
    Column("pooled precision", lambda summary: _share(summary.pooled.precision)),
    Column("recall", lambda summary: _share(summary.pooled.recall)),
    Column("F1", lambda summary: _share(summary.pooled.f1)),
    Column("s", lambda summary: seconds(summary.seconds)),
)
PUBLISHED_COLUMNS: Final[tuple[Column[Published], ...]] = (
    Column("method", lambda row: row.method),
    Column("precision", lambda row: _share(row.precision)),
    Column("recall", lambda row: _share(row.recall)),
    Column("F1", lambda row: _share(row.f1)),
)
