import base64
import json
import re
import shutil
from datetime import UTC, datetime
from html.parser import HTMLParser

import numpy as np
import pytest

from photo_sets import cut_short, save_pair
from unblur.imaging.photo.photo import read_photo
from unblur.tasks.bench.html import as_html, extremes
from unblur.tasks.bench.published import PUBLISHED
from unblur.tasks.bench.report import as_report, write_report
from unblur.tasks.bench.run import Bench, BenchOptions
from unblur.weights import WEIGHTS

NAMES = ("a", "b", "c", "d", "<e>")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("set")
    for name in NAMES:
        save_pair(folder / "GOPRO_Large/test/GOPR0384_11_00", name, size=(60, 80))
    home = folder / "GOPRO_Large/test/GOPR0384_11_00"
    shutil.copy(home / "sharp/b.png", home / "blur/b.png")
    cut_short(home / "blur/c.png")
    options = BenchOptions(benchmark="gopro", models=("fast", "unsharp-mask"), seed=7)
    bench = Bench(folder / "GOPRO_Large", options)
    rows = [row for of_case in bench.run() for row in of_case]
    write_report(bench, rows, folder)
    return bench, rows, folder


class Page(HTMLParser):
    """Collects elements, and the text of cells."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.cells, self.attributes = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes.append((tag, dict(attrs)))
        if tag in {"td", "th"}:
            self.cells.append("")

    def handle_data(self, data):
        if self.cells:
            self.cells[-1] += data


def test_json_has_every_photo_and_metric_and_all_that_a_number_needs(made):
    _, rows, folder = made

    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))

    assert len(report["rows"]) == len(rows) == 15
    for row, written in zip(rows, report["rows"], strict=True):
        assert written["image"] == row["image"]
        if "error" in row:
            assert written["error"] == row["error"]
        else:
            assert set(written["scores"]) == {"psnr", "ssim"}
    infinite = [row for row in report["rows"] if row.get("scores", {}).get("psnr") == "infinity"]
    assert ("GOPR0384_11_00/b", "blurred") in [(row["image"], row["method"]) for row in infinite]
    assert report["protocol"]["name"] == "standard"
    assert "rounded to 8 bits" in report["protocol"]["words"]
    assert report["protocol"]["guard"] == "off"
    fast = report["summaries"][1]["facts"]
    assert fast["sha256"] == WEIGHTS["fast"].sha256
    assert fast["precision"] in {"fp32", "bf16"}
    assert report["machine"]["numpy"] == np.__version__
    assert report["machine"]["date"].startswith(f"{datetime.now(UTC):%Y-}")
    assert report["published"][0]["source"]
    assert "5 pairs; the published test set has 1111" in report["notes"]


def test_markdown_has_means_with_their_counts_failures_and_published_numbers(made):
    _, rows, folder = made

    text = (folder / "report.md").read_text(encoding="utf-8")

    blurred = [
        row["scores"]["psnr"] for row in rows if row["method"] == "blurred" and "scores" in row
    ]
    mean = np.mean([value for value in blurred if np.isfinite(value)])
    assert f"| blurred | off | {mean:.2f} |" in text
    assert "4, 1 failed, 1 with infinite PSNR" in text
    assert WEIGHTS["fast"].sha256 in text
    assert "without the guard that keeps what is sharp" in text
    assert "- GOPR0384_11_00/c, fast: " in text
    for row in PUBLISHED["gopro"]:
        assert f"| {row.method} | {row.psnr:.2f} |" in text


def test_the_page_is_one_file_that_asks_for_nothing_else(made):
    text = (made[2] / "report.html").read_text(encoding="utf-8")

    page = Page(text)
    assert not {"link", "iframe"} & set(page.tags)
    sources = [attributes["src"] for _, attributes in page.attributes if "src" in attributes]
    assert sources
    assert all(source.startswith("data:image/jpeg;base64,") for source in sources)
    assert "http://" not in text.replace("http://www.w3.org", "")
    assert "url(" not in text
    assert not re.search(r"@[A-Z]+@", text)
    assert "GOPR0384_11_00/&lt;e&gt;" in text
    assert "<e>" not in text


def test_the_page_has_every_row_and_shows_best_median_and_worst(made):
    _, _, folder = made
    text = (folder / "report.html").read_text(encoding="utf-8")

    page = Page(text)
    for name in NAMES:
        cells = [cell for cell in page.cells if cell.strip() == f"GOPR0384_11_00/{name}"]
        assert len(cells) == 3  # one a method
    assert page.tags.count("svg") == 2
    for word in ("best", "median", "worst"):
        assert f"fast, {word}: " in text
    # Three photos have a gain, two methods, three pictures each.
    images = [a for tag, a in page.attributes if tag == "img"]
    assert [image["class"] for image in images] == ["before", "restored", "sharp"] * 6
    photo = read_photo(base64.b64decode(images[2]["src"].partition(",")[2]))
    assert photo.pixels.shape == (60, 80, 3)


def test_a_report_replaces_the_one_before(made):
    bench, rows, folder = made
    (folder / "report.md").write_text("old")

    write_report(bench, rows, folder)

    assert (folder / "report.md").read_text(encoding="utf-8").startswith("# gopro, protocol")
    assert not list(folder.glob(".unblur*"))


def test_extremes_are_each_shown_once():
    assert extremes({}) == {}
    assert extremes({"a": 1.0}) == {"best": "a"}
    assert extremes({"a": 1.0, "b": 2.0}) == {"best": "b", "median": "a"}
    gains = {"a": 3.0, "b": -1.0, "c": 0.5, "d": 9.0, "e": 1.0}
    assert extremes(gains) == {"best": "d", "median": "e", "worst": "b"}


def test_a_note_that_looks_like_a_mark_of_the_page_stays_what_it_is(made):
    bench, rows, _ = made
    report = as_report(bench, rows)
    report.notes.append("@ROWS@ and @MACHINE@")

    page = as_html(bench, rows, report)

    assert "<li>@ROWS@ and @MACHINE@</li>" in page
    assert page.count("<h2>Every photo</h2>") == 1
