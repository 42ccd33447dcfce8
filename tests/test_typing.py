import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = ("examples", "tests/typed_names.py")
"""Code as users write it; nothing in it is of an unknown type, or Any."""


@pytest.mark.thorough  # it reads all of NumPy's and PyTorch's types
def test_pyright_knows_the_type_of_everything_that_users_write(tmp_path):
    pytest.importorskip("pyright")
    folder = Path("/".join([".."] * len(tmp_path.parts)), *ROOT.parts[1:])
    settings = {
        "include": [str(folder / name) for name in FILES],
        "typeCheckingMode": "strict",
        "reportMissingTypeStubs": False,
        "enableTypeIgnoreComments": False,
    }
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))

    python = f"--pythonpath={sys.executable}"
    done = subprocess.run(
        [sys.executable, "-m", "pyright", "--outputjson", python, "-p", tmp_path],
        capture_output=True,
        text=True,
        check=False,
    )

    found = json.loads(done.stdout)
    said = [f"{x['file']}: {x['message']}" for x in found["generalDiagnostics"]]
    assert said == []
    assert found["summary"]["filesAnalyzed"] == 3


@pytest.mark.thorough  # a minute and more where mypy has not read PyTorch yet
def test_mypy_knows_the_type_of_everything_that_users_write():
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--warn-unused-ignores", *FILES],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout == "Success: no issues found in 3 source files\n"


def test_make_check_reads_the_same_files():
    mypy = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]

    assert mypy["strict"] is True
    assert set(FILES) < set(mypy["files"])
