"""What a comparison by detections found, as JSON, Markdown, a curve and pictures with boxes."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from unblur.devices import describe_machine
from unblur.errors import TargetError, UnblurError
from unblur.imaging.boxes import draw_boxes
from unblur.imaging.draw.sheet import picture_grid
from unblur.imaging.files.replace import replace_file
from unblur.imaging.photo.photo import Photo, write_photo
from unblur.imaging.pyramid import resize
from unblur.tasks.bench.options import BLURRED
from unblur.tasks.bench.report import facts_words
from unblur.tasks.bench.tables import markdown
from unblur.tasks.detection.curve import as_svg
from unblur.tasks.detection.run import TRUTH, DetectionBench, Row, as_detections
from unblur.tasks.detection.scores import match, scored_rows, summarise

Float32 = NDArray[np.float32]

PUBLISHED: Final = (
    ("no deblurring", 0.821, 0.437, 0.570),
    ("Nah et al.", 0.834, 0.552, 0.665),
    ("DeblurGAN WILD", 0.764, 0.631, 0.691),
    ("DeblurGAN Synth", 0.801, 0.517, 0.628),
    ("DeblurGAN Comb", 0.671, 0.742, 0.704),
)
"""Kupyn et al., *DeblurGAN*, CVPR 2018, table 3: YOLO on their own photos of streets."""
_PANEL_PX: Final = 480
_COLUMNS: Final = 3
_TRUE: Final = (0.15, 0.5, 1.0)
_RIGHT: Final = (0.1, 0.9, 0.2)
_WRONG: Final = (1.0, 0.15, 0.15)
_MISSED: Final = (1.0, 0.7, 0.0)
_COLOURS: Final = "blue found on the sharp photo, green right, red wrong, thin orange missed"


def as_report(bench: DetectionBench, rows: Sequence[Row]) -> dict[str, Any]:
    """All of a comparison, fit for JSON."""
    options = bench.options
    return {
        "benchmark": "detection",
        "protocol": {
            "words": protocol_words(bench),
            "score": options.score,
            "overlap": options.overlap,
            "guard": options.guard,
            "folder": str(bench.folder),
            "photos": len(bench.cases),
            "photos_in_data_set": bench.total,
            "seed": options.seed if len(bench.cases) < bench.total else None,
        },
        "detector": bench.facts,
        "machine": describe_machine(),
        "notes": list(bench.notes),
        "summaries": [asdict(summary) for summary in summarise(bench, rows)],
        "published": [
            dict(zip(("method", "precision", "recall", "f1"), row, strict=True))
            for row in PUBLISHED
        ],
        "rows": scored_rows(bench, rows),
    }


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


def write_report(bench: DetectionBench, rows: Sequence[Row], folder: Path) -> dict[str, Any]:
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
    pictures = _write_pictures(bench, report["rows"], folder / "pictures")
    texts = {
        "report.json": json.dumps(report, indent=1, ensure_ascii=False, allow_nan=False) + "\n",
        "curve.svg": as_svg(report["summaries"], bench.options.score),
        "report.md": as_markdown(report, pictures),
    }
    for name, text in texts.items():
        with replace_file(folder / name, overwrite=True) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return report


def as_markdown(report: dict[str, Any], pictures: dict[str, str]) -> str:
    """The report without its rows, but for those that failed.

    Args:
        report: From :func:`as_report`.
        pictures: Captions by file name below ``pictures/``.
    """
    protocol = report["protocol"]
    drawn = "" if protocol["seed"] is None else f", drawn by seed {protocol['seed']}"
    guard = "with the guard that keeps what is sharp" if protocol["guard"] else "without guard"
    lines = ["# Detection", "", protocol["words"], ""]
    lines += [
        f"{protocol['photos']} of {protocol['photos_in_data_set']} photos of {protocol['folder']}"
        f"{drawn}; {counts_words(report)}. Networks run {guard}.",
        "",
        *table(report),
        "",
        "![precision against recall](curve.svg)",
        "",
    ]
    lines += [f"- {note}" for note in report["notes"]]
    lines += [f"- **detector**: {facts_words(report['detector'])}"]
    lines += [f"- **{s['method']}**: {facts_words(s['facts'])}" for s in report["summaries"]]
    lines += ["", ", ".join(f"{key} {value}" for key, value in report["machine"].items())]
    lines += ["", "## Published", "", "DeblurGAN's table 3, another detector on other photos.", ""]
    lines += markdown(
        ["method", "precision", "recall", "F1"],
        [[row["method"], *_three(row)] for row in report["published"]],
    )
    if pictures:
        lines += ["", "## Pictures", "", f"Boxes: {_COLOURS}."]
        for name, caption in pictures.items():
            lines += ["", caption, "", f"![boxes](<pictures/{name}>)"]
    failed = [row for row in report["rows"] if "error" in row]
    if failed:
        lines += ["", "## Failed", ""]
        lines += [f"- {row['image']}, {row['method']}: {row['error']}" for row in failed]
    return "\n".join(lines) + "\n"


def table(report: dict[str, Any]) -> list[str]:
    """Precision, recall and F1 as a Markdown table."""
    heads = ["method", "precision", "recall", "F1", "photos", "nothing found"]
    heads += ["pooled precision", "recall", "F1", "s"]
    lines = []
    for summary in report["summaries"]:
        photos = str(summary["scored"])
        photos += f", {summary['failed']} failed" if summary["failed"] else ""
        cells = [summary["method"], *_three(summary["at"]), photos, str(summary["at"]["silent"])]
        cells += _three(summary["pooled"])
        cells.append("" if summary["seconds"] is None else f"{summary['seconds']:.2f}")
        lines.append(cells)
    return markdown(heads, lines)


def counts_words(report: dict[str, Any]) -> str:
    """How many boxes there are, and photos that do not count."""
    first = report["summaries"][0]
    return (
        f"{first['truth']} boxes on {first['scored']} sharp photos, nothing on "
        f"{first['without_truth']}, which count in no mean"
    )


def _three(point: dict[str, Any]) -> list[str]:
    values = (point["precision"], point["recall"], point["f1"])
    return ["" if value is None else f"{value:.3f}" for value in values]


def _write_pictures(bench: DetectionBench, rows: Sequence[Row], folder: Path) -> dict[str, str]:
    """Draw some photos; captions by the names of their files."""
    names = [TRUTH, *(method.name for method in bench.methods)]
    captions = {}
    for image in _choose(bench, rows):
        own = {row["method"]: row for row in rows if row["image"] == image}
        try:
            panels = [_panel(bench, own, image, name) for name in names]
        except UnblurError:
            # Changed since it was scored: nothing to show, and every number stands.
            continue
        panels += [np.ones_like(panels[0])] * (-len(panels) % _COLUMNS)
        lines = [panels[at : at + _COLUMNS] for at in range(0, len(panels), _COLUMNS)]
        file = f"{image.replace('/', '-')}.jpg"
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise TargetError(f"{folder}: cannot be made ({error.strerror})") from error
        sheet = Photo(pixels=picture_grid(lines))
        write_photo(sheet, folder / file, overwrite=True, quality=90)
        counts = [f"{n} ({own[n]['matched']} of {own[n]['found']} right)" for n in names[1:]]
        truth = own[BLURRED]["truth"]
        boxes = "1 box" if truth == 1 else f"{truth} boxes"
        captions[file] = f"{image}: sharp ({boxes}), {', '.join(counts)}"
    return captions


def _choose(bench: DetectionBench, rows: Sequence[Row]) -> list[str]:
    """Photos evenly from the least to the greatest gain of the first method that restores."""
    compared = [method.name for method in bench.methods]
    chosen = compared[min(1, len(compared) - 1)]
    right: dict[str, dict[str, Row]] = {}
    for row in rows:
        if row.get("truth") and "error" not in row:
            right.setdefault(row["image"], {})[row["method"]] = row
    whole = {image: own for image, own in right.items() if len(own) == len(compared)}
    ordered = sorted(
        whole,
        key=lambda image: (
            _recall(whole[image][chosen]) - _recall(whole[image][BLURRED]),
            whole[image][chosen]["matched"],
            image,
        ),
    )
    count = min(bench.options.pictures, len(ordered))
    places = np.linspace(0, len(ordered) - 1, count).round().astype(int)
    return [ordered[place] for place in places]


def _recall(row: Row) -> float:
    return row["recall"] or 0.0


def _panel(bench: DetectionBench, own: dict[str, Row], image: str, name: str) -> Float32:
    options = bench.options
    pixels = bench.pixels(image, name)
    height, width, _ = pixels.shape
    share = _PANEL_PX / max(height, width)
    rows, columns = (max(1, math.floor(side * share)) for side in (height, width))
    small = resize(pixels, rows, columns)
    scale = np.array([columns / width, rows / height] * 2, np.float32)
    truth = as_detections(own[TRUTH], options.score)
    if name == TRUTH:
        return draw_boxes(small, truth.boxes * scale, _TRUE)
    found = as_detections(own[name], options.score)
    matched = match(found, truth, overlap=options.overlap)
    missed = np.setdiff1d(np.arange(len(truth)), matched)
    small = draw_boxes(small, truth.boxes[missed] * scale, _MISSED, thickness_px=1)
    small = draw_boxes(small, found.boxes[matched < 0] * scale, _WRONG)
    return draw_boxes(small, found.boxes[matched >= 0] * scale, _RIGHT)
