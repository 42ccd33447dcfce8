"""What a benchmark found, as JSON and Markdown: with its rules, weights, machine and date."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from unblur.devices import describe_machine
from unblur.imaging.files.replace import replace_file
from unblur.tasks.bench.published import PUBLISHED
from unblur.tasks.bench.rows import INFINITE, Row, to_json
from unblur.tasks.bench.run import Bench
from unblur.tasks.bench.summary import summarise

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


def as_report(bench: Bench, rows: Sequence[Row]) -> dict[str, Any]:
    """All of a benchmark, fit for JSON."""
    options = bench.options
    return {
        "benchmark": options.benchmark,
        "protocol": {
            "name": options.protocol,
            "words": options.rules.words,
            "metrics": list(options.scored),
            "guard": options.guard,
            "folder": str(bench.folder),
            "photos": len(bench.cases),
            "photos_in_data_set": bench.total,
            "seed": options.seed if len(bench.cases) < bench.total else None,
            "gamma": options.gamma,
        },
        "machine": describe_machine(),
        "notes": warnings(bench, rows),
        "summaries": [asdict(summary) for summary in summarise(bench, rows)],
        "published": [asdict(row) for row in PUBLISHED[options.benchmark]],
        "rows": [to_json(row) for row in rows],
    }


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
        "report.json": json.dumps(report, indent=1, ensure_ascii=False, allow_nan=False) + "\n",
        "report.md": as_markdown(report),
        "report.html": as_html(bench, rows, report),
    }
    for name, text in texts.items():
        with replace_file(folder / name, overwrite=True) as temporary:
            temporary.write_text(text, encoding="utf-8")


def as_markdown(report: dict[str, Any]) -> str:
    """The report without its rows, but for those that failed."""
    protocol, machine = report["protocol"], report["machine"]
    lines = [f"# {report['benchmark']}, protocol {protocol['name']}", ""]
    lines += [protocol["words"], "", counts_words(protocol), "", *table(report), ""]
    lines += [f"- {note}" for note in report["notes"]] + [""] * bool(report["notes"])
    lines += [f"- **{s['method']}**: {facts_words(s['facts'])}" for s in report["summaries"]]
    lines += ["", ", ".join(f"{key} {value}" for key, value in machine.items())]
    if report["published"]:
        lines += ["", "## Published", "", "| method | PSNR | SSIM | protocol | source |"]
        lines += ["|---|---|---|---|---|"]
        for row in report["published"]:
            ssim = "" if row["ssim"] is None else f"{row['ssim']:g}"
            lines.append(
                f"| {row['method']} | {row['psnr']:.2f} | {ssim} | {row['protocol']} "
                f"| {row['source']} |"
            )
    failed = [row for row in report["rows"] if "error" in row]
    if failed:
        lines += ["", "## Failed", ""]
        lines += [f"- {row['image']}, {row['method']}: {row['error']}" for row in failed]
    return "\n".join(lines) + "\n"


def table(report: dict[str, Any]) -> list[str]:
    """The means as a Markdown table."""
    metrics = list(report["summaries"][0]["means"])
    titles = [TITLES.get(name, name) for name in metrics]
    head = ["method", "guard", *titles, "gain, dB", "worst", "photos"]
    lines = ["| " + " | ".join([*head, "s"]) + " |", "|---" * (len(head) + 1) + "|"]
    for summary in report["summaries"]:
        cells = [summary["method"], guard_word(summary)]
        cells += [number(summary["means"][name], name) for name in metrics]
        cells += [signed(summary["gain"]), signed(summary["worst_gain"]), counted(summary)]
        cells.append("" if summary["seconds"] is None else f"{summary['seconds']:.2f}")
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def guard_word(summary: dict[str, Any]) -> str:
    """Whether the guard that keeps what is sharp had a say in a row: of files, nobody knows."""
    if summary["facts"]["kind"] == "files":
        return "unknown"
    return "on" if summary["facts"]["guard"] else "off"


def counted(summary: dict[str, Any]) -> str:
    """How many photos the means are over, and what is not in them."""
    parts = [str(summary["scored"])]
    parts += [f"{summary['failed']} failed"] if summary["failed"] else []
    parts += [f"{summary['infinite']} with infinite PSNR"] if summary["infinite"] else []
    return ", ".join(parts)


def number(value: float | str | None, metric: str) -> str:
    """A score as it is printed."""
    if value is None or value == INFINITE:
        return "" if value is None else "∞"
    return f"{float(value):.{_DIGITS.get(metric, 4)}f}"


def signed(value: float | None) -> str:
    """A gain as it is printed."""
    return "" if value is None else f"{value:+.2f}"


def facts_words(facts: dict[str, Any]) -> str:
    """What a method is, in one line."""
    words = {True: "on", False: "off"}
    return ", ".join(
        f"{key} {words[value] if isinstance(value, bool) else value}"
        for key, value in facts.items()
    )


def counts_words(protocol: dict[str, Any]) -> str:
    """Which photos, and how networks are run."""
    words = f"{protocol['photos']} of {protocol['photos_in_data_set']} photos of "
    words += protocol["folder"]
    if protocol["seed"] is not None:
        words += f", drawn by seed {protocol['seed']}"
    words += "; blur_gamma" if protocol["gamma"] else ""
    guard = {
        "off": "without the guard that keeps what is sharp",
        "on": "with the guard that keeps what is sharp",
        "both": "without and with the guard that keeps what is sharp, in a row each",
    }[protocol["guard"]]
    return f"{words}. Networks run {guard}."
