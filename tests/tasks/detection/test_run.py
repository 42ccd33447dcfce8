import json
import math
import shutil
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from photo_sets import cut_short, save
from small_detector import block_detector, blocks
from unblur.errors import DataError, NetworkError, OptionError
from unblur.imaging.photo.photo import read_photo
from unblur.tasks.detection.report import write_report
from unblur.tasks.detection.run import TRUTH, DetectionBench, DetectionOptions, as_detections
from unblur.tasks.detection.scores import scored_rows, summarise

RED, GREEN = (1, 0, 0), (0, 1, 0)


def save_pixels(folder, name, **colours):
    pixels = np.rint(blocks(**colours) * 255).astype(np.uint8)
    return save(pixels, folder / f"{name}.png")


@pytest.fixture
def pairs(tmp_path):
    """Four photos, of each what is found blurred against what is there.

    mixed: one of three right, one of the wrong class, one weak, one that is not there.
    silent: nothing of two.  empty: nothing there, one found.  whole: one of one.
    """
    folder = tmp_path / "pairs"
    blur, sharp = folder / "blur", folder / "sharp"
    save_pixels(sharp, "mixed", c1r1=RED, c3r3=RED, c5r5=GREEN)
    save_pixels(blur, "mixed", c1r1=(0.8, 0, 0), c3r3=(0.4, 0, 0), c5r5=RED, c7r7=(0.6, 0, 0))
    save_pixels(sharp, "silent", c2r2=RED, c4r2=GREEN)
    save_pixels(blur, "silent", c2r2=(0.1, 0, 0))
    save_pixels(sharp, "empty", c2r2=(0.4, 0, 0))
    save_pixels(blur, "empty", c2r2=RED)
    save_pixels(sharp, "whole", c6r2=GREEN)
    save_pixels(blur, "whole", c6r2=(0, 0.7, 0))
    return folder


@pytest.fixture
def detector(tmp_path):
    return block_detector(tmp_path / "blocks.onnx")


def run(pairs, report=None, **chosen):
    bench = DetectionBench(pairs, DetectionOptions(**({"models": ()} | chosen)))
    return bench, [row for rows in bench.run(report) for row in rows]


def test_blurred_photos_get_the_precision_and_recall_counted_by_hand(pairs, detector):
    bench, rows = run(pairs, detector=detector)
    (blurred,) = summarise(bench, rows)
    # mixed: 1 of 3 found is right, 1 of 3 is found; silent: 0 of 2; whole: 1 of 1 and 1 of 1.
    assert blurred.at.precision == pytest.approx((1 / 3 + 1) / 2)
    assert blurred.at.recall == pytest.approx((1 / 3 + 0 + 1) / 3)
    assert (blurred.truth, blurred.detections, blurred.matched) == (6, 4, 2)
    assert blurred.pooled.precision == pytest.approx(2 / 4)
    assert blurred.pooled.recall == pytest.approx(2 / 6)
    assert (blurred.scored, blurred.without_truth, blurred.at.silent) == (3, 1, 1)


def test_the_curve_counts_every_threshold_anew(pairs, detector):
    bench, rows = run(pairs, detector=detector)
    curve = {point.threshold: point for point in summarise(bench, rows)[0].curve}
    # From 0.4 on the weak red block of mixed counts: 0.4 is stored as 102 / 255.
    assert curve[0.4].recall == pytest.approx((2 / 3 + 0 + 1) / 3)
    assert curve[0.4].precision == pytest.approx((2 / 4 + 1) / 2)
    assert curve[0.05].recall == pytest.approx((2 / 3 + 1 / 2 + 1) / 3)
    assert curve[0.75].recall == pytest.approx((1 / 3 + 0 + 0) / 3)
    assert curve[0.75].precision == pytest.approx(1 / 2)
    assert curve[0.75].silent == 2
    assert curve[0.95].precision == pytest.approx(0)
    assert curve[0.5] == summarise(bench, rows)[0].at


def test_perfect_restoration_gives_one_for_all(pairs, detector, tmp_path):
    shutil.copytree(pairs / "sharp", tmp_path / "perfect")
    bench, rows = run(pairs, detector=detector, restored=(tmp_path / "perfect",))
    perfect = summarise(bench, rows)[1]
    assert perfect.method == "perfect"
    assert (perfect.at.precision, perfect.at.recall, perfect.at.f1) == (1, 1, 1)
    assert (perfect.pooled.precision, perfect.pooled.recall) == (1, 1)
    assert (perfect.at.silent, perfect.scored, perfect.failed) == (0, 3, 0)


def test_networks_and_classical_methods_are_rows(pairs, detector):
    bench, rows = run(pairs, detector=detector, models=("fast", "unsharp-mask"), limit=1)
    assert [summary.method for summary in summarise(bench, rows)] == [
        "blurred", "fast", "unsharp-mask",
    ]  # fmt: skip
    assert [row["method"] for row in rows] == [TRUTH, "blurred", "fast", "unsharp-mask"]
    assert all(row["seconds"] > 0 for row in rows[2:])
    assert summarise(bench, rows)[1].facts["sha256"]


def test_a_folder_of_restored_files_is_what_its_files_are(pairs, detector, tmp_path):
    save_pixels(tmp_path / "others", "mixed", c1r1=RED, c3r3=RED)
    bench, rows = run(pairs, detector=detector, restored=(tmp_path / "others",))
    others = summarise(bench, rows)[1]
    assert (others.at.precision, others.at.recall) == (1, pytest.approx(2 / 3))
    assert (others.scored, others.failed, others.photos) == (1, 3, 4)
    errors = [row["error"] for row in rows if "error" in row]
    assert len(errors) == 3
    assert all("has no restored photo for" in error for error in errors)


def test_a_damaged_photo_is_a_row_with_an_error_and_in_no_mean(pairs, detector):
    cut_short(pairs / "blur" / "mixed.png")
    bench, rows = run(pairs, detector=detector)
    failed = [row for row in rows if "error" in row]
    assert {row["image"] for row in failed} == {"mixed"}
    (blurred,) = summarise(bench, rows)
    assert (blurred.failed, blurred.scored, blurred.truth) == (1, 2, 3)
    assert blurred.at.recall == pytest.approx(1 / 2)


def test_photos_of_other_sizes_are_rows_with_both_sizes(pairs, detector, tmp_path):
    save(np.zeros((60, 64, 3), np.uint8), pairs / "blur" / "whole.png")
    save(np.zeros((64, 50, 3), np.uint8), tmp_path / "others" / "mixed.png")
    _, rows = run(pairs, detector=detector, restored=(tmp_path / "others",))
    errors = {(row["image"], row["method"]): row["error"] for row in rows if "error" in row}
    assert "whole.png is 64x60 px" in errors["whole", "blurred"]
    assert "64x64" in errors["whole", "blurred"]
    assert "mixed of others is 50x64 px" in errors["mixed", "others"]


def test_rows_are_not_made_twice_and_other_rules_use_them(pairs, detector, tmp_path):
    bench, rows = run(pairs, tmp_path, detector=detector)
    written = (tmp_path / "rows.jsonl").read_bytes()
    assert written.count(b"\n") == 8
    again, same = run(pairs, tmp_path, detector=detector, score=0.3, overlap=0.9)
    assert (tmp_path / "rows.jsonl").read_bytes() == written
    assert same == rows
    # At 0.3 the sharp version of "empty" has something, found when blurred.
    assert summarise(again, same)[0].without_truth == 0
    assert summarise(again, same)[0].truth == 7
    assert summarise(bench, rows)[0].truth == 6


def test_another_file_or_layout_makes_rows_anew(pairs, detector, tmp_path):
    run(pairs, tmp_path, detector=detector)
    save_pixels(pairs / "blur", "whole", c6r2=GREEN, c0r0=GREEN, c1r7=(0.9, 0, 0))
    _, rows = run(pairs, tmp_path, detector=detector)
    assert (tmp_path / "rows.jsonl").read_bytes().count(b"\n") == 8 + 2
    assert [len(row["detections"]) for row in rows if row["image"] == "whole"] == [1, 3]


def test_detections_come_back_from_rows_as_they_were(pairs, detector):
    bench, rows = run(pairs, detector=detector)
    row = next(row for row in rows if (row["image"], row["method"]) == ("mixed", TRUTH))
    found = bench.detector.detect(read_photo(pairs / "sharp" / "mixed.png").pixels)
    back = as_detections(json.loads(json.dumps(row)))
    np.testing.assert_array_equal(back.boxes, found.boxes)
    np.testing.assert_array_equal(back.classes, found.classes)
    np.testing.assert_allclose(back.scores, found.scores, atol=1e-6)


def test_the_report_has_every_row_the_curve_and_pictures(pairs, detector, tmp_path):
    shutil.copytree(pairs / "sharp", tmp_path / "perfect")
    bench, rows = run(pairs, detector=detector, restored=(tmp_path / "perfect",), pictures=2)
    folder = tmp_path / "report"
    folder.mkdir()
    write_report(bench, rows, folder)
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert len(report["rows"]) == 12
    mixed = next(r for r in report["rows"] if (r["image"], r["method"]) == ("mixed", "blurred"))
    assert (mixed["truth"], mixed["found"], mixed["matched"]) == (3, 3, 1)
    assert report["detector"]["sha256"] == bench.detector.sha256
    words = (folder / "report.md").read_text(encoding="utf-8")
    assert "| perfect | 1.000 | 1.000 | 1.000 | 3 | 0 | 1.000 | 1.000 | 1.000 |  |" in words
    assert "6 boxes on 3 sharp photos, nothing on 1" in words
    assert "| DeblurGAN Comb | 0.671 | 0.742 | 0.704 |" in words
    names = {element.text for element in ET.parse(folder / "curve.svg").iter()}
    assert {"blurred", "perfect", "recall", "precision"} <= names
    pictures = sorted((folder / "pictures").iterdir())
    # The least gain and the greatest.
    assert [path.name for path in pictures] == ["silent.jpg", "whole.jpg"]
    assert all(f"(<pictures/{path.name}>)" in words for path in pictures)


def test_boxes_are_drawn_right_wrong_and_missed(pairs, detector, tmp_path):
    bench, rows = run(pairs, detector=detector, pictures=9)
    write_report(bench, rows, tmp_path)
    sheet = read_photo(tmp_path / "pictures" / "mixed.jpg").pixels
    scale, gap = 480 / 64, 6
    panel = 480 + gap

    def side(panels, column, row):
        """The colour of the left side of a block's box."""
        y = gap + round((8 * row + 4) * scale)
        x = gap + panels * panel + round(8 * column * scale)
        return sheet[y, x : x + 2].mean(axis=0)

    for place, expected in [
        (side(0, 1, 1), (0.15, 0.5, 1.0)),
        (side(1, 1, 1), (0.1, 0.9, 0.2)),
        (side(1, 5, 5), (1.0, 0.15, 0.15)),
        (side(1, 7, 7), (1.0, 0.15, 0.15)),
    ]:
        np.testing.assert_allclose(place, expected, atol=0.2)
    assert side(1, 3, 3)[0] > 0.6  # missed: an orange line of one pixel beside dark red


def test_rows_say_what_they_count(pairs, detector):
    bench, rows = run(pairs, detector=detector)
    counted = {r["image"]: r for r in scored_rows(bench, rows) if r["method"] == "blurred"}
    assert counted["mixed"]["precision"] == pytest.approx(1 / 3)
    assert counted["silent"]["precision"] is None
    assert counted["silent"]["recall"] == 0
    assert counted["empty"]["recall"] is None
    assert not any(isinstance(v, float) and math.isnan(v) for r in rows for v in r.values())


@pytest.mark.parametrize(
    ("chosen", "why"),
    [
        ({"score": 0}, "score must be from 0.05 to 1, got 0"),
        ({"overlap": 1.1}, "overlap must be above 0 and at most 1, got 1.1"),
        ({"pictures": -1}, "pictures must not be negative, got -1"),
        ({"limit": 0}, "limit must be at least 1, got 0"),
        ({"layout": "ssd"}, "unknown layout 'ssd'; known: auto, yolox"),
        ({"engine": "tpu"}, "unknown engine 'tpu'"),
        ({"models": ("fast", "fast")}, "each method once"),
    ],
)
def test_options_out_of_range_are_refused(tmp_path, chosen, why):
    with pytest.raises(OptionError, match=why):
        DetectionOptions(detector=tmp_path / "any.onnx", **chosen)


def test_a_folder_that_is_named_as_the_truth_is_refused(pairs, detector, tmp_path):
    shutil.copytree(pairs / "sharp", tmp_path / TRUTH)
    with pytest.raises(OptionError, match="no method may be called 'sharp photo'"):
        run(pairs, detector=detector, restored=(tmp_path / TRUTH,))


def test_what_is_not_there_is_said_before_anything_is_done(pairs, detector, tmp_path):
    with pytest.raises(DataError, match="blur"):
        run(tmp_path / "nowhere", detector=detector)
    with pytest.raises(NetworkError, match=r"none.onnx is not a file"):
        run(pairs, detector=tmp_path / "none.onnx")
