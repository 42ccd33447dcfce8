import os
import shutil
import subprocess
import sys

import pytest
import typer

from unblur.cli import app, completion
from unblur.engines import ENGINES, PRECISIONS
from unblur.imaging.blur.trajectories import PRESETS
from unblur.imaging.deblur.classical import METHODS
from unblur.imaging.video.plan import CODECS
from unblur.metrics import METRICS
from unblur.tasks.bench.options import PROTOCOLS
from unblur.tasks.restore.options import NETWORK_METHODS, REFERENCES
from unblur.weights import WEIGHTS

COMMANDS = typer.main.get_command(app)


@pytest.fixture(scope="module")
def for_bash(tmp_path_factory):
    """The file of what `unblur completion bash` prints."""
    command = [sys.executable, "-m", "unblur", "completion", "bash"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    path = tmp_path_factory.mktemp("completion") / "bash"
    path.write_text(done.stdout)
    return path


@pytest.fixture
def complete(for_bash, tmp_path):
    """What a real bash offers after these words; the last may be half typed."""
    if shutil.which("bash") is None:
        pytest.skip("needs bash")
    program = tmp_path / "unblur"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m unblur "$@"\n')
    program.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}

    def offers(*words):
        script = (
            f'source "{for_bash}"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1));'
            '"$(complete -p unblur | sed "s/.*-F //; s/ .*//")" unblur;'
            'printf "%s\\n" "${COMPREPLY[@]}"'
        )
        done = subprocess.run(
            ["bash", "--norc", "-c", script, "bash", *words],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stderr == ""
        return done.stdout.split()

    return offers


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("unblur", "rest"), ["restore"]),
        (("unblur", "bench", "ko"), ["kohler"]),
        (("unblur", "scale", "pl"), ["plan"]),
        (("unblur", "blur", "average", "--str"), ["--stride"]),
        (("unblur", "photo.jpg", "--prec"), ["--precision"]),
        (("unblur", "kern"), ["kernel"]),
        (("unblur", "restore", "--prec"), ["--precision"]),
        (("unblur", "restore", "--engine", "o"), ["onnx", "openvino"]),
        (("unblur", "restore", "--model", ""), list(WEIGHTS)),
        (("unblur", "restore", "-q", "--method", "un"), ["unsupervised-wiener", "unsharp-mask"]),
        (("unblur", "completion", ""), ["bash", "zsh", "fish"]),
        (("unblur", "singan", "restore", "--model", ""), []),
    ],
)
def test_bash_offers(complete, words, offered):
    assert complete(*words) == offered


def test_the_values_are_those_that_the_commands_take():
    assert set(completion.VALUES["--method"]) == {*NETWORK_METHODS, *METHODS}
    assert {
        "--codec": CODECS,
        "--engine": ENGINES,
        "--metric": METRICS,
        "--model": tuple(WEIGHTS),
        "--precision": PRECISIONS,
        "--preset": tuple(PRESETS),
        "--protocol": tuple(PROTOCOLS["gopro"]),
        "--reference-is": REFERENCES,
    }.items() <= completion.VALUES.items()


def test_every_option_with_values_belongs_to_a_command():
    used = {
        name
        for path, _, parameter in completion.parameters(COMMANDS)
        if completion.offered(path, parameter)
        for name in parameter.opts
    }

    assert set(completion.VALUES) <= used
    assert {x for x, _ in completion._FILES_ONLY} <= {
        path for path, _, _ in completion.parameters(COMMANDS)
    }


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts_name_program_and_variable_and_the_shell_can_read_them(run, tmp_path, shell):
    done = run("completion", shell)

    assert (done.returncode, done.stderr) == (0, "")
    assert "unblur" in done.stdout
    assert f"{completion.VARIABLE}=complete_{shell}" in done.stdout
    if shutil.which(shell):
        (tmp_path / "script").write_text(done.stdout)
        subprocess.run([shell, "-n", tmp_path / "script"], check=True)


def test_another_shell_is_wrong_use(run_process):
    done = run_process("completion", "tcsh")

    assert done.returncode == 2
    assert "tcsh" in done.stderr
    assert "fish" in done.stderr


def test_completing_loads_nothing_heavy():
    program = (
        "import os, sys, atexit\n"
        "heavy = {'numpy', 'onnxruntime', 'pyvips', 'torch'}\n"
        "atexit.register(lambda: print(sorted(heavy & set(sys.modules))))\n"
        "os.environ |= {'_UNBLUR_COMPLETE': 'complete_bash', 'COMP_CWORD': '3',\n"
        "               'COMP_WORDS': 'unblur restore --engine t'}\n"
        "import unblur.cli; unblur.cli.main()\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout == "torch\n[]\n"
