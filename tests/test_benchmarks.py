"""Every benchmark can be asked to be quick, and, thoroughly, is, on any processor."""

import ast
import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from unblur.tasks.methods.choosing.judge import coefficients

FOLDER = Path(__file__).parents[1] / "benchmarks"
PARTS = {"memory"}
"""Called by restore.py in processes of their own; nobody starts them."""


def is_script(path):
    """Whether a file does something when it is run."""
    tests = [node.test for node in ast.parse(path.read_text()).body if isinstance(node, ast.If)]
    return any("__main__" in ast.unparse(test) for test in tests)


SCRIPTS = sorted(p.stem for p in FOLDER.glob("*.py") if is_script(p) and p.stem not in PARTS)
NO_BF16 = """
import runpy, sys
from unblur import devices
devices.bf16_in_processor = lambda: None
sys.argv = sys.argv[1:]
sys.path.insert(0, sys.argv[0].rpartition("/")[0])
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def test_there_are_benchmarks():
    assert {"held_out", "restore", "validation", "mixtures"} <= set(SCRIPTS)


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_benchmark_says_that_it_can_be_quick(name, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [f"{name}.py", "--help"])

    with pytest.raises(SystemExit) as stop:
        importlib.import_module(name).main()

    assert stop.value.code == 0
    assert "--quick" in capsys.readouterr().out


def test_what_a_benchmark_asks_for_need_not_be_named_where_it_is_to_be_quick(monkeypatch, capsys):
    validation = importlib.import_module("validation")
    monkeypatch.setattr(sys, "argv", ["validation.py"])

    with pytest.raises(SystemExit) as stop:
        validation.main()

    assert stop.value.code == 2
    assert "DIR" in capsys.readouterr().err


def test_the_judge_is_what_the_tries_that_are_kept_make_of_it():
    judge_fit = importlib.import_module("judge_fit")
    lines = judge_fit.read(FOLDER / "judge_tries.jsonl.xz").splitlines()

    fitted = judge_fit.fit([x for x in map(json.loads, lines) if judge_fit.is_judged(x)], 0.1)

    np.testing.assert_allclose(fitted["weights"], coefficients()["weights"], atol=1e-4)


def test_rows_of_several_seeds_show_their_spread_and_who_is_ahead(tmp_path):
    mixtures = importlib.import_module("mixtures")
    files = {
        "WILD-like": [tmp_path / "w1", tmp_path / "w2"],
        "Synth-like": [tmp_path / "s1", tmp_path / "s2"],
        "Comb-like": [tmp_path / "c1", tmp_path / "c2"],
    }
    psnr = {"blurred": 20.0, "w1": 21.0, "w2": 22.0, "s1": 20.5, "s2": 21.5, "c1": 21.5, "c2": 21.9}
    scores = {
        name if name == "blurred" else str(tmp_path / name): {
            "photo": {
                "psnr": value,
                "gain": value - 20,
                "ssim": 0.5,
                "cw_ssim": 0.9,
                "seconds": 1.0,
            }
        }
        for name, value in psnr.items()
    }
    groups = {"blurred": ["blurred"], **{k: [str(x) for x in v] for k, v in files.items()}}

    table = list(mixtures.lines(scores, {}, groups))
    verdict = list(mixtures.verdict(scores, files))

    assert table[0] == "| | psnr | gain | ssim | cw_ssim | seconds |"  # without features and boxes
    assert table[2].startswith("| blurred | 20.00 | 0.00 |")
    assert table[3].startswith("| WILD-like | 21.50 (21.00 to 22.00) | 1.50 (1.00 to 2.00) |")
    assert "+0.500, -0.100; ahead in 1 of 2" in verdict[0]
    assert "+1.000, +0.400; ahead in every seed" in verdict[1]


def test_what_was_scored_is_found_again(tmp_path):
    mixtures = importlib.import_module("mixtures")
    file = tmp_path / "scores.jsonl"
    first = mixtures.ScoreFile(file)
    assert first.find("fast a-shake x") is None

    first.add("fast a-shake x", {"psnr": 25.5})

    assert mixtures.ScoreFile(file).find("fast a-shake x") == {"psnr": 25.5}


@pytest.mark.benchmark
@pytest.mark.parametrize("name", SCRIPTS)
def test_every_benchmark_runs_when_it_is_quick(name, tmp_path):
    done = run([sys.executable, FOLDER / f"{name}.py", "--quick"], tmp_path)

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


@pytest.mark.benchmark
@pytest.mark.parametrize("name", ["restore", "train_step", "overfit", "int8", "bf16_curve"])
def test_what_a_processor_lacks_is_left_out_and_said(name, tmp_path):
    script = FOLDER / f"{name}.py"

    done = run([sys.executable, "-c", NO_BF16, script, "--quick"], tmp_path)

    assert done.returncode == 0, done.stderr
    assert "left out: everything in bf16" in done.stdout
    assert "bf16 |" not in done.stdout


def run(command, folder):
    """A process in a folder of its own, which it may fill."""
    environment = {**os.environ, "PYTHONPATH": str(FOLDER)}
    return subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
