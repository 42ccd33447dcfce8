import os
import shutil
import subprocess
import sys

import pytest
import typer

from all_parameters import all_parameters
from unblur import choices
from unblur.cli import COMPLETES, app
from unblur.engines import DEVICES, ENGINES, PRECISIONS
from unblur.imaging.blur.trajectories import PRESETS
from unblur.imaging.deblur.classical import METHODS
from unblur.imaging.video.plan import CODECS
from unblur.metrics import METRICS
from unblur.tasks.bench.options import PROTOCOLS
from unblur.tasks.restore.options import NETWORK_METHODS, REFERENCES
from unblur.weights import WEIGHTS

COMMANDS = typer.main.get_command(app)
VALUES = {
    "--codec": choices.CODECS,
    "--device": choices.DEVICES,
    "--engine": choices.ENGINES,
    "--method": choices.METHODS,
    "--metric": choices.METRICS,
    "--model": choices.MODELS,
    "--precision": choices.PRECISIONS,
    "--preset": choices.PRESETS,
    "--protocol": choices.PROTOCOLS,
    "--reference-is": choices.REFERENCES,
    "--tile": choices.TILES,
}
FILES_ONLY = {("singan restore", "--model"), ("singan sample", "--model")}
"""They mean a file by it; where nothing is offered, the shell offers files."""


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
    assert set(choices.METHODS) == {*NETWORK_METHODS, *METHODS}
    assert choices.CODECS == CODECS
    assert choices.DEVICES == DEVICES
    assert choices.ENGINES == ENGINES
    assert choices.METRICS == METRICS
    assert tuple(WEIGHTS) == choices.MODELS
    assert choices.PRECISIONS == PRECISIONS
    assert tuple(PRESETS) == choices.PRESETS
    assert tuple(PROTOCOLS["gopro"]) == choices.PROTOCOLS
    assert choices.REFERENCES == REFERENCES


def test_every_option_that_takes_a_name_offers_the_names():
    context = COMMANDS.make_context("unblur", [], resilient_parsing=True)
    seen = set()
    for path, _, parameter in all_parameters(COMMANDS):
        for name in VALUES.keys() & set(parameter.opts):
            offered = tuple(x.value for x in parameter.shell_complete(context, ""))
            expected = VALUES[name] if (path, name) not in FILES_ONLY else ()
            if name == "--method" and "--model" in parameter.opts:
                expected = VALUES["--model"]  # of benchmarks, which call it either
            if (path, name) == ("video", "--method"):
                expected = choices.VIDEO_METHODS
            assert offered == expected, (path, name)
            seen.add((path, name))

    assert {name for _, name in seen} == set(VALUES)
    assert seen >= FILES_ONLY


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts_name_program_and_variable_and_the_shell_can_read_them(run, tmp_path, shell):
    done = run("completion", shell)

    assert (done.returncode, done.stderr) == (0, "")
    assert "unblur" in done.stdout
    assert f"{COMPLETES}=complete_{shell}" in done.stdout
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
