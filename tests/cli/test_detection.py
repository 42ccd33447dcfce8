import json
import shutil

import numpy as np
import pytest

from photo_sets import cut_short, save
from small_detector import block_detector, blocks


@pytest.fixture
def pairs(tmp_path):
    for name, row in (("a", 1), ("b", 2)):
        for part, red in (("sharp", 1.0), ("blur", 0.7)):
            pixels = blocks(**{f"c3r{row}": (red, 0, 0), f"c5r{row}": (red * 0.6, 0, 0)})
            save(np.rint(pixels * 255).astype(np.uint8), tmp_path / "pairs" / part / f"{name}.png")
    return tmp_path / "pairs"


@pytest.fixture
def detector(tmp_path):
    return block_detector(tmp_path / "blocks.onnx")


def test_detection_prints_a_table_and_writes_a_report(run, pairs, detector, tmp_path):
    shutil.copytree(pairs / "sharp", tmp_path / "perfect")
    result = run("bench", "detection", pairs, "--detector", detector, "--restored", "perfect",
                 "--model", "unsharp-mask", "-o", "report", "--pictures", 1)  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "| blurred | 1.000 | 0.500 | 0.667 | 2 | 0 | 1.000 | 0.500 | 0.667 |" in result.stdout
    assert "| perfect | 1.000 | 1.000 | 1.000 | 2 | 0 |" in result.stdout
    assert "| unsharp-mask |" in result.stdout
    assert "4 boxes on 2 sharp photos, nothing on 0" in result.stdout
    written = {path.name for path in (tmp_path / "report").iterdir()}
    assert written == {"report.json", "report.md", "curve.svg", "pictures", "rows.jsonl"}
    assert len(list((tmp_path / "report" / "pictures").iterdir())) == 1
    report = json.loads((tmp_path / "report" / "report.json").read_text(encoding="utf-8"))
    assert report["summaries"][0]["at"]["recall"] == 0.5


def test_fast_is_compared_where_nothing_else_is_named(run, pairs, detector):
    result = run("bench", "detection", pairs, "--detector", detector, "-o", "report",
                 "--pictures", 0, "--limit", 1)  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert [line.split(" | ")[0] for line in result.stdout.splitlines()[2:4]] == [
        "| blurred", "| fast",
    ]  # fmt: skip


def test_a_photo_that_fails_is_told_and_the_rest_goes_on(run, pairs, detector, tmp_path):
    cut_short(pairs / "blur" / "a.png")
    shutil.copytree(pairs / "sharp", tmp_path / "perfect")
    result = run("bench", "detection", pairs, "--detector", detector, "--restored", "perfect",
                 "-o", "report")  # fmt: skip
    assert result.returncode == 1
    assert "unblur: a, blurred: " in result.stderr
    assert "| blurred | 1.000 | 0.500 | 0.667 | 1, 1 failed |" in result.stdout
    words = (tmp_path / "report" / "report.md").read_text(encoding="utf-8")
    assert "## Failed" in words


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--layout", "yolox"], "does not fit layout yolox; known: yolox [1, N, 5+C]"),
        (["--layout", "ssd"], "unknown layout 'ssd'; known: auto, yolox, yolov5, yolov8, nanodet"),
        (["--model", "slow"], "unknown model 'slow'; known: fast"),
        (["--score", "2"], "score must be from 0.05 to 1, got 2.0"),
    ],
)
def test_wrong_use_is_one_line(run, pairs, detector, tmp_path, arguments, why):
    result = run("bench", "detection", pairs, "--detector", detector, "-o", "report", *arguments)
    assert result.returncode == 2
    assert result.stderr.startswith("unblur: ")
    assert why in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "report").exists()


def test_a_detector_that_is_none_is_one_line(run, pairs, tmp_path):
    (tmp_path / "text.onnx").write_text("no network")
    result = run("bench", "detection", pairs, "--detector", "text.onnx", "-o", "report")
    assert result.returncode == 2
    assert result.stderr.startswith("unblur: text.onnx is not a detector: expected an ONNX file")
    assert result.stderr.count("\n") == 1
