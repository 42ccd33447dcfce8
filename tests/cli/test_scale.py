import json
import shutil

import pytest

from small_network import sharpening_network

FLAGS = ("--engine", "onnx", "--no-guard", "--workers", "1", "--cpus", "0.5")


@pytest.fixture
def network(tmp_path):
    return sharpening_network(tmp_path / "small.onnx")


def test_a_folder_is_restored_on_a_cluster_of_its_own(run, run_process, photo, network, tmp_path):
    pytest.importorskip("ray", reason="needs the extra scale: ray")
    (tmp_path / "in").mkdir()
    for name in ("a.jpg", "b.jpg"):
        shutil.copy(photo, tmp_path / "in" / name)
    (tmp_path / "in" / "bad.jpg").write_bytes(b"\xff\xd8\xff damaged")

    done = run_process("scale", "in", "out", "--model", network, *FLAGS)

    assert done.returncode == 1
    (error,) = done.stderr.splitlines()
    assert error.startswith("unblur: ")
    assert "bad.jpg" in error
    assert done.stdout.startswith("2 restored, 1 failed in ")
    assert (
        run_process("restore", "in/a.jpg", "-o", "x.jpg", "--model", network, *FLAGS[:3]).returncode
        == 0
    )
    assert (tmp_path / "out" / "a.unblurred.jpg").read_bytes() == (tmp_path / "x.jpg").read_bytes()

    (tmp_path / "in" / "bad.jpg").unlink()
    again = run_process("scale", "in", "out", "--model", network, *FLAGS, "--json")

    lines = [json.loads(line) for line in again.stdout.splitlines()]
    assert (again.returncode, again.stderr) == (0, "")
    assert [(line["source"], line["fresh"]) for line in lines] == [
        ("a.jpg", False),
        ("b.jpg", False),
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("missing", "out"), "cannot be listed"),
        ((".", "out", "--cpus", "0"), "cpus must be positive"),
        ((".", "gs://bucket/out"), "pip install"),
        ((".", "out", "--model", "no.onnx"), "no such network file"),
    ],
)
def test_wrong_use_is_one_line(run, photo, arguments, said):
    pytest.importorskip("pyarrow", reason="needs the extra scale: pyarrow")
    pytest.importorskip("fsspec", reason="needs the extra scale: fsspec")

    done = run("scale", *arguments)

    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert said in done.stderr


def test_a_plan_shows_its_formula(run, tmp_path):
    row = {"whole_seconds": 2.0, "size": [1000, 2000], "method": "fast", "engine": "onnx"}
    row |= {"precision": "fp32", "threads": 2}
    (tmp_path / "s.json").write_text(json.dumps({"machine": {"processor": "p"}, "rows": [row]}))
    asked = (
        "scale",
        "plan",
        "--photos",
        "1e7",
        "--speed",
        "s.json",
        "--machines",
        "100",
        "--price",
        "0.1",
    )

    shown, as_json = run(*asked), run(*asked, "--json")

    assert (shown.returncode, shown.stderr) == (0, "")
    assert "machine-hours = photos x megapixels x s x (1 + again) / share / 3600" in shown.stdout
    found = json.loads(as_json.stdout)
    assert found["machines"] == 100
    assert found["cost"] == pytest.approx(found["machine_hours"] * 0.1)
    assert "\n".join(found["formula"]) == shown.stdout.strip()


def test_a_plan_for_both_hours_and_machines_is_wrong_use(run):
    done = run("scale", "plan", "--photos", "5", "--hours", "1", "--machines", "1")

    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
