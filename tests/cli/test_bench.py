import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from photo_sets import cut_short, save, save_pair
from unblur.imaging.photo.photo import read_photo
from unblur.metrics import psnr
from unblur.tasks.singan.options import SinGANOptions

NAMES = ("a", "b", "c")


@pytest.fixture
def pairs(tmp_path):
    for name in NAMES:
        save_pair(tmp_path / "pairs", name)
    return tmp_path / "pairs"


def test_bench_pairs_prints_its_table_writes_its_report_and_goes_on(run, pairs, tmp_path):
    command = ("bench", "pairs", "pairs", "--model", "fast", "--model", "unsharp-mask")
    first = run(*command, "-o", "new/report")
    again = run(*command, "-o", "new/report")

    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout == again.stdout
    lines = first.stdout.splitlines()
    assert [line.split(" | ")[0] for line in lines[2:5]] == [
        "| blurred",
        "| fast",
        "| unsharp-mask",
    ]
    assert lines[-1] == "new/report/report.html"
    written = {path.name for path in (tmp_path / "new/report").iterdir()}
    assert written == {"report.json", "report.md", "report.html", "rows.jsonl"}
    rows = [json.loads(x) for x in (tmp_path / "new/report/rows.jsonl").read_text().splitlines()]
    assert len(rows) == 9
    photos = [read_photo(pairs / x / "a.png").pixels for x in ("blur", "sharp")]
    (row,) = (row for row in rows if (row["image"], row["method"]) == ("a", "blurred"))
    assert row["scores"]["psnr"] == psnr(*photos)


def test_a_failed_photo_is_a_line_and_status_1(run, pairs, tmp_path):
    cut_short(pairs / "blur/b.png")

    done = run("bench", "pairs", "pairs", "-o", "report", "--model", "unsharp-mask")

    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 2
    assert done.stderr.startswith("unblur: b, blurred: ")
    assert "| 2, 1 failed |" in done.stdout


def test_a_method_whose_extra_is_missing_is_wrong_use(run, pairs, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage", None)

    done = run("bench", "pairs", "pairs", "-o", "report", "--model", "unsharp-mask")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("unblur: scikit-image is not installed; pip install -e '")
    assert "[bench]'" in done.stderr
    assert not (tmp_path / "report").exists()


def test_files_of_another_program_are_scored_without_a_network(run, pairs, tmp_path):
    shutil.copytree(pairs / "sharp", tmp_path / "theirs")

    done = run("bench", "pairs", "pairs", "-o", "report", "--restored", "theirs")

    assert (done.returncode, done.stderr) == (0, "")
    rows = done.stdout.splitlines()[2:-1]
    assert [row.split(" | ")[0] for row in rows] == ["| blurred", "| theirs"]
    assert "3, 3 with infinite PSNR" in rows[1]


def test_both_rows_of_the_guard_and_singan_are_asked_for_by_flags(run, pairs, monkeypatch):
    monkeypatch.setattr("unblur.tasks.singan.options.fast_options", lambda **more: SinGANOptions(
        scales=2, max_size_px=40, **more
    ))  # fmt: skip
    done = run(
        "bench", "pairs", "pairs", "-o", "report", "--model", "fast", "--guard", "both",
        "--method", "singan", "--iterations", 1, "--limit", 1,
    )  # fmt: skip

    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split(" | ")[:2] for line in done.stdout.splitlines()[2:6]] == [
        ["| blurred", "off"],
        ["| fast", "off"],
        ["| fast, guarded", "on"],
        ["| singan", "off"],
    ]


def test_a_limit_draws_so_many_photos(run, pairs, tmp_path):
    done = run("bench", "pairs", "pairs", "-o", "report", "--model", "blurred", "--limit", 2)

    assert done.returncode == 0
    report = json.loads((tmp_path / "report/report.json").read_text())
    assert report["protocol"]["photos"] == 2
    assert report["protocol"]["photos_in_data_set"] == 3
    assert report["protocol"]["seed"] == 0


def test_what_is_used_wrongly_is_one_line_and_status_2(run, pairs, tmp_path):
    (tmp_path / "file").touch()
    for arguments, why in (
        (("gopro", "none", "-o", "r"), "seungjunnah.github.io"),
        (("kohler", "pairs", "-o", "r"), "no blurred photos of Köhler's set"),
        (
            ("gopro", "pairs", "-o", "r", "--protocol", "paper"),
            "known: standard, deblurgan, singan",
        ),
        (("pairs", "pairs", "-o", "r", "--model", "nafnet"), "unknown model 'nafnet'"),
        (("pairs", "pairs", "-o", "r", "--metric", "lpips"), "unknown metric 'lpips'"),
        (("pairs", "pairs", "-o", "file/r", "--model", "blurred"), "cannot be made"),
        (("speed", "--size", "720p"), "WIDTHxHEIGHT as 1280x720, got '720p'"),
    ):
        done = run("bench", *arguments)
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
        assert why in done.stderr
    assert not (tmp_path / "r").exists()


def test_score_prints_what_bench_counts(run, pairs):
    done = run("score", "pairs/blur", "pairs/sharp", "--metric", "psnr", "--json")
    spoken = run("score", "pairs/blur/a.png", "pairs/sharp/a.png")

    photos = [read_photo(pairs / x / "a.png").pixels for x in ("blur", "sharp")]
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == spoken.returncode == 0
    assert [result["name"] for result in results] == list(NAMES)
    assert results[0]["scores"] == {"psnr": psnr(*photos)}
    assert spoken.stdout.startswith(f"a  psnr {psnr(*photos):.2f} dB  ssim ")
    assert "too small for ms_ssim" in spoken.stdout


def test_score_counts_equal_pictures_apart_and_lists_what_has_no_partner(run, pairs):
    shutil.copy(pairs / "sharp/a.png", pairs / "blur/a.png")
    (pairs / "sharp/b.png").unlink()

    done = run("score", "pairs/blur", "pairs/sharp", "--metric", "psnr")

    photos = [read_photo(pairs / x / "c.png").pixels for x in ("blur", "sharp")]
    assert done.returncode == 1
    assert done.stderr == "unblur: pairs/blur/b.png has no partner pairs/sharp/b.*\n"
    assert done.stdout.splitlines() == [
        "a  psnr inf dB",
        f"c  psnr {psnr(*photos):.2f} dB",
        f"mean of 2, 1 with infinite PSNR not in its mean, 1 failed  psnr {psnr(*photos):.2f} dB",
    ]


def test_speed_prints_seconds_and_the_machine(run):
    done = run("bench", "speed", "--size", "96x64", "--runs", 1, "--no-reference", "--json")

    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    (row,) = found["rows"]
    assert (row["method"], row["size"], row["times_reference"]) == ("fast", [96, 64], None)
    assert 0 < row["network_seconds"] < 60
    assert 0 < row["whole_seconds"] < 60
    assert found["machine"]["numpy"] == np.__version__


def test_bench_pairs_and_score_run_where_torch_cannot_be_imported(pairs, tmp_path):
    save(np.zeros((20, 20, 3), np.uint8), tmp_path / "unused.png")
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "sys.argv = ['unblur', 'bench', 'pairs', 'pairs', '-o', 'report']\n"
        "from unblur.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert "| fast |" in done.stdout
