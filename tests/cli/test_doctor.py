import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import unblur

PACKAGE = Path(unblur.__file__).parent
QUICK = ("torch", "openvino")
"""Not to be imported, so that the tests are quick."""


@pytest.fixture
def doctor(tmp_path):
    """Run the doctor where some modules are missing; ``before`` is run first."""

    def run_doctor(*arguments, missing=QUICK, before="", env=None):
        program = (
            f"import sys\nfor name in {tuple(missing)!r}: sys.modules[name] = None\n{before}\n"
            f"import unblur.cli\nsys.argv = ['unblur', 'doctor', *{arguments!r}]\n"
            "unblur.cli.main()"
        )
        return subprocess.run(
            [sys.executable, "-c", program],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env=env,
        )

    return run_doctor


def test_every_engine_that_is_installed_restores_and_agrees(run):
    done = run("doctor", "--json")

    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert found["works"] is True
    assert set(found["machine"]) >= {"unblur", "python", "processor", "cores", "numpy"}
    assert all(package["version"] for package in found["core"])
    assert found["networks"][0]["error"] is None
    assert found["temporary"]["error"] is None
    tests = {test["name"]: test for test in found["self_test"]["engines"]}
    assert list(tests) == ["onnx", "openvino", "torch"]
    for test in tests.values():
        if test["installed"]:
            assert test["error"] is None
            assert test["seconds_per_megapixel"] > 0
            assert test["gain_db"] > 1
            assert test["precision"] in {"fp32", "bf16"}
    assert tests["onnx"]["agreement_db"] is None
    for name in ("openvino", "torch"):
        if tests[name]["installed"]:
            assert tests[name]["agreement_db"] > 45
    assert found["self_test"]["default"] == (
        "openvino" if tests["openvino"]["installed"] else "onnx"
    )


def test_people_read_what_is_there_and_what_installs_the_rest(doctor):
    done = doctor(missing=(*QUICK, "rawpy"))

    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].startswith(f"unblur {unblur.__version__}, Python {sys.version.split()[0]}")
    assert any(line.startswith("weights      fast: intact") for line in lines)
    (engine,) = (line for line in lines if line.startswith("  onnx"))
    assert "s a megapixel, +" in engine
    assert engine.endswith("(the default here)")
    assert "  openvino   not installed" in lines
    raw = next(number for number, line in enumerate(lines) if line.startswith("  raw"))
    assert "missing: rawpy; brings camera raw photos" in lines[raw]
    assert lines[raw + 1].strip().startswith("pip install ")
    assert lines[raw + 1].endswith("[raw]'")
    assert lines[-1] == "`unblur restore` works."


@pytest.mark.parametrize("module", ["onnxruntime", "pyvips", "numpy"])
def test_a_core_package_that_is_missing_is_named_and_not_a_traceback(doctor, module):
    done = doctor(missing=(*QUICK, module))

    assert (done.returncode, done.stderr) == (1, "")
    assert f"{module} MISSING" in done.stdout
    assert f"Problem: {module} is missing" in done.stdout
    assert "Problem: restoring a photo fails: " in done.stdout
    assert done.stdout.endswith("`unblur restore` does not work.\n")


def test_damaged_weights_are_named(doctor, tmp_path):
    copy = shutil.copytree(PACKAGE, tmp_path / "site" / "unblur")
    network = copy / "networks" / "fast.onnx"
    network.write_bytes(network.read_bytes()[:-1] + b"?")

    done = doctor("--json", before=f"sys.path.insert(0, {str(copy.parent)!r})")

    found = json.loads(done.stdout)
    assert (done.returncode, done.stderr, found["works"]) == (1, "", False)
    assert f"{network} is damaged" in found["networks"][0]["error"]
    assert any("is damaged" in problem for problem in found["problems"])
    assert found["extras"][0]["install"] == "pip install 'unblur[openvino]'"  # this is no clone


def test_no_network_is_touched(doctor):
    watch = (
        "def watch(event, arguments):\n"
        "    if event in {'socket.connect', 'socket.getaddrinfo', 'socket.sendto'}:\n"
        "        print('NETWORK', event, arguments)\n"
        "sys.addaudithook(watch)"
    )

    done = doctor(missing=("torch",), before=watch)
    control = doctor(
        missing=(), before=f"{watch}\nimport socket\nsocket.getaddrinfo('127.0.0.1', 9); sys.exit()"
    )

    assert done.returncode == 0
    assert "NETWORK" not in done.stdout
    assert "NETWORK socket.getaddrinfo" in control.stdout


def test_help_loads_nothing_heavy():
    program = (
        "import sys, unblur.cli\n"
        "sys.argv = ['unblur', 'doctor', '--help']\n"
        "try: unblur.cli.main()\n"
        "except SystemExit: print(sorted({'numpy', 'onnxruntime', 'pyvips'} & set(sys.modules)))\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout.endswith("[]\n")
